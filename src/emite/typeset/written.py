"""How amounts, quantities, rates, days and hours are written for people in Mexico.

Nothing is rounded here to make a sum: `cfdi.money` does that; what is written shows all the decimals that count.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from emite.cfdi import money

MINUS = "−"
_MONTHS = ("ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sep", "oct", "nov", "dic")


def number(value: Decimal, *, decimals: int = 2) -> str:
    """1234.5 -> "1,234.50": at least `decimals` decimals, and all that the value carries beyond them."""
    digits = money.text(value.copy_abs())
    whole, _, fraction = digits.partition(".")
    fraction = fraction.rstrip("0").ljust(decimals, "0")
    sign = MINUS if value < 0 else ""
    return f"{sign}{int(whole):,}" + (f".{fraction}" if fraction else "")


def pesos(value: Decimal) -> str:
    """1234.5 -> "$1,234.50"; a negative amount carries its sign before the $."""
    written = number(value.copy_abs())
    return f"{MINUS}${written}" if value < 0 else f"${written}"


def quantity(value: Decimal) -> str:
    """1.000000 -> "1"; 0.500 -> "0.5"."""
    return number(value, decimals=0)


def percent(rate: Decimal) -> str:
    """0.160000 -> "16 %", with a space that does not break."""
    return number(rate * 100, decimals=0) + "\u00a0%"


def day(value: date) -> str:
    """22 nov 2026."""
    return f"{value.day} {_MONTHS[value.month - 1]} {value.year}"


def moment(value: datetime, *, seconds: bool = False) -> str:
    """22 nov 2026, 14:05, in the zone that the value is in."""
    return f"{day(value)}, {value:%H:%M:%S}" if seconds else f"{day(value)}, {value:%H:%M}"
