"""Cash registers: list them, add one, say which one books what the portal invoices ("Facturación web"), their printer,
and the rule of collecting."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from emite.audit import record
from emite.cfdi.money import text
from emite.charges.allowing import policy_of
from emite.charges.models import CashRegister, CollectingPolicy, RegisterSession
from emite.organizations.models import Organization
from emite.web.access import Need, StaffRequest, staff
from emite.web.desk.branches import NO_BRANCH, BranchField, offer_branches
from emite.web.desk.session_forms import PolicyForm, PrinterForm
from emite.web.printing.printers import PrinterRefused, check_address


class RegisterForm(forms.Form):
    name = forms.CharField(
        label="Nombre",
        max_length=60,
        error_messages={"required": "Escriba el nombre de la caja.", "max_length": "Use a lo más 60 letras."},
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    web_invoicing = forms.BooleanField(
        label="Facturación web",
        required=False,
        help_text="Lleva el control de lo que facturan los pacientes en el portal. No recibe pagos, y solo hay una.",
    )

    branch = BranchField(help_text="Dónde está la caja. Lo que cobre propone esta sucursal.")

    def __init__(self, data: Any = None, *, organization: Organization, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        self.organization = organization
        self.branches = offer_branches(self, organization.pk)

    def clean_name(self) -> str:
        name = " ".join(self.cleaned_data["name"].split())
        if CashRegister.objects.filter(organization=self.organization, name__iexact=name).exists():
            raise forms.ValidationError(f"Ya hay una caja que se llama {name}: use otro nombre.")
        return name

    def clean_web_invoicing(self) -> bool:
        web = bool(self.cleaned_data["web_invoicing"])
        if web:
            other = CashRegister.objects.filter(organization=self.organization, web_invoicing=True, active=True).first()
            if other:
                raise forms.ValidationError(
                    f"La caja {other.name} ya es la de facturación web y solo puede haber una: desactívela primero."
                )
        return web


@staff(Need.ADMINISTER)
@require_http_methods(["GET", "POST"])
def registers(request: StaffRequest) -> HttpResponse:
    form = RegisterForm(request.POST or None, organization=request.organization)
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            # Two administrators at once: the second waits here, and then sees what the first did.
            Organization.objects.select_for_update().get(pk=request.organization.pk)
            form.full_clean()
            if form.is_valid():
                _add(request, form)
                messages.success(request, f"Caja {form.cleaned_data['name']} agregada.")
                return HttpResponseRedirect(reverse("desk:registers"))
    return _page(request, {"form": form}, bad=form.is_bound)


def _page(request: StaffRequest, forms_of_page: dict[str, Any], *, bad: bool = False) -> HttpResponse:
    """The page, with the form that has errors as it was posted and the others as they stand."""
    rule = policy_of(request.organization.pk)
    stands = {"needs_open_register": rule.needs_open_register, "free_limit": f"{rule.free_limit:.2f}"}
    context = {
        "organization": request.organization,
        "membership": request.membership,
        "registers": CashRegister.objects.filter(organization=request.organization)
        .select_related("branch")
        .order_by("-active", "name"),
        "form": (fresh := RegisterForm(organization=request.organization)),
        "has_branches": bool(fresh.branches),
        "policy": PolicyForm(initial=stands),
        "section": "cajas",
    }
    return render(request, "desk/registers.html", context | forms_of_page, status=422 if bad else 200)


@staff(Need.ADMINISTER)
@require_POST
def policy(request: StaffRequest) -> HttpResponse:
    """Whether registers must be open to take money, and how much a cashier corrects alone."""
    form = PolicyForm(request.POST)
    if not form.is_valid():
        return _page(request, {"policy": form}, bad=True)
    data = form.cleaned_data
    with transaction.atomic():
        Organization.objects.select_for_update().get(pk=request.organization.pk)
        before = policy_of(request.organization.pk)
        CollectingPolicy.objects.update_or_create(organization=request.organization, defaults=data)
        record(
            organization_id=request.organization.pk,
            actor=request.user.email,
            action="collecting.policy",
            subject=f"organization:{request.organization.pk}",
            before={"needs_open_register": before.needs_open_register, "free_limit": text(before.free_limit, 2)},
            after={"needs_open_register": data["needs_open_register"], "free_limit": text(data["free_limit"], 2)},
            now=timezone.now(),
        )
    messages.success(request, "Reglas de cobro guardadas.")
    return HttpResponseRedirect(reverse("desk:registers"))


@staff(Need.ADMINISTER)
@require_http_methods(["GET", "POST"])
def printer(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """The thermal printer of a register, when it has one on the network."""
    register = CashRegister.objects.filter(organization=request.organization, pk=pk).first()
    if register is None:
        raise Http404
    names = ("printer_host", "printer_port", "paper_width")
    form = PrinterForm(request.POST or None, initial={name: getattr(register, name) for name in names})
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            data["printer_host"] = check_address(data["printer_host"]) if data["printer_host"] else ""
        except PrinterRefused as refused:
            form.add_error("printer_host", str(refused))
        else:
            _set_printer(request, register, data)
            messages.success(request, f"Impresora de {register.name} guardada.")
            return HttpResponseRedirect(reverse("desk:registers"))
    context = {
        "organization": request.organization,
        "membership": request.membership,
        "register": register,
        "form": form,
        "section": "cajas",
    }
    return render(request, "desk/printer.html", context, status=422 if form.is_bound else 200)


def _set_printer(request: StaffRequest, register: CashRegister, data: dict[str, Any]) -> None:
    with transaction.atomic():
        CashRegister.objects.filter(organization=request.organization, pk=register.pk).update(**data)
        record(
            organization_id=request.organization.pk,
            actor=request.user.email,
            action="register.printer",
            subject=f"register:{register.pk}",
            after=data,
            now=timezone.now(),
        )


def _add(request: StaffRequest, form: RegisterForm) -> None:
    data = form.cleaned_data
    made = CashRegister.objects.create(
        organization=request.organization,
        name=data["name"],
        web_invoicing=data["web_invoicing"],
        branch=form.branches.get(data.get("branch", "")),
    )
    record(
        organization_id=request.organization.pk,
        actor=request.user.email,
        action="register.create",
        subject=f"register:{made.pk}",
        after={"name": made.name, "web_invoicing": made.web_invoicing}
        | ({"branch": made.branch.name} if made.branch else {}),
        now=timezone.now(),
    )


class PlaceForm(forms.Form):
    """Where a register stands."""

    branch = BranchField(help_text="Lo que esta caja cobre desde ahora propone esta sucursal.")

    def __init__(self, data: Any = None, *, organization: Organization, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        self.branches = offer_branches(self, organization.pk)


@staff(Need.ADMINISTER)
@require_http_methods(["GET", "POST"])
def place(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """Say in which branch a register stands. What it charged stays where it was charged."""
    register = CashRegister.objects.filter(organization=request.organization, pk=pk).select_related("branch").first()
    if register is None:
        raise Http404
    form = PlaceForm(
        request.POST or None, organization=request.organization, initial={"branch": str(register.branch_id or "")}
    )
    if "branch" not in form.fields:
        return HttpResponseRedirect(reverse("desk:branches"))
    if request.method == "POST" and form.is_valid():
        branch = form.branches.get(form.cleaned_data["branch"])
        with transaction.atomic():
            CashRegister.objects.filter(organization=request.organization, pk=register.pk).update(branch=branch)
            record(
                organization_id=request.organization.pk,
                actor=request.user.email,
                action="register.branch",
                subject=f"register:{register.pk}",
                before={"branch": register.branch.name if register.branch else ""},
                after={"branch": branch.name if branch else ""},
                now=timezone.now(),
            )
        messages.success(request, f"Caja {register.name}: {branch.name if branch else NO_BRANCH}.")
        return HttpResponseRedirect(reverse("desk:registers"))
    context = {
        "organization": request.organization,
        "membership": request.membership,
        "register": register,
        "form": form,
        "section": "cajas",
    }
    return render(request, "desk/register_place.html", context, status=422 if form.is_bound else 200)


@staff(Need.ADMINISTER)
@require_POST
def switch(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """Put a register out of use, or back into it. What it took stays where it is."""
    with transaction.atomic():
        Organization.objects.select_for_update().get(pk=request.organization.pk)
        register = CashRegister.objects.filter(organization=request.organization, pk=pk).first()
        if register is None:
            raise Http404
        rival = CashRegister.objects.filter(organization=request.organization, web_invoicing=True, active=True)
        if not register.active and register.web_invoicing and rival.exists():
            messages.error(request, "Ya hay otra caja de facturación web en uso: desactívela primero.")
            return HttpResponseRedirect(reverse("desk:registers"))
        if register.active and RegisterSession.objects.filter(register=register, closed_at=None).exists():
            messages.error(request, f"La caja {register.name} está abierta: haga su corte primero.")
            return HttpResponseRedirect(reverse("desk:registers"))
        register.active = not register.active
        register.save(update_fields=["active"])
        record(
            organization_id=request.organization.pk,
            actor=request.user.email,
            action="register.activate" if register.active else "register.deactivate",
            subject=f"register:{register.pk}",
            now=timezone.now(),
        )
    words = "está otra vez en uso" if register.active else "quedó fuera de uso"
    messages.success(request, f"La caja {register.name} {words}.")
    return HttpResponseRedirect(reverse("desk:registers"))
