"""What other systems are told when an invoice is stamped, refused or cancelled, in the transaction that learns it.

Who is told and how it travels lives in `integrations`.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from emite.cfdi.money import text
from emite.charges.collecting import told
from emite.charges.models import Allocation
from emite.documents.models import FiscalDocument, State
from emite.integrations.publishing import publish

#: Charges named by one event: a factura global has tens of thousands, which are asked for instead.
MOST_CHARGES = 20
_EVENTS = {
    State.STAMPED: "invoice.stamped",
    State.REJECTED: "invoice.rejected",
    State.CANCELLED: "invoice.cancelled",
}


def tell(document: FiscalDocument, *, now: dt.datetime) -> None:
    """Publish the end of an invoice; nothing for any other document or state."""
    event = _EVENTS.get(State(document.state))
    if event is None or document.kind != FiscalDocument.Kind.INGRESO:
        return
    publish(document.organization_id, event, lambda: _told(document), now=now)


def _told(document: FiscalDocument) -> dict[str, Any]:
    rows = Allocation.objects.filter(organization_id=document.organization_id, document=document)
    allocations = rows.select_related("charge").defer("charge__code_hash", "charge__code_cipher").order_by("pk")
    return {
        "invoice": str(document.pk),
        "state": document.state,
        "uuid": str(document.uuid).upper() if document.uuid else None,
        "total": text(document.total, 2),
        "rejection": {"code": document.last_code, "message": document.last_text}
        if document.state == State.REJECTED
        else None,
        "charges": [told(allocation.charge) for allocation in allocations[:MOST_CHARGES]],
    }
