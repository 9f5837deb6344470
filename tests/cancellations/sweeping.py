"""What workers and the sweep do while a global is cancelled and issued again."""

from __future__ import annotations

import datetime as dt

from emite.cancellations import following, rebuilding
from emite.credits import lateness
from emite.documents.models import FiscalDocument, State
from tests import make
from tests.credits.stands import drive

OWNER = "test:1"


def sweep(turns: int = 8, *, later: dt.timedelta = dt.timedelta()) -> None:
    """What workers and the sweep do until nothing is due."""
    for _ in range(turns):
        for pk in following.due(now=make.now() + later, limit=20):
            following.drive(pk, owner=OWNER, clock=lambda: make.now() + later)
        for pk in rebuilding.due(now=make.now() + dt.timedelta(hours=1), limit=20):
            rebuilding.advance(pk, now=make.now())
        for document in FiscalDocument.objects.exclude(state__in=(State.STAMPED, State.REJECTED, State.CANCELLED)):
            FiscalDocument.objects.filter(pk=document.pk).update(lease_until=None, next_at=make.now())
            drive(document.pk)
        for pk in lateness.due(now=make.now() + dt.timedelta(hours=1), limit=20):
            lateness.advance(pk, now=make.now())
