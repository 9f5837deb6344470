"""QR codes as files, the typeface's characters, and how amounts and days are written."""

from __future__ import annotations

import datetime as dt
import io
from decimal import Decimal

import pytest
import zxingcpp
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from emite.typeset import fonts, qr_png, qr_svg, written
from emite.typeset.legible import Exact, legible, legible_all

ADDRESS = "https://factura.santelmo.mx/q/7K3MQ9XW2H0DTVN4"


@pytest.mark.parametrize("px", [37, 120, 300, 1000])
def test_png_reads_back_and_fits(px: int) -> None:
    image = Image.open(io.BytesIO(qr_png(ADDRESS, px)))
    assert image.size[0] == image.size[1] <= px
    code = zxingcpp.read_barcode(image.convert("L").resize((image.size[0] * 4,) * 2, Image.Resampling.NEAREST))
    assert code is not None
    assert code.text == ADDRESS
    assert code.ec_level == "M"


def test_png_too_small_is_refused() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        qr_png(ADDRESS, 30)


def test_svg_and_png_draw_the_same_modules() -> None:
    image = Image.open(io.BytesIO(qr_png(ADDRESS, 37))).convert("L")
    drawn = Image.new("L", image.size, 255)
    path = qr_svg(ADDRESS).rpartition('d="')[2].partition('"')[0]
    for run in path.split("M")[1:]:
        start, _, rest = run.partition("h")
        x, y = map(int, start.split())
        for step in range(int(rest.partition("v")[0])):
            drawn.putpixel((x + step, y), 0)
    assert drawn.tobytes() == image.tobytes()


def test_svg_is_only_markup_of_ours() -> None:
    svg = qr_svg('"/><script>alert(1)</script>')
    assert "script" not in svg
    assert svg.startswith("<svg ")


@pytest.mark.parametrize("letter", "ÑñáéíóúüÁÉÍÓÚÜ¿¡&“”‘’«»—–€$°ºª½×−…□")
def test_typeface_draws_what_spanish_needs(letter: str) -> None:
    assert ord(letter) in fonts.drawable()
    assert legible(letter) == letter


@given(st.text(st.characters(), max_size=80))
def test_legible_is_drawable_and_settles(text: str) -> None:
    clean = legible(text)
    assert {ord(char) for char in clean} <= fonts.drawable() | {0x200B, 0xA0, 0x20}
    assert "\n" not in clean
    clean.encode()


def test_legible_keeps_plain_text_and_never_breaks_what_is_exact() -> None:
    assert legible("Consulta de medicina, 2 h") == "Consulta de medicina, 2 h"
    assert legible("x" * 32) == "x" * 32
    assert legible("x" * 33) == "\u200b".join(["x" * 8] * 4 + ["x"])
    assert legible("x" * 30, 24) == "\u200b".join(("x" * 8, "x" * 8, "x" * 8, "x" * 6))
    assert legible(Exact("x" * 40)) == "x" * 40
    assert legible_all({"a": [("b\n", 1, None, True)]}) == {"a": [["b ", 1, None, True]]}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("0", "$0.00"),
        ("1234.5", "$1,234.50"),
        ("-12.345678", "−$12.345678"),
        ("1E+3", "$1,000.00"),
        ("999999999999999999.99", "$999,999,999,999,999,999.99"),
    ],
)
def test_pesos(value: str, text: str) -> None:
    assert written.pesos(Decimal(value)) == text


def test_other_words() -> None:
    assert written.quantity(Decimal("1.000000")) == "1"
    assert written.quantity(Decimal("0.500")) == "0.5"
    assert written.percent(Decimal("0.106667")) == "10.6667\u00a0%"
    assert written.day(dt.date(2026, 1, 5)) == "5 ene 2026"
    assert written.moment(dt.datetime(2026, 11, 22, 9, 5, 7)) == "22 nov 2026, 09:05"
    assert written.moment(dt.datetime(2026, 11, 22, 9, 5, 7), seconds=True) == "22 nov 2026, 09:05:07"
