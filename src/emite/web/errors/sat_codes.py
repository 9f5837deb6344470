"""What a refusal of SAT's matrix means to whoever typed the fiscal data: which field, what to do, who can mend it.

Source of the codes: SAT, matriz de validaciones CFDI 4.0. Codes that no patient can cause fall to the desk.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Mender(StrEnum):
    """Who can make it right."""

    PATIENT = "paciente"
    DESK = "caja"


@dataclass(frozen=True, slots=True)
class Advice:
    """`field` is one of FiscalDataForm's, or "" when no field cures it; `message` speaks to the patient."""

    field: str
    message: str
    mender: Mender = Mender.PATIENT


_CONSTANCIA = "Cópialo tal como viene en tu Constancia de Situación Fiscal."

#: By the number of SAT's code, or by our own.
ADVICE: Final[dict[str, Advice]] = {
    "40143": Advice("rfc", f"El SAT no tiene registrado este RFC, o está cancelado. {_CONSTANCIA}"),
    "40144": Advice("nombre", f"El SAT no conoce a nadie con este nombre. {_CONSTANCIA}"),
    "40145": Advice(
        "nombre",
        "Este nombre no es el que el SAT tiene para tu RFC: escríbelo completo, con o sin acentos, tal como viene en "
        "tu Constancia. Si es una empresa, sin «SA de CV».",
    ),
    "40130": Advice("nombre", "«Público en general» no se puede usar en una factura personal: escribe tu nombre."),
    "40146": Advice("nombre", "«Público en general» no se puede usar con tu RFC: escribe tu nombre."),
    "40147": Advice("domicilio_fiscal", f"El SAT no tiene este código postal para nadie. {_CONSTANCIA}"),
    "40148": Advice(
        "domicilio_fiscal",
        "Este código postal no es el que el SAT tiene para tu RFC. Es el de tu domicilio fiscal, el de tu "
        "Constancia; puede no ser el de tu casa.",
    ),
    "40149": Advice("rfc", "Con un RFC genérico la factura solo se hace en caja: escribe tu RFC."),
    "40157": Advice("regimen_fiscal", "Ese régimen ya no existe para el SAT: elige el de tu Constancia."),
    "40158": Advice(
        "regimen_fiscal",
        "Ese régimen no corresponde al tipo de persona de tu RFC (13 caracteres: persona física; 12: persona moral). "
        "Elige el de tu Constancia.",
    ),
    "40159": Advice("rfc", "Con un RFC genérico la factura solo se hace en caja: escribe tu RFC."),
    "40160": Advice("uso_cfdi", "Ese uso ya no existe para el SAT: elige otro de la lista."),
    "40161": Advice(
        "uso_cfdi", "El SAT no permite ese uso con tu régimen o tu tipo de persona: elige otro de la lista."
    ),
    "40150": Advice("", "La factura para quien reside en el extranjero se hace en caja.", Mender.DESK),
    "40151": Advice("", "La factura para quien reside en el extranjero se hace en caja.", Mender.DESK),
    "40152": Advice("", "La factura para quien reside en el extranjero se hace en caja.", Mender.DESK),
    "40153": Advice("", "La factura para quien reside en el extranjero se hace en caja.", Mender.DESK),
    "40154": Advice("", "La factura para quien reside en el extranjero se hace en caja.", Mender.DESK),
    "40155": Advice("", "La factura para quien reside en el extranjero se hace en caja.", Mender.DESK),
    "EMI004": Advice(
        "rfc",
        "Tu anticipo se facturó a otro RFC, y la factura de la cuenta va al mismo: escribe ese RFC, o pide en caja que "
        "corrijan la del anticipo.",
    ),
    "140224": Advice("regimen_fiscal", "El SAT no admite esta factura con ese régimen.", Mender.DESK),
    "140225": Advice("regimen_fiscal", "Para este régimen la factura se hace en caja.", Mender.DESK),
}

_FALLBACK: Final = Advice(
    "",
    "El SAT no aceptó la factura por un dato que no depende de ti. No necesitas corregir nada: en caja la terminan "
    "con tu número de referencia.",
    Mender.DESK,
)
_NUMBER = re.compile(r"(?:CFDI|CRP)?0*(\d{3,6})")


def advice(code: str) -> Advice:
    """What to tell a patient about SAT's code, written as "CFDI40145" or "40145"; the desk for any other."""
    code = code.strip().upper()
    match = _NUMBER.match(code)
    return ADVICE.get(match[1] if match else code, _FALLBACK)
