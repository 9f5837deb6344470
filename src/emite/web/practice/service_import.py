"""Services of another system as a file: template, dry run, all or nothing.

What a row may say is decided in `care.sheet`, writing them in `care.importing`.
"""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from emite.care import sheet
from emite.care.importing import import_all
from emite.care.rendering import ServiceRefused
from emite.care.sheet import Reading
from emite.chargemaster.tables import TableRefused
from emite.web.csv_files import SHOWN, FileForm, csv_answer, light
from emite.web.practice.access import Need, StaffRequest, practice
from emite.web.practice.settings import context_of


@practice(Need.IMPORT)
@require_GET
def template(request: StaffRequest) -> HttpResponse:
    return csv_answer(sheet.template(), "plantilla-de-servicios.csv")


@light
@practice(Need.IMPORT)
@require_http_methods(["GET", "POST"])
def services(request: StaffRequest) -> HttpResponse:
    if request.method == "GET":
        return _page(request, FileForm(most=sheet.MOST))
    form, now = FileForm(request.POST, request.FILES, most=sheet.MOST), timezone.now()
    if not form.is_valid():
        return _page(request, form, status=422)
    try:
        file = form.cleaned_data["archivo"].file
        reading = sheet.understand(file, request.organization, user=request.user, now=now)
    except TableRefused as refused:
        form.add_error("archivo", str(refused))
        return _page(request, form, status=422)
    action = request.POST.get("accion", "")
    if action == "errores":
        return csv_answer(sheet.errors_as_csv(reading), "servicios-con-errores.csv")
    if not reading.rows:
        form.add_error("archivo", "El archivo no tiene renglones debajo de los nombres de las columnas.")
    if reading.wrong or not reading.rows or action != "importar":
        return _page(request, form, reading=reading, status=422 if reading.wrong or form.errors else 200)
    try:
        written = import_all(request.organization, reading.services, user=request.user, now=now)
    except ServiceRefused as refused:
        form.add_error("archivo", refused.message)
        return _page(request, form, status=422)
    if not written:
        messages.success(request, f"Los {len(reading.rows)} servicios del archivo ya estaban: no cambió nada.")
        return HttpResponseRedirect(reverse("practice:service_import"))
    known = len(reading.rows) - written
    messages.success(
        request, f"Servicios importados: {written}." + (f" Otros {known} ya estaban y quedaron igual." if known else "")
    )
    return HttpResponseRedirect(reverse("practice:services"))


def _page(request: StaffRequest, form: FileForm, *, reading: Reading | None = None, status: int = 200) -> HttpResponse:
    context = context_of(
        request, "servicios", form=form, needed=sheet.COLUMNS, reading=reading,
        optional=[name for name in sheet.TEMPLATE if name not in sheet.COLUMNS],
        wrong=reading.wrong[:SHOWN] if reading else [],
    )  # fmt: skip
    return render(request, "practice/service_import.html", context, status=status)


_HERE = "consultorio/configuracion/servicios/"
addresses: list[URLPattern] = [
    path(f"{_HERE}importar/", services, name="service_import"),
    path(f"{_HERE}plantilla.csv", template, name="service_template"),
]
