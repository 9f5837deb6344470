"""A factura global that is written by shapes is, byte by byte, the one that the general road writes."""

import dataclasses
import json
from collections.abc import Sequence
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emite.cfdi import rules, sales, schema, seal, seal_sales
from emite.cfdi.comprobante import Comprobante, Concepto, InformacionGlobal, sums_of
from emite.cfdi.faults import Fault, Severity
from emite.cfdi.rules.sales import amounts_hold
from emite.cfdi.sales import Row, Sales
from emite.cfdi.stored import from_json, to_json
from emite.cfdi.taxes import Treatment
from tests.cfdi import make

RATED = (Treatment.IVA16, Treatment.IVA8, Treatment.IVA0)
TAXED = (*RATED, Treatment.EXENTO)


def cents(most: int, least: int = 0) -> st.SearchStrategy[Decimal]:
    return st.integers(least, most).map(lambda amount: Decimal(amount).scaleb(-2))


@st.composite
def sales_rows(draw: st.DrawFn, *, sound: bool) -> list[Row]:
    """Sales of any mix of taxes; when not `sound`, also with taxes and discounts that no sale can have."""
    rows: list[Row] = []
    for number in range(draw(st.integers(1, 12))):
        kinds = draw(st.lists(st.sampled_from(TAXED), unique=True, max_size=3))
        taxes: list[tuple[str, str, str]] = []
        worth = Decimal("0.00")
        for kind in kinds:
            base = draw(cents(9_999_999, 1 if sound else 0))
            tax: Decimal | None = None
            if kind.rate is not None:
                off = draw(st.sampled_from([0, 0, 0, 1, -1] if not sound else [0]))
                tax = max(Decimal("0.00"), (base * kind.rate).quantize(Decimal("0.01")) + Decimal(off).scaleb(-2))
            taxes.append((str(kind), f"{base:.2f}", "" if tax is None else f"{tax:.2f}"))
            worth += base
        descuento = draw(st.one_of(st.just(Decimal(0)), cents(50_000)))
        importe = (worth or draw(cents(9_999_999, 1))) + (descuento if sound else 0)
        rows.append(sales.row(f"REM-{number:06d}", f"{importe:.2f}", f"{descuento:.2f}", taxes))
    return rows


def of(conceptos: Sequence[Concepto]) -> Comprobante:
    return dataclasses.replace(make.factura_global(), conceptos=conceptos)


def wrong(faults: list[Fault]) -> list[Fault]:
    return [fault for fault in faults if fault.severity is Severity.ERROR]


def general_faults(sealed: seal.Sealed) -> list[Fault]:
    return wrong([*schema.validate(sealed.root), *rules.check(sealed.root), *seal.verify(sealed.root)])


@settings(deadline=None)
@given(rows=sales_rows(sound=True))
def test_the_same_bytes_seal_and_sums(rows: list[Row]) -> None:
    by_shape, one_by_one = sales.read(rows), sales.unpack(rows)
    assert isinstance(by_shape, Sales)
    assert (by_shape, list(by_shape), by_shape[0], by_shape[1:]) == (
        one_by_one, list(one_by_one), one_by_one[0], one_by_one[1:],
    )  # fmt: skip
    assert of(by_shape).totals == of(one_by_one).totals
    assert list(sums_of(by_shape).traslados.items()) == list(sums_of(one_by_one).traslados.items())

    general = seal.seal(of(one_by_one), make.csd())
    fast = seal_sales.seal(of(by_shape), make.csd())
    assert general_faults(general) == []
    assert fast is not None
    assert (fast.xml, fast.cadena, fast.sello) == (general.xml, general.cadena, general.sello)


@settings(deadline=None)
@given(rows=sales_rows(sound=False))
def test_it_vouches_for_what_has_no_faults_and_for_nothing_else(rows: list[Row]) -> None:
    general = seal.seal(of(sales.unpack(rows)), make.csd())
    fast = seal_sales.seal(of(sales.read(rows)), make.csd())
    assert (fast is None) == bool(general_faults(general))
    if fast is not None:
        assert fast.xml == general.xml


@settings(deadline=None)
@given(rows=sales_rows(sound=True))
def test_a_draft_of_rows_is_that_of_its_conceptos(rows: list[Row]) -> None:
    kept = to_json(of(sales.read(rows)))
    assert kept == to_json(of(sales.unpack(rows)))
    assert from_json(json.loads(json.dumps(kept))) == of(sales.unpack(rows))


GOOD = ["REM-1", "100.00", "", "02", "iva16", "100.00", "16.00"]


@pytest.mark.parametrize(
    ("place", "cell"),
    [
        (0, "R&D 1"),
        (0, ""),
        (0, "REM|1"),
        (1, "100"),
        (1, "100.000001"),
        (1, "-1.00"),
        (1, "1e2"),
        (1, "١٠٠.٠٠"),
        (2, "1"),
        (5, "0.004"),
        (6, ""),
        (6, "16.00|"),
    ],
)
def test_a_row_out_of_the_usual_is_left_to_the_general_road(place: int, cell: str) -> None:
    assert Sales.of([GOOD, [*GOOD[:place], cell, *GOOD[place + 1 :]]]) is None


@pytest.mark.parametrize(
    "row",
    [
        GOOD[:-1],
        [*GOOD, "exento"],
        [*GOOD[:4], "no_objeto", "100.00", ""],
        [*GOOD[:4], "exento", "100.00", "0.00"],
        [*GOOD[:4], "iva99", "100.00", "16.00"],
    ],
    ids=["short", "long", "no_objeto", "exempt with tax", "unknown"],
)
def test_a_row_of_another_form_is_no_sale_of_a_shape(row: Row) -> None:
    assert Sales.of([GOOD, row]) is None


def test_of_no_sales_nothing_is_made() -> None:
    assert Sales.of([]) is None


@pytest.mark.parametrize(
    ("place", "cell"),
    [(1, "0.00"), (2, "100.01"), (5, "0.00"), (6, "15.98"), (6, "16.02")],
    ids=["importe", "descuento", "base", "less tax", "more tax"],
)
def test_an_amount_that_breaks_a_rule_is_found_among_many(place: int, cell: str) -> None:
    row = [*GOOD[:place], cell, *GOOD[place + 1 :]]
    alone, among = Sales.of([row]), Sales.of([GOOD, row, GOOD])
    assert alone is not None
    assert among is not None
    assert not amounts_hold(among)
    assert general_faults(seal.seal(of(tuple(alone)), make.csd()))


def test_what_breaks_a_rule_of_the_document_is_not_vouched_for() -> None:
    conceptos = Sales.of([GOOD, GOOD])
    assert conceptos is not None
    document = dataclasses.replace(of(conceptos), informacion_global=InformacionGlobal("04", "13", 2026))
    assert seal_sales.seal(document, make.csd()) is None
    assert seal_sales.seal(of(conceptos), make.csd()) is not None
