"""Undo a payment, and give services back before any invoice. Each is a row of its own; nothing is edited away.

A charge that a document invoices, or asks to, is not touched: that is a credit note's business (`following`).
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from django.db import transaction
from django.db.models import Sum

from emite.accounts.models import User
from emite.audit import record
from emite.cfdi.comprobante import Concepto
from emite.cfdi.money import half_up, text, total, written_decimals
from emite.charges.allowing import must_correct
from emite.charges.charging import input_of
from emite.charges.collecting import ANTICIPO, Part, paid_in, told
from emite.charges.drawer import CASH, Drawer, DrawerRefused, must_hold, session_for
from emite.charges.models import (
    Allocation,
    AnticipoApplication,
    CashRegister,
    Charge,
    ChargeCounter,
    ChargeLine,
    PaymentSlip,
    Refund,
    RefundLine,
    RefundPart,
    RegisterSession,
    SlipVoid,
)
from emite.charges.pricing import LineInput, conceptos, tidy, totals
from emite.integrations.publishing import publish

REASON_LIMIT = 200


class CorrectionRefused(Exception):
    """The correction cannot be made; the message names the field and the cure."""

    def __init__(self, field: str, message: str) -> None:
        self.field, self.message = field, message
        super().__init__(message)


class NeedsCreditNote(CorrectionRefused):
    """A document invoices the charge, or was asked for."""

    def __init__(self) -> None:
        super().__init__("charge", "La remisión ya tiene factura, o se está timbrando: requiere nota de crédito.")


@dataclass(frozen=True, slots=True)
class Remainder:
    """What is left of a charge after giving lines back, and what is to be given back in money."""

    lines: tuple[tuple[ChargeLine, LineInput, Concepto], ...]
    sub_total: Decimal
    discount: Decimal
    tax: Decimal
    total: Decimal
    back: Decimal

    @property
    def whole(self) -> bool:
        return not self.lines


def void_slip(slip: PaymentSlip, *, reason: str, user: User, now: dt.datetime) -> SlipVoid:
    """Undo a payment taken by mistake, while its register is open or, without one, on its day.

    Undoing twice changes nothing. Raises CorrectionRefused, NeedsCreditNote, NotAllowed.
    """
    must_correct(user, slip.organization_id, slip.amount)
    reason = _reason(reason)
    with transaction.atomic():
        charge = Charge.objects.select_related("organization").select_for_update(of=("self",)).get(pk=slip.charge_id)
        earlier = SlipVoid.objects.filter(organization_id=slip.organization_id, slip=slip).first()
        if earlier is not None:
            return earlier
        _must_be_free(charge)
        applied = AnticipoApplication.objects.filter(slip=slip).exists()  # no cash moves: any day will do
        session = None if applied else _still_open(slip, charge, now)
        undone = SlipVoid.objects.create(
            organization_id=slip.organization_id, slip=slip, session=session, reason=reason, by=user, at=now
        )
        if min(paid_in(charge).values(), default=Decimal(0)) < 0:
            raise CorrectionRefused("reason", "Parte de este pago ya se devolvió: no se puede cancelar completo.")
        Charge.objects.filter(pk=charge.pk).update(paid=charge.paid - slip.amount, paid_at=None)
        record(
            organization_id=slip.organization_id,
            actor=user.email,
            action="slip.void",
            subject=f"slip:{slip.pk}",
            before={"amount": text(slip.amount, 2)},
            reason=reason,
            now=now,
        )
    return undone


def _still_open(slip: PaymentSlip, charge: Charge, now: dt.datetime) -> RegisterSession | None:
    if slip.session_id is None:
        if charge.organization.local_date(slip.paid_at) != charge.organization.local_date(now):
            raise CorrectionRefused("reason", "El pago es de otro día: haga una devolución.")
        return None
    session = RegisterSession.objects.select_for_update(no_key=True).get(pk=slip.session_id)
    if not session.is_open:
        raise CorrectionRefused("reason", "Ya se hizo el corte de ese pago y no cambia: haga una devolución.")
    cash = slip.payments.filter(forma_pago=CASH).aggregate(sum=Sum("amount"))["sum"]
    if cash:
        _must_hold(session, cash, "reason")
    return session


def remainder(charge: Charge, back: Mapping[uuid.UUID, Decimal]) -> Remainder:
    """What is left when so much of each line is given back: the discount goes in proportion to the quantity.

    Raises CorrectionRefused for a quantity that a line does not have.
    """
    left: list[tuple[ChargeLine, LineInput]] = []
    if not any(back.values()):
        raise CorrectionRefused("lines", "Escriba cuánto se devuelve de al menos un concepto.")
    for line in charge.lines.all():
        quantity = back.get(line.pk, Decimal(0))
        if not 0 <= quantity <= line.quantity or written_decimals(str(quantity)) > 6:
            most = tidy(line.quantity, 0)
            raise CorrectionRefused(f"line-{line.pk}", f"De «{line.description[:60]}» se pueden devolver hasta {most}.")
        if quantity < line.quantity:
            left.append((line, _less(line, quantity)))
    items = conceptos(each for _, each in left)
    if not items:
        return Remainder((), charge.sub_total, charge.discount, charge.tax, Decimal(0), charge.paid)
    sums = totals(items)
    if sums.total <= 0 or any((item.descuento or Decimal(0)) >= item.importe for item in items):
        raise CorrectionRefused("lines", "Lo que queda no llega a un centavo: devuelva todo.")
    if sums.total >= charge.total:
        raise CorrectionRefused("lines", "Lo que se devuelve no llega a un centavo: escriba más.")
    return Remainder(
        tuple((line, each, item) for (line, each), item in zip(left, items, strict=True)),
        sums.sub_total,
        sums.descuento or Decimal(0),
        sums.total_trasladados or Decimal(0),
        sums.total,
        max(charge.paid - sums.total, Decimal(0)),
    )


def _less(line: ChargeLine, quantity: Decimal) -> LineInput:
    left = line.quantity - quantity
    as_it_is = input_of(line)
    if not quantity:
        return as_it_is
    places = max(2, -int(line.discount.normalize().as_tuple().exponent)) if line.discount else 2
    return replace(as_it_is, quantity=left, discount=half_up(line.discount * left / line.quantity, places))


def suggested(charge: Charge, back: Decimal) -> dict[str, Decimal]:
    """How that much goes back: by the forms in which it was paid, the last first."""
    parts: dict[str, Decimal] = {}
    for form, net in reversed(paid_in(charge).items()):
        amount = min(back, net) if form != ANTICIPO else Decimal(0)
        if amount > 0:
            parts[form] = amount
            back -= amount
    return parts


def refund(
    target: Charge,
    back: Mapping[uuid.UUID, Decimal],
    parts: Sequence[Part],
    *,
    reason: str,
    register: CashRegister,
    user: User,
    now: dt.datetime,
    key: uuid.UUID,
    drawer: Drawer = Drawer.NEEDED,
) -> Refund:
    """Give back so much of each line, and the money that it leaves over, in `parts`. All lines: the charge is void.

    The same key again returns the first. Raises CorrectionRefused, NeedsCreditNote, NotAllowed.
    """
    reason = _reason(reason)
    with transaction.atomic():
        charge = Charge.objects.select_for_update().get(organization_id=target.organization_id, pk=target.pk)
        earlier = Refund.objects.filter(organization_id=charge.organization_id, idempotency_key=key).first()
        if earlier is not None:
            if earlier.charge_id != charge.pk:
                raise CorrectionRefused("charge", "Este formulario ya se usó con otra remisión: ábralo otra vez.")
            return earlier
        _must_be_free(charge)
        left = remainder(charge, back)
        if left.whole and not charge.paid:
            raise CorrectionRefused("lines", "No se ha pagado nada: cancele la remisión.")
        if charge.kind == Charge.Kind.ANTICIPO and not left.whole:
            raise CorrectionRefused("lines", "Un anticipo sin factura se devuelve completo: escriba 1.")
        must_correct(user, charge.organization_id, charge.total - left.total)
        _check_parts(charge, parts, left.back)
        try:
            session = session_for(register, drawer)
        except DrawerRefused as refused:
            raise CorrectionRefused(refused.field, refused.message) from refused
        cash = total(part.amount for part in parts if part.forma_pago == CASH)
        if session is not None and cash:
            _must_hold(session, cash, "parts")
        made = Refund.objects.create(
            organization_id=charge.organization_id,
            charge=charge,
            number=ChargeCounter.take(charge.organization_id, "devolucion"),
            register=register,
            session=session,
            whole=left.whole,
            amount=left.back,
            total_before=charge.total,
            total_after=left.total,
            reason=reason,
            by=user,
            at=now,
            idempotency_key=key,
        )
        RefundPart.objects.bulk_create(
            RefundPart(
                organization_id=charge.organization_id, refund=made, forma_pago=part.forma_pago, amount=part.amount
            )
            for part in parts
        )
        _take_off(charge, made, back, left)
        _settle(charge, left, reason=reason, now=now)
        record(
            organization_id=charge.organization_id,
            actor=user.email,
            action="charge.refund",
            subject=f"charge:{charge.pk}",
            before={"total": text(made.total_before, 2)},
            after={"total": text(made.total_after, 2), "refund": made.folio, "back": text(made.amount, 2)},
            reason=reason,
            now=now,
        )
    return made


def _check_parts(charge: Charge, parts: Sequence[Part], back: Decimal) -> None:
    paid = paid_in(charge)
    by_deposits = paid.pop(ANTICIPO, Decimal(0))
    if by_deposits:  # what is left might not bear the deposit's taxes any more
        raise CorrectionRefused(
            "parts",
            f"${by_deposits:,.2f} los pagó un anticipo: quite primero su aplicación, en los pagos de la cuenta.",
        )
    if len({part.forma_pago for part in parts}) != len(parts):
        raise CorrectionRefused("parts", "Escriba cada forma de pago una sola vez.")
    for part in parts:
        if part.amount <= 0 or part.amount != part.amount.quantize(Decimal("0.01")):
            raise CorrectionRefused("parts", "La cantidad debe ser mayor que cero, con dos decimales a lo más.")
        if part.amount > paid.get(part.forma_pago, Decimal(0)):
            raise CorrectionRefused("parts", "No se devuelve en una forma de pago más de lo que se pagó en ella.")
    if total(part.amount for part in parts) != back:
        raise CorrectionRefused("parts", f"Lo que se entrega debe sumar ${back:,.2f}.")


def _take_off(charge: Charge, made: Refund, back: Mapping[uuid.UUID, Decimal], left: Remainder) -> None:
    """Write what each line gives back. A charge given back whole keeps its lines: it says what was cancelled."""
    remaining = {line.pk: (each, item) for line, each, item in left.lines}
    rows = []
    for line in charge.lines.all():
        quantity = back.get(line.pk, Decimal(0))
        if not quantity:
            continue
        kept = remaining.get(line.pk)
        discount = kept[0].discount if kept else Decimal(0)
        amount = kept[1].importe if kept else Decimal(0)
        rows.append(
            RefundLine(
                organization_id=charge.organization_id,
                refund=made,
                line=line,
                quantity=quantity,
                discount=line.discount - discount,
                amount=line.amount - amount,
            )
        )
        if not left.whole:
            ChargeLine.charged.filter(organization_id=charge.organization_id, pk=line.pk).update(
                quantity=line.quantity - quantity, discount=discount, amount=amount
            )
    RefundLine.objects.bulk_create(rows)


def _settle(charge: Charge, left: Remainder, *, reason: str, now: dt.datetime) -> None:
    row = Charge.objects.filter(pk=charge.pk)
    if left.whole:
        row.update(state=Charge.State.VOID, voided_at=now, void_reason=reason, paid=0, paid_at=None)
        return
    paid = charge.paid - left.back
    settled_now = paid == left.total and charge.paid_at is None
    row.update(
        sub_total=left.sub_total,
        discount=left.discount,
        tax=left.tax,
        total=left.total,
        paid=paid,
        paid_at=now if settled_now else charge.paid_at,
    )
    if settled_now:
        charge.total = left.total
        publish(charge.organization_id, "charge.paid", lambda: told(charge), now=now)


def _must_be_free(charge: Charge) -> None:
    if charge.state == Charge.State.VOID:
        raise CorrectionRefused("charge", "La remisión ya está cancelada.")
    if Allocation.objects.filter(organization_id=charge.organization_id, charge=charge, active=True).exists():
        raise NeedsCreditNote
    if charge.kind == Charge.Kind.ANTICIPO:
        applied = AnticipoApplication.objects.filter(deposit=charge, active=True).select_related("account").first()
        if applied is not None:
            raise CorrectionRefused("charge", f"El anticipo está aplicado a {applied.account}: quite eso primero.")


def _must_hold(session: RegisterSession, cash: Decimal, field: str) -> None:
    try:
        must_hold(session, cash)
    except DrawerRefused as refused:
        raise CorrectionRefused(field, refused.message) from refused


def _reason(typed: str) -> str:
    words = " ".join(typed.split())
    if not words or len(words) > REASON_LIMIT:
        raise CorrectionRefused("reason", f"Escriba el motivo, con {REASON_LIMIT} letras a lo más.")
    return words
