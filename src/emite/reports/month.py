"""The accountant's ZIP of a month: the XML and PDF of each CFDI of an issuer, and an index of them all.

Made as it is sent: one document in memory at a time. What is still in doubt stands in the index with its state.
"""

from __future__ import annotations

import datetime as dt
import io
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import IO

import structlog
from django.contrib.postgres.aggregates import StringAgg
from django.db.models import OuterRef, Q, QuerySet, Subquery
from lxml import etree

from emite.care.models import ExternalCfdi, InsurerInvoice
from emite.cfdi.xml import parse
from emite.charges.models import Allocation
from emite.documents.models import UNSETTLED, WITH_UUID, FiscalDocument, State
from emite.documents.rendering import delivered_xml, pdf_of, pdf_of_xml
from emite.issuers.models import Issuer
from emite.organizations import branches
from emite.reports.figures import ROADS
from emite.settlements.models import PaymentComplement
from emite.sheets import comma
from emite.sheets.comma import Cell
from emite.sheets.tables import Sheet
from emite.typeset.process import TypesetFailed

log = structlog.get_logger(__name__)

COLUMNS = (
    "Folio fiscal", "Tipo", "Serie", "Folio", "Timbrado", "RFC receptor", "Subtotal", "Descuento",
    "Impuestos trasladados", "Impuestos retenidos", "Total", "Estado", "Vía", "Nota",
)  # fmt: skip
#: And of who has branches.
BY_PLACE = ("Lugar de expedición", "Sucursal")
ELSEWHERE = "Otra plataforma"
_KINDS = {"I": "Ingreso", "E": "Egreso", "P": "Pago"}


#: Of the charges that a document invoices.
_NAMES = Subquery(
    Allocation.objects.filter(document=OuterRef("pk"), charge__branch__isnull=False)
    .order_by()
    .values("document")
    .annotate(names=StringAgg("charge__branch__name", " / ", distinct=True))
    .values("names")
)


@dataclass(frozen=True)
class Month:
    """A natural month of an issuer, by the clocks of its organization; of one receptor, when its RFC is said."""

    issuer: Issuer
    first: dt.date
    receptor: str = ""

    def bounds(self) -> tuple[dt.datetime, dt.datetime]:
        midnight = dt.time(tzinfo=self.issuer.organization.zone)
        after = (self.first.replace(day=1) + dt.timedelta(days=32)).replace(day=1)
        return dt.datetime.combine(self.first.replace(day=1), midnight), dt.datetime.combine(after, midnight)

    @property
    def name(self) -> str:
        return "-".join(part for part in ("cfdi", self.issuer.rfc, self.receptor, f"{self.first:%Y-%m}") if part)

    def documents(self) -> QuerySet[FiscalDocument]:
        """Stamped in the month, in the order of their stamps; then those asked for in it and not settled."""
        start, end = self.bounds()
        stamped = Q(state__in=WITH_UUID, stamped_at__gte=start, stamped_at__lt=end)
        doubtful = Q(state__in=UNSETTLED, created_at__gte=start, created_at__lt=end)
        found = FiscalDocument.objects.filter(stamped | doubtful, organization=self.issuer.organization)
        if self.receptor:
            found = found.filter(receptor_rfc=self.receptor)
        found = found.filter(issuer=self.issuer).defer("content").order_by("stamped_at", "pk")
        return found.annotate(branch_names=_NAMES) if self.places else found

    @cached_property
    def places(self) -> dict[str, str]:
        """The names of the branches by their postal code: empty for an organization without any."""
        return branches.by_place(self.issuer.organization)

    def elsewhere(self) -> QuerySet[ExternalCfdi]:
        """Of the issuer's too, but stamped on another platform and taken in here: by their own date."""
        start, end = self.bounds()
        found = ExternalCfdi.objects.filter(
            organization=self.issuer.organization, rfc_emisor=self.issuer.rfc, fecha__gte=start, fecha__lt=end
        )
        if self.receptor:
            found = found.filter(rfc_receptor=self.receptor)
        return found.select_related("insurer_invoice", "payment_complement").order_by("fecha", "pk")


class _Pipe(io.RawIOBase):
    """What the ZIP writes, until somebody takes it."""

    def __init__(self) -> None:
        self._written = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        part = bytes(data)  # type: ignore[call-overload]
        self._written += part
        return len(part)

    def take(self) -> bytes:
        part = bytes(self._written)
        self._written.clear()
        return part


def zipped(month: Month) -> Iterator[bytes]:
    """The ZIP in pieces, the index last."""
    pipe = _Pipe()
    with tempfile.TemporaryFile() as lines, tempfile.TemporaryFile() as book:
        columns = COLUMNS + BY_PLACE * bool(month.places)
        sheet = Sheet(book, "Índice", columns)
        lines.write((comma.MARK + comma.line(columns)).encode())
        with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
            for document in month.documents().iterator(chunk_size=100):
                document.organization = month.issuer.organization  # one, with its logo, for all
                row = _add(archive, document, month.places)
                sheet.add(row)
                lines.write(comma.line(row).encode())
                yield pipe.take()
            for taken in month.elsewhere().iterator(chunk_size=100):
                taken.organization = month.issuer.organization
                row = _add_taken(archive, taken, month.places)
                sheet.add(row)
                lines.write(comma.line(row).encode())
                yield pipe.take()
            sheet.close()
            for name, index in (("indice.csv", lines), ("indice.xlsx", book)):
                yield from _copied(archive, name, index, pipe)
    yield pipe.take()


def _copied(archive: zipfile.ZipFile, name: str, file: IO[bytes], pipe: _Pipe) -> Iterator[bytes]:
    file.seek(0)
    with archive.open(name, "w") as inside:
        while part := file.read(2**16):
            inside.write(part)
    yield pipe.take()


def _add(archive: zipfile.ZipFile, document: FiscalDocument, places: dict[str, str]) -> list[Cell]:
    """Its files, and its row of the index."""
    if document.uuid is None:
        note = "Sin XML todavía: puede haberse timbrado. No lo dé por emitido ni por descartado."
        return [*_row(document, None, note), *_place(None, document, places)]
    xml = delivered_xml(document)
    name, note = str(document.uuid).upper(), ""
    archive.writestr(f"xml/{name}.xml", xml)
    try:
        archive.writestr(f"pdf/{name}.pdf", pdf_of(document))
    except TypesetFailed as error:
        log.warning("not_drawn_for_the_month", document=str(document.pk), error=type(error).__name__)
        note = "El PDF no se pudo dibujar: descárguelo de su remisión."
    root = parse(xml, max_bytes=len(xml), max_nodes=len(xml))
    return [*_row(document, root, note), *_place(root, document, places)]


def _place(root: etree._Element | None, document: FiscalDocument | None, places: dict[str, str]) -> list[Cell]:
    """Where it was issued, and the branches of its charges; of what has no charge, those with that postal code."""
    if not places:
        return []
    place = root.get("LugarExpedicion", "") if root is not None else ""
    return [place, getattr(document, "branch_names", None) or places.get(place, "")]


def _add_taken(archive: zipfile.ZipFile, taken: ExternalCfdi, places: dict[str, str]) -> list[Cell]:
    """As `_add`, of one that was stamped elsewhere."""
    xml, name, note = bytes(taken.xml), str(taken.uuid).upper(), ""
    archive.writestr(f"xml/{name}.xml", xml)
    try:
        archive.writestr(f"pdf/{name}.pdf", pdf_of_xml(xml, taken.organization))
    except TypesetFailed as error:
        log.warning("not_drawn_for_the_month", external=str(taken.pk), error=type(error).__name__)
        note = "El PDF no se pudo dibujar: descárguelo de la plataforma que la timbró."
    root = parse(xml, max_bytes=len(xml), max_nodes=len(xml))
    return [
        name,
        _KINDS[taken.kind],
        taken.serie,
        taken.folio,
        taken.fecha.astimezone(taken.organization.zone).date(),
        taken.rfc_receptor,
        *_sums(root),
        taken.total,
        str((State.CANCELLED if _cancelled(taken) else State.STAMPED).label),
        ELSEWHERE,
        note,
        *_place(root, None, places),
    ]


def _cancelled(taken: ExternalCfdi) -> bool:
    """The SAT said so here, of what it was taken in as."""
    invoice, complement = getattr(taken, "insurer_invoice", None), getattr(taken, "payment_complement", None)
    return (invoice is not None and invoice.state == InsurerInvoice.State.CANCELLED) or (
        complement is not None and complement.state == PaymentComplement.State.CANCELLED
    )


def _row(document: FiscalDocument, root: etree._Element | None, note: str) -> list[Cell]:
    zone = document.organization.zone
    return [
        str(document.uuid).upper() if document.uuid else "",
        _KINDS[document.kind],
        document.serie or "",
        document.folio or "",
        document.stamped_at.astimezone(zone).date() if document.stamped_at else None,
        document.receptor_rfc,
        *_sums(root),
        document.total,
        document.get_state_display(),
        ROADS["api"] if document.idempotency_key.startswith("api:") else document.get_channel_display(),
        note,
    ]


def _sums(root: etree._Element | None) -> list[Decimal | None]:
    """SubTotal, Descuento, taxes added and withheld."""
    taxes = root.find("{*}Impuestos") if root is not None else None
    return [
        _amount(root, "SubTotal"),
        _amount(root, "Descuento"),
        _amount(taxes, "TotalImpuestosTrasladados"),
        _amount(taxes, "TotalImpuestosRetenidos"),
    ]


def _amount(node: etree._Element | None, name: str) -> Decimal | None:
    return Decimal(node.get(name, "0")) if node is not None else None
