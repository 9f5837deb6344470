"""What else a payer hears of its supplier: payments that the supplier wrote down itself, and complements that ended.

Worker only. Each is found by what is missing, so hearing it twice changes nothing.
"""

from __future__ import annotations

import datetime as dt
import uuid

from django.db import transaction
from django.db.models import Exists, OuterRef

from emite.documents.models import FiscalDocument, State
from emite.reviews.models import ReceivedComplement, ReceivedInvoice, SaidPayment
from emite.reviews.receiving import KEY, SYSTEM, say
from emite.settlements.models import PaymentShare


def due(*, limit: int) -> list[uuid.UUID]:
    """What suppliers got, of invoices that a payer received, without that payer's word and without its knowing."""
    received = ReceivedInvoice.objects.filter(
        supplier=OuterRef("organization_id"), uuid=OuterRef("receivable__cfdi_uuid")
    )  # fmt: skip
    known = SaidPayment.objects.filter(share=OuterRef("pk"))
    rows = PaymentShare.objects.filter(Exists(received), ~Exists(known), payment__undone_at=None)
    rows = rows.exclude(payment__idempotency_key__startswith=KEY)
    return list(rows.order_by("pk").values_list("pk", flat=True)[:limit])


def deliver(pk: uuid.UUID, *, now: dt.datetime) -> None:
    """Put one share beside its invoice: what is owed goes down with it."""
    with transaction.atomic():
        share = PaymentShare.objects.select_related("payment", "receivable").get(pk=pk)
        rows = ReceivedInvoice.objects.select_for_update(of=("self",)).select_related("organization")
        for invoice in rows.filter(supplier=share.organization_id, uuid=share.receivable.cfdi_uuid):
            _, fresh = SaidPayment.objects.get_or_create(
                organization_id=invoice.organization_id,
                share=share.pk,
                defaults={
                    "invoice": invoice,
                    "amount": share.amount,
                    "paid_at": share.payment.paid_at,
                    "operation": share.payment.operation,
                    "received_at": now,
                },
            )
            if fresh:
                day = invoice.organization.local_date(share.payment.paid_at)
                left = max(invoice.owed - share.amount, 0)
                word = f"Su emisor registró un pago de ${share.amount:,.2f} del {day:%d/%m/%Y}: se deben ${left:,.2f}"
                say(invoice, SYSTEM, word, now)


def undone(*, limit: int) -> list[uuid.UUID]:
    """Those that their supplier took back since."""
    gone = PaymentShare.objects.filter(pk=OuterRef("share"), payment__undone_at__isnull=False)
    return list(SaidPayment.objects.filter(Exists(gone), undone_at=None).values_list("pk", flat=True)[:limit])


def take_back(pk: uuid.UUID, *, now: dt.datetime) -> None:
    """It is owed again."""
    with transaction.atomic():
        held = SaidPayment.objects.select_for_update(of=("self",)).select_related("invoice").get(pk=pk)
        if held.undone_at is None:
            held.undone_at = now
            held.save(update_fields=["undone_at"])
            say(held.invoice, SYSTEM, f"Su emisor deshizo el pago de ${held.amount:,.2f} que había registrado", now)


def cancelled(*, limit: int) -> list[uuid.UUID]:
    """Complements that the SAT cancelled since."""
    gone = FiscalDocument.objects.filter(
        organization_id=OuterRef("supplier"), uuid=OuterRef("uuid"), state=State.CANCELLED
    )
    return list(
        ReceivedComplement.objects.filter(Exists(gone), cancelled_at=None).values_list("pk", flat=True)[:limit]
    )  # fmt: skip


def withdraw(pk: uuid.UUID, *, now: dt.datetime) -> None:
    """What it told of is paid without a complement again, until another arrives."""
    with transaction.atomic():
        held = ReceivedComplement.objects.select_for_update().get(pk=pk)
        if held.cancelled_at is None:
            held.cancelled_at = now
            held.save(update_fields=["cancelled_at"])
            for invoice in held.invoices.only("pk", "organization_id"):
                say(invoice, SYSTEM, "Su emisor canceló ante el SAT el complemento de pago", now)
