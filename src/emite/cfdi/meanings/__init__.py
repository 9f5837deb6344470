"""What each code of SAT, of a PAC or of our own means: what happened, in which field, how it is mended, and by whom.

The one table of the project: screens, API and mails take their words from here. The voice is the desk's (usted); what a
patient is told beside a field of the portal is in `web.errors.sat_codes`, for the codes that a patient can cure.
Sources: SAT's matrices of CFDI 4.0 (13 December 2024) and of Pagos 2.0 revision B (15 December 2023), SAT's generic
codes, and the PACs' public lists (docs/operacion/pac.md). Tests prove that no code of the matrices is forgotten.
"""

from __future__ import annotations

import re
from typing import Final

from emite.cfdi.meanings.base import Meaning, Who
from emite.cfdi.meanings.comprobante import COMPROBANTE
from emite.cfdi.meanings.pagos import PAGOS
from emite.cfdi.meanings.providers import ACUSE, FINKOK, GENERIC, OWN, SWSAPIEN

__all__ = ["Meaning", "Who", "meaning", "meaning_of_cancellation"]

# No two of these tables share a code (a test proves it), so that a code needs no PAC beside it.
_BY_CODE: Final = {**GENERIC, **OWN, **PAGOS, **FINKOK, **SWSAPIEN}
_NUMBER: Final = re.compile(r"(?:CFDI)?0*(\d{5,6})")


def meaning(code: str) -> Meaning | None:
    """Of a code given when a CFDI is checked or stamped ("CFDI40145" or "40145"); None for one nobody publishes."""
    name = code.strip().upper()
    if found := _BY_CODE.get(name):
        return found
    number = _NUMBER.fullmatch(name)
    return COMPROBANTE.get(number[1]) if number else None


def meaning_of_cancellation(code: str) -> Meaning | None:
    """Of a code of a cancellation: those of an acuse, by folio, or those of a request that is refused whole."""
    return ACUSE.get(code.strip()) or GENERIC.get(code.strip())
