"""Tell other systems what happened: the event is stored with the change it tells of, and a worker is woken.

What an event says is decided by whoever publishes it; how it travels, in `notifying`.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final

from django.db.models import QuerySet
from procrastinate.contrib.django import app

from emite.database.ids import uuid7
from emite.integrations.models import WebhookDelivery, WebhookEndpoint

#: The worker's job, deferred by name; its handler lives in `ops.driving`.
NOTIFY: Final = "emite.notify"

#: Event and what it means.
EVENTS: Final = {
    "charge.paid": "Una remisión quedó pagada por completo",
    "invoice.stamped": "Una factura se timbró",
    "invoice.rejected": "Una factura fue rechazada y su remisión quedó libre",
    "invoice.cancelled": "Una factura se canceló ante el SAT",
    "alarm.opened": "Algo necesita a una persona: certificado, PAC, timbres, factura global, complementos…",
    "alarm.closed": "Lo que necesitaba a una persona ya quedó",
}


def anybody_listens(organization_id: uuid.UUID, event: str) -> bool:
    """Asked once where thousands of things happen together."""
    return _listeners(organization_id, event).exists()


def publish(organization_id: uuid.UUID, event: str, data: Callable[[], Mapping[str, Any]], *, now: dt.datetime) -> int:
    """Store the event for every address that asked for it; returns how many. Call in the transaction of the change.

    data: makes JSON, asked only if somebody listens; no personal data beyond what a key may read.
    """
    if event not in EVENTS:
        raise ValueError(event)
    endpoints = list(_listeners(organization_id, event))
    if not endpoints:
        return 0
    event_id, moment = uuid7(), now.astimezone(dt.UTC).isoformat()
    body = {"id": str(event_id), "event": event, "created_at": moment, "data": dict(data())}
    for endpoint in endpoints:
        delivery = WebhookDelivery.objects.create(
            organization_id=organization_id,
            endpoint=endpoint,
            event_id=event_id,
            event=event,
            body=body,
            created_at=now,
            next_at=now,
        )
        wake(delivery.pk)
    return len(endpoints)


def _listeners(organization_id: uuid.UUID, event: str) -> QuerySet[WebhookEndpoint]:
    return WebhookEndpoint.objects.filter(organization_id=organization_id, active=True, events__contains=[event])


def wake(pk: uuid.UUID) -> None:
    """Ask a worker to deliver this. Call in the transaction that stores it."""
    app.configure_task(NOTIFY).defer(pk=str(pk))
