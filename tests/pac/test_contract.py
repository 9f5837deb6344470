"""The contract of the port, on every adapter and every way of recognising duplicates (stands.py)."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from emite.cfdi import timbre
from emite.cfdi import xml as cfdi_xml
from emite.cfdi.comprobante import Receptor
from emite.pac.port import (
    Credits,
    CreditsUnknown,
    Dedup,
    Doubt,
    Fetched,
    Found,
    Listed,
    LookupAnswer,
    LookupBy,
    NotFound,
    NotListed,
    NotSent,
    NotSentCause,
    Rejected,
    StampAnswer,
    Stamped,
    Unknown,
)
from emite.pac.seals import Identity
from tests.pac import make
from tests.pac.stands import STANDS, Stand, opened

# Whether the far end stamped, by what it met.
BEFORE = ("cut_before", "delay_before", "error_before", "garbage_before", "html_before", "unclassified_before")
AFTER = (
    "cut_after", "delay_after", "error_after", "garbage_after", "html_after", "unclassified_after", "half_after",
    "drip_after", "bare_after", "foreign_after", "oversize_after",
)  # fmt: skip


@pytest.fixture(scope="module", params=STANDS)
def standing(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    folder: Path = tmp_path_factory.mktemp(request.param)
    with opened(request.param, folder) as stand:
        yield stand


@pytest.fixture
def stand(standing: Stand) -> Stand:
    standing.reset()
    return standing


@dataclass
class Sent:
    """One document on its way."""

    stand: Stand
    xml: bytes
    key: str

    def stamp(self) -> StampAnswer:
        return self.stand.pac().stamp(self.xml, self.key)

    def lookup(self) -> LookupAnswer:
        return self.stand.pac().lookup(self.xml, self.key)

    def settled(self, within: float = 3) -> LookupAnswer | StampAnswer:
        """Ask until the far end, which may still be at work, has an answer: by looking up, or where that can't be, by
        sending the same bytes again."""
        until = time.monotonic() + within
        while True:
            answer = self.lookup() if can_look_up(self.stand) else self.stamp()
            if isinstance(answer, Found | Stamped) or time.monotonic() > until:
                return answer
            time.sleep(0.05)

    def is_unknown_to_the_pac(self) -> bool:
        """What a look-up says of bytes that were never stamped."""
        return isinstance(self.lookup(), NotFound if can_look_up(self.stand) else Unknown)


@pytest.fixture
def sent(stand: Stand) -> Sent:
    # What an earlier test hung up on may still be stamped there: no two documents have one key.
    return Sent(stand, make.sealed(stand.csd()), f"document-{uuid.uuid4()}")


def uuid_of(stamped: bytes) -> str:
    stamp = timbre.read(cfdi_xml.parse(stamped))
    assert stamp is not None
    return stamp.uuid


def can_look_up(stand: Stand) -> bool:
    return stand.pac().capabilities.lookup is not LookupBy.NONE


def dedup(stand: Stand) -> Dedup:
    return stand.pac().capabilities.dedup


def test_a_sound_document_is_stamped_and_its_stamp_verifies(sent: Sent) -> None:
    pac = sent.stand.pac()
    answer = pac.stamp(sent.xml, sent.key)
    assert isinstance(answer, Stamped)
    assert not answer.repeated
    stamp = timbre.verify_stamp(answer.xml, sent.xml, pac.certificates())
    assert sent.stand.uuids(sent.xml) == [stamp.uuid]
    assert answer.evidence.http == 200
    assert answer.evidence.pac_date is not None
    assert stamp.uuid in answer.evidence.raw.decode()
    assert uuid_of(answer.xml) == stamp.uuid


def test_a_broken_rule_is_rejected_with_its_code(sent: Sent) -> None:
    wrong = make.sealed(sent.stand.csd(), receptor=Receptor("MAOL880314Q75", "OTRA PERSONA", "06700", "605", "D01"))
    answer = sent.stand.pac().stamp(wrong, sent.key)
    assert isinstance(answer, Rejected)
    assert answer.code == "CFDI40145"
    assert "Nombre" in answer.text
    assert sent.stand.uuids(sent.xml) == []


@pytest.mark.parametrize("condition", BEFORE)
def test_what_goes_wrong_before_the_stamp_is_doubt_and_then_not_found(sent: Sent, condition: str) -> None:
    sent.stand.meets(condition)
    assert isinstance(sent.stamp(), Doubt)
    if condition == "delay_before":
        assert isinstance(sent.settled(), Found | Stamped), "a slow PAC stamps after we have hung up"
        assert len(sent.stand.uuids(sent.xml)) == 1
        return
    assert sent.is_unknown_to_the_pac()
    assert sent.stand.uuids(sent.xml) == []


@pytest.mark.parametrize("condition", AFTER)
def test_what_goes_wrong_after_the_stamp_is_doubt_and_then_found(sent: Sent, condition: str) -> None:
    sent.stand.meets(condition)
    assert isinstance(sent.stamp(), Doubt)
    found = sent.settled()
    assert isinstance(found, Found | Stamped)
    assert sent.stand.uuids(sent.xml) == [uuid_of(found.xml)]
    timbre.verify_stamp(found.xml, sent.xml, sent.stand.pac().certificates())


@pytest.mark.parametrize("condition", [None, *AFTER])
def test_sending_again_is_safe_exactly_where_it_is_declared(sent: Sent, condition: str | None) -> None:
    if condition is not None:
        sent.stand.meets(condition)
    sent.stamp()
    sent.settled()
    again = sent.stamp()
    assert isinstance(again, Stamped)
    uuids = sent.stand.uuids(sent.xml)
    if dedup(sent.stand) is Dedup.NONE:
        assert not again.repeated
        assert len(uuids) == 2, "without de-duplication the same bytes are stamped twice"
    else:
        assert again.repeated
        assert uuids == [uuid_of(again.xml)]


def test_a_307_without_the_document_is_doubt_that_a_look_up_ends(sent: Sent) -> None:
    if dedup(sent.stand) is Dedup.NONE:
        pytest.skip("this class never answers 307")
    first = sent.stamp()
    sent.stand.bare_repeats()
    answer = sent.stamp()
    assert isinstance(answer, Doubt)
    assert answer.code == "307"
    assert isinstance(first, Stamped)
    if not can_look_up(sent.stand):
        return  # asked again until the PAC gives it, or a person brings the file
    found = sent.lookup()
    assert isinstance(found, Found)
    assert found.xml == first.xml


def test_a_blind_look_up_says_not_found_for_a_while(sent: Sent) -> None:
    if not can_look_up(sent.stand):
        pytest.skip("this PAC has no look-up that could be blind")
    sent.stand.blind(0.6)
    sent.stand.meets("cut_after")
    assert isinstance(sent.stamp(), Doubt)
    assert isinstance(sent.lookup(), NotFound)
    assert isinstance(sent.settled(), Found)


def test_an_expired_session_is_renewed_and_the_document_sent_once(sent: Sent) -> None:
    if not sent.stand.has_sessions:
        pytest.skip("every call carries user and password")
    pac = sent.stand.pac()
    pac.credits("SST980412QZA")  # opens the session
    sent.stand.meets("auth_expired")
    assert isinstance(pac.stamp(sent.xml, sent.key), Stamped)
    assert len(sent.stand.uuids(sent.xml)) == 1


def test_a_session_refused_twice_was_not_sent(sent: Sent) -> None:
    sent.stand.meets("auth_expired", "auth_expired")
    answer = sent.stamp()
    assert isinstance(answer, NotSent)
    assert answer.cause is NotSentCause.UNAUTHENTICATED
    assert sent.stand.uuids(sent.xml) == []


def test_a_wrong_password_was_not_sent(sent: Sent) -> None:
    pac = sent.stand.pac(password="otra")
    answer = pac.stamp(sent.xml, sent.key)
    assert isinstance(answer, NotSent)
    assert answer.cause is NotSentCause.UNAUTHENTICATED
    assert isinstance(pac.lookup(sent.xml, sent.key), Unknown)
    assert sent.stand.uuids(sent.xml) == []


def test_an_account_out_of_credits_was_not_sent(sent: Sent) -> None:
    sent.stand.without_credits()
    pac = sent.stand.pac()
    answer = pac.stamp(sent.xml, sent.key)
    if isinstance(answer, Doubt):  # SW has no code for it: its balance, asked before the next send, tells
        assert dedup(sent.stand) is Dedup.KEY
        answer = pac.stamp(sent.xml, sent.key)
    assert isinstance(answer, NotSent)
    assert answer.cause is NotSentCause.NO_CREDITS
    assert sent.stand.uuids(sent.xml) == []


def test_a_refused_connection_was_not_sent(sent: Sent) -> None:
    pac = sent.stand.pac(down=True)
    answer = pac.stamp(sent.xml, sent.key)
    assert isinstance(answer, NotSent)
    assert answer.cause is NotSentCause.UNREACHABLE
    assert isinstance(pac.lookup(sent.xml, sent.key), Unknown)


def test_a_date_out_of_range_is_never_definitive(sent: Sent) -> None:
    old = make.sealed(sent.stand.csd(), age=timedelta(hours=73))
    answer = sent.stand.pac().stamp(old, sent.key)
    assert isinstance(answer, Doubt)
    assert answer.code == "401"


def test_a_slow_answer_ends_within_the_total(sent: Sent) -> None:
    sent.stand.meets("drip_after")
    pac = sent.stand.pac()
    started = time.monotonic()
    assert isinstance(pac.stamp(sent.xml, sent.key), Doubt)
    assert time.monotonic() - started < 1.6


def test_another_document_under_the_same_key_is_told_apart(sent: Sent) -> None:
    assert isinstance(sent.stamp(), Stamped)
    other = Sent(sent.stand, make.sealed(sent.stand.csd()), sent.key)
    answer = other.stamp()
    if dedup(sent.stand) is Dedup.KEY:
        assert isinstance(answer, Doubt)
        assert answer.code == "CFDI3307"
        assert isinstance(other.lookup(), Unknown), "what is held under the key is not this document"
    else:
        assert isinstance(answer, Stamped)
        assert [len(sent.stand.uuids(each.xml)) for each in (sent, other)] == [1, 1]


def test_the_credits_left_are_told(stand: Stand) -> None:
    rfc = "SST980412QZA"
    told = stand.pac().credits(rfc)
    assert isinstance(told, Credits)
    assert told.left is None
    stand.without_credits()
    told = stand.pac().credits(rfc)
    assert isinstance(told, Credits)
    assert told.left == 0
    assert isinstance(stand.pac(password="otra").credits(rfc), CreditsUnknown)
    assert isinstance(stand.pac(down=True).credits(rfc), CreditsUnknown)


def test_what_was_stamped_is_listed_and_fetched(sent: Sent) -> None:
    pac, rfc = sent.stand.pac(), "SST980412QZA"
    stamped = sent.stamp()
    assert isinstance(stamped, Stamped)
    uuid, now = uuid_of(stamped.xml), datetime.now(UTC)
    assert pac.capabilities.lists
    listed = pac.listing(rfc, now - timedelta(days=40), now + timedelta(minutes=1))
    assert isinstance(listed, Listed)
    (found,) = [each for each in listed.stamps if each.uuid == uuid]
    who = Identity.of(sent.xml)
    assert (found.serie, found.folio) in ((who.serie, who.folio), ("", ""))
    fetched = pac.fetch(rfc, found.uuid)
    assert isinstance(fetched, Fetched)
    timbre.verify_stamp(fetched.xml, sent.xml, pac.certificates())

    long_ago = pac.listing(rfc, now - timedelta(days=90), now - timedelta(days=60))
    assert isinstance(long_ago, Listed)
    assert long_ago.stamps == ()
    other = pac.listing("CEGJ620718HB1", now - timedelta(days=2), now)
    assert isinstance(other, Listed)
    assert other.stamps == ()
    assert isinstance(pac.fetch(rfc, "AAAAAAAA-AAAA-4AAA-8AAA-AAAAAAAAAAAA"), Unknown)
    for broken in (sent.stand.pac(password="otra"), sent.stand.pac(down=True)):
        assert isinstance(broken.listing(rfc, now - timedelta(days=2), now), NotListed)
        assert isinstance(broken.fetch(rfc, uuid), Unknown)


def test_no_answer_and_no_object_shows_the_password(stand: Stand) -> None:
    secret = "s3creta-de-la-cuenta"
    pac = stand.pac(password=secret)
    answers = (pac.stamp(make.sealed(stand.csd()), "k"), pac.credits("SST980412QZA"))
    assert secret not in repr(answers) + repr(pac) + repr(vars(pac).get("_transport"))
