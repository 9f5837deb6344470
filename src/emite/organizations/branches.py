"""Branches of an organization: add, rename, retire. Each change by an administrator, audited."""

from __future__ import annotations

import datetime as dt

from django.db import transaction

from emite.accounts.models import User
from emite.audit import record
from emite.cfdi import codes
from emite.lookup.words import plain
from emite.organizations.models import Branch, Membership, Organization
from emite.organizations.permissions import Need
from emite.organizations.refusals import NotAllowed, SetupRefused


def add(
    organization: Organization, name: str, postal_code: str, address: str = "", *, user: User, now: dt.datetime
) -> Branch:
    """A branch in use. Raises SetupRefused, NotAllowed."""
    with transaction.atomic():
        _hold(organization, user)
        if codes.place(postal_code) is None:
            raise SetupRefused(f"El C.P. {postal_code} no está en el catálogo del SAT: revíselo.", "postal_code")
        made = Branch.objects.create(
            organization=organization,
            name=_free_name(organization, name),
            postal_code=postal_code,
            address=address.strip(),
        )
        record(
            organization_id=organization.pk,
            actor=user.email,
            action="branch.create",
            subject=f"branch:{made.pk}",
            after={"name": made.name, "postal_code": made.postal_code, "address": made.address},
            now=now,
        )
    return made


def change(
    branch: Branch, name: str, *, active: bool, user: User, now: dt.datetime, address: str | None = None
) -> Branch:
    """Another name or address, out of use or back into it. Raises SetupRefused, NotAllowed."""
    with transaction.atomic():
        _hold(branch.organization, user)
        row = Branch.objects.get(organization=branch.organization, pk=branch.pk)
        before = {"name": row.name, "address": row.address, "active": row.active}
        row.name, row.active = _free_name(branch.organization, name, but=row), active
        row.address = row.address if address is None else address.strip()
        after = {"name": row.name, "address": row.address, "active": row.active}
        if after == before:
            return row
        row.save(update_fields=["name", "address", "active"])
        record(
            organization_id=branch.organization_id,
            actor=user.email,
            action="branch.change",
            subject=f"branch:{row.pk}",
            before=before,
            after=after,
            now=now,
        )
    return row


def in_use(organization: Organization) -> dict[str, Branch]:
    """Those that charge now, by their name as `lookup.words.plain` writes it."""
    rows = Branch.objects.filter(organization=organization, active=True).order_by("name")
    return {plain(row.name): row for row in rows}


def of(organization: Organization) -> list[Branch]:
    """All of them, those in use first: what lists are filtered by."""
    return list(Branch.objects.filter(organization=organization).order_by("-active", "name"))


def by_place(organization: Organization) -> dict[str, str]:
    """The names of the branches by the postal code that they have, some of them together."""
    found: dict[str, list[str]] = {}
    for row in Branch.objects.filter(organization=organization).order_by("name"):
        found.setdefault(row.postal_code, []).append(row.name)
    return {place: " / ".join(names) for place, names in found.items()}


def _hold(organization: Organization, user: User) -> None:
    """Of two administrators at once the second waits here. Raises NotAllowed."""
    Organization.objects.select_for_update().get(pk=organization.pk)
    if not Membership.objects.who_may(Need.ADMINISTER).filter(organization=organization, user=user).exists():
        raise NotAllowed


def _free_name(organization: Organization, name: str, *, but: Branch | None = None) -> str:
    name = " ".join(name.split())
    if not name:
        raise SetupRefused("Escriba el nombre de la sucursal.", "name")
    rivals = Branch.objects.filter(organization=organization, name__iexact=name)
    if (rivals.exclude(pk=but.pk) if but else rivals).exists():
        raise SetupRefused(f"Ya hay una sucursal que se llama {name}: use otro nombre.", "name")
    return name
