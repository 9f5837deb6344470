"""SAT's arithmetic of complements: the worked examples to the digit, and what must hold for any history."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal as D

import pytest

from emite.cfdi import cobranza, plazos, rules, schema
from emite.cfdi.cobranza import Group, Settled
from emite.cfdi.comprobante import Emisor, Receptor
from emite.cfdi.pagos import Pago, PagosTotales
from emite.cfdi.xml import build
from emite.cfdi.xml_pagos_read import read_pagos

FECHA = datetime(2026, 3, 20, 12)
EXENTO = Group("traslado", "002", "Exento", None, D("10000.00"))
ISR = Group("retencion", "001", "Tasa", D("0.100000"), D("10000.00"))
IVA = Group("traslado", "002", "Tasa", D("0.160000"), D("10000.00"))
IVA_HELD = Group("retencion", "002", "Tasa", D("0.106667"), D("10000.00"))


def history(groups: tuple[Group, ...], total: str, *amounts: str) -> list[Pago]:
    """The payments of one invoice, one after another."""
    left, balance, made = groups, D(total), []
    for number, amount in enumerate(map(D, amounts), 1):
        part = cobranza.part_of(left, amount, balance)
        settled = Settled("5fb2822e-396d-4725-8521-cdc4bdd20ccf", "A", "1", "MXN", number, balance, amount, part)
        made.append(cobranza.pago([settled], fecha=FECHA, forma_pago="03", monto=amount))
        left, balance = cobranza.less(left, part), balance - amount
    assert (balance, left) == (0, ()) or balance > 0
    return made


def told(pago: Pago) -> dict[str, str]:
    """What its complement says in Totales."""
    totales = cobranza.totales([pago])
    assert isinstance(totales, PagosTotales)
    return {name: str(getattr(totales, name)) for name in totales.__slots__ if getattr(totales, name) is not None}


def taxes(pago: Pago) -> list[tuple[str, str | None]]:
    document = pago.documentos[0]
    both = (*document.retenciones, *document.traslados)
    return [(str(tax.base), None if tax.importe is None else str(tax.importe)) for tax in both]


def test_a_exempt_fee_with_isr_in_two_payments() -> None:
    first, second = history((ISR, EXENTO), "9000.00", "4000.00", "5000.00")

    assert taxes(first) == [("4444.444444", "444.444444"), ("4444.444444", None)]
    assert taxes(second) == [("5555.555556", "555.555556"), ("5555.555556", None)]
    assert told(first) == {"monto_total_pagos": "4000.00", "retenciones_isr": "444.44", "base_iva_exento": "4444.44"}
    assert told(second) == {"monto_total_pagos": "5000.00", "retenciones_isr": "555.56", "base_iva_exento": "5555.56"}
    last = second.documentos[0]
    assert (last.parcialidad, last.saldo_anterior, last.saldo_insoluto) == (2, D("5000.00"), D("0.00"))


def test_a_resico_at_once() -> None:
    resico = Group("retencion", "001", "Tasa", D("0.012500"), D("10000.00"))
    (only,) = history((resico, EXENTO), "9875.00", "9875.00")

    assert taxes(only) == [("10000.000000", "125.000000"), ("10000.000000", None)]
    assert told(only)["retenciones_isr"] == "125.00"


def test_b_iva_in_two_payments() -> None:
    first, second = history((IVA,), "11600.00", "5000.00", "6600.00")

    assert taxes(first) == [("4310.344828", "689.655172")]
    assert taxes(second) == [("5689.655172", "910.344828")]
    assert (told(first)["base_iva16"], told(first)["impuesto_iva16"]) == ("4310.34", "689.66")
    assert (told(second)["base_iva16"], told(second)["impuesto_iva16"]) == ("5689.66", "910.34")


def test_c_taxed_professional() -> None:
    first, second = history((ISR, IVA_HELD, IVA), "9533.33", "4000.00", "5533.33")

    assert taxes(first) == [
        ("4195.805663", "419.580566"), ("4195.805663", "447.554003"), ("4195.805663", "671.328906"),
    ]  # fmt: skip
    assert taxes(second) == [
        ("5804.194337", "580.419434"), ("5804.194337", "619.115997"), ("5804.194337", "928.671094"),
    ]  # fmt: skip
    assert told(first) == {
        "monto_total_pagos": "4000.00", "retenciones_iva": "447.55", "retenciones_isr": "419.58",
        "base_iva16": "4195.81", "impuesto_iva16": "671.33",
    }  # fmt: skip
    assert (told(second)["base_iva16"], told(second)["retenciones_iva"]) == ("5804.19", "619.12")


def test_d_two_rates() -> None:
    groups = (
        Group("traslado", "002", "Tasa", D("0.160000"), D("8000.00")),
        Group("traslado", "002", "Tasa", D("0.000000"), D("2000.00")),
    )
    first, _ = history(groups, "11280.00", "5000.00", "6280.00")

    assert taxes(first) == [("3546.099291", "567.375887"), ("886.524823", "0.000000")]
    assert told(first) == {
        "monto_total_pagos": "5000.00", "base_iva16": "3546.10", "impuesto_iva16": "567.38", "base_iva0": "886.52",
        "impuesto_iva0": "0.00",
    }  # fmt: skip


def test_a_credit_note_lowers_what_the_next_one_settles() -> None:
    """SAT's own case: 712,000 owed, 116,000 credited, so the next payment finds 596,000."""
    iva = Group("traslado", "002", "Tasa", D("0.160000"), D("613793.103448"))
    left = cobranza.less((iva,), (Group("traslado", "002", "Tasa", D("0.160000"), D("100000.00")),))

    part = cobranza.part_of(left, D("596000.00"), D("596000.00"))

    assert part == (Group("traslado", "002", "Tasa", D("0.160000"), D("513793.103448")),)
    assert cobranza.less(left, part) == ()


def test_the_document_obeys_schema_and_matrix_and_is_read_back() -> None:
    pagos = history((ISR, IVA_HELD, IVA), "9533.33", "4000.00", "5533.33")
    made = cobranza.comprobante(
        pagos,
        emisor=Emisor("CACX7605101P8", "XOCHILT CASAS CHAVEZ", "612"),
        receptor=Receptor("EKU9003173C9", "ESCUELA KEMPER URGATE", "42501", "601", "G03"),
        lugar_expedicion="64000",
        fecha=datetime(2026, 4, 3, 9),
        replaces="5fb2822e-396d-4725-8521-cdc4bdd20ccf",
    )
    root = build(made)

    assert schema.validate(root) == []
    assert rules.check(root) == []
    assert read_pagos(root) == made.pagos


def test_a_payment_never_settles_more_than_is_owed() -> None:
    with pytest.raises(ValueError, match="does not settle"):
        cobranza.part_of((IVA,), D("11600.01"), D("11600.00"))


def test_the_fifth_of_the_month_after() -> None:
    days = [plazos.complement_due(date(2026, *day)) for day in ((1, 31), (2, 1), (11, 30), (12, 31))]

    assert days == [date(2026, 2, 5), date(2026, 3, 5), date(2026, 12, 5), date(2027, 1, 5)]
