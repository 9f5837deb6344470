"""The page of an invoice that no machine can finish: what happened, what is missing, and what a person may do.

What may be done is decided in `documents.resolving`; here it is said.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_GET, require_POST

from emite.charges.models import Charge
from emite.documents.models import FiscalDocument, State
from emite.documents.resolving import MAX_XML, NotAllowed, Proof, Refused, is_never_sent, may_resolve, proof_of
from emite.invoices import resolving
from emite.web.access import Need, StaffRequest, staff
from emite.web.design.templatetags.design import fecha_hora
from emite.web.desk.reasons import reason_of, state_of
from emite.web.desk.requests import ONLY_BILLERS
from emite.web.desk.states import invoice_badge, kind_words
from emite.web.desk.timeline import timeline
from emite.web.errors.pages import page

#: The file and the form around it.
MAX_REQUEST = MAX_XML + 64 * 1024


class XmlForm(forms.Form):
    xml = forms.FileField(
        label="XML timbrado",
        allow_empty_file=True,
        help_text="El que se descarga de la página del PAC. Se compara con lo que este sistema selló y se comprueba "
        "el sello del SAT: si no es exactamente esta factura, no se guarda.",
        error_messages={"required": "Elija el archivo XML."},
        widget=forms.FileInput(attrs={"accept": ".xml"}),
    )


class GiveUpForm(forms.Form):
    reason = forms.CharField(
        label="Motivo",
        max_length=200,
        help_text="Queda en la bitácora con su nombre y la hora.",
        error_messages={"required": "Escriba por qué se descarta.", "max_length": "Use a lo más 200 letras."},
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


@staff(Need.COLLECT)
@require_GET
def resolve(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    return _show(request, _document_or_404(request, pk))


@staff(Need.ISSUE)
@require_POST
def look_up(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """Have the PAC asked at once."""
    document = _document_or_404(request, pk)

    def act(now: dt.datetime) -> str:
        resolving.look_up_again(pk, request.organization.pk, user=request.user, now=now)
        return "Se le pregunta al PAC en este momento. Vuelva a cargar la página en unos segundos."

    return _do(request, document, act)


@staff(Need.ISSUE)
@require_POST
def give_up(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """Discard it, at once or as soon as there is proof."""
    document, form = _document_or_404(request, pk), GiveUpForm(request.POST)
    if not form.is_valid():
        return _show(request, document, give_up_form=form, status=422)

    def act(now: dt.datetime) -> str:
        owner, reason = request.organization.pk, form.cleaned_data["reason"]
        done = resolving.give_up(pk, owner, reason=reason, user=request.user, now=now)
        if done.state == State.VOID:
            return "Quedó descartada: nada salió al PAC y la remisión está libre."
        return "Ya no se enviará otra vez. Se descarta sola en cuanto una consulta compruebe que no se timbró."

    return _do(request, document, act)


@staff(Need.ISSUE)
@require_POST
def keep(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """Take the discard back."""
    document = _document_or_404(request, pk)

    def act(now: dt.datetime) -> str:
        resolving.keep(pk, request.organization.pk, user=request.user, now=now)
        return "Sigue en curso: se enviará otra vez en cuanto sea seguro."

    return _do(request, document, act)


@csrf_exempt  # checked in _upload, once the size is known to be possible
@require_POST
def import_xml(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    """Refuse by its length what no CFDI of ours has, before anything is parsed."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdigit() or int(length) > MAX_REQUEST:
        return page(
            request, 413, "El archivo es demasiado grande", "Regrese y elija el XML de esta factura, sin comprimir."
        )
    return _upload(request, pk)


@csrf_protect
@staff(Need.ISSUE)
def _upload(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    document, form = _document_or_404(request, pk), XmlForm(request.POST, request.FILES)
    if form.is_valid():
        try:
            xml = form.cleaned_data["xml"].read()
            owner = request.organization.pk
            done = resolving.import_stamp(pk, owner, xml, user=request.user, now=timezone.now())
        except Refused as refused:
            form.add_error("xml", refused.message)
        except NotAllowed:
            form.add_error(None, ONLY_BILLERS)
        else:
            messages.success(request, f"Factura timbrada: {str(done.uuid).upper()}. El correo, si se pidió, ya sale.")
            return HttpResponseRedirect(_back(request, document))
    document.refresh_from_db(fields=["state"])
    return _show(request, document, xml_form=form, status=422)


def _do(request: StaffRequest, document: FiscalDocument, act: Callable[[dt.datetime], str]) -> HttpResponse:
    try:
        messages.success(request, act(timezone.now()))
    except Refused as refused:
        messages.warning(request, refused.message)
    except NotAllowed:
        messages.error(request, ONLY_BILLERS)
    return HttpResponseRedirect(reverse("desk:resolve", args=[document.pk]))


def _show(
    request: StaffRequest,
    document: FiscalDocument,
    *,
    xml_form: XmlForm | None = None,
    give_up_form: GiveUpForm | None = None,
    status: int = 200,
) -> HttpResponse:
    never_sent = is_never_sent(document)
    proof = None if document.is_settled or never_sent or not document.seal_rev else _proof(document)
    zone = request.organization.zone
    context = {
        "organization": request.organization,
        "membership": request.membership,
        "section": "solicitudes",
        "zone": zone,
        "document": document,
        "charge": _charge(request, document),
        "title": kind_words(document),
        "badge": invoice_badge(document),
        "why": _why(document),
        "never_sent": never_sent,
        "missing": missing(proof, lambda moment: fecha_hora(moment, zone)) if proof else [],
        "may_import": not document.is_settled and document.seal_rev > 0,
        "decides": may_resolve(request.user, request.organization.pk),
        "xml_form": xml_form or XmlForm(),
        "give_up_form": give_up_form or GiveUpForm(),
        "entries": timeline([document]),
    }
    return render(request, "desk/resolve.html", context, status=status)


def missing(proof: Proof, said: Callable[[dt.datetime], str]) -> list[str]:
    """What is still missing to know that it was not stamped, in sentences."""
    if proof.is_complete:
        return []
    lines = []
    if proof.not_before:
        lines.append(
            f"Una consulta solo lo prueba después de las {said(proof.not_before)}: hasta entonces el PAC todavía "
            "puede terminar de timbrar lo que se le envió."
        )
    if proof.needed > 1:
        lines.append(
            f"Este PAC no reconoce duplicados: hacen falta {proof.needed} consultas así que no la encuentren; "
            f"van {proof.found}."
        )
    if proof.last_at is None:
        lines.append("Todavía no se le ha podido preguntar al PAC.")
    elif proof.last_outcome == "unknown":
        lines.append(f"En la última consulta ({said(proof.last_at)}) el PAC no supo decir, o no respondió.")
    elif proof.last_outcome == "notfound":
        lines.append(f"En la última consulta ({said(proof.last_at)}) el PAC no la encontró, pero fue demasiado pronto.")
    return lines


def _proof(document: FiscalDocument) -> Proof | None:
    try:
        return proof_of(document)
    except ValueError:  # its account cannot be used any more: only an import helps
        return None


def _why(document: FiscalDocument) -> str:
    if document.state == State.REJECTED:
        return reason_of(document.last_code)
    return "" if document.is_settled else state_of(document)


def _charge(request: StaffRequest, document: FiscalDocument) -> Charge | None:
    """The charge of an invoice of one; a global has thousands."""
    if document.channel == FiscalDocument.Channel.GLOBAL:
        return None
    rows = Charge.objects.filter(organization=request.organization, allocations__document=document)
    return rows.defer("code_hash", "code_cipher").first()


def _back(request: StaffRequest, document: FiscalDocument) -> str:
    charge = _charge(request, document)
    return f"{reverse('desk:charge', args=[charge.pk])}#factura" if charge else reverse("desk:requests")


def _document_or_404(request: StaffRequest, pk: uuid.UUID) -> FiscalDocument:
    rows: Any = FiscalDocument.objects.select_related("pac_account").defer("content")
    document: FiscalDocument | None = rows.filter(organization=request.organization, pk=pk).first()
    if document is None:
        raise Http404
    return document
