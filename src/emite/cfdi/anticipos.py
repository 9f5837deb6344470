"""Anticipo: a deposit received while service or price are not yet known, and what its CFDI and those after it carry.

Path A: an I for the deposit, an I for the whole account related to it, an E for what is applied (`notas.of_anticipo`).
Path B: an I for the deposit, an I for the account with the deposit as a discount, related to it; no E.
Source: SAT, Guía de llenado del Anexo 20, Apéndices 6 and 8; the choices are explained in docs/sat/anticipos.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

from emite.cfdi import money
from emite.cfdi.comprobante import Relacionados
from emite.cfdi.taxes import Treatment, net_unit_price, tax_amount

CLAVE_PROD_SERV: Final = "84111506"
CLAVE_UNIDAD: Final = "ACT"
RECEIVED: Final = "Anticipo del bien o servicio"
APPLIED: Final = "Aplicación de anticipo"
#: What each Concepto of path B ends with.
REMNANT: Final = "CFDI por remanente de un anticipo"
#: c_FormaPago: aplicación de anticipos.
FORMA_PAGO: Final = "30"
#: c_TipoRelacion: CFDI por aplicación de anticipo.
RELATION: Final = "07"
_CENTS: Final = 2
_DESCRIPTION: Final = 1000
_STEP: Final = Decimal("0.000001")


def unit_price(received: Decimal, treatment: Treatment) -> Decimal:
    """The price before tax with which the CFDI comes to what was received, to the cent."""
    price = net_unit_price(received, treatment)
    nearest = (price, price - _STEP, price + _STEP)
    return next(each for each in nearest if _total(each, treatment) == received)


def related(uuids: Iterable[str]) -> Relacionados:
    """What the invoice of the account says of its deposits."""
    return Relacionados(RELATION, tuple(each.upper() for each in uuids))


def as_remnant(description: str) -> str:
    """A line's description with the words of path B, within the 1,000 letters of Descripcion."""
    return f"{description[: _DESCRIPTION - len(REMNANT) - 2]}. {REMNANT}"


def relates(content: Mapping[str, Any]) -> bool:
    """Whether the stored content of an invoice (`stored.to_json`) names deposits, by either path."""
    return any(each["tipo_relacion"] == RELATION for each in content.get("relacionados", ()))


def _total(price: Decimal, treatment: Treatment) -> Decimal:
    tax = tax_amount(price, treatment.rate) if treatment.rate else money.ZERO
    return money.half_up(price, _CENTS) + money.half_up(tax, _CENTS)
