"""Numbers as a document writes them, each text parsed once. What is no number is None: the XSD's fault says it."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache
from typing import Final

from emite.cfdi import codes, money
from emite.cfdi.codes import Kind

_NUMBER: Final = re.compile(r"[0-9]{1,18}(\.[0-9]{1,6})?")


@lru_cache(8192)
def number(text: str | None) -> Decimal | None:
    """An amount as SAT writes them (t_Importe); None for anything else, which is the XSD's affair."""
    if text is None:
        return None
    text = text.strip()
    return Decimal(text) if _NUMBER.fullmatch(text) else None


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
