"""Requests of hospitals to use the portal: what waits, what was decided, and the decision itself."""

from __future__ import annotations

import uuid
from typing import cast

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from emite.accounts.models import User
from emite.organizations import portal
from emite.organizations.models import PortalActivation
from emite.organizations.portal import State
from emite.organizations.refusals import SetupRefused
from emite.web.access import operator
from emite.web.setup.words import PORTAL_STATES

#: The button pressed, and what it decides.
DECISIONS = {"aprobar": State.APPROVED, "rechazar": State.REFUSED, "suspender": State.SUSPENDED}
SHOWN = 100


class DecisionForm(forms.Form):
    reason = forms.CharField(
        label="Motivo",
        required=False,
        max_length=500,
        help_text="Obligatorio para rechazar o suspender: es lo que leerá el hospital.",
        error_messages={"max_length": "Use a lo más 500 letras."},
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    decision = forms.ChoiceField(choices=[(name, name) for name in DECISIONS], widget=forms.HiddenInput)


@operator
@require_GET
def home(request: HttpRequest) -> HttpResponse:
    rows = PortalActivation.objects.select_related("organization", "asked_by", "decided_by")
    context = {
        "section": "soporte",
        "waiting": rows.filter(state=State.REQUESTED).order_by("asked_at"),
        "decided": rows.exclude(state=State.REQUESTED).order_by("-decided_at")[:SHOWN],
    }
    return render(request, "support/home.html", context)


@operator
@require_http_methods(["GET", "POST"])
def activation(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    row = PortalActivation.objects.select_related("organization", "asked_by", "decided_by").filter(pk=pk).first()
    if row is None:
        raise Http404
    form = DecisionForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        data = form.cleaned_data
        try:
            portal.decide(pk, DECISIONS[data["decision"]], by=cast(User, request.user), reason=data["reason"],
                          now=timezone.now())  # fmt: skip
        except SetupRefused as refused:
            form.add_error(refused.field or None, refused.message)
        else:
            messages.success(request, f"Respuesta enviada a {row.organization.name}.")
            return HttpResponseRedirect(reverse("support:activation", args=[pk]))
    context = {
        "section": "soporte",
        "row": row,
        "form": form,
        "zone": row.organization.zone,
        "state": PORTAL_STATES[portal.state_of(row.organization)],
        "waits": row.state == State.REQUESTED,
        "is_active": row.state == State.APPROVED,
    }
    return render(request, "support/activation.html", context, status=422 if form.is_bound else 200)
