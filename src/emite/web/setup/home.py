"""The first page of the configuration: what is ready and what is missing."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from emite.web.access import Need, StaffRequest, staff
from emite.web.setup import readiness


@staff(Need.ADMINISTER)
@require_GET
def home(request: StaffRequest) -> HttpResponse:
    points = readiness.points(request.organization, timezone.now())
    context = {
        "organization": request.organization,
        "membership": request.membership,
        "section": "lista",
        "points": points,
        "missing": sum(point.is_missing for point in points),
        "doubtful": sum(point.tone == "cost" for point in points),
    }
    return render(request, "setup/home.html", context)
