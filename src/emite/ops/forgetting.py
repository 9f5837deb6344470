"""What is told and done with, and need not be kept: its people have a right that it goes. No fiscal row is ever here.

How long the rest is kept, and why, is in docs/operacion/conservacion.md.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any, Final

from django.db import models
from django.db.models import Q

from emite.accounts.models import Letter
from emite.alarms.models import Alarm
from emite.database.ids import first_of
from emite.integrations.models import WebhookDelivery

#: Whose row; how long it is kept after it was made; and what says, at that time before now, that it is over.
KEPT: Final[tuple[tuple[type[models.Model], dt.timedelta, Callable[[dt.datetime], Q]], ...]] = (
    # A mail of the system: to whom it went serves whoever says "it never came", for a season.
    (Letter, dt.timedelta(days=90), lambda before: Q(next_at=None)),
    # What other systems were told can be told again from the screen meanwhile.
    (WebhookDelivery, dt.timedelta(days=90), lambda before: ~Q(state=WebhookDelivery.State.PENDING)),
    # A year and a month after its end, so that the same month of the last year can be looked at.
    (Alarm, dt.timedelta(days=400), lambda before: Q(closed_at__lt=before)),
)
#: Of each in one round, so that no round is long.
MOST: Final = 2_000


def forget(now: dt.datetime) -> int:
    """One round; how many rows went. The oldest first: keys are ordered by the time in which rows were made."""
    gone = 0
    for model, kept, over in KEPT:
        before = now - kept
        rows: models.QuerySet[Any] = model._default_manager.filter(over(before), pk__lt=first_of(before)).order_by("pk")
        gone += model._default_manager.filter(pk__in=list(rows.values_list("pk", flat=True)[:MOST])).delete()[0]
    return gone
