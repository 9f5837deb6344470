"""Where a physician lands: Finanzas, with what waits to be invoiced, sent, answered and paid, per insurer and RFC."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass

from django.db import transaction
from django.http import Http404, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from emite.audit.recording import record
from emite.care.models import Payer
from emite.issuers.models import Issuer
from emite.reports import practice as figures
from emite.reports.month import Month, zipped
from emite.reports.practice import STAGES, Amount
from emite.web.files import streamed
from emite.web.practice.access import Need, StaffRequest, practice

#: Units of the chart's own coordinates.
WIDTH, ROW = 960, 22


@dataclass(frozen=True, slots=True)
class Bar:
    """A stage, all insurers together, and the length of its bar."""

    title: str
    amount: Amount
    y: int
    width: float


@practice(Need.SEE)
@require_GET
def home(request: StaffRequest) -> HttpResponse:
    return HttpResponseRedirect(reverse("practice:finance"))


@practice(Need.SEE)
@require_GET
def finance(request: StaffRequest) -> HttpResponse:
    today = request.organization.local_date(timezone.now())
    standings = figures.glance(request.organization, today)
    context = {
        "organization": request.organization,
        "membership": request.membership,
        "section": "finanzas",
        "standings": [(each, [(name, each.stages[name]) for name in STAGES]) for each in standings],
        "titles": list(STAGES.values()),
        "bars": _bars(figures.sums_of(standings)),
        "issuers": Issuer.objects.filter(organization=request.organization).order_by("rfc"),
        "payers": Payer.objects.filter(organization=request.organization).order_by("name"),
        "month": f"{today:%Y-%m}",
        "width": WIDTH,
        "height": ROW * len(STAGES),
    }
    return render(request, "practice/home.html", context)


@practice(Need.SEE)
@require_GET
def month(request: StaffRequest, pk: uuid.UUID) -> HttpResponseBase:
    """The ZIP of a month of one insurer: XML and PDF of each CFDI of an issuer to it, with their index."""
    issuer = Issuer.objects.select_related("organization").filter(organization=request.organization, pk=pk).first()
    payer = Payer.objects.filter(organization=request.organization, rfc=request.GET.get("rfc", "")).first()
    try:
        first = dt.date.fromisoformat(f"{request.GET.get('mes', '')}-01")
    except ValueError:
        raise Http404 from None
    if issuer is None or payer is None or not 2000 <= first.year <= 2100:
        raise Http404
    with transaction.atomic():
        record(
            organization_id=request.organization.pk, actor=request.user.email, action="month.export",
            subject=f"issuer:{issuer.pk}", after={"month": f"{first:%Y-%m}", "receptor": payer.rfc},
            now=timezone.now(),
        )  # fmt: skip
    asked = Month(issuer, first, payer.rfc)
    return streamed(zipped(asked), "application/zip", f"{asked.name}.zip")


def _bars(sums: dict[str, Amount]) -> list[Bar]:
    longest = max((each.total for each in sums.values()), default=0) or 1
    return [
        Bar(STAGES[name], amount, ROW * position, round(float(amount.total / longest) * WIDTH, 1))
        for position, (name, amount) in enumerate(sums.items())
    ]
