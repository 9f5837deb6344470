"""What a hospital's registers take for a charge that was invoiced to be paid later is a payment of its invoice.

What a deposit paid of it is none: its egreso lowers the balance, as any credit note does.
"""

from __future__ import annotations

import datetime as dt
import uuid

import structlog
from django.db.models import Exists, OuterRef

from emite.charges.collecting import ANTICIPO
from emite.charges.models import Allocation, Payment
from emite.settlements import paying
from emite.settlements.models import Receivable, ReceivedPayment
from emite.settlements.paying import PaymentRefused

log = structlog.get_logger(__name__)


def take_in(receivable: Receivable, *, now: dt.datetime) -> int:
    """Register what the registers took for this invoice and is not registered yet; how many payments that were."""
    charges = Allocation.objects.filter(
        organization_id=receivable.organization_id, document_id=receivable.document_id, active=True
    ).values("charge_id")
    waiting = Payment.objects.filter(
        ~_standing(), organization_id=receivable.organization_id, charge__in=charges, slip__undone=None
    ).exclude(forma_pago=ANTICIPO)
    taken = 0
    for payment in waiting.select_related("slip").order_by("slip__paid_at", "pk"):
        try:
            _register(receivable, payment, now)
        except PaymentRefused as refused:  # a credit note is being stamped, say: the sweep asks again
            log.info("desk_payment_waits", payment=str(payment.pk), why=refused.field)
            break
        taken += 1
    return taken


def _register(receivable: Receivable, payment: Payment, now: dt.datetime) -> None:
    paying.register(
        receivable.organization_id,
        paid_at=payment.slip.paid_at,
        forma_pago=payment.forma_pago,
        shares=[(receivable, payment.amount)],
        amount=payment.amount,
        user=None,
        now=now,
        key=f"desk-{payment.pk.hex}-{receivable.pk.hex[-12:]}",
        desk_payment=payment,
    )


def _standing() -> Exists:
    return Exists(ReceivedPayment.objects.filter(desk_payment=OuterRef("pk"), undone_at=None))


def due(*, limit: int, organization_id: uuid.UUID | None = None) -> list[Receivable]:
    """Invoices of charges with a payment that is not theirs yet."""
    waiting = Payment.objects.filter(
        ~_standing(),
        slip__undone=None,
        charge__allocations__active=True,
        charge__allocations__document__receivable__closed_at=None,
        charge__allocations__document__receivable__isnull=False,
    ).exclude(forma_pago=ANTICIPO)
    if organization_id is not None:
        waiting = waiting.filter(organization_id=organization_id)
    found = waiting.values_list("charge__allocations__document__receivable", flat=True).distinct()[:limit]
    return list(Receivable.objects.filter(pk__in=list(found)))
