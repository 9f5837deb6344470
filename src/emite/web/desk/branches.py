"""Branches: the page that adds, renames and retires them, and the field that chooses one in other forms."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from emite.charges.models import CashRegister
from emite.organizations import branches as service
from emite.organizations.models import Branch
from emite.organizations.refusals import SetupRefused
from emite.web.access import Need, StaffRequest, staff

NO_BRANCH = "Lugar de expedición del emisor"


class BranchField(forms.ChoiceField):
    """One of the branches in use, or none. `offer_branches` gives it its choices."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            label="Sucursal",
            required=False,
            error_messages={"invalid_choice": "Elija una sucursal de la lista: la que eligió ya no está en uso."},
            **kwargs,
        )


def offer_branches(form: forms.Form, organization: uuid.UUID) -> dict[str, Branch]:
    """Fill the form's `branch` and return the choices by key; without branches the field goes away."""
    rows = Branch.objects.filter(organization=organization, active=True).order_by("name")
    found = {str(row.pk): row for row in rows}
    if found:
        form.fields["branch"].choices = [("", NO_BRANCH), *((pk, str(row)) for pk, row in found.items())]  # type: ignore[attr-defined]
    else:
        del form.fields["branch"]
    return found


def branch_of_register(organization: uuid.UUID, register: str | None) -> str:
    """The branch of the register that the session used last, as a choice; "" without one."""
    if not register:
        return ""
    row = CashRegister.objects.filter(organization=organization, pk=register, branch__active=True).first()
    return str(row.branch_id) if row else ""


class NameForm(forms.Form):
    name = forms.CharField(
        label="Nombre",
        max_length=60,
        error_messages={"required": "Escriba el nombre de la sucursal.", "max_length": "Use a lo más 60 letras."},
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    address = forms.CharField(
        label="Domicilio",
        required=False,
        max_length=300,
        help_text="El que dicen sus tickets, en los renglones que quiera.",
        error_messages={"max_length": "Use a lo más 300 letras."},
        widget=forms.Textarea(attrs={"rows": 3, "autocomplete": "off"}),
    )


class BranchForm(NameForm):
    postal_code = forms.RegexField(
        r"^\d{5}$",
        label="Código postal",
        help_text="Es el lugar de expedición de sus facturas. No se cambia después: si se muda, agregue otra.",
        error_messages={"required": "Escriba el código postal.", "invalid": "Escriba los 5 dígitos."},
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off", "class": "short"}),
    )


class EditForm(NameForm):
    active = forms.BooleanField(
        label="En uso",
        required=False,
        help_text="Fuera de uso ya no se ofrece; lo que cobró conserva su lugar de expedición.",
    )


@staff(Need.ADMINISTER)
@require_http_methods(["GET", "POST"])
def branches(request: StaffRequest) -> HttpResponse:
    form = BranchForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = service.add(request.organization, **form.cleaned_data, user=request.user, now=timezone.now())
        except SetupRefused as refused:
            form.add_error(refused.field or None, refused.message)
        else:
            messages.success(request, f"Sucursal {made.name} agregada.")
            return HttpResponseRedirect(reverse("desk:branches"))
    rows = Branch.objects.filter(organization=request.organization).order_by("-active", "name")
    return _render(request, "desk/branches.html", form, branches=rows)


@staff(Need.ADMINISTER)
@require_http_methods(["GET", "POST"])
def branch(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    row = Branch.objects.filter(organization=request.organization, pk=pk).first()
    if row is None:
        raise Http404
    form = EditForm(request.POST or None, initial={"name": row.name, "address": row.address, "active": row.active})
    if request.method == "POST" and form.is_valid():
        try:
            service.change(row, **form.cleaned_data, user=request.user, now=timezone.now())
        except SetupRefused as refused:
            form.add_error(refused.field or None, refused.message)
        else:
            messages.success(request, f"Sucursal {form.cleaned_data['name']} guardada.")
            return HttpResponseRedirect(reverse("desk:branches"))
    return _render(request, "desk/branch.html", form, branch=row)


def _render(request: StaffRequest, template: str, form: forms.Form, **more: Any) -> HttpResponse:
    context = {"organization": request.organization, "membership": request.membership, "section": "cajas", "form": form}
    return render(request, template, context | more, status=422 if form.is_bound else 200)
