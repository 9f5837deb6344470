"""After a restored backup nothing is sealed nor sent until what the PAC stamped meanwhile is back.

A backup does not know what was stamped after it was taken; stamping on from there would invoice the same charges a
second time. Looking up never stamps, so that goes on.
"""

from __future__ import annotations

import datetime as dt

from emite.database.kept import Kept
from emite.documents.machine import Move
from emite.documents.models import FiscalDocument, Quarantine, State

#: How soon a document that waits for its end is looked at again.
WAIT = dt.timedelta(minutes=1)
CODE = "EMI-CUARENTENA"
TEXT = "Se restauró un respaldo: nada se timbra hasta recuperar del PAC lo que se timbró después de él."

_OPEN = Kept(lambda: Quarantine.objects.filter(lifted_at=None).order_by("restored_at")[:1])


def current() -> Quarantine | None:
    """The one that is open, the first of several."""
    return _OPEN.first()


def instead(document: FiscalDocument, now: dt.datetime) -> Move | None:
    """Why a document that would be sealed or sent must wait, if so."""
    if document.state not in (State.DRAFT, State.SEALED) or current() is None:
        return None
    return Move(State(document.state), "", now + WAIT, {"last_code": CODE, "last_text": TEXT})


def lift(*, who: str, now: dt.datetime) -> int:
    """End every open one, and let what waited go on at once; returns how many ended."""
    ended = Quarantine.objects.filter(lifted_at=None).update(lifted_at=now, lifted_by=who)
    FiscalDocument.objects.filter(state__in=(State.DRAFT, State.SEALED), last_code=CODE).update(
        next_at=now, last_code="", last_text=""
    )
    return ended
