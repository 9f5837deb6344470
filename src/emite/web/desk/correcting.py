"""Undo a payment, give services back, and write down what needs a credit note: each with its reason.

What may be done is decided in `charges.correcting`.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from emite.charges.allocating import live_document
from emite.charges.allowing import NotAllowed, policy_of
from emite.charges.collecting import ANTICIPO, DESK_FORMS, Part, paid_in
from emite.charges.correcting import (
    CorrectionRefused,
    NeedsCreditNote,
    Remainder,
    refund,
    remainder,
    suggested,
    void_slip,
)
from emite.charges.following import NothingToFollow, ask
from emite.charges.models import AnticipoApplication, CashRegister, Charge, ChargeLine, FollowUp
from emite.charges.pricing import tidy
from emite.web.access import Need, StaffRequest, staff
from emite.web.amounts import AmountField
from emite.web.desk.charge_page import ReasonForm, charge_or_404
from emite.web.desk.payment_form import desk_registers
from emite.web.desk.prints import slip_or_404


@staff(Need.COLLECT)
@require_http_methods(["GET", "POST"])
def void_payment(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """Undo one payment, whole, while its register is open."""
    slip = slip_or_404(request.organization, pk)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            void_slip(slip, reason=form.cleaned_data["reason"], user=request.user, now=timezone.now())
        except (CorrectionRefused, NotAllowed) as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(request, f"El pago {slip.folio} quedó cancelado.")
            return HttpResponseRedirect(reverse("desk:charge", args=[slip.charge_id]))
    applied = AnticipoApplication.objects.filter(slip=slip).select_related("deposit").first()
    context = _base(request, slip.charge) | {"slip": slip, "form": form, "applied": applied}
    return render(request, "desk/void_payment.html", context, status=422 if form.is_bound else 200)


class RefundForm(forms.Form):
    """How much of each line goes back; then, seen what it comes to, in which forms, where and why."""

    reason = forms.CharField(
        label="Motivo",
        max_length=200,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": "Escriba por qué se devuelve.", "max_length": "Use a lo más 200 letras."},
    )
    register = forms.ChoiceField(label="Caja", error_messages={"required": "Elija de qué caja sale."})
    key = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(
        self,
        data: Any = None,
        *,
        lines: list[ChargeLine],
        registers: list[CashRegister],
        paid: Mapping[str, Decimal],
        **kwargs: Any,
    ) -> None:
        super().__init__(data, **kwargs)
        self.lines, self.paid = lines, paid
        self.registers = {str(register.pk): register for register in registers}
        self.fields["register"].choices = [  # type: ignore[attr-defined]
            *([("", "Elija…")] if len(registers) != 1 else []),
            *((pk, register.name) for pk, register in self.registers.items()),
        ]
        for line in lines:
            self.fields[f"line-{line.pk}"] = AmountField(
                label=f"Cuánto se devuelve de {line.description}", required=False
            )
        for key in paid:
            self.fields[f"part-{key}"] = AmountField(label=DESK_FORMS.get(key, key), required=False)

    def rows(self) -> list[tuple[ChargeLine, forms.BoundField]]:
        return [(line, self[f"line-{line.pk}"]) for line in self.lines]

    def part_fields(self) -> list[forms.BoundField]:
        return [self[f"part-{key}"] for key in self.paid]

    def back(self) -> dict[uuid.UUID, Decimal]:
        """Only after is_valid() or with its lines valid."""
        return {line.pk: self.cleaned_data.get(f"line-{line.pk}") or Decimal(0) for line in self.lines}

    def parts(self) -> list[Part]:
        """Only after is_valid()."""
        amounts = {key: self.cleaned_data[f"part-{key}"] for key in self.paid}
        return [Part(key, amount) for key, amount in amounts.items() if amount]

    def lines_are_valid(self) -> bool:
        return not any(f"line-{line.pk}" in self.errors for line in self.lines)

    def refuse(self, refused: CorrectionRefused) -> None:
        name = refused.field
        if name == "parts" and self.paid:
            name = f"part-{next(iter(self.paid))}"
        self.add_error(name if name in self.fields else None, refused.message)


@staff(Need.COLLECT)
@require_http_methods(["GET", "POST"])
def refunding(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """First what goes back, then what it comes to and how it is handed over. Invoiced: a request that waits."""
    charge = charge_or_404(request.organization, pk)
    if live_document(charge) is not None:
        return _credit_note(request, charge)
    terms: dict[str, Any] = {
        "lines": list(charge.lines.all()),
        "registers": desk_registers(request.organization),
        "paid": {form: amount for form, amount in paid_in(charge).items() if form != ANTICIPO},
    }
    if request.method == "GET":
        initial = {"key": str(uuid.uuid4()), "register": request.session.get("register", "")}
        return _form(request, charge, RefundForm(initial=initial, **terms), None)
    form = RefundForm(request.POST, **terms)
    whole = request.POST.get("accion") == "todo"
    if whole:
        form = RefundForm(_everything(request.POST, terms["lines"]), **terms)
    form.is_valid()
    left = None
    try:
        if form.lines_are_valid():
            left = remainder(charge, form.back())
        if left is not None and request.POST.get("accion") == "devolver" and form.is_valid():
            made = refund(
                charge, form.back(), form.parts(), reason=form.cleaned_data["reason"],
                register=form.registers[form.cleaned_data["register"]], user=request.user, now=timezone.now(),
                key=form.cleaned_data["key"],
            )  # fmt: skip
            messages.success(request, f"Devolución {made.folio} registrada: entregue ${made.amount:,.2f}.")
            return HttpResponseRedirect(reverse("desk:charge", args=[charge.pk]))
    except NeedsCreditNote:
        return HttpResponseRedirect(request.path)
    except CorrectionRefused as refused:
        form.refuse(refused)
    except NotAllowed as refused:
        form.add_error(None, str(refused))
    if left is not None and request.POST.get("accion") != "devolver":
        return _form(request, charge, _second_step(charge, form, left, terms), left)
    return _form(request, charge, form, left, status=422)


def _everything(posted: Mapping[str, Any], lines: list[ChargeLine]) -> dict[str, Any]:
    """The same form with every line given back whole."""
    data = {name: posted.get(name, "") for name in posted}
    return data | {f"line-{line.pk}": f"{tidy(line.quantity, 0):f}" for line in lines}


def _second_step(charge: Charge, form: RefundForm, left: Remainder, terms: dict[str, Any]) -> RefundForm:
    """What was typed, with the money as it would go back; no complaint yet about what nobody was asked."""
    initial: dict[str, Any] = {f"line-{pk}": f"{tidy(amount, 0):f}" for pk, amount in form.back().items() if amount}
    initial |= {f"part-{key}": f"{amount:.2f}" for key, amount in suggested(charge, left.back).items()}
    initial |= {name: form.data.get(name, "") for name in ("reason", "register", "key")}
    return RefundForm(initial=initial, **terms)


def _form(
    request: StaffRequest, charge: Charge, form: RefundForm, left: Remainder | None, *, status: int = 200
) -> HttpResponse:
    context = _base(request, charge) | {
        "form": form,
        "left": left,
        "limit": policy_of(charge.organization_id).free_limit,
    }
    return render(request, "desk/refund.html", context, status=status)


class CreditNoteForm(forms.Form):
    amount = AmountField(label="Cuánto se pide devolver", error_messages={"required": "Escriba cuánto se pide."})
    reason = forms.CharField(
        label="Motivo",
        max_length=400,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": "Escriba por qué se pide.", "max_length": "Use a lo más 400 letras."},
    )


def _credit_note(request: StaffRequest, charge: Charge) -> HttpResponse:
    """Nothing is given back: what was asked for is kept until a credit note is made."""
    form = CreditNoteForm(request.POST if "amount" in request.POST else None)
    if form.is_bound and form.is_valid() and not 0 < form.cleaned_data["amount"] <= charge.total:
        form.add_error("amount", f"Escriba una cantidad de hasta ${charge.total:,.2f}.")
    if form.is_bound and form.is_valid():
        try:
            ask(
                charge, FollowUp.Kind.CREDIT_NOTE, reason=form.cleaned_data["reason"],
                amount=form.cleaned_data["amount"], user=request.user, now=timezone.now(),
            )  # fmt: skip
        except NothingToFollow:
            return HttpResponseRedirect(request.path)
        messages.success(request, "La solicitud quedó anotada: requiere nota de crédito. No se ha devuelto nada.")
        return HttpResponseRedirect(reverse("desk:charge", args=[charge.pk]))
    context = _base(request, charge) | {"form": form}
    return render(request, "desk/credit_note.html", context, status=422 if form.is_bound else 200)


def _base(request: StaffRequest, charge: Charge) -> dict[str, Any]:
    return {
        "organization": request.organization,
        "membership": request.membership,
        "zone": request.organization.zone,
        "charge": charge,
    }
