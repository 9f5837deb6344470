"""What a page of paper needs whoever prints it: its number, its QR, its logo, its PDF.

A print is counted by a POST; opening it again, or on other paper, is the same print. From the second on it says so.
"""

from __future__ import annotations

import base64
import datetime as dt
from typing import Any

import structlog
from django.db import transaction
from django.db.models import F
from django.http import Http404, HttpResponse
from django.utils import timezone
from django.utils.safestring import mark_safe

from emite.audit import record
from emite.charges.models import Charge, PaymentSlip
from emite.organizations.models import Organization
from emite.typeset.data import Paper, SlipPrint, TicketPrint
from emite.typeset.process import TypesetFailed
from emite.typeset.qr import qr_svg
from emite.web.access import StaffRequest
from emite.web.errors.pages import page

log = structlog.get_logger(__name__)

PAPERS: dict[str, Paper] = {"80mm": "80mm", "carta": "letter"}


def count(request: StaffRequest, row: Charge | PaymentSlip, subject: str, action: str) -> int:
    """One more print of a ticket or a slip, audited; which one it is."""
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


def qr_of(data: TicketPrint | SlipPrint) -> str:
    return mark_safe(qr_svg(data.invoicing.url, ec="Q")) if data.invoicing.url else ""  # drawn by us


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
