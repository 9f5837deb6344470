"""Configuración general, from the gear under the arrow beside one's name: every page where the practice is set up."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path
from django.views.decorators.http import require_GET

from emite.issuers.models import Issuer
from emite.web.practice.access import Need, StaffRequest, practice


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
    issuers = Issuer.objects.filter(organization=request.organization).order_by("created_at")
    return render(request, "practice/settings.html", context_of(request, "", issuers=issuers))


addresses: list[URLPattern] = [path("consultorio/configuracion/", home, name="settings")]
