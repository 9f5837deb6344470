"""Configuración general, from the gear under the arrow beside one's name: every page where the practice is set up."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path
from django.utils import timezone
from django.views.decorators.http import require_GET

from emite.web.practice.access import Need, StaffRequest, practice
from emite.web.setup import readiness


def context_of(request: StaffRequest, tab: str, **more: Any) -> dict[str, Any]:
    """What every page of Configuración general shows around it."""
    return {
        "organization": request.organization,
        "membership": request.membership,
        "section": "configuracion",
        "tab": tab,
        "zone": request.organization.zone,
        **more,
    }


@practice(Need.SEE)
@require_GET
def home(request: StaffRequest) -> HttpResponse:
    return render(request, "practice/settings.html", context_of(request, ""))


@practice(Need.ADMINISTER)
@require_GET
def ready(request: StaffRequest) -> HttpResponse:
    """ "Lista para timbrar": what is there, what lacks, and where it is mended."""
    points = readiness.points(request.organization, timezone.now())
    return render(request, "practice/ready.html", context_of(request, "lista", **readiness.summed(points)))


addresses: list[URLPattern] = [
    path("consultorio/configuracion/", home, name="settings"),
    path("consultorio/configuracion/lista/", ready, name="ready"),
]
