"""The shape of a meaning, and the cures that many codes share."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Who(StrEnum):
    """Who can mend it."""

    RECEPTOR = "quien recibe la factura"
    DESK = "caja"
    ADMINISTRATOR = "quien administra la organización"
    TAXPAYER = "el emisor, ante el SAT"
    SUPPORT = "soporte"
    NOBODY = "nadie: se resuelve solo"


@dataclass(frozen=True, slots=True)
class Meaning:
    """`what` happened, in which `field` of the CFDI ("" for none), the `cure`, and `who` has it in hand."""

    what: str
    field: str
    cure: str
    who: Who


@dataclass(frozen=True, slots=True)
class Cure:
    """How a whole group of codes is mended, and by whom."""

    text: str
    who: Who

    def of(self, what: str, field: str) -> Meaning:
        return Meaning(what, field, self.text, self.who)


CONSTANCIA: Final = Cure(
    "Corrija el dato como viene en la Constancia de Situación Fiscal del receptor y emita de nuevo.", Who.RECEPTOR
)
DATA: Final = Cure("Corrija el dato en la factura y emita de nuevo.", Who.DESK)
PAYMENT: Final = Cure("Revise cómo se registró el pago y emita de nuevo.", Who.DESK)
PRICES: Final = Cure("Corrija la clave o el impuesto del servicio en la lista de precios y emita de nuevo.",
                     Who.ADMINISTRATOR)  # fmt: skip
ISSUER: Final = Cure("Corrija los datos fiscales del emisor como vienen en su Constancia.", Who.ADMINISTRATOR)
BUILT: Final = Cure(
    "Lo arma el programa, no la persona: mande el folio y este código a soporte. El cargo queda libre.", Who.SUPPORT
)
FOREIGN: Final = Cure(
    "Revise los datos de quien reside en el extranjero: RFC genérico XEXX010101000, país y sin CP propio.", Who.DESK
)
CSD: Final = Cure("Suba el certificado de sello digital (CSD) vigente del emisor.", Who.ADMINISTRATOR)
SAT: Final = Cure(
    "El emisor lo aclara con el SAT. Un CSD nuevo puede tardar hasta 72 horas en aparecer en su lista.", Who.TAXPAYER
)
ACCOUNT: Final = Cure("Revise la cuenta con el PAC y corríjala en «Proveedor de certificación (PAC)».",
                      Who.ADMINISTRATOR)  # fmt: skip
WAIT: Final = Cure("No haga nada: se consulta y se intenta de nuevo sin timbrar dos veces.", Who.NOBODY)
UNUSED: Final = Cure(
    "Este programa no usa ese dato: si aparece en un CFDI suyo, mande el folio y el código a soporte.", Who.SUPPORT
)
