"""The words that patients' names are made of, kept apart so that a misspelt one finds the real ones at once.

There are some thousands of them however many charges there are. The sweep reads the new charges: a trigger would make
two cashiers wait for each other over a common name. Health data: they stay in the database, under its policies.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection, transaction
from django.db.models import Max

from emite.charges.models import PatientWord

#: Charges that were begun this long before others may be committed after them.
OVERLAP = dt.timedelta(minutes=10)
#: Letters of the shortest word that is worth a correction.
SHORTEST = 3
#: One pass at a time: two that write the same words in another order would stop each other.
_LOCK = 0x70776F72

# A key begins with the moment it was made (UUIDv7): the index of keys finds the new charges of everybody.
_READ = """
INSERT INTO charges_patientword (id, organization_id, word, read_at)
SELECT gen_random_uuid(), found.organization_id, found.word, %(now)s FROM (
    SELECT DISTINCT c.organization_id, each.word
    FROM charges_charge c
    CROSS JOIN LATERAL regexp_split_to_table(charges_plain(c.patient_name), '[^[:alpha:]]+') AS each(word)
    WHERE c.id >= %(first)s AND c.patient_name <> '' AND length(each.word) BETWEEN %(shortest)s AND 40
) found ORDER BY 2, 3
ON CONFLICT (organization_id, word) DO UPDATE SET read_at = excluded.read_at
"""


@dataclass(frozen=True, slots=True)
class Likeness:
    """A word that names have, how near it is to the one typed: 1 is the same."""

    word: str
    closeness: float


def read_new(now: dt.datetime) -> int:
    """Keep the words of the charges since the last that were met; how many words those had."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
        if not cursor.fetchone()[0]:
            return 0  # another worker is at it
        last = PatientWord.objects.aggregate(last=Max("read_at"))["last"]
        since = int((last - OVERLAP).timestamp() * 1000) if last else 0
        cursor.execute(_READ, {"first": uuid.UUID(int=since << 80), "now": now, "shortest": SHORTEST})
        return int(cursor.rowcount)


def like(organization_id: uuid.UUID, typed: Sequence[str], *, each: int) -> list[list[Likeness]]:
    """For each word typed, the nearest that the organization's patients have; empty where there is none."""
    found: dict[int, list[Likeness]] = {place: [] for place in range(1, len(typed) + 1)}
    if typed:
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM charges_words_like(%s, %s::text[], %s)", [organization_id, list(typed), each])
            for place, word, closeness in cursor.fetchall():
                found[place].append(Likeness(word, closeness))
    return list(found.values())
