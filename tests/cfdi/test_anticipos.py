"""Anticipos: prices that come back to what was received, and the three CFDI of SAT's worked case."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from random import Random

import pytest

from emite.cfdi import anticipos, egresos, notas, rules, schema
from emite.cfdi.comprobante import Comprobante, Concepto, Emisor, Receptor
from emite.cfdi.egresos import CannotSplit
from emite.cfdi.taxes import Treatment, concepto
from emite.cfdi.xml import build
from emite.cfdi.zones import local_now

D = Decimal
EMISOR = Emisor("HST150101AA6", "HOSPITAL SAN TELMO", "601")
NOW = local_now(dt.datetime(2026, 7, 30, 18, tzinfo=dt.UTC), "06700")
FIRST, SECOND = "aaaca0c2-3ea4-4450-abe3-f05771737e69", "ccCca0c2-3ea4-4450-abe3-f05771737e69"


def line(price: str, treatment: Treatment = Treatment.IVA16, *, words: str = "Hospitalización") -> Concepto:
    return concepto(
        clave_prod_serv="85101501", clave_unidad="E48", descripcion=words, cantidad=D(1), valor_unitario=D(price),
        treatment=treatment,
    )  # fmt: skip


def ingreso(*lines: Concepto, deposits: tuple[str, ...] = (), forma_pago: str = "02") -> Comprobante:
    return Comprobante(
        tipo="I", fecha=NOW, lugar_expedicion="06700", emisor=EMISOR, conceptos=lines,
        receptor=Receptor("XOJI740919U48", "INGRID XODAR JIMENEZ", "76028", "605", "D01"),
        forma_pago=forma_pago, metodo_pago="PUE", relacionados=(anticipos.related(deposits),) if deposits else (),
    )  # fmt: skip


def deposit(received: str, treatment: Treatment = Treatment.IVA16) -> Comprobante:
    return ingreso(
        concepto(
            clave_prod_serv=anticipos.CLAVE_PROD_SERV, clave_unidad=anticipos.CLAVE_UNIDAD,
            descripcion=anticipos.RECEIVED, cantidad=D(1), treatment=treatment,
            valor_unitario=anticipos.unit_price(D(received), treatment),
        )
    )  # fmt: skip


def applied(account: Comprobante, amount: str, like: Comprobante) -> tuple[Comprobante, tuple[egresos.Part, ...]]:
    (kind,) = egresos.parts_of(like)
    left = egresos.same_taxes(egresos.parts_of(account), kind)
    one, taken = egresos.take_as_one(left, D(amount))
    made = notas.of_anticipo(
        account, SECOND, one, folio="ANT-000001", emisor=EMISOR, lugar_expedicion="06700", fecha=NOW
    )
    return made, taken


def clean(comprobante: Comprobante) -> None:
    root = build(comprobante)
    assert [*schema.validate(root), *rules.check(root)] == []


def test_the_worked_case_of_the_guide() -> None:
    """Apéndice 8: a deposit of 10,000.00, then a sale of 464,000.00."""
    first = deposit("10000.00")
    assert first.totals.total == D("10000.00")
    assert first.conceptos[0].importe == D("8620.689655")
    account = ingreso(line("250000"), line("150000"), deposits=(FIRST,))
    assert account.totals.total == D("464000.00")
    assert account.relacionados[0].tipo_relacion == "07"
    assert account.relacionados[0].uuids == (FIRST.upper(),)
    egreso, taken = applied(account, "10000.00", first)
    (only,) = egreso.conceptos
    assert (only.clave_prod_serv, only.clave_unidad, only.descripcion) == ("84111506", "ACT", "Aplicación de anticipo")
    assert (only.cantidad, only.importe, only.traslados[0].importe) == (1, D("8620.69"), D("1379.31"))
    assert (egreso.tipo, egreso.forma_pago, egreso.metodo_pago, egreso.totals.total) == ("E", "30", "PUE", D("10000"))
    assert egreso.relacionados[0].tipo_relacion == "07"
    assert egreso.relacionados[0].uuids == (SECOND.upper(),)
    assert egresos.total(taken) == D("10000.00")
    for each in (first, account, egreso):
        clean(each)


def test_only_lines_taxed_as_the_deposit_was_can_take_it() -> None:
    account = ingreso(line("1000"), line("5000", Treatment.EXENTO), line("200", Treatment.IVA0))
    egreso, taken = applied(account, "5000.00", deposit("5000.00", Treatment.EXENTO))
    assert egreso.conceptos[0].traslados[0].tipo_factor == "Exento"
    assert [part.position for part in taken] == [1]
    clean(egreso)
    with pytest.raises(CannotSplit):
        applied(account, "1160.01", deposit("2000.00"))


@pytest.mark.parametrize("treatment", list(Treatment))
def test_every_amount_comes_back_to_what_was_received(treatment: Treatment) -> None:
    random = Random(7)
    for cents in [*range(100, 700), *(random.randrange(700, 10**9) for _ in range(600))]:
        received = D(cents).scaleb(-2)
        price = anticipos.unit_price(received, treatment)
        made = concepto(
            clave_prod_serv="84111506", clave_unidad="ACT", descripcion="x", cantidad=D(1), valor_unitario=price,
            treatment=treatment,
        )  # fmt: skip
        assert ingreso(made).totals.total == received


def test_what_is_taken_is_never_more_than_a_line_has_and_the_rest_can_still_be_credited() -> None:
    random = Random(11)
    for _ in range(60):
        lines = [line(str(D(random.randrange(1, 10**7)).scaleb(-random.choice((2, 4, 6))) + 1)) for _ in range(9)]
        account = ingreso(*lines)
        parts = egresos.parts_of(account)
        cents = int(egresos.total(parts) * 100)
        for amount in (cents, random.randrange(100, cents), cents - 1, 100):
            one, taken = egresos.take_as_one(parts, D(amount).scaleb(-2))
            assert one.total == egresos.total(taken) == D(amount).scaleb(-2)
            assert len(list(egresos.conceptos_of(one))) == 1
            for part, took in zip(parts, taken, strict=True):
                rest = part.less(took)
                assert min(took.base, rest.base, *(share.amount for share in (*took.shares, *rest.shares))) >= 0
                assert rest.base or not rest.total
                assert not rest.base or list(egresos.conceptos_of(rest))
