"""Médicos: who renders the practice's services. Their kind chooses which consultations are offered first to link."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from emite.accounts.models import User
from emite.care import staffing
from emite.care.models import Physician
from emite.care.staffing import PhysicianRefused
from emite.organizations.models import Membership, Organization
from emite.web.practice.access import Need, StaffRequest, practice
from emite.web.practice.settings import context_of


class PhysicianForm(forms.Form):
    """Names as in `staffing.FIELDS`."""

    name = forms.CharField(
        label="Nombre", max_length=200, widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": "Escriba el nombre del médico."},
    )  # fmt: skip
    kind = forms.ChoiceField(
        label="Tipo", choices=[("", "Elija…"), *Physician.Kind.choices],
        help_text="Decide qué consultas se ofrecen primero al vincular: 99202 y 99212 si es de primer contacto, "
        "99203 y 99213 si es especialista.",
        error_messages={"required": "Elija si es de primer contacto o especialista."},
    )  # fmt: skip
    cedula = forms.CharField(
        label="Cédula profesional", max_length=12, required=False,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )  # fmt: skip
    user = forms.ModelChoiceField(
        User.objects.none(), label="Su cuenta aquí", required=False, empty_label="No entra al sistema"
    )
    active = forms.BooleanField(
        label="Atiende aquí", required=False,
        help_text="Sin marcar queda retirado: sus servicios se conservan y ya no se le registran otros.",
    )  # fmt: skip

    def __init__(self, data: Any, organization: Organization, **options: Any) -> None:
        super().__init__(data, **options)
        people = Membership.objects.active().filter(organization=organization).values("user")
        self.fields["user"].queryset = User.objects.filter(pk__in=people).order_by("name")  # type: ignore[attr-defined]


@practice(Need.ADMINISTER)
@require_GET
def physicians(request: StaffRequest) -> HttpResponse:
    """Those who attend first, then those retired."""
    rows = Physician.objects.select_related("user").filter(organization=request.organization)
    context = context_of(request, "medicos", physicians=rows.order_by("-active", "name"))
    return render(request, "practice/physicians.html", context)


@practice(Need.ADMINISTER)
@require_http_methods(["GET", "POST"])
def add(request: StaffRequest) -> HttpResponse:
    return _edit(request, None)


@practice(Need.ADMINISTER)
@require_http_methods(["GET", "POST"])
def change(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    row = Physician.objects.filter(organization=request.organization, pk=pk).first()
    if row is None:
        raise Http404
    return _edit(request, row)


def _edit(request: StaffRequest, row: Physician | None) -> HttpResponse:
    initial: dict[str, Any] = {"active": True}
    title = "Agregar médico"
    if row is not None:
        initial = {name: getattr(row, name) for name in staffing.FIELDS}
        title = row.name
    form = PhysicianForm(request.POST or None, request.organization, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            kept = staffing.keep(
                request.organization, form.cleaned_data, physician=row, user=request.user, now=timezone.now()
            )
        except PhysicianRefused as refused:
            form.add_error(refused.field or None, refused.message)
        else:
            messages.success(request, f"{kept.name}: guardado." if kept.active else f"{kept.name}: retirado.")
            return HttpResponseRedirect(reverse("practice:physicians"))
    context = context_of(request, "medicos", form=form, title=title)
    return render(request, "practice/physician.html", context, status=422 if form.is_bound else 200)


_HERE = "consultorio/configuracion/medicos/"
addresses: list[URLPattern] = [
    path(_HERE, physicians, name="physicians"),
    path(f"{_HERE}nuevo/", add, name="physician_add"),
    path(f"{_HERE}<uuid:pk>/", change, name="physician"),
]
