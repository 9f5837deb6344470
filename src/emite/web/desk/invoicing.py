"""Invoice at the counter, and what the desk does with an invoice: download it, mail it again.

The portal asks through the same `invoices.issuing`: of two that ask at once, one wins and the other is told.
"""

from __future__ import annotations

import uuid
from typing import Any

import structlog
from django import forms
from django.contrib import messages
from django.db import IntegrityError, transaction
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from emite.cfdi.faults import CfdiInvalid
from emite.charges.allocating import live_document
from emite.charges.collecting import DESK_FORMS, largest_form
from emite.charges.models import Charge
from emite.documents.models import Delivery, FiscalDocument, State
from emite.documents.rendering import pdf_of, stamped_xml
from emite.documents.sealing import NotReady
from emite.documents.waking import wake_delivery
from emite.invoices.issuing import AlreadyInvoiced, NotAllowed, NotInvoiceable, Request, issue
from emite.invoices.requests import typed_before
from emite.typeset.process import TypesetFailed
from emite.web.access import Need, StaffRequest, staff
from emite.web.desk.charge_page import allocations_of, charge_or_404
from emite.web.errors.pages import page
from emite.web.fiscal import FiscalDataForm

log = structlog.get_logger(__name__)

TAKEN = "Otra persona la facturó antes, en el portal o en otra caja: esta solicitud no generó nada."


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
    """Fiscal data at the counter. What is missing or wrong is said on the same page; nothing typed is lost."""
    charge = charge_or_404(request.organization, pk)
    if request.method == "GET":
        if charge.state == Charge.State.VOID or not charge.is_paid or live_document(charge) is not None:
            return HttpResponseRedirect(reverse("desk:charge", args=[charge.pk]))
        typed = typed_before(charge) if request.GET.get("datos") == "solicitud" else {}
        return _page(request, charge, _form(request, charge, None, initial=typed), str(uuid.uuid4()), asked=bool(typed))
    form = _form(request, charge, request.POST)
    key = _key(request.POST.get("clave_envio", ""))
    if request.POST.get("accion") == "opciones":
        # The RFC or the régimen changed: show their lists, complain about nothing yet.
        fresh = _form(request, charge, None, initial={name: request.POST.get(name, "") for name in form.fields})
        return _page(request, charge, fresh, key)
    if form.is_valid():
        try:
            return _issue(request, charge, form, key)
        except CfdiInvalid as invalid:
            form.add_faults(invalid.faults)
        except NotReady as error:
            form.add_error(None, str(error))
    return _page(request, charge, form, key, status=422)


def _issue(request: StaffRequest, charge: Charge, form: FiscalDataForm, key: str) -> HttpResponse:
    data = form.cleaned_data
    asked = Request(form.receptor(), email=data["email"], with_patient=data.get("with_patient", False))
    back = reverse("desk:charge", args=[charge.pk])
    try:
        document = issue(
            charge,
            asked,
            channel=FiscalDocument.Channel.DESK,
            user=request.user,
            now=timezone.now(),
            # Bound to the charge: a form kept open must never speak of another one.
            idempotency_key=uuid.uuid5(charge.pk, f"caja-{key}").hex,
        )
    except AlreadyInvoiced:
        messages.warning(request, TAKEN)
    except NotInvoiceable as refused:
        words = {"void": "La remisión está cancelada.", "unpaid": "La remisión todavía no se paga por completo."}
        messages.warning(request, f"{words[refused.reason]} No se generó factura.")
    except NotAllowed:
        return page(
            request, 403, "No tiene permiso para emitir facturas", "Pida a un administrador el permiso de facturar."
        )
    else:
        if document.state == State.REJECTED:
            messages.warning(request, "Esta misma solicitud ya se había rechazado: abra el formulario otra vez.")
        else:
            messages.success(request, "Factura solicitada.")
    return HttpResponseRedirect(f"{back}#factura")


def _form(request: StaffRequest, charge: Charge, data: Any, **kwargs: Any) -> FiscalDataForm:
    form = FiscalDataForm(
        data,
        generic_allowed=True,
        usos_offered=request.organization.usos_offered,
        offer_patient=bool(charge.patient_name),
        **kwargs,
    )
    for name in ("rfc", "regimen_fiscal"):
        # Both lists follow from these two, so both come again when one changes.
        form.fields[name].widget.attrs |= {
            "hx-post": reverse("desk:invoice_choices", args=[charge.pk]),
            "hx-trigger": "change",
            "hx-target": "#regimen-y-uso",
            "hx-include": "closest form",
        }
    form.fields["rfc"].widget.attrs["autofocus"] = True
    if not form.is_bound and form.person and form.initial.get("regimen_fiscal") and not form.initial.get("uso_cfdi"):
        # The likely uso is the first of those that this person with this régimen may choose.
        likely = form.fields["uso_cfdi"].choices[1:2]  # type: ignore[attr-defined]
        form.initial["uso_cfdi"] = likely[0][0] if likely else ""
    return form


@staff(Need.ISSUE)
@require_POST
def choices(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """Régimen and uso for the RFC typed so far: the piece that htmx puts in place."""
    charge = charge_or_404(request.organization, pk)
    names = FiscalDataForm.base_fields
    form = _form(request, charge, None, initial={name: request.POST.get(name, "") for name in names})
    return render(request, "desk/pieces/regimen.html", {"form": form})


def _page(
    request: StaffRequest, charge: Charge, form: FiscalDataForm, key: str, *, status: int = 200, asked: bool = False
) -> HttpResponse:
    context = {
        "asked": asked,
        "organization": request.organization,
        "membership": request.membership,
        "charge": charge,
        "form": form,
        "key": key,
        "lines": charge.lines.all(),
        "forma_pago": _forma_pago(charge),
    }
    return render(request, "desk/invoice.html", context, status=status)


def _forma_pago(charge: Charge) -> str:
    key = largest_form(charge)
    return f"{DESK_FORMS.get(key, key)} ({key})"


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


def _key(typed: str) -> str:
    try:
        return str(uuid.UUID(typed))
    except ValueError:
        return str(uuid.uuid4())
