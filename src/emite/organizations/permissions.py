"""What each role may do, said once for pages, API, jobs and templates. Knows no row and no request."""

from __future__ import annotations

from enum import Enum
from typing import Final

from django.db import models


class Role(models.TextChoices):
    ADMINISTRADOR = "administrador", "Administrador"
    FACTURADOR = "facturador", "Facturador"
    CAJERO = "cajero", "Cajero"
    CONSULTA = "consulta", "Consulta"


class Need(Enum):
    """What an act asks of whoever does it. Issuing also needs the permission, whatever the role."""

    SEE = "ver"
    COLLECT = "cobrar"
    ISSUE = "facturar"
    PRICE = "precios"
    IMPORT = "importar"
    # At an insurer or administrator: say yes or no to what it received, and register what it paid.
    REVIEW = "dictaminar"
    PAY = "pagar"
    ADMINISTER = "administrar"


ROLES: Final[dict[Need, frozenset[str]]] = {
    Need.SEE: frozenset(Role.values),
    Need.COLLECT: frozenset({Role.ADMINISTRADOR, Role.FACTURADOR, Role.CAJERO}),
    Need.ISSUE: frozenset({Role.ADMINISTRADOR, Role.FACTURADOR, Role.CAJERO}),
    Need.PRICE: frozenset({Role.ADMINISTRADOR, Role.FACTURADOR}),
    Need.IMPORT: frozenset({Role.ADMINISTRADOR, Role.FACTURADOR}),
    Need.REVIEW: frozenset({Role.ADMINISTRADOR, Role.FACTURADOR}),
    Need.PAY: frozenset({Role.ADMINISTRADOR, Role.CAJERO}),
    Need.ADMINISTER: frozenset({Role.ADMINISTRADOR}),
}


def suffices(need: Need, *, role: str, can_issue: bool) -> bool:
    """Does that role, with or without the issuing permission, reach?"""
    return role in ROLES[need] and (need is not Need.ISSUE or can_issue)
