"""The ticket's code: 15 random symbols of Crockford's 32 and one check symbol.

Pure text here; how a code is kept (keyed hash, encrypted copy) lives in `vault` and `charges.models`.
"""

from __future__ import annotations

import secrets

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 16
_VALUE = {symbol: index for index, symbol in enumerate(ALPHABET)}
_READ_AS = str.maketrans("OIL", "011")
_IGNORED = str.maketrans("", "", " -\t\n\r\u00a0\u2010\u2011\u2012\u2013\u2014.")


def new_code() -> str:
    """A code of 75 random bits, without separators."""
    bits = secrets.randbits(5 * (LENGTH - 1))
    body = "".join(ALPHABET[bits >> shift & 31] for shift in range(0, 5 * (LENGTH - 1), 5))
    return body + check_symbol(body)


def check_symbol(body: str) -> str:
    """Checksum over GF(32), weights 2^i: finds every wrong symbol and every swap of two neighbours."""
    total = 0
    for symbol in body:
        total = _double(total ^ _VALUE[symbol])
    return ALPHABET[total]


def read_code(typed: str) -> str | None:
    """The code as stored, or None when it cannot be one (length, symbol or check symbol wrong).

    Accepts lower case, spaces and dashes; O reads as 0, I and L as 1.
    """
    code = typed.translate(_IGNORED).upper().translate(_READ_AS)
    if len(code) != LENGTH or any(symbol not in _VALUE for symbol in code):
        return None
    return code if check_symbol(code[:-1]) == code[-1] else None


def grouped(code: str) -> str:
    """`ABCD-EFGH-JKMN-PQRS`, as printed."""
    return "-".join(code[start : start + 4] for start in range(0, LENGTH, 4))


def _double(value: int) -> int:
    """Multiply by x in GF(32) with x^5 + x^2 + 1."""
    value <<= 1
    return value ^ 0b100101 if value & 0b100000 else value
