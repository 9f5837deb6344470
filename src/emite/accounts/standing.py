"""How long a person's session stands, and which ones are open. Patients' visits live in sessions too, never here.

When it began and was last used is kept in the session itself, which each request reads anyway; OpenSession only says
whose it is and on what device.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.models import Session
from django.db import transaction
from django.utils.crypto import constant_time_compare

from emite.accounts.devices import device_words
from emite.accounts.models import OpenSession, User
from emite.audit import record

#: In the session: when its person logged in ("began"), used it ("used"), proved who they are ("proved").
MARK: Final = "standing"
#: The moment of the last use is written at most this often.
WRITE_EVERY: Final = dt.timedelta(minutes=5)
#: Before a factor changes, whoever proved longer ago than this who they are is asked again.
RECENT: Final = dt.timedelta(minutes=10)


class Over(Enum):
    """Why a session has ended."""

    IDLE = "idle"
    LONG = "long"


@dataclass(frozen=True, slots=True)
class Open:
    """One's own session, as its list shows it."""

    id: uuid.UUID
    device: str
    began_at: dt.datetime
    used_at: dt.datetime
    this: bool


def idle_limit() -> dt.timedelta:
    return dt.timedelta(minutes=settings.EMITE_SESSION_IDLE)


def whole_limit() -> dt.timedelta:
    return dt.timedelta(seconds=settings.SESSION_COOKIE_AGE)


def begin(session: SessionBase, user: User, user_agent: str, *, now: dt.datetime) -> None:
    """Somebody has just logged in."""
    if session.session_key is None:
        session.save()
    key = str(session.session_key)
    tie = OpenSession(user=user, session_key=key, device=device_words(user_agent), began_at=now)
    OpenSession.objects.bulk_create(
        [tie],
        update_conflicts=True,
        unique_fields=["session_key"],
        update_fields=["user", "device", "began_at"],
    )
    moment = now.timestamp()
    session[MARK] = {"began": moment, "used": moment, "proved": moment}


def moved(before: str | None, session: SessionBase) -> None:
    """The session goes on under another key."""
    OpenSession.objects.filter(session_key=before).update(session_key=session.session_key)


def over(session: SessionBase | Mapping[str, Any], now: dt.datetime) -> Over | None:
    """Why it has ended; None while it stands. Without a mark nobody knows its age: it is of an earlier version."""
    mark = session.get(MARK)
    if not mark or now.timestamp() - mark["began"] > whole_limit().total_seconds():
        return Over.LONG
    return Over.IDLE if now.timestamp() - mark["used"] > idle_limit().total_seconds() else None


def use(session: SessionBase, *, now: dt.datetime) -> None:
    """Remember that it is in use, seldom enough to cost nothing."""
    mark = session[MARK]
    if now.timestamp() - mark["used"] > min(WRITE_EVERY, idle_limit() / 4).total_seconds():
        session[MARK] = {**mark, "used": now.timestamp()}


def proved_lately(session: SessionBase, *, now: dt.datetime) -> bool:
    age: float = now.timestamp() - session[MARK]["proved"]
    return age <= RECENT.total_seconds()


def prove(session: SessionBase, *, now: dt.datetime) -> None:
    session[MARK] = {**session[MARK], "proved": now.timestamp()}


def open_sessions(user: User, this: str | None, *, now: dt.datetime) -> list[Open]:
    """One's own that stand, this one first, then the last used."""
    ties = {tie.session_key: tie for tie in OpenSession.objects.filter(user=user)}
    found = []
    for row in Session.objects.filter(session_key__in=ties, expire_date__gt=now):
        data, tie = row.get_decoded(), ties[row.session_key]
        if _is_of(data, user) and over(data, now) is None:
            used = dt.datetime.fromtimestamp(data[MARK]["used"], dt.UTC)
            found.append(Open(tie.pk, tie.device, tie.began_at, used, row.session_key == this))
    return sorted(found, key=lambda each: (not each.this, -each.used_at.timestamp()))


def close(user: User, pk: uuid.UUID, *, now: dt.datetime) -> bool:
    """End one of one's own; False when there is none such. Its next request finds no session."""
    with transaction.atomic():
        tie = OpenSession.objects.filter(user=user, pk=pk).first()
        if tie is None:
            return False
        _delete([tie])
        _audit(user, "session.close", {"device": tie.device}, now)
    return True


def close_others(user: User, this: str | None, *, now: dt.datetime) -> int:
    """End all of one's own but this; how many stood."""
    with transaction.atomic():
        count = sum(not each.this for each in open_sessions(user, this, now=now))
        forget_others(user, this)
        if count:
            _audit(user, "session.close_others", {"sessions": count}, now)
    return count


def forget_others(user: User, this: str | None) -> None:
    """For an act that is audited itself."""
    _delete(list(OpenSession.objects.filter(user=user).exclude(session_key=this)))


def clean_up() -> None:
    """Forget whose the sessions were that are no more."""
    gone = OpenSession.objects.exclude(session_key__in=Session.objects.values("session_key"))
    gone.delete()


def _delete(ties: list[OpenSession]) -> None:
    Session.objects.filter(session_key__in=[tie.session_key for tie in ties]).delete()
    OpenSession.objects.filter(pk__in=[tie.pk for tie in ties]).delete()


def _is_of(data: Mapping[str, Any], user: User) -> bool:
    """Still good: a new password, or one more `session_version`, has ended those of before."""
    same = constant_time_compare(data.get(HASH_SESSION_KEY, ""), user.get_session_auth_hash())
    return same and data.get(SESSION_KEY) == str(user.pk)


def _audit(user: User, action: str, after: dict[str, Any], now: dt.datetime) -> None:
    record(organization_id=None, actor=user.email, action=action, subject=f"user:{user.pk}", now=now, after=after)
