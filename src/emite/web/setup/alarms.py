"""What needs a person now, as the mails told it, and what ended lately: of one organization, or all of them."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from emite.alarms.models import INSTALLATION
from emite.alarms.reading import shown
from emite.organizations.models import Organization
from emite.web.access import Need, StaffRequest, operator, staff


@staff(Need.ADMINISTER)
@require_GET
def own(request: StaffRequest) -> HttpResponse:
    organization = request.organization
    alarms = shown(timezone.now(), organization.pk)
    context = {
        "organization": organization,
        "membership": request.membership,
        "section": "avisos",
        "standing": [(row, "") for row in alarms.standing],
        "ended": [(row, "") for row in alarms.ended],
        "zone": organization.zone,
    }
    return render(request, "setup/alarms.html", context)


@operator
@require_GET
def everybodys(request: HttpRequest) -> HttpResponse:
    alarms = shown(timezone.now())
    names = dict(Organization.objects.values_list("pk", "name")) | {INSTALLATION: "La instalación"}
    context = {
        "section": "avisos",
        "many": True,
        "standing": [(row, names.get(row.organization_id, "")) for row in alarms.standing],
        "ended": [(row, names.get(row.organization_id, "")) for row in alarms.ended],
        "zone": ZoneInfo(settings.TIME_ZONE),
    }
    return render(request, "support/alarms.html", context)
