"""Rules on each payment of the complement: form, currency, amount, accounts (CRP20212-20235, CRP20276)."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

from emite.cfdi import codes, money
from emite.cfdi.cobranza import limits
from emite.cfdi.rules.numbers import decimals, not_positive, number
from emite.cfdi.rules.pagos_view import Docto, PagoNode, exchange
from emite.cfdi.rules.registry import Finding, rule
from emite.cfdi.rules.view import Documento

#: CRP20221 and CRP20224, CRP20227 and CRP20228: forms of payment that have an account, of who pays and of who is paid.
_ORDENANTE: Final = ("02", "03", "04", "05", "06", "28", "29")
_BENEFICIARIO: Final = ("02", "03", "04", "05", "28", "29")
_XEXX: Final = "XEXX010101000"
_CHAIN: Final = ("CertPago", "CadPago", "SelloPago")


@rule("CRP20212", each="pago", at="/@FormaDePagoP")
def forma(d: Documento, p: PagoNode) -> Finding:
    """FormaDePagoP is not 99."""
    if p.forma != "99":
        return None
    return "El campo FormaDePagoP debe decir cómo se pagó: no puede ser 99, «Por definir»."


@rule("CRP20213", each="pago", at="/@MonedaP")
def moneda(d: Documento, p: PagoNode) -> Finding:
    """MonedaP is a currency."""
    return "El campo MonedaP debe ser la moneda en que se pagó: no puede ser XXX." if p.moneda == "XXX" else None


@rule("CRP20214", each="pago", at="/@TipoCambioP")
def tipo_cambio(d: Documento, p: PagoNode) -> Finding:
    """A payment in another currency has TipoCambioP."""
    if not p.moneda or p.moneda == "MXN" or "TipoCambioP" in p.attributes:
        return None
    return f"Con MonedaP {p.moneda} falta el campo TipoCambioP: escriba cuántos pesos vale."


@rule("CRP20215", each="pago", at="/@TipoCambioP")
def tipo_cambio_pesos(d: Documento, p: PagoNode) -> Finding:
    """A payment in pesos has TipoCambioP, literally 1."""
    if p.moneda != "MXN" or p.attributes.get("TipoCambioP") == "1":
        return None
    return "Con MonedaP MXN el campo TipoCambioP debe ser «1», sin decimales."


@rule("CRP20217", each="pago", at="/@Monto")
def monto_alcanza(d: Documento, p: PagoNode) -> Finding:
    """In one currency, Monto is at least the sum of ImpPagado."""
    monto = number(p.attributes.get("Monto"))
    paid = [docto.amount("ImpPagado") for docto in p.doctos]
    if monto is None or not p.doctos or not p.one_currency or None in paid:
        return None
    settled = money.total(value for value in paid if value is not None)
    if settled <= monto:
        return None
    return (
        f"Los documentos del pago suman {money.text(settled)} y el campo Monto es {money.text(monto)}: "
        "no puede aplicarse más de lo que se pagó."
    )


@rule("CRP20218", each="pago", at="/@Monto")
def monto_positivo(d: Documento, p: PagoNode) -> Finding:
    """Monto is greater than zero."""
    if not not_positive(p.attributes.get("Monto")):
        return None
    return "El campo Monto debe ser mayor que cero: escriba cuánto se pagó."


@rule("CRP20219", each="pago", at="/@Monto")
def monto_decimales(d: Documento, p: PagoNode) -> Finding:
    """Monto has no more decimals than MonedaP."""
    return too_precise("Monto", p.attributes.get("Monto"), p.moneda)


def too_precise(field: str, text: str | None, moneda: str) -> Finding:
    """A finding for more decimals than the currency has; an unknown currency is the XSD's."""
    if text is None or number(text) is None or not codes.contains("c_Moneda", moneda):
        return None
    most = codes.decimals_of(moneda)
    if decimals(text) <= most:
        return None
    return f"El campo {field} tiene {decimals(text)} decimales ({text}) y la moneda {moneda} admite {most}: redondéelo."


def _only_with(p: PagoNode, field: str, forms: tuple[str, ...]) -> Finding:
    if field not in p.attributes or p.forma in forms:
        return None
    return f"Con la forma de pago {p.forma} el campo {field} no debe existir: quítelo."


def _shape(p: PagoNode, field: str, side: str) -> Finding:
    written = p.attributes.get(field)
    patterns = codes.account_patterns(p.forma)
    if written is None or patterns is None:
        return None
    pattern = patterns.ordenante if side == "ordenante" else patterns.beneficiario
    if pattern is None or re.fullmatch(pattern, written):
        return None
    return f"El campo {field} no es una cuenta de la forma de pago {p.forma}: revise sus dígitos o quítelo."


@rule("CRP20221", each="pago", at="/@RfcEmisorCtaOrd")
def rfc_ordenante(d: Documento, p: PagoNode) -> Finding:
    """RfcEmisorCtaOrd only with forms of payment that have an account."""
    return _only_with(p, "RfcEmisorCtaOrd", _ORDENANTE)


@rule("CRP20223", each="pago", at="/@NomBancoOrdExt")
def banco_extranjero(d: Documento, p: PagoNode) -> Finding:
    """A foreign bank is named."""
    if p.attributes.get("RfcEmisorCtaOrd", "").strip() != _XEXX or "NomBancoOrdExt" in p.attributes:
        return None
    return f"Con RfcEmisorCtaOrd {_XEXX} falta el campo NomBancoOrdExt: escriba el nombre del banco."


@rule("CRP20224", each="pago", at="/@CtaOrdenante")
def cuenta_ordenante(d: Documento, p: PagoNode) -> Finding:
    """CtaOrdenante only with forms of payment that have an account."""
    return _only_with(p, "CtaOrdenante", _ORDENANTE)


@rule("CRP20225", each="pago", at="/@CtaOrdenante")
def cuenta_ordenante_forma(d: Documento, p: PagoNode) -> Finding:
    """CtaOrdenante has the shape that c_FormaPago gives."""
    return _shape(p, "CtaOrdenante", "ordenante")


@rule("CRP20226", each="pago", at="/@CtaBeneficiario")
def cuenta_beneficiaria_forma(d: Documento, p: PagoNode) -> Finding:
    """CtaBeneficiario has the shape that c_FormaPago gives."""
    return _shape(p, "CtaBeneficiario", "beneficiario")


@rule("CRP20227", each="pago", at="/@RfcEmisorCtaBen")
def rfc_beneficiario(d: Documento, p: PagoNode) -> Finding:
    """RfcEmisorCtaBen only with forms of payment that arrive in an account."""
    return _only_with(p, "RfcEmisorCtaBen", _BENEFICIARIO)


@rule("CRP20228", each="pago", at="/@CtaBeneficiario")
def cuenta_beneficiaria(d: Documento, p: PagoNode) -> Finding:
    """CtaBeneficiario only with forms of payment that arrive in an account."""
    return _only_with(p, "CtaBeneficiario", _BENEFICIARIO)


@rule("CRP20229", each="pago", at="/@TipoCadPago")
def cadena_solo_spei(d: Documento, p: PagoNode) -> Finding:
    """TipoCadPago only with transfers."""
    return _only_with(p, "TipoCadPago", ("03",))


def _with_chain(p: PagoNode, field: str) -> Finding:
    if "TipoCadPago" not in p.attributes or field in p.attributes:
        return None
    return f"Con TipoCadPago falta el campo {field}: escríbalo como lo entregó el banco, o quite TipoCadPago."


def _without_chain(p: PagoNode, field: str) -> Finding:
    if "TipoCadPago" in p.attributes or field not in p.attributes:
        return None
    return f"Sin TipoCadPago el campo {field} no debe existir: quítelo."


@rule("CRP20230", each="pago", at="/@CertPago")
def certificado_falta(d: Documento, p: PagoNode) -> Finding:
    """TipoCadPago comes with CertPago."""
    return _with_chain(p, _CHAIN[0])


@rule("CRP20231", each="pago", at="/@CertPago")
def certificado_sobra(d: Documento, p: PagoNode) -> Finding:
    """CertPago comes with TipoCadPago."""
    return _without_chain(p, _CHAIN[0])


@rule("CRP20232", each="pago", at="/@CadPago")
def cadena_falta(d: Documento, p: PagoNode) -> Finding:
    """TipoCadPago comes with CadPago."""
    return _with_chain(p, _CHAIN[1])


@rule("CRP20233", each="pago", at="/@CadPago")
def cadena_sobra(d: Documento, p: PagoNode) -> Finding:
    """CadPago comes with TipoCadPago."""
    return _without_chain(p, _CHAIN[1])


@rule("CRP20234", each="pago", at="/@SelloPago")
def sello_falta(d: Documento, p: PagoNode) -> Finding:
    """TipoCadPago comes with SelloPago."""
    return _with_chain(p, _CHAIN[2])


@rule("CRP20235", each="pago", at="/@SelloPago")
def sello_sobra(d: Documento, p: PagoNode) -> Finding:
    """SelloPago comes with TipoCadPago."""
    return _without_chain(p, _CHAIN[2])


@rule("CRP20276", each="pago", at="/@Monto")
def monto_entre_limites(d: Documento, p: PagoNode) -> Finding:
    """In several currencies, what is settled, converted and cut, is at most Monto, or Monto is within the limits.

    Source: standard of Pagos 2.0 revision B, attribute Monto. The formula is there a picture; it is that of
    implementers. CRP20275 and CRP20277 say how the limits are found.
    """
    monto = number(p.attributes.get("Monto"))
    converted = [docto.converted(docto.attributes.get("ImpPagado")) for docto in p.doctos]
    if monto is None or not p.doctos or p.one_currency or None in converted:
        return None
    settled = money.total(value for value in converted if value is not None)
    if money.truncate(settled, p.decimals) <= monto:
        return None
    found = [limits(docto.amount("ImpPagado") or money.ZERO, _rate(docto), p.decimals) for docto in p.doctos]
    low, high = money.total(pair[0] for pair in found), money.total(pair[1] for pair in found)
    if low <= monto <= high:
        return None
    return (
        f"El campo Monto es {money.text(monto)} y los documentos, en la moneda del pago, suman entre "
        f"{money.text(low)} y {money.text(high)}: no puede aplicarse más de lo que se pagó."
    )


def _rate(docto: Docto) -> Decimal:
    return Decimal(1) if docto.same else exchange(docto.attributes.get("EquivalenciaDR")) or Decimal(1)
