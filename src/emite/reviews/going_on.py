"""One pass of the worker over what must go from a supplier to its payer, or back, and asks nobody outside.

Invoices arrive by a job of their own (`receiving.RECEIVE`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from functools import partial

from emite.reviews import crediting, hearing, receiving, telling, undoing


def steps(now: dt.datetime, *, limit: int) -> Iterator[Callable[[], object]]:
    """What is due now, each to be done by itself: one that fails keeps nobody else waiting."""
    for received in receiving.cancelled(limit=limit):
        yield partial(receiving.withdraw, received, now=now)
    for payment in undoing.reverted(limit=limit):
        yield partial(undoing.revert, payment, now=now)
    for share in hearing.due(limit=limit):
        yield partial(hearing.deliver, share, now=now)
    for said in hearing.undone(limit=limit):
        yield partial(hearing.take_back, said, now=now)
    for notice in telling.due(now=now, limit=limit):
        yield partial(telling.tell, notice, now=now)
    for complement in receiving.complements_due(limit=limit):
        yield partial(receiving.deliver_complement, complement, now=now)
    for ended in hearing.cancelled(limit=limit):
        yield partial(hearing.withdraw, ended, now=now)
    for note in crediting.due(limit=limit):
        yield partial(crediting.deliver, note, now=now)
    for credit in crediting.cancelled(limit=limit):
        yield partial(crediting.withdraw, credit, now=now)
