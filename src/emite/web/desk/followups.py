""" "Otra persona facturó mi ticket", step by step, and what waits for somebody: nothing is cancelled here."""

from __future__ import annotations

import uuid

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from emite.charges.allocating import live_document
from emite.charges.following import NothingToFollow, ask, finish
from emite.charges.models import FollowUp
from emite.web.access import Need, StaffRequest, staff
from emite.web.desk.charge_page import charge_or_404

PROOFS = {
    "ticket": "Trae el ticket o el comprobante de pago impreso",
    "card": "Pagó con tarjeta y coinciden los últimos cuatro dígitos",
    "data": "Conoce los datos de la atención: fecha, servicios, importe",
}


class SomebodyElseForm(forms.Form):
    proof = forms.MultipleChoiceField(
        label="¿Cómo comprueba que el cargo es suyo?",
        choices=list(PROOFS.items()),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Marque al menos una: sin comprobarlo no se cancela la factura de otra persona."},
    )
    told = forms.CharField(
        label="Qué pasó",
        max_length=240,
        help_text="Sin datos de salud: solo cómo se supo y quién pudo tener el ticket.",
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": "Escriba qué pasó.", "max_length": "Use a lo más 240 letras."},
    )
    contact = forms.CharField(
        label="Teléfono o correo para avisarle",
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": "Escriba a dónde avisarle.", "max_length": "Use a lo más 120 letras."},
    )


@staff(Need.COLLECT)
@require_http_methods(["GET", "POST"])
def somebody_else(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """Explains, asks for what is needed and leaves the request waiting."""
    charge = charge_or_404(request.organization, pk)
    document = live_document(charge)
    if document is None:
        messages.info(request, "Esta remisión no tiene factura: el paciente puede pedir la suya.")
        return HttpResponseRedirect(reverse("desk:charge", args=[charge.pk]))
    form = SomebodyElseForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        proofs = "; ".join(PROOFS[key] for key in data["proof"])
        try:
            ask(
                charge, FollowUp.Kind.WRONG_PERSON, reason=f"{data['told']} ({proofs})", contact=data["contact"],
                user=request.user, now=timezone.now(),
            )  # fmt: skip
        except NothingToFollow:
            messages.info(request, "La factura dejó de existir mientras tanto: el paciente puede pedir la suya.")
        else:
            messages.success(request, "La solicitud quedó en la lista de pendientes. La factura sigue igual.")
        return HttpResponseRedirect(reverse("desk:charge", args=[charge.pk]))
    context = {
        "organization": request.organization,
        "membership": request.membership,
        "zone": request.organization.zone,
        "charge": charge,
        "document": document,
        "form": form,
    }
    return render(request, "desk/somebody_else.html", context, status=422 if form.is_bound else 200)


class OutcomeForm(forms.Form):
    outcome = forms.CharField(
        label="Cómo se resolvió",
        max_length=400,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": "Escriba cómo se resolvió.", "max_length": "Use a lo más 400 letras."},
    )


@staff(Need.COLLECT)
@require_http_methods(["GET", "POST"])
def resolve(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """Take something off the list of what waits, saying how it ended."""
    rows = FollowUp.objects.select_related("charge", "by").filter(organization=request.organization, pk=pk)
    row = rows.first()
    if row is None:
        raise Http404
    form = OutcomeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        outcome = form.cleaned_data["outcome"]
        finish(request.organization.pk, row.pk, outcome=outcome, user=request.user, now=timezone.now())
        messages.success(request, "Pendiente resuelto.")
        return HttpResponseRedirect(reverse("desk:charge", args=[row.charge_id]))
    context = {
        "organization": request.organization,
        "membership": request.membership,
        "zone": request.organization.zone,
        "row": row,
        "form": form,
    }
    return render(request, "desk/follow_up.html", context, status=422 if form.is_bound else 200)
