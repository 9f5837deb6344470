"""Rules on Emisor: CFDI40140 and CFDI40141. Its name is compared with SAT's list by the PAC."""

from __future__ import annotations

from typing import Final

from emite.cfdi import codes
from emite.cfdi.codes import Person
from emite.cfdi.rules.comprobante import in_catalogue
from emite.cfdi.rules.registry import Finding, rule
from emite.cfdi.rules.view import Documento

_AT: Final = "/cfdi:Comprobante/cfdi:Emisor"


def person_of(rfc: str) -> Person | None:
    """The kind of person by the length of the RFC, as SAT's matrix tells it; None when it is neither."""
    match len(rfc):
        case 13:
            return "F"
        case 12:
            return "M"
        case _:
            return None


def wrong_person(field: str, regimen: str, rfc: str) -> Finding:
    """A finding when a régimen is not for the kind of person of that RFC. Unknown keys are left to their rules."""
    person = person_of(rfc)
    if person is None or not codes.contains("c_RegimenFiscal", regimen) or codes.regimen_admits(regimen, person):
        return None
    kind, other = ("física", "moral") if person == "F" else ("moral", "física")
    return (
        f"El campo {field} es {regimen}, un régimen de persona {other}, y el RFC es de persona {kind}: "
        "elija el régimen que aparece en su Constancia de Situación Fiscal."
    )


@rule("CFDI40140", at=f"{_AT}/@RegimenFiscal")
def regimen_en_catalogo(d: Documento) -> Finding:
    """RegimenFiscal is in c_RegimenFiscal."""
    return in_catalogue("RegimenFiscal del emisor", d.emisor.get("RegimenFiscal"), "c_RegimenFiscal")


@rule("CFDI40141", at=f"{_AT}/@RegimenFiscal")
def regimen_de_la_persona(d: Documento) -> Finding:
    """RegimenFiscal is one for the issuer's kind of person."""
    regimen = d.emisor.get("RegimenFiscal", "").strip()
    return wrong_person("RegimenFiscal del emisor", regimen, d.emisor.get("Rfc", "").strip())
