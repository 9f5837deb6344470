"""Amounts: the only module that rounds, and the only one that writes an amount as text.

All amounts are Decimal. What is to be rounded, and when, is decided by `taxes.py` and `comprobante.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import (
    ROUND_CEILING,
    ROUND_DOWN,
    ROUND_HALF_UP,
    Context,
    Decimal,
    DivisionByZero,
    Inexact,
    InvalidOperation,
)

ZERO = Decimal(0)
# An importe has up to 18 + 6 digits and the product of two has 48: Python's default context (28 digits) would round
# it silently. Exact arithmetic runs in a context that is wide enough and that raises if it ever were not.
_EXACT = Context(prec=100, traps=[Inexact, InvalidOperation])
_ROUNDING = Context(prec=100, traps=[InvalidOperation, DivisionByZero])
_STEPS = tuple(Decimal(1).scaleb(-places) for places in range(21))


def half_up(value: Decimal, places: int) -> Decimal:
    """`value` rounded to `places` decimals, halves away from zero (why: docs/sat/redondeo.md)."""
    return value.quantize(_STEPS[places], ROUND_HALF_UP, _ROUNDING)


def truncate(value: Decimal, places: int) -> Decimal:
    """`value` cut to `places` decimals, towards zero: the lower limit (LI) of SAT's formulas."""
    return value.quantize(_STEPS[places], ROUND_DOWN, _ROUNDING)


def ceiling(value: Decimal, places: int) -> Decimal:
    """`value` raised to the next number of `places` decimals: the upper limit (LS) of SAT's formulas."""
    return value.quantize(_STEPS[places], ROUND_CEILING, _ROUNDING)


def times(first: Decimal, second: Decimal) -> Decimal:
    """The exact product, never rounded however many digits it has."""
    return _EXACT.multiply(first, second)


def over(dividend: Decimal, divisor: Decimal, places: int) -> Decimal:
    """`dividend / divisor` rounded half up to `places` decimals. Raises ZeroDivisionError for a divisor of zero."""
    return half_up(_ROUNDING.divide(dividend, divisor), places)


def total(values: Iterable[Decimal]) -> Decimal:
    """The exact sum; zero for nothing."""
    add = _EXACT.add
    result = ZERO
    for value in values:
        result = add(result, value)
    return result


def trimmed(value: Decimal, least: int) -> Decimal:
    """The same amount without zeros at the end, but with `least` decimals at least."""
    shortest = value.normalize(_EXACT)
    exponent = shortest.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -least:
        return shortest
    return shortest.quantize(_STEPS[least], ROUND_HALF_UP, _EXACT)


def written_decimals(written: str) -> int:
    """How many decimals an amount carries as written: "10.50" has 2, "10" has 0. SAT's limits depend on it."""
    return len(written.partition(".")[2])


def text(value: Decimal, places: int | None = None) -> str:
    """`value` in plain digits, never with an exponent nor as "-0".

    With `places`, exactly so many decimals: zeros are added or dropped, but a digit that counts never is: rounding is a
    decision of the caller. Raises ValueError when `value` is not finite or does not fit, TypeError when not a Decimal.
    """
    if places is None and isinstance(value, Decimal):
        plain = str(value)
        if plain.replace(
            ".", "", 1
        ).isdigit():  # neither sign nor exponent: as format() would write it, in half the time
            return plain
    if not isinstance(value, Decimal):
        raise TypeError(f"an amount is a Decimal, not {type(value).__name__}")
    if not value.is_finite():
        raise ValueError("an amount is a finite number")
    if not value:
        value = value.copy_abs()
    if places is None:
        return format(value, "f")
    fitted = half_up(value, places)
    if fitted != value:
        raise ValueError(f"{value} has more than {places} decimals: round it first")
    return format(fitted, "f")
