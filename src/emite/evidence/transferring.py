"""Register one transfer of a payer over many invoices, with its proof and the reason of each difference.

Balances and the complement that is due are `settlements.paying`'s; here is what the practice knows besides.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db import transaction
from django.db.models import QuerySet

from emite.accounts.models import User
from emite.care.models import InsurerInvoice, Payer
from emite.cfdi.cobranza import Accounts
from emite.evidence.models import ShortPayment, TransferEvidence
from emite.evidence.proof import Proof, Refused
from emite.settlements import paying, receivables
from emite.settlements.models import Receivable, ReceivedPayment

MOST_TOGETHER = 500


@dataclass(frozen=True, slots=True)
class Line:
    """What a transfer paid of one invoice, and why not all of it."""

    receivable: Receivable
    amount: Decimal
    why: str

    @property
    def missing(self) -> Decimal:
        return self.receivable.balance - self.amount


def owed_by(payer: Payer) -> QuerySet[Receivable]:
    """What this payer owes, the oldest first."""
    return receivables.open_of(payer.organization_id).filter(payer_rfc=payer.rfc)[:MOST_TOGETHER]


def control_numbers(rows: Sequence[Receivable]) -> dict[uuid.UUID, str]:
    """By folio fiscal: the control number under which the practice knows the invoice."""
    if not rows:
        return {}
    found = InsurerInvoice.objects.filter(
        organization_id=rows[0].organization_id, cfdi_uuid__in=[row.cfdi_uuid for row in rows]
    )
    return {folio: number for folio, number in found.values_list("cfdi_uuid", "control_number") if folio is not None}


def beside(amount: Decimal, applied: Sequence[Decimal], currency: str, rate: Decimal) -> Decimal:
    """What of a transfer, in its currency, is applied to no invoice; below zero where more is applied than came in."""
    least, most = paying.worth(applied, currency, rate)
    return max(amount - most, Decimal(0)) or min(amount - least, Decimal(0))


def register(
    payer: Payer,
    lines: Sequence[Line],
    *,
    paid_on: dt.datetime,
    forma_pago: str,
    amount: Decimal,
    operation: str,
    proof: Proof,
    user: User,
    now: dt.datetime,
    key: str,
    currency: str = paying.PESOS,
    exchange_rate: Decimal = paying.ONE,
) -> ReceivedPayment:
    """The payment, its proof and its differences: all or nothing. The same key again returns the first.

    `amount` is in `currency`, at `exchange_rate` pesos for one; the lines are in pesos.

    Raises NotAllowed, PaymentRefused or Refused.
    """
    if payer.account_id is not None:
        raise Refused(f"{payer.name} tiene cuenta aquí: registra ella misma lo que paga.", "payer")
    if not lines or len(lines) > MOST_TOGETHER:
        raise Refused(f"Elija de 1 a {MOST_TOGETHER} facturas.", "shares")
    if off := beside(amount, [line.amount for line in lines], currency, exchange_rate):
        applied = paying.said(amount - off, currency)
        raise Refused(
            f"Lo aplicado suma {applied} y la transferencia es de {paying.said(amount, currency)}: "
            f"ajuste alguna factura{'' if currency == paying.PESOS else ' o el tipo de cambio'}.",
            "amount",
        )
    with transaction.atomic():
        payment = paying.register(
            payer.organization_id,
            paid_at=paid_on,
            forma_pago=forma_pago,
            shares=[(line.receivable, line.amount) for line in lines],
            amount=amount,
            user=user,
            now=now,
            key=key,
            accounts=Accounts(operacion=operation),
            currency=currency,
            exchange_rate=exchange_rate,
        )
        fresh = TransferEvidence.objects.filter(organization_id=payer.organization_id, payment=payment).first() is None
        if fresh:
            TransferEvidence.objects.create(
                organization_id=payer.organization_id,
                payment=payment,
                note=proof.note,
                file=proof.file,
                file_type=proof.file_type,
                registered_by=user,
                registered_at=now,
            )
            _keep_differences(payment, lines)
    return payment


def _keep_differences(payment: ReceivedPayment, lines: Sequence[Line]) -> None:
    """As the balances say, which are held by now, not as the page saw them."""
    why = {line.receivable.pk: line.why for line in lines}
    for share in payment.shares.all():
        if share.balance_after > 0:
            ShortPayment.objects.create(
                organization_id=payment.organization_id,
                payment=payment,
                receivable_id=share.receivable_id,
                why=why[share.receivable_id] or ShortPayment.Why.PENDING,
                amount=share.balance_after,
            )
