"""Where a physician lands: Finanzas, with what waits to be invoiced, sent, answered and paid, per insurer and RFC."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from emite.reports import practice as figures
from emite.reports.practice import STAGES, Amount
from emite.web.practice.access import Need, StaffRequest, practice

#: Units of the chart's own coordinates.
WIDTH, ROW = 320, 22


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
    standings = figures.glance(request.organization, request.organization.local_date(timezone.now()))
    context = {
        "organization": request.organization,
        "membership": request.membership,
        "section": "finanzas",
        "standings": [(each, [(name, each.stages[name]) for name in STAGES]) for each in standings],
        "titles": list(STAGES.values()),
        "bars": _bars(figures.sums_of(standings)),
        "width": WIDTH,
        "height": ROW * len(STAGES),
    }
    return render(request, "practice/home.html", context)


def _bars(sums: dict[str, Amount]) -> list[Bar]:
    longest = max((each.total for each in sums.values()), default=0) or 1
    return [
        Bar(STAGES[name], amount, ROW * position, round(float(amount.total / longest) * WIDTH, 1))
        for position, (name, amount) in enumerate(sums.items())
    ]
