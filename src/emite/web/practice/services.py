"""Servicios: what was rendered, entered one by one; corrected and voided while nobody was invoiced for it."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Q
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from emite.care import rendering
from emite.care.models import CareService, CodeSystem, Contract, Payer, Physician
from emite.care.rendering import Rendered, ServiceRefused, service_of
from emite.issuers.models import Issuer
from emite.organizations.models import Organization
from emite.web.amounts import AmountField
from emite.web.practice.access import Need, StaffRequest, practice
from emite.web.practice.finance import page_of
from emite.web.practice.settings import context_of


class ServiceForm(forms.Form):
    """A service rendered. Names as in `rendering.Rendered`."""

    patient_name = forms.CharField(
        label="Paciente", max_length=200, error_messages={"required": "Escriba el nombre del paciente."}
    )
    rendered_on = forms.DateField(
        label="Fecha del servicio", widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        error_messages={"required": "Escriba la fecha del servicio.", "invalid": "Esa fecha no existe."},
    )  # fmt: skip
    issuer = forms.ModelChoiceField(Issuer.objects.none(), label="RFC que factura", empty_label=None)
    physician = forms.ModelChoiceField(Physician.objects.none(), label="Médico", empty_label=None)
    payer = forms.ModelChoiceField(
        Payer.objects.none(), label="Aseguradora", empty_label="Elija…",
        error_messages={"required": "Elija la aseguradora."},
    )  # fmt: skip
    contract = forms.ModelChoiceField(Contract.objects.none(), label="Plan", required=False, empty_label="Sin plan")
    system = forms.ChoiceField(label="Sistema de códigos", choices=CodeSystem.choices)
    code = forms.CharField(label="Código", max_length=20, error_messages={"required": "Escriba el código."})
    description = forms.CharField(label="Servicio", max_length=200, required=False)
    fee = AmountField(label="Honorario", required=False, help_text="Sin IVA. Vacío: la tarifa del plan.")
    patient_part = AmountField(label="Parte del paciente", required=False, help_text="Vacío: la calcula el plan.")
    reference = forms.CharField(label="Autorización o siniestro", max_length=60, required=False)
    patient_email = forms.EmailField(label="Correo del paciente", required=False)

    def __init__(self, data: Any, organization: Organization, **options: Any) -> None:
        super().__init__(data, **options)
        own: dict[str, Any] = {
            "issuer": Issuer.objects.filter(organization=organization).order_by("created_at"),
            # Whom a service has already may stay, also when retired.
            "physician": Physician.objects.filter(
                Q(active=True) | Q(pk=getattr(self.initial.get("physician"), "pk", None)), organization=organization
            ).order_by("name"),
            "payer": Payer.objects.filter(organization=organization, active=True).order_by("name"),
            "contract": Contract.objects.select_related("payer").filter(organization=organization, active=True),
        }
        for name, rows in own.items():
            self.fields[name].queryset = rows  # type: ignore[attr-defined]
        for name in self.fields:
            self.fields[name].widget.attrs.setdefault("autocomplete", "off")


@practice(Need.SEE)
@require_GET
def services(request: StaffRequest) -> HttpResponse:
    """The newest first."""
    rows = CareService.objects.select_related("payer", "physician").filter(organization=request.organization)
    shown = page_of(request, rows.order_by("-rendered_on", "-id"))
    return render(request, "practice/services.html", context_of(request, "servicios", page=shown))


@practice(Need.COLLECT)
@require_http_methods(["GET", "POST"])
def add(request: StaffRequest) -> HttpResponse:
    return _edit(request, None)


@practice(Need.COLLECT)
@require_http_methods(["GET", "POST"])
def change(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    return _edit(request, _service(request, pk))


def _edit(request: StaffRequest, row: CareService | None) -> HttpResponse:
    now = timezone.now()
    initial: dict[str, Any] = {"rendered_on": request.organization.local_date(now), "system": CodeSystem.CPT4}
    if row is not None:
        initial = {name: getattr(row, name) for name in ServiceForm.base_fields}
    form = ServiceForm(request.POST or None, request.organization, initial=initial)
    if request.method == "POST" and form.is_valid():
        asked = Rendered(**form.cleaned_data)
        try:
            if row is None:
                kept = rendering.enter(request.organization, asked, user=request.user, now=now)
            else:
                kept = rendering.change(row, asked, user=request.user, now=now)
        except ServiceRefused as refused:
            form.add_error(refused.field if refused.field in form.fields else None, refused.message)
        else:
            parts = f"el paciente paga ${kept.patient_part:,.2f} y la aseguradora ${kept.payer_part:,.2f}"
            messages.success(request, f"Servicio guardado: {parts}.")
            return HttpResponseRedirect(reverse("practice:services"))
    context = context_of(request, "servicios", form=form, row=row)
    return render(request, "practice/service.html", context, status=422 if form.is_bound else 200)


@practice(Need.COLLECT)
@require_POST
def void(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    row = _service(request, pk)
    try:
        rendering.void(row, reason=request.POST.get("motivo", ""), user=request.user, now=timezone.now())
    except ServiceRefused as refused:
        messages.error(request, refused.message)
        return HttpResponseRedirect(reverse("practice:service", args=[row.pk]))
    messages.success(request, "Servicio anulado.")
    return HttpResponseRedirect(reverse("practice:services"))


def _service(request: StaffRequest, pk: uuid.UUID) -> CareService:
    found = service_of(request.organization, pk)
    if found is None:
        raise Http404
    return found


_HERE = "consultorio/configuracion/servicios/"
addresses: list[URLPattern] = [
    path(_HERE, services, name="services"),
    path(f"{_HERE}nuevo/", add, name="service_add"),
    path(f"{_HERE}<uuid:pk>/", change, name="service"),
    path(f"{_HERE}<uuid:pk>/anular/", void, name="service_void"),
]
