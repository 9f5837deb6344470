"""What a practice has, found by the names that other systems use: for files and for the API, looked up once."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from functools import cached_property

from emite.care.models import Contract, Payer, Physician, Tariff
from emite.care.rendering import ServiceRefused
from emite.issuers.models import Issuer
from emite.lookup.words import plain
from emite.organizations.models import Organization

#: Of a list that is told in a refusal.
SOME = 10


class Names:
    """The practice's own rows by name. Each question raises ServiceRefused with what can be written instead."""

    def __init__(self, organization: Organization) -> None:
        self.organization = organization
        self._of = {"organization": organization}

    def issuer(self, rfc: str) -> Issuer:
        """By RFC; without one the only one there is."""
        found = self._issuers.get(rfc.strip().upper()) if rfc.strip() else None
        if not rfc.strip() and len(self._issuers) == 1:
            found = next(iter(self._issuers.values()))
        if found is None:
            raise ServiceRefused("issuer", f"escriba uno de los del consultorio: {', '.join(sorted(self._issuers))}.")
        return found

    def payer(self, name: str) -> Payer:
        """By RFC or by its usual name."""
        typed = plain(name)
        for each in self._payers:
            if typed in (plain(each.rfc), plain(each.name)):
                return each
        names = _some(each.name for each in self._payers) or "todavía no hay ninguna; agréguela primero"
        raise ServiceRefused("payer", f"escriba el nombre o el RFC de una de estas: {names}.")

    def plan(self, name: str, payer: Payer) -> Contract | None:
        """A plan of this payer; none when none is named."""
        typed = plain(name)
        found = self._plans.get((payer.pk, typed))
        if typed and found is None:
            names = _some(sorted(plan.name for plan in self._plans.values() if plan.payer_id == payer.pk))
            raise ServiceRefused(
                "contract", f"{payer.name} no lo tiene en uso. Déjelo vacío o escriba uno de estos: {names}."
            )
        return found

    def physician(self, name: str) -> Physician:
        """By name or cédula; without either the only one there is."""
        typed = plain(name)
        found = [each for each in self._physicians if not typed or typed in (plain(each.name), each.cedula)]
        if len(found) == 1:
            return found[0]
        if found and typed:
            raise ServiceRefused("physician", "hay varios con ese nombre: escriba su cédula.")
        names = _some(each.name for each in self._physicians) or "todavía no hay ninguno; agréguelo primero"
        raise ServiceRefused("physician", f"escriba el nombre o la cédula de uno de estos: {names}.")

    def tariff(self, plan: Contract | None, system: str, code: str) -> Decimal | None:
        return self._tariffs.get((plan.pk, system, code.strip())) if plan is not None else None

    @cached_property
    def _issuers(self) -> dict[str, Issuer]:
        return {row.rfc: row for row in Issuer.objects.filter(**self._of)}

    @cached_property
    def _payers(self) -> list[Payer]:
        return list(Payer.objects.filter(**self._of, active=True).order_by("name"))

    @cached_property
    def _physicians(self) -> list[Physician]:
        return list(Physician.objects.filter(**self._of, active=True).order_by("name"))

    @cached_property
    def _plans(self) -> dict[tuple[object, str], Contract]:
        return {(plan.payer_id, plain(plan.name)): plan for plan in Contract.objects.filter(**self._of, active=True)}

    @cached_property
    def _tariffs(self) -> dict[tuple[object, str, str], Decimal]:
        return {(row.contract_id, row.system, row.code): row.fee for row in Tariff.objects.filter(**self._of)}


def _some(names: Iterable[str]) -> str:
    return ", ".join(list(names)[:SOME])
