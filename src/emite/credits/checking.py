"""Whether income stands where it should: of each charge, live ingresos less live egresos are what it is worth.

Said as what must hold of the rows, so that it can be asked at any moment: `emite verify` and the tests do. What is
inside an operation under way (a late request, a credit note on its way) is named by its row and is no fault.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

from django.db import connection

from emite.charges.models.charge import PREFIXES

#: Of a stamped document that no longer invoices a charge, everything must be credited: else it is income twice.
#: A document that is being substituted or cancelled still binds its charges, so it is not among these.
_TWICE = """
SELECT DISTINCT c.kind, c.number, d.uuid
FROM charges_allocation a
JOIN documents_fiscaldocument d ON d.id = a.document_id AND d.state = 'stamped' AND d.kind = 'I'
JOIN charges_charge c ON c.id = a.charge_id
WHERE NOT a.active AND (%(of)s::uuid IS NULL OR a.organization_id = %(of)s)
  AND NOT EXISTS (SELECT 1 FROM charges_allocation o
                  WHERE o.charge_id = a.charge_id AND o.document_id = a.document_id AND o.active)
  AND (NOT EXISTS (SELECT 1 FROM credits_creditbalance b WHERE b.document_id = d.id AND b.charge_id = c.id)
       OR EXISTS (SELECT 1 FROM credits_creditbalance b
                  WHERE b.document_id = d.id AND b.charge_id = c.id AND b.credited <> b.ceiling))
"""

#: An egreso, or the global's cancellation, that took a charge out of it, and no ingreso of it since, and nobody on it.
#: One that it had and that SAT has cancelled since is no loss: the charge is free for everybody to see. One that came
#: back, was in another global and is being taken out of that one is in the hands of the later request.
_NOWHERE = """
SELECT c.kind, c.number, coalesce(d.uuid, g.uuid)
FROM credits_laterequest l
JOIN documents_fiscaldocument g ON g.id = l.original_id
LEFT JOIN credits_creditnote n ON n.id = l.note_id
LEFT JOIN documents_fiscaldocument d ON d.id = n.document_id
JOIN charges_charge c ON c.id = l.charge_id
WHERE l.state NOT IN ('cancelling', 'crediting', 'issuing', 'waiting') AND c.state = 'open'
  AND (d.state = 'stamped' OR (n.id IS NULL AND g.state = 'cancelled'))
  AND (%(of)s::uuid IS NULL OR l.organization_id = %(of)s)
  AND NOT EXISTS (SELECT 1 FROM charges_allocation a WHERE a.charge_id = c.id AND a.active)
  AND NOT EXISTS (SELECT 1 FROM credits_laterequest w WHERE w.charge_id = c.id
                  AND w.state IN ('cancelling', 'crediting', 'issuing', 'waiting'))
  AND NOT EXISTS (SELECT 1 FROM charges_allocation a
                  JOIN documents_fiscaldocument x ON x.id = a.document_id AND x.state = 'cancelled'
                  WHERE a.charge_id = c.id AND a.document_id <> l.original_id AND a.created_at >= l.asked_at)
"""

#: A global that was cancelled and issued again, and a charge of it that is in nothing since.
_LEFT_BEHIND = """
SELECT c.kind, c.number, d.uuid
FROM cancellations_globalrebuild g
JOIN documents_fiscaldocument d ON d.id = g.original_id AND d.state = 'cancelled'
JOIN charges_allocation a ON a.document_id = d.id
JOIN charges_charge c ON c.id = a.charge_id AND c.state = 'open'
WHERE g.state = 'done' AND (%(of)s::uuid IS NULL OR g.organization_id = %(of)s)
  AND NOT EXISTS (SELECT 1 FROM charges_allocation o
                  WHERE o.charge_id = c.id AND o.document_id <> d.id AND o.created_at >= g.asked_at)
  AND NOT EXISTS (SELECT 1 FROM credits_laterequest l WHERE l.charge_id = c.id AND l.original_id = d.id)
"""

#: An invoice of one charge is what the charge is, less its deposits where it is their remnant: credit notes take from
#: it, nothing else changes it.
_AMOUNT = """
SELECT c.kind, c.number, d.uuid
FROM charges_allocation a
JOIN documents_fiscaldocument d ON d.id = a.document_id AND d.state = 'stamped' AND d.kind = 'I'
JOIN charges_charge c ON c.id = a.charge_id
WHERE a.active AND d.channel <> 'global'
  AND d.total <> c.total - CASE WHEN a.remnant THEN (
    SELECT coalesce(sum(p.amount), 0) FROM charges_anticipoapplication p WHERE p.account_id = c.id AND p.active
  ) ELSE 0 END
  AND (%(of)s::uuid IS NULL OR a.organization_id = %(of)s)
  AND (SELECT count(*) FROM charges_allocation o WHERE o.document_id = d.id) = 1
"""

#: The balances are the lines of the notes that are active, and nothing else.
_BALANCE = """
SELECT c.kind, c.number, d.uuid
FROM credits_creditbalance b
JOIN documents_fiscaldocument d ON d.id = b.document_id
JOIN charges_charge c ON c.id = b.charge_id
LEFT JOIN LATERAL (
    SELECT sum(l.amount) AS taken FROM credits_creditline l JOIN credits_creditnote n ON n.id = l.note_id
    WHERE n.active AND n.original_id = b.document_id AND n.charge_id = b.charge_id
      AND l.position = b.position AND l.tax = b.tax) s ON true
WHERE b.credited <> coalesce(s.taken, 0) AND (%(of)s::uuid IS NULL OR b.organization_id = %(of)s)
"""

#: What a deposit invoiced, the account's invoice says again until its egreso. One that is on its way names itself.
_DEPOSIT_TWICE = """
SELECT c.kind, c.number, d.uuid
FROM charges_anticipoapplication p
JOIN charges_charge c ON c.id = p.account_id
JOIN charges_allocation a ON a.charge_id = c.id AND a.active
JOIN documents_fiscaldocument d ON d.id = a.document_id AND d.state = 'stamped'
WHERE p.active AND NOT a.remnant AND (%(of)s::uuid IS NULL OR p.organization_id = %(of)s)
  AND (d.channel = 'global' OR EXISTS (SELECT 1 FROM credits_creditnote n WHERE n.application_id = p.id))
  AND NOT EXISTS (SELECT 1 FROM credits_creditnote n
                  WHERE n.application_id = p.id AND n.active AND n.original_id = d.id)
"""

_WORDS = {
    _TWICE: "está en un CFDI vigente que ya no la factura y no se acreditó por completo",
    _NOWHERE: "salió de una factura global y no está en ninguna otra",
    _LEFT_BEHIND: "se quedó fuera cuando su factura global se canceló y se emitió otra vez",
    _AMOUNT: "no vale lo que dice su factura",
    _DEPOSIT_TWICE: "tiene un anticipo aplicado que su factura no descuenta",
    _BALANCE: "tiene acreditado algo distinto de sus notas de crédito",
}


def faults(organization_id: uuid.UUID | None = None) -> Iterator[str]:
    """What does not hold, in words; nothing when all does. Of every organization when none is named."""
    for query, words in _WORDS.items():
        for kind, number, folio_fiscal in _rows(query, organization_id):
            yield f"{PREFIXES[kind]}-{number:06d} {words} (CFDI {str(folio_fiscal).upper()})"


def _rows(query: str, organization_id: uuid.UUID | None) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, {"of": organization_id})
        return list(cursor.fetchall())
