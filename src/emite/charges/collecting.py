"""Take payments for a charge: one act, one slip, one or several forms.

Amounts are exact pesos; nothing is ever taken above what is owed (the change is given back in cash).
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import F, Value

from emite.accounts.models import User
from emite.cfdi import anticipos
from emite.cfdi.money import text
from emite.charges.drawer import CASH as CASH
from emite.charges.drawer import Drawer, DrawerRefused, session_for
from emite.charges.models import CashRegister, Charge, ChargeCounter, Payment, PaymentSlip, RefundPart
from emite.charges.models.money import CARDS
from emite.database.kept import KeptRows, among
from emite.integrations.publishing import publish

#: The forms a desk takes, with SAT's keys (c_FormaPago).
DESK_FORMS = {
    "01": "Efectivo",
    "04": "Tarjeta de crédito",
    "28": "Tarjeta de débito",
    "03": "Transferencia",
    "02": "Cheque nominativo",
    "29": "Tarjeta de servicios",
}

#: And what a deposit pays, which no desk takes (`credits.anticipos`).
ANTICIPO = anticipos.FORMA_PAGO
#: Every form that a payment may have.
FORMS = {**DESK_FORMS, ANTICIPO: "Anticipo aplicado"}

_LAST4 = re.compile("[0-9]{4}")

#: What moved over some charges, in order: payments that stand, then, negative, what was given back of them.
_MOVED = KeptRows(
    lambda: (
        Payment.objects.filter(among("charge", "charges"), slip__undone=None)
        .annotate(back=Value(0))
        .values_list("back", "id", "forma_pago", "amount")
        .union(
            RefundPart.objects.filter(among("refund__charge", "charges"))
            .annotate(back=Value(1), less=-F("amount"))
            .values_list("back", "id", "forma_pago", "less"),
            all=True,
        )
        .order_by("back", "id")
    )
)


class PaymentRefused(Exception):
    """The payment cannot be taken; the message names the field and the cure."""

    def __init__(self, field: str, message: str) -> None:
        self.field, self.message = field, message
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Part:
    """What is paid in one form."""

    forma_pago: str
    amount: Decimal
    last4: str = ""


def pay(
    target: Charge,
    parts: Sequence[Part],
    *,
    register: CashRegister,
    user: User | None,
    now: dt.datetime,
    cash_received: Decimal | None = None,
    idempotency_key: str | None = None,
    drawer: Drawer = Drawer.IF_OPEN,
) -> PaymentSlip:
    """A slip for these payments, in the session that `drawer` says. The same key again returns the first slip.

    Raises PaymentRefused.
    """
    amount = check_parts(parts, register, cash_received)
    with transaction.atomic():
        locked = Charge.objects.select_for_update().get(pk=target.pk)
        if idempotency_key:
            earlier = PaymentSlip.objects.filter(
                organization_id=locked.organization_id, idempotency_key=idempotency_key
            ).first()
            if earlier is not None and earlier.charge_id != locked.pk:
                raise PaymentRefused("amount", "Este formulario ya se usó con otra remisión: ábralo otra vez.")
            if earlier is not None:
                return earlier
        if locked.state == Charge.State.VOID:
            raise PaymentRefused("amount", "La remisión está cancelada: no admite pagos.")
        if amount > locked.owed:
            raise PaymentRefused("amount", f"Se deben ${locked.owed:,.2f}: no se puede cobrar más.")
        try:
            session = session_for(register, drawer)
        except DrawerRefused as refused:
            raise PaymentRefused(refused.field, refused.message) from refused
        slip = PaymentSlip(
            register=register, session=session, cashier=user, paid_at=now, amount=amount, cash_received=cash_received,
            idempotency_key=idempotency_key,
        )  # fmt: skip
        enter(locked, slip, parts)
    target.paid, target.paid_at = locked.paid, locked.paid_at
    return slip


def enter(locked: Charge, slip: PaymentSlip, parts: Sequence[Part]) -> None:
    """Number and store the slip with its payments; the charge owes that much less. The caller holds it and checked."""
    slip.organization_id, slip.charge = locked.organization_id, locked
    slip.number = ChargeCounter.take(locked.organization_id, "pago")
    slip.save(force_insert=True)
    Payment.objects.bulk_create(
        Payment(
            organization_id=locked.organization_id,
            charge=locked,
            slip=slip,
            forma_pago=part.forma_pago,
            amount=part.amount,
            last4=part.last4,
        )
        for part in parts
    )
    locked.paid += slip.amount
    locked.paid_at = slip.paid_at if locked.is_paid else None
    Charge.objects.filter(pk=locked.pk).update(paid=F("paid") + slip.amount, paid_at=locked.paid_at)
    if locked.paid_at:
        publish(locked.organization_id, "charge.paid", lambda: told(locked), now=slip.paid_at)


def told(target: Charge) -> dict[str, Any]:
    """What other systems are told of a charge."""
    return {
        "charge": str(target.pk),
        "folio": target.folio,
        "external_id": target.external_id,
        "total": text(target.total, 2),
    }


def check_parts(parts: Sequence[Part], register: CashRegister, cash_received: Decimal | None) -> Decimal:
    """Their sum, or PaymentRefused for what no register takes."""
    if register.web_invoicing:
        raise PaymentRefused("register", "La caja de facturación web no recibe pagos: elige otra caja.")
    if not parts:
        raise PaymentRefused("amount", "Escribe cuánto se paga.")
    for part in parts:
        if part.forma_pago not in DESK_FORMS:
            raise PaymentRefused("forma_pago", "Elige una forma de pago de la lista.")
        if part.amount <= 0 or part.amount != part.amount.quantize(Decimal("0.01")):
            raise PaymentRefused("amount", "La cantidad debe ser mayor que cero, con dos decimales a lo más.")
        if part.last4 and not (_LAST4.fullmatch(part.last4) and part.forma_pago in CARDS):
            raise PaymentRefused("last4", "Son los últimos cuatro números de la tarjeta, y solo si se paga con una.")
    cash = sum((part.amount for part in parts if part.forma_pago == CASH), Decimal(0))
    if cash_received is not None and cash_received < cash:
        raise PaymentRefused("cash_received", "El efectivo recibido no alcanza.")
    return sum((part.amount for part in parts), Decimal(0))


def largest_form(*targets: Charge) -> str:
    """The form in which most was paid over all of them, as the CFDI states it; the earliest of equals.

    Source: Guía de llenado del Anexo 20, FormaPago; regla 2.7.1.32.
    """
    return largest(paid_in(*targets))


def largest(sums: Mapping[str, Decimal]) -> str:
    """The same of sums by form. What deposits paid was received before: it counts when there is nothing else."""
    if not sums:
        raise PaymentRefused("amount", "La remisión no tiene pagos.")
    rest = {form: amount for form, amount in sums.items() if form != ANTICIPO} or sums
    return max(rest, key=lambda form: rest[form])


def paid_in(*targets: Charge) -> dict[str, Decimal]:
    """What was paid in each form less what was given back in it, the form that was used first being the first.

    What was undone counts nowhere, and neither does a form of which nothing is left.
    """
    sums: dict[str, Decimal] = {}
    for _, _, form, amount in _MOVED.all(charges=[each.pk for each in targets]):
        sums[form] = sums.get(form, Decimal(0)) + amount
    return {form: net for form, net in sums.items() if net}
