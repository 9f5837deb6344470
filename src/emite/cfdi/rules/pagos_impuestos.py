"""Rules on the taxes of a payment, that add up those of its documents (CRP20262-20274)."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from emite.cfdi import money
from emite.cfdi.rules.comprobante import in_catalogue
from emite.cfdi.rules.numbers import decimals, not_positive, number, rate_allowed
from emite.cfdi.rules.pagos_view import AT, PagoNode, PagosNode, PagoTax
from emite.cfdi.rules.registry import Finding, rule
from emite.cfdi.rules.view import Documento

_TOTALES: Final = f"{AT}/pago20:Totales"
_WITHHELD: Final = ("TotalRetencionesIVA", "TotalRetencionesISR", "TotalRetencionesIEPS")
_BASES: Final = (
    "TotalTrasladosBaseIVA16", "TotalTrasladosBaseIVA8", "TotalTrasladosBaseIVA0", "TotalTrasladosBaseIVAExento",
)  # fmt: skip
_CHARGED: Final = ("TotalTrasladosImpuestoIVA16", "TotalTrasladosImpuestoIVA8", "TotalTrasladosImpuestoIVA0")
_MILLIONTH: Final = 6


def _sum(p: PagoNode, field: str, written: str | None, parts: Iterable[Decimal | None]) -> Finding:
    """A finding when an amount of the payment is not the sum of its documents'.

    Exact in one currency. A division by EquivalenciaDR seldom ends: there the last decimal written may be cut or
    rounded.
    """
    value, known = number(written), list(parts)
    if value is None or written is None or None in known:
        return None
    exact = money.total(each for each in known if each is not None)
    if value == exact:
        return None
    if not p.one_currency and abs(value - exact) < Decimal(1).scaleb(-decimals(written)):
        return None
    return (
        f"El campo {field} es {written} y lo de sus documentos suma "
        f"{money.text(money.trimmed(money.half_up(exact, _MILLIONTH), 2))}: escriba esa suma sin redondear."
    )


def _again(tax: PagoTax, among: list[PagoTax], key: object) -> bool:
    """Whether an earlier node has the same key."""
    for other in among:
        if other is tax:
            return False
        if (other.key if isinstance(key, tuple) else other.impuesto) == key:
            return True
    return False


def _any(p: PagosNode, names: tuple[str, ...]) -> bool:
    return any(name in p.totales for name in names)


@rule("CRP20262", each="retencion_p", at="/@ImpuestoP")
def retencion_impuesto(d: Documento, p: PagoNode, tax: PagoTax) -> Finding:
    """ImpuestoP of a RetencionP is in c_Impuesto."""
    return in_catalogue("ImpuestoP de la retención", tax.impuesto, "c_Impuesto")


@rule("CRP20263", each="retencion_p", at="/@ImpuestoP")
def retencion_unica(d: Documento, p: PagoNode, tax: PagoTax) -> Finding:
    """One RetencionP for each tax."""
    if not _again(tax, p.retenciones, tax.impuesto):
        return None
    return f"Hay más de una RetencionP del impuesto {tax.impuesto}: súmelas en una."


@rule("CRP20264", each="pagos", at=_TOTALES)
def retenciones_en_totales(d: Documento, p: PagosNode) -> Finding:
    """With a RetencionP there is a total of retenciones."""
    if not any(pago.retenciones for pago in p.pagos) or _any(p, _WITHHELD):
        return None
    return "El pago trae retenciones y en Totales no hay ninguna: escriba TotalRetencionesISR, IVA o IEPS."


@rule("CRP20265", each="retencion_p", at="/@ImporteP")
def retencion_importe(d: Documento, p: PagoNode, tax: PagoTax) -> Finding:
    """ImporteP of a RetencionP is the sum of its documents'."""
    parts = [
        docto.converted(held.importe)
        for docto in p.doctos
        for held in docto.retenciones
        if held.impuesto == tax.impuesto
    ]
    return _sum(p, "ImporteP de la retención", tax.importe, parts)


@rule("CRP20266", each="traslado_p")
def traslado_exento(d: Documento, p: PagoNode, tax: PagoTax) -> Finding:
    """An exempt TrasladoP has BaseP, ImpuestoP and TipoFactorP only."""
    if tax.factor != "Exento" or (tax.base is not None and tax.tasa is None and tax.importe is None):
        return None
    return "Un TrasladoP exento lleva solo BaseP, ImpuestoP y TipoFactorP: quite lo demás."


@rule("CRP20267", each="pagos", at=_TOTALES)
def bases_en_totales(d: Documento, p: PagosNode) -> Finding:
    """With a TrasladoP of IVA there is a total of bases."""
    if not any(tax.impuesto == "002" for pago in p.pagos for tax in pago.traslados) or _any(p, _BASES):
        return None
    return "El pago traslada IVA y en Totales no hay ninguna base: escriba TotalTrasladosBaseIVA16, 8, 0 o Exento."


def _parts(p: PagoNode, tax: PagoTax, name: str) -> list[Decimal | None]:
    return [
        docto.converted(getattr(each, name)) for docto in p.doctos for each in docto.traslados if each.key == tax.key
    ]


@rule("CRP20268", each="traslado_p", at="/@BaseP")
def traslado_base(d: Documento, p: PagoNode, tax: PagoTax) -> Finding:
    """BaseP of a TrasladoP with a rate is the sum of its documents'."""
    if tax.factor == "Exento":
        return None
    return _sum(p, "BaseP del traslado", tax.base, _parts(p, tax, "base"))


@rule("CRP20269", each="traslado_p", at="/@BaseP")
def traslado_base_exenta(d: Documento, p: PagoNode, tax: PagoTax) -> Finding:
    """BaseP of an exempt TrasladoP is the sum of its documents'."""
    if tax.factor != "Exento":
        return None
    return _sum(p, "BaseP del traslado exento", tax.base, _parts(p, tax, "base"))


@rule("CRP20270", each="traslado_p", at="/@ImpuestoP")
def traslado_impuesto(d: Documento, p: PagoNode, tax: PagoTax) -> Finding:
    """ImpuestoP of a TrasladoP is in c_Impuesto."""
    return in_catalogue("ImpuestoP del traslado", tax.impuesto, "c_Impuesto")


@rule("CRP20271", each="traslado_p", at="/@ImpuestoP")
def traslado_unico(d: Documento, p: PagoNode, tax: PagoTax) -> Finding:
    """One TrasladoP for each tax, factor and rate."""
    if not _again(tax, p.traslados, tax.key):
        return None
    return "Hay más de un TrasladoP con el mismo impuesto, factor y tasa: súmelos en uno."


@rule("CRP20272", each="traslado_p", at="/@TasaOCuotaP")
def traslado_tasa(d: Documento, p: PagoNode, tax: PagoTax) -> Finding:
    """TasaOCuotaP is in c_TasaOCuota."""
    if tax.tasa is None or not tax.known or tax.factor == "Exento":
        return None
    if number(tax.tasa) is None and not not_positive(tax.tasa):
        return None
    if rate_allowed(tax.impuesto, tax.factor, tax.tasa, "traslado"):
        return None
    return f"El campo TasaOCuotaP es {tax.tasa}, que el catálogo del SAT no tiene para ese impuesto."


@rule("CRP20273", each="pagos", at=_TOTALES)
def impuestos_en_totales(d: Documento, p: PagosNode) -> Finding:
    """With a TrasladoP of IVA that is not exempt there is a total of IVA."""
    taxed = any(tax.impuesto == "002" and tax.factor == "Tasa" for pago in p.pagos for tax in pago.traslados)
    if not taxed or _any(p, _CHARGED):
        return None
    return "El pago traslada IVA y en Totales no está: escriba TotalTrasladosImpuestoIVA16, 8 o 0."


@rule("CRP20274", each="traslado_p", at="/@ImporteP")
def traslado_importe(d: Documento, p: PagoNode, tax: PagoTax) -> Finding:
    """ImporteP of a TrasladoP is the sum of its documents'."""
    if tax.factor == "Exento":
        return None
    return _sum(p, "ImporteP del traslado", tax.importe, _parts(p, tax, "importe"))
