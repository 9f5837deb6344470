"""What SAT's and the PAC's answers mean for a cancellation: pure functions, without database or network.

Three rules carry everything: a request may be sent again at any time (SAT knows it by its folio: 202), only SAT's
status service says "Cancelado" (an acuse says "received"), and while a send is in doubt no refusal of a later one is
final. Sources: docs/sat/cancelacion.md.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from emite.cancellations.models import State
from emite.cfdi.acuse import BEFORE, RECEIVED
from emite.documents.consulting import SAT_LAG as SAT_LAG
from emite.pac.port import CancelAnswer, CancelDoubt, CancelRefused, CancelTold, SatEstado, SatStatus, StatusAnswer

SEND_PAUSES = tuple(dt.timedelta(seconds=s) for s in (2, 5, 10, 20, 40, 60, 300))
#: While SAT has said nothing yet of a request that it received.
FOLLOW_PAUSES = tuple(dt.timedelta(seconds=s) for s in (2, 5, 10, 20, 40, 60, 300, 600, 1800))
#: While the receptor is being waited for.
WAIT_PAUSES = tuple(dt.timedelta(minutes=m) for m in (1, 5, 15, 30, 60))
#: A refusal of the receptor that an earlier request left behind may still be shown for so long.
STALE_REFUSAL = dt.timedelta(hours=1)
#: The code under which a "No cancelable" of the status service is kept.
NOT_CANCELABLE = "NOCANCELA"
NOT_FOUND = "205"


@dataclass(frozen=True, slots=True)
class Facts:
    """What the row knows. Moments are aware."""

    state: State
    stamped_at: dt.datetime
    first_sent_at: dt.datetime | None
    attempts: int
    checks: int
    refused_before: bool
    #: An earlier send whose end nobody knows: SAT may have the request, whatever is answered to a later one.
    doubted_at: dt.datetime | None = None
    #: When, and with which words, a later send was refused while that one was in doubt.
    refused_at: dt.datetime | None = None
    last_code: str = ""
    last_text: str = ""


@dataclass(frozen=True, slots=True)
class Move:
    """Where the request goes, what its life says of it, and when it is due again (never, when it has ended)."""

    state: State
    event: str = ""
    next_at: dt.datetime | None = None
    changes: dict[str, Any] = field(default_factory=dict)


def after_status(facts: Facts, answer: StatusAnswer, now: dt.datetime) -> Move:
    """The move for a word of SAT, before the first send as well as after. Sending itself is `State.SIGNED`, due now."""
    again = Move(facts.state, next_at=_pause(facts, now))
    if not isinstance(answer, SatStatus):
        return again
    if answer.estado is SatEstado.CANCELADO:
        return Move(State.CANCELLED, "cancelled")
    if answer.estado is SatEstado.NOT_FOUND:
        late = facts.state is State.ASKED and now - facts.stamped_at > SAT_LAG
        return (
            _refused(NOT_FOUND, "El SAT no encuentra el comprobante 72 horas después de timbrado.") if late else again
        )
    estatus = answer.estatus_cancelacion.lower()
    if estatus == "en proceso":
        return Move(State.IN_PROCESS, "" if facts.state is State.IN_PROCESS else "in_process", _pause(facts, now))
    if facts.doubted_at is not None and estatus == "solicitud rechazada" and not facts.refused_before:
        return _rejected()
    if facts.refused_at is not None:
        return _in_the_end(facts, again, now)
    if facts.state in (State.ASKED, State.SIGNED):
        if answer.es_cancelable.lower() == "no cancelable":
            text = "El SAT la tiene como «No cancelable»: hay documentos vivos relacionados."
            return _refuse(facts, NOT_CANCELABLE, text, now)
        return Move(State.SIGNED, next_at=now)
    if estatus == "solicitud rechazada" and not _may_be_stale(facts, now):
        return _rejected()
    if facts.state is State.REQUESTED and facts.first_sent_at and now - facts.first_sent_at > SAT_LAG:
        return Move(State.SIGNED, "sat_knows_nothing", now, {"first_sent_at": None, **_NO_DOUBT})
    return again


def after_send(facts: Facts, answer: CancelAnswer, uuid: str, now: dt.datetime) -> Move:
    """The move for the PAC's answer to the request. Nothing here cancels."""
    if isinstance(answer, CancelTold):
        code = answer.codes[uuid]
        if code in (RECEIVED, BEFORE):
            return Move(State.REQUESTED, "received", now, {"last_code": code, "last_text": "", **_NO_DOUBT})
        if code == NOT_FOUND and now - facts.stamped_at <= SAT_LAG:
            text = "El SAT todavía no encuentra el comprobante: es normal hasta 72 horas después de timbrarlo."
            return Move(State.SIGNED, "not_found", _after(now, SEND_PAUSES, facts.attempts), _code(code, text))
        return _refuse(facts, code, "", now)
    if isinstance(answer, CancelRefused):
        return _refuse(facts, answer.code, answer.text, now)
    pause = _after(now, SEND_PAUSES, facts.attempts)
    if isinstance(answer, CancelDoubt):
        return Move(State.SIGNED, "not_sent", pause, {**_code(answer.code, answer.text), "doubted_at": now})
    return Move(State.SIGNED, "not_sent", pause, _code("", answer.reason))


_NO_DOUBT: dict[str, Any] = {"doubted_at": None, "refused_at": None}


def _refuse(facts: Facts, code: str, text: str, now: dt.datetime) -> Move:
    """A refusal. While an earlier send is in doubt it is not final: SAT is asked until that one shows."""
    if facts.doubted_at is None:
        return _refused(code, text)
    return Move(
        State.SIGNED, "refused_in_doubt", _after(now, FOLLOW_PAUSES, 0), {**_code(code, text), "refused_at": now}
    )


def _in_the_end(facts: Facts, again: Move, now: dt.datetime) -> Move:
    """Refused while in doubt, and SAT shows nothing of the earlier send: never sent again, final after SAT's lag."""
    assert facts.doubted_at is not None
    return _refused(facts.last_code, facts.last_text) if now - facts.doubted_at > SAT_LAG else again


def _rejected() -> Move:
    return Move(State.REJECTED, "rejected", None, {"last_text": "El receptor rechazó la cancelación."})


def _refused(code: str, text: str) -> Move:
    return Move(State.REFUSED, "refused", None, _code(code, text))


def _code(code: str, text: str) -> dict[str, Any]:
    return {"last_code": code[:20], "last_text": text}


def _may_be_stale(facts: Facts, now: dt.datetime) -> bool:
    """The receptor's earlier refusal, still shown: this request has not been seen in process yet."""
    recent = facts.first_sent_at is None or now - facts.first_sent_at < STALE_REFUSAL
    return facts.refused_before and facts.state is State.REQUESTED and recent


def _pause(facts: Facts, now: dt.datetime) -> dt.datetime:
    return _after(now, WAIT_PAUSES if facts.state is State.IN_PROCESS else FOLLOW_PAUSES, facts.checks)


def _after(now: dt.datetime, pauses: tuple[dt.timedelta, ...], step: int) -> dt.datetime:
    return now + pauses[min(step, len(pauses) - 1)]
