"""Wake a worker for a cancellation or a substitution. The row is the truth: the sweep finds what nobody woke."""

from __future__ import annotations

import uuid

from procrastinate.contrib.django import app

FOLLOW = "emite.cancel"
SUBSTITUTE = "emite.substitute"


def wake(pk: uuid.UUID) -> None:
    """Ask a worker to drive this request. Call in the transaction that stores it."""
    app.configure_task(FOLLOW).defer(pk=str(pk))
