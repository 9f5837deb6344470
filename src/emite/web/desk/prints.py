"""Print the ticket of a remisión or the slip of a payment, in the browser or as PDF, on 80 mm or letter.

Asking to print is a POST that counts; what it opens carries the number of that print, so that opening it again, or
changing the paper, is the same print. From the second on the paper says "Reimpresión".
"""

from __future__ import annotations

import uuid
from typing import Any

import structlog
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from emite.charges.models import CashRegister, Charge, PaymentSlip
from emite.organizations.models import Organization
from emite.typeset.data import SlipPrint, TicketPrint
from emite.typeset.printing import typesetter
from emite.typeset.ticket_page import slip_page, ticket_page
from emite.web.access import Need, StaffRequest, staff
from emite.web.desk.charge_page import charge_or_404
from emite.web.errors.pages import page
from emite.web.printing.papers import again, count, logo_of, paper_asked, pdf_answer, qr_of, same_print
from emite.web.printing.tickets import slip_print, ticket_print

log = structlog.get_logger(__name__)


@staff(Need.COLLECT)
@require_POST
def print_ticket(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """Count one more print of the ticket and open it."""
    charge = charge_or_404(request.organization, pk)
    if charge.state == Charge.State.VOID:
        return nothing_to_print(request)
    number = count(request, charge, f"charge:{charge.pk}", "charge.print")
    return HttpResponseRedirect(reverse("desk:ticket", args=[charge.pk, number]))


@staff(Need.COLLECT)
@require_POST
def print_slip(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """Count one more print of the slip and open it."""
    slip = slip_or_404(request.organization, pk)
    number = count(request, slip, f"slip:{slip.pk}", "slip.print")
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
    rows = PaymentSlip.objects.select_related(
        "charge__organization", "charge__issuer", "charge__branch", "register", "cashier"
    )
    found = rows.filter(organization=organization, pk=pk).first()
    if found is None:
        raise Http404
    return found


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


def printer_of(request: StaffRequest) -> CashRegister | None:
    """The register with a printer where this person charged last; else the only one that has a printer."""
    rows = CashRegister.objects.filter(organization=request.organization, active=True).exclude(printer_host="")
    found = list(rows.order_by("name")[:20])
    here = [row for row in found if str(row.pk) == request.session.get("register")]
    return here[0] if here else found[0] if len(found) == 1 else None


def nothing_to_print(request: StaffRequest) -> HttpResponse:
    return page(request, 409, "La remisión está cancelada", "No se imprime un ticket que ya no vale.")
