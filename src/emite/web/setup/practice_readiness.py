""" "Lista para timbrar" of a practice, in the order of the insurers' guide: each point with the page that mends it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace

from django.urls import reverse

from emite.care.models import CareService, Payer, Physician
from emite.chargemaster import linking
from emite.chargemaster.models import ServiceLink
from emite.charges.models import CashRegister
from emite.issuers import manifest
from emite.issuers.models import FiscalAddress, Issuer, PacAccount, StoredCsd
from emite.organizations.models import Organization
from emite.web.setup.points import Point, certificate, letters, pac, people, portal_points


def points(organization: Organization, now: dt.datetime) -> list[Point]:
    return [
        *stamping(organization, now),
        *_care(organization),
        *people(organization),
        *_copays(organization),
        letters(),
    ]


def stamping(organization: Organization, now: dt.datetime) -> Iterator[Point]:
    """Of each RFC: address, "Llave", Manifiesto, PAC account and the codes that have their SAT key."""
    issuers = list(Issuer.objects.filter(organization=organization).order_by("created_at"))
    if not issuers:
        page = reverse("practice:issuers")
        yield Point("wrong", "Falta el RFC", "Sin RFC ni datos fiscales no se puede cobrar ni facturar.", page)
        return
    of_here = {"organization": organization}
    csds = {row.issuer_id: row for row in StoredCsd.objects.filter(**of_here, active=True)}
    accounts = {row.issuer_id: row for row in PacAccount.objects.filter(**of_here, active=True)}
    placed = set(FiscalAddress.objects.filter(**of_here).values_list("issuer_id", flat=True))
    for issuer in issuers:
        page, key = reverse("practice:issuer", args=[issuer.pk]), reverse("practice:key", args=[issuer.pk])
        if issuer.pk in placed:
            yield Point(
                "good", "Datos fiscales", f"{issuer.rfc} {issuer.nombre}, régimen {issuer.regimen_fiscal}.", page
            )
        else:
            yield Point("wrong", "Falta la dirección fiscal", f"{issuer.rfc} no tiene su domicilio.", page)
        yield certificate(issuer, csds.get(issuer.pk), now, key)
        if manifest.accepted(issuer) is not None:
            yield Point("good", "Manifiesto", f"Aceptado para {issuer.rfc}.", key)
        else:
            yield Point("wrong", "Falta el Manifiesto", f"Nadie lo ha aceptado para {issuer.rfc}.", key)
        yield pac(issuer, accounts.get(issuer.pk), now, reverse("desk:pac"))
        yield _links(organization, issuer, now)


def _links(organization: Organization, issuer: Issuer, now: dt.datetime) -> Point:
    page = reverse("practice:linking", args=[issuer.pk])
    services = CareService.objects.filter(organization=organization, issuer=issuer, state=CareService.State.RENDERED)
    used = set(services.values_list("system", "code").distinct())
    lacking = linking.unlinked(issuer, used, organization.local_date(now))
    if lacking:
        some = ", ".join(code for _, code in lacking[:5]) + ("…" if len(lacking) > 5 else "")
        return Point("wrong", "Servicios sin clave SAT", f"De {issuer.rfc}, sin vincular: {some}.", page)
    if used or ServiceLink.objects.filter(organization=organization, issuer=issuer).exists():
        return Point("good", "Vinculación de servicios", "Cada servicio registrado tiene su clave del SAT.", page)
    detail = f"{issuer.rfc} no tiene ningún código con su clave del SAT: sin ella no se factura."
    return Point("wrong", "Falta vincular servicios", detail, page)


def _care(organization: Organization) -> Iterator[Point]:
    page = reverse("practice:physicians")
    if Physician.objects.filter(organization=organization, active=True).exists():
        yield Point("good", "Médicos", "Hay quien atiende.", page)
    else:
        yield Point("wrong", "Faltan los médicos", "Sin médico no se registran servicios.", page)
    page = reverse("practice:payers")
    if Payer.objects.filter(organization=organization, active=True).exists():
        yield Point("good", "Aseguradoras", "Hay a quién facturar.", page)
    else:
        yield Point("wrong", "Faltan las aseguradoras", "Agregue a quién factura, con sus planes y tarifas.", page)


def _copays(organization: Organization) -> Iterator[Point]:
    """A practice invoices insurers without registers and portal: what lacks here stops copays alone."""
    page = reverse("desk:registers")
    if CashRegister.objects.filter(organization=organization, web_invoicing=False, active=True).exists():
        yield Point("good", "Caja", "Hay dónde cobrar copagos.", page)
    else:
        yield Point("cost", "Falta la caja", "Sin una caja no se cobran copagos.", page)
    for point in portal_points(organization):
        yield replace(point, tone="cost") if point.is_missing else point
