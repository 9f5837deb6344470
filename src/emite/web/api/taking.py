"""From what was sent to what `charges` takes: the issuer, and lines completed from the organization's list.

Looks everything up at once, so that a batch costs as many queries as one charge.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from emite.charges.listing import PriceList
from emite.charges.pricing import LineInput
from emite.issuers.models import Issuer
from emite.lookup.words import plain
from emite.organizations import branches
from emite.organizations.models import Branch, Organization
from emite.web.api.problems import Problem, Wrong
from emite.web.api.schemas import ChargeIn, LineIn

_SAID = ("description", "clave_prod_serv", "clave_unidad", "treatment", "unit_price")


class Lists:
    """The issuers and branches of an organization and the rows of its list that these charges name."""

    def __init__(self, organization: Organization, asked: Sequence[ChargeIn]) -> None:
        self.issuers = {issuer.rfc: issuer for issuer in Issuer.objects.filter(organization=organization)}
        self.branches = branches.in_use(organization) if any(one.branch for one in asked) else {}
        self.prices = PriceList(organization, (line.code for one in asked for line in one.lines))

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

    def branch(self, one: ChargeIn) -> Branch | None:
        """Raises Problem for a name that no branch in use has."""
        if not one.branch:
            return None
        found = self.branches.get(plain(one.branch))
        if found is None:
            names = ", ".join(each.name for each in self.branches.values()) or "la organización no tiene sucursales"
            words = f"Use el nombre de una sucursal en uso: {names}."
            raise Problem("invalid", f"branch: {words}", [Wrong("branch", "unknown", words)])
        return found

    def lines(self, one: ChargeIn) -> list[LineInput]:
        """Raises LineRefused for a field that neither the line nor the list gives."""
        return [self._line(position, line) for position, line in enumerate(one.lines, 1)]

    def _line(self, position: int, line: LineIn) -> LineInput:
        said = {name: getattr(line, name) for name in _SAID}
        return self.prices.line(
            position, line.code, said, quantity=Decimal(line.quantity), discount=Decimal(line.discount)
        )
