"""The same papers for thermal printers: the bytes to download, or straight to the register's printer on the network."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from emite.charges.models import Charge
from emite.typeset.data import SlipPrint, TicketPrint
from emite.typeset.escpos import COLUMNS, Width, paper
from emite.typeset.note_page import NotePrint, note_page
from emite.typeset.ticket_page import slip_page, ticket_page
from emite.web.access import Need, StaffRequest, staff
from emite.web.desk.charge_page import charge_or_404
from emite.web.desk.prints import nothing_to_print, printer_of, slip_or_404
from emite.web.errors.pages import page
from emite.web.files import attachment
from emite.web.printing.papers import again, same_print
from emite.web.printing.printers import PrinterAway, PrinterRefused, send
from emite.web.printing.tickets import slip_print, ticket_print


def strip(data: TicketPrint | SlipPrint | NotePrint, width: Width) -> bytes:
    """The bytes of any paper."""
    if isinstance(data, NotePrint):
        return paper(note_page(data), data.branding.name, width=width)
    said = ticket_page(data) if isinstance(data, TicketPrint) else slip_page(data)
    return paper(said, data.branding.name, width=width, url=data.invoicing.url)


def download(data: TicketPrint | SlipPrint | NotePrint, name: str, width: Width) -> HttpResponse:
    """As a file for whatever sends it to the printer."""
    return attachment(strip(data, width), "application/octet-stream", f"{name}.bin")


def width_asked(request: StaffRequest) -> Width:
    """80 mm unless the address asks for 58."""
    return next((width for width in COLUMNS if request.GET.get("ancho") == str(width)), 80)


@staff(Need.COLLECT)
@require_GET
def ticket_bin(request: StaffRequest, pk: uuid.UUID, number: int) -> HttpResponse:
    charge = charge_or_404(request.organization, pk)
    if charge.state == Charge.State.VOID:
        return nothing_to_print(request)
    same_print(charge.prints, number)
    return download(ticket_print(charge, reprinted_at=again(number)), charge.folio, width_asked(request))


@staff(Need.COLLECT)
@require_GET
def slip_bin(request: StaffRequest, pk: uuid.UUID, number: int) -> HttpResponse:
    found = slip_or_404(request.organization, pk)
    same_print(found.prints, number)
    return download(slip_print(found, reprinted_at=again(number)), found.folio, width_asked(request))


@staff(Need.COLLECT)
@require_POST
def ticket_send(request: StaffRequest, pk: uuid.UUID, number: int) -> HttpResponse:
    """Straight to the printer of the register where this person works."""
    charge = charge_or_404(request.organization, pk)
    if charge.state == Charge.State.VOID:
        return nothing_to_print(request)
    same_print(charge.prints, number)
    return _send(request, ticket_print(charge, reprinted_at=again(number)), "ticket", [pk, number])


@staff(Need.COLLECT)
@require_POST
def slip_send(request: StaffRequest, pk: uuid.UUID, number: int) -> HttpResponse:
    """Straight to the printer of the register where this person works."""
    found = slip_or_404(request.organization, pk)
    same_print(found.prints, number)
    return _send(request, slip_print(found, reprinted_at=again(number)), "slip", [pk, number])


def _send(request: StaffRequest, data: TicketPrint | SlipPrint, name: str, args: list[Any]) -> HttpResponse:
    register = printer_of(request)
    if register is None:
        return page(
            request, 409, "No hay impresora", "Ninguna caja tiene impresora en red: imprima desde el navegador."
        )
    width: Width = 58 if register.paper_width == 58 else 80
    try:
        send(register.printer_host, register.printer_port, strip(data, width))
    except (PrinterAway, PrinterRefused) as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"Enviado a la impresora de {register.name}.")
    return HttpResponseRedirect(reverse(f"desk:{name}", args=args))
