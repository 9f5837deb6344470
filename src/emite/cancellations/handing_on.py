"""What is not a charge passes from a CFDI to the one that takes its place: the services of an invoice to an insurer,
the payment of a complement. In the transaction that learns "Cancelado", called by `ending`.
"""

from __future__ import annotations

import datetime as dt

from emite.cancellations.models import CancellationRequest, Substitution
from emite.care.models import InsurerInvoice, ServiceAllocation
from emite.cfdi.cancelacion import Motivo
from emite.credits import settling
from emite.documents.models import FiscalDocument, State
from emite.settlements import ending

NOTHING = (State.REJECTED, State.VOID, State.CANCELLED)
UNPAID = "Se canceló su complemento: la operación no se llevó a cabo (motivo 03)."


def services(taking: Substitution, now: dt.datetime) -> None:
    """Bind to the new invoice what the old one had. Nothing for any other document."""
    fresh = InsurerInvoice.objects.filter(document=taking.substitute).select_related("replaces").first()
    if fresh is None or fresh.replaces is None:
        return
    had = ServiceAllocation.objects.filter(
        organization_id=fresh.organization_id, invoice=fresh.replaces, released_at=now
    )
    ServiceAllocation.objects.bulk_create(
        [
            ServiceAllocation(
                organization_id=fresh.organization_id, service_id=each.service_id, invoice=fresh, amount=each.amount,
                created_at=now,
            )
            for each in had
        ],
        batch_size=1_000,
    )  # fmt: skip


def complement(request: CancellationRequest, taking: Substitution | None, now: dt.datetime) -> None:
    """The payment of a cancelled complement goes to its substitute, waits for another, or is undone (motivo 03)."""
    if request.document.kind != FiscalDocument.Kind.PAGO:
        return
    alive = taking is not None and taking.substitute.state not in NOTHING
    ending.complement_cancelled(
        request.document,
        now=now,
        successor=taking.substitute if taking is not None and alive else None,
        undone_by=request.asked_by if request.motivo == Motivo.NOT_DONE else None,
        reason=UNPAID,
    )


def credit(document: FiscalDocument, now: dt.datetime) -> None:
    """What a cancelled credit note took is there again. Nothing for any other document."""
    if document.kind == FiscalDocument.Kind.EGRESO:
        settling.settle_of(document.pk, now=now)
