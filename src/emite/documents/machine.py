"""What an answer of the PAC means for a document: the state machine as pure functions, without database or network.

The rows are moved by `stamping`. Sources: CFF 29 and RMF 2.7.2.9 (72 hours); the proofs per PAC class are
explained in docs/lifecycles.md.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from emite.documents.models import State
from emite.pac.port import (
    Capabilities,
    Dedup,
    Doubt,
    Found,
    LookupAnswer,
    LookupBy,
    NotFound,
    NotSent,
    Rejected,
    StampAnswer,
    is_definitive,
)

#: SAT refuses a Fecha older than 72 hours when it is stamped (401). We stop a little before: the PAC has its own clock.
GIVE_UP = dt.timedelta(hours=71)
#: Dates out of range (401) or ahead of the PAC (404): cured by a new date, once it is proved that nothing was stamped.
DATE_CODES = frozenset({"401", "404"})
#: The Fecha is too old: the same bytes will never be taken.
TOO_OLD_CODE = "401"
#: Pauses between look-ups, then the last one for ever.
LOOKUP_PAUSES = tuple(dt.timedelta(seconds=s) for s in (10, 20, 40, 120, 300, 600))
SEND_PAUSES = tuple(dt.timedelta(seconds=s) for s in (2, 5, 10, 20, 40, 60))


@dataclass(frozen=True, slots=True)
class Facts:
    """What the row knows about the revision being stamped. All moments are aware."""

    fecha: dt.datetime
    in_doubt: bool
    first_sent_at: dt.datetime | None
    last_sent_at: dt.datetime | None
    not_found: int
    lookups: int
    attempts: int
    last_code: str
    #: A person wants it discarded as soon as it is proved that it was not stamped: it is not sent again.
    unwanted: bool = False


@dataclass(frozen=True, slots=True)
class Move:
    """Where the row goes: state, when it is due again, and the facts that change with it."""

    state: State
    event: str
    next_at: dt.datetime | None = None
    changes: dict[str, Any] = field(default_factory=dict)


def before_send(facts: Facts, now: dt.datetime) -> Move | None:
    """None: send. Otherwise what to do instead with bytes that are too old to be stamped, or that nobody wants."""
    if facts.unwanted:
        # Looked up until it is proved that nothing was stamped; with nothing ever sent, that is proof enough.
        never_sent = facts.first_sent_at is None and not facts.in_doubt
        return discard(now) if never_sent else Move(State.UNKNOWN, "", now)
    if now - facts.fecha < GIVE_UP:
        return None
    if facts.first_sent_at is None:
        return redate("redate", now)
    return Move(State.HELD, "held", _after(now, LOOKUP_PAUSES, facts.lookups))


def redate(event: str, now: dt.datetime) -> Move:
    """Back to a draft that keeps its folio: the next step seals it again with today's date."""
    return Move(
        State.DRAFT,
        event,
        now,
        {"in_doubt": False, "first_sent_at": None, "last_sent_at": None, "not_found": 0, "lookups": 0},
    )


def discard(now: dt.datetime) -> Move:
    """The end of a document of which nothing can be stamped: its charges are free again."""
    return Move(State.VOID, "void", None, {**redate("", now).changes, "discard_asked_at": None})


def after_stamp(
    facts: Facts, answer: Rejected | NotSent | Doubt, now: dt.datetime, capabilities: Capabilities | None = None
) -> Move:
    """The move for an answer that is not a stamp. `facts` are those from before this send; with `capabilities` a PAC
    that has no look-up may prove a refusal by a late second send."""
    if isinstance(answer, NotSent):
        # No byte left: what was in doubt before still is, and what was not, is not.
        return Move(
            State.UNKNOWN if facts.in_doubt else State.SEALED,
            "not_sent",
            _after(now, SEND_PAUSES, facts.attempts),
            {"first_sent_at": facts.first_sent_at, "last_sent_at": facts.last_sent_at, "in_doubt": facts.in_doubt},
        )
    code = {"last_code": answer.code[:20], "last_text": answer.text}
    if isinstance(answer, Rejected) and (not facts.in_doubt or _is_late_proof(facts, capabilities, now)):
        return Move(State.REJECTED, "rejected", None, code)
    # A refusal after a send that nobody saw end may be the echo of a stamp: only a look-up can tell.
    # The count of look-ups goes on, so that a PAC that answers nonsense is asked less and less often.
    return Move(
        State.UNKNOWN,
        "doubt",
        _after(now, LOOKUP_PAUSES, facts.lookups),
        {"in_doubt": True, "not_found": 0, **code},
    )


def after_lookup(facts: Facts, answer: LookupAnswer, capabilities: Capabilities, now: dt.datetime) -> Move:
    """The move for a look-up that found nothing or could not tell."""
    assert not isinstance(answer, Found)
    too_old = now - facts.fecha >= GIVE_UP
    waiting = State.HELD if too_old else State.UNKNOWN
    count = {"lookups": facts.lookups + 1}
    pause = _after(now, LOOKUP_PAUSES, facts.lookups + 1)
    quiet_until = _quiet_until(facts, capabilities)
    if not isinstance(answer, NotFound):
        if _is_asked_by_sending(capabilities) and not too_old and not facts.unwanted:
            return _ask_by_sending(facts, capabilities, now, Move(waiting, "lookup_unknown", pause, count))
        return Move(waiting, "lookup_unknown", pause, count)
    if now >= quiet_until:
        count["not_found"] = facts.not_found + 1
        if proves_not_stamped(capabilities.dedup, facts.not_found + 1):
            return _resend_or_redate(facts, now, too_old=too_old)
        return Move(waiting, "not_found", pause, count)
    may_resend = _resend_is_safe(facts, capabilities, now) and not facts.unwanted
    if may_resend and not too_old and not _was_refused(facts):
        # The PAC itself recognises these bytes (or this key): asking again cannot stamp them twice.
        return Move(State.SEALED, "resend", now, count)
    return Move(waiting, "not_found", max(pause, quiet_until), count)


def _quiet_until(facts: Facts, capabilities: Capabilities) -> dt.datetime:
    """From then on nothing of what was sent is still on its way to be stamped, and every stamp can be seen."""
    return (facts.last_sent_at or facts.fecha) + capabilities.max_processing + capabilities.visible_after


def _is_asked_by_sending(capabilities: Capabilities) -> bool:
    """Without a look-up, but with a key: the same bytes under the same key answer 307 if they were stamped."""
    return capabilities.lookup is LookupBy.NONE and capabilities.dedup is Dedup.KEY


def _ask_by_sending(facts: Facts, capabilities: Capabilities, now: dt.datetime, wait: Move) -> Move:
    """Send again while the key lasts. After a refusal only once what was sent has surely ended: then a second refusal
    proves it (`_is_late_proof`), and until then it would only be repeated."""
    if not _resend_is_safe(facts, capabilities, now):
        return wait
    quiet_until = _quiet_until(facts, capabilities)
    if _was_refused(facts) and now < quiet_until:
        return Move(wait.state, wait.event, quiet_until, wait.changes)
    return Move(State.SEALED, "resend", now, wait.changes)


def _is_late_proof(facts: Facts, capabilities: Capabilities | None, now: dt.datetime) -> bool:
    """The PAC knows its keys before it judges, and every earlier send has ended: refused now, it was never stamped."""
    if capabilities is None or not _is_asked_by_sending(capabilities) or facts.first_sent_at is None:
        return False
    return now >= _quiet_until(facts, capabilities) and _resend_is_safe(facts, capabilities, now)


def proves_not_stamped(dedup: Dedup, not_found: int) -> bool:
    """Enough negative look-ups, each after the PAC must have finished and shown its work."""
    return not_found >= negatives_needed(dedup)


def negatives_needed(dedup: Dedup) -> int:
    """How many such look-ups in a row (docs/decisions/0008).

    A PAC that now and then does not see its own work must not be believed: without de-duplication a wrong proof is a
    second CFDI, elsewhere only a repeated send.
    """
    return 4 if dedup is Dedup.NONE else 1


def _resend_is_safe(facts: Facts, capabilities: Capabilities, now: dt.datetime) -> bool:
    if capabilities.dedup is Dedup.CONTENT:
        return True
    if capabilities.dedup is Dedup.KEY:
        ttl = capabilities.key_ttl
        return ttl is None or facts.first_sent_at is None or now < facts.first_sent_at + ttl - dt.timedelta(hours=1)
    return False


def _was_refused(facts: Facts) -> bool:
    """The last answer would only be repeated: each new send would put off the proof that makes it definitive."""
    return is_definitive(facts.last_code) or facts.last_code == TOO_OLD_CODE


def _resend_or_redate(facts: Facts, now: dt.datetime, *, too_old: bool) -> Move:
    if facts.unwanted:
        return discard(now)
    if too_old or facts.last_code in DATE_CODES:
        return redate("redate", now)
    fresh: dict[str, Any] = {"in_doubt": False, "first_sent_at": None, "last_sent_at": None, "not_found": 0}
    return Move(State.SEALED, "proved_not_stamped", now, {**fresh, "lookups": 0})


def _after(now: dt.datetime, pauses: tuple[dt.timedelta, ...], step: int) -> dt.datetime:
    return now + pauses[min(step, len(pauses) - 1)]


def is_failure_of_the_pac(answer: StampAnswer | LookupAnswer) -> bool:
    """Counts for the circuit breaker: the PAC did not answer, or answered that it is ill."""
    if isinstance(answer, NotSent):
        return True
    http = answer.evidence.http
    return http is None or http >= 500
