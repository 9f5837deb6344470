"""The bytes of a thermal printer, read back by a reader of its own: words, widths, the QR, no foreign command."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest

from emite.typeset.escpos import COLUMNS, Width, paper
from emite.typeset.ticket_page import slip_page, ticket_page
from tests.typeset import make
from tests.typeset.thermal import Printed, read


def printed(data: Any, width: int) -> Printed:
    page = slip_page(data) if hasattr(data, "charge_folio") else ticket_page(data)
    return read(paper(page, data.branding.name, width=cast(Width, width), url=data.invoicing.url))


@pytest.mark.parametrize("width", [58, 80])
@pytest.mark.parametrize("kind", ["ticket", "slip"])
def test_it_says_what_the_ticket_says_within_the_roll(kind: str, width: int) -> None:
    data = make.ticket() if kind == "ticket" else make.slip()
    out = printed(data, width)
    assert out.cut
    assert out.codes == [data.invoicing.url]
    assert max(map(len, out.lines)) <= COLUMNS[cast(Width, width)]
    said = " ".join(out.text.split())
    for word in ("Hospital San Telmo", data.folio, "RFC HST150101AA6", "Código", data.invoicing.link):
        assert word in said, word
    assert " ".join(data.invoicing.code[at : at + 4] for at in range(0, 16, 4)) in said
    total = "$8,048.30" if kind == "ticket" else "$3,000.00"
    large = [line for line, tall in zip(out.lines, out.tall, strict=True) if tall]
    assert any(line.endswith(total) and len(line) == COLUMNS[cast(Width, width)] for line in large)


def test_accents_come_out_and_what_the_printer_lacks_is_replaced() -> None:
    data = make.ticket()
    odd = replace(data.lines[0], description="Férula ñandú ¿así? 🩺 Ωmega\x1b@\x1dV\x00 fin")
    out = printed(replace(data, lines=(odd,)), 80)
    assert "Férula ñandú ¿así? ? ?mega@ V fin" in " ".join(out.text.split())


@pytest.mark.parametrize("width", [58, 80])
@pytest.mark.parametrize("data", [make.ticket(), make.slip()])
def test_the_branch_is_named_whole_within_the_roll(data: Any, width: int) -> None:
    name = "Unidad de Imagenología y Laboratorio Clínico Tijuana Otay II"
    out = printed(replace(data, venue=replace(data.venue, branch=name, address="C.P. 22000")), width)
    assert max(map(len, out.lines)) <= COLUMNS[cast(Width, width)]
    said = " ".join(out.text.split())
    assert f"RFC HST150101AA6 Sucursal {name} C.P. 22000" in said
    assert "Guadalajara" not in said.partition("Folio")[0]


def test_without_a_portal_there_is_no_qr() -> None:
    data = make.ticket()
    out = printed(replace(data, invoicing=replace(data.invoicing, link=None, url=None)), 58)
    assert out.codes == []
    assert "Solicite su factura en caja" in " ".join(out.text.split())
