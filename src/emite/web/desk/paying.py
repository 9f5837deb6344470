"""Take a payment for a charge, and say what the payment being typed comes to.

The form lives in `payment_form`, the page around it in `charge_page`.
"""

from __future__ import annotations

import uuid
from decimal import Decimal

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from emite.charges.collecting import PaymentRefused, pay
from emite.charges.drawer import CASH, Drawer
from emite.charges.models import Charge, PaymentSlip
from emite.web.access import Need, StaffRequest, staff
from emite.web.desk.charge_page import charge_or_404, show
from emite.web.desk.payment_form import MORE_PARTS, PaymentForm, desk_registers


@staff(Need.COLLECT)
@require_POST
def take_payment(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """Store the payment with its slip, or show the page again with what is wrong. 422 then, and nothing is stored."""
    charge = charge_or_404(request.organization, pk)
    form = PaymentForm(_typed(request.POST, charge), registers=desk_registers(request.organization))
    if form.is_valid():
        try:
            slip = _pay(request, charge, form)
        except PaymentRefused as refused:
            form.refuse(refused)
        else:
            request.session["register"] = str(slip.register_id)
            messages.success(request, _said(slip, charge))
            return HttpResponseRedirect(f"{reverse('desk:charge', args=[charge.pk])}?pago={slip.pk}")
    charge.refresh_from_db(fields=["paid", "state"])
    return show(request, charge, payment=form, status=422)


def _typed(posted: QueryDict, charge: Charge) -> QueryDict:
    """The key "exact cash" stands for everything that is owed, in cash, whatever else is written."""
    if "exacto" not in posted:
        return posted
    data = QueryDict(mutable=True)
    data.update({name: posted.get(name, "") for name in ("register", "key")})
    data.update({"forma_pago": CASH, "amount": str(posted["exacto"]) or f"{charge.owed:.2f}"})
    return data


def _pay(request: StaffRequest, charge: Charge, form: PaymentForm) -> PaymentSlip:
    return pay(
        charge,
        form.parts(),
        register=form.registers[form.cleaned_data["register"]],
        user=request.user,
        now=timezone.now(),
        cash_received=form.cleaned_data["cash_received"],
        idempotency_key=str(form.cleaned_data["key"]),
        drawer=Drawer.NEEDED,
    )


def _said(slip: PaymentSlip, charge: Charge) -> str:
    words = f"Pago de ${slip.amount:,.2f} registrado."
    if slip.change:
        words += f" Entregue ${slip.change:,.2f} de cambio."
    if charge.owed:
        words += f" Quedan por pagar ${charge.owed:,.2f}."
    return words


@staff(Need.COLLECT)
@require_POST
def change(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """What the payment being typed comes to: what is missing, what to give back. Stores nothing."""
    charge = charge_or_404(request.organization, pk)
    form = PaymentForm(request.POST, registers=desk_registers(request.organization))
    form.is_valid()
    typed = form.cleaned_data
    pairs = [(typed.get("forma_pago"), typed.get("amount"))] + [
        (typed.get(f"forma_pago_{n}"), typed.get(f"amount_{n}")) for n in range(2, 2 + MORE_PARTS)
    ]
    total = sum((amount for _, amount in pairs if amount), Decimal(0))
    cash = sum((amount for form_key, amount in pairs if form_key == CASH and amount), Decimal(0))
    received = typed.get("cash_received")
    context = {
        "left": charge.owed - total,
        "change": received - cash if received is not None and cash else None,
    }
    return render(request, "desk/pieces/change.html", context)
