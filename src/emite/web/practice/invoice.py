"""One invoice to an insurer: its summary, the two ways out, its files, "Enviar a correo electrónico" and "Cerrar"."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from emite.cancellations.models import OPEN, CancellationRequest
from emite.care import forwarding
from emite.care.models import InsurerInvoice
from emite.cfdi.faults import CfdiInvalid, Fault
from emite.cfdi.stored import from_json
from emite.documents import delivering
from emite.documents.models import FiscalDocument
from emite.documents.sealing import NotReady
from emite.invoices import insured, insurer_building, insuring
from emite.invoices.insurer_building import Summary
from emite.invoices.insuring import NotLinked, Refused, State
from emite.settlements import disallowing
from emite.web.cfdi_files import foreign_pdf_or_why, pdf_or_why, xml_of
from emite.web.files import attachment
from emite.web.practice import stages
from emite.web.practice.access import Need, StaffRequest, practice
from emite.web.practice.filters import filters_of
from emite.web.practice.finance import context_of, page_of
from emite.web.practice.registering import DateForm, invoice_or_404
from emite.web.practice.substituting import pair_of


@dataclass(frozen=True, slots=True)
class Problem:
    """What keeps it from being issued, with the address that cures it."""

    message: str
    cure: str = ""
    label: str = ""


class MailForm(forms.Form):
    email = forms.EmailField(
        label="Correo electrónico",
        error_messages={
            "required": "Escriba el correo.",
            "invalid": "El correo no está completo: debe ser como nombre@ejemplo.com.",
        },
    )


@practice(Need.SEE)
@require_GET
def invoice(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    return show(request, invoice_or_404(request, pk))


def show(
    request: StaffRequest,
    found: InsurerInvoice,
    *,
    problems: list[Problem] | None = None,
    mail: MailForm | None = None,
    date: DateForm | None = None,
    status: int = 200,
) -> HttpResponse:
    """The page of an invoice, with what went wrong in what was asked of it."""
    summary, missing = _summary(found)
    services = insured.services_in(found)
    count, amount = insured.sum_of(services)
    context = context_of(
        request,
        "facturas",
        invoice=found,
        stage=stages.stage_of(found),
        summary=summary,
        problems=[*(problems or []), *missing],
        count=count,
        amount=amount,
        page=page_of(request, services, 100),
        filters=replace(filters_of(request), asked=False),
        mail=mail or MailForm(initial={"email": found.payer.email}),
        date=date or DateForm(initial={"date": found.invoice_date}),
        ending=_ending(found),
        glosas=disallowing.notes_of(found),
        pair=pair_of(found),
        zone=request.organization.zone,
        state=found.state,
    )
    return render(request, "practice/invoice.html", context, status=status)


def _summary(found: InsurerInvoice) -> tuple[Summary | None, list[Problem]]:
    """The sums of its CFDI: as issued, or as it would be now with what is missing for that."""
    if found.document is not None and found.state != State.REGISTERED:
        content = FiscalDocument.objects.only("content").get(pk=found.document.pk).content
        return insurer_building.summary(from_json(content).totals), []
    if found.state != State.REGISTERED:
        return None, []
    try:
        return insurer_building.summary(insuring.build(found, now=timezone.now()).totals), []
    except Refused as refused:
        return None, [problem_of(found, refused)]


def _ending(found: InsurerInvoice) -> CancellationRequest | None:
    """The cancellation that is under way."""
    if found.document is None:
        return None
    return CancellationRequest.objects.filter(document=found.document, state__in=OPEN).first()


def problem_of(found: InsurerInvoice, error: Refused | Fault | NotReady) -> Problem:
    """In words, with the page that cures it."""
    if isinstance(error, NotLinked):
        system, code = error.codes[0]
        cure = reverse("practice:link_code", args=[found.issuer_id, system, code])
        return Problem(error.message, cure, f"Vincular {code}")
    if isinstance(error, Fault):
        return Problem(f"{error.message} ({error.code})")
    if isinstance(error, NotReady):
        return Problem(str(error), reverse("practice:issuer", args=[found.issuer_id]), "Completar datos fiscales")
    if error.field == "services":
        return Problem(error.message, reverse("practice:choose", args=[found.pk]), "Elegir servicios")
    return Problem(error.message, "#campo-date" if error.field == "date" else "", "Cambiar la fecha")


@practice(Need.ISSUE)
@require_POST
def issue(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """ "Factura emite": asked once or twice, it is one CFDI."""
    found = invoice_or_404(request, pk)
    try:
        insuring.issue(found, user=request.user, now=timezone.now())
    except NotLinked:  # the page says it by itself
        return show(request, found, status=422)
    except (Refused, NotReady) as error:
        return show(request, found, problems=[problem_of(found, error)], status=422)
    except CfdiInvalid as invalid:
        return show(request, found, problems=[problem_of(found, fault) for fault in invalid.faults], status=422)
    return HttpResponseRedirect(reverse("practice:invoice", args=[found.pk]))


@practice(Need.SEE)
@require_GET
def progress(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """The piece that asks again by itself while it is stamped; then the whole page comes."""
    found = invoice_or_404(request, pk)
    if found.state != State.STAMPING:
        return HttpResponse(headers={"HX-Refresh": "true"})
    return render(request, "practice/pieces/progress.html", {"invoice": found})


@practice(Need.ISSUE)
@require_POST
def change_date(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    found = invoice_or_404(request, pk)
    form = DateForm(request.POST)
    if form.is_valid():
        try:
            insuring.change_date(found, form.new_date(), user=request.user, now=timezone.now())
        except Refused as refused:
            form.add_error("date" if refused.field else None, refused.message)
        else:
            messages.success(request, "Fecha de factura cambiada.")
            return HttpResponseRedirect(reverse("practice:invoice", args=[found.pk]))
    return show(request, found, date=form, status=422)


@practice(Need.ISSUE)
@require_POST
def discard(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    found = invoice_or_404(request, pk)
    try:
        insuring.discard(found, user=request.user, now=timezone.now())
    except Refused as refused:
        return show(request, found, problems=[Problem(refused.message)], status=422)
    messages.success(request, f"Registro {found.control_number} descartado: sus servicios se pueden facturar otra vez.")
    return HttpResponseRedirect(reverse("practice:invoices"))


@practice(Need.ISSUE)
@require_POST
def mail(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """ "Enviar a correo electrónico": the same files again, to whoever is named."""
    found = invoice_or_404(request, pk)
    if (found.document is None or found.document.uuid is None) and found.external is None:
        raise Http404
    form = MailForm(request.POST)
    if not form.is_valid():
        return show(request, found, mail=form, status=422)
    address = form.cleaned_data["email"]
    if found.external is not None:
        fresh = forwarding.ask(found.external, address, now=timezone.now())
    else:
        assert found.document is not None  # it is one of both
        fresh = delivering.ask(found.document, address, now=timezone.now())
    messages.success(request, f"{'Se envía' if fresh else 'Ya va en camino'} a {address}.")
    return HttpResponseRedirect(reverse("practice:invoice", args=[found.pk]))


@practice(Need.SEE)
@require_GET
def xml(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    found = _with_cfdi(request, pk)
    if found.document is not None:
        return xml_of(found.document)
    return attachment(_bytes(found), "application/xml", f"{str(found.cfdi_uuid).upper()}.xml")


@practice(Need.SEE)
@require_GET
def pdf(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    found = _with_cfdi(request, pk)
    if found.document is not None:
        return pdf_or_why(request, found.document)
    assert found.cfdi_uuid is not None  # else it was not found
    return foreign_pdf_or_why(request, _bytes(found), found.cfdi_uuid)


def _bytes(found: InsurerInvoice) -> bytes:
    assert found.external is not None  # it has a folio fiscal and is not ours
    return bytes(found.external.xml)


def _with_cfdi(request: StaffRequest, pk: uuid.UUID) -> InsurerInvoice:
    found = invoice_or_404(request, pk)
    if found.cfdi_uuid is None:
        raise Http404
    return found
