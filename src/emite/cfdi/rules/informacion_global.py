"""Rules on InformacionGlobal, the node of the invoice to the general public: CFDI40130-40136."""

from __future__ import annotations

import re
from typing import Final

from emite.cfdi import codes
from emite.cfdi.rfc import PUBLICO_EN_GENERAL
from emite.cfdi.rules.comprobante import in_catalogue
from emite.cfdi.rules.registry import Finding, rule
from emite.cfdi.rules.view import Documento

NOMBRE_PUBLICO: Final = "PUBLICO EN GENERAL"

_AT: Final = "/cfdi:Comprobante/cfdi:InformacionGlobal"
_BIMESTRAL: Final = "05"
_MONTHS: Final = frozenset(f"{month:02d}" for month in range(1, 13))
_BIMESTERS: Final = frozenset(str(key) for key in range(13, 19))
_YEARS_BACK: Final = 5


def _value(d: Documento, name: str) -> str:
    return (d.informacion_global or {}).get(name, "").strip()


@rule("CFDI40130", at=_AT)
def informacion_global_falta(d: Documento) -> Finding:
    """An ingreso to XAXX010101000 named PUBLICO EN GENERAL has InformacionGlobal."""
    if d.tipo != "I" or d.informacion_global is not None:
        return None
    if (
        d.receptor.get("Rfc", "").strip() != PUBLICO_EN_GENERAL
        or d.receptor.get("Nombre", "").strip() != NOMBRE_PUBLICO
    ):
        return None
    return (
        "Falta el nodo InformacionGlobal (periodicidad, meses y año), obligatorio en la factura al público en general. "
        "Si es para una sola persona, escriba su nombre en lugar de PUBLICO EN GENERAL."
    )


@rule("CFDI40131", at=f"{_AT}/@Periodicidad")
def periodicidad_en_catalogo(d: Documento) -> Finding:
    """Periodicidad is in c_Periodicidad."""
    return in_catalogue("Periodicidad", (d.informacion_global or {}).get("Periodicidad"), "c_Periodicidad")


@rule("CFDI40132", at=f"{_AT}/@Periodicidad")
def bimestral_solo_incorporacion(d: Documento) -> Finding:
    """Periodicidad 05 needs the issuer's régimen 621."""
    if _value(d, "Periodicidad") == _BIMESTRAL and d.emisor.get("RegimenFiscal", "").strip() != "621":
        return (
            "La periodicidad 05 (bimestral) es solo para emisores del régimen 621 (incorporación fiscal): "
            "use otra periodicidad."
        )
    return None


@rule("CFDI40133", at=f"{_AT}/@Meses")
def meses_en_catalogo(d: Documento) -> Finding:
    """Meses is in c_Meses."""
    return in_catalogue("Meses", (d.informacion_global or {}).get("Meses"), "c_Meses")


@rule("CFDI40134", at=f"{_AT}/@Meses")
def meses_de_un_mes(d: Documento) -> Finding:
    """With a Periodicidad other than 05, Meses is one of 01 to 12. Unknown keys are left to their rules."""
    periodicidad, meses = _value(d, "Periodicidad"), _value(d, "Meses")
    if periodicidad == _BIMESTRAL or meses not in _BIMESTERS or not codes.contains("c_Periodicidad", periodicidad):
        return None
    return f"El campo Meses es {meses} (un bimestre) y la periodicidad {periodicidad} pide un mes: use 01 a 12."


@rule("CFDI40135", at=f"{_AT}/@Meses")
def meses_de_un_bimestre(d: Documento) -> Finding:
    """With Periodicidad 05, Meses is one of 13 to 18."""
    meses = _value(d, "Meses")
    if _value(d, "Periodicidad") != _BIMESTRAL or meses not in _MONTHS:
        return None
    return f"El campo Meses es {meses} (un mes) y la periodicidad 05 pide un bimestre: use 13 a 18."


@rule("CFDI40136", at=f"{_AT}/@Año")
def anio_reciente(d: Documento) -> Finding:
    """Año is that of Fecha or one of the five before it."""
    text = _value(d, "Año")
    if d.fecha is None or not re.fullmatch(r"-?[0-9]{1,9}", text):
        return None
    if d.fecha.year - _YEARS_BACK <= int(text) <= d.fecha.year:
        return None
    return (
        f"El campo Año es {text}: debe ser {d.fecha.year}, el año de la factura, o uno de los {_YEARS_BACK} anteriores."
    )
