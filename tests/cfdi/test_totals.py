"""The sums of a Comprobante against a second implementation that counts millionths as integers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from emite.cfdi.comprobante import Concepto, Totals
from emite.cfdi.taxes import ISR_HONORARIOS, ISR_RESICO, IVA_DOS_TERCIOS, Treatment
from tests.cfdi import make

D = Decimal


def _micro(value: Decimal | None) -> int:
    return 0 if value is None else int(value * 1_000_000)


def _cents(micro: int) -> int:
    return (micro + 5_000) // 10_000


def _expected(lines: Sequence[Concepto]) -> dict[str, object]:
    bases: dict[object, int] = defaultdict(int)
    taxes: dict[object, int] = defaultdict(int)
    withheld: dict[str, int] = defaultdict(int)
    for line in lines:
        for tax in line.traslados:
            bases[tax.tasa_o_cuota] += _micro(tax.base)
            taxes[tax.tasa_o_cuota] += _micro(tax.importe)
        for retention in line.retenciones:
            withheld[retention.impuesto] += _micro(retention.importe)
    sub_total = _cents(sum(_micro(line.importe) for line in lines))
    discount = _cents(sum(_micro(line.descuento) for line in lines))
    charged = sum(_cents(value) for rate, value in taxes.items() if rate is not None)
    held = sum(_cents(value) for value in withheld.values())
    return {
        "sub_total": sub_total,
        "descuento": discount if any(line.descuento is not None for line in lines) else None,
        "bases": {rate: _cents(value) for rate, value in bases.items()},
        "taxes": {rate: _cents(value) for rate, value in taxes.items() if rate is not None},
        "withheld": {tax: _cents(value) for tax, value in withheld.items()},
        "trasladados": charged if any(rate is not None for rate in taxes) else None,
        "retenidos": held if withheld else None,
        "total": sub_total - discount + charged - held,
    }


def _found(totals: Totals) -> dict[str, object]:
    def cents(value: Decimal | None) -> int | None:
        return None if value is None else int(value * 100)

    return {
        "sub_total": cents(totals.sub_total),
        "descuento": cents(totals.descuento),
        "bases": {tax.tasa_o_cuota: cents(tax.base) for tax in totals.traslados},
        "taxes": {tax.tasa_o_cuota: cents(tax.importe) for tax in totals.traslados if tax.tasa_o_cuota is not None},
        "withheld": {tax.impuesto: cents(tax.importe) for tax in totals.retenciones},
        "trasladados": cents(totals.total_trasladados),
        "retenidos": cents(totals.total_retenidos),
        "total": cents(totals.total),
    }


@st.composite
def lines(draw: st.DrawFn) -> Concepto:
    """A line of any treatment with 0 to 6 decimals, a discount at times and retentions at times."""
    places = draw(st.integers(0, 6))
    price = draw(st.decimals(min_value=1, max_value=50_000, places=places))
    quantity = draw(st.decimals(min_value=D("0.001"), max_value=20, places=3))
    retentions = draw(st.sampled_from([(), (ISR_HONORARIOS,), (ISR_RESICO, IVA_DOS_TERCIOS)]))
    line = make.concepto(
        cantidad=quantity,
        valor_unitario=price,
        treatment=draw(st.sampled_from(list(Treatment))),
        retenciones=retentions,
    )
    part = draw(st.sampled_from([None, D("0.1"), D("0.333333"), D(1)]))
    if part is None:
        return line
    discount = (line.importe * part).quantize(D("0.01"))
    return make.concepto(
        cantidad=quantity,
        valor_unitario=price,
        treatment=draw(st.sampled_from(list(Treatment))),
        descuento=min(discount, line.importe),
        retenciones=retentions,
    )


@given(st.lists(lines(), min_size=1, max_size=12))
def test_sums_equal_a_second_implementation(conceptos: list[Concepto]) -> None:
    assert _found(make.comprobante(conceptos=tuple(conceptos)).totals) == _expected(conceptos)


def test_halves_of_a_cent_round_up_once_for_the_sum() -> None:
    three = tuple(make.concepto(valor_unitario=D("0.335"), treatment=Treatment.EXENTO) for _ in range(3))
    assert make.comprobante(conceptos=three).totals.sub_total == D("1.01")  # 1.005, and not 0.34 x 3


def test_all_exempt_has_no_total_of_charged_taxes() -> None:
    totals = make.comprobante(conceptos=(make.concepto(treatment=Treatment.EXENTO),)).totals
    assert totals.total_trasladados is None
    assert [(tax.tipo_factor, tax.tasa_o_cuota, tax.importe) for tax in totals.traslados] == [("Exento", None, None)]
    assert totals.total == D("1000.00")


def test_exempt_beside_taxed_keeps_both_groups() -> None:
    conceptos = (make.concepto(), make.concepto(treatment=Treatment.EXENTO), make.concepto(treatment=Treatment.IVA0))
    totals = make.comprobante(conceptos=conceptos).totals
    assert {tax.tasa_o_cuota for tax in totals.traslados} == {D("0.16"), D(0), None}
    assert totals.total_trasladados == D("160.00")


def test_retentions_of_one_tax_at_two_rates_are_one_sum() -> None:
    conceptos = (make.concepto(retenciones=[ISR_HONORARIOS]), make.concepto(retenciones=[ISR_RESICO]))
    totals = make.comprobante(conceptos=conceptos).totals
    assert [(tax.impuesto, tax.importe) for tax in totals.retenciones] == [("001", D("112.50"))]
    assert totals.total == D("2207.50")


def test_a_psychologist_to_an_insurer() -> None:
    line = make.concepto(valor_unitario=D(10_000), retenciones=[ISR_HONORARIOS, IVA_DOS_TERCIOS])
    assert make.comprobante(conceptos=(line,)).totals.total == D("9533.33")


def test_a_payment_has_zeros_and_no_taxes() -> None:
    totals = make.pago().totals
    assert (totals.sub_total, totals.total, totals.descuento, totals.traslados) == (0, 0, None, ())


def test_a_currency_without_cents_rounds_to_units() -> None:
    totals = make.comprobante(moneda="JPY", conceptos=(make.concepto(valor_unitario=D("10.5")),)).totals
    assert (totals.sub_total, totals.total_trasladados, totals.total) == (D(11), D(2), D(13))
