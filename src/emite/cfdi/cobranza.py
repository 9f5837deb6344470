"""From payments to the complement Pagos 2.0: how much of each tax a payment settles, and the sums that follow.

A payment settles of every tax the part that it is of what was owed (guía de Pagos 2.0: in proportion), so the last
one closes each base exactly, credit notes included. How it is written: `xml_pagos.py`. Docs: docs/sat/pagos.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Literal

from emite.cfdi import money
from emite.cfdi.comprobante import Comprobante, Concepto, Emisor, Receptor, Relacionados
from emite.cfdi.pagos import (
    DoctoRelacionado,
    Pago,
    Pagos,
    PagosTotales,
    RetencionDR,
    RetencionP,
    TrasladoDR,
    TrasladoP,
)

IVA: Final = "002"
ISR: Final = "001"
IEPS: Final = "003"
USO: Final = "CP01"
_SIX: Final = 6
_FINE: Final = 20
_CENTS: Final = 2
_LEAST: Final = Decimal("0.000001")
_HALF_CENT: Final = Decimal("0.005")
_HALF_RATE: Final = Decimal("0.00000000005")
_OPEN: Final = Decimal("0.000000000001")
_ONE: Final = Decimal(1)


@dataclass(frozen=True, slots=True)
class Group:
    """What an invoice has of one tax, factor and rate. Exento has no `tasa`."""

    kind: Literal["traslado", "retencion"]
    impuesto: str
    factor: str
    tasa: Decimal | None
    base: Decimal

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What it is added up by, in the order in which it is written."""
        return (self.kind, self.impuesto, self.factor, "" if self.tasa is None else money.text(self.tasa, _SIX))

    def to_json(self) -> dict[str, str]:
        kind, impuesto, factor, tasa = self.key
        rate = {"tasa": tasa} if tasa else {}
        return {"kind": kind, "impuesto": impuesto, "factor": factor, "base": money.text(self.base), **rate}

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Group:
        tasa = Decimal(data["tasa"]) if "tasa" in data else None
        return Group(data["kind"], data["impuesto"], data["factor"], tasa, Decimal(data["base"]))


@dataclass(frozen=True, slots=True)
class Settled:
    """What a payment settles of one invoice, as it is told in its DoctoRelacionado."""

    uuid: str
    serie: str
    folio: str
    moneda: str
    parcialidad: int
    saldo_anterior: Decimal
    pagado: Decimal
    groups: tuple[Group, ...]
    equivalencia: Decimal = _ONE


@dataclass(frozen=True, slots=True)
class Accounts:
    """From which account to which; every field may be empty."""

    operacion: str = ""
    banco_ordenante: str = ""
    cuenta_ordenante: str = ""
    banco_beneficiario: str = ""
    cuenta_beneficiaria: str = ""


def groups_of(conceptos: Iterable[Concepto]) -> tuple[Group, ...]:
    """The bases of an invoice by tax, factor and rate."""
    found = [
        Group("traslado", tax.impuesto, tax.tipo_factor, tax.tasa_o_cuota, tax.base)
        for line in conceptos
        for tax in line.traslados
    ]
    found += [
        Group("retencion", tax.impuesto, tax.tipo_factor, tax.tasa_o_cuota, tax.base)
        for line in conceptos
        for tax in line.retenciones
    ]
    return added(found)


def added(groups: Iterable[Group]) -> tuple[Group, ...]:
    """One group for each key, in a stable order."""
    sums: dict[tuple[str, str, str, str], Group] = {}
    for group in groups:
        earlier = sums.get(group.key)
        sums[group.key] = group if earlier is None else replace(group, base=earlier.base + group.base)
    return tuple(sums[key] for key in sorted(sums))


def less(groups: Iterable[Group], taken: Iterable[Group]) -> tuple[Group, ...]:
    """What is left of each base; nothing goes below zero, as when a note credits more of a line than was left of it."""
    gone = {group.key: group.base for group in added(taken)}
    rest = (replace(group, base=max(group.base - gone.get(group.key, money.ZERO), money.ZERO)) for group in groups)
    return tuple(group for group in rest if group.base)


def part_of(left: Iterable[Group], amount: Decimal, balance: Decimal) -> tuple[Group, ...]:
    """The part of each base that `amount` settles of `balance`: all of it when the two are the same."""
    if not money.ZERO < amount <= balance:
        raise ValueError(f"{amount} does not settle part of {balance}")
    shares = (
        replace(group, base=max(money.over(money.times(group.base, amount), balance, _SIX), _LEAST)) for group in left
    )
    return tuple(shares)


def limits(pagado: Decimal, equivalencia: Decimal, places: int) -> tuple[Decimal, Decimal]:
    """The least and the most that `pagado` is worth in the payment's currency, of `places` decimals (CRP20276)."""
    low = money.over(pagado - _HALF_CENT, equivalencia + _HALF_RATE - _OPEN, _FINE)
    high = money.over(pagado + _HALF_CENT - _OPEN, equivalencia - _HALF_RATE, _FINE)
    return money.truncate(low, places), money.half_up(high, places)


def pago(
    settled: Sequence[Settled],
    *,
    fecha: datetime,
    forma_pago: str,
    monto: Decimal,
    moneda: str = "MXN",
    tipo_cambio: Decimal = _ONE,
    accounts: Accounts | None = None,
) -> Pago:
    """One payment received with what it settles; its taxes are the exact sums of its documents'."""
    told = accounts or Accounts()
    return Pago(
        fecha=fecha,
        forma_pago=forma_pago,
        moneda=moneda,
        monto=monto,
        tipo_cambio=_ONE if moneda == "MXN" else tipo_cambio,
        documentos=tuple(_documento(each, moneda) for each in settled),
        num_operacion=told.operacion or None,
        rfc_emisor_cta_ord=told.banco_ordenante or None,
        cta_ordenante=told.cuenta_ordenante or None,
        rfc_emisor_cta_ben=told.banco_beneficiario or None,
        cta_beneficiario=told.cuenta_beneficiaria or None,
        traslados=_traslados(settled),
        retenciones=_retenciones(settled),
    )


def comprobante(
    pagos: Sequence[Pago],
    *,
    emisor: Emisor,
    receptor: Receptor,
    lugar_expedicion: str,
    fecha: datetime,
    replaces: str | None = None,
) -> Comprobante:
    """The CFDI of type P. `replaces` is the folio fiscal of the complement whose place it takes (relation 04)."""
    line = Concepto("84111506", _ONE, "ACT", "Pago", money.ZERO, money.ZERO, "01")
    return Comprobante(
        tipo="P",
        fecha=fecha,
        lugar_expedicion=lugar_expedicion,
        emisor=emisor,
        receptor=replace(receptor, uso_cfdi=USO),
        conceptos=(line,),
        moneda="XXX",
        relacionados=() if replaces is None else (Relacionados("04", (replaces.upper(),)),),
        pagos=Pagos(totales(pagos), tuple(pagos)),
    )


def totales(pagos: Sequence[Pago]) -> PagosTotales:
    """Totales in pesos: each is the exact sum over the payments, rounded once (CRP20201-20211)."""

    def held(impuesto: str) -> Decimal | None:
        return _in_pesos((p, tax.importe) for p in pagos for tax in p.retenciones if tax.impuesto == impuesto)

    def charged(tasa: str | None, field: str) -> Decimal | None:
        wanted = None if tasa is None else Decimal(tasa)
        factor = "Exento" if tasa is None else "Tasa"
        return _in_pesos(
            (p, getattr(tax, field))
            for p in pagos
            for tax in p.traslados
            if (tax.impuesto, tax.tipo_factor, tax.tasa_o_cuota) == (IVA, factor, wanted)
        )

    monto = _in_pesos((p, p.monto) for p in pagos)
    assert monto is not None, "a complement has a payment"
    return PagosTotales(
        monto_total_pagos=monto,
        retenciones_iva=held(IVA),
        retenciones_isr=held(ISR),
        retenciones_ieps=held(IEPS),
        base_iva16=charged("0.16", "base"),
        impuesto_iva16=charged("0.16", "importe"),
        base_iva8=charged("0.08", "base"),
        impuesto_iva8=charged("0.08", "importe"),
        base_iva0=charged("0", "base"),
        impuesto_iva0=charged("0", "importe"),
        base_iva_exento=charged(None, "base"),
    )


def _documento(each: Settled, moneda_pago: str) -> DoctoRelacionado:
    traslados = [group for group in each.groups if group.kind == "traslado"]
    retenciones = [group for group in each.groups if group.kind == "retencion"]
    return DoctoRelacionado(
        uuid=each.uuid.upper(),
        moneda=each.moneda,
        equivalencia=_ONE if each.moneda == moneda_pago else each.equivalencia,
        parcialidad=each.parcialidad,
        saldo_anterior=each.saldo_anterior,
        pagado=each.pagado,
        saldo_insoluto=each.saldo_anterior - each.pagado,
        objeto_imp="02" if each.groups else "01",
        serie=each.serie or None,
        folio=each.folio or None,
        traslados=tuple(
            TrasladoDR(group.base, group.impuesto, group.factor, group.tasa, _importe(group)) for group in traslados
        ),
        retenciones=tuple(
            RetencionDR(
                group.base, group.impuesto, group.factor, group.tasa or money.ZERO, _importe(group) or money.ZERO
            )
            for group in retenciones
        ),
    )


def _importe(group: Group) -> Decimal | None:
    """From the base as it is written (CRP20254, CRP20261)."""
    return None if group.tasa is None else money.half_up(money.times(group.base, group.tasa), _SIX)


def _traslados(settled: Sequence[Settled]) -> tuple[TrasladoP, ...]:
    sums: dict[tuple[str, str, str, str], tuple[Group, list[Decimal], list[Decimal]]] = {}
    for each in settled:
        for group in each.groups:
            if group.kind == "traslado":
                _, bases, importes = sums.setdefault(group.key, (group, [], []))
                bases.append(_converted(group.base, each))
                importes.append(_converted(_importe(group) or money.ZERO, each))
    return tuple(
        TrasladoP(_six(bases), group.impuesto, group.factor, group.tasa, None if group.tasa is None else _six(importes))
        for _, (group, bases, importes) in sorted(sums.items())
    )


def _retenciones(settled: Sequence[Settled]) -> tuple[RetencionP, ...]:
    sums: dict[str, list[Decimal]] = {}
    for each in settled:
        for group in each.groups:
            if group.kind == "retencion":
                sums.setdefault(group.impuesto, []).append(_converted(_importe(group) or money.ZERO, each))
    return tuple(RetencionP(impuesto, _six(values)) for impuesto, values in sorted(sums.items()))


def _converted(value: Decimal, each: Settled) -> Decimal:
    return value if each.equivalencia == 1 else money.over(value, each.equivalencia, _FINE)


def _six(values: Iterable[Decimal]) -> Decimal:
    """The exact sum; only one with a division by EquivalenciaDR has more than six decimals."""
    return money.half_up(money.total(values), _SIX)


def _in_pesos(values: Iterable[tuple[Pago, Decimal | None]]) -> Decimal | None:
    found = [money.times(value, p.tipo_cambio or _ONE) for p, value in values if value is not None]
    return money.half_up(money.total(found), _CENTS) if found else None
