"""Where a physician lands: Finanzas, with what waits to be invoiced, sent, answered and paid, per insurer and RFC."""

from __future__ import annotations

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from emite.web.practice.access import Need, StaffRequest, practice


@practice(Need.SEE)
@require_GET
def home(request: StaffRequest) -> HttpResponse:
    return HttpResponseRedirect(reverse("practice:finance"))


@practice(Need.SEE)
@require_GET
def finance(request: StaffRequest) -> HttpResponse:
    context = {"organization": request.organization, "membership": request.membership, "section": "finanzas"}
    return render(request, "practice/home.html", context)
