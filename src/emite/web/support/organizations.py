"""The organizations of this installation, and how a new one begins."""

from __future__ import annotations

from typing import cast

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from emite.accounts.models import User
from emite.organizations import founding, portal
from emite.organizations.models import Organization
from emite.organizations.refusals import SetupRefused
from emite.web.access import operator
from emite.web.setup.words import PORTAL_STATES


class FoundForm(forms.Form):
    name = forms.CharField(
        label="Nombre comercial", max_length=120, error_messages={"required": "Escriba el nombre del hospital."}
    )
    slug = forms.CharField(
        label="Identificador en el enlace",
        max_length=40,
        help_text="Sale en el ticket: /f/san-telmo. No se cambia después.",
        error_messages={"required": "Escriba el identificador."},
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none"}),
    )
    postal_code = forms.CharField(
        label="Código postal",
        max_length=5,
        help_text="De él sale el huso horario en que terminan sus días.",
        error_messages={"required": "Escriba el código postal.", "max_length": "Son cinco números."},
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off", "class": "short"}),
    )
    administrator = forms.EmailField(
        label="Correo de su administrador",
        help_text="Recibe la invitación para entrar y configurar lo demás.",
        error_messages={"required": "Escriba el correo.", "invalid": "El correo no está completo."},
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )


@operator
@require_http_methods(["GET", "POST"])
def organizations(request: HttpRequest) -> HttpResponse:
    form = FoundForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            made = founding.found(**form.cleaned_data, by=cast(User, request.user), now=timezone.now())
        except SetupRefused as refused:
            form.add_error(refused.field or None, refused.message)
        else:
            messages.success(request, f"{made.name} creada e invitación enviada.")
            return HttpResponseRedirect(reverse("support:organizations"))
    rows = list(Organization.objects.defer("logo").order_by("name"))
    context = {
        "section": "organizaciones",
        "rows": [(row, PORTAL_STATES[portal.state_of(row)]) for row in rows],
        "form": form,
    }
    return render(request, "support/organizations.html", context, status=422 if form.is_bound else 200)
