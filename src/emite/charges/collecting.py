"""Take payments for a charge: one act, one slip, one or several forms.

Amounts are exact pesos; nothing is ever taken above what is owed (the change is given back in cash).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import F

from emite.accounts.models import User
from emite.cfdi.money import text
from emite.charges.models import CashRegister, Charge, ChargeCounter, Payment, PaymentSlip
from emite.integrations.publishing import publish

CASH = "01"
#: The forms a desk takes, with SAT's keys (c_FormaPago).
DESK_FORMS = {
    "01": "Efectivo",
    "04": "Tarjeta de crédito",
    "28": "Tarjeta de débito",
    "03": "Transferencia",
    "02": "Cheque nominativo",
    "29": "Tarjeta de servicios",
}


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


def pay(
    target: Charge,
    parts: Sequence[Part],
    *,
    register: CashRegister,
    user: User | None,
    now: dt.datetime,
    cash_received: Decimal | None = None,
    idempotency_key: str | None = None,
) -> PaymentSlip:
    """A slip for these payments. Raises PaymentRefused. The same key again returns the first slip."""
    amount = _check(parts, register, cash_received)
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
        slip = PaymentSlip.objects.create(
            organization_id=locked.organization_id,
            charge=locked,
            number=ChargeCounter.take(locked.organization_id, "pago"),
            register=register,
            cashier=user,
            paid_at=now,
            amount=amount,
            cash_received=cash_received,
            idempotency_key=idempotency_key,
        )
        Payment.objects.bulk_create(
            Payment(
                organization_id=locked.organization_id,
                charge=locked,
                slip=slip,
                forma_pago=part.forma_pago,
                amount=part.amount,
            )
            for part in parts
        )
        paid = locked.paid + amount
        paid_at = now if paid == locked.total else None
        Charge.objects.filter(pk=locked.pk).update(paid=F("paid") + amount, paid_at=paid_at)
        if paid_at:
            publish(locked.organization_id, "charge.paid", lambda: told(locked), now=now)
    target.paid, target.paid_at = paid, paid_at
    return slip


def told(target: Charge) -> dict[str, Any]:
    """What other systems are told of a charge."""
    return {
        "charge": str(target.pk),
        "folio": target.folio,
        "external_id": target.external_id,
        "total": text(target.total, 2),
    }


def _check(parts: Sequence[Part], register: CashRegister, cash_received: Decimal | None) -> Decimal:
    if register.web_invoicing:
        raise PaymentRefused("register", "La caja de facturación web no recibe pagos: elige otra caja.")
    if not parts:
        raise PaymentRefused("amount", "Escribe cuánto se paga.")
    for part in parts:
        if part.forma_pago not in DESK_FORMS:
            raise PaymentRefused("forma_pago", "Elige una forma de pago de la lista.")
        if part.amount <= 0 or part.amount != part.amount.quantize(Decimal("0.01")):
            raise PaymentRefused("amount", "La cantidad debe ser mayor que cero, con dos decimales a lo más.")
    cash = sum((part.amount for part in parts if part.forma_pago == CASH), Decimal(0))
    if cash_received is not None and cash_received < cash:
        raise PaymentRefused("cash_received", "El efectivo recibido no alcanza.")
    return sum((part.amount for part in parts), Decimal(0))


def largest_form(target: Charge) -> str:
    """The form with the largest amount paid, as the CFDI states it; the earliest of equals.

    Source: Guía de llenado del Anexo 20, FormaPago; regla 2.7.1.32.
    """
    sums: dict[str, Decimal] = {}
    for payment in target.payments.order_by("id"):
        sums[payment.forma_pago] = sums.get(payment.forma_pago, Decimal(0)) + payment.amount
    if not sums:
        raise PaymentRefused("amount", "La remisión no tiene pagos.")
    return max(sums, key=lambda form: sums[form])
