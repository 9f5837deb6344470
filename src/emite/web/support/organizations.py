"""The organizations of this installation, and how a new one begins."""

from __future__ import annotations

import uuid
from typing import cast

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from emite.accounts.models import User
from emite.care import payer_accounts
from emite.organizations import founding, portal
from emite.organizations.models import Organization
from emite.organizations.refusals import SetupRefused
from emite.web.access import operator
from emite.web.setup.words import PORTAL_STATES


class RfcForm(forms.Form):
    rfc = forms.CharField(
        label="RFC al que le facturan los consultorios",
        max_length=13,
        error_messages={"required": "Escriba el RFC."},
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}),
    )


class FoundForm(forms.Form):
    kind = forms.ChoiceField(
        label="Qué es",
        choices=Organization.Kind.choices,
        initial=Organization.Kind.HOSPITAL,
        error_messages={"invalid_choice": "Elija hospital, consultorio, aseguradora o administradora."},
    )
    name = forms.CharField(
        label="Nombre comercial", max_length=120, error_messages={"required": "Escriba su nombre comercial."}
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
        "rows": [(row, None if row.kind in payer_accounts.PAYING else PORTAL_STATES[portal.state_of(row)])
                 for row in rows],
        "form": form,
    }  # fmt: skip
    return render(request, "support/organizations.html", context, status=422 if form.is_bound else 200)


@operator
@require_http_methods(["GET", "POST"])
def receiving(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Whose invoices an insurer or administrator receives."""
    account = Organization.objects.filter(pk=pk, kind__in=payer_accounts.PAYING).first()
    if account is None:
        raise Http404
    by, now = cast(User, request.user), timezone.now()
    if gone := request.POST.get("quitar"):
        payer_accounts.part(account, gone, by=by, now=now)
        messages.success(request, f"{account.name} ya no recibe lo que se facture a {gone}.")
        return HttpResponseRedirect(reverse("support:receiving", args=[pk]))
    form = RfcForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            joined = payer_accounts.join(account, form.cleaned_data["rfc"], by=by, now=now)
        except SetupRefused as refused:
            form.add_error(refused.field or None, refused.message)
        else:
            messages.success(request, f"Listo. Consultorios que ya la tenían como aseguradora: {joined}.")
            return HttpResponseRedirect(reverse("support:receiving", args=[pk]))
    context = {
        "section": "organizaciones", "account": account, "form": form, "rfcs": payer_accounts.rfcs_of(account),
    }  # fmt: skip
    return render(request, "support/receiving.html", context, status=422 if form.is_bound else 200)
