"""Rules on the Traslado and Retencion of each concept: CFDI40174-40186.

The summary of the document is in `impuestos.py`.
"""

from __future__ import annotations

from typing import Final

from emite.cfdi import money
from emite.cfdi.codes import Kind
from emite.cfdi.rules.comprobante import in_catalogue
from emite.cfdi.rules.conceptos import broken_limits
from emite.cfdi.rules.numbers import amount, not_positive, number, rate_allowed
from emite.cfdi.rules.registry import Finding, rule
from emite.cfdi.rules.view import Documento, Tax

_TAXED: Final = ("Tasa", "Cuota")


def _base(kind: str, tax: Tax) -> Finding:
    if not_positive(tax.base):
        return f"El campo Base del {kind} debe ser mayor que cero: escriba el importe del concepto menos su descuento."
    return None


def _importe(kind: str, tax: Tax) -> Finding:
    """Looks at the limits only where base, rate and importe are there and the rate is one of SAT's."""
    tasa, base, importe = number(tax.kind.tasa), amount(tax.base), amount(tax.importe)
    if not tax.kind.sound or tasa is None or base is None or importe is None:
        return None
    broken = broken_limits(base, tasa, money.ZERO, importe)
    if broken is None:
        return None
    return (
        f"El campo Importe del {kind} es {tax.importe} y la base por la tasa lo deja entre "
        f"{max(broken[0], money.ZERO):f} y {broken[1]:f}: calcúlelo de nuevo."
    )


def _rate_unknown(tax: Tax, kind: Kind) -> bool:
    """True for a rate that c_TasaOCuota does not have. A negative is ours; what is no number is the XSD's."""
    if tax.kind.sound or tax.kind.tasa is None or not tax.kind.known or tax.kind.factor not in _TAXED:
        return False
    if number(tax.kind.tasa) is None and not not_positive(tax.kind.tasa):
        return False
    return not rate_allowed(tax.kind.impuesto, tax.kind.factor, tax.kind.tasa, kind)


@rule("CFDI40174", each="traslado", at="/@Base")
def traslado_base(d: Documento, tax: Tax) -> Finding:
    """Base of a Traslado is greater than zero."""
    return _base("traslado", tax)


@rule("CFDI40175", each="traslado", at="/@Impuesto", reads="kind")
def traslado_impuesto(d: Documento, tax: Tax) -> Finding:
    """Impuesto of a Traslado is in c_Impuesto."""
    return None if tax.kind.known else in_catalogue("Impuesto del traslado", tax.kind.impuesto, "c_Impuesto")


@rule("CFDI40176", each="traslado", at="/@TipoFactor", reads="kind")
def traslado_factor(d: Documento, tax: Tax) -> Finding:
    """TipoFactor of a Traslado is in c_TipoFactor."""
    return None if tax.kind.known else in_catalogue("TipoFactor del traslado", tax.kind.factor, "c_TipoFactor")


@rule("CFDI40177", each="traslado", at="/@TipoFactor", reads="kind")
def traslado_exento(d: Documento, tax: Tax) -> Finding:
    """A Traslado Exento has neither TasaOCuota nor Importe."""
    if tax.kind.factor == "Exento" and (tax.kind.tasa is not None or tax.kind.with_importe):
        return "El traslado es Exento: quite los campos TasaOCuota e Importe."
    return None


@rule("CFDI40178", each="traslado", at="/@TipoFactor", reads="kind")
def traslado_gravado(d: Documento, tax: Tax) -> Finding:
    """A Traslado with Tasa or Cuota has TasaOCuota and Importe."""
    if tax.kind.factor not in _TAXED or (tax.kind.tasa is not None and tax.kind.with_importe):
        return None
    there = (("TasaOCuota", tax.kind.tasa is not None), ("Importe", tax.kind.with_importe))
    missing = " e ".join(name for name, is_there in there if not is_there)
    return f"El traslado es por {tax.kind.factor} y le falta {missing}: escríbalo, o use Exento si está exento."


@rule("CFDI40179", each="traslado", at="/@TasaOCuota", reads="kind")
def traslado_tasa(d: Documento, tax: Tax) -> Finding:
    """TasaOCuota of a Traslado is in c_TasaOCuota for its tax and factor."""
    if not _rate_unknown(tax, "traslado"):
        return None
    return (
        f"El campo TasaOCuota del traslado es {tax.kind.tasa} y no está en el catálogo c_TasaOCuota para el impuesto "
        f"{tax.kind.impuesto}: el IVA se traslada a 0.160000, 0.080000 o 0.000000."
    )


@rule("CFDI40180", each="traslado", at="/@Importe")
def traslado_importe(d: Documento, tax: Tax) -> Finding:
    """Importe of a Traslado is within the limits that Base and TasaOCuota allow."""
    return None if tax.kind.factor == "Exento" else _importe("traslado", tax)


@rule("CFDI40181", each="retencion", at="/@Base")
def retencion_base(d: Documento, tax: Tax) -> Finding:
    """Base of a Retencion is greater than zero."""
    return _base("retención", tax)


@rule("CFDI40182", each="retencion", at="/@Impuesto")
def retencion_impuesto(d: Documento, tax: Tax) -> Finding:
    """Impuesto of a Retencion is in c_Impuesto."""
    return None if tax.kind.known else in_catalogue("Impuesto de la retención", tax.kind.impuesto, "c_Impuesto")


@rule("CFDI40183", each="retencion", at="/@TipoFactor")
def retencion_factor(d: Documento, tax: Tax) -> Finding:
    """TipoFactor of a Retencion is in c_TipoFactor."""
    return None if tax.kind.known else in_catalogue("TipoFactor de la retención", tax.kind.factor, "c_TipoFactor")


@rule("CFDI40184", each="retencion", at="/@TipoFactor")
def retencion_no_exenta(d: Documento, tax: Tax) -> Finding:
    """TipoFactor of a Retencion is not Exento."""
    if tax.kind.factor == "Exento":
        return "El campo TipoFactor de una retención no puede ser Exento: use Tasa, o quite la retención."
    return None


@rule("CFDI40185", each="retencion", at="/@TasaOCuota")
def retencion_tasa(d: Documento, tax: Tax) -> Finding:
    """TasaOCuota of a Retencion is in c_TasaOCuota for its tax and factor."""
    if not _rate_unknown(tax, "retencion"):
        return None
    return (
        f"El campo TasaOCuota de la retención es {tax.kind.tasa} y no está en el catálogo c_TasaOCuota para el "
        f"impuesto {tax.kind.impuesto}: el ISR llega hasta 0.350000 y el IVA hasta 0.160000."
    )


@rule("CFDI40186", each="retencion", at="/@Importe")
def retencion_importe(d: Documento, tax: Tax) -> Finding:
    """Importe of a Retencion is within the limits that Base and TasaOCuota allow."""
    return _importe("retención", tax)
