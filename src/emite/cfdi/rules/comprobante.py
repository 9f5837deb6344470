"""Rules on the attributes of Comprobante that are not amounts: CFDI40101-40105, 40113-40117, 40121-40126, 40222.

The amounts are in `importes.py`, the seal in `sello.py`.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

from emite.cfdi import codes
from emite.cfdi.rules.numbers import number
from emite.cfdi.rules.registry import Finding, rule
from emite.cfdi.rules.view import FECHA, Documento
from emite.cfdi.zones import local_now

_AT: Final = "/cfdi:Comprobante"
_TIPO_CAMBIO: Final = re.compile(r"[0-9]{1,18}(\.[0-9]{1,6})?")
# PACs admit a clock a few minutes ahead of theirs.
_AHEAD: Final = timedelta(minutes=5)


def unknown_key(field: str, value: str, catalogue: str) -> str:
    """The words for a key that SAT's catalogue does not have."""
    if not value.strip():
        return f"El campo {field} está vacío: escriba una clave del catálogo {catalogue} del SAT."
    shown = value if len(value) <= 40 else value[:40] + "…"
    return f"El campo {field} tiene «{shown}», que no está en el catálogo {catalogue} del SAT: elija una clave vigente."


def in_catalogue(field: str, value: str | None, catalogue: str) -> Finding:
    """A finding when `value` is written and the catalogue does not have it. A missing attribute is the XSD's affair."""
    if value is None or codes.contains(catalogue, value) or codes.contains(catalogue, value.strip()):
        return None
    return unknown_key(field, value, catalogue)


@rule("CFDI40101", at=f"{_AT}/@Fecha")
def fecha(d: Documento) -> Finding:
    """Fecha has SAT's pattern, is a real date and, where the caller gives `now`, is not ahead of its place."""
    text = d.attributes.get("Fecha")
    if text is None:
        return None
    if not FECHA.fullmatch(text.strip()):
        return (
            f"El campo Fecha tiene «{text[:40]}»: debe escribirse como AAAA-MM-DDThh:mm:ss, sin zona horaria, "
            "por ejemplo 2026-03-05T10:15:00."
        )
    if d.fecha is None:
        return f"El campo Fecha tiene «{text}», un día que no existe en el calendario: corríjalo."
    lugar = d.attributes.get("LugarExpedicion", "").strip()
    if d.now is not None and codes.contains("c_CodigoPostal", lugar):
        local = local_now(d.now, lugar)
        if d.fecha > local + _AHEAD:
            return (
                f"El campo Fecha ({text}) está adelantado: en el lugar de expedición son las {local.isoformat()}. "
                "Use la hora local de ese código postal."
            )
    return None


@rule("CFDI40103", at=f"{_AT}/@FormaPago")
def forma_pago_sobra(d: Documento) -> Finding:
    """FormaPago does not exist in T, N and P."""
    if "FormaPago" in d.attributes and d.tipo in ("T", "N", "P"):
        return f"El campo FormaPago no debe existir en un comprobante de tipo {d.tipo}: quítelo."
    return None


@rule("CFDI40104", at=f"{_AT}/@FormaPago")
def forma_pago_en_catalogo(d: Documento) -> Finding:
    """FormaPago is in c_FormaPago."""
    return in_catalogue("FormaPago", d.attributes.get("FormaPago"), "c_FormaPago")


@rule("CFDI40105", at=f"{_AT}/@FormaPago")
def forma_pago_por_definir(d: Documento) -> Finding:
    """With MetodoPago PPD, FormaPago is 99. A key that does not exist is left to CFDI40104."""
    forma = d.attributes.get("FormaPago", "").strip()
    if d.attributes.get("MetodoPago", "").strip() != "PPD" or forma == "99" or d.carries_no_money:
        return None
    if forma and not codes.contains("c_FormaPago", forma):
        return None
    return "Si el método de pago es PPD (parcialidades o diferido), el campo FormaPago debe ser 99 (por definir)."


@rule("CFDI40113", at=f"{_AT}/@Moneda")
def moneda_en_catalogo(d: Documento) -> Finding:
    """Moneda is in c_Moneda."""
    return in_catalogue("Moneda", d.attributes.get("Moneda"), "c_Moneda")


@rule("CFDI40114", at=f"{_AT}/@TipoCambio")
def tipo_cambio_de_pesos(d: Documento) -> Finding:
    """In MXN, TipoCambio is absent or 1."""
    text = d.attributes.get("TipoCambio")
    if text is None or d.moneda != "MXN" or not _TIPO_CAMBIO.fullmatch(text.strip()) or number(text) == 1:
        return None
    return f"En pesos (MXN) el campo TipoCambio debe ser 1 y tiene «{text}»: corríjalo o quítelo."


@rule("CFDI40115", at=f"{_AT}/@TipoCambio")
def tipo_cambio_falta(d: Documento) -> Finding:
    """TipoCambio is required in every currency but MXN and XXX."""
    if "TipoCambio" in d.attributes or d.moneda in ("MXN", "XXX") or not codes.contains("c_Moneda", d.moneda):
        return None
    return f"Falta el campo TipoCambio: es obligatorio cuando la moneda es {d.moneda}. Escriba cuántos pesos vale."


@rule("CFDI40116", at=f"{_AT}/@TipoCambio")
def tipo_cambio_sobra(d: Documento) -> Finding:
    """TipoCambio does not exist when Moneda is XXX."""
    if d.moneda == "XXX" and "TipoCambio" in d.attributes:
        return "El campo TipoCambio no debe existir cuando la moneda es XXX: quítelo."
    return None


@rule("CFDI40117", at=f"{_AT}/@TipoCambio")
def tipo_cambio_patron(d: Documento) -> Finding:
    """TipoCambio has up to 18 digits and 6 decimals."""
    text = d.attributes.get("TipoCambio")
    if text is None or _TIPO_CAMBIO.fullmatch(text.strip()):
        return None
    return f"El campo TipoCambio tiene «{text[:40]}»: escriba un número sin signo, con punto y hasta 6 decimales."


@rule("CFDI40121", at=f"{_AT}/@TipoDeComprobante")
def tipo_en_catalogo(d: Documento) -> Finding:
    """TipoDeComprobante is in its catalogue."""
    return in_catalogue("TipoDeComprobante", d.attributes.get("TipoDeComprobante"), "c_TipoDeComprobante")


@rule("CFDI40122", at=f"{_AT}/@Exportacion")
def exportacion_con_complemento(d: Documento) -> Finding:
    """Exportacion 02 needs the complement Comercio Exterior."""
    if d.attributes.get("Exportacion", "").strip() == "02" and not d.comercio_exterior:
        return (
            "El campo Exportacion es 02 (definitiva) y falta el complemento de Comercio Exterior. "
            "Si no es una exportación, use 01."
        )
    return None


@rule("CFDI40123", at=f"{_AT}/@Exportacion")
def exportacion_en_catalogo(d: Documento) -> Finding:
    """Exportacion is in c_Exportacion."""
    return in_catalogue("Exportacion", d.attributes.get("Exportacion"), "c_Exportacion")


@rule("CFDI40124", at=f"{_AT}/@MetodoPago")
def metodo_pago_en_catalogo(d: Documento) -> Finding:
    """MetodoPago is in c_MetodoPago."""
    return in_catalogue("MetodoPago", d.attributes.get("MetodoPago"), "c_MetodoPago")


@rule("CFDI40125", at=f"{_AT}/@MetodoPago")
def metodo_pago_sobra(d: Documento) -> Finding:
    """MetodoPago does not exist in T and P."""
    if "MetodoPago" in d.attributes and d.carries_no_money:
        return f"El campo MetodoPago no debe existir en un comprobante de tipo {d.tipo}: quítelo."
    return None


@rule("CFDI40126", at=f"{_AT}/@LugarExpedicion")
def lugar_en_catalogo(d: Documento) -> Finding:
    """LugarExpedicion is in c_CodigoPostal."""
    return in_catalogue("LugarExpedicion", d.attributes.get("LugarExpedicion"), "c_CodigoPostal")


@rule("CFDI40222", at=f"{_AT}/@Exportacion")
def exportacion_sin_complemento(d: Documento) -> Finding:
    """Exportacion 01 or 03 excludes the complement Comercio Exterior."""
    exportacion = d.attributes.get("Exportacion", "").strip()
    if exportacion in ("01", "03") and d.comercio_exterior:
        return (
            f"El campo Exportacion es {exportacion} y el comprobante trae el complemento de Comercio Exterior: "
            "quite el complemento o use 02."
        )
    return None
