"""Complete a line with what the organization's price list says of its code. What was said wins; nothing is supposed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

from emite.cfdi.taxes import Treatment
from emite.chargemaster.models import ChargeItem
from emite.charges.pricing import LineInput, LineRefused
from emite.organizations.models import Organization

_MISSING: Final = {
    "description": "Escriba la descripción, o un código de su lista de servicios.",
    "clave_prod_serv": "Falta la clave del SAT, o un código de su lista de servicios.",
    "clave_unidad": "Falta la clave de unidad del SAT, o un código de su lista de servicios.",
    "treatment": "Falta el tratamiento de IVA: no hay uno por omisión.",
    "unit_price": "Falta el precio sin IVA, o un código de su lista de servicios.",
}


class PriceList:
    """The rows of the list with these codes, looked up at once."""

    def __init__(self, organization: Organization, codes: Iterable[str]) -> None:
        wanted = {code.upper() for code in codes if code}
        rows = ChargeItem.objects.filter(organization=organization, active=True) if wanted else []
        self._items = {row.code.upper(): row for row in rows if row.code.upper() in wanted}

    def line(
        self, position: int, code: str, said: Mapping[str, Any], *, quantity: Decimal, discount: Decimal
    ) -> LineInput:
        """`said`: by field of LineInput, None where the list decides. Raises LineRefused for what neither gives."""
        item = self._items.get(code.upper()) if code else None
        values: dict[str, Any] = {}
        for name, words in _MISSING.items():
            value = said.get(name)
            if value is None and item is not None:
                value = getattr(item, name)
            if value is None:
                raise LineRefused(position, name, words)
            values[name] = value
        return LineInput(
            description=str(values["description"]),
            clave_prod_serv=str(values["clave_prod_serv"]),
            clave_unidad=str(values["clave_unidad"]),
            treatment=Treatment(values["treatment"]),
            quantity=quantity,
            unit_price=Decimal(str(values["unit_price"])),
            discount=discount,
            code=item.code if item else code,
        )
