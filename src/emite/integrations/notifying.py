"""Deliver events to the addresses that asked: signed, again and again with growing pauses, then left to people.

Every try carries the same event id, so that the other system can tell a repetition. The call itself is `outgoing`.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
import secrets
import uuid
from collections.abc import Sequence

import structlog
from django.db import IntegrityError, transaction

from emite.accounts.models import User
from emite.audit import record
from emite.integrations.models import WebhookDelivery, WebhookEndpoint
from emite.integrations.outgoing import AddressRefused, Answer, NoAnswer, post, target_of
from emite.integrations.publishing import EVENTS, wake
from emite.organizations.models import Organization
from emite.vault import boxes
from emite.vault.worker import open_sealed, seal_for_worker

log = structlog.get_logger(__name__)

#: A system that is down for a day and a half still learns everything.
PAUSES = tuple(dt.timedelta(seconds=s) for s in (30, 120, 600, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 12 * 3600))
LEASE = dt.timedelta(seconds=60)


class EndpointRefused(Exception):
    """The address cannot be added; the message names the field and the cure."""

    def __init__(self, field: str, message: str) -> None:
        self.field, self.message = field, message
        super().__init__(message)


def add_endpoint(
    organization: Organization, *, url: str, events: Sequence[str], by: User, now: dt.datetime
) -> tuple[WebhookEndpoint, str]:
    """The address and the secret that signs what it gets, shown once. Raises EndpointRefused."""
    try:
        target_of(url)
    except AddressRefused as refused:
        raise EndpointRefused("url", str(refused)) from refused
    if not events or not set(events) <= set(EVENTS):
        raise EndpointRefused("events", "Elija al menos un aviso de la lista.")
    secret = f"whsec_{secrets.token_urlsafe(32)}"
    endpoint = WebhookEndpoint(organization=organization, url=url, events=sorted(events), created_at=now, created_by=by)
    endpoint.sealed_secret = seal_for_worker(secret.encode(), _bound_to(endpoint))
    try:
        with transaction.atomic():
            endpoint.save(force_insert=True)
            record(
                organization_id=organization.pk,
                actor=by.email,
                action="webhook.create",
                subject=f"webhook:{endpoint.pk}",
                after={"url": url, "events": endpoint.events},
                now=now,
            )
    except IntegrityError as error:
        raise EndpointRefused("url", "Esa dirección ya recibe avisos.") from error
    return endpoint, secret


def remove_endpoint(endpoint: WebhookEndpoint, *, by: User, now: dt.datetime) -> None:
    """Tell it nothing more; what waited for it is given up. Twice changes nothing."""
    with transaction.atomic():
        if not WebhookEndpoint.objects.filter(pk=endpoint.pk, active=True).update(active=False):
            return
        waiting = WebhookDelivery.objects.filter(endpoint=endpoint, state=WebhookDelivery.State.PENDING)
        waiting.update(state=WebhookDelivery.State.FAILED, next_at=None, last_error="La dirección se quitó.")
        record(
            organization_id=endpoint.organization_id,
            actor=by.email,
            action="webhook.remove",
            subject=f"webhook:{endpoint.pk}",
            now=now,
        )


def replay(delivery: WebhookDelivery, *, by: User, now: dt.datetime) -> bool:
    """Send it once more from the start; False when its address receives nothing any more."""
    with transaction.atomic():
        changed = WebhookDelivery.objects.filter(pk=delivery.pk, endpoint__active=True).update(
            state=WebhookDelivery.State.PENDING, next_at=now, tries=0, last_error=""
        )
        if changed:
            wake(delivery.pk)
            record(
                organization_id=delivery.organization_id,
                actor=by.email,
                action="webhook.replay",
                subject=f"webhook_delivery:{delivery.pk}",
                now=now,
            )
    return bool(changed)


def due(*, now: dt.datetime, limit: int) -> list[uuid.UUID]:
    """Events that should leave now, the longest waiting first."""
    rows = WebhookDelivery.objects.filter(next_at__lte=now, state=WebhookDelivery.State.PENDING).order_by("next_at")
    return list(rows.values_list("pk", flat=True)[:limit])


def deliver(pk: uuid.UUID, *, now: dt.datetime) -> bool:
    """Send one event; True when the other system took it. Two workers never send the same try. Worker only."""
    won = WebhookDelivery.objects.filter(pk=pk, state=WebhookDelivery.State.PENDING, next_at__lte=now).update(
        next_at=now + LEASE
    )
    if not won:
        return False
    delivery = WebhookDelivery.objects.select_related("endpoint").get(pk=pk)
    try:
        answer = _send(delivery, now)
    except AddressRefused as refused:
        _finish(delivery, WebhookDelivery.State.FAILED, error=str(refused))
        return False
    except NoAnswer as error:
        _try_later(delivery, now, str(error), None)
        return False
    if 200 <= answer.status < 300:
        _finish(delivery, WebhookDelivery.State.SENT, now=now, answer=answer)
        return True
    words = "Responde con otra dirección: no se sigue." if 300 <= answer.status < 400 else f"Respondió {answer.status}."
    _try_later(delivery, now, words, answer)
    return False


def signature(secret: str, body: bytes, at: int) -> str:
    """`t=…,v1=…`: HMAC-SHA-256 of the moment, a dot and the body, so that neither can be changed nor replayed late."""
    mac = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256)
    return f"t={at},v1={mac.hexdigest()}"


def _send(delivery: WebhookDelivery, now: dt.datetime) -> Answer:
    endpoint = delivery.endpoint
    secret = open_sealed(bytes(endpoint.sealed_secret), _bound_to(endpoint)).decode()
    body = json.dumps(delivery.body, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "emite",
        "Emite-Event": delivery.event,
        "Emite-Event-Id": str(delivery.event_id),
        "Emite-Signature": signature(secret, body, int(now.timestamp())),
    }
    return post(endpoint.url, body, headers)


def _try_later(delivery: WebhookDelivery, now: dt.datetime, words: str, answer: Answer | None) -> None:
    if delivery.tries >= len(PAUSES):
        _finish(delivery, WebhookDelivery.State.FAILED, error=words, answer=answer)
        log.error("webhook_failed", delivery=str(delivery.pk), error=words)
        return
    again = now + PAUSES[delivery.tries]
    WebhookDelivery.objects.filter(pk=delivery.pk, state=WebhookDelivery.State.PENDING).update(
        tries=delivery.tries + 1,
        next_at=again,
        last_error=words[:200],
        last_status=answer.status if answer else None,
        last_ms=answer.elapsed_ms if answer else None,
    )
    # A system that is down gets one call per pause, not one per event: its queue must not fill the workers.
    others = WebhookDelivery.objects.filter(endpoint_id=delivery.endpoint_id, state=WebhookDelivery.State.PENDING)
    others.filter(next_at__lte=now).update(next_at=now + PAUSES[0])
    log.warning("webhook_delayed", delivery=str(delivery.pk), error=words, tries=delivery.tries + 1)


def _finish(
    delivery: WebhookDelivery,
    state: str,
    *,
    now: dt.datetime | None = None,
    answer: Answer | None = None,
    error: str = "",
) -> None:
    WebhookDelivery.objects.filter(pk=delivery.pk, state=WebhookDelivery.State.PENDING).update(
        state=state,
        sent_at=now,
        next_at=None,
        tries=delivery.tries + 1,
        last_error=error[:200],
        last_status=answer.status if answer else None,
        last_ms=answer.elapsed_ms if answer else None,
    )


def _bound_to(endpoint: WebhookEndpoint) -> bytes:
    return boxes.aad(endpoint.organization_id, "webhook", endpoint.pk)
