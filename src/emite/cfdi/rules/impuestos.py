"""Rules on the summary of taxes of the document: CFDI40201-40221.

A comparison of sums is skipped while a concept's tax breaks a rule of its own: it would only repeat that fault.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from emite.cfdi import money
from emite.cfdi.rules.comprobante import in_catalogue
from emite.cfdi.rules.importes import rounded_sum, too_many_decimals
from emite.cfdi.rules.numbers import not_positive, number, rate_allowed
from emite.cfdi.rules.registry import Finding, rule
from emite.cfdi.rules.view import Documento, SummaryTax

_AT: Final = "/cfdi:Comprobante/cfdi:Impuestos"
_EXENTO: Final = "Exento"


def _any_taxed(d: Documento) -> bool:
    return any(factor in ("Tasa", "Cuota") for _, factor, _ in d.traslados)


def only_exento(d: Documento) -> bool:
    """True when the concepts have Traslados and all of them are Exento."""
    return bool(d.traslados) and all(factor == _EXENTO for _, factor, _ in d.traslados)


def _rate_known(tax: SummaryTax) -> bool:
    if tax.factor == _EXENTO:
        return tax.tasa is None
    return tax.tasa is not None and rate_allowed(tax.impuesto, tax.factor, tax.tasa, "traslado")


def comparable(d: Documento, tax: SummaryTax) -> bool:
    """True when the amounts of a Traslado of the summary can be compared with what the concepts add up to."""
    return d.has_totals and d.taxes_sound and not tax.repeated and (tax.factor == _EXENTO or _rate_known(tax))


def _expected_total(d: Documento, nodes: list[SummaryTax], groups: list[Decimal | None]) -> list[Decimal]:
    """What a total of taxes may be: the sum of its nodes or, where a node is wrong, the sum that they should have."""
    readings = [money.total(value for tax in nodes if (value := number(tax.importe)) is not None)]
    if d.has_totals and d.taxes_sound:
        readings.append(money.total(money.half_up(value, d.decimals) for value in groups if value is not None))
    return readings


@rule("CFDI40201", at=_AT)
def impuestos_sobra(d: Documento) -> Finding:
    """T and P have no Impuestos."""
    if d.carries_no_money and d.impuestos is not None:
        return f"El nodo Impuestos no debe existir en un comprobante de tipo {d.tipo}: quítelo."
    return None


@rule("CFDI40202", at=f"{_AT}/@TotalImpuestosRetenidos")
def retenidos_decimales(d: Documento) -> Finding:
    """TotalImpuestosRetenidos has no more decimals than Moneda."""
    return too_many_decimals(d, "TotalImpuestosRetenidos", d.impuestos.total_retenidos) if d.impuestos else None


@rule("CFDI40203", at=f"{_AT}/@TotalImpuestosRetenidos")
def retenidos_suma(d: Documento) -> Finding:
    """TotalImpuestosRetenidos is the sum of the Importe of its Retencion nodes."""
    written = number(d.impuestos.total_retenidos) if d.impuestos else None
    if d.impuestos is None or written is None:
        return None
    expected = _expected_total(d, d.impuestos.retenciones, [group.importe for group in d.retenciones.values()])
    if written in expected:
        return None
    return f"El campo TotalImpuestosRetenidos es {written:f} y las retenciones suman {expected[0]:f}: escriba esa suma."


@rule("CFDI40204", at=f"{_AT}/@TotalImpuestosTrasladados")
def trasladados_decimales(d: Documento) -> Finding:
    """TotalImpuestosTrasladados has no more decimals than Moneda."""
    return too_many_decimals(d, "TotalImpuestosTrasladados", d.impuestos.total_trasladados) if d.impuestos else None


@rule("CFDI40205", at=f"{_AT}/@TotalImpuestosTrasladados")
def trasladados_suma(d: Documento) -> Finding:
    """TotalImpuestosTrasladados is the sum of the Importe of its Traslado nodes."""
    written = number(d.impuestos.total_trasladados) if d.impuestos else None
    if d.impuestos is None or written is None:
        return None
    nodes = [tax for tax in d.impuestos.traslados if tax.factor != _EXENTO]
    expected = _expected_total(d, nodes, [group.importe for group in d.traslados.values()])
    if written in expected:
        return None
    return f"El campo TotalImpuestosTrasladados es {written:f} y los traslados suman {expected[0]:f}: escriba esa suma."


def _retenidos_falta(d: Documento) -> bool:
    if d.impuestos is None:
        return d.has_totals and bool(d.retenciones)
    return d.impuestos.with_retenciones and d.impuestos.total_retenidos is None


@rule("CFDI40206", at=f"{_AT}/cfdi:Retenciones")
def retenidos_falta(d: Documento) -> Finding:
    """With Retenciones, TotalImpuestosRetenidos exists."""
    if not _retenidos_falta(d):
        return None
    return (
        "Falta el campo TotalImpuestosRetenidos: hay impuestos retenidos, escriba su suma en el resumen de impuestos."
    )


@rule("CFDI40209", at=f"{_AT}/cfdi:Retenciones/cfdi:Retencion[1]/@Importe")
def retenidos_falta_en_retencion(d: Documento) -> Finding:
    """With a Retencion, TotalImpuestosRetenidos exists. SAT gives the same condition this second code."""
    if not _retenidos_falta(d) or d.impuestos is None:
        return None
    return (
        "Hay una retención en el resumen y falta el campo TotalImpuestosRetenidos: escriba la suma de las retenciones."
    )


@rule("CFDI40207", each="resumen_retencion", at="/@Impuesto")
def retencion_impuesto(d: Documento, tax: SummaryTax) -> Finding:
    """Impuesto of a Retencion of the summary is in c_Impuesto."""
    return in_catalogue("Impuesto de la retención del resumen", tax.impuesto, "c_Impuesto")


@rule("CFDI40208", each="resumen_retencion", at="/@Impuesto")
def retencion_unica(d: Documento, tax: SummaryTax) -> Finding:
    """The summary has one Retencion for each tax."""
    if not tax.again:
        return None
    return f"El resumen repite la retención del impuesto {tax.impuesto}: deje un solo registro con la suma."


@rule("CFDI40210", each="resumen_retencion", at="/@Importe")
def retencion_decimales(d: Documento, tax: SummaryTax) -> Finding:
    """Importe of a Retencion of the summary has no more decimals than Moneda."""
    return too_many_decimals(d, "Importe de la retención del resumen", tax.importe)


@rule("CFDI40211", each="resumen_retencion", at="/@Importe")
def retencion_suma(d: Documento, tax: SummaryTax) -> Finding:
    """Importe of a Retencion of the summary is the rounded sum of the concepts' retentions of that tax."""
    written = number(tax.importe)
    if written is None or not d.has_totals or not d.taxes_sound or tax.repeated:
        return None
    if in_catalogue("", tax.impuesto, "c_Impuesto"):
        return None
    group = d.retenciones.get(tax.impuesto)
    total = group.importe if group else money.ZERO
    if total is None:
        return None
    return rounded_sum(
        d, written, total,
        f"El importe retenido del impuesto {tax.impuesto} en el resumen es {{written}} y los conceptos suman "
        "{expected}: escriba esa suma redondeada.",
    )  # fmt: skip


@rule("CFDI40211", at=f"{_AT}/cfdi:Retenciones")
def retencion_ausente(d: Documento) -> Finding:
    """Each tax that the concepts withhold is in the summary."""
    if d.impuestos is None or not d.has_totals or not d.taxes_sound:
        return None
    present = {tax.impuesto for tax in d.impuestos.retenciones}
    if any(in_catalogue("", impuesto, "c_Impuesto") for impuesto in present):
        return None
    missing = sorted(set(d.retenciones) - present)
    if not missing:
        return None
    return f"El resumen no incluye la retención del impuesto {', '.join(missing)} que traen los conceptos: agréguela."


@rule("CFDI40212", at=f"{_AT}/@TotalImpuestosTrasladados")
def trasladados_falta(d: Documento) -> Finding:
    """TotalImpuestosTrasladados exists when some concept has a Traslado that is not Exento."""
    if not d.has_totals or not _any_taxed(d) or (d.impuestos is not None and d.impuestos.total_trasladados is not None):
        return None
    return "Falta el campo TotalImpuestosTrasladados: hay conceptos con impuestos trasladados, escriba su suma."


@rule("CFDI40213", each="resumen_traslado")
def exento_sin_importes(d: Documento, tax: SummaryTax) -> Finding:
    """When every Traslado of the concepts is Exento, the summary carries just Base, Impuesto and TipoFactor."""
    if not d.has_totals or not only_exento(d) or (tax.tasa is None and tax.importe is None):
        return None
    return "Todos los traslados son Exentos: en el resumen deje solo Base, Impuesto y TipoFactor."


@rule("CFDI40213", at=f"{_AT}/@TotalImpuestosTrasladados")
def exento_sin_total(d: Documento) -> Finding:
    """When every Traslado of the concepts is Exento, there is no TotalImpuestosTrasladados (docs/sat/reglas.md)."""
    if d.impuestos is None or d.impuestos.total_trasladados is None or not d.has_totals or not only_exento(d):
        return None
    return "Todos los traslados son Exentos: quite el campo TotalImpuestosTrasladados."


@rule("CFDI40214", each="resumen_traslado", at="/@Base")
def traslado_base_decimales(d: Documento, tax: SummaryTax) -> Finding:
    """Base of a Traslado of the summary has no more decimals than Moneda."""
    return too_many_decimals(d, "Base del traslado del resumen", tax.base)


def _base_suma(d: Documento, tax: SummaryTax) -> Finding:
    written = number(tax.base)
    if written is None or not comparable(d, tax):
        return None
    group = d.traslados.get(tax.key)
    total = group.base if group else money.ZERO
    if total is None:
        return None
    return rounded_sum(
        d, written, total,
        f"La Base del traslado {tax.impuesto} {tax.factor} {tax.tasa or ''} en el resumen es {{written}} y los "
        "conceptos suman {expected}: escriba esa suma redondeada.",
    )  # fmt: skip


@rule("CFDI40215", each="resumen_traslado", at="/@Base")
def traslado_base_suma(d: Documento, tax: SummaryTax) -> Finding:
    """Base of a Traslado of the summary is the rounded sum of the concepts' bases of its group."""
    return None if only_exento(d) and tax.factor == _EXENTO else _base_suma(d, tax)


@rule("CFDI40216", each="resumen_traslado", at="/@Base")
def exento_base_suma(d: Documento, tax: SummaryTax) -> Finding:
    """Base of a Traslado Exento of the summary is the rounded sum of the concepts' exempt bases.

    Where taxed concepts exist too, CFDI40215 says it as well: SAT's words leave that case between the two.
    """
    return _base_suma(d, tax) if tax.factor == _EXENTO else None


@rule("CFDI40216", at=f"{_AT}/cfdi:Traslados")
def exento_ausente(d: Documento) -> Finding:
    """When every Traslado of the concepts is Exento, the summary has their Base."""
    if not d.has_totals or not d.taxes_sound or not only_exento(d):
        return None
    if d.impuestos is not None and d.impuestos.traslados:
        return None
    return "Falta en el resumen de impuestos el traslado Exento con la suma de las bases de los conceptos: agréguelo."


@rule("CFDI40217", each="resumen_traslado", at="/@Impuesto")
def traslado_impuesto(d: Documento, tax: SummaryTax) -> Finding:
    """Impuesto of a Traslado of the summary is in c_Impuesto."""
    return in_catalogue("Impuesto del traslado del resumen", tax.impuesto, "c_Impuesto")


@rule("CFDI40218", each="resumen_traslado", at="/@Impuesto")
def traslado_unico(d: Documento, tax: SummaryTax) -> Finding:
    """The summary has one Traslado for each tax, factor and rate."""
    if not tax.again:
        return None
    return (
        f"El resumen repite el traslado {tax.impuesto} {tax.factor} {tax.tasa or ''}".rstrip()
        + ": deje un solo registro con la suma."
    )


@rule("CFDI40219", each="resumen_traslado", at="/@TasaOCuota")
def traslado_tasa(d: Documento, tax: SummaryTax) -> Finding:
    """TasaOCuota of a Traslado of the summary is in c_TasaOCuota for its tax and factor."""
    if tax.factor == _EXENTO and only_exento(d):
        return None  # CFDI40213
    if tax.factor not in ("Tasa", "Cuota", _EXENTO) or in_catalogue("", tax.impuesto, "c_Impuesto") or _rate_known(tax):
        return None
    if tax.tasa is None:
        return f"Al traslado {tax.impuesto} del resumen le falta el campo TasaOCuota: escriba la tasa de los conceptos."
    if number(tax.tasa) is None and not not_positive(tax.tasa):
        return None
    if tax.factor == _EXENTO:
        return "El traslado Exento del resumen no lleva TasaOCuota ni Importe: quítelos."
    return (
        f"El campo TasaOCuota del resumen es {tax.tasa} y no está en el catálogo c_TasaOCuota para el impuesto "
        f"{tax.impuesto}: el IVA se traslada a 0.160000, 0.080000 o 0.000000."
    )


@rule("CFDI40220", each="resumen_traslado", at="/@Importe")
def traslado_decimales(d: Documento, tax: SummaryTax) -> Finding:
    """Importe of a Traslado of the summary has no more decimals than Moneda."""
    return too_many_decimals(d, "Importe del traslado del resumen", tax.importe)


@rule("CFDI40221", each="resumen_traslado", at="/@Importe")
def traslado_suma(d: Documento, tax: SummaryTax) -> Finding:
    """Importe of a Traslado of the summary is the rounded sum of the concepts' taxes of its group."""
    if tax.factor == _EXENTO or not comparable(d, tax):
        return None
    group = d.traslados.get(tax.key)
    total = group.importe if group else money.ZERO
    if total is None:
        return None
    if tax.importe is None:
        return f"Al traslado {tax.impuesto} del resumen le falta el campo Importe: escriba la suma de los conceptos."
    written = number(tax.importe)
    if written is None:
        return None
    return rounded_sum(
        d, written, total,
        f"El Importe del traslado {tax.impuesto} {tax.factor} {tax.tasa} en el resumen es {{written}} y los conceptos "
        "suman {expected}: escriba esa suma redondeada.",
    )  # fmt: skip


@rule("CFDI40221", at=f"{_AT}/cfdi:Traslados")
def traslado_ausente(d: Documento) -> Finding:
    """Each group of taxes that the concepts charge is in the summary, the exempt ones apart."""
    if d.impuestos is None or not d.has_totals or not d.taxes_sound:
        return None
    if any(not (tax.factor == _EXENTO or _rate_known(tax)) for tax in d.impuestos.traslados):
        return None
    present = {tax.key for tax in d.impuestos.traslados}
    missing = [key for key in d.traslados if key not in present and key[1] != _EXENTO]
    if not missing:
        return None
    said = ", ".join(f"{impuesto} {factor} {tasa}" for impuesto, factor, tasa in missing)
    return f"El resumen de impuestos no incluye el traslado {said} que traen los conceptos: agréguelo con su suma."
