"""Every answer of a PAC in every situation, for each class of de-duplication: what the machine may never do."""

import dataclasses
import datetime as dt
import itertools

import pytest

from emite.documents import machine
from emite.documents.machine import DATE_CODES, Facts, Move
from emite.documents.models import State
from emite.pac.port import (
    Capabilities,
    Dedup,
    Doubt,
    Evidence,
    LookupBy,
    NotFound,
    NotSent,
    Rejected,
    Unknown,
)

NOW = dt.datetime(2026, 11, 22, 18, 0, tzinfo=dt.UTC)
EVIDENCE = Evidence(http=200, code=None, raw=b"", pac_date=None, elapsed_ms=1)
QUIET = dt.timedelta(minutes=10, seconds=10)


def capabilities(dedup: Dedup) -> Capabilities:
    ttl = dt.timedelta(hours=72) if dedup is Dedup.KEY else None
    return Capabilities(dedup, LookupBy.BYTES, ttl, dt.timedelta(seconds=10), dt.timedelta(minutes=10))


def facts(**over: object) -> Facts:
    known: dict[str, object] = {
        "fecha": NOW - dt.timedelta(minutes=5), "in_doubt": False, "first_sent_at": None, "last_sent_at": None,
        "not_found": 0, "lookups": 0, "attempts": 1, "last_code": "",
    }  # fmt: skip
    return Facts(**(known | over))  # type: ignore[arg-type]


def in_doubt(ago: dt.timedelta, **over: object) -> Facts:
    sent: dict[str, object] = {"in_doubt": True, "first_sent_at": NOW - ago, "last_sent_at": NOW - ago}
    return facts(**(sent | over))


def situations() -> list[Facts]:
    found = []
    ages = (dt.timedelta(minutes=5), dt.timedelta(hours=70, minutes=59), dt.timedelta(hours=71), dt.timedelta(days=9))
    sent = (dt.timedelta(seconds=1), QUIET - dt.timedelta(seconds=1), QUIET, dt.timedelta(hours=71, minutes=5))
    for age, ago, seen, code in itertools.product(ages, sent, (0, 1, 5), ("", "401", "CFDI40145")):
        found.append(in_doubt(ago, fecha=NOW - age, not_found=seen, last_code=code))
    return found


def test_a_clean_refusal_is_definitive() -> None:
    move = machine.after_stamp(facts(), Rejected("CFDI40145", "nombre", EVIDENCE), NOW)
    assert (move.state, move.changes["last_code"]) == (State.REJECTED, "CFDI40145")


@pytest.mark.parametrize("situation", situations())
def test_no_refusal_is_definitive_while_a_send_is_in_doubt(situation: Facts) -> None:
    move = machine.after_stamp(situation, Rejected("402", "régimen", EVIDENCE), NOW)
    assert move.state == State.UNKNOWN
    assert move.changes["in_doubt"] is True
    assert move.changes["not_found"] == 0


def test_what_never_left_is_not_in_doubt() -> None:
    move = machine.after_stamp(facts(), NotSent("conexión rechazada", EVIDENCE), NOW)
    assert move.state == State.SEALED
    assert move.changes == {"first_sent_at": None, "last_sent_at": None, "in_doubt": False}


def test_what_never_left_leaves_an_earlier_doubt_as_it_was() -> None:
    before = in_doubt(dt.timedelta(minutes=1))
    move = machine.after_stamp(before, NotSent("conexión rechazada", EVIDENCE), NOW)
    assert move.state == State.UNKNOWN
    assert move.changes["in_doubt"] is True
    assert move.changes["first_sent_at"] == before.first_sent_at


@pytest.mark.parametrize("code", ["", "401", "404", "307", "CFDI40999"])
def test_anything_else_is_a_doubt(code: str) -> None:
    move = machine.after_stamp(facts(), Doubt(code, "?", EVIDENCE), NOW)
    assert move.state == State.UNKNOWN
    assert move.next_at is not None
    assert move.next_at > NOW


@pytest.mark.parametrize("dedup", list(Dedup))
@pytest.mark.parametrize("situation", situations())
def test_a_failed_lookup_proves_nothing(dedup: Dedup, situation: Facts) -> None:
    move = machine.after_lookup(situation, Unknown("sin respuesta", EVIDENCE), capabilities(dedup), NOW)
    assert move.state in (State.UNKNOWN, State.HELD)
    assert "in_doubt" not in move.changes


@pytest.mark.parametrize("dedup", list(Dedup))
@pytest.mark.parametrize("situation", situations())
def test_new_bytes_or_a_clean_slate_only_after_proof(dedup: Dedup, situation: Facts) -> None:
    """Redating makes a new invoice, and forgetting the doubt makes refusals definitive: both need the quiet period."""
    move = machine.after_lookup(situation, NotFound(EVIDENCE), capabilities(dedup), NOW)
    assert situation.last_sent_at is not None
    quiet = NOW - situation.last_sent_at >= QUIET
    enough = situation.not_found + 1 >= (4 if dedup is Dedup.NONE else 1)
    forgets = move.changes.get("in_doubt") is False
    assert forgets == (quiet and enough)
    assert (move.state == State.DRAFT) == (forgets and (_too_old(situation) or situation.last_code in DATE_CODES))
    if move.state == State.SEALED and not forgets:
        assert dedup is not Dedup.NONE, "sending again without de-duplication and without proof"
        assert not _too_old(situation)


def _too_old(situation: Facts) -> bool:
    return NOW - situation.fecha >= machine.GIVE_UP


def test_a_key_that_is_about_to_be_forgotten_is_not_sent_again() -> None:
    situation = in_doubt(dt.timedelta(hours=71, minutes=30), last_sent_at=NOW - dt.timedelta(seconds=5))
    move = machine.after_lookup(situation, NotFound(EVIDENCE), capabilities(Dedup.KEY), NOW)
    assert move.state == State.UNKNOWN


def test_old_bytes_never_sent_are_dated_again_and_sent_ones_are_held() -> None:
    old = NOW - dt.timedelta(hours=71)
    assert machine.before_send(facts(), NOW) is None
    never = machine.before_send(facts(fecha=old), NOW)
    sent = machine.before_send(in_doubt(dt.timedelta(hours=2), fecha=old), NOW)
    assert never is not None
    assert never.state == State.DRAFT
    assert sent is not None
    assert sent.state == State.HELD


def test_every_move_out_of_an_unsettled_state_is_due_again_or_final() -> None:
    moves: list[Move] = []
    for situation in situations():
        moves.append(machine.after_stamp(situation, Doubt("", "?", EVIDENCE), NOW))
        for dedup in Dedup:
            moves.append(machine.after_lookup(situation, NotFound(EVIDENCE), capabilities(dedup), NOW))
    assert all(move.next_at is not None for move in moves)


def test_pauses_grow_and_then_stay() -> None:
    moves = [
        machine.after_lookup(
            in_doubt(dt.timedelta(seconds=1), lookups=n), Unknown("?", EVIDENCE), capabilities(Dedup.NONE), NOW
        )
        for n in range(12)
    ]
    waits = [(move.next_at - NOW).total_seconds() for move in moves if move.next_at]
    assert waits == sorted(waits)
    assert waits[-1] == 600


@pytest.mark.parametrize("dedup", [Dedup.CONTENT, Dedup.KEY])
@pytest.mark.parametrize(
    "refusal", [Rejected("CFDI40145", "nombre", EVIDENCE), Doubt("401", "fuera de rango", EVIDENCE)]
)
def test_a_refusal_after_a_doubt_is_not_sent_again_until_it_can_be_believed(
    dedup: Dedup, refusal: Rejected | Doubt
) -> None:
    """Each look-up comes when the machine asks for it: sending again in between would put off the proof for ever."""
    situation, sends, now = in_doubt(dt.timedelta(minutes=1), attempts=3), 0, NOW
    before = dataclasses.replace(situation, last_sent_at=now)
    move = machine.after_stamp(before, refusal, now)
    for _ in range(20):
        assert move.state == State.UNKNOWN
        assert move.next_at is not None
        now, changes = move.next_at, {"last_code": refusal.code, **move.changes}
        before = dataclasses.replace(before, **{k: v for k, v in changes.items() if k in _FACTS})
        move = machine.after_lookup(before, NotFound(EVIDENCE), capabilities(dedup), now)
        if move.changes.get("in_doubt") is False:
            break
        sends += move.state == State.SEALED
    assert sends == 0
    assert move.changes["in_doubt"] is False
    assert now - NOW <= QUIET + machine.LOOKUP_PAUSES[-1]


def test_a_pac_that_answers_nonsense_is_asked_less_and_less_often() -> None:
    waits, situation = [], facts()
    for _ in range(10):
        move = machine.after_stamp(situation, Doubt("CFDI40999", "no clasificado", EVIDENCE), NOW)
        assert move.next_at is not None
        waits.append((move.next_at - NOW).total_seconds())
        sent = in_doubt(dt.timedelta(seconds=waits[-1]), lookups=move.changes.get("lookups", situation.lookups))
        again = machine.after_lookup(sent, NotFound(EVIDENCE), capabilities(Dedup.CONTENT), NOW)
        situation = dataclasses.replace(sent, lookups=again.changes.get("lookups", sent.lookups))
    assert waits == sorted(waits)
    assert waits[0] == 10
    assert waits[-1] == 600


NO_LOOKUP = dataclasses.replace(capabilities(Dedup.KEY), lookup=LookupBy.NONE)


@pytest.mark.parametrize("situation", situations())
def test_a_pac_with_keys_and_no_look_up_is_asked_by_sending_again_while_the_key_lasts(situation: Facts) -> None:
    move = machine.after_lookup(situation, Unknown("sin consulta", EVIDENCE), NO_LOOKUP, NOW)
    assert situation.last_sent_at is not None
    assert "in_doubt" not in move.changes, "nothing is proved by not asking"
    quiet = NOW - situation.last_sent_at >= QUIET
    remembered = NOW - situation.last_sent_at < dt.timedelta(hours=71)
    refused = situation.last_code in ("401", "CFDI40145")
    sends = not _too_old(situation) and remembered and (quiet or not refused)
    assert (move.state == State.SEALED) is sends
    wanted_gone = dataclasses.replace(situation, unwanted=True)
    assert machine.after_lookup(wanted_gone, Unknown("?", EVIDENCE), NO_LOOKUP, NOW).state != State.SEALED


def test_without_a_look_up_a_refusal_is_believed_once_what_was_sent_has_ended() -> None:
    """Each look-up comes when the machine asks for it: one more send, late, and the refusal is final."""
    refusal, now, sends = Rejected("CFDI40145", "nombre", EVIDENCE), NOW, 0
    before = in_doubt(dt.timedelta(minutes=1))
    move = machine.after_stamp(before, refusal, now, NO_LOOKUP)
    before = dataclasses.replace(before, last_sent_at=now)
    for _ in range(8):
        if move.state == State.REJECTED:
            break
        assert move.next_at is not None
        now = max(move.next_at, now)
        before = dataclasses.replace(before, **{k: v for k, v in move.changes.items() if k in _FACTS})
        if move.state == State.SEALED:
            sends += 1
            move = machine.after_stamp(before, refusal, now, NO_LOOKUP)
            before = dataclasses.replace(before, last_sent_at=now)
        else:
            move = machine.after_lookup(before, Unknown("?", EVIDENCE), NO_LOOKUP, now)
    assert (move.state, sends) == (State.REJECTED, 1)
    assert QUIET <= now - NOW <= QUIET + machine.LOOKUP_PAUSES[-1]
    early = machine.after_stamp(in_doubt(dt.timedelta(minutes=1)), refusal, NOW, NO_LOOKUP)
    assert early.state == State.UNKNOWN


_FACTS = {field.name for field in dataclasses.fields(Facts)}
