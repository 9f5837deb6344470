""" "Cargar XML Externo", and the end of an invoice: asked to the SAT, or told by it."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from emite.cancellations import requesting
from emite.cancellations.requesting import NotCancellable, PastDeadline
from emite.cfdi import intake as cfdi_intake
from emite.cfdi.cancelacion import Motivo
from emite.cfdi.faults import CfdiInvalid, Severity
from emite.documents.models import State as DocumentState
from emite.invoices import external, insured
from emite.invoices.insuring import Refused, State
from emite.web.cancel_words import MOTIVOS, WHO_ACCEPTS
from emite.web.practice import blockers
from emite.web.practice.access import Need, StaffRequest, practice
from emite.web.practice.filters import filters_of
from emite.web.practice.finance import context_of
from emite.web.practice.registering import invoice_or_404


class ExternalForm(forms.Form):
    xml = forms.FileField(
        label="XML de la factura",
        help_text="El que devolvió el PAC, con su timbre. El PDF no sirve: es sólo su impresión.",
        widget=forms.FileInput(attrs={"accept": ".xml,text/xml,application/xml"}),
        error_messages={"required": "Elija el archivo XML.", "empty": "El archivo está vacío."},
    )
    linked = forms.BooleanField(
        label="Ligarla aunque su folio sea otro",
        help_text="Sólo si sabe que es la misma factura: el folio debería ser el No de Control Interno.",
        required=False,
    )

    def clean_xml(self) -> bytes:
        upload = self.cleaned_data["xml"]
        if upload.size > cfdi_intake.MAX_BYTES:
            raise forms.ValidationError("El archivo es demasiado grande: el XML de una factura no pasa de 8 MB.")
        content: bytes = upload.read()
        return content


@practice(Need.ISSUE)
@require_http_methods(["GET", "POST"])
def load(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """The file, and every finding of it when it is not taken."""
    invoice = invoice_or_404(request, pk)
    back = reverse("practice:invoice", args=[invoice.pk])
    if invoice.state != State.REGISTERED:
        return HttpResponseRedirect(back)
    form = ExternalForm(request.POST, request.FILES) if request.method == "POST" else ExternalForm()
    if form.is_valid():
        data, linked = form.cleaned_data["xml"], form.cleaned_data["linked"]
        try:
            kept = external.take(invoice, data, linked=linked, user=request.user, now=timezone.now())
        except Refused as refused:
            form.add_error(None, refused.message)
        except CfdiInvalid as invalid:
            for fault in invalid.faults[:20]:
                if fault.severity is Severity.ERROR:
                    form.add_error("linked" if fault.code == "EMI219" else "xml", f"{fault.message} ({fault.code})")
        else:
            messages.success(request, f"XML externo cargado: folio fiscal {str(kept.uuid).upper()}.")
            return HttpResponseRedirect(back)
    _, amount = insured.sum_of(insured.services_in(invoice))
    context = context_of(request, "facturas", invoice=invoice, form=form, amount=amount, filters=filters_of(request))
    return render(request, "practice/external.html", context, status=422 if form.is_bound else 200)


class CancelForm(forms.Form):
    motivo = forms.ChoiceField(
        label="¿Por qué se cancela?",
        choices=[(key.value, MOTIVOS[key]) for key in (Motivo.ERRORS, Motivo.NOT_DONE)],
        widget=forms.RadioSelect,
        error_messages={"required": "Elija el motivo.", "invalid_choice": "Elija uno de los motivos."},
    )
    despite_deadline = forms.BooleanField(
        label="Pedirla aunque haya pasado el plazo (el SAT puede negarla y hay multa)", required=False
    )

    def __init__(self, data: Any, *, past: bool) -> None:
        super().__init__(data)
        if not past:
            del self.fields["despite_deadline"]


@practice(Need.ISSUE)
@require_http_methods(["GET", "POST"])
def cancel(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """What will happen and who accepts; then the request. Its services are free when the SAT says "Cancelado"."""
    invoice = invoice_or_404(request, pk)
    back = reverse("practice:invoice", args=[invoice.pk])
    document = invoice.document
    if document is None or document.state != DocumentState.STAMPED:
        return HttpResponseRedirect(back)
    seen = requesting.outlook(document, timezone.now())
    form = CancelForm(request.POST if request.method == "POST" else None, past=seen.past)
    if request.method == "POST" and form.is_valid():
        despite = bool(form.cleaned_data.get("despite_deadline"))
        try:
            requesting.request_cancellation(
                document, form.cleaned_data["motivo"], user=request.user, now=timezone.now(), despite_deadline=despite
            )
        except PastDeadline as error:
            form.add_error("despite_deadline" if "despite_deadline" in form.fields else None, str(error))
        except NotCancellable as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, "Cancelación pedida al SAT. Los servicios quedan libres cuando diga «Cancelado».")
            return HttpResponseRedirect(back)
    context = context_of(
        request, "facturas", invoice=invoice, form=form, seen=seen, who_accepts=WHO_ACCEPTS[seen.acceptance.why],
        filters=filters_of(request), first=blockers.of(seen.holders),
    )  # fmt: skip
    return render(request, "practice/cancel.html", context, status=422 if form.is_bound else 200)


@practice(Need.ISSUE)
@require_POST
def ask_sat(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """Ask the SAT again about one stamped elsewhere: cancelled there, its services are free here."""
    invoice = invoice_or_404(request, pk)
    if external.still_alive(invoice, now=timezone.now()):
        messages.success(request, "El SAT no dice que esté cancelada.")
    else:
        messages.warning(request, "El SAT dice que está cancelada: sus servicios se pueden facturar otra vez.")
    return HttpResponseRedirect(reverse("practice:invoice", args=[invoice.pk]))
