"""The ticket of a remisión and the slip of a payment: what a person reads, types and scans to get the invoice."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from functools import cache
from itertools import product

import pytest

from emite.typeset import Amount, Invoicing, Paper, TicketLine, slip_pdf, ticket_pdf
from tests.typeset import make
from tests.typeset.reading import Pdf

PAPERS: tuple[Paper, ...] = ("80mm", "letter")


def ticket(paper: Paper, **over: object) -> Pdf:
    return Pdf(ticket_pdf(make.ticket(**over), paper=paper))


def slip(paper: Paper, **over: object) -> Pdf:
    return Pdf(slip_pdf(make.slip(**over), paper=paper))


@cache
def words(draw: Callable[[Paper], Pdf], paper: Paper) -> str:
    return draw(paper).text().replace("\u00a0", " ")


@pytest.mark.parametrize("paper", PAPERS)
def test_a_branch_is_named_whole_and_once(paper: Paper) -> None:
    venue = replace(make.ticket().venue, branch="Sucursal de Imagenología y Laboratorio Clínico Tijuana Otay II")
    said = " ".join(ticket(paper, venue=venue).text().split())
    assert f"RFC HST150101AA6 {venue.branch} " in said
    assert "Sucursal Sucursal" not in said


TICKET_SHOWS = (
    "Hospital San Telmo",
    "HOSPITAL SAN TELMO",
    "RFC HST150101AA6",
    "44160 Guadalajara, Jalisco",
    "Remisión",
    "R-004512",
    "22 nov 2026, 14:05",
    "Urgencias 2",
    "Carmen",
    "Consulta de medicina especializada",
    "2 × $3,200.00 · IVA 16 % ",
    "$6,400.00",
    "Subtotal $7,395.50",
    "Descuento −$320.00",
    "IVA 16 % sobre $6,080.00 $972.80",
    "Total $8,048.30",
    "Tarjeta de crédito aut. 004512 $7,000.00",
    "Efectivo $1,100.00",
    "Cambio $51.70",
)
SLIP_SHOWS = (
    "Comprobante de pago",
    "P-000731",
    "R-004512",
    "Pago $3,000.00",
    "Efectivo $3,000.00",
    "Recibido $3,100.00",
    "Cambio $100.00",
    "Total de la remisión $8,048.30",
    "Pagado a la fecha $3,000.00",
    "Por pagar $5,048.30",
    "Disponible al liquidar el saldo",
)
BOTH_END_IN = (
    "Factura en línea hasta el 25 nov 2026",
    "factura.santelmo.mx",
    "7K3M Q9XW 2H0D TVN4",
    "También puede solicitar su factura en caja",
)


@pytest.mark.parametrize(("paper", "item"), list(product(PAPERS, (*TICKET_SHOWS, *BOTH_END_IN))))
def test_ticket_shows(paper: Paper, item: str) -> None:
    assert item in words(ticket, paper)


@pytest.mark.parametrize(("paper", "item"), list(product(PAPERS, (*SLIP_SHOWS, *BOTH_END_IN))))
def test_slip_shows(paper: Paper, item: str) -> None:
    assert item in words(slip, paper)


@pytest.mark.parametrize("draw", [ticket, slip])
@pytest.mark.parametrize("paper", PAPERS)
def test_qr_carries_the_address_and_is_large(draw: Callable[..., Pdf], paper: Paper) -> None:
    text, side = draw(paper).qr()
    assert text == f"https://factura.santelmo.mx/q/{make.CODE}"
    assert side >= 30


@pytest.mark.parametrize("draw", [ticket, slip])
def test_qr_survives_a_thermal_head_of_203_dots(draw: Callable[..., Pdf]) -> None:
    assert draw("80mm").qr(dpi=203)[0].endswith(make.CODE)
    assert draw("80mm").qr(dpi=80)[0].endswith(make.CODE)


def test_strip_is_80_mm_wide_and_as_long_as_it_needs() -> None:
    width, height = ticket("80mm").size_mm()
    assert width == pytest.approx(80, abs=0.1)
    line = TicketLine("Gasa estéril", Decimal(1), Decimal("10.00"), Decimal("10.00"))
    taller = ticket("80mm", lines=(line,) * 40)
    assert len(taller.pages()) == 1
    assert taller.size_mm()[1] > height + 100


def test_strip_is_black_on_white_for_the_thermal_head() -> None:
    # Grey text would be dithered: whole black, whole white, and only the edges between them.
    histogram = ticket("80mm").picture(dpi=300).histogram()
    assert sum(histogram[40:215]) / sum(histogram) < 0.03


@pytest.mark.parametrize("paper", PAPERS)
def test_portal_off_sends_to_the_desk_only(paper: Paper) -> None:
    text = ticket(paper, invoicing=Invoicing(code=make.CODE)).text()
    assert "Solicite su factura en caja" in text
    assert "7K3M Q9XW 2H0D TVN4" in text
    assert "en línea" not in text
    assert "También" not in text
    assert "santelmo.mx" not in text.replace("caja@santelmo.mx", "")
    with pytest.raises(AssertionError, match="0 codes"):
        ticket(paper, invoicing=Invoicing(code=make.CODE)).qr()


@pytest.mark.parametrize("draw", [ticket, slip])
@pytest.mark.parametrize("paper", PAPERS)
def test_reprint_says_so_and_carries_the_same_code(draw: Callable[..., Pdf], paper: Paper) -> None:
    again = draw(paper, reprinted_at=dt.datetime(2026, 11, 23, 9, 1))
    assert "Reimpresión · 23 nov 2026, 09:01" in again.text()
    assert "7K3M Q9XW 2H0D TVN4" in again.text()
    assert "Reimpresión" not in draw(paper).text()


@pytest.mark.parametrize("paper", PAPERS)
def test_what_is_owed_stands_out_and_settled_is_said(paper: Paper) -> None:
    assert "Por pagar $48.30" in ticket(paper, owed=Decimal("48.30")).text()
    assert "Por pagar" not in ticket(paper).text()
    assert "Remisión liquidada" in slip(paper, owed=Decimal(0), paid=Decimal("8048.30")).text()


@pytest.mark.parametrize("paper", PAPERS)
def test_patient_is_printed_only_when_given(paper: Paper) -> None:
    assert "Paciente" not in ticket(paper).text()
    assert "Ana López" in ticket(paper, patient="Ana López").text()


@pytest.mark.parametrize("paper", PAPERS)
def test_link_without_last_day(paper: Paper) -> None:
    text = ticket(paper, invoicing=make.invoicing(last_day=None)).text()
    assert "Factura en línea factura.santelmo.mx" in text


@pytest.mark.parametrize("paper", PAPERS)
@pytest.mark.parametrize("text", ["#panic()", "<b>x</b> & “y”", "😀 Ñ", "X" * 300])
def test_hostile_text_stays_text(paper: Paper, text: str) -> None:
    line = TicketLine(text, Decimal(1), Decimal(1), Decimal(1), text[:40])
    pdf = ticket(paper, lines=(line,), cashier=text, payments=(Amount(text, Decimal(1), text),))
    assert pdf.solid().count(text.replace(" ", "").replace("😀", "□")) >= 4


def test_long_letter_ticket_repeats_its_head() -> None:
    line = TicketLine("Gasa estéril", Decimal(1), Decimal("10.00"), Decimal("10.00"), "IVA 16 %")
    pages = ticket("letter", lines=(line,) * 60).pages()
    assert len(pages) > 1
    assert all("Descripción Importe" in page for page in pages[:-1])


def test_unknown_paper_is_refused() -> None:
    with pytest.raises(ValueError, match="80mm or letter"):
        ticket_pdf(make.ticket(), paper="a4")  # type: ignore[arg-type]


def test_link_and_address_come_together() -> None:
    with pytest.raises(ValueError, match="together"):
        Invoicing(code=make.CODE, link="x.mx")
