"""One received invoice: what it says, what was found, its history and payments, and the verdict."""

from __future__ import annotations

import uuid
from typing import Any

import structlog
from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from emite.reviews import asking, deciding, printing
from emite.reviews.allowing import Refused
from emite.reviews.models import ReceivedComplement, ReceivedCredit, ReceivedInvoice
from emite.typeset.process import TypesetFailed
from emite.web.errors.pages import page as error_page
from emite.web.files import attachment
from emite.web.insurer.access import Need, StaffRequest, payer
from emite.web.insurer.inbox import context_of

log = structlog.get_logger(__name__)
#: Lines that the page shows; the PDF and the XML have all of them.
LINES = 100


class DayForm(forms.Form):
    day = forms.DateField(
        label="Pago programado",
        required=False,
        widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"),
        error_messages={"invalid": "Escriba la fecha completa: día, mes y año."},
    )


def found(request: StaffRequest, pk: uuid.UUID) -> ReceivedInvoice:
    """The invoice of this payer, or 404."""
    row = ReceivedInvoice.objects.filter(organization=request.organization, pk=pk).first()
    if row is None:
        raise Http404
    return row


@payer(Need.SEE)
@require_GET
def invoice(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    row = found(request, pk)
    if row.seen_at is None:
        deciding.see(row, now=timezone.now())
    return show(request, row)


def show(
    request: StaffRequest, row: ReceivedInvoice, *, problem: str = "", reason: str = "", day: DayForm | None = None
) -> HttpResponse:
    """Its page, with what went wrong in what was asked of it and everything that was typed."""
    printed = printing.read(row)
    context: dict[str, Any] = context_of(
        request,
        "bandeja",
        invoice=row,
        printed=printed,
        lines=printed.lines[:LINES],
        more=max(0, len(printed.lines) - LINES),
        events=row.events.order_by("-at"),
        shares=row.shares.select_related("payment").order_by("payment__paid_at"),
        complements=row.complements.only("pk", "uuid", "received_at", "cancelled_at").order_by("received_at"),
        said=row.said_payments.order_by("paid_at"),
        complemented=row.complements.filter(cancelled_at=None).exists(),
        credits=row.credits.only("pk", "uuid", "total", "received_at", "cancelled_at").order_by("received_at"),
        open=row.state in ReceivedInvoice.OPEN,
        doubt=row.doubt(timezone.now()) if row.owed and row.state == ReceivedInvoice.State.APPROVED else row.trouble,
        day=day or DayForm(initial={"day": row.scheduled_on}),
        problem=problem,
        reason=reason,
    )
    return render(request, "insurer/invoice.html", context, status=422 if problem or (day and day.errors) else 200)


@payer(Need.REVIEW)
@require_POST
def decide(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """ "En revisión", "Aprobar" or "Rechazar" with its reason. The SAT is asked before anything is approved."""
    row = found(request, pk)
    action, reason = request.POST.get("accion", ""), request.POST.get("reason", "")
    now, organization = timezone.now(), request.organization.pk
    try:
        if action == "revisar":
            deciding.review(row, user=request.user, now=now)
            done = "La factura está en revisión."
        elif action == "rechazar":
            deciding.reject(organization, [row.pk], reason=reason, user=request.user, now=now)
            done = "La factura se rechazó: su emisor recibe el motivo."
        else:
            asking.ask_sat(row, clock=timezone.now)
            deciding.approve(organization, [row.pk], user=request.user, now=now)
            done = "La factura se aprobó: ya se puede programar y pagar."
    except Refused as refused:
        row.refresh_from_db()
        return show(request, row, problem=refused.message, reason=reason)
    messages.success(request, done)
    return HttpResponseRedirect(reverse("insurer:invoice", args=[row.pk]))


@payer(Need.REVIEW)
@require_POST
def schedule(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    row, form = found(request, pk), DayForm(request.POST)
    if form.is_valid():
        try:
            deciding.schedule(row, form.cleaned_data["day"], user=request.user, now=timezone.now())
        except Refused as refused:
            form.add_error("day", refused.message)
        else:
            messages.success(request, "Se guardó la fecha de pago.")
            return HttpResponseRedirect(reverse("insurer:invoice", args=[row.pk]))
    return show(request, row, day=form)


@payer(Need.SEE)
@require_POST
def ask_sat(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """Ask today: an invoice that was alive on arrival may have been cancelled since."""
    row = found(request, pk)
    estado = asking.ask_sat(row, clock=timezone.now)
    if estado:
        messages.info(request, f"El SAT dice: {estado}.")
    else:
        messages.warning(request, "El SAT no contestó. Intente en unos minutos.")
    return HttpResponseRedirect(reverse("insurer:invoice", args=[row.pk]))


@payer(Need.SEE)
@require_GET
def xml(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    row = found(request, pk)
    return attachment(bytes(row.xml), "application/xml", f"{str(row.uuid).upper()}.xml")


@payer(Need.SEE)
@require_GET
def pdf(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    row = found(request, pk)
    try:
        drawn = printing.pdf_of(row)
    except TypesetFailed as error:
        log.warning("received_not_drawn", invoice=str(row.pk), error=type(error).__name__)
        advice = "El XML se puede descargar. Intente el PDF otra vez en un minuto."
        return error_page(request, 503, "El PDF no se pudo dibujar en este momento", advice)
    return attachment(drawn, "application/pdf", f"{str(row.uuid).upper()}.pdf")


@payer(Need.SEE)
@require_GET
def complement_xml(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    row = ReceivedComplement.objects.filter(organization=request.organization, pk=pk).first()
    if row is None:
        raise Http404
    return attachment(bytes(row.xml), "application/xml", f"{str(row.uuid).upper()}.xml")


@payer(Need.SEE)
@require_GET
def credit_xml(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    row = ReceivedCredit.objects.filter(organization=request.organization, pk=pk).first()
    if row is None:
        raise Http404
    return attachment(bytes(row.xml), "application/xml", f"{str(row.uuid).upper()}.xml")
