"""The price list as a file: template, export, and an import that is looked at before anything is changed.

What a row may say is decided in `chargemaster.importing`, its size in `csv_files`.
"""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from emite.chargemaster import importing
from emite.chargemaster.importing import Reading
from emite.chargemaster.keeping import keep_all
from emite.chargemaster.models import ChargeItem
from emite.chargemaster.tables import TableRefused
from emite.organizations.permissions import Need
from emite.web.access import StaffRequest, staff
from emite.web.csv_files import SHOWN, FileForm, csv_answer, light


@staff(Need.PRICE)
@require_GET
def export(request: StaffRequest) -> HttpResponse:
    rows = ChargeItem.objects.filter(organization=request.organization).order_by("code")
    return csv_answer(importing.as_csv(rows), "lista-de-precios.csv")


@staff(Need.PRICE)
@require_GET
def template(request: StaffRequest) -> HttpResponse:
    return csv_answer(importing.as_csv([]), "plantilla-de-precios.csv")


@light
@staff(Need.PRICE)
@require_http_methods(["GET", "POST"])
def prices(request: StaffRequest) -> HttpResponse:
    if request.method == "GET":
        return _page(request, FileForm())
    form = FileForm(request.POST, request.FILES)
    if not form.is_valid():
        return _page(request, form, status=422)
    try:
        reading = importing.understand(form.cleaned_data["archivo"].file)
    except TableRefused as refused:
        form.add_error("archivo", str(refused))
        return _page(request, form, status=422)
    action = request.POST.get("accion", "")
    if action == "errores":
        return csv_answer(importing.errors_as_csv(reading), "lista-con-errores.csv")
    if not reading.rows:
        form.add_error("archivo", "El archivo no tiene renglones debajo de los nombres de las columnas.")
    if reading.wrong or not reading.rows or action != "aplicar":
        return _page(request, form, reading=reading, status=422 if reading.wrong or form.errors else 200)
    done = keep_all(request.organization, reading.items, user=request.user, now=timezone.now())
    messages.success(
        request,
        f"Lista importada: {done.added} agregados, {done.changed} cambiados y {done.same} iguales. "
        "Lo que ya se cobró conserva su precio.",
    )
    return HttpResponseRedirect(reverse("desk:prices"))


def _page(request: StaffRequest, form: FileForm, *, reading: Reading | None = None, status: int = 200) -> HttpResponse:
    context: dict[str, Any] = {
        "organization": request.organization,
        "membership": request.membership,
        "section": "precios",
        "form": form,
        "columns": importing.COLUMNS,
        "reading": reading,
    }
    if reading is not None:
        codes = {item.code.casefold() for item in reading.items}
        rows = ChargeItem.objects.filter(organization=request.organization).values_list("code", flat=True)
        known = sum(code.casefold() in codes for code in rows)
        context |= {"wrong": reading.wrong[:SHOWN], "known": known, "new": len(codes) - known}
    return render(request, "desk/price_import.html", context, status=status)
