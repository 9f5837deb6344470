"""Comprobante: a CFDI 4.0 before it is XML, and the sums that follow from its conceptos.

How a line becomes a Concepto with taxes: `taxes.py`. How a draft is kept: `stored.py`. Whether it obeys SAT: `rules/`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from emite.cfdi import money
from emite.cfdi.codes import decimals_of
from emite.cfdi.pagos import Pagos


@dataclass(frozen=True, slots=True)
class Traslado:
    """A tax charged on a concepto. Exento has neither `tasa_o_cuota` nor `importe` (CFDI40177)."""

    base: Decimal
    impuesto: str
    tipo_factor: str
    tasa_o_cuota: Decimal | None = None
    importe: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Retencion:
    """A tax withheld on a concepto. Never Exento (CFDI40184)."""

    base: Decimal
    impuesto: str
    tipo_factor: str
    tasa_o_cuota: Decimal
    importe: Decimal


@dataclass(frozen=True, slots=True)
class Concepto:
    """One line. Amounts have 0 to 6 decimals and are written with those they carry."""

    clave_prod_serv: str
    cantidad: Decimal
    clave_unidad: str
    descripcion: str
    valor_unitario: Decimal
    importe: Decimal
    objeto_imp: str
    descuento: Decimal | None = None
    no_identificacion: str | None = None
    unidad: str | None = None
    traslados: tuple[Traslado, ...] = ()
    retenciones: tuple[Retencion, ...] = ()


@dataclass(frozen=True, slots=True)
class Emisor:
    """Who issues. `nombre` as in the Constancia de Situación Fiscal, without the régimen societario."""

    rfc: str
    nombre: str
    regimen_fiscal: str


@dataclass(frozen=True, slots=True)
class Receptor:
    """Who receives. `domicilio_fiscal` is the postal code that SAT has for this RFC."""

    rfc: str
    nombre: str
    domicilio_fiscal: str
    regimen_fiscal: str
    uso_cfdi: str
    residencia_fiscal: str | None = None
    num_reg_id_trib: str | None = None


@dataclass(frozen=True, slots=True)
class InformacionGlobal:
    """What makes an invoice to the general public a factura global."""

    periodicidad: str
    meses: str
    anio: int


@dataclass(frozen=True, slots=True)
class Relacionados:
    """The earlier documents this one refers to, by one kind of relation (c_TipoRelacion)."""

    tipo_relacion: str
    uuids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SummaryTraslado:
    """The traslados of one tax, factor and rate over all conceptos, rounded. Exento has no `importe`."""

    base: Decimal
    impuesto: str
    tipo_factor: str
    tasa_o_cuota: Decimal | None
    importe: Decimal | None


@dataclass(frozen=True, slots=True)
class SummaryRetencion:
    """The retenciones of one tax over all conceptos, whatever their rates, rounded."""

    impuesto: str
    importe: Decimal


@dataclass(frozen=True, slots=True)
class Totals:
    """The sums of a Comprobante, with the decimals of its currency. None: the attribute must not exist."""

    sub_total: Decimal
    descuento: Decimal | None
    traslados: tuple[SummaryTraslado, ...]
    retenciones: tuple[SummaryRetencion, ...]
    total_trasladados: Decimal | None
    total_retenidos: Decimal | None
    total: Decimal


#: What the amounts of a Traslado are added up by: tax, factor and rate.
TaxGroup = tuple[str, str, Decimal | None]


@dataclass(frozen=True, slots=True)
class Sums:
    """What conceptos add up to, exactly: nothing is rounded yet. `descuento`: None when no concepto has one.

    `traslados` has base and importe of each group, in the order in which the conceptos first have them.
    """

    importe: Decimal
    descuento: Decimal | None
    traslados: Mapping[TaxGroup, tuple[Decimal, Decimal]]
    retenciones: Mapping[str, Decimal]


class Summed(Sequence[Concepto], ABC):
    """Conceptos that are made only when somebody looks at them, and know without that what they add up to."""

    @abstractmethod
    def sums(self) -> Sums:
        """What `sums_of` would find by looking at each."""


def sums_of(conceptos: Sequence[Concepto]) -> Sums:
    """What these conceptos add up to."""
    if isinstance(conceptos, Summed):
        return conceptos.sums()
    discounts = [c.descuento for c in conceptos if c.descuento is not None]
    return Sums(
        money.total(c.importe for c in conceptos),
        money.total(discounts) if discounts else None,
        _sum_traslados(conceptos),
        _sum_retenciones(conceptos),
    )


@dataclass(frozen=True, slots=True)
class Comprobante:
    """A CFDI 4.0 of type I, E or P. `fecha` is the local time of `lugar_expedicion`, without zone, whole seconds."""

    tipo: str
    fecha: datetime
    lugar_expedicion: str
    emisor: Emisor
    receptor: Receptor
    conceptos: Sequence[Concepto]
    forma_pago: str | None = None
    metodo_pago: str | None = None
    serie: str | None = None
    folio: str | None = None
    moneda: str = "MXN"
    tipo_cambio: Decimal | None = None
    exportacion: str = "01"
    condiciones_de_pago: str | None = None
    informacion_global: InformacionGlobal | None = None
    relacionados: tuple[Relacionados, ...] = ()
    pagos: Pagos | None = None

    @property
    def totals(self) -> Totals:
        """The sums by SAT's rule: add exactly, round each sum once, build the total from the rounded ones.

        Source: Guía de llenado del Anexo 20, questions 37-41, and CFDI40108, 40111, 40119, 40203, 40205, 40211, 40221.
        """
        if self.tipo in ("P", "T"):  # CFDI40109, 40201: "0" without decimals and no taxes
            return Totals(money.ZERO, None, (), (), None, None, money.ZERO)
        places = decimals_of(self.moneda)
        sums = sums_of(self.conceptos)
        sub_total = money.half_up(sums.importe, places)
        descuento = None if sums.descuento is None else money.half_up(sums.descuento, places)
        traslados = tuple(
            SummaryTraslado(
                money.half_up(base, places), *group, None if group[2] is None else money.half_up(importe, places)
            )
            for group, (base, importe) in sums.traslados.items()
        )
        retenciones = tuple(
            SummaryRetencion(impuesto, money.half_up(importe, places)) for impuesto, importe in sums.retenciones.items()
        )
        taxed = [t.importe for t in traslados if t.importe is not None]
        trasladados = money.total(taxed) if taxed else None
        retenidos = money.total(r.importe for r in retenciones) if retenciones else None
        total = sub_total - (descuento or 0) + (trasladados or 0) - (retenidos or 0)
        return Totals(sub_total, descuento, traslados, retenciones, trasladados, retenidos, total)


def _sum_traslados(conceptos: Iterable[Concepto]) -> dict[TaxGroup, tuple[Decimal, Decimal]]:
    bases: dict[TaxGroup, Decimal] = {}
    importes: dict[TaxGroup, Decimal] = {}
    for concepto in conceptos:
        for tax in concepto.traslados:
            group = (tax.impuesto, tax.tipo_factor, tax.tasa_o_cuota)
            bases[group] = bases.get(group, money.ZERO) + tax.base
            importes[group] = importes.get(group, money.ZERO) + (tax.importe or 0)
    return {group: (base, importes[group]) for group, base in bases.items()}


def _sum_retenciones(conceptos: Iterable[Concepto]) -> dict[str, Decimal]:
    importes: dict[str, Decimal] = {}
    for concepto in conceptos:
        for tax in concepto.retenciones:
            importes[tax.impuesto] = importes.get(tax.impuesto, money.ZERO) + tax.importe
    return importes
