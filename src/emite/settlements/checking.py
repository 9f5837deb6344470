"""Whether what is owed is what its papers say, by an arithmetic of its own: one query over the rows, none of the code.

`emite verify` and the tests ask it; `emite doctor` asks what is late.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator
from typing import Any

from django.db import connection

#: Owed = total, less the egresos that count, less the payments that stand.
_OWED = """
SELECT r.cfdi_uuid, r.total - r.credited - r.paid, r.total - coalesce(n.taken, 0) - coalesce(p.paid, 0)
FROM settlements_receivable r
LEFT JOIN LATERAL (SELECT sum(c.total) AS taken FROM credits_creditnote c
                   WHERE c.original_id = r.document_id AND c.active) n ON true
LEFT JOIN LATERAL (SELECT sum(s.amount) AS paid, count(*) AS shares FROM settlements_paymentshare s
                   JOIN settlements_receivedpayment m ON m.id = s.payment_id AND m.undone_at IS NULL
                   WHERE s.receivable_id = r.id) p ON true
WHERE (%(of)s::uuid IS NULL OR r.organization_id = %(of)s)
  AND (r.credited <> coalesce(n.taken, 0) OR r.paid <> coalesce(p.paid, 0)
       OR r.parcialidades <> coalesce(p.shares, 0) OR r.total < r.credited + r.paid)
"""

#: Each parcialidad begins where the one before it ended, less what was credited in between, and more what was credited
#: before and is owed again because its note was cancelled.
_CHAIN = """
SELECT r.cfdi_uuid, s.number, s.before
FROM (SELECT x.receivable_id, x.number, x.balance_before AS before,
             lag(x.balance_after, 1, NULL) OVER w AS former, row_number() OVER w AS place
      FROM settlements_paymentshare x
      JOIN settlements_receivedpayment m ON m.id = x.payment_id AND m.undone_at IS NULL
      WINDOW w AS (PARTITION BY x.receivable_id ORDER BY x.number)) s
JOIN settlements_receivable r ON r.id = s.receivable_id
LEFT JOIN LATERAL (SELECT coalesce(sum(c.total), 0) AS ever,
                          coalesce(sum(c.total) FILTER (WHERE NOT c.active), 0) AS gone
                   FROM credits_creditnote c WHERE c.original_id = r.document_id) n ON true
WHERE (%(of)s::uuid IS NULL OR r.organization_id = %(of)s)
  AND (s.number <> s.place OR s.before > least(r.total, coalesce(s.former, r.total) + n.gone)
       OR s.before < coalesce(s.former, r.total) - n.ever)
"""

#: A payment has one complement that counts, and its CFDI is alive: what the SAT was told of the balance is so.
_TOLD = """
SELECT m.id, m.amount, count(c.id)
FROM settlements_receivedpayment m
LEFT JOIN settlements_paymentcomplement c ON c.payment_id = m.id AND c.state <> 'cancelled'
LEFT JOIN documents_fiscaldocument d ON d.id = c.document_id
WHERE (%(of)s::uuid IS NULL OR m.organization_id = %(of)s)
GROUP BY m.id, m.amount, m.undone_at
HAVING count(c.id) <> CASE WHEN m.undone_at IS NULL THEN 1 ELSE 0 END
    OR bool_or(c.state = 'stamped' AND d.state <> 'stamped')
"""

#: What the lines of an insurer's notes took is what its balances say.
_LINES = """
SELECT d.uuid, b.position, b.credited
FROM credits_creditbalance b
JOIN documents_fiscaldocument d ON d.id = b.document_id
LEFT JOIN LATERAL (
    SELECT sum(l.amount) AS taken FROM credits_creditline l JOIN credits_creditnote n ON n.id = l.note_id
    WHERE n.active AND n.original_id = b.document_id AND n.charge_id IS NULL
      AND l.position = b.position AND l.tax = b.tax) s ON true
WHERE b.charge_id IS NULL AND b.credited <> coalesce(s.taken, 0)
  AND (%(of)s::uuid IS NULL OR b.organization_id = %(of)s)
"""

_LATE = """
SELECT o.slug, count(*), min(c.due_on)
FROM settlements_paymentcomplement c JOIN organizations_organization o ON o.id = c.organization_id
WHERE c.state = 'due' AND c.due_on < %(today)s AND (%(of)s::uuid IS NULL OR c.organization_id = %(of)s)
GROUP BY o.slug ORDER BY o.slug
"""


def faults(organization_id: uuid.UUID | None = None) -> Iterator[str]:
    """What does not hold, in words; nothing when all does. Of every organization when none is named."""
    for folio_fiscal, said, counted in _rows(_OWED, of=organization_id):
        yield f"CFDI {_upper(folio_fiscal)}: dice que se deben ${said:,.2f} y sus papeles dan ${counted:,.2f}"
    for folio_fiscal, number, before in _rows(_CHAIN, of=organization_id):
        name = f"CFDI {_upper(folio_fiscal)}, parcialidad {number}"
        yield f"{name}: empieza en ${before:,.2f}, que no es en lo que terminó la anterior"
    for pk, amount, live in _rows(_TOLD, of=organization_id):
        yield f"Pago {pk} de ${amount:,.2f}: {live} complementos vigentes o uno que ya no vale ante el SAT"
    for folio_fiscal, position, credited in _rows(_LINES, of=organization_id):
        yield f"CFDI {_upper(folio_fiscal)}: del servicio {position + 1} se acreditó algo distinto de ${credited:,.2f}"


def late(today: dt.date, organization_id: uuid.UUID | None = None) -> Iterator[tuple[str, int, dt.date]]:
    """By organization: how many complements are past the 5th of the month after their payment, and the oldest day."""
    yield from _rows(_LATE, of=organization_id, today=today)


def _rows(query: str, *, of: uuid.UUID | None, today: dt.date | None = None) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, {"of": of, "today": today})
        return list(cursor.fetchall())


def _upper(folio_fiscal: uuid.UUID) -> str:
    return str(folio_fiscal).upper()
