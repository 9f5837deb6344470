"""Deposits at the desk: take one, have it pay some of an account, and ask again for the note that applies it."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path, reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from emite.cfdi.taxes import Treatment
from emite.chargemaster.models import TREATMENT_CHOICES
from emite.charges import anticipos as taking
from emite.charges.allocating import live_document
from emite.charges.allowing import NotAllowed
from emite.charges.anticipos import DepositRefused
from emite.charges.models import AnticipoApplication, Charge
from emite.credits import anticipos, deposits
from emite.credits.anticipos import AnticipoRefused
from emite.credits.deposits import Deposit
from emite.issuers.models import Issuer
from emite.web.access import Need, StaffRequest, staff
from emite.web.amounts import AmountField
from emite.web.desk.charge_page import charge_or_404
from emite.web.desk.new_charge import HeadForm
from emite.web.once import key_of


class TakeForm(HeadForm):
    """Who leaves it, how much, and how what it will pay is taxed."""

    amount = AmountField(
        label="Cuánto se recibe",
        help_text="Con IVA incluido: es lo que entra a la caja.",
        error_messages={"required": "Escriba cuánto se recibe."},
    )
    treatment = forms.ChoiceField(
        label="IVA del anticipo",
        choices=[("", "Elija…"), *TREATMENT_CHOICES],
        help_text="El que llevará lo que se va a prestar: solo descontará conceptos con ese mismo IVA.",
        error_messages={"required": "Elija el IVA de lo que se va a prestar."},
    )


@staff(Need.COLLECT)
@require_http_methods(["GET", "POST"])
def new_anticipo(request: StaffRequest) -> HttpResponse:
    """A deposit: then it is collected and printed like any charge."""
    issuers = list(Issuer.objects.filter(organization=request.organization).order_by("created_at"))
    if not issuers:
        return render(request, "desk/not_ready.html", _base(request))
    form = TakeForm(request.POST or None, issuers=issuers, register=request.session.get("register"))
    key = key_of(request.POST.get("clave_envio", ""))
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            made = taking.take(
                request.organization, form.chosen_issuer(), data["amount"], Treatment(data["treatment"]),
                user=request.user, now=timezone.now(), patient_name=data["patient_name"], idempotency_key=key,
                branch=form.chosen_branch(),
            )  # fmt: skip
        except DepositRefused as refused:
            form.add_error(refused.field, refused.message)
        except NotAllowed as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(request, f"Anticipo {made.folio} creado: cóbrelo e imprima su ticket.")
            return HttpResponseRedirect(reverse("desk:charge", args=[made.pk]))
    context = _base(request) | {"form": form, "key": key}
    return render(request, "desk/new_anticipo.html", context, status=422 if form.is_bound else 200)


class ApplyForm(forms.Form):
    """Which deposit and how much of it; all that fits when nothing is said."""

    deposit = forms.ChoiceField(
        label="Anticipo",
        widget=forms.RadioSelect,
        error_messages={"required": "Elija un anticipo.", "invalid_choice": "Elija un anticipo de la lista."},
    )
    amount = AmountField(label="Cuánto se aplica", required=False, help_text="Vacío: todo lo que quepa.")

    def __init__(self, data: Any = None, *, offered: list[Deposit], **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        self.offered = {str(each.charge.pk): each for each in offered}
        self.fields["deposit"].choices = [(key, _words(each)) for key, each in self.offered.items()]  # type: ignore[attr-defined]

    def chosen(self) -> Deposit:
        """Only after is_valid()."""
        return self.offered[self.cleaned_data["deposit"]]


def _words(deposit: Deposit) -> str:
    lacks = "" if deposit.ready else " · falta facturarlo"
    return (
        f"{deposit.charge.folio} · {deposit.charge.patient_name or 'sin nombre'} · quedan ${deposit.left:,.2f}{lacks}"
    )


@staff(Need.COLLECT)
@require_http_methods(["GET", "POST"])
def apply_anticipo(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """Pay some of an account that is not invoiced with a deposit."""
    account = charge_or_404(request.organization, pk)
    if account.kind == Charge.Kind.ANTICIPO or account.state == Charge.State.VOID or live_document(account) is not None:
        messages.info(request, "Un anticipo se aplica a una cuenta que todavía no se factura.")
        return _back(account)
    key = key_of(request.POST.get("clave_envio", ""))
    if AnticipoApplication.objects.filter(account=account, slip__idempotency_key=key).exists():
        return _back(account)  # this very form, sent twice
    offered = deposits.offered(account)
    likely = str(offered[0].charge.pk) if offered and offered[0].ready else ""
    form = ApplyForm(request.POST or None, offered=offered, initial={"deposit": likely})
    if request.method == "POST" and form.is_valid() and _apply(request, account, form, key):
        return _back(account)
    unready = [each for each in offered if not each.ready]
    context = _base(request) | {
        "charge": account, "form": form, "key": key, "offered": offered, "unready": unready,
    }  # fmt: skip
    return render(request, "desk/apply_anticipo.html", context, status=422 if form.is_bound else 200)


def _apply(request: StaffRequest, account: Charge, form: ApplyForm, key: str) -> bool:
    chosen = form.chosen()
    amount: Decimal = form.cleaned_data["amount"] or min(chosen.left, account.owed)
    try:
        made = anticipos.apply(
            chosen.charge, account, amount, user=request.user, now=timezone.now(), idempotency_key=key
        )
    except AnticipoRefused as refused:
        form.add_error(refused.field, refused.message)
    except NotAllowed as refused:
        form.add_error(None, str(refused))
    else:
        messages.success(
            request, f"${made.amount:,.2f} de {chosen.charge.folio} pagan esta cuenta. Factúrela al mismo RFC."
        )
        return True
    return False


@staff(Need.ISSUE)
@require_POST
def anticipo_note(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """The note that applies a deposit to an invoiced account, asked for by a person."""
    account = charge_or_404(request.organization, pk)
    try:
        asked = uuid.UUID(request.POST.get("anticipo", ""))
        application = AnticipoApplication.objects.get(organization=request.organization, account=account, pk=asked)
    except (ValueError, AnticipoApplication.DoesNotExist):
        raise Http404 from None
    try:
        anticipos.again(application, user=request.user, now=timezone.now())
    except (AnticipoRefused, NotAllowed) as refused:
        messages.warning(request, str(refused))
    else:
        messages.success(request, "La nota que aplica el anticipo está en proceso.")
    return _back(account)


def _back(account: Charge) -> HttpResponseRedirect:
    return HttpResponseRedirect(f"{reverse('desk:charge', args=[account.pk])}#anticipos")


def _base(request: StaffRequest) -> dict[str, Any]:
    return {
        "organization": request.organization,
        "membership": request.membership,
        "zone": request.organization.zone,
        "section": "anticipo",
    }


addresses = [
    path("caja/anticipos/nuevo/", new_anticipo, name="new_anticipo"),
    path("caja/remisiones/<uuid:pk>/anticipo/", apply_anticipo, name="apply_anticipo"),
    path("caja/remisiones/<uuid:pk>/anticipo/nota/", anticipo_note, name="anticipo_note"),
]
