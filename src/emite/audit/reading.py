"""Reads a chain for people: what they ask for, newest first, a page at a time. Proving it whole is verifying's."""

import datetime as dt
from dataclasses import dataclass
from uuid import UUID

from django.db.models import QuerySet

from emite.audit.models import AuditEvent
from emite.audit.recording import INSTALLATION

PAGE = 100


@dataclass(frozen=True, slots=True)
class Asked:
    """Which events: between two moments, by whom, what. Empty words ask for nothing."""

    since: dt.datetime | None = None
    until: dt.datetime | None = None
    actor: str = ""
    action: str = ""
    before: int | None = None


def events(organization_id: UUID | None, asked: Asked) -> QuerySet[AuditEvent]:
    """Of one chain, the newest first. None: acts on the installation."""
    found = AuditEvent.objects.filter(organization_id=organization_id or INSTALLATION)
    if asked.since:
        found = found.filter(at__gte=asked.since)
    if asked.until:
        found = found.filter(at__lt=asked.until)
    if asked.actor:
        found = found.filter(actor__icontains=asked.actor)
    if asked.action:
        found = found.filter(action=asked.action)
    if asked.before is not None:
        found = found.filter(position__lt=asked.before)
    return found.order_by("-position")


def actions(organization_id: UUID | None) -> list[str]:
    """What was ever done in this chain, by name."""
    found = AuditEvent.objects.filter(organization_id=organization_id or INSTALLATION)
    return sorted(found.order_by().values_list("action", flat=True).distinct())
