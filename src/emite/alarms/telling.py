"""Keep what was found and tell it: once when it begins, again when it gets worse or another day passes, and its end.

One mail for all that an organization must hear in one pass, to its administrators; the installation's own go to the
operator (EMITE_OPERATORS).
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections import defaultdict
from collections.abc import Iterable
from typing import Final

import structlog
from django.conf import settings
from django.db import connection, transaction

from emite.accounts import posting
from emite.alarms.finding import Found
from emite.alarms.models import INSTALLATION, Alarm, Kind
from emite.integrations.publishing import publish
from emite.organizations.models import Membership
from emite.organizations.permissions import Need

log = structlog.get_logger(__name__)

#: What still stands is said again after a day; a note, never.
AGAIN: Final = dt.timedelta(hours=24)
#: What comes and goes is over once it has not been seen for this long, and some of it is said only if it stays.
QUIET: Final = dt.timedelta(minutes=10)
PATIENCE: Final = {Kind.PAC: dt.timedelta(minutes=10)}
_TURN: Final = 0x656D69746501


def settle(found: Iterable[Found], now: dt.datetime) -> int:
    """Open, renew and close; returns how many are open. One worker at a time: another that comes meanwhile leaves."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_TURN])
            if not cursor.fetchone()[0]:
                return 0
        rows = Alarm.objects.filter(closed_at=None)
        standing = {(row.organization_id, row.kind, row.subject): row for row in rows}
        news: dict[uuid.UUID, list[Alarm]] = defaultdict(list)
        seen = set()
        for each in found:
            key = (each.organization, str(each.kind), each.subject)
            seen.add(key)
            row, is_news = _renewed(standing.get(key), each, now)
            if is_news:
                news[each.organization].append(row)
        for key, row in standing.items():
            if key not in seen and now - row.seen_at >= QUIET:
                row.closed_at = now
                row.save(update_fields=["closed_at"])
                if row.told_at:
                    news[row.organization_id].append(row)
        for organization, told in news.items():
            _tell(organization, told, now)
    return len(seen)


def _renewed(row: Alarm | None, found: Found, now: dt.datetime) -> tuple[Alarm, bool]:
    """The row as it is now, and whether somebody must hear of it."""
    if row is None:
        row = Alarm(organization_id=found.organization, kind=found.kind, subject=found.subject, opened_at=now)
        row.grade = found.grade
    if row.told_at is None:
        is_news = now - row.opened_at >= PATIENCE.get(found.kind, dt.timedelta(0))
    else:
        is_news = found.grade > row.grade or (found.serious and now - row.told_at >= AGAIN)
    row.words, row.grade, row.seen_at = found.words, max(row.grade, found.grade), now
    if is_news:
        row.told_at = now
    row.save()
    return row, is_news


def _tell(organization: uuid.UUID, rows: list[Alarm], now: dt.datetime) -> None:
    opened, closed = [row for row in rows if not row.closed_at], [row for row in rows if row.closed_at]
    for row in rows:
        log.warning("alarm" if not row.closed_at else "alarm_over", kind=row.kind, organization_id=str(organization))
        if organization != INSTALLATION:
            event = "alarm.closed" if row.closed_at else "alarm.opened"
            publish(organization, event, lambda row=row: _data(row), now=now)  # type: ignore[misc]
    for address in _who(organization):
        context = {"opened": opened, "closed": closed, "address": settings.EMITE_URL}
        posting.post("alarms/told", context, to=address, now=now, organization_id=organization)


def _data(row: Alarm) -> dict[str, str]:
    return {"kind": row.kind, "words": row.words, "since": row.opened_at.astimezone(dt.UTC).isoformat()}


def _who(organization: uuid.UUID) -> list[str]:
    if organization == INSTALLATION:
        return list(settings.EMITE_OPERATORS)
    people = Membership.objects.who_may(Need.ADMINISTER).filter(organization=organization)
    return sorted(set(people.values_list("user__email", flat=True)))
