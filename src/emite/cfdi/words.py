"""Amounts in Spanish words, as a printed invoice carries them."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from emite.cfdi import money

_UNITS: Final = tuple(
    """
    CERO UN DOS TRES CUATRO CINCO SEIS SIETE OCHO NUEVE DIEZ ONCE DOCE TRECE CATORCE QUINCE DIECISÉIS DIECISIETE
    DIECIOCHO DIECINUEVE VEINTE VEINTIÚN VEINTIDÓS VEINTITRÉS VEINTICUATRO VEINTICINCO VEINTISÉIS VEINTISIETE
    VEINTIOCHO VEINTINUEVE
    """.split()  # noqa: SIM905 - a list of thirty quoted words reads worse
)
_TENS: Final = ("", "", "", "TREINTA", "CUARENTA", "CINCUENTA", "SESENTA", "SETENTA", "OCHENTA", "NOVENTA")
_HUNDREDS: Final = (
    "",
    "CIENTO",
    "DOSCIENTOS",
    "TRESCIENTOS",
    "CUATROCIENTOS",
    "QUINIENTOS",
    "SEISCIENTOS",
    "SETECIENTOS",
    "OCHOCIENTOS",
    "NOVECIENTOS",
)
_MILLIONS: Final = (("", ""), ("MILLÓN", "MILLONES"), ("BILLÓN", "BILLONES"), ("TRILLÓN", "TRILLONES"))
# Singular, plural and what follows the cents.
_CURRENCIES: Final = {
    "MXN": ("PESO", "PESOS", "M.N."),
    "USD": ("DÓLAR", "DÓLARES", "USD"),
    "EUR": ("EURO", "EUROS", "EUR"),
}


def in_words(total: Decimal, moneda: str) -> str:
    """`(MIL DOSCIENTOS TREINTA Y CUATRO PESOS 50/100 M.N.)`; the currency's key where it has no name here.

    The amount is rounded to cents. Raises ValueError when it is negative or has more than 18 integer digits.
    """
    cents = int(money.half_up(total, 2).scaleb(2))
    whole, cents = divmod(cents, 100)
    if total < 0 or whole >= 10**18:
        raise ValueError("an invoice's total has 1 to 18 digits and no sign")
    singular, plural, suffix = _CURRENCIES.get(moneda, ("", "", moneda))
    name = singular if whole == 1 else plural
    if name and whole and whole % 1_000_000 == 0:
        name = f"DE {name}"  # un millón DE pesos
    return f"({' '.join(filter(None, (integer_words(whole), name)))} {cents:02d}/100 {suffix})"


def integer_words(number: int) -> str:
    """A number from 0 to 10^24 - 1 as it is read before a noun: "VEINTIÚN", "CIENTO UN MIL"."""
    if number < 1_000_000:
        return _below_million(number)
    parts = []
    for power in range(len(_MILLIONS) - 1, -1, -1):
        group = number // 10 ** (6 * power) % 1_000_000
        if group:
            name = _MILLIONS[power][group != 1]
            parts.append(f"{_below_million(group)} {name}".strip())
    return " ".join(parts)


def _below_million(number: int) -> str:
    thousands, rest = divmod(number, 1_000)
    if not thousands:
        return _below_thousand(rest)
    head = "MIL" if thousands == 1 else f"{_below_thousand(thousands)} MIL"
    return f"{head} {_below_thousand(rest)}" if rest else head


def _below_thousand(number: int) -> str:
    if number == 100:
        return "CIEN"
    hundreds, rest = divmod(number, 100)
    if not hundreds:
        return _below_hundred(rest)
    return f"{_HUNDREDS[hundreds]} {_below_hundred(rest)}" if rest else _HUNDREDS[hundreds]


def _below_hundred(number: int) -> str:
    if number < len(_UNITS):
        return _UNITS[number]
    tens, unit = divmod(number, 10)
    return f"{_TENS[tens]} Y {_UNITS[unit]}" if unit else _TENS[tens]
