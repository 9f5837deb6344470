"""What answers mean for a cancellation while an earlier send of it is in doubt: nothing is final that SAT may undo."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from emite.cancellations.machine import NOT_CANCELABLE, SAT_LAG, Facts, after_send, after_status
from emite.cancellations.models import State
from emite.pac.port import (
    CancelAnswer,
    CancelDoubt,
    CancelRefused,
    CancelTold,
    Evidence,
    NotSent,
    SatEstado,
    SatStatus,
)

NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
SEEN = Evidence(200, "", b"", None, 1)
FOLIO = "A" * 36
SURE = Facts(State.SENDING, NOW - HOUR, NOW - HOUR, attempts=2, checks=0, refused_before=False)
DOUBTED = replace(SURE, doubted_at=NOW - HOUR)
REFUSALS: list[CancelAnswer] = [
    *(CancelTold({FOLIO: code}, b"", SEEN) for code in ("203", "204", "206", "207", "210", "211")),
    CancelRefused("305", "Certificado vencido", SEEN),
]


def sat(
    estatus: str = "", estado: SatEstado = SatEstado.VIGENTE, cancelable: str = "Cancelable con aceptación"
) -> SatStatus:
    return SatStatus(estado, "S", cancelable, estatus, "200", SEEN)


@pytest.mark.parametrize("answer", REFUSALS)
def test_a_refusal_is_final_only_when_no_send_is_in_doubt(answer: CancelAnswer) -> None:
    assert after_send(SURE, answer, FOLIO, NOW).state is State.REFUSED
    move = after_send(DOUBTED, answer, FOLIO, NOW)
    assert (move.state, move.event, move.changes["refused_at"]) == (State.SIGNED, "refused_in_doubt", NOW)
    assert move.next_at is not None
    assert move.next_at > NOW


def test_only_an_answer_that_may_have_reached_sat_leaves_a_doubt() -> None:
    assert after_send(SURE, CancelDoubt("", "se cortó", SEEN), FOLIO, NOW).changes["doubted_at"] == NOW
    assert "doubted_at" not in after_send(SURE, NotSent("sin red", SEEN), FOLIO, NOW).changes
    told = after_send(DOUBTED, CancelTold({FOLIO: "202"}, b"", SEEN), FOLIO, NOW)
    assert (told.state, told.changes["doubted_at"]) == (State.REQUESTED, None)


def test_what_was_refused_in_doubt_is_asked_of_sat_and_never_sent_again() -> None:
    facts = replace(DOUBTED, state=State.SIGNED, refused_at=NOW, last_code="204", last_text="relacionados")
    for said, to in (
        (sat(), State.SIGNED),
        (sat("En proceso"), State.IN_PROCESS),
        (sat("Solicitud rechazada"), State.REJECTED),
        (sat(estado=SatEstado.CANCELADO), State.CANCELLED),
        (sat(estado=SatEstado.NOT_FOUND), State.SIGNED),
    ):
        move = after_status(facts, said, NOW)
        assert move.state is to
        assert move.next_at is None or move.next_at > NOW, "a SIGNED that is due now would be sent"
    late = after_status(facts, sat(), NOW + SAT_LAG)
    assert (late.state, late.changes["last_code"]) == (State.REFUSED, "204")


def test_not_cancelable_after_a_doubtful_send_waits_too() -> None:
    facts = replace(DOUBTED, state=State.SIGNED)
    move = after_status(facts, sat(cancelable="No cancelable"), NOW)
    assert (move.state, move.changes["last_code"], move.changes["refused_at"]) == (State.SIGNED, NOT_CANCELABLE, NOW)
    assert after_status(replace(SURE, state=State.SIGNED), sat(cancelable="No cancelable"), NOW).state is State.REFUSED
    assert after_status(facts, sat(), NOW).next_at == NOW, "not refused: the same bytes again"
