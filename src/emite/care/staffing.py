"""Physicians of a practice: added, changed and retired by an administrator, audited. None is ever deleted."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from typing import Any, Final

from django.db import transaction

from emite.accounts.models import User
from emite.audit import record
from emite.care.models import Physician
from emite.lookup.words import plain
from emite.organizations.models import Membership, Organization
from emite.organizations.permissions import Need

FIELDS: Final = ("name", "kind", "cedula", "user", "active")
_CEDULA: Final = re.compile("[0-9]{5,8}")
_INVISIBLE: Final = re.compile("[\x00-\x1f\x7f]")


class PhysicianRefused(Exception):
    """It cannot be kept so. `field` names the input (empty: none), the message is for people."""

    def __init__(self, field: str, message: str) -> None:
        self.field, self.message = field, message
        super().__init__(message)


def keep(
    organization: Organization, data: Mapping[str, Any], *, physician: Physician | None, user: User, now: dt.datetime
) -> Physician:
    """Added (`physician` None), changed, or retired (`active` False). Services keep theirs. Raises PhysicianRefused."""
    if not Membership.objects.who_may(Need.ADMINISTER).filter(organization=organization, user=user).exists():
        raise PhysicianRefused("", "Sólo un administrador agrega, cambia y retira médicos.")
    name, cedula = " ".join(data["name"].split()), data["cedula"].strip()
    if len(name) < 3 or len(name) > 200 or _INVISIBLE.search(name):
        raise PhysicianRefused("name", "Escriba el nombre del médico, de 3 a 200 letras.")
    if data["kind"] not in Physician.Kind.values:
        raise PhysicianRefused("kind", "Elija si es de primer contacto o especialista.")
    if cedula and not _CEDULA.fullmatch(cedula):
        raise PhysicianRefused("cedula", "La cédula profesional lleva solo números, de 5 a 8. Puede quedar vacía.")
    person = data["user"]
    if person is not None and not Membership.objects.active().filter(organization=organization, user=person).exists():
        raise PhysicianRefused("user", "Elija a una persona que entre a este consultorio, o ninguna.")
    with transaction.atomic():
        # One at a time, so that the same physician is not added twice.
        Organization.objects.select_for_update(of=("self",), no_key=True).get(pk=organization.pk)
        _refuse_twice(organization, name, cedula, physician)
        row = physician or Physician(organization=organization)
        before = None if physician is None else _said(row)
        row.name, row.kind, row.cedula, row.user, row.active = name, data["kind"], cedula, person, data["active"]
        row.save()
        if before != (after := _said(row)):
            record(
                organization_id=organization.pk, actor=user.email,
                action=f"physician.{'create' if before is None else 'change'}", subject=f"physician:{row.pk}",
                before=before, after=after, now=now,
            )  # fmt: skip
    return row


def _refuse_twice(organization: Organization, name: str, cedula: str, physician: Physician | None) -> None:
    """Two of one name are told apart by their cédulas; one cédula is one person."""
    rows = Physician.objects.filter(organization=organization)
    for other in rows.exclude(pk=physician.pk) if physician else rows:
        if cedula and other.cedula == cedula:
            raise PhysicianRefused("cedula", f"Esa cédula es de {other.name}, que ya está en la lista.")
        if plain(other.name) == plain(name) and not (cedula and other.cedula):
            raise PhysicianRefused("name", f"{other.name} ya está en la lista. Si es otra persona, escriba su cédula.")


def _said(row: Physician) -> dict[str, str]:
    return {name: str(getattr(row, f"{name}_id" if name == "user" else name)) for name in FIELDS}
