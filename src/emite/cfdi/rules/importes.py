"""Rules on the amounts of Comprobante: SubTotal, Descuento and Total (CFDI40107-40112, CFDI40119).

The amounts of the concepts are in `conceptos.py`, those of the taxes in `impuestos.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Decimal
from itertools import product
from typing import Final

from emite.cfdi import codes, money
from emite.cfdi.rules.numbers import decimals, number
from emite.cfdi.rules.registry import Aviso, Finding, rule
from emite.cfdi.rules.view import Documento

_AT: Final = "/cfdi:Comprobante"


def too_many_decimals(d: Documento, field: str, text: str | None) -> Finding:
    """A finding when an amount has more decimals than its currency. An unknown currency is left to CFDI40113."""
    if text is None or number(text) is None or decimals(text) <= d.decimals or not codes.contains("c_Moneda", d.moneda):
        return None
    return (
        f"El campo {field} tiene {decimals(text)} decimales ({text}) y la moneda {d.moneda} admite {d.decimals}: "
        "redondéelo."
    )


def rounded_sum(d: Documento, written: Decimal, total: Decimal, said: str) -> Finding:
    """A finding when `written` is not `total` rounded to the currency's decimals.

    SAT only says "redondeo". We and the PACs round halves up; in a foreign document an exact half rounded to the even
    digit is only worth an AVISO (docs/sat/redondeo.md).
    """
    expected = money.half_up(total, d.decimals)
    if written == expected:
        return None
    finding = said.format(written=money.text(written), expected=money.text(expected))
    to_even = d.foreign and written == total.quantize(Decimal(1).scaleb(-d.decimals), ROUND_HALF_EVEN)
    return Aviso(finding) if to_even else finding


@rule("CFDI40107", at=f"{_AT}/@SubTotal")
def subtotal_decimales(d: Documento) -> Finding:
    """SubTotal has no more decimals than Moneda. In T and P, CFDI40109 admits "cero con decimales"."""
    return None if d.carries_no_money else too_many_decimals(d, "SubTotal", d.attributes.get("SubTotal"))


@rule("CFDI40108", at=f"{_AT}/@SubTotal")
def subtotal_suma(d: Documento) -> Finding:
    """In I, E and N, SubTotal is the rounded sum of the Importe of the concepts."""
    written = number(d.attributes.get("SubTotal"))
    if written is None or d.sum_importe is None or not d.has_totals:
        return None
    return rounded_sum(
        d, written, d.sum_importe,
        "El campo SubTotal es {written} y los importes de los conceptos suman {expected}: escriba esa suma redondeada.",
    )  # fmt: skip


@rule("CFDI40109", at=f"{_AT}/@SubTotal")
def subtotal_cero(d: Documento) -> Finding:
    """In T and P, SubTotal is zero."""
    if d.carries_no_money and number(d.attributes.get("SubTotal")):
        return f"En un comprobante de tipo {d.tipo} el campo SubTotal debe ser 0."
    return None


@rule("CFDI40110", at=f"{_AT}/@Descuento")
def descuento_no_mayor(d: Documento) -> Finding:
    """Descuento is at most SubTotal."""
    descuento, subtotal = number(d.attributes.get("Descuento")), number(d.attributes.get("SubTotal"))
    if descuento is not None and subtotal is not None and descuento > subtotal:
        return f"El campo Descuento ({descuento:f}) es mayor que el SubTotal ({subtotal:f}): revise los descuentos."
    return None


@rule("CFDI40111", at=f"{_AT}/@Descuento")
def descuento_suma(d: Documento) -> Finding:
    """Descuento exists when a concept has one, in I, E and N, and is their rounded sum; otherwise it does not exist."""
    text = d.attributes.get("Descuento")
    if not d.with_descuento:
        if text is None:
            return None
        return "El campo Descuento no debe existir si ningún concepto tiene descuento: quítelo."
    if d.carries_no_money:
        return f"En un comprobante de tipo {d.tipo} ni los conceptos ni el comprobante llevan Descuento: quítelo."
    if not d.has_totals:
        return None
    if text is None:
        return "Falta el campo Descuento del comprobante: hay conceptos con descuento, escriba su suma redondeada."
    written = number(text)
    if written is None or d.sum_descuento is None:
        return None
    return rounded_sum(
        d, written, d.sum_descuento,
        "El campo Descuento es {written} y los conceptos suman {expected}: escriba esa suma redondeada.",
    )  # fmt: skip


@rule("CFDI40112", at=f"{_AT}/@Descuento")
def descuento_decimales(d: Documento) -> Finding:
    """Descuento has no more decimals than Moneda."""
    return too_many_decimals(d, "Descuento", d.attributes.get("Descuento"))


@rule("CFDI40119", at=f"{_AT}/@Total")
def total(d: Documento) -> Finding:
    """Total = SubTotal - Descuento + taxes charged - taxes withheld, local taxes included.

    Where a part is itself wrong (its own rule says so), a Total that follows from either reading of that part is not
    reported again: it would only repeat the same fault.
    """
    written = number(d.attributes.get("Total"))
    if written is None or number(d.attributes.get("SubTotal")) is None:
        return None
    expected = [
        subtotal - descuento + trasladados - retenidos + d.locales
        for subtotal, descuento, trasladados, retenidos in product(
            _readings(d, "SubTotal", d.sum_importe),
            _readings(d, "Descuento", d.sum_descuento),
            _charged(d),
            _withheld(d),
        )
    ]
    if written in expected:
        return None
    return (
        f"El campo Total es {written:f} y debería ser {expected[0]:f}: subtotal menos descuento, más impuestos "
        "trasladados, menos impuestos retenidos, incluidos los locales."
    )


def _readings(d: Documento, field: str, total: Decimal | None) -> Iterable[Decimal]:
    readings = [number(d.attributes.get(field)) or money.ZERO]
    if d.has_totals and total is not None:
        readings.append(money.half_up(total, d.decimals))
    elif d.carries_no_money:
        readings.append(money.ZERO)
    return dict.fromkeys(readings)


def _charged(d: Documento) -> Iterable[Decimal]:
    summary = d.impuestos
    return _taxes(
        d,
        summary.total_trasladados if summary else None,
        [tax.importe for tax in summary.traslados if tax.factor != "Exento"] if summary else [],
        [group.importe for group in d.traslados.values()],
    )


def _withheld(d: Documento) -> Iterable[Decimal]:
    summary = d.impuestos
    return _taxes(
        d,
        summary.total_retenidos if summary else None,
        [tax.importe for tax in summary.retenciones] if summary else [],
        [group.importe for group in d.retenciones.values()],
    )


def _taxes(d: Documento, total: str | None, nodes: list[str | None], groups: list[Decimal | None]) -> Iterable[Decimal]:
    """What the taxes may add up to: as the total says, as the nodes of the summary say, as the concepts say."""
    readings = [
        number(total) or money.ZERO,
        money.total(value for text in nodes if (value := number(text)) is not None),
    ]
    if d.has_totals:
        readings.append(money.total(money.half_up(value, d.decimals) for value in groups if value is not None))
    return dict.fromkeys(readings)
