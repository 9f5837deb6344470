"""Invoice at the counter, and what the desk does with an invoice: download it, mail it again.

How it is asked for is in `asking`. The portal asks through the same `invoices.issuing`: of two that ask at once, one
wins and the other is told.
"""

from __future__ import annotations

import uuid

import structlog
from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from emite.charges.allocating import live_document
from emite.charges.models import Charge
from emite.documents import delivering
from emite.documents.models import FiscalDocument, State
from emite.invoices.issuing import may_give_credit
from emite.invoices.requests import typed_before
from emite.web.access import Need, StaffRequest, staff
from emite.web.cfdi_files import pdf_or_why, xml_of
from emite.web.desk import asking
from emite.web.desk.asking import Counter
from emite.web.desk.charge_page import allocations_of, charge_or_404

log = structlog.get_logger(__name__)


class MailForm(forms.Form):
    email = forms.EmailField(
        label="Correo",
        max_length=254,
        error_messages={
            "required": "Escriba a qué correo se envía.",
            "invalid": "El correo no está completo: debe ser como nombre@ejemplo.com.",
            "max_length": "El correo es demasiado largo: revíselo.",
        },
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )


@staff(Need.ISSUE)
@require_http_methods(["GET", "POST"])
def invoice(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """The fiscal data of one charge, at the counter."""
    charge = charge_or_404(request.organization, pk)
    later = not charge.is_paid and may_give_credit(request.user, charge.organization_id)
    invoiceable = charge.state != Charge.State.VOID and (charge.is_paid or later)
    if request.method == "GET" and not (invoiceable and live_document(charge) is None):
        return HttpResponseRedirect(reverse("desk:charge", args=[charge.pk]))
    # What the patient typed when asking the staff for it.
    typed = typed_before(charge) if request.GET.get("datos") == "solicitud" else {}
    return asking.serve(request, _counter(request, charge), typed=typed)


@staff(Need.ISSUE)
@require_POST
def choices(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    return asking.choices(request, _counter(request, charge_or_404(request.organization, pk)))


@staff(Need.ISSUE)
@require_POST
def draft(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    return asking.draft(request, _counter(request, charge_or_404(request.organization, pk)))


def _counter(request: StaffRequest, charge: Charge) -> Counter:
    """A form that was sent means the method that its page said, whatever was paid or given back since."""
    later = request.POST.get("metodo") == "PPD" if request.method == "POST" else not charge.is_paid
    return Counter.of_one(charge, "invoice", on_credit=later)


@staff(Need.SEE)
@require_GET
def xml(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    return xml_of(_stamped(request, pk))


@staff(Need.SEE)
@require_GET
def pdf(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    return pdf_or_why(request, _stamped(request, pk))


@staff(Need.COLLECT)
@require_POST
def mail(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """Ask for the XML and PDF to be sent to an address."""
    document = _stamped(request, pk)
    form = MailForm(request.POST)
    if not form.is_valid():
        messages.error(request, " ".join(str(text) for texts in form.errors.values() for text in texts))
        return HttpResponseRedirect(f"{reverse('desk:charge', args=[pk])}#factura")
    address = form.cleaned_data["email"]
    if delivering.ask(document, address, now=timezone.now()):
        messages.success(request, f"La factura va en camino a {address}.")
    else:
        messages.info(request, f"Ya se está enviando a {address}.")
    return HttpResponseRedirect(f"{reverse('desk:charge', args=[pk])}#factura")


def _stamped(request: StaffRequest, pk: uuid.UUID) -> FiscalDocument:
    """The charge's document that carries a folio fiscal; 404 when there is none."""
    charge = charge_or_404(request.organization, pk)
    for row in allocations_of(charge):
        # A factura global holds what others paid: nobody gets it through one charge.
        is_global = row.document.channel == FiscalDocument.Channel.GLOBAL
        if row.document.state in (State.STAMPED, State.CANCELLED) and not is_global:
            return row.document
    raise Http404
