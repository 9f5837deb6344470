"""The credit notes of a supplier arrive beside the invoices that they take from, and what is owed is so much less.

Worker only. Each is found by what is missing, so arriving twice changes nothing.
"""

from __future__ import annotations

import datetime as dt
import uuid

from django.db import transaction
from django.db.models import Exists, OuterRef

from emite.credits.models import CreditNote
from emite.documents.models import State
from emite.documents.rendering import stamped_xml
from emite.reviews.models import ReceivedCredit, ReceivedInvoice
from emite.reviews.receiving import SYSTEM, say


def due(*, limit: int) -> list[uuid.UUID]:
    """Stamped glosas of invoices that a payer has received, and that it does not know."""
    received = ReceivedInvoice.objects.filter(uuid=OuterRef("original__uuid"))
    known = ReceivedCredit.objects.filter(uuid=OuterRef("document__uuid"))
    rows = CreditNote.objects.filter(
        Exists(received), ~Exists(known), charge=None, active=True, document__state=State.STAMPED
    )
    return list(rows.order_by("created_at").values_list("pk", flat=True)[:limit])


def deliver(pk: uuid.UUID, *, now: dt.datetime) -> None:
    """Put one credit note beside its invoice: what is owed goes down with it."""
    note = CreditNote.objects.select_related("document", "original").get(pk=pk)
    assert note.original.uuid is not None  # both are stamped
    assert note.document.uuid is not None
    with transaction.atomic():
        rows = ReceivedInvoice.objects.select_for_update().filter(
            supplier=note.organization_id, uuid=note.original.uuid
        )  # fmt: skip
        for invoice in rows:
            _, fresh = ReceivedCredit.objects.get_or_create(
                organization_id=invoice.organization_id,
                uuid=note.document.uuid,
                defaults={
                    "invoice": invoice,
                    "total": note.total,
                    "xml": stamped_xml(note.document),
                    "received_at": now,
                },
            )
            if fresh:
                left = max(invoice.owed - note.total, 0)
                say(invoice, SYSTEM, f"Llegó una nota de crédito por ${note.total:,.2f}: se deben ${left:,.2f}", now)


def cancelled(*, limit: int) -> list[uuid.UUID]:
    """Those that the SAT cancelled since."""
    gone = CreditNote.objects.filter(document__uuid=OuterRef("uuid"), document__state=State.CANCELLED)
    return list(
        ReceivedCredit.objects.filter(Exists(gone), cancelled_at=None).values_list("pk", flat=True)[:limit]
    )  # fmt: skip


def withdraw(pk: uuid.UUID, *, now: dt.datetime) -> None:
    with transaction.atomic():
        held = ReceivedCredit.objects.select_for_update(of=("self",)).select_related("invoice").get(pk=pk)
        if held.cancelled_at is None:
            held.cancelled_at = now
            held.save(update_fields=["cancelled_at"])
            say(held.invoice, SYSTEM, f"Su emisor canceló la nota de crédito por ${held.total:,.2f}", now)
