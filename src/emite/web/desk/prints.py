"""Print the ticket of a remisión or the slip of a payment, in the browser or as PDF, on 80 mm or letter.

Asking to print is a POST that counts; what it opens carries the number of that print, so that opening it again, or
changing the paper, is the same print. From the second on the paper says "Reimpresión".
"""

from __future__ import annotations

import base64
import datetime as dt
import uuid
from typing import Any

import structlog
from django.db import transaction
from django.db.models import F
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_GET, require_POST

from emite.audit import record
from emite.charges.models import CashRegister, Charge, PaymentSlip
from emite.organizations.models import Organization
from emite.typeset.data import Paper, SlipPrint, TicketPrint
from emite.typeset.printing import typesetter
from emite.typeset.process import TypesetFailed
from emite.typeset.qr import qr_svg
from emite.typeset.ticket_page import slip_page, ticket_page
from emite.web.access import Need, StaffRequest, staff
from emite.web.desk.charge_page import charge_or_404
from emite.web.errors.pages import page
from emite.web.printing.tickets import slip_print, ticket_print

log = structlog.get_logger(__name__)

PAPERS: dict[str, Paper] = {"80mm": "80mm", "carta": "letter"}


@staff(Need.COLLECT)
@require_POST
def print_ticket(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """Count one more print of the ticket and open it."""
    charge = charge_or_404(request.organization, pk)
    if charge.state == Charge.State.VOID:
        return nothing_to_print(request)
    number = _count(request, charge, f"charge:{charge.pk}", "charge.print")
    return HttpResponseRedirect(reverse("desk:ticket", args=[charge.pk, number]))


@staff(Need.COLLECT)
@require_POST
def print_slip(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """Count one more print of the slip and open it."""
    slip = slip_or_404(request.organization, pk)
    number = _count(request, slip, f"slip:{slip.pk}", "slip.print")
    return HttpResponseRedirect(reverse("desk:slip", args=[slip.pk, number]))


@staff(Need.COLLECT)
@require_GET
def ticket(request: StaffRequest, pk: uuid.UUID, number: int) -> HttpResponse:
    charge = charge_or_404(request.organization, pk)
    if charge.state == Charge.State.VOID:
        return nothing_to_print(request)
    same_print(charge.prints, number)
    return _paper(request, charge, ticket_print(charge, reprinted_at=again(number)), "ticket", [pk, number])


@staff(Need.COLLECT)
@require_GET
def ticket_pdf(request: StaffRequest, pk: uuid.UUID, number: int) -> HttpResponse:
    charge = charge_or_404(request.organization, pk)
    if charge.state == Charge.State.VOID:
        return nothing_to_print(request)
    same_print(charge.prints, number)
    data, paper = ticket_print(charge, reprinted_at=again(number)), paper_asked(request)
    return pdf_answer(request, lambda: typesetter().ticket(data, paper=paper), f"{charge.folio}.pdf")


@staff(Need.COLLECT)
@require_GET
def slip(request: StaffRequest, pk: uuid.UUID, number: int) -> HttpResponse:
    found = slip_or_404(request.organization, pk)
    same_print(found.prints, number)
    return _paper(request, found.charge, slip_print(found, reprinted_at=again(number)), "slip", [pk, number])


@staff(Need.COLLECT)
@require_GET
def slip_pdf(request: StaffRequest, pk: uuid.UUID, number: int) -> HttpResponse:
    found = slip_or_404(request.organization, pk)
    same_print(found.prints, number)
    data, paper = slip_print(found, reprinted_at=again(number)), paper_asked(request)
    return pdf_answer(request, lambda: typesetter().slip(data, paper=paper), f"{found.folio}.pdf")


def slip_or_404(organization: Organization, pk: uuid.UUID) -> PaymentSlip:
    rows = PaymentSlip.objects.select_related("charge__organization", "charge__issuer", "register", "cashier")
    found = rows.filter(organization=organization, pk=pk).first()
    if found is None:
        raise Http404
    return found


def _count(request: StaffRequest, row: Charge | PaymentSlip, subject: str, action: str) -> int:
    with transaction.atomic():
        type(row)._default_manager.filter(pk=row.pk).update(prints=F("prints") + 1)
        row.refresh_from_db(fields=["prints"])
        record(
            organization_id=request.organization.pk,
            actor=request.user.email,
            action=action,
            subject=subject,
            after={"print": row.prints},
            now=timezone.now(),
        )
    return row.prints


def same_print(prints: int, number: int) -> None:
    """Only the latest print can be opened: an older address would give a second paper without its mark."""
    if number != prints or number < 1:
        raise Http404


def again(number: int) -> dt.datetime | None:
    """When it is printed again; None for the first time."""
    return timezone.now() if number > 1 else None


def paper_asked(request: StaffRequest) -> Paper:
    """80 mm unless the address asks for letter."""
    return PAPERS.get(request.GET.get("papel", ""), "80mm")


def _paper(
    request: StaffRequest, charge: Charge, data: TicketPrint | SlipPrint, name: str, args: list[Any]
) -> HttpResponse:
    paper, here = paper_asked(request), reverse(f"desk:{name}", args=args)
    said = ticket_page(data) if isinstance(data, TicketPrint) else slip_page(data)
    asked = "carta" if paper == "letter" else "80mm"
    context = {
        "organization": request.organization,
        "page": said,
        "paper": paper,
        "brand": data.branding.name,
        "logo": logo_of(request.organization),
        "qr": qr_of(data),
        "back": reverse("desk:charge", args=[charge.pk]),
        "pdf": f"{reverse(f'desk:{name}_pdf', args=args)}?papel={asked}",
        "thermal": reverse(f"desk:{name}_bin", args=args),
        "send": reverse(f"desk:{name}_send", args=args),
        "printer": printer_of(request),
        "other": f"{here}?papel={'80mm' if paper == 'letter' else 'carta'}",
    }
    return render(request, "printing/paper.html", context)


def qr_of(data: TicketPrint | SlipPrint) -> str:
    return mark_safe(qr_svg(data.invoicing.url, ec="Q")) if data.invoicing.url else ""  # drawn by us


def printer_of(request: StaffRequest) -> CashRegister | None:
    """The register with a printer where this person charged last; else the only one that has a printer."""
    rows = CashRegister.objects.filter(organization=request.organization, active=True).exclude(printer_host="")
    found = list(rows.order_by("name")[:20])
    here = [row for row in found if str(row.pk) == request.session.get("register")]
    return here[0] if here else found[0] if len(found) == 1 else None


def logo_of(organization: Organization) -> str:
    """As an address that needs no request."""
    if not organization.logo or not organization.logo_type:
        return ""
    return f"data:{organization.logo_type};base64,{base64.b64encode(bytes(organization.logo)).decode()}"


def pdf_answer(request: StaffRequest, draw: Any, name: str) -> HttpResponse:
    try:
        content = draw()
    except TypesetFailed as error:
        log.warning("paper_not_drawn", error=type(error).__name__)
        return page(
            request,
            503,
            "El PDF no se pudo dibujar en este momento",
            "Imprima desde el navegador: la hoja dice lo mismo. O intente el PDF otra vez en un minuto.",
        )
    response = HttpResponse(content, content_type="application/pdf")
    response["Content-Disposition"] = f'inline; filename="{name}"'
    return response


def nothing_to_print(request: StaffRequest) -> HttpResponse:
    return page(request, 409, "La remisión está cancelada", "No se imprime un ticket que ya no vale.")
