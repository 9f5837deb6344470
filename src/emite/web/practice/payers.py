"""Aseguradoras y planes: whom the practice invoices, and what each plan leaves to the patient."""

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

from emite.care import paying_parties
from emite.care.models import CodeSystem, Contract, Payer, Tariff
from emite.care.paying_parties import PartyRefused
from emite.cfdi import addenda, codes
from emite.invoices import lint
from emite.issuers.models import Issuer
from emite.web.fiscal import legal_name, regimen_choices
from emite.web.practice.access import Need, StaffRequest, practice
from emite.web.practice.settings import context_of


def _money(label: str, **options: Any) -> forms.DecimalField:
    return forms.DecimalField(
        label=label, min_value=0, max_digits=12, decimal_places=2, localize=False,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
        error_messages={
            "required": "Escriba la cantidad, o 0.", "invalid": "Escriba solo números, por ejemplo 250.00.",
            "min_value": "No puede ser negativo.", "max_decimal_places": "Use a lo más dos decimales.",
        },
        **options,
    )  # fmt: skip


class PayerForm(forms.Form):
    """Names as in `paying_parties.PAYER`."""

    name = forms.CharField(
        label="Nombre comercial", max_length=120, error_messages={"required": "Escriba cómo la conoce."}
    )
    rfc = forms.CharField(label="RFC", max_length=20, error_messages={"required": "Escriba el RFC."})
    nombre = forms.CharField(
        label="Razón social", max_length=300, help_text="Como está en su Constancia, sin S.A. de C.V.",
        error_messages={"required": "Escriba la razón social."},
    )  # fmt: skip
    regimen_fiscal = forms.ChoiceField(label="Régimen fiscal", error_messages={"required": "Elija el régimen."})
    postal_code = forms.CharField(
        label="Código postal fiscal", max_length=5, error_messages={"required": "Escriba el código postal."}
    )
    uso_cfdi = forms.ChoiceField(label="Uso del CFDI")
    is_administrator = forms.BooleanField(label="Es administradora", required=False)
    email = forms.EmailField(label="Correo de cuentas por pagar", required=False)
    tolerance = _money("Diferencia que admite entre factura y servicios")
    reference_label = forms.CharField(label="Referencia que pide", max_length=60, required=False)
    reference_required = forms.BooleanField(label="La referencia es obligatoria", required=False)
    folio_rule = forms.CharField(
        label="Forma de sus folios",
        max_length=120,
        required=False,
        help_text=f"Vacío: cualquiera. Por ejemplo {lint.EXAMPLE}: hasta cuatro letras y de uno a diez números.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    names_patient = forms.BooleanField(label="Escribir el nombre del paciente en la factura", required=False)
    addenda = forms.CharField(
        label="Addenda que pide (XML)", required=False, strip=True,
        widget=forms.Textarea(attrs={"rows": 5, "spellcheck": "false", "autocomplete": "off", "class": "mono"}),
        help_text="Vacío: ninguna. Lo que va dentro de cfdi:Addenda, con los datos del CFDI entre llaves: "
        '<Proveedor numero="123" factura="{folio}" total="{total}"/>. Hay '
        + ", ".join(f"{{{name}}}" for name in addenda.VALUES) + ".",
    )  # fmt: skip
    active = forms.BooleanField(label="En uso", required=False)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["regimen_fiscal"].choices = [("", "Elija…"), *regimen_choices("M")]  # type: ignore[attr-defined]
        usos = [(key, f"{key} {label}") for key, label in codes.labels("c_UsoCFDI")]
        self.fields["uso_cfdi"].choices = usos  # type: ignore[attr-defined]

    def clean_folio_rule(self) -> str:
        rule: str = self.cleaned_data["folio_rule"]
        if problem := lint.rule_problem(rule):
            raise forms.ValidationError(problem)
        return rule

    def clean_addenda(self) -> str:
        written: str = self.cleaned_data["addenda"]
        try:
            if written:
                addenda.require(written)
        except addenda.AddendaRefused as refused:
            raise forms.ValidationError(refused.message) from refused
        return written

    def clean_nombre(self) -> str:
        return legal_name(self.cleaned_data["nombre"])


class ContractForm(forms.Form):
    """Names as in `paying_parties.CONTRACT`."""

    name = forms.CharField(label="Plan", max_length=120, error_messages={"required": "Escriba el nombre del plan."})
    issuer = forms.ModelChoiceField(Issuer.objects.none(), label="RFC que factura", empty_label=None)
    deductible = _money("Deducible por servicio", initial="0.00")
    copay = _money("Copago", initial="0.00")
    coinsurance = forms.DecimalField(
        label="Coaseguro, %", min_value=0, max_value=100, max_digits=5, decimal_places=2, initial="0.00",
        help_text="Del honorario, ya sin deducible ni copago.",
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
        error_messages={
            "required": "Escriba el porcentaje, o 0.", "invalid": "Escriba un porcentaje, por ejemplo 10.",
            "min_value": "Es un porcentaje de 0 a 100.", "max_value": "Es un porcentaje de 0 a 100.",
        },
    )  # fmt: skip
    tariffs = forms.CharField(
        label="Tarifas CPT4", required=False, widget=forms.Textarea(attrs={"rows": 6}),
        help_text="Un renglón por código, con su tarifa sin IVA: 99213 900.00",
    )  # fmt: skip
    active = forms.BooleanField(label="En uso", required=False)


@practice(Need.SEE)
@require_GET
def payers(request: StaffRequest) -> HttpResponse:
    rows = Payer.objects.filter(organization=request.organization).prefetch_related("contracts").order_by("name")
    return render(request, "practice/payers.html", context_of(request, "aseguradoras", payers=rows))


@practice(Need.PRICE)
@require_http_methods(["GET", "POST"])
def add(request: StaffRequest) -> HttpResponse:
    return _edit(request, None)


@practice(Need.PRICE)
@require_http_methods(["GET", "POST"])
def change(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    return _edit(request, _payer(request, pk))


def _edit(request: StaffRequest, row: Payer | None) -> HttpResponse:
    initial: dict[str, Any] = {"uso_cfdi": "G03", "regimen_fiscal": "601", "tolerance": "0.01", "active": True}
    if row is not None:
        initial = {name: getattr(row, name) for name in paying_parties.PAYER}
    form = PayerForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            kept = paying_parties.keep_payer(
                request.organization, form.cleaned_data, payer=row, user=request.user, now=timezone.now()
            )
        except PartyRefused as refused:
            form.add_error(refused.field or None, refused.message)
        else:
            messages.success(request, f"{kept.name} guardada.")
            return HttpResponseRedirect(reverse("practice:payers"))
    context = context_of(request, "aseguradoras", form=form, payer=row)
    return render(request, "practice/payer.html", context, status=422 if form.is_bound else 200)


@practice(Need.PRICE)
@require_http_methods(["GET", "POST"])
def add_contract(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    return _contract(request, _payer(request, pk), None)


@practice(Need.PRICE)
@require_http_methods(["GET", "POST"])
def change_contract(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    rows = Contract.objects.select_related("payer__organization")
    row = rows.filter(organization=request.organization, pk=pk).first()
    if row is None:
        raise Http404
    return _contract(request, row.payer, row)


def _contract(request: StaffRequest, payer: Payer, row: Contract | None) -> HttpResponse:
    initial: dict[str, Any] = {"active": True}
    if row is not None:
        kept = Tariff.objects.filter(organization=request.organization, contract=row, system=CodeSystem.CPT4)
        initial = {name: getattr(row, name) for name in paying_parties.CONTRACT}
        initial["tariffs"] = "\n".join(f"{each.code} {each.fee:.2f}" for each in kept.order_by("code"))
    form = ContractForm(request.POST or None, initial=initial)
    form.fields["issuer"].queryset = Issuer.objects.filter(organization=request.organization)  # type: ignore[attr-defined]
    if request.method == "POST" and form.is_valid():
        try:
            tariffs = paying_parties.read_tariffs(form.cleaned_data["tariffs"])
            paying_parties.keep_contract(
                payer, form.cleaned_data, tariffs, contract=row, user=request.user, now=timezone.now()
            )
        except PartyRefused as refused:
            form.add_error(refused.field or None, refused.message)
        else:
            messages.success(request, "Plan guardado. Vale para los servicios que se registren desde ahora.")
            return HttpResponseRedirect(reverse("practice:payers"))
    context = context_of(request, "aseguradoras", form=form, payer=payer, contract=row)
    return render(request, "practice/contract.html", context, status=422 if form.is_bound else 200)


def _payer(request: StaffRequest, pk: uuid.UUID) -> Payer:
    found = Payer.objects.select_related("organization").filter(organization=request.organization, pk=pk).first()
    if found is None:
        raise Http404
    return found


_HERE = "consultorio/configuracion/aseguradoras/"
addresses: list[URLPattern] = [
    path(_HERE, payers, name="payers"),
    path(f"{_HERE}nueva/", add, name="payer_add"),
    path(f"{_HERE}<uuid:pk>/", change, name="payer"),
    path(f"{_HERE}<uuid:pk>/planes/nuevo/", add_contract, name="contract_add"),
    path(f"{_HERE}planes/<uuid:pk>/", change_contract, name="contract"),
]
