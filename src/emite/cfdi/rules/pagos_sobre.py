"""Rules on the CFDI that carries the complement Pagos (CRP20101-20123) and on its Totales (CRP20201-20211)."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from emite.cfdi import money
from emite.cfdi.rules.numbers import number, rate_key
from emite.cfdi.rules.pagos_view import AT, PagoNode, PagosNode, PagoTax
from emite.cfdi.rules.registry import Finding, rule
from emite.cfdi.rules.view import Documento

_C: Final = "/cfdi:Comprobante"
_CONCEPTO: Final = f"{_C}/cfdi:Conceptos/cfdi:Concepto[1]"
_TOTALES: Final = f"{AT}/pago20:Totales"
_TERCERO: Final = "{http://www.sat.gob.mx/cfd/4}ACuentaTerceros"
_PESOS: Final = 2


def _must_be(field: str, written: str | None, value: str) -> Finding:
    if written == value:
        return None
    return f"En un comprobante de pago el campo {field} debe ser «{value}»: escríbalo así, sin decimales ni espacios."


def _must_not_be(field: str, written: str | None) -> Finding:
    return None if written is None else f"En un comprobante de pago el campo {field} no debe existir: quítelo."


@rule("CRP20101", each="pagos", at=f"{_C}/@TipoDeComprobante")
def tipo(d: Documento, p: PagosNode) -> Finding:
    """TipoDeComprobante is P."""
    return _must_be("TipoDeComprobante", d.attributes.get("TipoDeComprobante"), "P")


@rule("CRP20102", each="pagos", at=f"{_C}/@Exportacion")
def exportacion(d: Documento, p: PagosNode) -> Finding:
    """Exportacion is 01."""
    return _must_be("Exportacion", d.attributes.get("Exportacion"), "01")


@rule("CRP20103", each="pagos", at=f"{_C}/@SubTotal")
def subtotal(d: Documento, p: PagosNode) -> Finding:
    """SubTotal is literally 0."""
    return _must_be("SubTotal", d.attributes.get("SubTotal"), "0")


@rule("CRP20104", each="pagos", at=f"{_C}/@Moneda")
def moneda(d: Documento, p: PagosNode) -> Finding:
    """Moneda is XXX."""
    return _must_be("Moneda", d.attributes.get("Moneda"), "XXX")


@rule("CRP20105", each="pagos", at=f"{_C}/@FormaPago")
def forma_pago(d: Documento, p: PagosNode) -> Finding:
    """FormaPago does not exist."""
    return _must_not_be("FormaPago", d.attributes.get("FormaPago"))


@rule("CRP20106", each="pagos", at=f"{_C}/@MetodoPago")
def metodo_pago(d: Documento, p: PagosNode) -> Finding:
    """MetodoPago does not exist."""
    return _must_not_be("MetodoPago", d.attributes.get("MetodoPago"))


@rule("CRP20107", each="pagos", at=f"{_C}/@CondicionesDePago")
def condiciones(d: Documento, p: PagosNode) -> Finding:
    """CondicionesDePago does not exist."""
    return _must_not_be("CondicionesDePago", d.attributes.get("CondicionesDePago"))


@rule("CRP20108", each="pagos", at=f"{_C}/@Descuento")
def descuento(d: Documento, p: PagosNode) -> Finding:
    """Descuento does not exist."""
    return _must_not_be("Descuento", d.attributes.get("Descuento"))


@rule("CRP20109", each="pagos", at=f"{_C}/@TipoCambio")
def tipo_cambio(d: Documento, p: PagosNode) -> Finding:
    """TipoCambio does not exist."""
    return _must_not_be("TipoCambio", d.attributes.get("TipoCambio"))


@rule("CRP20110", each="pagos", at=f"{_C}/@Total")
def total(d: Documento, p: PagosNode) -> Finding:
    """Total is literally 0."""
    return _must_be("Total", d.attributes.get("Total"), "0")


@rule("CRP20111", each="pagos", at=f"{_C}/cfdi:Conceptos")
def un_concepto(d: Documento, p: PagosNode) -> Finding:
    """There is one Concepto."""
    if p.conceptos == 1:
        return None
    return "Un comprobante de pago lleva un solo Concepto, con la descripción Pago: deje uno."


@rule("CRP20112", each="pagos", at=_CONCEPTO)
def concepto_sin_hijos(d: Documento, p: PagosNode) -> Finding:
    """The Concepto has no children, ACuentaTerceros apart."""
    if all(child == _TERCERO for child in p.children):
        return None
    return "El Concepto de un comprobante de pago no lleva apartados dentro, salvo ACuentaTerceros: quítelos."


@rule("CRP20113", each="pagos", at=f"{_CONCEPTO}/@ClaveProdServ")
def clave_prod_serv(d: Documento, p: PagosNode) -> Finding:
    """ClaveProdServ is 84111506."""
    return _must_be("ClaveProdServ", p.concepto.get("ClaveProdServ"), "84111506")


@rule("CRP20114", each="pagos", at=f"{_CONCEPTO}/@NoIdentificacion")
def no_identificacion(d: Documento, p: PagosNode) -> Finding:
    """NoIdentificacion does not exist."""
    return _must_not_be("NoIdentificacion", p.concepto.get("NoIdentificacion"))


@rule("CRP20115", each="pagos", at=f"{_CONCEPTO}/@Cantidad")
def cantidad(d: Documento, p: PagosNode) -> Finding:
    """Cantidad is literally 1."""
    return _must_be("Cantidad", p.concepto.get("Cantidad"), "1")


@rule("CRP20116", each="pagos", at=f"{_CONCEPTO}/@ClaveUnidad")
def clave_unidad(d: Documento, p: PagosNode) -> Finding:
    """ClaveUnidad is ACT."""
    return _must_be("ClaveUnidad", p.concepto.get("ClaveUnidad"), "ACT")


@rule("CRP20117", each="pagos", at=f"{_CONCEPTO}/@Unidad")
def unidad(d: Documento, p: PagosNode) -> Finding:
    """Unidad does not exist."""
    return _must_not_be("Unidad", p.concepto.get("Unidad"))


@rule("CRP20118", each="pagos", at=f"{_CONCEPTO}/@Descripcion")
def descripcion(d: Documento, p: PagosNode) -> Finding:
    """Descripcion is Pago."""
    return _must_be("Descripcion", p.concepto.get("Descripcion"), "Pago")


@rule("CRP20119", each="pagos", at=f"{_CONCEPTO}/@ValorUnitario")
def valor_unitario(d: Documento, p: PagosNode) -> Finding:
    """ValorUnitario is literally 0."""
    return _must_be("ValorUnitario", p.concepto.get("ValorUnitario"), "0")


@rule("CRP20120", each="pagos", at=f"{_CONCEPTO}/@Importe")
def importe(d: Documento, p: PagosNode) -> Finding:
    """Importe is literally 0."""
    return _must_be("Importe", p.concepto.get("Importe"), "0")


@rule("CRP20121", each="pagos", at=f"{_CONCEPTO}/@Descuento")
def concepto_descuento(d: Documento, p: PagosNode) -> Finding:
    """The Concepto has no Descuento."""
    return _must_not_be("Descuento del concepto", p.concepto.get("Descuento"))


@rule("CRP20122", each="pagos", at=f"{_CONCEPTO}/@ObjetoImp")
def objeto_imp(d: Documento, p: PagosNode) -> Finding:
    """ObjetoImp is 01."""
    return _must_be("ObjetoImp", p.concepto.get("ObjetoImp"), "01")


@rule("CRP20123", each="pagos", at=f"{_C}/cfdi:Impuestos")
def sin_impuestos(d: Documento, p: PagosNode) -> Finding:
    """The CFDI has no Impuestos of its own."""
    if not p.summary:
        return None
    return "Un comprobante de pago no lleva el apartado Impuestos: los del pago van dentro del complemento."


def _withheld(p: PagosNode, impuesto: str) -> list[tuple[PagoNode, str | None]]:
    return [(pago, tax.importe) for pago in p.pagos for tax in pago.retenciones if tax.impuesto == impuesto]


def _charged(p: PagosNode, factor: str, rate: str = "") -> list[tuple[PagoNode, PagoTax]]:
    wanted = ("002", factor, rate_key(rate) if rate else "")
    return [(pago, tax) for pago in p.pagos for tax in pago.traslados if tax.key == wanted]


def _total(d: Documento, p: PagosNode, field: str, parts: Iterable[tuple[PagoNode, str | None]]) -> Finding:
    """A finding when the attribute is not the rounded sum of its parts in pesos; silent where one cannot be read."""
    values: list[Decimal] = []
    for pago, text in parts:
        value = pago.in_pesos(text)
        if value is None:
            return None
        values.append(value)
    written = p.totales.get(field)
    expected = money.half_up(money.total(values), _PESOS)
    if written is None:
        if not values:
            return None
        return f"Falta el campo {field} en Totales: los pagos suman {money.text(expected)}."
    value = number(written)
    if value is None or value == expected:
        return None
    return (
        f"El campo {field} es {written} y los pagos, por su tipo de cambio, suman {money.text(expected)}: "
        "escriba esa suma redondeada."
    )


def _bases(found: list[tuple[PagoNode, PagoTax]]) -> list[tuple[PagoNode, str | None]]:
    return [(pago, tax.base) for pago, tax in found]


def _importes(found: list[tuple[PagoNode, PagoTax]]) -> list[tuple[PagoNode, str | None]]:
    return [(pago, tax.importe) for pago, tax in found]


@rule("CRP20201", each="pagos", at=f"{_TOTALES}/@TotalRetencionesIVA")
def retenciones_iva(d: Documento, p: PagosNode) -> Finding:
    """TotalRetencionesIVA is the rounded sum of the IVA withheld, in pesos."""
    return _total(d, p, "TotalRetencionesIVA", _withheld(p, "002"))


@rule("CRP20202", each="pagos", at=f"{_TOTALES}/@TotalRetencionesISR")
def retenciones_isr(d: Documento, p: PagosNode) -> Finding:
    """TotalRetencionesISR is the rounded sum of the ISR withheld, in pesos."""
    return _total(d, p, "TotalRetencionesISR", _withheld(p, "001"))


@rule("CRP20203", each="pagos", at=f"{_TOTALES}/@TotalRetencionesIEPS")
def retenciones_ieps(d: Documento, p: PagosNode) -> Finding:
    """TotalRetencionesIEPS is the rounded sum of the IEPS withheld, in pesos."""
    return _total(d, p, "TotalRetencionesIEPS", _withheld(p, "003"))


@rule("CRP20204", each="pagos", at=f"{_TOTALES}/@TotalTrasladosBaseIVA16")
def base_iva16(d: Documento, p: PagosNode) -> Finding:
    """TotalTrasladosBaseIVA16 is the rounded sum of the bases of IVA at 16 %, in pesos."""
    return _total(d, p, "TotalTrasladosBaseIVA16", _bases(_charged(p, "Tasa", "0.160000")))


@rule("CRP20205", each="pagos", at=f"{_TOTALES}/@TotalTrasladosImpuestoIVA16")
def impuesto_iva16(d: Documento, p: PagosNode) -> Finding:
    """TotalTrasladosImpuestoIVA16 is the rounded sum of IVA at 16 %, in pesos."""
    return _total(d, p, "TotalTrasladosImpuestoIVA16", _importes(_charged(p, "Tasa", "0.160000")))


@rule("CRP20206", each="pagos", at=f"{_TOTALES}/@TotalTrasladosBaseIVA8")
def base_iva8(d: Documento, p: PagosNode) -> Finding:
    """TotalTrasladosBaseIVA8 is the rounded sum of the bases of IVA at 8 %, in pesos."""
    return _total(d, p, "TotalTrasladosBaseIVA8", _bases(_charged(p, "Tasa", "0.080000")))


@rule("CRP20207", each="pagos", at=f"{_TOTALES}/@TotalTrasladosImpuestoIVA8")
def impuesto_iva8(d: Documento, p: PagosNode) -> Finding:
    """TotalTrasladosImpuestoIVA8 is the rounded sum of IVA at 8 %, in pesos."""
    return _total(d, p, "TotalTrasladosImpuestoIVA8", _importes(_charged(p, "Tasa", "0.080000")))


@rule("CRP20208", each="pagos", at=f"{_TOTALES}/@TotalTrasladosBaseIVA0")
def base_iva0(d: Documento, p: PagosNode) -> Finding:
    """TotalTrasladosBaseIVA0 is the rounded sum of the bases of IVA at 0 %, in pesos."""
    return _total(d, p, "TotalTrasladosBaseIVA0", _bases(_charged(p, "Tasa", "0.000000")))


@rule("CRP20209", each="pagos", at=f"{_TOTALES}/@TotalTrasladosImpuestoIVA0")
def impuesto_iva0(d: Documento, p: PagosNode) -> Finding:
    """TotalTrasladosImpuestoIVA0 is the rounded sum of IVA at 0 %: 0.00, and not left out."""
    return _total(d, p, "TotalTrasladosImpuestoIVA0", _importes(_charged(p, "Tasa", "0.000000")))


@rule("CRP20210", each="pagos", at=f"{_TOTALES}/@TotalTrasladosBaseIVAExento")
def base_exento(d: Documento, p: PagosNode) -> Finding:
    """TotalTrasladosBaseIVAExento is the rounded sum of the exempt bases, in pesos."""
    return _total(d, p, "TotalTrasladosBaseIVAExento", _bases(_charged(p, "Exento")))


@rule("CRP20211", each="pagos", at=f"{_TOTALES}/@MontoTotalPagos")
def monto_total(d: Documento, p: PagosNode) -> Finding:
    """MontoTotalPagos is the rounded sum of the payments, in pesos."""
    return _total(d, p, "MontoTotalPagos", [(pago, pago.attributes.get("Monto")) for pago in p.pagos])
