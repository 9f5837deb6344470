"""The desk's first page: what needs somebody, the search, and the charges with their money and their invoice."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from emite.organizations import branches
from emite.web.access import Need, StaffRequest, may, staff
from emite.web.desk import attention, attention_ending
from emite.web.desk.searching import SHOWN, Filters, search


@staff(Need.SEE)
@require_GET
def home(request: StaffRequest) -> HttpResponse:
    now = timezone.now()
    today = request.organization.local_date(now)
    filters = Filters.read(request.GET, today)
    first = not filters.any and filters.before is None
    administers = may(request.membership, Need.ADMINISTER)
    context = {
        "organization": request.organization,
        "membership": request.membership,
        "section": "inicio",
        "zone": request.organization.zone,
        "filters": filters,
        "branches": branches.of(request.organization),
        "branch": filters.branch,
        "shown": [(key, label, filters.address(ver=key)) for key, label in SHOWN.items()],
        "page": search(request.organization, filters, today),
        "needs": [
            *attention.documents(request.organization, now),
            *attention.complements(request.organization, now),
            *attention_ending.endings(request.organization, now),
        ]
        if first
        else [],
        "waiting": attention.follow_ups(request.organization) if first else [],
        "closings": attention.closings(request.organization, now) if first else [],
        "lacks": attention.readiness(request.organization, now, administers=administers) if first else [],
        "may_collect": may(request.membership, Need.COLLECT),
        "may_administer": administers,
    }
    return render(request, "desk/home.html", context)
