"""Send the XML and the PDF to the address somebody asked for. A failure stays here and is tried again.

Rendering the PDF is injected: documents know bytes, not pages.
"""

from __future__ import annotations

import datetime as dt
import uuid

import structlog
from django.db.models import Q

from emite.documents.models import Delivery, FiscalDocument, StampedXml, State
from emite.documents.rendering import pdf_of
from emite.mailing import send

log = structlog.get_logger(__name__)

PAUSES = tuple(dt.timedelta(seconds=s) for s in (30, 120, 600, 3600, 6 * 3600))


def due(*, now: dt.datetime, limit: int) -> list[uuid.UUID]:
    """Mails that should leave now, the longest waiting first."""
    rows = Delivery.objects.filter(Q(next_at__lte=now), state=Delivery.State.PENDING).order_by("next_at")
    return list(rows.values_list("pk", flat=True)[:limit])


def deliver(pk: uuid.UUID, *, now: dt.datetime) -> bool:
    """Send one mail; True when it left. Two workers never send the same one."""
    won = Delivery.objects.filter(pk=pk, state=Delivery.State.PENDING, next_at__lte=now).update(
        next_at=now + dt.timedelta(minutes=5)
    )
    if not won:
        return False
    delivery = Delivery.objects.select_related("document__issuer", "organization").get(pk=pk)
    document = delivery.document
    if document.state not in (State.STAMPED, State.CANCELLED):
        return False
    try:
        _send(delivery, document)
    except Exception as error:  # noqa: BLE001  a mail's failure, whatever it is, must never touch the document
        pause = PAUSES[min(delivery.tries, len(PAUSES) - 1)]
        failed = delivery.tries + 1 > len(PAUSES)
        Delivery.objects.filter(pk=pk).update(
            tries=delivery.tries + 1,
            next_at=None if failed else now + pause,
            state=Delivery.State.FAILED if failed else Delivery.State.PENDING,
            last_error=type(error).__name__[:200],
        )
        log.warning("mail_failed", delivery=str(pk), error=type(error).__name__, tries=delivery.tries + 1)
        return False
    Delivery.objects.filter(pk=pk).update(state=Delivery.State.SENT, sent_at=now, next_at=None)
    return True


def _send(delivery: Delivery, document: FiscalDocument) -> None:
    xml = bytes(StampedXml.objects.get(organization_id=document.organization_id, document_id=document.pk).xml)
    hospital = delivery.organization
    name = str(document.uuid).upper()
    contact = " · ".join(part for part in (hospital.support_phone, hospital.support_email) if part)
    send(
        to=delivery.address,
        subject=f"Su factura de {hospital.name}",
        text=(
            f"Aquí está su factura de {hospital.name} por ${document.total:,.2f}.\n\n"
            f"Folio fiscal: {name}\n\n"
            "El archivo XML es la factura; el PDF es su representación impresa.\n"
            + (f"\n¿Dudas? {contact}\n" if contact else "")
        ),
        attachments=[
            (f"{name}.xml", xml, "application/xml"),
            (f"{name}.pdf", pdf_of(document), "application/pdf"),
        ],
    )
