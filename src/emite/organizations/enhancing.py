""" "Configuración de mejoras": what an administrator sets for the portal and for what patients see. All audited."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from django.db import transaction

from emite.accounts.models import User
from emite.audit import record
from emite.cfdi import codes
from emite.cfdi.codes import Person
from emite.organizations.models import Membership, Organization
from emite.organizations.permissions import Need
from emite.organizations.refusals import NotAllowed, SetupRefused

MAX_DAYS: Final = 366
PLAIN: Final = (
    "portal_days", "correction_hours", "owed_accounts", "late_road", "anticipo_road", "usos_offered", "accent",
    "portal_text", "address", "support_phone", "support_email", "support_hours",
)  # fmt: skip
#: Of the window in which a payer mends its own invoice: a week.
MAX_HOURS: Final = 168
#: Of payments and payrolls: no invoice carries them.
_NOT_OF_INVOICES: Final = frozenset({"CP01", "CN01"})


@dataclass(frozen=True, slots=True)
class Logo:
    """A picture that was checked, or none at all."""

    data: bytes | None
    kind: str = ""


def offerable_usos() -> list[str]:
    """The usos that an invoice may carry, those of patients first."""
    keys = codes.keys("c_UsoCFDI") - _NOT_OF_INVOICES
    return sorted(keys, key=lambda key: (key[0] != "D", key[0] != "S", key))


def regimen_without_uso(offered: Collection[str]) -> tuple[Person, str] | None:
    """A person and régimen for whom nothing valid would be left to choose; None when everybody has something."""
    persons: tuple[Person, ...] = ("F", "M")
    for person in persons:
        for regimen in codes.regimenes(person):
            if not set(codes.usos(person, regimen)) & set(offered):
                return person, regimen
    return None


def change(
    organization: Organization, values: dict[str, Any], *, logo: Logo | None = None, by: User, now: dt.datetime
) -> list[str]:
    """Write what differs, with its audit event; the names of what changed.

    values: some of `PLAIN`. logo: None leaves it as it is. Raises NotAllowed, SetupRefused.
    """
    _check(values)
    with transaction.atomic():
        row = Organization.objects.select_for_update().get(pk=organization.pk)
        if not Membership.objects.who_may(Need.ADMINISTER).filter(organization=row, user=by).exists():
            raise NotAllowed()
        before = _said(row)
        for name in PLAIN:
            if name in values:
                setattr(row, name, values[name])
        if logo is not None:
            row.logo, row.logo_type = logo.data, logo.kind
        after = _said(row)
        changed = sorted(name for name in after if after[name] != before[name])
        if changed:
            row.save(update_fields=[*PLAIN, "logo", "logo_type"])
            record(
                organization_id=row.pk,
                actor=by.email,
                action="organization.change",
                subject=f"organization:{row.pk}",
                before={name: before[name] for name in changed},
                after={name: after[name] for name in changed},
                now=now,
            )
    return changed


def _check(values: dict[str, Any]) -> None:
    days, offered = values.get("portal_days"), values.get("usos_offered")
    if days is not None and not 0 <= days <= MAX_DAYS:
        raise SetupRefused(f"Escriba un número entero entre 0 y {MAX_DAYS}, o déjelo vacío.", "portal_days")
    hours = values.get("correction_hours")
    if hours is not None and not 1 <= hours <= MAX_HOURS:
        raise SetupRefused(f"Escriba un número entero entre 1 y {MAX_HOURS}, o déjelo vacío.", "correction_hours")
    if offered is None:
        return
    if not set(offered) <= set(offerable_usos()):
        raise SetupRefused("Elija los usos de la lista.", "usos_offered")
    without = regimen_without_uso(offered)
    if without is not None:
        person, regimen = without
        who = "persona física" if person == "F" else "persona moral"
        raise SetupRefused(
            f"Con esos usos no podría facturar una {who} del régimen {regimen} "
            f"({codes.label('c_RegimenFiscal', regimen)}): agregue S01, que sirve a todos.",
            "usos_offered",
        )


def _said(row: Organization) -> dict[str, Any]:
    """What the audit keeps of the settings; of a logo, its fingerprint."""
    said = {name: getattr(row, name) for name in PLAIN}
    said["logo"] = hashlib.sha256(bytes(row.logo)).hexdigest()[:16] if row.logo else ""
    return said
