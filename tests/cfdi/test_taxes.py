"""From a line to a Concepto: each treatment, discounts, retentions, and prices that include IVA."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emite.cfdi import money
from emite.cfdi.comprobante import Traslado
from emite.cfdi.faults import CfdiInvalid
from emite.cfdi.taxes import ISR_HONORARIOS, ISR_RESICO, IVA_DOS_TERCIOS, Treatment, net_unit_price
from tests.cfdi import make

D = Decimal


@pytest.mark.parametrize(
    ("treatment", "objeto", "traslados"),
    [
        (Treatment.IVA16, "02", (Traslado(D("1000.00"), "002", "Tasa", D("0.160000"), D("160.00")),)),
        (Treatment.IVA8, "02", (Traslado(D("1000.00"), "002", "Tasa", D("0.080000"), D("80.00")),)),
        (Treatment.IVA0, "02", (Traslado(D("1000.00"), "002", "Tasa", D("0.000000"), D("0.00")),)),
        (Treatment.EXENTO, "02", (Traslado(D("1000.00"), "002", "Exento"),)),
        (Treatment.NO_OBJETO, "01", ()),
    ],
)
def test_each_treatment(treatment: Treatment, objeto: str, traslados: tuple[Traslado, ...]) -> None:
    line = make.concepto(treatment=treatment)
    assert (line.objeto_imp, line.traslados) == (objeto, traslados)


def test_base_is_after_the_discount() -> None:
    line = make.concepto(cantidad=D(2), descuento=D("150.50"))
    assert (line.importe, line.descuento, line.traslados[0].base) == (D("2000.00"), D("150.50"), D("1849.50"))
    assert line.traslados[0].importe == D("295.92")


def test_importe_has_at_least_the_decimals_of_the_discount() -> None:
    line = make.concepto(descuento=D("0.125"))
    assert str(line.importe) == "1000.000"
    assert str(line.descuento) == "0.125"


def test_a_line_discounted_in_full_causes_no_tax() -> None:
    line = make.concepto(descuento=D("1000"), retenciones=[ISR_HONORARIOS])
    assert (line.objeto_imp, line.traslados, line.retenciones) == ("04", (), ())


def test_retentions_of_a_physician_to_an_insurer() -> None:
    line = make.concepto(retenciones=[ISR_HONORARIOS, IVA_DOS_TERCIOS])
    assert [(r.impuesto, r.tasa_o_cuota, r.importe) for r in line.retenciones] == [
        ("001", D("0.100000"), D("100.00")),
        ("002", D("0.106667"), D("106.667")),
    ]


def test_no_iva_is_withheld_where_none_is_charged() -> None:
    line = make.concepto(treatment=Treatment.EXENTO, retenciones=[ISR_RESICO, IVA_DOS_TERCIOS])
    assert [(r.impuesto, r.importe) for r in line.retenciones] == [("001", D("12.50"))]


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("cantidad", D(0), "mayor que cero"),
        ("cantidad", D("-1"), "negativo"),
        ("cantidad", D("0.0000001"), "más de 6 decimales"),
        ("valor_unitario", D("-0.01"), "negativo"),
        ("valor_unitario", D("1.1234567"), "más de 6 decimales"),
        ("valor_unitario", D("NaN"), "no es un número"),
        ("descuento", D("1000.01"), "mayor que el importe"),
    ],
)
def test_amounts_that_no_line_can_have(field: str, value: Decimal, said: str) -> None:
    with pytest.raises(CfdiInvalid, match=said):
        make.concepto(**{field: value})


def test_a_thousandth_of_something_is_a_line() -> None:
    assert make.concepto(cantidad=D("0.001"), valor_unitario=D("0.01")).importe == D("0.00001")


six_decimals = st.decimals(min_value=D("0.01"), max_value=99_999, places=6)
quantities = st.decimals(min_value=D("0.000001"), max_value=999, places=6)


@given(quantities, six_decimals, st.sampled_from(list(Treatment)), st.integers(0, 100))
def test_every_amount_is_within_the_limits_of_the_matrix(
    cantidad: Decimal, valor: Decimal, treatment: Treatment, percent: int
) -> None:
    """CFDI40167 and CFDI40180, computed here from the written text alone."""
    discount = money.half_up(cantidad * valor * percent / 100, 6)
    line = make.concepto(
        cantidad=cantidad, valor_unitario=valor, treatment=treatment, descuento=min(discount, _importe(cantidad, valor))
    )
    assert _within(line.importe, _band(line.cantidad), _band(line.valor_unitario))
    for tax in line.traslados:
        if tax.importe is not None:
            assert tax.tasa_o_cuota is not None
            assert _within(tax.importe, _band(tax.base), (tax.tasa_o_cuota, tax.tasa_o_cuota))
        assert tax.base == line.importe - (line.descuento or 0)
    if line.descuento is not None:
        assert money.written_decimals(str(line.descuento)) <= money.written_decimals(str(line.importe))


def _importe(cantidad: Decimal, valor: Decimal) -> Decimal:
    return money.half_up(money.times(cantidad, valor), 6)


def _band(value: Decimal) -> tuple[Decimal, Decimal]:
    half = D(1).scaleb(-money.written_decimals(f"{value:f}")) / 2
    return value - half, value + half - D("1E-12")


def _within(importe: Decimal, first: tuple[Decimal, Decimal], second: tuple[Decimal, Decimal]) -> bool:
    places = money.written_decimals(f"{importe:f}")
    low = money.truncate(money.times(first[0], second[0]), places)
    high = money.ceiling(money.times(first[1], second[1]), places)
    return low <= importe <= high


cents = st.integers(1, 9_999_999).map(lambda number: D(number).scaleb(-2))


@given(st.lists(cents, min_size=1, max_size=8), st.sampled_from(list(Treatment)))
def test_prices_with_iva_included_come_back_to_the_price_charged(prices: list[Decimal], treatment: Treatment) -> None:
    lines = tuple(
        make.concepto(valor_unitario=net_unit_price(price, treatment), treatment=treatment) for price in prices
    )
    assert make.comprobante(conceptos=lines).totals.total == sum(prices)


def test_net_price_of_what_bears_no_iva_is_the_price() -> None:
    assert net_unit_price(D("580.00"), Treatment.EXENTO) == D("580")
    assert net_unit_price(D("580.00"), Treatment.IVA16) == D("500.000000")


def test_a_concepto_keeps_what_identifies_it() -> None:
    over: dict[str, Any] = {"no_identificacion": "99213", "unidad": "Servicio", "descripcion": "Consulta"}
    line = make.concepto(**over)
    assert {name: getattr(line, name) for name in over} == over
