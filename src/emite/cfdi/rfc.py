"""Rfc: the taxpayer's key, as a value that is always well formed.

Whether SAT knows an RFC is only for the PAC to say; the check digit is a hint for people who type.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Final, Self

PUBLICO_EN_GENERAL: Final = "XAXX010101000"
EXTRANJERO: Final = "XEXX010101000"

# tdCFDI.xsd, t_RFC. SAT's pattern admits 31 February; the date is checked apart.
_PATTERN = re.compile(r"([A-Z&Ñ]{3,4})(\d\d)(0[1-9]|1[012])(0[1-9]|[12]\d|3[01])([A-Z0-9]{2}[0-9A])", re.ASCII)
_SEPARATORS = re.compile(r"[\s\-_.\u200b\u2010-\u2015]+")
# Index = value of the character in SAT's check digit (modulo 11).
_ALPHABET = {character: value for value, character in enumerate("0123456789ABCDEFGHIJKLMN&OPQRSTUVWXYZ Ñ")}


class RfcInvalid(ValueError):
    """The text is not an RFC. `message` says in Spanish what is wrong with it."""

    def __init__(self, message: str) -> None:
        self.message = message
        super().__init__(message)


class Rfc(str):
    """A well-formed RFC in capitals: 13 characters for a persona física, 12 for a persona moral."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Takes an RFC as people type it (lower case, spaces, hyphens). Raises RfcInvalid.

        Ñ and & are kept: they are letters of the RFC, not typing errors.
        """
        rfc = _SEPARATORS.sub("", text).upper().replace("N\u0303", "Ñ")
        if not rfc:
            raise RfcInvalid("Escriba el RFC.")
        match = _PATTERN.fullmatch(rfc)
        if match is None:
            raise RfcInvalid(_what_is_wrong(rfc))
        if not _date_exists(match[2], match[3], match[4]):
            raise RfcInvalid(
                f"El RFC «{rfc}» lleva la fecha {match[2]}-{match[3]}-{match[4]}, que no existe: revíselo."
            )
        return cls(rfc)

    @property
    def is_generic(self) -> bool:
        """True for the two RFCs that SAT reserves for the general public and for foreigners."""
        return self in (PUBLICO_EN_GENERAL, EXTRANJERO)

    @property
    def is_persona_fisica(self) -> bool:
        """True for 13 characters; SAT's matrix tells the person by the length, so the generic ones count here."""
        return len(self) == 13

    @property
    def is_persona_moral(self) -> bool:
        """True for 12 characters."""
        return len(self) == 12

    @property
    def check_digit_ok(self) -> bool:
        """False means "probably mistyped": warn and never block, SAT itself has issued RFCs with a wrong digit."""
        return self.is_generic or self[-1] == _check_digit(self[:-1])

    @property
    def masked(self) -> str:
        """Enough to recognise one's own RFC and too little to learn another's: "MISC******B86"."""
        return f"{self[:-9]}******{self[-3:]}"


def _check_digit(body: str) -> str:
    total = sum(_ALPHABET[character] * (13 - place) for place, character in enumerate(body.rjust(12)))
    remainder = total % 11
    if remainder == 0:
        return "0"
    return "A" if remainder == 1 else str(11 - remainder)


def _date_exists(year: str, month: str, day: str) -> bool:
    # Two digits of a year: 29 February is possible if either century had it.
    for century in (1900, 2000):
        try:
            date(century + int(year), int(month), int(day))
        except ValueError:
            continue
        return True
    return False


def _what_is_wrong(rfc: str) -> str:
    shown = rfc if len(rfc) <= 20 else rfc[:20] + "…"
    if not re.fullmatch(r"[A-Z0-9&Ñ]*", rfc):
        return f"El RFC «{shown}» tiene caracteres que no van en un RFC: use letras, números, & y Ñ."
    if len(rfc) not in (12, 13):
        return (
            f"El RFC «{shown}» tiene {len(rfc)} caracteres: son 13 en una persona física y 12 en una persona moral "
            "(con homoclave)."
        )
    return (
        f"El RFC «{shown}» no tiene la forma correcta: {'cuatro' if len(rfc) == 13 else 'tres'} letras, la fecha en "
        "seis números (AAMMDD) y tres caracteres de homoclave."
    )
