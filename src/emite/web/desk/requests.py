""" "Solicitudes por atender": what the portal or another system could not finish, with its reason and how to go on.

What belongs in the queue is decided in `invoices.requests`.
"""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from emite.charges.models import Charge
from emite.documents.models import FiscalDocument, State
from emite.documents.resolving import NotAllowed, may_resolve
from emite.invoices import requests as queue
from emite.invoices.models import PortalRequest
from emite.invoices.requests import AlreadyClosed, Kind, Pending
from emite.web.access import Need, StaffRequest, may, staff
from emite.web.desk.charge_page import charge_or_404
from emite.web.desk.reasons import reason_of, state_of
from emite.web.desk.states import kind_words

ONLY_BILLERS = "Solo un administrador o un facturador con permiso de emitir puede decidirlo."

_HELP = {
    PortalRequest.Why.EXPIRED: "Pidió ayuda: pasó el plazo para facturar en línea",
    PortalRequest.Why.OFF: "Pidió ayuda: el portal está apagado",
    PortalRequest.Why.IN_GLOBAL: "Pidió ayuda: la remisión está en la factura global",
    PortalRequest.Why.REFUSED: "Pidió ayuda: el SAT rechazó sus datos varias veces",
}
_TONES = {Kind.HELP: "accent", Kind.REFUSED: "wrong", Kind.DOUBT: "wrong", Kind.WAITING: "cost"}
_NAMES = {Kind.HELP: "Ayuda", Kind.REFUSED: "Rechazada", Kind.DOUBT: "En duda", Kind.WAITING: "En espera"}
_ROADS = {
    FiscalDocument.Channel.PORTAL: "Pedida en el portal",
    FiscalDocument.Channel.DESK: "Pedida en caja o por otro sistema",
}


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the queue as it is shown."""

    pending: Pending
    badge: tuple[str, str]
    why: str
    detail: str
    age: str
    receptor: dict[str, str]
    to_invoice: str = ""
    to_resolve: str = ""
    to_close: str = ""

    @property
    def title(self) -> str:
        """What it is, where no charge says so."""
        return "" if self.pending.document is None else kind_words(self.pending.document)


class CloseForm(forms.Form):
    reason = forms.CharField(
        label="Motivo",
        max_length=200,
        help_text="Por ejemplo: la persona ya no la quiere, o se le hizo con otra remisión. Queda en la bitácora.",
        error_messages={"required": "Escriba por qué se cierra sin factura.", "max_length": "Use a lo más 200 letras."},
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


@staff(Need.COLLECT)
@require_GET
def requests(request: StaffRequest) -> HttpResponse:
    """The queue, the oldest first."""
    now = timezone.now()
    may_issue = may(request.membership, Need.ISSUE)
    decides = may_resolve(request.user, request.organization.pk)
    found = queue.attending(request.organization.pk, now)
    context = {
        "organization": request.organization,
        "membership": request.membership,
        "section": "solicitudes",
        "zone": request.organization.zone,
        "rows": [row_of(each, now, may_issue=may_issue, decides=decides) for each in found],
        "is_cut": len(found) == queue.LIMIT,
        "may_issue": may_issue,
    }
    return render(request, "desk/requests.html", context)


def row_of(pending: Pending, now: dt.datetime, *, may_issue: bool, decides: bool) -> Row:
    """Why it waits in words, and where it goes on."""
    document, charge = pending.document, pending.charge
    if pending.request is not None:
        why, detail = _HELP[PortalRequest.Why(pending.request.why)], ""
    else:
        assert document is not None  # a pending is a request or a document
        why, detail = _document_words(document)
    issuable = may_issue and pending.kind in (Kind.HELP, Kind.REFUSED) and not _in_global(pending)
    return Row(
        pending,
        badge=(_NAMES[pending.kind], _TONES[pending.kind]),
        why=why,
        detail=detail,
        age=age(now - pending.since),
        receptor=pending.receptor,
        to_invoice=f"{reverse('desk:invoice', args=[charge.pk])}?datos=solicitud" if issuable and charge else "",
        to_resolve=reverse("desk:resolve", args=[document.pk]) if document and document.state != State.REJECTED else "",
        to_close=_close_address(pending) if decides else "",
    )


def _document_words(document: FiscalDocument) -> tuple[str, str]:
    road = _ROADS.get(FiscalDocument.Channel(document.channel), kind_words(document))
    if document.state == State.REJECTED:
        return reason_of(document.last_code), f"{road}. {document.last_code}: {document.last_text}"
    return state_of(document), f"{road}."


def _in_global(pending: Pending) -> bool:
    return pending.request is not None and pending.request.why == PortalRequest.Why.IN_GLOBAL


def _close_address(pending: Pending) -> str:
    if pending.request is not None:
        return reverse("desk:request_close", args=[pending.request.pk])
    if pending.kind is Kind.REFUSED and pending.document is not None:
        return reverse("desk:refusal_close", args=[pending.document.pk])
    return ""


def age(span: dt.timedelta) -> str:
    """`5 min`, `3 h`, `2 días`."""
    minutes = max(int(span.total_seconds() // 60), 0)
    if minutes < 60:
        return f"{minutes} min"
    hours = minutes // 60
    if hours < 48:
        return f"{hours} h"
    return f"{hours // 24} días"


@staff(Need.ISSUE)
@require_http_methods(["GET", "POST"])
def close_request(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """Close what a patient asked, without an invoice and with a reason."""
    rows = PortalRequest.objects.select_related("charge").filter(organization=request.organization, pk=pk)
    asked = rows.first()
    if asked is None:
        raise Http404
    return _close(request, asked.charge, asked, None)


@staff(Need.ISSUE)
@require_http_methods(["GET", "POST"])
def close_refusal(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """Put a refused invoice aside: nobody will ask for it again."""
    document = FiscalDocument.objects.filter(organization=request.organization, pk=pk, state=State.REJECTED).first()
    charge = Charge.objects.filter(organization=request.organization, allocations__document=document).first()
    if document is None or charge is None:
        raise Http404
    return _close(request, charge_or_404(request.organization, charge.pk), None, document)


def _close(
    request: StaffRequest, charge: Charge, asked: PortalRequest | None, document: FiscalDocument | None
) -> HttpResponse:
    form = CloseForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        _end(request, charge, asked, document, form.cleaned_data["reason"])
        return HttpResponseRedirect(reverse("desk:requests"))
    context = {
        "organization": request.organization,
        "membership": request.membership,
        "section": "solicitudes",
        "charge": charge,
        "asked": asked,
        "document": document,
        "form": form,
    }
    return render(request, "desk/request_close.html", context, status=422 if form.is_bound else 200)


def _end(
    request: StaffRequest, charge: Charge, asked: PortalRequest | None, document: FiscalDocument | None, reason: str
) -> None:
    now, owner = timezone.now(), request.organization.pk
    try:
        if asked is not None:
            queue.close(asked.pk, owner, reason=reason, user=request.user, now=now)
        elif document is not None:
            queue.put_aside(document, charge, reason=reason, user=request.user, now=now)
    except NotAllowed:
        messages.error(request, ONLY_BILLERS)
    except AlreadyClosed:
        messages.info(request, "Ya estaba cerrada: alguien la atendió antes.")
    else:
        messages.success(request, f"La solicitud de {charge.folio} quedó cerrada.")
