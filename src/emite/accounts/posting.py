"""Letters of the system: written and sealed in the transaction of what they tell, sent by the worker, tried again.

Their words may carry a link that opens an account, so the web closes them for the worker and keeps no copy.
"""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Mapping
from typing import Any, Final

import structlog
from django.core.mail import EmailMessage
from procrastinate.contrib.django import app

from emite.accounts.models import Letter
from emite.mailing.composing import compose
from emite.mailing.sending import MailRefused, MailUnavailable, send
from emite.vault import boxes
from emite.vault.worker import open_sealed, seal_for_worker

log = structlog.get_logger(__name__)

POST: Final = "emite.post"
INSTALLATION: Final = uuid.UUID(int=0)
PAUSES = tuple(dt.timedelta(seconds=seconds) for seconds in (30, 120, 600, 3600, 6 * 3600))
#: A letter in the hands of a worker that died is taken again after this.
LEASE = dt.timedelta(minutes=5)


def post(
    template: str, context: Mapping[str, Any], *, to: str, now: dt.datetime, organization_id: uuid.UUID | None = None
) -> Letter:
    """Compose `<template>.subject.txt` and `.txt`, store them sealed, wake a worker. In the caller's transaction."""
    message = compose(template, context, to=to)
    letter = Letter(organization_id=organization_id or INSTALLATION, address=to, created_at=now, next_at=now)
    words = json.dumps([message.subject, message.body], ensure_ascii=False).encode()
    letter.sealed_words = seal_for_worker(words, _bound(letter))
    letter.save(force_insert=True)
    app.configure_task(POST).defer(pk=str(letter.pk))
    return letter


def due(*, now: dt.datetime, limit: int) -> list[uuid.UUID]:
    rows = Letter.objects.filter(next_at__lte=now).order_by("next_at")
    return list(rows.values_list("pk", flat=True)[:limit])


def deliver(pk: uuid.UUID, *, now: dt.datetime) -> bool:
    """Send one letter; True when it left. Two workers never send the same one. Worker only: it opens the seal."""
    if not Letter.objects.filter(pk=pk, next_at__lte=now).update(next_at=now + LEASE):
        return False
    letter = Letter.objects.get(pk=pk)
    try:
        send(_message(letter))
    except MailUnavailable as error:
        _try_later(letter, error, now)
        return False
    except MailRefused as error:
        _end(letter, error=error)
        return False
    _end(letter, sent_at=now)
    return True


def _message(letter: Letter) -> EmailMessage:
    subject, body = json.loads(open_sealed(bytes(letter.sealed_words), _bound(letter)))
    headers = {"Auto-Submitted": "auto-generated", "Message-ID": f"<{letter.pk}@emite>"}
    return EmailMessage(subject=subject, body=body, to=[letter.address], headers=headers)


def _try_later(letter: Letter, error: Exception, now: dt.datetime) -> None:
    if letter.tries >= len(PAUSES):
        _end(letter, error=error)
        return
    Letter.objects.filter(pk=letter.pk).update(
        tries=letter.tries + 1, next_at=now + PAUSES[letter.tries], last_error=type(error).__name__
    )
    log.warning("letter_delayed", letter=str(letter.pk), error=type(error).__name__, tries=letter.tries + 1)


def _end(letter: Letter, *, sent_at: dt.datetime | None = None, error: Exception | None = None) -> None:
    """Sent or given up: either way its words are of no more use to us."""
    Letter.objects.filter(pk=letter.pk).update(
        next_at=None, sent_at=sent_at, sealed_words=b"", last_error=type(error).__name__ if error else ""
    )
    if error is not None:
        log.error("letter_failed", letter=str(letter.pk), error=type(error).__name__)


def _bound(letter: Letter) -> bytes:
    return boxes.aad(letter.organization_id, Letter.sealed_fields["sealed_words"], letter.pk)
