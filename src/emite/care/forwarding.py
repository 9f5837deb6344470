"""Send the XML and PDF of a CFDI that was stamped elsewhere to whom somebody named. Ours: `documents.delivering`."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Final
from urllib.parse import urlsplit

import structlog
from django.conf import settings
from django.core.mail import BadHeaderError
from django.db import transaction
from procrastinate.contrib.django import app

from emite.care.models import ExternalCfdi, ExternalDelivery
from emite.documents.delivering import PAUSES
from emite.documents.models import FiscalDocument
from emite.documents.rendering import pdf_of_xml
from emite.mailing.composing import Attachment, compose
from emite.mailing.sending import MailRefused, MailUnavailable, send
from emite.typeset.process import TypesetFailed

log = structlog.get_logger(__name__)

FORWARD: Final = "emite.forward"
#: A mail in the hands of a worker that died is taken again after this.
LEASE: Final = dt.timedelta(minutes=5)
State = ExternalDelivery.State
_WORDS = {FiscalDocument.Kind.PAGO: ("Complemento de pago", "el complemento de pago")}


def due(*, now: dt.datetime, limit: int) -> list[uuid.UUID]:
    """Mails that should leave now, the longest waiting first."""
    rows = ExternalDelivery.objects.filter(next_at__lte=now, state=State.PENDING).order_by("next_at")
    return list(rows.values_list("pk", flat=True)[:limit])


def ask(external: ExternalCfdi, address: str, *, now: dt.datetime) -> bool:
    """Have it sent to an address; False when it is on its way there already."""
    with transaction.atomic():
        delivery, fresh = ExternalDelivery.objects.get_or_create(
            organization_id=external.organization_id,
            external=external,
            address=address,
            state=State.PENDING,
            defaults={"requested_at": now, "next_at": now},
        )
        if fresh:
            app.configure_task(FORWARD).defer(pk=str(delivery.pk))
    return fresh


def deliver(pk: uuid.UUID, *, now: dt.datetime) -> bool:
    """Send one mail; True when it left. Two workers never send the same one."""
    mine = ExternalDelivery.objects.filter(pk=pk)
    if not mine.filter(next_at__lte=now, state=State.PENDING).update(next_at=now + LEASE):
        return False
    delivery = mine.select_related("external", "organization").get()
    try:
        _send(delivery)
    except (MailRefused, BadHeaderError) as error:
        _give_up(delivery, error)
        return False
    except Exception as error:  # a fault of ours is counted like any other: no mail is tried for ever
        if not isinstance(error, (MailUnavailable, TypesetFailed)):
            log.exception("mail_broke", external_delivery=str(pk))
        _try_later(delivery, error, now)
        return False
    mine.update(state=State.SENT, sent_at=now, next_at=None)
    return True


def _try_later(delivery: ExternalDelivery, error: Exception, now: dt.datetime) -> None:
    if delivery.tries >= len(PAUSES):
        _give_up(delivery, error)
        return
    ExternalDelivery.objects.filter(pk=delivery.pk).update(
        tries=delivery.tries + 1, next_at=now + PAUSES[delivery.tries], last_error=type(error).__name__
    )
    log.warning("mail_delayed", external_delivery=str(delivery.pk), error=type(error).__name__)


def _give_up(delivery: ExternalDelivery, error: Exception) -> None:
    ExternalDelivery.objects.filter(pk=delivery.pk).update(
        state=State.FAILED, next_at=None, tries=delivery.tries + 1, last_error=type(error).__name__
    )
    log.error("mail_failed", external_delivery=str(delivery.pk), error=type(error).__name__)


def _send(delivery: ExternalDelivery) -> None:
    external, organization = delivery.external, delivery.organization
    name, xml = str(external.uuid).upper(), bytes(external.xml)
    what, article = _WORDS.get(FiscalDocument.Kind(external.kind), ("Factura", "la factura"))
    message = compose(
        "care/external",
        {
            "organization": organization,
            "what": what,
            "article": article,
            "number": f"{external.serie} {external.folio}".strip(),
            "total": f"${external.total:,.2f}",
            "uuid": name,
        },
        to=delivery.address,
        attachments=[
            Attachment(f"{name}.xml", xml, "application/xml"),
            Attachment(f"{name}.pdf", pdf_of_xml(xml, organization), "application/pdf"),
        ],
        reply_to=organization.support_email,
        message_id=f"{delivery.pk}@{urlsplit(settings.EMITE_URL).hostname}",
    )
    send(message)
