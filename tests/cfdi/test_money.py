"""Amounts against integers and fractions, which know nothing of Decimal's contexts."""

from __future__ import annotations

from decimal import ROUND_FLOOR, Decimal, localcontext
from fractions import Fraction
from math import ceil, floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emite.cfdi import money

amounts = st.decimals(min_value=0, max_value=Decimal("999999999999999999.999999"), places=12)
places = st.integers(0, 6)


def _steps(value: Decimal, places: int) -> Fraction:
    return Fraction(value) * 10**places


@given(amounts, places)
def test_half_up_is_the_nearest_and_takes_the_upper_of_two(value: Decimal, places: int) -> None:
    expected = floor(_steps(value, places) + Fraction(1, 2))
    assert Fraction(money.half_up(value, places)) == Fraction(expected, 10**places)


@given(amounts, places)
def test_truncate_and_ceiling_enclose_the_value(value: Decimal, places: int) -> None:
    assert _steps(money.truncate(value, places), places) == floor(_steps(value, places))
    assert _steps(money.ceiling(value, places), places) == ceil(_steps(value, places))


def test_halves_go_away_from_zero() -> None:
    assert [money.half_up(Decimal(text), 2) for text in ("0.005", "0.015", "2.675", "-0.005")] == [
        Decimal("0.01"),
        Decimal("0.02"),
        Decimal("2.68"),
        Decimal("-0.01"),
    ]


@given(amounts, amounts)
def test_products_are_exact_whatever_the_callers_context(first: Decimal, second: Decimal) -> None:
    with localcontext(prec=5, rounding=ROUND_FLOOR):
        assert Fraction(money.times(first, second)) == Fraction(first) * Fraction(second)
        assert Fraction(money.total([first, second, first])) == 2 * Fraction(first) + Fraction(second)


@given(amounts, st.decimals(min_value=Decimal("0.000001"), max_value=1000, places=6), places)
def test_quotients_are_rounded_once(dividend: Decimal, divisor: Decimal, places: int) -> None:
    exact = Fraction(dividend) / Fraction(divisor) * 10**places
    assert Fraction(money.over(dividend, divisor, places)) * 10**places == floor(exact + Fraction(1, 2))


def test_sums_do_not_lose_a_cent_where_python_would() -> None:
    huge = Decimal("99999999999999999999999999999.99")
    assert money.total([huge, Decimal("0.01")]) == Decimal("100000000000000000000000000000.00")


@pytest.mark.parametrize(
    ("value", "places", "written"),
    [
        ("1E+3", None, "1000"),
        ("1E-7", None, "0.0000001"),
        ("-0.00", None, "0.00"),
        ("10.500000", 2, "10.50"),
        ("10", 2, "10.00"),
        ("0", 6, "0.000000"),
    ],
)
def test_text_is_plain(value: str, places: int | None, written: str) -> None:
    assert money.text(Decimal(value), places) == written


def test_text_never_rounds_in_silence() -> None:
    with pytest.raises(ValueError, match="round it first"):
        money.text(Decimal("10.505"), 2)


@pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("Infinity")])
def test_text_refuses_what_is_not_a_number(value: Decimal) -> None:
    with pytest.raises(ValueError, match="finite"):
        money.text(value)


def test_text_refuses_a_float() -> None:
    with pytest.raises(TypeError):
        money.text(0.1)  # type: ignore[arg-type]


@pytest.mark.parametrize(("written", "decimals"), [("10", 0), ("10.5", 1), ("10.500000", 6), ("0.", 0)])
def test_written_decimals_counts_what_is_written(written: str, decimals: int) -> None:
    assert money.written_decimals(written) == decimals


@pytest.mark.parametrize(
    ("value", "least", "trimmed"),
    [
        ("16.000000", 2, "16.00"),
        ("13.793100", 2, "13.7931"),
        ("5", 2, "5.00"),
        ("1E+2", 0, "100"),
        ("0.000000", 1, "0.0"),
    ],
)
def test_trimmed_drops_idle_zeros(value: str, least: int, trimmed: str) -> None:
    assert str(money.trimmed(Decimal(value), least)) == trimmed
