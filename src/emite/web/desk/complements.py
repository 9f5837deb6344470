"""Complements of accounts that a hospital invoiced on credit. What they do is written once, in `web.complements`."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpResponse
from django.urls import path
from django.views.decorators.http import require_GET, require_POST

from emite.web import complements as shared
from emite.web.access import Need, StaffRequest, staff
from emite.web.complements import Place


def _context(request: StaffRequest) -> dict[str, Any]:
    return {"organization": request.organization, "membership": request.membership, "section": "complementos"}


PLACE = Place("desk", "desk/base.html", _context)


@staff(Need.SEE)
@require_GET
def listing(request: StaffRequest) -> HttpResponse:
    return shared.listing(request, PLACE)


@staff(Need.SEE)
@require_GET
def receivable(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    return shared.receivable(request, PLACE, pk)


@staff(Need.SEE)
@require_GET
def complement(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    return shared.payment(request, PLACE, pk)


@staff(Need.ISSUE)
@require_POST
def issue(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    return shared.issue(request, PLACE, pk)


@staff(Need.SEE)
@require_GET
def progress(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    return shared.progress(request, PLACE, pk)


@staff(Need.ISSUE)
@require_POST
def mail(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    return shared.mail(request, PLACE, pk)


@staff(Need.ISSUE)
@require_POST
def deliver(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    return shared.deliver(request, PLACE, pk)


@staff(Need.ISSUE)
@require_POST
def external(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    return shared.external(request, PLACE, pk)


@staff(Need.COLLECT)
@require_POST
def undo(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    return shared.undo(request, PLACE, pk)


@staff(Need.SEE)
@require_GET
def xml(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    return shared.xml(request, pk)


@staff(Need.SEE)
@require_GET
def pdf(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    return shared.pdf(request, pk)


_AT = "caja/complementos/"
addresses = [
    path(_AT, listing, name="complements"),
    path(f"{_AT}facturas/<uuid:pk>/", receivable, name="receivable"),
    path(f"{_AT}<uuid:pk>/", complement, name="complement"),
    path(f"{_AT}<uuid:pk>/generar/", issue, name="complement_issue"),
    path(f"{_AT}<uuid:pk>/avance/", progress, name="complement_progress"),
    path(f"{_AT}<uuid:pk>/correo/", mail, name="complement_mail"),
    path(f"{_AT}<uuid:pk>/entregado/", deliver, name="complement_deliver"),
    path(f"{_AT}<uuid:pk>/externo/", external, name="complement_external"),
    path(f"{_AT}<uuid:pk>/deshacer/", undo, name="complement_undo"),
    path(f"{_AT}<uuid:pk>/complemento.xml", xml, name="complement_xml"),
    path(f"{_AT}<uuid:pk>/complemento.pdf", pdf, name="complement_pdf"),
]
