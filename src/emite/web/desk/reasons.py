"""Why an invoice was refused or waits, in a line for the staff, from the table of codes (cfdi/meanings).

What a patient is told beside a field lives in `web.errors.sat_codes`.
"""

from __future__ import annotations

from typing import Final

from emite.cfdi.meanings import meaning
from emite.documents.models import FiscalDocument, State

OTHER: Final = "Otro rechazo del PAC"


def reason_of(code: str) -> str:
    """`El nombre no es el que el SAT tiene…`; the same line for all codes that nobody publishes."""
    meant = meaning(code)
    return meant.what if meant else OTHER


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
