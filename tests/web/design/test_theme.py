"""Whatever colour a hospital chooses, its pages stay readable."""

from __future__ import annotations

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from emite.web.design.theme import WHITE, contrast, palette

#: WCAG 2.2, 1.4.3 and 1.4.6.
AA, AAA = 4.5, 7.0


def test_contrast_is_that_of_wcag() -> None:
    assert contrast(WHITE, (0, 0, 0)) == pytest.approx(21)
    assert contrast(WHITE, (0x76, 0x76, 0x76)) == pytest.approx(4.54, abs=0.01)


@given(st.integers(0, 0xFFFFFF))
def test_text_is_readable_on_and_over_any_colour(number: int) -> None:
    shades = palette(f"{number:06x}")

    assert contrast(shades.accent, WHITE) >= AA
    assert contrast(shades.accent, shades.soft) >= AA
    assert contrast(shades.strong, WHITE) >= AAA


def test_a_colour_that_is_readable_stays_as_chosen() -> None:
    assert palette("0b5c63").accent == (0x0B, 0x5C, 0x63)


def test_the_sheet_is_named_by_its_colour_and_stays_for_ever() -> None:
    client = Client(HTTP_HOST="127.0.0.1")
    sheet = client.get("/tema/ffd400.css")

    assert sheet.content == palette("ffd400").css().encode()
    assert "immutable" in sheet["Cache-Control"]
    for bad in ("/tema/ffd40.css", "/tema/FFD400.css", "/tema/red.css"):
        assert client.get(bad).status_code == 404
