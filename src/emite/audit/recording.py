"""Adds links to the chain, one at a time per organization.
Reading them back critically is verifying's."""

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, transaction

from emite.audit.models import AuditEvent

INSTALLATION = UUID(int=0)
FIRST = bytes(32)

# First half of the advisory lock's key; the second is made from the organization.
_LOCK_SPACE = 0x656D69  # "emi"


def record(
    *,
    organization_id: UUID | None,
    actor: str,
    action: str,
    subject: str,
    now: dt.datetime,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    reason: str = "",
    ip: str | None = None,
) -> AuditEvent:
    """Append an event in the caller's transaction: it exists if and only if the act does.

    organization_id: None for acts on the installation itself. before, after: what changed, JSON; no secret and no
    health data. Call it last in a transaction: the organization's chain stays locked until the commit.
    """
    organization = organization_id or INSTALLATION
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_LOCK_SPACE, _lock_number(organization)])
        last = AuditEvent.objects.filter(organization_id=organization).order_by("-position").first()
        event = AuditEvent(
            organization_id=organization, position=last.position + 1 if last else 1, at=now.astimezone(dt.UTC),
            actor=actor, action=action, subject=subject, before=_plain(before), after=_plain(after),
            reason=reason, ip=ip or None, prev_hash=bytes(last.hash) if last else FIRST,
        )  # fmt: skip
        event.hash = digest(event)
        event.save(force_insert=True)
    return event


def digest(event: AuditEvent) -> bytes:
    """SHA-256 over every column, so that none can change unseen; the previous link's hash is one of them."""
    words = [
        str(event.id), str(event.organization_id), event.position, event.at.astimezone(dt.UTC).isoformat(),
        event.actor, event.action, event.subject, event.before, event.after, event.reason, event.ip,
        bytes(event.prev_hash).hex(),
    ]  # fmt: skip
    text = json.dumps(words, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).digest()


def _plain(value: Mapping[str, Any] | None) -> Any:
    """As JSON will give it back: amounts, dates and ids become text."""
    return None if value is None else json.loads(json.dumps(value, cls=DjangoJSONEncoder))


def _lock_number(organization: UUID) -> int:
    return int.from_bytes(hashlib.sha256(organization.bytes).digest()[:4], signed=True)
