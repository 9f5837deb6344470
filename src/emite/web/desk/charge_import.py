"""Remisiones of another system as a file: template, dry run, all or nothing, and then the tickets of what came in.

What a row may say is decided in `charges.sheet`, writing them in `charges.importing`.
"""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from emite.audit import record
from emite.chargemaster.tables import TableRefused
from emite.charges import sheet
from emite.charges.collecting import DESK_FORMS
from emite.charges.importing import OtherTotal, import_all
from emite.charges.models import Charge
from emite.charges.sheet import Reading
from emite.typeset.ticket_page import ticket_page
from emite.web.access import Need, StaffRequest, may, staff
from emite.web.csv_files import SHOWN, FileForm, csv_answer, light
from emite.web.desk.states import money_badge
from emite.web.printing.papers import again, logo_of, paper_asked, qr_of
from emite.web.printing.tickets import ticket_print

#: Tickets that one page shows and prints.
PAGE = 25


@staff(Need.IMPORT)
@require_GET
def template(request: StaffRequest) -> HttpResponse:
    return csv_answer(sheet.template(), "plantilla-de-remisiones.csv")


@light
@staff(Need.IMPORT)
@require_http_methods(["GET", "POST"])
def charges(request: StaffRequest) -> HttpResponse:
    if request.method == "GET":
        return _page(request, FileForm(most=sheet.MOST))
    form = FileForm(request.POST, request.FILES, most=sheet.MOST)
    if not form.is_valid():
        return _page(request, form, status=422)
    try:
        reading = sheet.understand(form.cleaned_data["archivo"].file, request.organization)
    except TableRefused as refused:
        form.add_error("archivo", str(refused))
        return _page(request, form, status=422)
    action = request.POST.get("accion", "")
    if action == "errores":
        return csv_answer(sheet.errors_as_csv(reading), "remisiones-con-errores.csv")
    if not reading.rows:
        form.add_error("archivo", "El archivo no tiene renglones debajo de los nombres de las columnas.")
    if reading.wrong or not reading.rows or action != "importar":
        return _page(request, form, reading=reading, status=422 if reading.wrong or form.errors else 200)
    try:
        done = import_all(request.organization, reading.charges, user=request.user, now=timezone.now())
    except OtherTotal:
        form.add_error("archivo", "Otra persona acaba de crear remisiones con esos folios. Revise el archivo otra vez.")
        return _page(request, form, status=422)
    if not done.first:
        messages.success(request, f"Las {done.known} remisiones del archivo ya estaban: no cambió nada.")
        return HttpResponseRedirect(reverse("desk:charge_import"))
    known = f" Otras {done.known} ya estaban y quedaron igual." if done.known else ""
    messages.success(request, f"Remisiones importadas: {done.last - done.first + 1}.{known}")
    return HttpResponseRedirect(_address("desk:imported", done.first, done.last))


@staff(Need.COLLECT)
@require_GET
def imported(request: StaffRequest) -> HttpResponse:
    """Remisiones by number, from here to there, a page of them at a time."""
    rows, until = _asked(request)
    context = _base(request) | {
        "rows": [(row, money_badge(row)) for row in rows],
        "first": rows[0].number,
        "last": rows[-1].number,
        "until": until,
        "next": _address("desk:imported", rows[-1].number + 1, until) if rows[-1].number < until else "",
        "printable": sum(row.state == Charge.State.OPEN for row in rows),
    }
    return render(request, "desk/charges_imported.html", context)


@staff(Need.COLLECT)
@require_POST
def print_many(request: StaffRequest) -> HttpResponse:
    """Count one more print of each ticket of the page and open them."""
    rows, _ = _asked(request)
    alive = [row for row in rows if row.state == Charge.State.OPEN]
    if not alive:
        raise Http404
    for row in alive:
        row.prints += 1
    Charge.objects.bulk_update(alive, ["prints"])
    record(
        organization_id=request.organization.pk,
        actor=request.user.email,
        action="charge.print_many",
        subject=f"organization:{request.organization.pk}",
        after={"first": alive[0].folio, "last": alive[-1].folio, "tickets": len(alive)},
        now=timezone.now(),
    )
    return HttpResponseRedirect(_address("desk:tickets", rows[0].number, rows[-1].number))


@staff(Need.COLLECT)
@require_GET
def tickets(request: StaffRequest) -> HttpResponse:
    """The papers of those that were printed: what was never counted is not shown."""
    rows, _ = _asked(request)
    alive = [row for row in rows if row.state == Charge.State.OPEN and row.prints]
    if not alive:
        raise Http404
    said = [ticket_print(row, reprinted_at=again(row.prints)) for row in alive]
    paper = paper_asked(request)
    here = _address("desk:tickets", rows[0].number, rows[-1].number)
    context = {
        "organization": request.organization,
        "papers": [(ticket_page(one), qr_of(one)) for one in said],
        "paper": paper,
        "brand": said[0].branding.name,
        "logo": logo_of(request.organization),
        "back": _address("desk:imported", rows[0].number, rows[-1].number),
        "other": f"{here}&papel={'80mm' if paper == 'letter' else 'carta'}",
    }
    return render(request, "printing/many.html", context)


def _asked(request: StaffRequest) -> tuple[list[Charge], int]:
    """A page of the remisiones between the numbers of the address, and the last number; 404 when there is none."""
    typed = [request.GET.get(name, "") for name in ("desde", "hasta")]
    if not all(text.isascii() and text.isdigit() and len(text) < 10 for text in typed):
        raise Http404
    first, last = map(int, typed)
    rows = Charge.objects.select_related("organization", "issuer", "branch", "created_by").filter(
        organization=request.organization, kind=Charge.Kind.REMISION, number__gte=first, number__lte=last
    )
    found = list(rows.order_by("number")[:PAGE])
    if not found:
        raise Http404
    return found, last


def _address(name: str, first: int, last: int) -> str:
    return f"{reverse(name)}?{urlencode({'desde': first, 'hasta': last})}"


def _page(request: StaffRequest, form: FileForm, *, reading: Reading | None = None, status: int = 200) -> HttpResponse:
    context = _base(request) | {"form": form, "columns": sheet.TEMPLATE, "needed": sheet.COLUMNS, "reading": reading}
    if reading is not None:
        context |= {
            "wrong": reading.wrong[:SHOWN],
            "paid": [(DESK_FORMS[key], amount) for key, amount in sorted(reading.paid.items())],
        }
    return render(request, "desk/charge_import.html", context, status=status)


def _base(request: StaffRequest) -> dict[str, Any]:
    return {
        "organization": request.organization,
        "membership": request.membership,
        "section": "importar",
        "zone": request.organization.zone,
        "may_import": may(request.membership, Need.IMPORT),
    }
