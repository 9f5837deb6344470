"""What the end of a document means for settlements: an invoice opens its receivable, a complement is stamped or not.

Whoever drove the document tells it at once; the sweep finds what nobody told.
"""

from __future__ import annotations

import datetime as dt
import uuid

from django.db import transaction
from django.db.models import Q

from emite.documents.models import FiscalDocument
from emite.documents.models import State as DocumentState
from emite.settlements import ending, from_desk, receivables
from emite.settlements.models import PaymentComplement

State = PaymentComplement.State
NOTHING = (DocumentState.REJECTED, DocumentState.VOID)
FAILURE_LIMIT = 400


def after(document_id: uuid.UUID, *, now: dt.datetime) -> None:
    """Go on with whatever waits for this document. Telling it twice changes nothing."""
    document = FiscalDocument.objects.filter(pk=document_id).first()
    if document is None:
        return
    if document.kind == FiscalDocument.Kind.PAGO:
        settle(document_id, now=now)
    else:
        opened = receivables.open_for(document, now=now)
        if opened is not None:
            from_desk.take_in(opened, now=now)


def settle(document_id: uuid.UUID, *, now: dt.datetime) -> None:
    """Bring a complement up to what became of its document."""
    with transaction.atomic():
        gone = FiscalDocument.objects.filter(pk=document_id, state=DocumentState.CANCELLED).first()
        if gone is not None:
            ending.complement_cancelled(gone, now=now)
            return
        rows = PaymentComplement.objects.select_for_update(of=("self",)).select_related("document", "payment")
        held = rows.filter(document_id=document_id).first()
        if held is None or held.document is None:
            return
        became = held.document.state
        if held.state == State.ASKED and became in NOTHING:
            held.failure = held.document.last_text[:FAILURE_LIMIT] or "El complemento se descartó."
            held.state, held.document = State.DUE, None
            held.save(update_fields=["state", "document", "failure"])
        elif held.state == State.ASKED and became == DocumentState.STAMPED:
            held.state = State.STAMPED
            held.save(update_fields=["state"])


def due(*, limit: int) -> list[uuid.UUID]:
    """Documents of complements that have ended and whose complement does not know."""
    ended = Q(state=State.ASKED, document__state__in=(*NOTHING, DocumentState.STAMPED))
    gone = Q(state__in=(State.ASKED, State.STAMPED), document__state=DocumentState.CANCELLED)
    rows = PaymentComplement.objects.filter(ended | gone).order_by("created_at")
    return [pk for pk in rows.values_list("document_id", flat=True)[:limit] if pk is not None]


def catch_up(*, now: dt.datetime, limit: int, organization_id: uuid.UUID | None = None) -> None:
    """Open and close receivables, and take in what registers were paid: of one organization, or of all."""
    receivables.open_missing(now=now, limit=limit, organization_id=organization_id)
    for receivable in from_desk.due(limit=limit, organization_id=organization_id):
        from_desk.take_in(receivable, now=now)
