"""One pass of the worker over everything that must go from a supplier to its payer, or back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from functools import partial

from emite.reviews import receiving, telling


def steps(now: dt.datetime, *, limit: int) -> Iterator[Callable[[], object]]:
    """What is due now, each to be done by itself: one that fails keeps nobody else waiting."""
    for invoice in receiving.due(limit=limit):
        yield partial(receiving.deliver, invoice, now=now)
    for received in receiving.cancelled(limit=limit):
        yield partial(receiving.withdraw, received, now=now)
    for notice in telling.due(now=now, limit=limit):
        yield partial(telling.tell, notice, now=now)
    for complement in receiving.complements_due(limit=limit):
        yield partial(receiving.deliver_complement, complement, now=now)
