"""From a line as a hospital writes it to a Concepto with its taxes.

Which treatment a service has is the taxpayer's decision, stored in the charge master; nothing is inferred here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from emite.cfdi import money
from emite.cfdi.comprobante import Concepto, Retencion, Traslado
from emite.cfdi.faults import CfdiInvalid, Fault

ISR: Final = "001"
IVA: Final = "002"
MAX_DECIMALS: Final = 6
_MIN_DECIMALS: Final = 2


class Treatment(StrEnum):
    """How IVA treats a line. IVA8 is for issuers enrolled in the border stimulus only."""

    IVA16 = "iva16"
    IVA8 = "iva8"
    IVA0 = "iva0"
    EXENTO = "exento"
    NO_OBJETO = "no_objeto"

    @property
    def rate(self) -> Decimal | None:
        """The rate as SAT writes it, 6 decimals; None where no rate applies."""
        return _RATES.get(self._value_)  # a member's own hash is Python, and a month's global asks 700,000 times


_RATES: Final = {
    "iva16": Decimal("0.160000"),
    "iva8": Decimal("0.080000"),
    "iva0": Decimal("0.000000"),
}


@dataclass(frozen=True, slots=True)
class RetencionRate:
    """A tax that the receptor withholds and its rate."""

    impuesto: str
    tasa: Decimal


ISR_HONORARIOS: Final = RetencionRate(ISR, Decimal("0.100000"))  # LISR 106: persona física 612 to a persona moral
ISR_RESICO: Final = RetencionRate(ISR, Decimal("0.012500"))  # LISR 113-J: persona física 626 to a persona moral
IVA_DOS_TERCIOS: Final = RetencionRate(IVA, Decimal("0.106667"))  # RLIVA 3: two thirds of 16 %


def concepto(
    *,
    clave_prod_serv: str,
    clave_unidad: str,
    descripcion: str,
    cantidad: Decimal,
    valor_unitario: Decimal,
    treatment: Treatment,
    descuento: Decimal = money.ZERO,
    retenciones: Sequence[RetencionRate] = (),
    no_identificacion: str | None = None,
    unidad: str | None = None,
) -> Concepto:
    """A line with its taxes. `valor_unitario` is before tax; amounts have at most 6 decimals.

    Importe = Cantidad x ValorUnitario, Base = Importe - Descuento, tax = Base x rate, each rounded once to 6 decimals
    and written without idle zeros, with at least 2 decimals. Withheld IVA only where IVA is charged (LIVA 1-A). A line
    discounted in full causes no tax and goes as ObjetoImp 04. Raises CfdiInvalid for amounts that no line can have.
    """
    _require_amounts(cantidad, valor_unitario, descuento)
    importe = _written(money.half_up(money.times(cantidad, valor_unitario), MAX_DECIMALS))
    if descuento > importe:
        raise _invalid("CFDI40169", "Descuento", "no puede ser mayor que el importe de la línea")
    discount = _written(descuento) if descuento else None
    if discount is not None:  # CFDI40168: the discount may not have more decimals than the importe
        importe = money.half_up(importe, max(_decimals(importe), _decimals(discount)))
    base = _written(importe - descuento)
    taxed = treatment is not Treatment.NO_OBJETO and base > 0
    return Concepto(
        clave_prod_serv=clave_prod_serv,
        cantidad=cantidad,
        clave_unidad=clave_unidad,
        descripcion=descripcion,
        valor_unitario=_written(valor_unitario),
        importe=importe,
        objeto_imp="02" if taxed else ("01" if treatment is Treatment.NO_OBJETO else "04"),
        descuento=discount,
        no_identificacion=no_identificacion,
        unidad=unidad,
        traslados=(_traslado(base, treatment),) if taxed else (),
        retenciones=tuple(_retenciones(base, treatment, retenciones)) if taxed else (),
    )


def net_unit_price(gross: Decimal, treatment: Treatment) -> Decimal:
    """The price before tax, with 6 decimals, of a price that includes IVA.

    Six and not two decimals, so that the sums come back to the price charged; see docs/sat/redondeo.md.
    """
    rate = treatment.rate
    return money.half_up(gross, MAX_DECIMALS) if not rate else money.over(gross, 1 + rate, MAX_DECIMALS)


def tax_amount(base: Decimal, rate: Decimal) -> Decimal:
    """Base x rate rounded once to 6 decimals, written without idle zeros and with at least 2 decimals."""
    return _written(money.half_up(money.times(base, rate), MAX_DECIMALS))


def _traslado(base: Decimal, treatment: Treatment) -> Traslado:
    rate = treatment.rate
    if rate is None:
        return Traslado(base, IVA, "Exento")
    return Traslado(base, IVA, "Tasa", rate, tax_amount(base, rate))


def _retenciones(base: Decimal, treatment: Treatment, rates: Sequence[RetencionRate]) -> list[Retencion]:
    return [
        Retencion(base, rate.impuesto, "Tasa", rate.tasa, tax_amount(base, rate.tasa))
        for rate in rates
        if rate.impuesto != IVA or treatment.rate
    ]


def _require_amounts(cantidad: Decimal, valor_unitario: Decimal, descuento: Decimal) -> None:
    for name, value in (("Cantidad", cantidad), ("ValorUnitario", valor_unitario), ("Descuento", descuento)):
        if not value.is_finite():
            raise _invalid("EMI002", name, "no es un número")
        if _decimals(value) > MAX_DECIMALS:
            raise _invalid("EMI002", name, f"lleva más de {MAX_DECIMALS} decimales")
        if value < 0:
            raise _invalid("EMI002", name, "no puede ser negativo: en un CFDI no existen importes negativos")
    if not cantidad:
        raise _invalid("EMI002", "Cantidad", "debe ser mayor que cero")


def _invalid(code: str, field: str, what: str) -> CfdiInvalid:
    return CfdiInvalid([Fault(code, f"{field}: {what}.", f"//cfdi:Concepto/@{field}")])


def _decimals(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _written(value: Decimal) -> Decimal:
    """The same amount without zeros at the end, but with 2 decimals at least."""
    return money.trimmed(value, _MIN_DECIMALS)
