"""Invoice at the counter, and what the desk does with an invoice: download it, mail it again.

How it is asked for is in `asking`. The portal asks through the same `invoices.issuing`: of two that ask at once, one
wins and the other is told.
"""

from __future__ import annotations

import uuid

import structlog
from django import forms
from django.contrib import messages
from django.db import IntegrityError, transaction
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from emite.charges.allocating import live_document
from emite.charges.models import Charge
from emite.documents.models import Delivery, FiscalDocument, State
from emite.documents.rendering import pdf_of, stamped_xml
from emite.documents.waking import wake_delivery
from emite.invoices.requests import typed_before
from emite.typeset.process import TypesetFailed
from emite.web.access import Need, StaffRequest, staff
from emite.web.desk import asking
from emite.web.desk.asking import Counter
from emite.web.desk.charge_page import allocations_of, charge_or_404
from emite.web.errors.pages import page

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
    if request.method == "GET" and (
        charge.state == Charge.State.VOID or not charge.is_paid or live_document(charge) is not None
    ):
        return HttpResponseRedirect(reverse("desk:charge", args=[charge.pk]))
    # What the patient typed when asking the staff for it.
    typed = typed_before(charge) if request.GET.get("datos") == "solicitud" else {}
    return asking.serve(request, _counter(charge), typed=typed)


@staff(Need.ISSUE)
@require_POST
def choices(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    return asking.choices(request, _counter(charge_or_404(request.organization, pk)))


@staff(Need.ISSUE)
@require_POST
def draft(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    return asking.draft(request, _counter(charge_or_404(request.organization, pk)))


def _counter(charge: Charge) -> Counter:
    return Counter(
        [charge],
        address=reverse("desk:invoice", args=[charge.pk]),
        choices=reverse("desk:invoice_choices", args=[charge.pk]),
        draft=reverse("desk:invoice_draft", args=[charge.pk]),
        back=reverse("desk:charge", args=[charge.pk]),
    )


@staff(Need.SEE)
@require_GET
def xml(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    document = _stamped(request, pk)
    return _attachment(stamped_xml(document), "application/xml", f"{str(document.uuid).upper()}.xml")


@staff(Need.SEE)
@require_GET
def pdf(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    document = _stamped(request, pk)
    try:
        drawn = pdf_of(document)
    except TypesetFailed as error:
        log.warning("invoice_not_drawn", document=str(document.pk), error=type(error).__name__)
        advice = "La factura es válida y su XML se puede descargar. Intente el PDF otra vez en un minuto."
        return page(request, 503, "El PDF no se pudo dibujar en este momento", advice)
    return _attachment(drawn, "application/pdf", f"{str(document.uuid).upper()}.pdf")


@staff(Need.COLLECT)
@require_POST
def mail(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """Ask for the XML and PDF to be sent to an address."""
    document = _stamped(request, pk)
    form = MailForm(request.POST)
    if not form.is_valid():
        messages.error(request, " ".join(str(text) for texts in form.errors.values() for text in texts))
        return HttpResponseRedirect(f"{reverse('desk:charge', args=[pk])}#factura")
    address, now = form.cleaned_data["email"], timezone.now()
    try:
        with transaction.atomic():
            delivery = Delivery.objects.create(
                organization=request.organization, document=document, address=address, requested_at=now, next_at=now
            )
            wake_delivery(delivery.pk)
    except IntegrityError:
        messages.info(request, f"Ya se está enviando a {address}.")
    else:
        messages.success(request, f"La factura va en camino a {address}.")
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


def _attachment(content: bytes, content_type: str, name: str) -> HttpResponse:
    response = HttpResponse(content, content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
