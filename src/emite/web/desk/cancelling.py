"""Cancel an invoice, correct it by another that takes its place, and follow either to its end.

What may be asked is `cancellations`' to say; here it is asked, explained and shown.
"""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import structlog
from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from emite.cancellations import receipts, requesting, substituting
from emite.cancellations.models import Acuse, Substitution
from emite.cancellations.requesting import NotCancellable, PastDeadline
from emite.cfdi import plazos
from emite.cfdi.cancelacion import Motivo
from emite.cfdi.faults import CfdiInvalid
from emite.cfdi.stored import from_json
from emite.cfdi.zones import zone_of
from emite.charges.models import Allocation, Charge
from emite.documents.models import FiscalDocument, State
from emite.documents.sealing import NotReady
from emite.invoices.issuing import Request
from emite.invoices.models import GlobalDocument
from emite.settlements.models import PaymentComplement
from emite.web.access import Need, StaffRequest, may, staff
from emite.web.cfdi_files import pdf_or_why, xml_of
from emite.web.desk.cancel_states import MOTIVOS, WHO_ACCEPTS, standing
from emite.web.files import attachment
from emite.web.fiscal import FiscalDataForm
from emite.web.once import key_of

log = structlog.get_logger(__name__)


class CancelForm(forms.Form):
    motivo = forms.ChoiceField(
        label="¿Por qué se cancela?",
        widget=forms.RadioSelect,
        error_messages={"required": "Elija el motivo.", "invalid_choice": "Elija uno de los motivos."},
    )
    despite_deadline = forms.BooleanField(
        label="Pedirla aunque haya pasado el plazo (el SAT puede negarla y hay multa)", required=False
    )

    def __init__(self, data: Any, *, document: FiscalDocument, past: bool) -> None:
        super().__init__(data)
        is_global = document.channel == FiscalDocument.Channel.GLOBAL
        keys = [Motivo.ERRORS, Motivo.NOT_DONE, *([Motivo.IN_GLOBAL] if is_global else [])]
        self.fields["motivo"].choices = [(key.value, MOTIVOS[key]) for key in keys]  # type: ignore[attr-defined]
        if not past:
            del self.fields["despite_deadline"]


@staff(Need.ISSUE)
@require_http_methods(["GET", "POST"])
def cancel(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """The motivos in words, what will happen and by when; then the request."""
    document = _document(request, pk)
    if document.state != State.STAMPED:
        return _to(document)
    if document.kind == FiscalDocument.Kind.PAGO:
        live = PaymentComplement.objects.filter(organization=request.organization, document=document).first()
        if live is not None:  # its page says what happens to the payment
            return HttpResponseRedirect(reverse("desk:complement_cancel", args=[live.payment_id]))
    seen = requesting.outlook(document, timezone.now())
    typed = request.POST if request.method == "POST" else None
    form = CancelForm(typed, document=document, past=seen.past)
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
            messages.success(request, "Cancelación pedida. Aquí se ve cómo va; puede dejar esta página.")
            return _to(document)
    context = _context(request, document) | {
        "form": form,
        "seen": seen,
        "who_accepts": WHO_ACCEPTS[seen.acceptance.why],
        "may_correct": _is_nominative(document),
        "resico": _resico_warning(document),
    }
    return render(request, "desk/cancel.html", context, status=422 if form.is_bound else 200)


@staff(Need.ISSUE)
@require_http_methods(["GET", "POST"])
def correct(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """The fiscal form with what the invoice says; what is sent makes the invoice that takes its place."""
    document = _document(request, pk)
    if document.state != State.STAMPED or not _is_nominative(document):
        return _to(document)
    if request.method == "GET":
        return _correct_page(request, document, _form(request, document, None), str(uuid.uuid4()))
    form = _form(request, document, request.POST)
    key = key_of(request.POST.get("clave_envio", ""))
    if request.POST.get("accion") == "opciones":
        fresh = _form(request, document, None, {name: request.POST.get(name, "") for name in form.fields})
        return _correct_page(request, document, fresh, key)
    if form.is_valid():
        data = form.cleaned_data
        asked = Request(form.receptor(), email=data["email"], with_patient=data.get("with_patient", False))
        try:
            substituting.substitute(
                document,
                asked,
                user=request.user,
                now=timezone.now(),
                idempotency_key=uuid.uuid5(document.pk, f"sustituir-{key}").hex,
            )
        except CfdiInvalid as invalid:
            form.add_faults(invalid.faults)
        except (NotReady, NotCancellable) as error:
            form.add_error(None, str(error))
        else:
            messages.success(
                request, "Sustitución pedida: primero se timbra la nueva y después se cancela la anterior."
            )
            return _to(document)
    return _correct_page(request, document, form, key, status=422)


@staff(Need.ISSUE)
@require_POST
def choices(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """Régimen and uso for the RFC typed so far: the piece that htmx puts in place."""
    document = _document(request, pk)
    typed = {name: request.POST.get(name, "") for name in FiscalDataForm.base_fields}
    return render(request, "desk/pieces/regimen.html", {"form": _form(request, document, None, typed)})


@staff(Need.SEE)
@require_GET
def follow(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """How the cancellation or substitution stands, with its whole life."""
    document = _document(request, pk)
    return render(request, "desk/cancellation.html", _context(request, document))


@staff(Need.SEE)
@require_GET
def piece(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """The part that moves, which htmx asks for."""
    return render(request, "desk/pieces/cancellation.html", _context(request, _document(request, pk)))


@staff(Need.ISSUE)
@require_POST
def take_back(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """Undo a request that has not left yet."""
    document = _document(request, pk)
    found = standing(document).request
    if found is None:
        raise Http404
    try:
        requesting.take_back(found, user=request.user, now=timezone.now())
    except NotCancellable as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "La solicitud se retiró: la factura sigue vigente.")
    return _to(document)


@staff(Need.ISSUE)
@require_POST
def decide(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """After a refusal of a substitution: ask again, or keep the first."""
    document = _document(request, pk)
    made = (
        Substitution.objects.filter(organization=request.organization, original=document).order_by("-asked_at").first()
    )
    if made is None:
        raise Http404
    try:
        if request.POST.get("decision") == "conservar":
            substituting.keep_first(made, user=request.user, now=timezone.now())
            messages.success(request, "Se conserva la anterior: se pidió cancelar la nueva.")
        else:
            substituting.ask_again(made, user=request.user, now=timezone.now())
            messages.success(request, "Se pidió otra vez cancelar la anterior.")
    except NotCancellable as error:
        messages.error(request, str(error))
    return _to(document)


@staff(Need.SEE)
@require_GET
def acuse(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """SAT's acknowledgement, byte by byte."""
    document = _document(request, pk)
    found = Acuse.objects.filter(organization=request.organization, request__document=document)
    latest = found.order_by("-stored_at").first()
    if latest is None:
        raise Http404
    return attachment(bytes(latest.xml), "application/xml", f"acuse-{str(document.uuid).upper()}.xml")


@staff(Need.ISSUE)
@require_POST
def find_acuse(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """Ask the PAC for an acuse that never arrived."""
    document = _document(request, pk)
    found = standing(document).request
    if found is None:
        raise Http404
    try:
        receipts.ask(found, user=request.user)
    except NotCancellable as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "Se le está pidiendo al PAC: si lo tiene, en un momento aparece aquí.")
    return _to(document)


@staff(Need.SEE)
@require_GET
def file(request: StaffRequest, pk: uuid.UUID, kind: str) -> HttpResponse:
    """XML or PDF of a document of a substitution: of the new one while the charge is still bound to the old one."""
    document = _document(request, pk)
    made = Substitution.objects.filter(organization=request.organization)
    if document.uuid is None or not (made.filter(original=document) | made.filter(substitute=document)).exists():
        raise Http404
    return xml_of(document) if kind == "xml" else pdf_or_why(request, document)


def _document(request: StaffRequest, pk: uuid.UUID) -> FiscalDocument:
    rows = FiscalDocument.objects.select_related("issuer", "organization")
    try:
        return rows.get(organization=request.organization, pk=pk)
    except FiscalDocument.DoesNotExist:
        raise Http404 from None


def _context(request: StaffRequest, document: FiscalDocument) -> dict[str, Any]:
    return {
        "organization": request.organization,
        "membership": request.membership,
        "zone": request.organization.zone,
        "document": document,
        "standing": standing(document),
        "may_issue": may(request.membership, Need.ISSUE),
        **_back(document),
    }


def _back(document: FiscalDocument) -> dict[str, Any]:
    """Where the page goes back to: the charge, or the closing of a factura global."""
    found = GlobalDocument.objects.filter(document=document).values_list("closing_id", flat=True).first()
    if found is not None:
        return {"back": reverse("desk:closing_progress", args=[found]), "charge": None}
    charge = _charge(document)
    return {"back": reverse("desk:charge", args=[charge.pk]) if charge else reverse("desk:home"), "charge": charge}


def _charge(document: FiscalDocument) -> Charge | None:
    made = Substitution.objects.filter(organization_id=document.organization_id, substitute=document).first()
    pks = [document.pk, *([made.original_id] if made else [])]
    rows = Allocation.objects.filter(organization_id=document.organization_id, document_id__in=pks)
    row = rows.select_related("charge").order_by("-active", "charge_id").first()
    return row.charge if row else None


def _resico_warning(document: FiscalDocument) -> tuple[dt.date, bool] | None:
    """For a RESICO's factura global: the last day that its law gives, and whether it has passed."""
    said = from_json(document.content)
    if said.informacion_global is None:
        return None
    last = plazos.resico_global_day(
        rfc_emisor=said.emisor.rfc,
        regimen=said.emisor.regimen_fiscal,
        meses=said.informacion_global.meses,
        anio=said.informacion_global.anio,
    )
    today = timezone.now().astimezone(zone_of(said.lugar_expedicion)).date()
    return None if last is None else (last, today > last)


def _is_nominative(document: FiscalDocument) -> bool:
    return document.kind == FiscalDocument.Kind.INGRESO and document.channel != FiscalDocument.Channel.GLOBAL


def _form(
    request: StaffRequest, document: FiscalDocument, data: Any, initial: dict[str, Any] | None = None
) -> FiscalDataForm:
    said = from_json(document.content).receptor
    names = ("rfc", "nombre", "domicilio_fiscal", "regimen_fiscal", "uso_cfdi")
    charge = _charge(document)
    form = FiscalDataForm(
        data,
        generic_allowed=True,
        usos_offered=request.organization.usos_offered,
        offer_patient=charge is not None and bool(charge.patient_name),
        initial=initial or {name: str(getattr(said, name)) for name in names},
    )
    for name in ("rfc", "regimen_fiscal"):
        form.fields[name].widget.attrs |= {
            "hx-post": reverse("desk:correct_choices", args=[document.pk]),
            "hx-trigger": "change",
            "hx-target": "#regimen-y-uso",
            "hx-include": "closest form",
        }
    return form


def _correct_page(
    request: StaffRequest, document: FiscalDocument, form: FiscalDataForm, key: str, *, status: int = 200
) -> HttpResponse:
    seen = requesting.outlook(document, timezone.now())
    context = _context(request, document) | {
        "form": form,
        "key": key,
        "seen": seen,
        "who_accepts": WHO_ACCEPTS[seen.acceptance.why],
    }
    return render(request, "desk/correct.html", context, status=status)


def _to(document: FiscalDocument) -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse("desk:cancellation", args=[document.pk]))
