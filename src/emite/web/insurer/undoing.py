"""Undo a payment: what it settled, why, and the word of what stands in the way."""

from __future__ import annotations

import uuid

from django import forms
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from emite.reviews import undoing
from emite.reviews.allowing import Refused
from emite.reviews.models import PayerPayment
from emite.settlements.paying import REASON_LIMIT
from emite.web.insurer.access import Need, StaffRequest, payer
from emite.web.insurer.inbox import context_of


class UndoForm(forms.Form):
    reason = forms.CharField(
        label="¿Por qué se deshace?",
        help_text="Su proveedor lo lee en el aviso.",
        max_length=REASON_LIMIT,
        error_messages={"required": "Escriba por qué se deshace el pago."},
    )


@payer(Need.PAY)
@require_http_methods(["GET", "POST"])
def undo(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """What will be owed again; then the act. One that is undone already goes back to the list."""
    payment = get_object_or_404(PayerPayment, organization=request.organization, pk=pk)
    if payment.undone_at is not None:
        return HttpResponseRedirect(reverse("insurer:payments"))
    form = UndoForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            undoing.undo(payment, reason=form.cleaned_data["reason"], user=request.user, now=timezone.now())
        except Refused as refused:
            form.add_error("reason", refused.message)
        else:
            messages.success(request, "Pago deshecho: sus facturas vuelven a estar por pagar y su proveedor lo sabe.")
            return HttpResponseRedirect(reverse("insurer:payments"))
    shares = payment.shares.select_related("invoice").defer("invoice__xml", "invoice__findings")
    context = context_of(request, "pagos", payment=payment, shares=shares, form=form)
    return render(request, "insurer/undo.html", context, status=422 if form.is_bound else 200)
