"""The alarms as people read them: those that stand, and those that ended lately."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Final

from emite.alarms.models import Alarm

LATELY: Final = dt.timedelta(days=30)
#: Of those that ended; what stands is shown whole.
MOST: Final = 100


@dataclass(frozen=True, slots=True)
class Shown:
    """The oldest that stands first; of those that ended, the last first."""

    standing: list[Alarm]
    ended: list[Alarm]


def shown(now: dt.datetime, organization_id: uuid.UUID | None = None) -> Shown:
    """Of one organization, or of the whole installation with all its organizations."""
    rows = Alarm.objects.all() if organization_id is None else Alarm.objects.filter(organization_id=organization_id)
    return Shown(
        standing=list(rows.filter(closed_at=None).order_by("opened_at", "pk")),
        ended=list(rows.filter(closed_at__gte=now - LATELY).order_by("-closed_at", "-pk")[:MOST]),
    )
