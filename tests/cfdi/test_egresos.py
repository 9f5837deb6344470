"""Credits in cents: whatever is taken, in whatever order, the rest can still be taken and the sum is the invoice."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emite.cfdi import egresos, notas, rules, schema, taxes
from emite.cfdi.comprobante import Comprobante, Emisor, Receptor
from emite.cfdi.egresos import CannotSplit, Part
from emite.cfdi.faults import Severity
from emite.cfdi.notas import Reason
from emite.cfdi.taxes import Treatment
from emite.cfdi.xml import build
from tests.golden import invoices

D = Decimal
UUID = "6E05BB78-09F7-40C4-943E-31E4D6379498"
EMISOR = Emisor("HST150101AA6", "HOSPITAL SAN TELMO", "601")
FECHA = dt.datetime(2026, 3, 5, 10)


def left_after(left: tuple[Part, ...], taken: tuple[Part, ...]) -> tuple[Part, ...]:
    by_position = {part.position: part for part in taken}
    return tuple(part.less(by_position[part.position]) if part.position in by_position else part for part in left)


def note(original: Comprobante, parts: tuple[Part, ...], reason: Reason = Reason.DESCUENTO) -> Comprobante:
    return notas.of_invoice(
        original, UUID, parts, reason=reason, forma_pago="03", emisor=original.emisor,
        lugar_expedicion=original.lugar_expedicion, fecha=original.fecha,
    )  # fmt: skip


def faults(made: Comprobante) -> list[str]:
    root = build(made)
    return [str(fault) for fault in (*schema.validate(root), *rules.check(root)) if fault.severity is Severity.ERROR]


@settings(max_examples=120, deadline=None)
@given(number=st.integers(0, 10**6), slices=st.lists(st.integers(1, 99), max_size=6))
def test_slices_and_what_is_left_add_up_to_the_invoice(number: int, slices: list[int]) -> None:
    chance = random.Random(number)
    original = replace(invoices.invoice(chance), moneda="MXN", tipo_cambio=None)
    whole = egresos.parts_of(original)
    assert egresos.total(whole) == original.totals.total
    left, credited = whole, D(0)
    for percent in slices:
        amount = (egresos.total(left) * percent / 100).quantize(D("0.01"))
        try:
            taken = egresos.take_amount(left, amount)
        except CannotSplit:
            continue
        assert egresos.total(taken) == amount
        made = note(original, taken, chance.choice([Reason.DESCUENTO, Reason.DEVOLUCION]))
        assert made.totals.total == amount
        assert faults(made) == []
        left, credited = left_after(left, taken), credited + amount
        assert all(part.base >= 0 and all(share.amount >= 0 for share in part.shares) for part in left)
    rest = egresos.take_all(left)
    if rest:
        closing = note(original, rest)
        assert faults(closing) == []
        credited += closing.totals.total
    assert credited == original.totals.total


def invoice(*lines: tuple[str, str, Treatment]) -> Comprobante:
    return Comprobante(
        tipo="I", fecha=FECHA, lugar_expedicion="06700", emisor=EMISOR,
        receptor=Receptor("XOJI740919U48", "INGRID XODAR JIMENEZ", "76028", "605", "D01"),
        conceptos=tuple(
            taxes.concepto(
                clave_prod_serv="85121600", clave_unidad="E48", descripcion="Consulta", cantidad=D(quantity),
                valor_unitario=D(price), treatment=treatment,
            )
            for quantity, price, treatment in lines
        ),
        forma_pago="04", metodo_pago="PUE",
    )  # fmt: skip


def test_a_price_with_iva_included_is_credited_to_the_cent() -> None:
    original = invoice(("1", "431.034483", Treatment.IVA16))
    (part,) = egresos.parts_of(original)
    assert (part.base, part.shares[0].amount, part.total) == (D("431.03"), D("68.97"), D("500.00"))
    half = egresos.take_amount([part], D("250.00"))
    made = note(original, half)
    assert (made.totals.sub_total, made.totals.total_trasladados) == (D("215.51"), D("34.49"))
    (rest,) = left_after((part,), half)
    assert (rest.base, rest.shares[0].amount) == (D("215.52"), D("34.48"))


def test_units_of_a_line_keep_its_key_and_its_price() -> None:
    original = invoice(("3", "100.00", Treatment.IVA16), ("1", "50.00", Treatment.EXENTO))
    first = egresos.parts_of(original)[0]
    taken = egresos.take_quantity(first, first, D(2))
    made = notas.of_invoice(
        original, UUID, [taken], reason=Reason.DEVOLUCION, forma_pago="04", emisor=EMISOR, lugar_expedicion="06700",
        fecha=FECHA, quantities={0: D(2)},
    )  # fmt: skip
    (line,) = made.conceptos
    assert (line.cantidad, line.valor_unitario, line.importe, line.clave_prod_serv) == (
        D(2), D("100.00"), D("200.00"), "85121600",
    )  # fmt: skip
    assert made.totals.total == D("232.00")
    assert [(each.tipo_relacion, each.uuids) for each in made.relacionados] == [("03", (UUID,))]
    with pytest.raises(CannotSplit):
        egresos.take_quantity(first, first.less(taken), D(2))


@pytest.mark.parametrize("amount", ["0", "-1", "1160.01", "0.005"])
def test_what_is_not_left_cannot_be_taken(amount: str) -> None:
    with pytest.raises(CannotSplit):
        egresos.take_amount(egresos.parts_of(invoice(("1", "1000.00", Treatment.IVA16))), D(amount))


@pytest.mark.parametrize(
    ("rfc", "regimen", "uso"),
    [
        ("XOJI740919U48", "605", "S01"),
        ("XOJI740919U48", "612", "G02"),
        ("XOJI740919U48", "616", "G02"),
        ("SCE050620LQ5", "601", "G02"),
        ("SCE050620LQ5", "610", "S01"),
    ],
)
def test_the_uso_is_one_that_the_receptor_may_have(rfc: str, regimen: str, uso: str) -> None:
    assert notas.uso_for(Receptor(rfc, "X", "06700", regimen, "S01")) == uso


def test_a_sale_of_a_factura_global_is_credited_by_treatment() -> None:
    from emite.cfdi import sales

    (sale,) = sales.unpack([
        sales.row(
            "REM-000123", "1500.00", "100.00",
            [("iva16", "900.00", "144.00"), ("exento", "300.00", ""), ("iva0", "200.00", "0.00")],
        )
    ])  # fmt: skip
    parts = egresos.parts_of_sale(sale)
    made = notas.of_global(
        "REM-000123", UUID, parts, reason=Reason.LATE, forma_pago="04", emisor=EMISOR, lugar_expedicion="06700",
        fecha=FECHA,
    )  # fmt: skip
    assert made.totals.total == D("1544.00")
    assert faults(made) == []
    assert {line.no_identificacion for line in made.conceptos} == {"REM-000123"}
    assert made.informacion_global is None
    assert made.receptor == Receptor("XAXX010101000", "PUBLICO EN GENERAL", "06700", "616", "G02")
