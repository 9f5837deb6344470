"""Many services of another system at once: a file, all or none, and what an earlier try wrote stays as it is; or the
API's batch, each one by itself.

What a file may say is read in `sheet`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple, TypeVar

from django.db import IntegrityError, transaction

from emite.accounts.models import User
from emite.audit import record
from emite.care.models import Appointment, CareService
from emite.care.rendering import Rendered, ServiceRefused, prepared, require
from emite.cfdi.money import text
from emite.organizations.models import Membership, Organization
from emite.organizations.permissions import Need

Kind = TypeVar("Kind", CareService, Appointment)


class Kept(NamedTuple):
    """Of a service that is there already, what the other system cannot have otherwise."""

    rendered_on: dt.date
    code: str
    fee: Decimal


def kept_of(organization: Organization, external_ids: Sequence[str]) -> dict[str, Kept]:
    """Those of these folios that the practice has, voided ones too."""
    rows = CareService.objects.filter(organization=organization, external_id__in=external_ids)
    return {row.external_id or "": Kept(row.rendered_on, row.code, row.fee) for row in rows}


def import_all(organization: Organization, asked: Sequence[Rendered], *, user: User, now: dt.datetime) -> int:
    """How many were written: all of a file but those that are there already. Every one has an external id.

    Raises ServiceRefused; nothing is stored then.
    """
    require_import(organization, user)
    ready = [prepared(organization, one, user=user, now=now) for one in asked]
    try:
        return _write(organization, ready, user, now)
    except IntegrityError:
        # Somebody took one of these folios meanwhile: look again.
        return _write(organization, ready, user, now)


def enter_many(
    organization: Organization, asked: Sequence[Rendered | ServiceRefused], *, user: User, now: dt.datetime
) -> list[CareService | ServiceRefused]:
    """Each one kept or refused by itself, in their order. What came refused stays so. Raises ServiceRefused."""
    require(organization, user)
    made = [_prepared(organization, one, user, now) for one in asked]
    try:
        return _keep_those_that_can(organization, made, user, now)
    except IntegrityError:
        # Somebody took one of these folios meanwhile: look again.
        return _keep_those_that_can(organization, made, user, now)


def _prepared(
    organization: Organization, one: Rendered | ServiceRefused, user: User, now: dt.datetime
) -> CareService | ServiceRefused:
    if isinstance(one, ServiceRefused):
        return one
    try:
        return prepared(organization, one, user=user, now=now)
    except ServiceRefused as refused:
        return refused


def _keep_those_that_can(
    organization: Organization, made: Sequence[CareService | ServiceRefused], user: User, now: dt.datetime
) -> list[CareService | ServiceRefused]:
    with transaction.atomic():
        folios = [row.external_id for row in made if isinstance(row, CareService) and row.external_id]
        taken = set(kept_of(organization, folios))
        told, fresh = apart(made, taken)
        if fresh:
            CareService.objects.bulk_create(fresh, batch_size=500)
            _note(organization, fresh, 0, user, now)
    return told


def apart(made: Sequence[Kind | ServiceRefused], taken: set[str]) -> tuple[list[Kind | ServiceRefused], list[Kind]]:
    """What is told of each, and those to write: a folio that is taken, also by one before it, is refused."""
    told: list[Kind | ServiceRefused] = []
    fresh: list[Kind] = []
    for row in made:
        if not isinstance(row, ServiceRefused):
            if row.external_id in taken:
                told.append(ServiceRefused("external_id", f"El folio {row.external_id} ya se había registrado."))
                continue
            taken |= {row.external_id} if row.external_id else set()
            fresh.append(row)
        told.append(row)
    return told, fresh


def require_import(organization: Organization, user: User) -> None:
    if not Membership.objects.who_may(Need.IMPORT).filter(organization=organization, user=user).exists():
        raise ServiceRefused("", "Solo un administrador o un facturador importan archivos.")


def _write(organization: Organization, ready: Sequence[CareService], user: User, now: dt.datetime) -> int:
    with transaction.atomic():
        known = kept_of(organization, [row.external_id or "" for row in ready])
        for row in ready:
            has = known.get(row.external_id or "")
            if has is not None and has != (row.rendered_on, row.code, row.fee):
                raise ServiceRefused(
                    "external_id", f"El folio {row.external_id} es de otro servicio: revise el archivo."
                )
        fresh = [row for row in ready if row.external_id not in known]
        if not fresh:
            return 0
        CareService.objects.bulk_create(fresh, batch_size=500)
        _note(organization, fresh, len(ready) - len(fresh), user, now)
    return len(fresh)


def _note(organization: Organization, fresh: Sequence[CareService], known: int, user: User, now: dt.datetime) -> None:
    record(
        organization_id=organization.pk, actor=user.email, action="care.import",
        subject=f"organization:{organization.pk}",
        after={
            "services": len(fresh),
            "known": known,
            "from": min(row.rendered_on for row in fresh).isoformat(),
            "to": max(row.rendered_on for row in fresh).isoformat(),
            "fee": text(sum((row.fee for row in fresh), Decimal(0)), 2),
        },
        now=now,
    )  # fmt: skip
