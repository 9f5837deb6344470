"""Send the XML and the PDF to the address somebody asked for. A failure stays here and is tried again.

What a mail looks like lives in templates; whether a server takes it, in `mailing`.
"""

from __future__ import annotations

import datetime as dt
import uuid
from urllib.parse import urlsplit

import structlog
from django.conf import settings
from django.core.mail import BadHeaderError
from django.db import transaction
from django.db.models import Q

from emite.documents.models import WITH_UUID, Delivery, FiscalDocument
from emite.documents.rendering import delivered_xml, pdf_of
from emite.documents.waking import wake_delivery
from emite.mailing.composing import Attachment, compose
from emite.mailing.sending import MailRefused, MailUnavailable, send
from emite.typeset.process import TypesetFailed

log = structlog.get_logger(__name__)

PAUSES = tuple(dt.timedelta(seconds=s) for s in (30, 120, 600, 3600, 6 * 3600))


def due(*, now: dt.datetime, limit: int) -> list[uuid.UUID]:
    """Mails that should leave now, the longest waiting first."""
    # Without a time: the document was stamped in the very moment in which somebody asked for the mail.
    its_time = Q(next_at__lte=now) | Q(next_at=None, document__state__in=WITH_UUID)
    rows = Delivery.objects.filter(its_time, state=Delivery.State.PENDING).order_by("next_at")
    return list(rows.values_list("pk", flat=True)[:limit])


def ask(document: FiscalDocument, address: str, *, now: dt.datetime) -> bool:
    """Have a stamped document sent to an address; False when it is on its way there already."""
    with transaction.atomic():
        delivery, fresh = Delivery.objects.get_or_create(
            organization_id=document.organization_id,
            document=document,
            address=address,
            state=Delivery.State.PENDING,
            defaults={"requested_at": now, "next_at": now},
        )
        if fresh:
            wake_delivery(delivery.pk)
    return fresh


def deliver(pk: uuid.UUID, *, now: dt.datetime) -> bool:
    """Send one mail; True when it left. Two workers never send the same one."""
    free = Q(next_at__lte=now) | Q(next_at=None)
    won = Delivery.objects.filter(free, pk=pk, state=Delivery.State.PENDING).update(
        next_at=now + dt.timedelta(minutes=5)
    )
    if not won:
        return False
    delivery = Delivery.objects.select_related("document__issuer", "organization").get(pk=pk)
    document = delivery.document
    if document.state not in WITH_UUID:
        return False
    try:
        _send(delivery, document)
    except (MailUnavailable, TypesetFailed) as error:
        _try_later(delivery, error, now)
        return False
    except (MailRefused, BadHeaderError) as error:
        _give_up(delivery, error)
        return False
    except Exception as error:  # a fault of ours is counted like any other: no mail is tried for ever
        log.exception("mail_broke", delivery=str(delivery.pk))
        _try_later(delivery, error, now)
        return False
    Delivery.objects.filter(pk=pk).update(state=Delivery.State.SENT, sent_at=now, next_at=None)
    return True


def _try_later(delivery: Delivery, error: Exception, now: dt.datetime) -> None:
    if delivery.tries >= len(PAUSES):
        _give_up(delivery, error)
        return
    Delivery.objects.filter(pk=delivery.pk).update(
        tries=delivery.tries + 1, next_at=now + PAUSES[delivery.tries], last_error=type(error).__name__
    )
    log.warning("mail_delayed", delivery=str(delivery.pk), error=type(error).__name__, tries=delivery.tries + 1)


def _give_up(delivery: Delivery, error: Exception) -> None:
    Delivery.objects.filter(pk=delivery.pk).update(
        state=Delivery.State.FAILED, next_at=None, tries=delivery.tries + 1, last_error=type(error).__name__
    )
    log.error("mail_failed", delivery=str(delivery.pk), error=type(error).__name__)


def _send(delivery: Delivery, document: FiscalDocument) -> None:
    name = str(document.uuid).upper()
    message = compose(
        "documents/invoice",
        {
            "organization": delivery.organization,
            "total": f"${document.total:,.2f}",
            "uuid": name,
            "link": f"{settings.EMITE_URL}/f/{delivery.organization.slug}/",
        },
        to=delivery.address,
        attachments=[
            Attachment(f"{name}.xml", delivered_xml(document), "application/xml"),
            Attachment(f"{name}.pdf", pdf_of(document), "application/pdf"),
        ],
        reply_to=delivery.organization.support_email,
        message_id=f"{delivery.pk}@{urlsplit(settings.EMITE_URL).hostname}",
    )
    send(message)
