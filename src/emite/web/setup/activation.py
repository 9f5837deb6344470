""" "Solicitar activación": the portal's function is off until support turns it on."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from emite.organizations import portal
from emite.organizations.models import PortalActivation
from emite.organizations.refusals import SetupRefused
from emite.web.access import Need, StaffRequest, staff
from emite.web.setup.words import PORTAL_STATES


class AskForm(forms.Form):
    note = forms.CharField(
        label="Mensaje para soporte",
        required=False,
        max_length=500,
        error_messages={"max_length": "Use a lo más 500 letras."},
        widget=forms.Textarea(attrs={"rows": 3}),
    )


@staff(Need.ADMINISTER)
@require_http_methods(["GET", "POST"])
def activation(request: StaffRequest) -> HttpResponse:
    form = AskForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            portal.ask_activation(
                request.organization, by=request.user, note=form.cleaned_data["note"], now=timezone.now()
            )
        except SetupRefused as refused:
            form.add_error(None, refused.message)
        else:
            messages.success(request, "Activación solicitada. Le avisaremos por correo cuando soporte responda.")
            return HttpResponseRedirect(reverse("setup:activation"))
    rows = PortalActivation.objects.select_related("asked_by", "decided_by").filter(organization=request.organization)
    history = list(rows.order_by("-asked_at", "-pk")[:20])
    context = {
        "organization": request.organization,
        "membership": request.membership,
        "section": "activacion",
        "zone": request.organization.zone,
        "form": form,
        "state": PORTAL_STATES[portal.state_of(request.organization)],
        "history": history,
        "may_ask": not history or history[0].state in ("refused", "suspended"),
    }
    return render(request, "setup/activation.html", context, status=422 if form.is_bound else 200)
