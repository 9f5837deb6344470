"""Numbers as a document writes them, each text parsed once. What is no number is None: the XSD's fault says it."""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from typing import Final, NamedTuple

from emite.cfdi import codes, money
from emite.cfdi.codes import Kind

# SAT's t_Importe: [0-9]{1,18}(.[0-9]{1,6})?
_MOST_DIGITS: Final = 18
_MOST_DECIMALS: Final = 6
# Half of the last decimal written: what rounding may have hidden.
_HALVES: Final = tuple(Decimal(5).scaleb(-places - 1) for places in range(_MOST_DECIMALS + 1))


class Amount(NamedTuple):
    """An amount as written: its value, its decimals, and half a unit of the last of them (0.005 for "10.50")."""

    value: Decimal
    decimals: int
    half: Decimal


@lru_cache(8192)
def amount(text: str | None) -> Amount | None:
    """An amount as SAT writes them (t_Importe); None for anything else, which is the XSD's affair."""
    if text is None:
        return None
    text = text.strip()
    whole, point, fraction = text.partition(".")
    if not (whole.isdigit() and len(whole) <= _MOST_DIGITS and text.isascii()):
        return None
    if point and not (fraction.isdigit() and len(fraction) <= _MOST_DECIMALS):
        return None
    places = len(fraction)
    return Amount(Decimal(text), places, _HALVES[places])


def number(text: str | None) -> Decimal | None:
    """The value of an amount as SAT writes them; None for anything else."""
    found = amount(text)
    return None if found is None else found.value


def not_positive(text: str | None) -> bool:
    """True for a zero and for a number with a minus sign: the rules "must be greater than zero" own both."""
    value = number(text)
    if value is not None:
        return not value
    if text is None:
        return False
    written = text.strip()
    return written.startswith("-") and number(written[1:]) is not None


@lru_cache(1024)
def rate_key(text: str | None) -> str:
    """A rate as a key to group by: "0.16" and "0.160000" are the same; what is no number stays as written."""
    value = number(text)
    return (text or "") if value is None else format(value.normalize(), "f")


@lru_cache(1024)
def rate_allowed(impuesto: str, factor: str, tasa: str, kind: Kind) -> bool:
    """`codes.rate_allowed` for a rate as written; False when it is no number."""
    value = number(tasa)
    return value is not None and codes.rate_allowed(impuesto, factor, value, kind)


@lru_cache(8192)
def decimals(text: str) -> int:
    """The decimals written, blanks around the number apart."""
    return money.written_decimals(text.strip())
