""" "Tu factura": its progress, its files, its mail; whole for whoever asked for it or knows its RFC, masked for others.

The stamped XML is the truth of everything shown here; nothing is issued.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from emite.cancellations import self_correcting
from emite.cancellations.showing import public_status
from emite.cfdi.representation import representation
from emite.cfdi.stored import from_json
from emite.cfdi.xml import parse
from emite.documents.models import Delivery, FiscalDocument, State
from emite.documents.rendering import pdf_of, stamped_xml
from emite.documents.waking import wake_delivery
from emite.web.files import attachment
from emite.web.portal import guarding
from emite.web.portal.forms import MailForm, RfcForm
from emite.web.portal.masking import shown
from emite.web.portal.situation import invoice as invoice_of
from emite.web.portal.visit import Visit, visiting
from emite.web.portal.words import wait

#: After this long the page says "en proceso" and lets people go.
PATIENCE = dt.timedelta(seconds=8)
STATUS = {
    State.STAMPED: "Vigente",
    State.CANCELLED: "Cancelada",
    State.HELD: "En revisión",
}


@require_http_methods(["GET", "HEAD", "POST"])
@visiting
def invoice(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Fourth screen. A POST carries the RFC that opens an invoice made from another phone or at the desk."""
    document = invoice_of(visit.live)
    if document is None:
        return _to(visit, "data" if visit.asked else "charge")
    if document.pk != visit.document:
        if not self_correcting.is_the_mended(visit.document, document):
            return _unlock(request, visit, document)
        visit.remember(request, document.pk, asked=visit.asked, with_patient=visit.with_patient)
    if document.state == State.STAMPED:
        return _done(request, visit, document)
    return render(request, "portal/progress.html", _progress(visit, document))


@require_safe
@visiting
def progress(request: HttpRequest, visit: Visit) -> HttpResponse:
    """The list of steps alone, for htmx; it sends the page on when there is news to show."""
    document = invoice_of(visit.live)
    if document is None or document.pk != visit.document or document.is_settled:
        response = HttpResponse()
        response["HX-Redirect"] = reverse("portal:invoice", args=[visit.organization.slug])
        return response
    return render(request, "portal/_progress.html", _progress(visit, document))


def opened(view: Callable[[HttpRequest, Visit, FiscalDocument], HttpResponse]) -> Callable[..., Any]:
    """The view gets the document too, if this browser may see it; others are sent to type its RFC."""

    def checked(request: HttpRequest, visit: Visit) -> HttpResponse:
        document = invoice_of(visit.live)
        if document is None or document.pk != visit.document:
            return _to(visit, "invoice")
        return view(request, visit, document)

    checked.__name__, checked.__doc__ = view.__name__, view.__doc__
    return visiting(checked)


@require_safe
@opened
def xml(request: HttpRequest, visit: Visit, document: FiscalDocument) -> HttpResponse:
    """The CFDI, byte by byte as it was stamped."""
    if document.state != State.STAMPED:
        return _to(visit, "invoice")
    return attachment(stamped_xml(document), "application/xml", f"{_name(document)}.xml")


@require_safe
@opened
def pdf(request: HttpRequest, visit: Visit, document: FiscalDocument) -> HttpResponse:
    """Its printed representation, with the XML inside."""
    if document.state != State.STAMPED:
        return _to(visit, "invoice")
    document.organization = visit.organization
    return attachment(pdf_of(document), "application/pdf", f"{_name(document)}.pdf")


@require_http_methods(["GET", "HEAD", "POST"])
@opened
def mail(request: HttpRequest, visit: Visit, document: FiscalDocument) -> HttpResponse:
    """Send it to an address: now if it is stamped, else as soon as it is."""
    if request.method != "POST":
        return _to(visit, "invoice")
    form = MailForm(request.POST, auto_id="%s")
    stamped = document.state == State.STAMPED
    if form.is_valid():
        verdict = guarding.may_mail(request, document, visit.now)
        if verdict.allowed:
            _deliver(document, form.cleaned_data["email"], visit.now, stamped=stamped)
            return _to(visit, "invoice")
        seconds = int(verdict.retry_after.total_seconds())
        form.add_error("email", f"Ya la mandamos varias veces: espera {wait(seconds)} o descárgala aquí.")
    if stamped:
        return _done(request, visit, document, form, status=422)
    return render(request, "portal/progress.html", {**_progress(visit, document), "mail": form}, status=422)


def _deliver(document: FiscalDocument, address: str, now: dt.datetime, *, stamped: bool) -> None:
    with transaction.atomic():
        delivery, created = Delivery.objects.get_or_create(
            organization_id=document.organization_id,
            document=document,
            address=address,
            state=Delivery.State.PENDING,
            defaults={"requested_at": now, "next_at": now if stamped else None},
        )
        if created and stamped:
            wake_delivery(delivery.pk)


def _unlock(request: HttpRequest, visit: Visit, document: FiscalDocument) -> HttpResponse:
    """Already invoiced, and this browser has not shown that it knows for whom."""
    form = RfcForm(request.POST if request.method == "POST" else None, auto_id="%s")
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            knows, verdict = guarding.knows_rfc(request, document, form.cleaned_data["rfc"], visit.now)
            if knows:
                visit.remember(request, document.pk)
                return _to(visit, "invoice")
            if verdict.allowed:
                form.add_error("rfc", "Esta factura no se hizo con ese RFC. Revísalo, o pregunta en caja.")
            else:
                status = 429
                seconds = int(verdict.retry_after.total_seconds())
                form.add_error("rfc", f"Hubo varios intentos con otro RFC: espera {wait(seconds)} o pregunta en caja.")
    context = {
        **_context(visit, document),
        "receptor": shown(from_json(document.content).receptor, masked=True),
        "form": form,
    }
    return render(request, "portal/invoiced.html", context, status=status)


def _done(
    request: HttpRequest, visit: Visit, document: FiscalDocument, form: MailForm | None = None, *, status: int = 200
) -> HttpResponse:
    printed = representation(parse(stamped_xml(document)))
    deliveries = Delivery.objects.filter(document=document).order_by("requested_at")
    correctable = self_correcting.may_correct(document, visit.organization, visit.now)
    context = {
        **_context(visit, document),
        "receptor": shown(from_json(document.content).receptor, masked=False),
        "uuid": _name(document),
        "verify": printed.fiscal.qr_url,
        "deliveries": list(deliveries),
        "mail": form or MailForm(auto_id="%s"),
        "correctable": correctable,
        "not_mended": correctable and self_correcting.refused_before(document) is not None,
    }
    return render(request, "portal/done.html", context, status=status)


def _progress(visit: Visit, document: FiscalDocument) -> dict[str, Any]:
    waited = visit.now - document.created_at
    return {
        **_context(visit, document),
        "sealed": document.seal_rev > 0,
        "late": waited > PATIENCE,
        "again": 1 if waited < PATIENCE else 5 if waited < dt.timedelta(minutes=2) else 20,
        "deliveries": list(Delivery.objects.filter(document=document).order_by("requested_at")),
        "mail": MailForm(auto_id="%s"),
    }


def _context(visit: Visit, document: FiscalDocument) -> dict[str, Any]:
    return {
        "organization": visit.organization,
        "charge": visit.charge,
        "document": document,
        "status": (document.uuid and public_status(document)) or STATUS.get(State(document.state), "En proceso"),
        "step": 4,
        "in_visit": True,
    }


def _name(document: FiscalDocument) -> str:
    return str(document.uuid).upper()


def _to(visit: Visit, page: str) -> HttpResponse:
    return HttpResponseRedirect(reverse(f"portal:{page}", args=[visit.organization.slug]), status=303)
