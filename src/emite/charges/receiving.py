"""Take many charges at once from another system: numbered, coded and written with a few statements.

Each stands or falls alone: one that cannot be charged does not stop the others. One by one is `charging`.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import IntegrityError, transaction

from emite.accounts.models import User
from emite.cfdi.comprobante import Concepto, Totals
from emite.charges.charging import DuplicateExternalId, give_code, lines_of, priced
from emite.charges.models import Charge, ChargeCounter, ChargeLine
from emite.charges.pricing import LineInput, LineRefused
from emite.issuers.models import Issuer
from emite.organizations.models import Branch, Organization
from emite.vault import codes as ticket_codes

#: Charges written by one transaction: the counter of folios stays locked for tenths of a second, not for seconds.
CHUNK = 250


@dataclass(frozen=True, slots=True)
class NewCharge:
    """One charge as another system sends it. `idempotency_key` makes a second try find the first one's charge."""

    issuer: Issuer
    lines: Sequence[LineInput]
    idempotency_key: str
    external_id: str | None = None
    patient_name: str = ""
    branch: Branch | None = None


Received = Charge | LineRefused | DuplicateExternalId


def receive(organization: Organization, asked: Sequence[NewCharge], *, user: User, now: dt.datetime) -> list[Received]:
    """What became of each, in their order. One transaction per CHUNK, committed as it goes."""
    results: list[Received] = []
    for start in range(0, len(asked), CHUNK):
        chunk = asked[start : start + CHUNK]
        try:
            results += _receive_chunk(organization, chunk, user=user, now=now)
        except IntegrityError:
            # Somebody stored one of these between our look and our write (a charge of another kind): look again.
            results += _receive_chunk(organization, chunk, user=user, now=now)
    return results


def _receive_chunk(
    organization: Organization, asked: Sequence[NewCharge], *, user: User, now: dt.datetime
) -> list[Received]:
    results: list[Received | None] = [None] * len(asked)
    sums: dict[int, tuple[tuple[Concepto, ...], Totals]] = {}
    for index, one in enumerate(asked):
        try:
            sums[index] = priced(one.lines)
        except LineRefused as refused:
            results[index] = refused
    with transaction.atomic():
        # The counter is locked first, so that what is looked up next cannot change under us.
        number = ChargeCounter.take(organization.pk, Charge.Kind.REMISION, 0)
        earlier = _earlier(organization, [asked[index].idempotency_key for index in sums])
        taken = _taken(organization, [asked[index].external_id for index in sums])
        keeper = ticket_codes.Keeper(organization.pk)
        charges: list[Charge] = []
        lines: list[ChargeLine] = []
        for index, (items, total) in sums.items():
            one = asked[index]
            if one.idempotency_key in earlier:
                results[index] = earlier[one.idempotency_key]
                continue
            if one.external_id in taken:
                results[index] = DuplicateExternalId(one.external_id or "", taken[one.external_id])
                continue
            made = unsaved(organization, one, total, number + len(charges), user, now)
            give_code(made, keeper)
            if one.external_id:
                taken[one.external_id] = made.pk
            charges.append(made)
            lines += lines_of(made, zip(one.lines, items, strict=True))
            results[index] = made
        ChargeCounter.take(organization.pk, Charge.Kind.REMISION, len(charges))
        Charge.objects.bulk_create(charges)
        ChargeLine.objects.bulk_create(lines)
    return [result for result in results if result is not None]


def unsaved(
    organization: Organization, one: NewCharge, sums: Totals, number: int, user: User, now: dt.datetime
) -> Charge:
    return Charge(
        organization=organization,
        issuer=one.issuer,
        kind=Charge.Kind.REMISION,
        number=number,
        issued_at=now,
        issued_on=now.astimezone(one.branch.zone if one.branch else organization.zone).date(),
        lugar_expedicion=one.branch.postal_code if one.branch else None,
        branch=one.branch,
        created_by=user,
        patient_name=one.patient_name.strip(),
        sub_total=sums.sub_total,
        discount=sums.descuento or 0,
        tax=sums.total_trasladados or 0,
        total=sums.total,
        idempotency_key=one.idempotency_key,
        external_id=one.external_id,
    )


def _earlier(organization: Organization, keys: Sequence[str]) -> dict[str, Charge]:
    rows = Charge.objects.filter(organization=organization, idempotency_key__in=keys)
    return {row.idempotency_key or "": row for row in rows}


def _taken(organization: Organization, external_ids: Sequence[str | None]) -> dict[str | None, uuid.UUID]:
    wanted = [one for one in external_ids if one]
    rows = Charge.objects.filter(organization=organization, external_id__in=wanted)
    return dict(rows.values_list("external_id", "pk"))
