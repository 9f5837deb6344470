"""Milliseconds per PDF: ours, through the typesetting process, beside the plainest typst page of the same content.

`python -m benchmarks.typesetting`. Every document of a run is another one, so nothing comes from typst's memory, and
ours and the floor take turns, so that a noisy machine is equally noisy to both: trust the ratio. The floor has no
process to talk to, no tags, no keys and units under each line: what is between the two is what the page costs.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.report import Row, keep
from emite.cfdi.representation import representation
from emite.cfdi.xml import parse
from emite.typeset import InvoicePrint, TicketLine, TicketPrint, fonts, typesetter, worker
from emite.typeset.process import Job, shared
from emite.typeset.qr import qr_svg
from tests.typeset import make

ROUNDS = 40
TARGETS_MS = {
    "invoice, 20 lines never seen": 25.0,
    "invoice, 20 lines from the list": 25.0,
    "ticket of 80 mm, 10 lines": 5.0,
}

HEAD = """#let data = json("data.json")
#set document(title: "x", date: datetime(year: 2026, month: 11, day: 22))
#set text(font: "Source Sans 3", size: 9pt)
"""
INVOICE = (
    HEAD
    + """#set page(paper: "us-letter", numbering: "1 / 1")
#pdf.attach("a.xml", read("a.xml", encoding: none), relationship: "source", mime-type: "text/xml", description: "x")
#for it in data.heads [#it #linebreak()]
#table(columns: 4, ..data.cells)
#image("qr.svg", width: 3cm)
#for it in data.small [#text(5pt, it) #linebreak()]
"""
)
TICKET = (
    HEAD
    + """#set page(width: 80mm, height: auto, margin: 4mm)
#for it in data.heads [#it #linebreak()]
#grid(columns: (1fr, auto), ..data.cells)
#image("qr.svg", width: 3cm)
"""
)


class Floor(worker.Compiler):
    """typst with the plain templates, in this process."""

    def __init__(self) -> None:
        super().__init__(fonts.folder(), Path(tempfile.mkdtemp()))
        self._templates = {"invoice.typ": INVOICE.encode(), "ticket.typ": TICKET.encode()}

    def draw(self, job: Job) -> bytes:
        answer, pdf = self.answer(*job.message())
        if "fault" in answer:
            raise RuntimeError(answer["fault"])
        return pdf


def invoice(number: int, lines: int = 20, *, from_list: bool = False) -> tuple[InvoicePrint, bytes]:
    """An invoice no line of which was ever printed before, or one whose services are those `from_list`."""
    conceptos = tuple(
        make.concepto(
            line,
            descripcion=make.SERVICES[line % 4][2] + ("" if from_list else f", folio {number}-{line}"),
            valor_unitario=Decimal(number * 1000 + line * 37) / 100 + 1,
            no_identificacion=f"CPT-{line % 200}" if from_list else f"{number}-{line}",
        )
        for line in range(lines)
    )
    xml = make.stamped(make.comprobante(conceptos=conceptos, folio=str(number)))
    data = representation(parse(xml, max_bytes=20_000_000, max_nodes=200_000))
    fiscal = replace(data.fiscal, sello=make.seal_text(f"e{number}"), sello_sat=make.seal_text(f"s{number}"))
    return InvoicePrint(replace(data, fiscal=fiscal), make.branding()), xml


def plain_invoice(data: InvoicePrint, xml: bytes) -> Job:
    cfdi = data.representation
    fiscal = cfdi.fiscal
    page = {
        "heads": [cfdi.emisor.nombre, cfdi.emisor.rfc, cfdi.receptor.nombre, cfdi.receptor.rfc, cfdi.fecha],
        "cells": [text for it in cfdi.lines for text in (it.cantidad, it.descripcion, it.valor_unitario, it.importe)],
        "small": [
            fiscal.uuid,
            *(text[at : at + 120] for text in (fiscal.sello, fiscal.sello_sat) for at in (0, 120, 240)),
        ],
    }
    files = {"a.xml": xml, "qr.svg": qr_svg(fiscal.qr_url, quiet_zone=0).encode()}
    return Job("invoice.typ", page, files, ("a-3b",), tags=False)


def ticket(number: int, lines: int = 10) -> TicketPrint:
    rows = tuple(
        TicketLine(f"Servicio {number}-{line}", Decimal(1), Decimal(number), Decimal(number * line) / 100, "IVA 16 %")
        for line in range(lines)
    )
    way = make.invoicing(url=f"https://factura.santelmo.mx/q/{number:016}", code=f"{number:016}")
    return make.ticket(lines=rows, folio=f"R-{number}", total=Decimal(number), invoicing=way)


def plain_ticket(data: TicketPrint) -> Job:
    cells = [text for line in data.lines for text in (line.description, f"{line.amount}")]
    page = {"heads": [data.venue.legal_name, data.folio, data.invoicing.code, f"{data.total}"], "cells": cells}
    files = {"qr.svg": qr_svg(data.invoicing.url or "", ec="Q", quiet_zone=0).encode()}
    return Job("ticket.typ", page, files, ("1.7",), tags=False)


def milliseconds(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000


def compare(name: str, ours: Callable[[int], Callable[[], bytes]], floor: Callable[[int], Callable[[], bytes]]) -> None:
    """Take turns; the first rounds warm both up and do not count."""
    times: tuple[list[float], list[float]] = ([], [])
    for number in range(1, ROUNDS + 6):
        for made, kept in zip((ours(number), floor(number)), times, strict=True):
            spent = milliseconds(made)
            if number > 5:
                kept.append(spent)
    mine, least = (statistics.median(each) for each in times)
    best = min(times[0])
    keep(Row(f"PDF: {name}", mine, "ms", TARGETS_MS[name], least, "the plainest typst page"))
    print(f"{name:32} {mine:8.1f} {best:8.1f} {least:8.1f} {mine / least:8.2f} {TARGETS_MS[name]:8.1f}")


def long_invoice(lines: int = 5_000) -> None:
    data, xml = invoice(999_999, lines, from_list=True)
    drawn = b""

    def draw() -> None:
        nonlocal drawn
        drawn = typesetter().invoice(data, xml)

    spent = milliseconds(draw)
    print(
        f"invoice of {lines:,} lines, process of its own: {spent / 1000:.2f} s, {len(drawn) / 1e6:.1f} MB (target 2 s)"
    )


def main() -> None:
    floor, ours = Floor(), typesetter()
    print(f"{'milliseconds':32} {'median':>8} {'best':>8} {'floor':>8} {'ratio':>8} {'target':>8}")

    def our_invoice(number: int, from_list: bool = False) -> Callable[[], bytes]:
        data, xml = invoice(number, from_list=from_list)
        return lambda: ours.invoice(data, xml)

    def floor_invoice(number: int, from_list: bool = False) -> Callable[[], bytes]:
        data, xml = invoice(number, from_list=from_list)
        return lambda: floor.draw(plain_invoice(data, xml))

    def our_ticket(number: int) -> Callable[[], bytes]:
        data = ticket(number)
        return lambda: ours.ticket(data, paper="80mm")

    def floor_ticket(number: int) -> Callable[[], bytes]:
        data = ticket(number)
        return lambda: floor.draw(plain_ticket(data))

    new, listed, strip = TARGETS_MS
    compare(new, our_invoice, floor_invoice)
    compare(listed, partial(our_invoice, from_list=True), partial(floor_invoice, from_list=True))
    compare(strip, our_ticket, floor_ticket)
    long_invoice()
    resident = worker.resident_bytes(shared().child_pid)
    print(f"typesetting process after {3 * (ROUNDS + 5)} documents: {resident / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
