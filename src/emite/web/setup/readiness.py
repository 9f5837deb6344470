""" "Lista para timbrar": what an organization needs before its first stamp of value, each point with its cure and page.

Only looks; every point costs a query at most. The points themselves are in `points`; a practice's in its own file.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

from django.urls import reverse

from emite.chargemaster.models import ChargeItem
from emite.issuers.models import Issuer, PacAccount, Series, StoredCsd
from emite.organizations.models import Organization
from emite.web.setup import practice_readiness
from emite.web.setup.points import Point, certificate, letters, pac, people, portal_points


def points(organization: Organization, now: dt.datetime) -> list[Point]:
    """Every point in the order in which one sets oneself up."""
    if organization.kind == Organization.Kind.PRACTICE:
        return practice_readiness.points(organization, now)
    return [
        *stamping(organization, now),
        *people(organization),
        *portal_points(organization),
        *_desk(organization),
    ]


def summed(points: list[Point]) -> dict[str, Any]:
    """What the page shows of them."""
    return {
        "points": points,
        "missing": sum(point.is_missing for point in points),
        "doubtful": sum(point.tone == "cost" for point in points),
    }


def stamping(organization: Organization, now: dt.datetime) -> Iterator[Point]:
    """Fiscal data, and for each RFC its certificate, series and PAC account."""
    if organization.kind == Organization.Kind.PRACTICE:
        yield from practice_readiness.stamping(organization, now)
        return
    page = reverse("desk:issuer")
    issuers = list(Issuer.objects.filter(organization=organization).order_by("created_at"))
    if not issuers:
        yield Point("wrong", "Falta el emisor", "Sin RFC ni datos fiscales no se puede cobrar ni facturar.", page)
        return
    of_here = {"organization": organization}
    csds = {row.issuer_id: row for row in StoredCsd.objects.filter(**of_here, active=True)}
    accounts = {row.issuer_id: row for row in PacAccount.objects.filter(**of_here, active=True)}
    with_series = set(Series.objects.filter(**of_here).values_list("issuer_id", flat=True))
    for issuer in issuers:
        yield Point("good", "Datos fiscales", f"{issuer.rfc} {issuer.nombre}, régimen {issuer.regimen_fiscal}.", page)
        yield certificate(issuer, csds.get(issuer.pk), now, page)
        if issuer.pk in with_series:
            yield Point("good", "Serie", "Los folios tienen su serie.", page)
        else:
            yield Point("wrong", "Falta la serie", f"{issuer.rfc} no tiene serie de folios.", page)
        yield pac(issuer, accounts.get(issuer.pk), now, reverse("desk:pac"))


def _desk(organization: Organization) -> Iterator[Point]:
    page = reverse("desk:prices")
    if ChargeItem.objects.filter(organization=organization, active=True).exists():
        yield Point("good", "Lista de precios", "Tiene servicios con clave, unidad e impuesto.", page)
    else:
        yield Point("cost", "La lista de precios está vacía", "Se puede cobrar con renglones libres.", page)
    yield letters()
