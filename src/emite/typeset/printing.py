"""From plain data to PDF: the CFDI's page with its XML inside, the ticket of a remisión, the slip of a payment.

Where the data comes from is for the callers; what is compiled where is in `process.py`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from emite.typeset import process
from emite.typeset.brand_page import brand
from emite.typeset.data import Branding, InvoicePrint, Invoicing, Paper, SlipPrint, TicketPrint
from emite.typeset.invoice_page import invoice_page, stamped_at
from emite.typeset.legible import LONGEST_RUN, LONGEST_RUN_ON_STRIP, legible_all
from emite.typeset.note_page import NotePrint, note_page
from emite.typeset.process import Job, TypesetRefused, TypesettingProcess
from emite.typeset.proof_page import ProofPrint, proof_page
from emite.typeset.qr import qr_svg
from emite.typeset.ticket_page import slip_page, ticket_page

log = logging.getLogger(__name__)

# PDF/A-3 keeps the XML inside for as long as the law asks; its level A and PDF/UA make it readable by ear. The tags
# of a long table outweigh the document fifteen times over, so from LONG_ROWS lines on it is level B without tags.
ACCESSIBLE = ("a-3a", "ua-1")
LONG = ("a-3b",)
LONG_ROWS = 200
STRIP = "strip.typ"


class Typesetter:
    """Draws documents. Safe to use from any thread. All methods raise `process.TypesetFailed` when none comes out."""

    def __init__(self, compiler: TypesettingProcess) -> None:
        self._compiler = compiler

    def invoice(self, data: InvoicePrint, xml: bytes) -> bytes:
        """PDF/A-3 of a stamped CFDI with `xml` attached as its source, byte for byte.

        The same data gives the same bytes. Raises ValueError for a type that has no page.
        """
        page = invoice_page(data)
        cfdi = data.representation
        long = len(cfdi.lines) > LONG_ROWS
        files = {
            f"{cfdi.fiscal.uuid}.xml": xml,
            "qr.svg": qr_svg(cfdi.fiscal.qr_url, ec="M", quiet_zone=0).encode(),
        }
        settings = {
            "standards": LONG if long else ACCESSIBLE,
            "tags": not long,
            "timestamp": _seconds(stamped_at(cfdi)),
            "rows": len(cfdi.lines),
        }
        return self._draw("invoice.typ", page, data.branding, files, settings)

    def draft(self, data: InvoicePrint) -> bytes:
        """The same page before there is a stamp, marked as worth nothing. `data.draft` is set."""
        page, rows = invoice_page(data), len(data.representation.lines)
        settings = {
            "standards": ("1.7",),
            "tags": rows <= LONG_ROWS,
            "timestamp": _seconds(stamped_at(data.representation)),
            "rows": rows,
        }
        return self._draw("invoice.typ", page, data.branding, {}, settings)

    def ticket(self, data: TicketPrint, *, paper: Paper) -> bytes:
        """The ticket of a remisión, on a strip of 80 mm as long as it needs or on letter pages."""
        return self._paper("ticket", ticket_page(data), data.branding, data.invoicing, paper, len(data.lines))

    def slip(self, data: SlipPrint, *, paper: Paper) -> bytes:
        """The slip of a payment, on a strip of 80 mm or on a letter page."""
        return self._paper("slip", slip_page(data), data.branding, data.invoicing, paper, 0)

    def note(self, data: NotePrint, *, paper: Paper) -> bytes:
        """A corte or the slip of a refund, on a strip of 80 mm or on letter pages."""
        return self._paper("note", note_page(data), data.branding, None, paper, len(data.lines))

    def proof(self, data: ProofPrint) -> bytes:
        """That a text was accepted, on letter pages. The same data gives the same bytes."""
        page = proof_page(data)
        settings = {
            "standards": ("1.7",),
            "tags": True,
            "timestamp": _seconds(datetime(**page["document"]["date"])),
            "rows": 0,
        }
        return self._draw("proof.typ", page, data.branding, {}, settings)

    def _paper(
        self, kind: str, page: Mapping[str, Any], branding: Branding, way: Invoicing | None, paper: Paper, rows: int
    ) -> bytes:
        templates = {"80mm": STRIP, "letter": "sheet.typ"}
        if paper not in templates:
            raise ValueError(f"no {kind} on {paper!r}: 80mm or letter")
        date = page["document"]["date"]
        settings = {
            "standards": ("1.7",),
            "tags": paper == "letter",
            "timestamp": _seconds(datetime(**date)),
            "rows": rows,
        }
        # Thermal paper fades and creases, hence the higher correction.
        files = {} if way is None or way.url is None else {"qr.svg": qr_svg(way.url, ec="Q", quiet_zone=0).encode()}
        return self._draw(templates[paper], page, branding, files, settings)

    def _draw(
        self,
        template: str,
        page: Mapping[str, Any],
        branding: Branding,
        files: Mapping[str, bytes],
        settings: Mapping[str, Any],
    ) -> bytes:
        longest = LONGEST_RUN_ON_STRIP if template == STRIP else LONGEST_RUN

        def job(with_logo: bool) -> Job:
            described, logo = brand(branding, with_logo=with_logo)
            data = legible_all({**page, "brand": described}, longest)
            return Job(template, data, {**files, **logo}, **settings)

        return self._without_logo_if_need_be(job) if branding.logo else self._compiler.typeset(job(False))

    def _without_logo_if_need_be(self, job: Callable[[bool], Job]) -> bytes:
        try:
            return self._compiler.typeset(job(True))
        except TypesetRefused as refused:
            pdf = self._compiler.typeset(job(False))
            log.warning("logo left out, it cannot be drawn: %s", refused)
            return pdf


def _seconds(moment: datetime) -> int:
    """A local time without zone as if it were UTC: only reproducible bytes depend on it."""
    return int(moment.replace(tzinfo=UTC).timestamp())


_typesetter = Typesetter(process.shared())


def typesetter() -> Typesetter:
    """The typesetter of this process. Its child starts with the first document."""
    return _typesetter


def invoice_pdf(data: InvoicePrint, xml: bytes) -> bytes:
    """See `Typesetter.invoice`."""
    return _typesetter.invoice(data, xml)


def ticket_pdf(data: TicketPrint, *, paper: Paper) -> bytes:
    """See `Typesetter.ticket`."""
    return _typesetter.ticket(data, paper=paper)


def slip_pdf(data: SlipPrint, *, paper: Paper) -> bytes:
    """See `Typesetter.slip`."""
    return _typesetter.slip(data, paper=paper)
