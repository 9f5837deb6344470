"""Rules on each Concepto: CFDI40162, CFDI40165-40173, CFDI140226 and CFDI140227.

The taxes of the concept are in `impuestos_concepto.py`; its Parte, pedimentos and third party in `terceros.py`.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Final

from emite.cfdi import codes, money
from emite.cfdi.rules.comprobante import in_catalogue, unknown_key
from emite.cfdi.rules.numbers import Amount, amount, not_positive
from emite.cfdi.rules.registry import Finding, rule
from emite.cfdi.rules.view import Concepto, Documento

# SAT takes 10^-12 from the upper end of what rounding may have hidden (CRP, RevB).
_OPEN: Final = Decimal("0.000000000001")

# SAT, c_ObjetoImp: first day of each key that came after 2022-01-01.
_OBJETO_SINCE: Final = {
    "04": date(2022, 10, 7),
    "05": date(2023, 12, 6),
    "06": date(2024, 12, 13),
    "07": date(2024, 12, 13),
    "08": date(2024, 12, 13),
}


def broken_limits(
    first: Amount, second: Decimal, second_half: Decimal, importe: Amount
) -> tuple[Decimal, Decimal] | None:
    """SAT's lower and upper limits of an importe = first x second, when the importe is out of them; None when it is in.

    They are cut and raised to the decimals that the importe is written with.
    """
    (value, _, half), (written, places, _) = first, importe
    if value >= half and second >= second_half and money.times(value, second) == written:
        return None  # the product itself is between them
    low = money.times(value - half, second - second_half)
    high = money.times(value + half - _OPEN, second + (second_half - _OPEN if second_half else money.ZERO))
    if low <= written <= high:  # cutting and raising would only widen them
        return None
    low, high = money.truncate(low, places), money.ceiling(high, places)
    return None if low <= written <= high else (low, high)


def importe_limits(cantidad: str | None, valor_unitario: str | None, importe: str | None) -> Finding:
    """A finding when Importe is out of the limits that Cantidad and ValorUnitario, as written, allow."""
    count, unit, product = amount(cantidad), amount(valor_unitario), amount(importe)
    if count is None or unit is None or product is None:
        return None
    broken = broken_limits(count, unit.value, unit.half, product)
    if broken is None:
        return None
    return (
        f"El campo Importe es {importe} y Cantidad por ValorUnitario lo deja entre {max(broken[0], money.ZERO):f} y "
        f"{broken[1]:f}: multiplique de nuevo."
    )


def _in_force(d: Documento, objeto: str) -> bool:
    """True when ObjetoImp is in c_ObjetoImp at the document's Fecha."""
    since = _OBJETO_SINCE.get(objeto)
    return codes.contains("c_ObjetoImp", objeto) and (since is None or d.fecha is None or d.fecha.date() >= since)


@rule("CFDI40162", each="concepto", at="/@ClaveProdServ", reads="kind")
def clave_en_catalogo(d: Documento, c: Concepto) -> Finding:
    """ClaveProdServ is in c_ClaveProdServ."""
    return in_catalogue("ClaveProdServ", c.clave, "c_ClaveProdServ")


@rule("CFDI40165", each="concepto", at="/@ClaveUnidad", reads="kind")
def unidad_en_catalogo(d: Documento, c: Concepto) -> Finding:
    """ClaveUnidad is in c_ClaveUnidad."""
    return in_catalogue("ClaveUnidad", c.unidad, "c_ClaveUnidad")


@rule("CFDI40166", each="concepto", at="/@ValorUnitario")
def valor_positivo(d: Documento, c: Concepto) -> Finding:
    """In I, E and N, ValorUnitario is greater than zero."""
    if d.has_totals and not_positive(c.valor_unitario):
        return "El campo ValorUnitario debe ser mayor que cero: escriba el precio o quite el concepto."
    return None


@rule("CFDI40167", each="concepto", at="/@Importe")
def importe_en_limites(d: Documento, c: Concepto) -> Finding:
    """Importe is within the limits that Cantidad and ValorUnitario allow."""
    return importe_limits(c.cantidad, c.valor_unitario, c.importe)


@rule("CFDI40168", each="concepto", at="/@Descuento")
def descuento_decimales(d: Documento, c: Concepto) -> Finding:
    """Descuento has no more decimals than the Importe of its concept."""
    descuento, importe = amount(c.descuento), amount(c.importe)
    if descuento is None or importe is None or descuento.decimals <= importe.decimals:
        return None
    return (
        f"El campo Descuento tiene {descuento.decimals} decimales y el Importe del concepto {importe.decimals}: "
        "escriba ambos con los mismos."
    )


@rule("CFDI40169", each="concepto", at="/@Descuento")
def descuento_no_mayor(d: Documento, c: Concepto) -> Finding:
    """Descuento is at most the Importe of its concept."""
    descuento, importe = amount(c.descuento), amount(c.importe)
    if descuento is not None and importe is not None and descuento.value > importe.value:
        return (
            f"El campo Descuento ({descuento.value:f}) es mayor que el Importe del concepto ({importe.value:f}): "
            "redúzcalo."
        )
    return None


@rule("CFDI40170", each="concepto", at="/@ObjetoImp", reads="kind")
def objeto_en_catalogo(d: Documento, c: Concepto) -> Finding:
    """ObjetoImp is in c_ObjetoImp at the document's Fecha."""
    if c.objeto is None or _in_force(d, c.objeto.strip()):
        return None
    since = _OBJETO_SINCE.get(c.objeto.strip())
    if since is None:
        return unknown_key("ObjetoImp", c.objeto, "c_ObjetoImp")
    return f"El campo ObjetoImp es {c.objeto}, que existe desde el {since:%d/%m/%Y}, después de la Fecha: use 01 o 02."


@rule("CFDI40171", each="concepto", at="/@ObjetoImp", reads="kind")
def objeto_pide_impuestos(d: Documento, c: Concepto) -> Finding:
    """ObjetoImp 02 needs the node Impuestos of the concept."""
    if c.objeto == "02" and not c.with_impuestos:
        return "El campo ObjetoImp es 02 (sí objeto de impuesto) y el concepto no desglosa impuestos: agréguelos."
    return None


@rule("CFDI40172", each="concepto", at="/@ObjetoImp", reads="kind")
def objeto_sin_impuestos(d: Documento, c: Concepto) -> Finding:
    """ObjetoImp 01, 03, 04 and 05 exclude the node Impuestos of the concept."""
    if c.with_impuestos and c.objeto in ("01", "03", "04", "05") and _in_force(d, c.objeto):
        return (
            f"El campo ObjetoImp es {c.objeto} y el concepto desglosa impuestos: quítelos, "
            "o use 02 si el concepto causa impuesto o está exento."
        )
    return None


@rule("CFDI40173", each="concepto", at="/cfdi:Impuestos", reads="kind")
def impuestos_vacio(d: Documento, c: Concepto) -> Finding:
    """The node Impuestos of a concept has at least one Traslado or Retencion."""
    if c.with_impuestos and not c.traslados and not c.retenciones:
        return "El nodo Impuestos del concepto está vacío: agregue los traslados o retenciones, o quite el nodo."
    return None


@rule("CFDI140226", each="concepto", at="/@ObjetoImp", reads="kind")
def objeto_sin_iva_ni_ieps(d: Documento, c: Concepto) -> Finding:
    """ObjetoImp 06 and 08 exclude IVA (002) and IEPS (003); the ISR withheld (001) may exist."""
    if c.objeto not in ("06", "08") or not c.with_impuestos or not _in_force(d, c.objeto):
        return None
    if any(tax.kind.impuesto in ("002", "003") for tax in (*c.traslados, *c.retenciones)):
        return f"Con ObjetoImp {c.objeto} el concepto no debe desglosar IVA (002) ni IEPS (003): quítelos."
    return None


@rule("CFDI140227", each="concepto", at="/@ObjetoImp", reads="kind")
def objeto_con_ieps_sin_iva(d: Documento, c: Concepto) -> Finding:
    """ObjetoImp 07 excludes IVA (002) and needs a Traslado of IEPS (003)."""
    if c.objeto != "07" or not _in_force(d, c.objeto):
        return None
    if any(tax.kind.impuesto == "002" for tax in (*c.traslados, *c.retenciones)):
        return "Con ObjetoImp 07 el concepto no debe desglosar IVA (002): quítelo."
    if not any(tax.kind.impuesto == "003" for tax in c.traslados):
        return "Con ObjetoImp 07 el concepto debe desglosar el IEPS trasladado (003): agréguelo."
    return None
