"""Wake a worker for a row. The row is the truth: a job that is lost loses nothing, the sweep finds the row.

Jobs are deferred by name, in the transaction of the row they serve; their handlers live in `ops.driving`.
"""

from __future__ import annotations

import datetime as dt
import uuid

from procrastinate.contrib.django import app
from procrastinate.jobs import DEFAULT_QUEUE

DRIVE = "emite.drive"
DELIVER = "emite.deliver"

#: Conceptos from which writing, sealing and proving a document would keep other people's stamps waiting: its jobs go to
#: a process beside the worker's (`ops.aside`), by the queue of that name.
LARGE = 250
ASIDE = "aside"


def queue_for(conceptos: int) -> str:
    """The queue of what writes or drives a document of that many Conceptos."""
    return ASIDE if conceptos >= LARGE else DEFAULT_QUEUE


def wake(pk: uuid.UUID, *, after: int = 0, conceptos: int = 1) -> None:
    """Ask a worker to drive this document. Call in the transaction that stores it.

    `after`: its number among many for which nobody waits; all of them give way to those without one, and those of two
    organizations take turns. `conceptos`: how many it has.
    """
    app.configure_task(DRIVE, priority=-after, queue=queue_for(conceptos)).defer(pk=str(pk))


def wake_at(pk: uuid.UUID, moment: dt.datetime) -> None:
    """Ask a worker to drive this document then."""
    app.configure_task(DRIVE, schedule_at=moment).defer(pk=str(pk))


def wake_delivery(pk: uuid.UUID) -> None:
    """Ask a worker to send this mail. Call in the transaction that stores it."""
    app.configure_task(DELIVER).defer(pk=str(pk))
