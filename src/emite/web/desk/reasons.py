"""Why an invoice was refused or waits, in a line for the staff: by SAT's code, grouped as people speak of them.

What a patient is told beside a field lives in `web.errors.sat_codes`.
"""

from __future__ import annotations

import re
from typing import Final

from emite.documents.models import FiscalDocument, State

_BY_NUMBER: Final[dict[str, str]] = {
    "40143": "El RFC no está en el SAT o está cancelado",
    "40144": "El nombre no está en el SAT",
    "40145": "El nombre no es el que el SAT tiene para ese RFC",
    "40147": "El código postal no existe para el SAT",
    "40148": "El código postal no es el del domicilio fiscal de ese RFC",
    "40157": "El régimen ya no existe para el SAT",
    "40158": "El régimen no corresponde a ese RFC",
    "40160": "El uso ya no existe para el SAT",
    "40161": "El uso no se permite con ese régimen",
    "301": "El documento no cumple el esquema del SAT",
    "302": "El sello no se pudo comprobar",
    "303": "El certificado no es del emisor",
    "304": "El certificado de sello está revocado o caduco",
    "305": "La fecha está fuera de la vigencia del certificado",
    "306": "El certificado no es de sello digital (CSD)",
    "308": "El certificado no lo expidió el SAT",
    "402": "El emisor no está en la lista del SAT (LCO)",
}
_NUMBER: Final = re.compile(r"(?:CFDI|CRP)?0*(\d{3,6})")
OTHER: Final = "Otro rechazo del PAC"


def reason_of(code: str) -> str:
    """`El nombre no es el que el SAT tiene…`; the same line for all that have no line of their own."""
    match = _NUMBER.fullmatch(code.strip().upper())
    return _BY_NUMBER.get(match[1], OTHER) if match else OTHER


def state_of(document: FiscalDocument) -> str:
    """Why a document that is not settled waits."""
    match document.state:
        case State.HELD:
            return "Detenida: 72 horas sin saber si el PAC la timbró"
        case State.UNKNOWN | State.SENDING:
            return "En duda: el PAC no dijo si la timbró"
        case _ if document.in_doubt:
            return "En duda: espera a que el PAC responda"
        case _ if document.last_code == "EMI-FALTA":
            return document.last_text
        case _:
            return "El PAC no responde: la solicitud espera en la cola"
