"""The first page of the configuration: what is ready and what is missing."""

from __future__ import annotations

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from emite.organizations.models import Organization
from emite.web.access import Need, StaffRequest, staff
from emite.web.setup import readiness


@staff(Need.ADMINISTER)
@require_GET
def home(request: StaffRequest) -> HttpResponse:
    if request.organization.kind == Organization.Kind.PRACTICE:
        return HttpResponseRedirect(reverse("practice:ready"))
    points = readiness.points(request.organization, timezone.now())
    context = {
        "organization": request.organization,
        "membership": request.membership,
        "section": "lista",
        **readiness.summed(points),
    }
    return render(request, "setup/home.html", context)
