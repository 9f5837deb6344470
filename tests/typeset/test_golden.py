"""Golden pictures: a page changes its looks only on purpose (`pytest tests/typeset --update`, then look at them)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image, ImageChops

from emite.typeset import invoice_pdf, slip_pdf, ticket_pdf
from tests.typeset import make
from tests.typeset.reading import Pdf

GOLDEN = Path(__file__).parent / "golden"
DPI = 72
# Renderers differ at the edges of letters; a line that moved or a word that changed does more than this.
LARGE_DIFFERENCE = 96
ALLOWED_SHARE = 0.0015

PAGES: dict[str, Callable[[], bytes]] = {
    "factura": lambda: invoice_pdf(*make.invoice(6)),
    "factura-de-prueba": lambda: invoice_pdf(*make.invoice(1, leyenda=make.LEYENDA)),
    "ticket-80mm": lambda: ticket_pdf(make.ticket(), paper="80mm"),
    "ticket-carta": lambda: ticket_pdf(make.ticket(), paper="letter"),
    "pago-80mm": lambda: slip_pdf(make.slip(), paper="80mm"),
    "pago-carta": lambda: slip_pdf(make.slip(), paper="letter"),
}


def share_changed(first: Image.Image, second: Image.Image) -> float:
    histogram = ImageChops.difference(first, second).histogram()
    return sum(histogram[LARGE_DIFFERENCE:]) / (first.width * first.height)


@pytest.mark.parametrize("name", PAGES)
def test_page_looks_as_it_did(name: str, pytestconfig: pytest.Config) -> None:
    picture = Pdf(PAGES[name]()).picture(dpi=DPI)
    path = GOLDEN / f"{name}.png"
    if pytestconfig.getoption("--update", default=False):
        GOLDEN.mkdir(exist_ok=True)
        picture.quantize(16).save(path, optimize=True)
        pytest.skip(f"{path.name} written: look at it")
    golden = Image.open(path).convert("L")
    assert picture.size == golden.size
    assert share_changed(picture, golden) <= ALLOWED_SHARE


def test_a_moved_line_is_noticed() -> None:
    changed = Pdf(invoice_pdf(*make.invoice(7))).picture(dpi=DPI)
    assert share_changed(changed, Image.open(GOLDEN / "factura.png").convert("L")) > ALLOWED_SHARE
    other_total = Pdf(invoice_pdf(*make.invoice(6, over={"folio": "1025"}))).picture(dpi=DPI)
    assert share_changed(other_total, Image.open(GOLDEN / "factura.png").convert("L")) > 0
