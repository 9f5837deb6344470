"""An account less its deposits (path B): to the very cent, whatever the prices, and clean for schema and matrix."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal as D
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emite.cfdi import anticipos, rules, schema
from emite.cfdi.comprobante import Comprobante, Emisor, Receptor
from emite.cfdi.egresos import CannotSplit
from emite.cfdi.taxes import Treatment
from emite.cfdi.xml import build
from emite.charges.pricing import LineInput, conceptos, totals
from emite.invoices import remnant

NOW = dt.datetime(2026, 11, 24, 10, 0)


def line(price: str | D, treatment: Treatment = Treatment.IVA16, **over: object) -> LineInput:
    fields: dict[str, object] = {
        "description": "Consulta", "clave_prod_serv": "85121600", "clave_unidad": "E48", "treatment": treatment,
        "quantity": D(1), "unit_price": D(price),
    }  # fmt: skip
    return LineInput(**(fields | over))  # type: ignore[arg-type]


def invoice(lines: list[LineInput]) -> Comprobante:
    return Comprobante(
        "I", NOW, "06700", Emisor("CACX7605101P8", "XOCHILT CASAS CHAVEZ", "612"),
        Receptor("XOJI740919U48", "INGRID XODAR JIMENEZ", "76028", "605", "D01"), conceptos(lines),
        forma_pago="03", metodo_pago="PUE",
        relacionados=(anticipos.related(["11111111-2222-4333-8444-555555555555"]),),
    )  # fmt: skip


def test_the_case_of_the_guide_by_the_other_path() -> None:
    """A deposit of 10,000.00 and then a sale of 464,000.00: the remnant is 454,000.00."""
    made = invoice(remnant.lessened([line("250000"), line("150000")], {Treatment.IVA16: D("10000.00")}))
    assert made.totals.total == D("454000.00")
    assert [each.valor_unitario for each in made.conceptos] == [D("250000.00"), D("150000.00")]
    assert {each.descripcion for each in made.conceptos} == {"Consulta. CFDI por remanente de un anticipo"}
    assert sum(each.descuento or 0 for each in made.conceptos).quantize(D("0.01")) == D("8620.69")
    root = build(made)
    assert [*schema.validate(root), *rules.check(root)] == []


_PRICES = st.integers(1, 3).flatmap(
    lambda places: st.integers(100, 10**7).map(lambda digits: D(digits).scaleb(-2 * places) + 1)
)
_LINES = st.lists(st.tuples(_PRICES, st.sampled_from(list(Treatment)), st.integers(1, 4)), min_size=1, max_size=7)


@settings(max_examples=150)
@given(_LINES, st.data())
def test_the_total_is_the_account_less_its_deposits(
    priced: list[tuple[D, Treatment, int]], data: st.DataObject
) -> None:
    lines = [line(price, treatment, quantity=D(quantity)) for price, treatment, quantity in priced]
    treatment = data.draw(st.sampled_from([each.treatment for each in lines]))
    most = totals(conceptos([each for each in lines if each.treatment == treatment])).total
    amount = D(data.draw(st.integers(1, int(most * 100)))).scaleb(-2)
    whole = totals(conceptos(lines)).total
    try:
        made = invoice(remnant.lessened(lines, {treatment: amount}))
    except CannotSplit:
        return  # by path A: how seldom is below
    assert made.totals.total == whole - amount
    assert all(0 <= (each.descuento or 0) <= each.importe for each in made.conceptos)
    if made.totals.total > 0:
        root = build(made)
        assert [*schema.validate(root), *rules.check(root)] == []


def test_prices_of_a_hospital_always_find_their_cent() -> None:
    random = Random(5)
    for _ in range(400):
        lines = [
            line(D(random.randrange(1_000, 10**8)).scaleb(-random.choice((2, 4))), quantity=D(random.randint(1, 9)))
            for _ in range(random.randint(1, 9))
        ]
        whole = totals(conceptos(lines)).total
        amount = D(random.randrange(100, int(whole * 100))).scaleb(-2)
        assert totals(conceptos(remnant.lessened(lines, {Treatment.IVA16: amount}))).total == whole - amount


def test_deposits_of_two_taxes_come_off_their_own_lines() -> None:
    made = remnant.lessened(
        [line("1000"), line("500", Treatment.EXENTO), line("70", Treatment.IVA0)],
        {Treatment.IVA16: D("580.00"), Treatment.EXENTO: D("500.00")},
    )
    assert [each.discount for each in made] == [D("500"), D("500"), D("0")]
    assert totals(conceptos(made)).total == D("650.00")
    with pytest.raises(CannotSplit):
        remnant.lessened([line("1000")], {Treatment.EXENTO: D("1.00")})
    with pytest.raises(CannotSplit):
        remnant.lessened([line("1000")], {Treatment.IVA16: D("1160.01")})
