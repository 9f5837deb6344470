""" "Sustituir" an invoice to an insurer: another with the data of today takes its place, and the way out of a refusal.

What may be done is decided in `cancellations.insured`.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path, reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from emite.cancellations import insured, requesting, substituting
from emite.cancellations.models import Substitution
from emite.cancellations.requesting import NotCancellable
from emite.care.models import InsurerInvoice
from emite.cfdi.faults import CfdiInvalid
from emite.documents.sealing import NotReady
from emite.invoices import insurer_building
from emite.invoices.insuring import Refused
from emite.invoices.issuing import NotAllowed
from emite.web.cancel_words import WHO_ACCEPTS
from emite.web.once import key_of
from emite.web.practice import blockers
from emite.web.practice.access import Need, StaffRequest, practice
from emite.web.practice.filters import filters_of
from emite.web.practice.finance import context_of
from emite.web.practice.registering import invoice_or_404


@dataclass(frozen=True, slots=True)
class Pair:
    """Two invoices of which one takes the other's place, as a page of either tells it."""

    made: Substitution
    first: InsurerInvoice
    second: InsurerInvoice

    @property
    def two_are_live(self) -> bool:
        return self.made.is_open and self.second.cfdi_uuid is not None


class SubstituteForm(forms.Form):
    control = forms.CharField(
        label="No de Control Interno de la nueva",
        max_length=40,
        help_text="Otro número: el de la primera queda como evidencia.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": "Escriba el No de Control Interno de la nueva factura."},
    )


def pair_of(invoice: InsurerInvoice) -> Pair | None:
    """The latest substitution in which this invoice has a part."""
    if invoice.document_id is None:
        return None
    rows = Substitution.objects.filter(organization_id=invoice.organization_id)
    made = (
        rows.filter(original=invoice.document_id).order_by("-asked_at").first()
        or rows.filter(substitute=invoice.document_id).first()
    )
    if made is None:
        return None
    both = InsurerInvoice.objects.filter(
        organization_id=invoice.organization_id, document__in=(made.original_id, made.substitute_id)
    ).in_bulk(field_name="document_id")
    return Pair(made, both[made.original_id], both[made.substitute_id]) if len(both) == 2 else None


@practice(Need.ISSUE)
@require_http_methods(["GET", "POST"])
def substitute(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """What would be issued and who accepts; then the operation."""
    invoice, now = invoice_or_404(request, pk), timezone.now()
    document = invoice.document
    if document is None or invoice.state != InsurerInvoice.State.STAMPED:
        return HttpResponseRedirect(reverse("practice:invoice", args=[invoice.pk]))
    seen, key = requesting.outlook(document, now), key_of(request.POST.get("llave", ""))
    form = SubstituteForm(request.POST if request.method == "POST" else None)
    made, problem = None, ""
    try:
        made = insured.rebuilt(invoice, now=now)
    except (NotCancellable, Refused) as error:
        problem = str(error)
    if made is not None and form.is_valid():
        try:
            fresh = insured.substitute(
                invoice, form.cleaned_data["control"], user=request.user, now=now,
                idempotency_key=uuid.uuid5(invoice.pk, key).hex,
            )  # fmt: skip
        except Refused as refused:
            form.add_error("control" if refused.field == "control" else None, refused.message)
        except (NotCancellable, NotAllowed, NotReady) as error:
            form.add_error(None, str(error))
        except CfdiInvalid as invalid:
            form.add_error(None, " ".join(f"{each.message} ({each.code})" for each in invalid.faults))
        else:
            messages.success(request, "Sustitución pedida: se timbra la nueva y después se cancela la primera.")
            return HttpResponseRedirect(reverse("practice:invoice", args=[fresh.pk]))
    context: dict[str, Any] = context_of(
        request, "facturas", filters=replace(filters_of(request), asked=False), invoice=invoice, form=form, key=key,
        made=made, problem=problem, seen=seen, who_accepts=WHO_ACCEPTS[seen.acceptance.why],
        summary=insurer_building.summary(made.totals) if made else None, first=blockers.of(seen.holders),
    )  # fmt: skip
    return render(request, "practice/substitute.html", context, status=422 if form.is_bound else 200)


@practice(Need.ISSUE)
@require_POST
def decide(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """After a refusal: ask again, or keep the first."""
    invoice = invoice_or_404(request, pk)
    pair = pair_of(invoice)
    if pair is None:
        raise Http404
    try:
        if request.POST.get("decision") == "conservar":
            substituting.keep_first(pair.made, user=request.user, now=timezone.now())
            messages.success(request, "Se conserva la primera: se pidió cancelar la nueva.")
        else:
            substituting.ask_again(pair.made, user=request.user, now=timezone.now())
            messages.success(request, "Se pidió otra vez cancelar la primera.")
    except (NotCancellable, NotAllowed) as error:
        messages.error(request, str(error))
    return HttpResponseRedirect(reverse("practice:invoice", args=[invoice.pk]))


_AT = "consultorio/finanzas/facturacion/facturas/<uuid:pk>/"
addresses = [
    path(f"{_AT}sustituir/", substitute, name="substitute"),
    path(f"{_AT}sustitucion/", decide, name="substitution_decide"),
]
