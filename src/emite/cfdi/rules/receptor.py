"""Rules on Receptor: CFDI40146, CFDI40149-40155 and CFDI40157-40161.

Whether SAT knows the RFC, its name and its postal code is for the PAC to say.
"""

from __future__ import annotations

from typing import Final

from emite.cfdi import codes
from emite.cfdi.rfc import EXTRANJERO, PUBLICO_EN_GENERAL
from emite.cfdi.rules.comprobante import in_catalogue
from emite.cfdi.rules.emisor import person_of, wrong_person
from emite.cfdi.rules.informacion_global import NOMBRE_PUBLICO
from emite.cfdi.rules.registry import Finding, rule
from emite.cfdi.rules.view import Documento

_AT: Final = "/cfdi:Comprobante/cfdi:Receptor"
_GENERIC: Final = (PUBLICO_EN_GENERAL, EXTRANJERO)
_SIN_OBLIGACIONES: Final = "616"


def _value(d: Documento, name: str) -> str:
    return d.receptor.get(name, "").strip()


@rule("CFDI40146", at=f"{_AT}/@Rfc")
def publico_con_su_rfc(d: Documento) -> Finding:
    """The name PUBLICO EN GENERAL goes with XAXX010101000."""
    if _value(d, "Nombre") == NOMBRE_PUBLICO and _value(d, "Rfc") != PUBLICO_EN_GENERAL:
        return (
            f"El nombre PUBLICO EN GENERAL solo va con el RFC {PUBLICO_EN_GENERAL}: "
            "use ese RFC o escriba el nombre del receptor."
        )
    return None


@rule("CFDI40149", at=f"{_AT}/@DomicilioFiscalReceptor")
def domicilio_del_generico(d: Documento) -> Finding:
    """A generic RFC has the postal code of LugarExpedicion. An unknown LugarExpedicion is left to CFDI40126."""
    lugar = d.attributes.get("LugarExpedicion", "").strip()
    if _value(d, "Rfc") not in _GENERIC or _value(d, "DomicilioFiscalReceptor") in (lugar, ""):
        return None
    if not codes.contains("c_CodigoPostal", lugar):
        return None
    return (
        f"Con un RFC genérico el campo DomicilioFiscalReceptor debe ser igual a LugarExpedicion ({lugar}): "
        "escriba ese código postal."
    )


@rule("CFDI40150", at=f"{_AT}/@ResidenciaFiscal")
def residencia_en_catalogo(d: Documento) -> Finding:
    """ResidenciaFiscal is in c_Pais."""
    return in_catalogue("ResidenciaFiscal", d.receptor.get("ResidenciaFiscal"), "c_Pais")


@rule("CFDI40151", at=f"{_AT}/@ResidenciaFiscal")
def residencia_solo_extranjeros(d: Documento) -> Finding:
    """ResidenciaFiscal does not exist unless the RFC is the foreigners' one."""
    if "ResidenciaFiscal" in d.receptor and _value(d, "Rfc") != EXTRANJERO:
        return (
            f"El campo ResidenciaFiscal es solo para extranjeros (RFC {EXTRANJERO}): quítelo, "
            "el receptor tiene un RFC mexicano."
        )
    return None


@rule("CFDI40152", at=f"{_AT}/@ResidenciaFiscal")
def residencia_no_mexico(d: Documento) -> Finding:
    """ResidenciaFiscal is not MEX."""
    if _value(d, "ResidenciaFiscal") == "MEX":
        return "El campo ResidenciaFiscal no puede ser MEX: escriba el país del extranjero o quite el campo."
    return None


@rule("CFDI40153", at=f"{_AT}/@ResidenciaFiscal")
def residencia_falta(d: Documento) -> Finding:
    """A foreigner with NumRegIdTrib, or in a document with Comercio Exterior, has ResidenciaFiscal."""
    if _value(d, "Rfc") != EXTRANJERO or "ResidenciaFiscal" in d.receptor:
        return None
    if "NumRegIdTrib" not in d.receptor and not d.comercio_exterior:
        return None
    return "Falta el campo ResidenciaFiscal: escriba la clave del país del receptor extranjero."


@rule("CFDI40154", at=f"{_AT}/@NumRegIdTrib")
def registro_solo_extranjeros(d: Documento) -> Finding:
    """NumRegIdTrib does not exist unless the RFC is the foreigners' one."""
    if "NumRegIdTrib" in d.receptor and _value(d, "Rfc") != EXTRANJERO:
        return (
            f"El campo NumRegIdTrib es solo para extranjeros (RFC {EXTRANJERO}): quítelo, "
            "el receptor tiene un RFC mexicano."
        )
    return None


@rule("CFDI40155", at=f"{_AT}/@NumRegIdTrib")
def registro_con_comercio_exterior(d: Documento) -> Finding:
    """For a foreigner, NumRegIdTrib and the complement Comercio Exterior exist together or not at all."""
    if _value(d, "Rfc") != EXTRANJERO or ("NumRegIdTrib" in d.receptor) == d.comercio_exterior:
        return None
    if d.comercio_exterior:
        return "Falta el campo NumRegIdTrib: es obligatorio con el complemento de Comercio Exterior."
    return "El campo NumRegIdTrib solo va con el complemento de Comercio Exterior: quítelo."


@rule("CFDI40157", at=f"{_AT}/@RegimenFiscalReceptor")
def regimen_en_catalogo(d: Documento) -> Finding:
    """RegimenFiscalReceptor is in c_RegimenFiscal."""
    return in_catalogue("RegimenFiscalReceptor", d.receptor.get("RegimenFiscalReceptor"), "c_RegimenFiscal")


@rule("CFDI40158", at=f"{_AT}/@RegimenFiscalReceptor")
def regimen_de_la_persona(d: Documento) -> Finding:
    """RegimenFiscalReceptor is one for the receptor's kind of person. Generic RFCs are left to CFDI40159."""
    rfc = _value(d, "Rfc")
    if rfc in _GENERIC:
        return None
    return wrong_person("RegimenFiscalReceptor", _value(d, "RegimenFiscalReceptor"), rfc)


@rule("CFDI40159", at=f"{_AT}/@RegimenFiscalReceptor")
def regimen_del_generico(d: Documento) -> Finding:
    """A generic RFC has régimen 616. A key that does not exist is left to CFDI40157."""
    regimen = _value(d, "RegimenFiscalReceptor")
    if _value(d, "Rfc") not in _GENERIC or regimen == _SIN_OBLIGACIONES:
        return None
    if not codes.contains("c_RegimenFiscal", regimen):
        return None
    return "Con un RFC genérico el campo RegimenFiscalReceptor debe ser 616 (sin obligaciones fiscales)."


@rule("CFDI40160", at=f"{_AT}/@UsoCFDI")
def uso_en_catalogo(d: Documento) -> Finding:
    """UsoCFDI is in c_UsoCFDI."""
    return in_catalogue("UsoCFDI", d.receptor.get("UsoCFDI"), "c_UsoCFDI")


@rule("CFDI40161", at=f"{_AT}/@UsoCFDI")
def uso_de_la_persona_y_regimen(d: Documento) -> Finding:
    """UsoCFDI is one for the receptor's kind of person and régimen.

    Where the régimen itself is wrong (CFDI40157, 40158, 40159) only the kind of person is looked at.
    """
    uso, regimen, rfc = _value(d, "UsoCFDI"), _value(d, "RegimenFiscalReceptor"), _value(d, "Rfc")
    person = person_of(rfc)
    if person is None or not codes.contains("c_UsoCFDI", uso) or codes.uso_allowed(uso, person, regimen):
        return None
    regimen_wrong = not codes.regimen_admits(regimen, person) or (rfc in _GENERIC and regimen != _SIN_OBLIGACIONES)
    if regimen_wrong and any(codes.uso_allowed(uso, person, other) for other in codes.regimenes(person)):
        return None
    kind = "física" if person == "F" else "moral"
    return (
        f"El uso {uso} no corresponde a una persona {kind} con el régimen {regimen}: elija otro uso del CFDI, "
        "por ejemplo S01 (sin efectos fiscales)."
    )
