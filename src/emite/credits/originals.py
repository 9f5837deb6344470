"""What a charge has in the document that invoices it, in cents, and how much of it is not credited yet."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from django.db import connection
from django.db.models import Sum

from emite.cfdi import egresos
from emite.cfdi.comprobante import Comprobante
from emite.cfdi.egresos import Part
from emite.cfdi.stored import from_json, sale_in
from emite.charges.allocating import live_document
from emite.charges.models import Allocation, Charge
from emite.credits.models import CreditBalance, CreditNote
from emite.documents.models import FiscalDocument, State


class NotCreditable(Exception):
    """Nothing can be credited as things stand; the message says the cure, in the desk's words."""


@dataclass(frozen=True, slots=True)
class Original:
    """`comprobante` is None for a factura global: of that one only this charge's sale is read."""

    document: FiscalDocument
    charge: Charge
    parts: tuple[Part, ...]
    comprobante: Comprobante | None

    @property
    def on_global(self) -> bool:
        return self.comprobante is None

    @property
    def total(self) -> Decimal:
        return egresos.total(self.parts)


def original_of(charge: Charge) -> Original:
    """The stamped ingreso that carries the charge now. Raises NotCreditable."""
    document = live_document(charge)
    if document is None:
        raise NotCreditable("La remisión no tiene factura: devuelva o cancele sin nota de crédito.")
    if document.state != State.STAMPED:
        raise NotCreditable("La factura todavía no está timbrada: espere a que termine.")
    if document.channel == FiscalDocument.Channel.GLOBAL:
        sale = sale_in(document.content, charge.folio)
        if sale is None:
            raise NotCreditable("La factura global no nombra esta remisión: avise a soporte.")
        return Original(document, charge, egresos.parts_of_sale(sale), None)
    comprobante = from_json(document.content)
    parts = egresos.parts_of(comprobante)
    if Allocation.objects.filter(document=document).count() > 1:
        # An invoice of several remisiones says in each Concepto which one it is of (invoices.building).
        parts = tuple(part for part in parts if f"({charge.folio})" in part.line.descripcion)
    return Original(document, charge, parts, comprobante)


def left_of(original: Original, *, lock: bool = False) -> tuple[Part, ...]:
    """What is not credited of each part. With `lock`, the balances exist and are held until the transaction ends."""
    return left_in(original.document, original.parts, charge=original.charge, lock=lock)


def left_in(
    document: FiscalDocument, parts: Sequence[Part], *, charge: Charge | None, lock: bool = False
) -> tuple[Part, ...]:
    """The same of any ingreso; one to an insurer has no charge."""
    rows = CreditBalance.objects.filter(
        organization_id=document.organization_id, document=document, charge=charge
    )  # fmt: skip
    if lock:
        CreditBalance.objects.bulk_create(_balances(document, parts, charge), ignore_conflicts=True)
        rows = rows.select_for_update().order_by("position", "tax")
    credited = {(row.position, row.tax): row.credited for row in rows}
    return tuple(_less(part, credited) for part in parts)


def _less(part: Part, credited: dict[tuple[int, str], Decimal]) -> Part:
    shares = tuple(
        replace(share, amount=share.amount - credited.get((part.position, share.key), Decimal(0)))
        for share in part.shares
    )
    return replace(part, base=part.base - credited.get((part.position, ""), Decimal(0)), shares=shares)


def amounts(parts: Iterable[Part]) -> Iterator[tuple[int, str, Decimal]]:
    """The balances that these parts touch: position, tax, cents."""
    for part in parts:
        for tax, amount in (("", part.base), *((share.key, share.amount) for share in part.shares)):
            if amount:
                yield part.position, tax, amount


def _balances(document: FiscalDocument, parts: Sequence[Part], charge: Charge | None) -> list[CreditBalance]:
    return [
        CreditBalance(
            organization_id=document.organization_id,
            document=document,
            charge=charge,
            position=position,
            tax=tax,
            ceiling=amount,
        )
        for position, tax, amount in amounts(parts)
    ]


def credited_of(document: FiscalDocument) -> Decimal:
    """How much of an ingreso its stamped egresos take back: what a complemento de pago subtracts from its balance."""
    rows = CreditNote.objects.filter(
        organization_id=document.organization_id, original=document, document__state=State.STAMPED
    )
    return rows.aggregate(sum=Sum("total"))["sum"] or Decimal(0)


def notes_of(charge: Charge) -> Sequence[CreditNote]:
    """The credit notes of a charge, the latest first, with their documents but not their contents."""
    return list(
        CreditNote.objects.filter(organization_id=charge.organization_id, charge=charge)
        .select_related("document", "asked_by")
        .defer("document__content")
        .order_by("-created_at")
    )


#: Asked as rows: what ends a CFDI lives above this folder.
_ENDING = """
SELECT document_id FROM cancellations_cancellationrequest WHERE document_id = ANY(%(pks)s) AND finished_at IS NULL
UNION
SELECT d.pk FROM cancellations_substitution s, unnest(ARRAY[s.original_id, s.substitute_id]) AS d(pk)
WHERE (s.original_id = ANY(%(pks)s) OR s.substitute_id = ANY(%(pks)s)) AND s.finished_at IS NULL
"""


def is_ending(document: FiscalDocument) -> bool:
    """Whether SAT is asked to cancel it, or another takes its place: nothing is credited on it meanwhile."""
    return document.pk in ending_among([document.pk])


def ending_among(documents: Sequence[uuid.UUID]) -> set[uuid.UUID]:
    """Those of them of which that is so, in one query."""
    with connection.cursor() as cursor:
        cursor.execute(_ENDING, {"pks": list(documents)})
        return {row[0] for row in cursor.fetchall()}
