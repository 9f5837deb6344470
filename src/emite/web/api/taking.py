"""From what was sent to what `charges` takes: the issuer, and lines completed from the organization's list.

Looks everything up at once, so that a batch costs as many queries as one charge.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from emite.cfdi.taxes import Treatment
from emite.chargemaster.models import ChargeItem
from emite.charges.pricing import LineInput, LineRefused
from emite.issuers.models import Issuer
from emite.organizations.models import Organization
from emite.web.api.problems import Problem, Wrong
from emite.web.api.schemas import ChargeIn, LineIn

_MISSING = {
    "description": "Escriba la descripción, o un código de su lista de servicios.",
    "clave_prod_serv": "Falta la clave del SAT, o un código de su lista de servicios.",
    "clave_unidad": "Falta la clave de unidad del SAT, o un código de su lista de servicios.",
    "treatment": "Falta el tratamiento de IVA: no hay uno por omisión.",
    "unit_price": "Falta el precio sin IVA, o un código de su lista de servicios.",
}


class Lists:
    """The issuers of an organization and the rows of its list that these charges name."""

    def __init__(self, organization: Organization, asked: Sequence[ChargeIn]) -> None:
        self.issuers = {issuer.rfc: issuer for issuer in Issuer.objects.filter(organization=organization)}
        codes = {line.code.upper() for one in asked for line in one.lines if line.code}
        rows = ChargeItem.objects.filter(organization=organization, active=True) if codes else []
        self.items = {row.code.upper(): row for row in rows if row.code.upper() in codes}

    def issuer(self, one: ChargeIn) -> Issuer:
        """Raises Problem when it cannot be known who issues."""
        if one.issuer_rfc is None and len(self.issuers) == 1:
            return next(iter(self.issuers.values()))
        if not self.issuers:
            raise Problem("not_ready", "La organización todavía no tiene emisor.")
        found = self.issuers.get(one.issuer_rfc or "")
        if found is None:
            words = f"Use el RFC de un emisor de la organización: {', '.join(sorted(self.issuers))}."
            raise Problem("invalid", f"issuer_rfc: {words}", [Wrong("issuer_rfc", "unknown", words)])
        return found

    def lines(self, one: ChargeIn) -> list[LineInput]:
        """Raises LineRefused for a field that neither the line nor the list gives."""
        return [self._line(position, line) for position, line in enumerate(one.lines, 1)]

    def _line(self, position: int, line: LineIn) -> LineInput:
        item = self.items.get(line.code.upper()) if line.code else None
        values: dict[str, Any] = {}
        for name, words in _MISSING.items():
            value = getattr(line, name)
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
            quantity=Decimal(line.quantity),
            unit_price=Decimal(str(values["unit_price"])),
            discount=Decimal(line.discount),
            code=item.code if item else line.code,
        )
