"""What SAT's word on a document of ours amounts to: pure functions. Sources: docs/sat/cancelacion.md."""

from __future__ import annotations

import datetime as dt

from emite.documents.consulting import SAT_LAG
from emite.documents.models import State
from emite.pac.port import SatEstado, StatusAnswer, StatusUnknown
from emite.reconciling.models import Difference

#: After a stamp SAT is asked so soon, and then again, while it does not know it or does not answer.
PAUSES = tuple(dt.timedelta(minutes=m) for m in (1, 10, 60, 360, 1440))


def difference(state: str, stamped_at: dt.datetime, answer: StatusAnswer, now: dt.datetime) -> Difference.Kind | None:
    """What does not agree, if anything. An answer that is no verdict differs from nothing."""
    if isinstance(answer, StatusUnknown):
        return None
    ours_lives = state == State.STAMPED
    if answer.estado is SatEstado.CANCELADO and ours_lives:
        return Difference.Kind.CANCELLED_AT_SAT
    if answer.estado is SatEstado.VIGENTE and not ours_lives:
        return Difference.Kind.ALIVE_AT_SAT
    if answer.estado is SatEstado.NOT_FOUND and ours_lives and now - stamped_at > SAT_LAG:
        return Difference.Kind.NOT_AT_SAT
    return None


def ask_again_at(asked: int, stamped_at: dt.datetime, answer: StatusAnswer, now: dt.datetime) -> dt.datetime | None:
    """When SAT is asked again after the stamp; None once it knows the document, or its lag has passed."""
    silent = isinstance(answer, StatusUnknown) or answer.estado is SatEstado.NOT_FOUND
    if not silent or now - stamped_at > SAT_LAG + PAUSES[-1]:
        return None
    return now + PAUSES[min(asked, len(PAUSES) - 1)]
