"""What a monitor watches of the whole installation: what waits and for how long, what the PACs answer, who works.

One look over all organizations and no name of any. Read from partial indexes and from the last minutes of the
evidence, so that it costs the same after a year.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection

from emite.documents.models import UNSETTLED

#: Of the PACs' answers: what was said before is history, and the monitor keeps it.
WINDOW: Final = dt.timedelta(minutes=5)
#: A worker that says nothing for so long is taken for dead.
SILENCE: Final = dt.timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Gauge:
    """One number. `name` in Prometheus' words, without the prefix; `labels` never tell whose it is."""

    name: str
    help: str
    value: float
    labels: tuple[tuple[str, str], ...] = ()


def read(now: dt.datetime) -> list[Gauge]:
    """Every gauge at `now`; the caller has opened the rows of all organizations. Eight statements."""
    return [*_documents(now), *_answers(now), *_waiting(now), *_jobs(now), *_standing(now)]


def _documents(now: dt.datetime) -> Iterator[Gauge]:
    rows = _rows(
        "SELECT state, count(*), min(created_at) FROM documents_fiscaldocument WHERE state = ANY(%s) GROUP BY state",
        [[str(state) for state in UNSETTLED]],
    )
    found = {state: (count, oldest) for state, count, oldest in rows}
    for state in UNSETTLED:
        count, oldest = found.get(str(state), (0, None))
        labels = (("state", str(state)),)
        yield Gauge("documents_unsettled", "CFDI that have not ended, by state.", count, labels)
        yield Gauge("documents_oldest_seconds", "Age of the oldest of them.", _age(oldest, now), labels)


def _answers(now: dt.datetime) -> Iterator[Gauge]:
    """Keys begin with their time, so the last minutes are one stretch of the primary key."""
    rows = _rows(
        "SELECT p.provider, a.operation, a.outcome, count(*), "
        "percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY a.elapsed_ms) "
        "FROM documents_stampattempt a JOIN issuers_pacaccount p ON p.id = a.pac_account_id "
        "WHERE a.id >= %s AND a.phase = 'answered' GROUP BY 1, 2, 3",
        [_first_key(now - WINDOW)],
    )
    for provider, operation, outcome, count, spent in rows:
        labels = (("pac", provider), ("operation", operation), ("outcome", outcome))
        yield Gauge("pac_answers", "Answers of the PACs in the last five minutes.", count, labels)
        for share, milliseconds in zip(("0.5", "0.95"), spent or (), strict=False):
            if milliseconds is not None:
                yield Gauge(
                    "pac_answer_seconds", "How long they took.", milliseconds / 1000, (*labels, ("quantile", share))
                )


def _waiting(now: dt.datetime) -> Iterator[Gauge]:
    for kind, table, condition in (
        ("deliveries", "documents_delivery", "state = 'pending'"),
        ("letters", "accounts_letter", "next_at IS NOT NULL"),
        ("webhooks", "integrations_webhookdelivery", "state = 'pending'"),
    ):
        ((count, due),) = _rows(f"SELECT count(*), min(next_at) FROM {table} WHERE {condition}")  # noqa: S608 # our own words
        yield Gauge("outgoing_waiting", "Mails and webhooks that are not sent yet.", count, (("kind", kind),))
        yield Gauge("outgoing_late_seconds", "How late the first of them is.", _age(due, now), (("kind", kind),))


def _jobs(now: dt.datetime) -> Iterator[Gauge]:
    rows = _rows(
        "SELECT j.queue_name, j.status::text, count(*), min(e.at) FROM procrastinate_jobs j "
        "LEFT JOIN procrastinate_events e ON e.job_id = j.id AND e.type = 'deferred' "
        "WHERE j.status IN ('todo', 'doing') GROUP BY 1, 2"
    )
    for queue, status, count, oldest in rows:
        labels = (("queue", queue), ("status", status))
        yield Gauge("jobs", "Wake-ups that wait or are under way.", count, labels)
        yield Gauge("jobs_oldest_seconds", "Age of the oldest of them.", _age(oldest, now), labels)
    ((alive,),) = _rows("SELECT count(*) FROM procrastinate_workers WHERE last_heartbeat > %s", [now - SILENCE])
    yield Gauge("workers_alive", "Workers heard of in the last minute.", alive)


def _standing(now: dt.datetime) -> Iterator[Gauge]:
    ((held, damaged, expires),) = _rows(
        "SELECT (SELECT count(*) FROM documents_quarantine WHERE lifted_at IS NULL), "
        "(SELECT count(*) FROM documents_damage WHERE repaired_at IS NULL), "
        "(SELECT min(not_after) FROM issuers_storedcsd WHERE active)"
    )
    yield Gauge("quarantine", "1 while a restored backup lets nothing be stamped.", held)
    yield Gauge("cfdi_damaged", "Stored CFDI that a disk has changed.", damaged)
    if expires is not None:
        left = (expires - now).total_seconds()
        yield Gauge("csd_next_expiry_seconds", "Until the first seal certificate in use expires.", left)


def _rows(statement: str, params: list[Any] | None = None) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return list(cursor.fetchall())


def _age(moment: dt.datetime | None, now: dt.datetime) -> float:
    """Seconds since; 0 for what is not there or still to come."""
    return max(0.0, (now - moment).total_seconds()) if moment else 0.0


def _first_key(moment: dt.datetime) -> uuid.UUID:
    """The least UUIDv7 of that millisecond."""
    return uuid.UUID(int=int(moment.timestamp() * 1000) << 80)
