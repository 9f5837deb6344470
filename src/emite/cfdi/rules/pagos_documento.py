"""Rules on each DoctoRelacionado of a payment and on its taxes (CRP20236-20261, CRP20278-20279)."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from emite.cfdi import money
from emite.cfdi.rules.comprobante import in_catalogue
from emite.cfdi.rules.conceptos import broken_limits
from emite.cfdi.rules.numbers import amount, not_positive, number, rate_allowed
from emite.cfdi.rules.pagos_pago import too_precise
from emite.cfdi.rules.pagos_view import Docto, PagoTax, exchange
from emite.cfdi.rules.registry import Finding, rule
from emite.cfdi.rules.view import Documento

_TAXED: Final = ("Tasa", "Cuota")
_NO_TAXES: Final = ("01", "03", "04", "05")
_NAMES: Final = {"retencion": "de la retención", "traslado": "del traslado"}


@rule("CRP20236", each="docto", at="/@MonedaDR")
def moneda(d: Documento, x: Docto) -> Finding:
    """MonedaDR is a currency."""
    return "El campo MonedaDR debe ser la moneda de la factura: no puede ser XXX." if x.moneda == "XXX" else None


@rule("CRP20237", each="docto", at="/@EquivalenciaDR")
def equivalencia(d: Documento, x: Docto) -> Finding:
    """A document in another currency than the payment's has EquivalenciaDR."""
    if x.same or exchange(x.attributes.get("EquivalenciaDR")) is not None:
        return None
    return "La factura está en otra moneda que el pago: escriba en EquivalenciaDR cuántas unidades vale una del pago."


@rule("CRP20238", each="docto", at="/@EquivalenciaDR")
def equivalencia_uno(d: Documento, x: Docto) -> Finding:
    """A document in the payment's currency has EquivalenciaDR, literally 1."""
    if not x.same or x.attributes.get("EquivalenciaDR") == "1":
        return None
    return "La factura está en la moneda del pago: el campo EquivalenciaDR debe ser «1», sin decimales."


@rule("CRP20239", each="docto", at="/@ImpSaldoAnt")
def saldo_anterior(d: Documento, x: Docto) -> Finding:
    """ImpSaldoAnt is greater than zero."""
    if not not_positive(x.attributes.get("ImpSaldoAnt")):
        return None
    return "El campo ImpSaldoAnt debe ser mayor que cero: escriba lo que faltaba pagar antes de este pago."


@rule("CRP20240", each="docto", at="/@ImpSaldoAnt")
def saldo_anterior_decimales(d: Documento, x: Docto) -> Finding:
    """ImpSaldoAnt has no more decimals than MonedaDR."""
    return too_precise("ImpSaldoAnt", x.attributes.get("ImpSaldoAnt"), x.moneda)


@rule("CRP20241", each="docto", at="/@ImpPagado")
def pagado(d: Documento, x: Docto) -> Finding:
    """ImpPagado is greater than zero."""
    if not not_positive(x.attributes.get("ImpPagado")):
        return None
    return "El campo ImpPagado debe ser mayor que cero: escriba cuánto del pago se aplica a esta factura."


@rule("CRP20242", each="docto", at="/@ImpPagado")
def pagado_decimales(d: Documento, x: Docto) -> Finding:
    """ImpPagado has no more decimals than MonedaDR."""
    return too_precise("ImpPagado", x.attributes.get("ImpPagado"), x.moneda)


@rule("CRP20243", each="docto", at="/@ImpSaldoInsoluto")
def saldo_decimales(d: Documento, x: Docto) -> Finding:
    """ImpSaldoInsoluto has no more decimals than MonedaDR."""
    return too_precise("ImpSaldoInsoluto", x.attributes.get("ImpSaldoInsoluto"), x.moneda)


@rule("CRP20244", each="docto", at="/@ImpSaldoInsoluto")
def saldo_insoluto(d: Documento, x: Docto) -> Finding:
    """ImpSaldoInsoluto is what was owed less what is paid, and not negative."""
    before, paid = x.amount("ImpSaldoAnt"), x.amount("ImpPagado")
    written = x.attributes.get("ImpSaldoInsoluto")
    if before is None or paid is None or written is None:
        return None
    left = number(written)
    if left is not None and left == before - paid:
        return None
    if left is None and not not_positive(written):
        return None
    return (
        f"El campo ImpSaldoInsoluto es {written} y debe ser ImpSaldoAnt menos ImpPagado, sin bajar de cero: "
        "revise los tres importes."
    )


@rule("CRP20245", each="docto", at="/@ObjetoImpDR")
def objeto(d: Documento, x: Docto) -> Finding:
    """ObjetoImpDR is in c_ObjetoImp."""
    return in_catalogue("ObjetoImpDR", x.attributes.get("ObjetoImpDR"), "c_ObjetoImp")


def _objeto(x: Docto) -> str:
    return x.attributes.get("ObjetoImpDR", "").strip()


@rule("CRP20246", each="docto", at="/pago20:ImpuestosDR")
def impuestos_faltan(d: Documento, x: Docto) -> Finding:
    """With ObjetoImpDR 02 the taxes are there."""
    if _objeto(x) != "02" or x.with_impuestos:
        return None
    return "Con ObjetoImpDR 02 falta el apartado ImpuestosDR: desglose los impuestos de lo pagado."


@rule("CRP20247", each="docto", at="/pago20:ImpuestosDR")
def impuestos_sobran(d: Documento, x: Docto) -> Finding:
    """With ObjetoImpDR 01, 03, 04 or 05 there are no taxes."""
    if _objeto(x) not in _NO_TAXES or not x.with_impuestos:
        return None
    return f"Con ObjetoImpDR {_objeto(x)} no debe existir el apartado ImpuestosDR: quítelo o escriba 02."


@rule("CRP20248", each="docto", at="/pago20:ImpuestosDR")
def impuestos_vacios(d: Documento, x: Docto) -> Finding:
    """ImpuestosDR has a tax at least."""
    if not x.with_impuestos or x.retenciones or x.traslados:
        return None
    return "El apartado ImpuestosDR está vacío: escriba sus traslados o retenciones."


@rule("CRP20278", each="docto", at="/@ObjetoImpDR")
def objeto_sin_iva_ni_ieps(d: Documento, x: Docto) -> Finding:
    """With ObjetoImpDR 06 or 08 there is neither IVA nor IEPS."""
    if _objeto(x) not in ("06", "08"):
        return None
    if all(tax.impuesto not in ("002", "003") for tax in (*x.retenciones, *x.traslados)):
        return None
    return f"Con ObjetoImpDR {_objeto(x)} no se desglosan IVA (002) ni IEPS (003): quítelos."


@rule("CRP20279", each="docto", at="/@ObjetoImpDR")
def objeto_con_ieps(d: Documento, x: Docto) -> Finding:
    """With ObjetoImpDR 07 there is no IVA, and IEPS is charged."""
    if _objeto(x) != "07":
        return None
    without_iva = all(tax.impuesto != "002" for tax in (*x.retenciones, *x.traslados))
    if without_iva and any(tax.impuesto == "003" for tax in x.traslados):
        return None
    return "Con ObjetoImpDR 07 no se desglosa IVA (002) y debe existir un traslado de IEPS (003)."


def _base(tax: PagoTax) -> Finding:
    if not not_positive(tax.base):
        return None
    return f"El campo BaseDR {_NAMES[tax.kind]} debe ser mayor que cero."


def _known(tax: PagoTax, field: str, value: str, catalogue: str) -> Finding:
    return in_catalogue(f"{field} {_NAMES[tax.kind]}", value, catalogue)


def _rate(tax: PagoTax) -> Finding:
    if tax.tasa is None or not tax.known or tax.factor not in _TAXED:
        return None
    if number(tax.tasa) is None and not not_positive(tax.tasa):
        return None
    if rate_allowed(tax.impuesto, tax.factor, tax.tasa, tax.kind):
        return None
    return (
        f"El campo TasaOCuotaDR {_NAMES[tax.kind]} es {tax.tasa}, que el catálogo del SAT no tiene para ese impuesto: "
        "escriba la tasa de la factura."
    )


def _importe(tax: PagoTax) -> Finding:
    tasa, base, importe = number(tax.tasa), amount(tax.base), amount(tax.importe)
    if not tax.sound or tasa is None or base is None or importe is None:
        return None
    broken = broken_limits(base, tasa, money.ZERO, importe)
    if broken is None:
        return None
    return (
        f"El campo ImporteDR {_NAMES[tax.kind]} es {tax.importe} y la base por la tasa lo deja entre "
        f"{max(broken[0], Decimal(0)):f} y {broken[1]:f}: calcúlelo de la base como está escrita."
    )


@rule("CRP20249", each="retencion_dr", at="/@BaseDR")
def retencion_base(d: Documento, tax: PagoTax) -> Finding:
    """BaseDR of a RetencionDR is greater than zero."""
    return _base(tax)


@rule("CRP20250", each="retencion_dr", at="/@ImpuestoDR")
def retencion_impuesto(d: Documento, tax: PagoTax) -> Finding:
    """ImpuestoDR of a RetencionDR is in c_Impuesto."""
    return _known(tax, "ImpuestoDR", tax.impuesto, "c_Impuesto")


@rule("CRP20251", each="retencion_dr", at="/@TipoFactorDR")
def retencion_factor(d: Documento, tax: PagoTax) -> Finding:
    """TipoFactorDR of a RetencionDR is in c_TipoFactor."""
    return _known(tax, "TipoFactorDR", tax.factor, "c_TipoFactor")


@rule("CRP20252", each="retencion_dr", at="/@TipoFactorDR")
def retencion_no_exenta(d: Documento, tax: PagoTax) -> Finding:
    """TipoFactorDR of a RetencionDR is not Exento."""
    if tax.factor != "Exento":
        return None
    return "El campo TipoFactorDR de la retención no puede ser Exento: lo exento no se retiene."


@rule("CRP20253", each="retencion_dr", at="/@TasaOCuotaDR")
def retencion_tasa(d: Documento, tax: PagoTax) -> Finding:
    """TasaOCuotaDR of a RetencionDR is in c_TasaOCuota."""
    return _rate(tax)


@rule("CRP20254", each="retencion_dr", at="/@ImporteDR")
def retencion_importe(d: Documento, tax: PagoTax) -> Finding:
    """ImporteDR of a RetencionDR is within the limits of its base and rate."""
    return _importe(tax)


@rule("CRP20255", each="traslado_dr", at="/@BaseDR")
def traslado_base(d: Documento, tax: PagoTax) -> Finding:
    """BaseDR of a TrasladoDR is greater than zero."""
    return _base(tax)


@rule("CRP20256", each="traslado_dr", at="/@ImpuestoDR")
def traslado_impuesto(d: Documento, tax: PagoTax) -> Finding:
    """ImpuestoDR of a TrasladoDR is in c_Impuesto."""
    return _known(tax, "ImpuestoDR", tax.impuesto, "c_Impuesto")


@rule("CRP20257", each="traslado_dr", at="/@TipoFactorDR")
def traslado_factor(d: Documento, tax: PagoTax) -> Finding:
    """TipoFactorDR of a TrasladoDR is in c_TipoFactor."""
    return _known(tax, "TipoFactorDR", tax.factor, "c_TipoFactor")


@rule("CRP20258", each="traslado_dr", at="/@TipoFactorDR")
def traslado_exento(d: Documento, tax: PagoTax) -> Finding:
    """An exempt TrasladoDR has neither rate nor importe."""
    if tax.factor != "Exento" or (tax.tasa is None and tax.importe is None):
        return None
    return "Un traslado exento no lleva TasaOCuotaDR ni ImporteDR: quítelos."


@rule("CRP20259", each="traslado_dr", at="/@TipoFactorDR")
def traslado_gravado(d: Documento, tax: PagoTax) -> Finding:
    """A TrasladoDR with Tasa or Cuota has rate and importe."""
    if tax.factor not in _TAXED or (tax.tasa is not None and tax.importe is not None):
        return None
    return f"Un traslado con TipoFactorDR {tax.factor} lleva TasaOCuotaDR e ImporteDR: escriba los dos."


@rule("CRP20260", each="traslado_dr", at="/@TasaOCuotaDR")
def traslado_tasa(d: Documento, tax: PagoTax) -> Finding:
    """TasaOCuotaDR of a TrasladoDR is in c_TasaOCuota."""
    return _rate(tax)


@rule("CRP20261", each="traslado_dr", at="/@ImporteDR")
def traslado_importe(d: Documento, tax: PagoTax) -> Finding:
    """ImporteDR of a TrasladoDR is within the limits of its base and rate."""
    return _importe(tax)
