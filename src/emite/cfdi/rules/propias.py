"""Our own rules, EMI…: what no SAT code says but the guide or common sense does. Each is an AVISO, none blocks.

They must stay silent on sound documents: a doubtful one is left out (docs/sat/reglas.md lists them with the reason).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from emite.cfdi import codes, money
from emite.cfdi.rfc import EXTRANJERO, PUBLICO_EN_GENERAL, Rfc, RfcInvalid
from emite.cfdi.rules.informacion_global import NOMBRE_PUBLICO
from emite.cfdi.rules.numbers import amount
from emite.cfdi.rules.registry import Aviso, Finding, rule
from emite.cfdi.rules.terceros import PLATAFORMA_EXTRANJERA
from emite.cfdi.rules.view import Concepto, Documento

_EMISOR: Final = "/cfdi:Comprobante/cfdi:Emisor"
_RECEPTOR: Final = "/cfdi:Comprobante/cfdi:Receptor"
# The régimen de capital at the end of a company's name, which SAT's list does not carry since CFDI 4.0: "SA DE CV",
# "S. de R.L. de C.V.", "SAPI DE CV", "SC", "A.C."; dots and blanks as people write them.
_CAPITAL: Final = re.compile(
    r"[ ,]+("
    r"(S\.? ?A\.? ?(P\.? ?I\.?|B\.?|S\.?)?|S\.? ?(DE )?R\.? ?L\.?) ?DE ?C\.? ?V\.?"
    r"|S\.? ?(DE )?R\.? ?L\.?( ?M\.? ?I\.?)?|S\.? ?A\.?|S\.? ?C\.?|A\.? ?C\.?"
    r")$"
)
_VOCALES: Final = str.maketrans("ÁÉÍÓÚÜ", "AEIOUU")


@rule("EMI101", at=f"{_EMISOR}/@Rfc")
def emisor_digito(d: Documento) -> Finding:
    """The check digit of the issuer's RFC agrees."""
    return _digit(d.emisor.get("Rfc", ""))


@rule("EMI101", at=f"{_RECEPTOR}/@Rfc")
def receptor_digito(d: Documento) -> Finding:
    """The check digit of the receptor's RFC agrees. SAT has issued a few that do not, so it never blocks."""
    return _digit(d.receptor.get("Rfc", ""))


@lru_cache(512)
def _digit(text: str) -> Finding:
    rfc = text.strip()
    if rfc in (PUBLICO_EN_GENERAL, EXTRANJERO, PLATAFORMA_EXTRANJERA):
        return None
    try:
        parsed = Rfc.parse(rfc)
    except RfcInvalid:
        return None  # the XSD's affair
    if parsed != rfc or parsed.check_digit_ok:
        return None
    return Aviso(f"El último carácter del RFC {rfc} no corresponde a los demás: confirme que esté bien escrito.")


@rule("EMI102", at=f"{_EMISOR}/@Nombre")
def emisor_capital(d: Documento) -> Finding:
    """The issuer's name carries no régimen de capital."""
    return _capital(d.emisor)


@rule("EMI102", at=f"{_RECEPTOR}/@Nombre")
def receptor_capital(d: Documento) -> Finding:
    """The receptor's name carries no régimen de capital (GUIA: as registered, without it)."""
    return _capital(d.receptor)


def _capital(node: dict[str, str]) -> Finding:
    if len(node.get("Rfc", "").strip()) != 12:
        return None
    found = _CAPITAL.search(node.get("Nombre", "").strip().upper())
    if found is None:
        return None
    return Aviso(
        f"El nombre termina en «{found[0].strip(' ,')}»: el SAT lo registra sin el régimen de capital. "
        "Escríbalo como aparece en la Constancia de Situación Fiscal."
    )


@rule("EMI103", at=f"{_EMISOR}/@Nombre")
def emisor_mayusculas(d: Documento) -> Finding:
    """The issuer's name is in capitals."""
    return _capitals(d.emisor)


@rule("EMI103", at=f"{_RECEPTOR}/@Nombre")
def receptor_mayusculas(d: Documento) -> Finding:
    """The receptor's name is in capitals, unless its RFC is generic."""
    return None if d.receptor.get("Rfc", "").strip() in (PUBLICO_EN_GENERAL, EXTRANJERO) else _capitals(d.receptor)


def _capitals(node: dict[str, str]) -> Finding:
    name = node.get("Nombre", "")
    if name == name.upper():
        return None
    return Aviso("El nombre tiene minúsculas: el SAT lo registra en mayúsculas, escríbalo así.")


@rule("EMI104", at=f"{_RECEPTOR}/@Nombre")
def publico_mal_escrito(d: Documento) -> Finding:
    """The name of the general public is written exactly, or SAT does not take the document as a global one."""
    name = d.receptor.get("Nombre", "")
    if name == NOMBRE_PUBLICO or d.receptor.get("Rfc", "").strip() != PUBLICO_EN_GENERAL:
        return None
    if " ".join(name.upper().translate(_VOCALES).split()) != NOMBRE_PUBLICO:
        return None
    return Aviso(f"El SAT reconoce al público en general solo como {NOMBRE_PUBLICO}, en mayúsculas y sin acento.")


@rule("EMI105", at="/cfdi:Comprobante/cfdi:InformacionGlobal")
def global_sin_publico(d: Documento) -> Finding:
    """InformacionGlobal is only for an ingreso to the general public (GUIA)."""
    if d.informacion_global is None or (d.tipo == "I" and d.receptor.get("Rfc", "").strip() == PUBLICO_EN_GENERAL):
        return None
    return Aviso("El nodo InformacionGlobal es solo para la factura al público en general: quítelo.")


@rule("EMI106", at="/cfdi:Comprobante/@FormaPago")
def pagada_por_definir(d: Documento) -> Finding:
    """With MetodoPago PUE, FormaPago is the real one (GUIA): 99 is for PPD."""
    if d.attributes.get("MetodoPago") == "PUE" and d.attributes.get("FormaPago") == "99":
        return Aviso("El método PUE pide la forma en que se pagó: cambie FormaPago 99, o use PPD si aún no se paga.")
    return None


@rule("EMI107", at="/cfdi:Comprobante")
def pago_sin_decir(d: Documento) -> Finding:
    """An ingreso or egreso says FormaPago and MetodoPago (GUIA)."""
    if d.tipo not in ("I", "E") or d.attributes.get("MetodoPago") == "PPD":
        return None
    missing = [name for name in ("FormaPago", "MetodoPago") if name not in d.attributes]
    if not missing:
        return None
    return Aviso(f"Falta {' y '.join(missing)}: la factura debe decir cómo se paga.")


@rule("EMI108", each="concepto", at="/@Importe")
def importe_del_producto(d: Documento, c: Concepto) -> Finding:
    """Where Cantidad is a whole number, Importe is its product by ValorUnitario.

    SAT's limits take "1" for anything between 0.5 and 1.5 and let half as much again pass.
    """
    cantidad, valor, importe = amount(c.cantidad), amount(c.valor_unitario), amount(c.importe)
    if cantidad is None or valor is None or importe is None or cantidad.decimals:
        return None
    product = money.times(cantidad.value, valor.value)
    if importe.value == product:
        return None
    margin = money.times(cantidad.value, valor.half) + 2 * importe.half
    if abs(importe.value - product) <= margin:
        return None
    return Aviso(
        f"El campo Importe es {importe.value:f} y {cantidad.value:f} por {valor.value:f} son {product:f}: "
        "el SAT lo deja pasar, revíselo."
    )


@rule("EMI109", at="/cfdi:Comprobante/cfdi:Impuestos/cfdi:Traslados")
def exento_sin_resumen(d: Documento) -> Finding:
    """A document with taxed and exempt concepts sums up both (GUIA, node Traslados)."""
    if d.impuestos is None or not d.impuestos.traslados or not d.has_totals or not d.taxes_sound:
        return None
    present = {tax.key for tax in d.impuestos.traslados}
    missing = [
        impuesto
        for impuesto, factor, tasa in d.traslados
        if factor == "Exento" and (impuesto, factor, tasa) not in present
    ]
    if not missing or not codes.contains("c_Impuesto", missing[0]):
        return None
    return Aviso(
        f"El resumen no incluye el traslado Exento del impuesto {missing[0]} que traen los conceptos: agréguelo."
    )


@rule("EMI110", each="relacion", at="/@TipoRelacion")
def relacion_del_tipo(d: Documento, tipo: str | None) -> Finding:
    """TipoRelacion is one that this kind of document may have (GUIA): 05 only T; 06 and 07 only I and E; P only 04."""
    relation = (tipo or "").strip()
    fitting = {"05": ("T",), "06": ("I", "E"), "07": ("I", "E"), "01": ("I", "E"), "02": ("I", "E")}.get(relation)
    if fitting is None or d.tipo in fitting or d.tipo not in ("I", "E", "T", "P"):
        return None
    return Aviso(
        f"La relación {relation} no es de un comprobante de tipo {d.tipo}: es de {' o '.join(fitting)}. "
        "Una nota de crédito es de tipo E con relación 01, o 03 si se devolvió algo."
    )
