"""The machine with each PAC's own protocol: whatever happens to the first send, few calls settle it, never twice."""

from __future__ import annotations

import dataclasses
import datetime as dt
import uuid
from collections.abc import Iterator

import pytest

from emite.cfdi.comprobante import Receptor
from emite.documents import machine
from emite.documents.machine import Facts, Move
from emite.documents.models import State
from emite.pac.port import Found, Pac, Stamped
from tests.pac import make
from tests.pac.stands import STANDS, Stand, opened

CONDITIONS = (
    "", "cut_before", "delay_before", "error_before", "garbage_before", "unclassified_before", "no_credits",
    "auth_expired", "cut_after", "delay_after", "error_after", "garbage_after", "unclassified_after", "half_after",
    "bare_after", "foreign_after",
)  # fmt: skip
MOST_CALLS = 10
_FACTS = {field.name for field in dataclasses.fields(Facts)}


@pytest.fixture(scope="module", params=STANDS)
def standing(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    with opened(request.param, tmp_path_factory.mktemp(request.param)) as stand:
        yield stand


@pytest.fixture
def stand(standing: Stand) -> Stand:
    standing.reset()
    return standing


def settle(pac: Pac, xml: bytes) -> tuple[State, int, dt.timedelta]:
    """As documents/stamping does, with rows and clock in hand: the end, the calls, and how long it took."""
    began = now = dt.datetime.now(dt.UTC)
    key = uuid.uuid4().hex  # of this document alone: a late stamp of the one before must not take it
    facts = Facts(now, False, None, None, 0, 0, 0, "")
    state, calls = State.SEALED, 0
    while calls <= MOST_CALLS:
        calls += 1
        move: Move
        if state == State.SEALED:
            before = facts
            facts = dataclasses.replace(
                facts, first_sent_at=facts.first_sent_at or now, last_sent_at=now, not_found=0,
                attempts=facts.attempts + 1,
            )  # fmt: skip
            answer = pac.stamp(xml, key)
            if isinstance(answer, Stamped):
                return State.STAMPED, calls, now - began
            move = machine.after_stamp(before, answer, now, pac.capabilities)
        else:
            found = pac.lookup(xml, key)
            if isinstance(found, Found):
                return State.STAMPED, calls, now - began
            move = machine.after_lookup(facts, found, pac.capabilities, now)
        facts = dataclasses.replace(facts, **{name: each for name, each in move.changes.items() if name in _FACTS})
        state, now = move.state, max(now, move.next_at or now)
        if state == State.REJECTED:
            return state, calls, now - began
    raise AssertionError(f"not settled after {MOST_CALLS} calls: {state}")


@pytest.mark.parametrize("condition", CONDITIONS)
def test_few_calls_settle_it_and_one_stamp_comes_of_it(stand: Stand, condition: str) -> None:
    xml = make.sealed(stand.csd())
    if condition:
        stand.meets(condition)
    state, calls, took = settle(stand.pac(), xml)
    assert state == State.STAMPED
    assert calls <= MOST_CALLS
    assert took <= dt.timedelta(hours=1)
    assert len(stand.uuids(xml)) == 1


@pytest.mark.parametrize("condition", ["", "cut_before", "error_before"])
def test_a_refusal_ends_whatever_came_before_it(stand: Stand, condition: str) -> None:
    wrong = make.sealed(stand.csd(), receptor=Receptor("MAOL880314Q75", "OTRA PERSONA", "06700", "605", "D01"))
    if condition:
        stand.meets(condition)
    state, calls, took = settle(stand.pac(), wrong)
    assert state == State.REJECTED
    assert calls <= MOST_CALLS
    assert took <= dt.timedelta(hours=1)
    assert stand.uuids(wrong) == []


def test_a_307_without_its_document_is_settled_and_never_stamps_again(stand: Stand) -> None:
    xml = make.sealed(stand.csd())
    stand.meets("cut_after")
    stand.bare_repeats()
    assert settle(stand.pac(), xml)[0] == State.STAMPED
    assert len(stand.uuids(xml)) == 1
