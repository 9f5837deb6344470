"""Take the charges of a file from another system: all of them or none, and what an earlier try wrote stays as it is.

What a file may say is read in `sheet`; a batch whose items stand alone is `receiving`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial

from django.db import IntegrityError, transaction
from django.db.models import F, Max
from django.db.models.functions import Coalesce

from emite.accounts.models import User
from emite.audit import record
from emite.cfdi.comprobante import Concepto
from emite.cfdi.money import text
from emite.charges.allowing import NotAllowed
from emite.charges.charging import give_code, lines_of, priced
from emite.charges.collecting import Part, PaymentRefused, check_parts, told
from emite.charges.models import CashRegister, Charge, ChargeCounter, ChargeLine, Payment, PaymentSlip
from emite.charges.receiving import NewCharge, unsaved
from emite.integrations.publishing import anybody_listens, publish
from emite.organizations.models import Membership, Organization
from emite.organizations.permissions import Need


@dataclass(frozen=True, slots=True)
class Settled:
    """A charge of a file with what was already paid of it elsewhere: money of nobody's drawer."""

    charge: NewCharge
    parts: Sequence[Part] = ()
    register: CashRegister | None = None


class OtherTotal(Exception):
    """The organization has a charge with this external id, but of another amount: it is not the same."""

    def __init__(self, external_id: str, has: Decimal) -> None:
        self.external_id, self.has = external_id, has
        super().__init__(external_id)


@dataclass(frozen=True, slots=True)
class Imported:
    """Numbers of the charges written, in a row (both 0 when none was), and how many were there before."""

    first: int
    last: int
    known: int


def import_all(organization: Organization, asked: Sequence[Settled], *, user: User, now: dt.datetime) -> Imported:
    """All of a file or nothing of it; what an earlier try wrote is left as it is. Every charge has an external id.

    Raises NotAllowed, LineRefused, PaymentRefused, OtherTotal; nothing is stored then.
    """
    may_import(organization, user)
    ready = [_prepared(organization, one, user, now) for one in asked]
    try:
        return _write_all(organization, ready, user, now)
    except IntegrityError:
        # A charge of another kind took one of these external ids meanwhile: look again.
        return _write_all(organization, ready, user, now)


@dataclass(frozen=True, slots=True)
class _Ready:
    """A charge of the file, priced and coded but with no number: what takes time is done before anything is locked."""

    asked: Settled
    items: Sequence[Concepto]
    charge: Charge


def _prepared(organization: Organization, one: Settled, user: User, now: dt.datetime) -> _Ready:
    items, sums = priced(one.charge.lines)
    made = unsaved(organization, one.charge, sums, 0, user, now)
    made.paid = check_paid(one, sums.total)
    made.paid_at = now if made.is_paid else None
    give_code(made)
    return _Ready(one, items, made)


def _write_all(organization: Organization, ready: Sequence[_Ready], user: User, now: dt.datetime) -> Imported:
    with transaction.atomic():
        number = ChargeCounter.take(organization.pk, Charge.Kind.REMISION, 0)
        known = totals_of(organization, [one.charge.external_id or "" for one in ready])
        for one in ready:
            has = known.get(one.charge.external_id or "")
            if has is not None and one.charge.total not in has:
                raise OtherTotal(one.charge.external_id or "", has[0])
        fresh = [one for one in ready if one.charge.external_id not in known]
        if not fresh:
            return Imported(0, 0, len(ready))
        for place, one in enumerate(fresh):
            one.charge.number = number + place
        ChargeCounter.take(organization.pk, Charge.Kind.REMISION, len(fresh))
        _store(organization, fresh, user, now)
        done = Imported(number, number + len(fresh) - 1, len(ready) - len(fresh))
        _record(organization, [one.charge for one in fresh], done, user, now)
    return done


def _store(organization: Organization, fresh: Sequence[_Ready], user: User, now: dt.datetime) -> None:
    Charge.objects.bulk_create([one.charge for one in fresh], batch_size=500)
    ChargeLine.objects.bulk_create(
        [line for one in fresh for line in lines_of(one.charge, zip(one.asked.charge.lines, one.items, strict=True))],
        batch_size=1000,
    )
    paid = [one for one in fresh if one.asked.parts]
    if paid:
        slips = _slips(paid, ChargeCounter.take(organization.pk, "pago", len(paid)), user, now)
        PaymentSlip.objects.bulk_create(slips, batch_size=500)
        Payment.objects.bulk_create(
            [
                Payment(
                    organization_id=organization.pk, charge=one.charge, slip=slip, forma_pago=part.forma_pago,
                    amount=part.amount, last4=part.last4,
                )
                for one, slip in zip(paid, slips, strict=True)
                for part in one.asked.parts
            ],
            batch_size=1000,
        )  # fmt: skip
    settled = [one for one in paid if one.charge.is_paid]
    if settled and anybody_listens(organization.pk, "charge.paid"):
        for one in settled:
            publish(organization.pk, "charge.paid", partial(told, one.charge), now=now)


def _slips(paid: Sequence[_Ready], first: int, user: User, now: dt.datetime) -> list[PaymentSlip]:
    """The proofs of what was paid elsewhere, in no session of ours."""
    return [
        PaymentSlip(
            organization_id=one.charge.organization_id, charge=one.charge, number=first + place,
            register=one.asked.register, cashier=user, paid_at=now, amount=one.charge.paid,
        )
        for place, one in enumerate(paid)
    ]  # fmt: skip


def may_import(organization: Organization, user: User) -> None:
    """Raises NotAllowed: charges paid in no drawer of this hospital are not a cashier's to write."""
    if not Membership.objects.who_may(Need.IMPORT).filter(organization_id=organization.pk, user=user).exists():
        raise NotAllowed("Solo un administrador o un facturador importan remisiones.")


def check_paid(one: Settled, total: Decimal) -> Decimal:
    """What the file says was paid of a charge. Raises PaymentRefused."""
    if not one.parts:
        return Decimal(0)
    if one.register is None:
        raise PaymentRefused("register", "Escriba en qué caja se registra el pago.")
    paid = check_parts(one.parts, one.register, None)
    if paid > total:
        raise PaymentRefused("amount", f"Se pagaron ${paid:,.2f} de una remisión de ${total:,.2f}: revise el pago.")
    return paid


def totals_of(organization: Organization, external_ids: Sequence[str]) -> dict[str, tuple[Decimal, Decimal]]:
    """Of those that the organization has already, the totals as charged and as services given back left them.

    The other system may say either: its first file again, or one where it took them off too.
    """
    found: dict[str, tuple[Decimal, Decimal]] = {}
    for start in range(0, len(external_ids), 1000):
        rows = Charge.objects.filter(organization=organization, external_id__in=external_ids[start : start + 1000])
        # A refund only takes off: the largest that any found is what the first one found.
        charged = rows.annotate(charged=Coalesce(Max("refunds__total_before"), F("total")))
        found |= {
            folio or "": (first, now) for folio, first, now in charged.values_list("external_id", "charged", "total")
        }
    return found


def _record(organization: Organization, made: Sequence[Charge], done: Imported, user: User, now: dt.datetime) -> None:
    record(
        organization_id=organization.pk,
        actor=user.email,
        action="charge.import",
        subject=f"organization:{organization.pk}",
        after={
            "first": made[0].folio,
            "last": made[-1].folio,
            "charges": len(made),
            "known": done.known,
            "total": text(sum((one.total for one in made), Decimal(0)), 2),
            "paid": text(sum((one.paid for one in made), Decimal(0)), 2),
        },
        now=now,
    )
