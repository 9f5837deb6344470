"""Services of another system as a file: template, dry run, all or nothing.

What a row may say is decided in `care.sheet`, writing them in `care.importing`.
"""

from __future__ import annotations

import datetime as dt

from django.http import HttpResponse
from django.urls import URLPattern, path
from django.views.decorators.http import require_GET, require_http_methods

from emite.care import sheet
from emite.care.importing import import_all
from emite.care.sheet import Reading
from emite.web.csv_files import csv_answer, light
from emite.web.practice.access import Need, StaffRequest, practice
from emite.web.practice.csv_import import Import


def _write(request: StaffRequest, reading: Reading, now: dt.datetime) -> int:
    return import_all(request.organization, reading.services, user=request.user, now=now)


SERVICES = Import(
    page="practice/service_import.html", section="configuracion", tab="servicios", here="practice:service_import",
    to="practice:services", plural="servicios", done="Servicios importados", most=sheet.MOST, needed=sheet.COLUMNS,
    template=sheet.TEMPLATE, understand=sheet.understand, errors=lambda reading: sheet.errors_as_csv(reading.rows),
    write=_write,
)  # fmt: skip


@practice(Need.IMPORT)
@require_GET
def template(request: StaffRequest) -> HttpResponse:
    return csv_answer(sheet.template(), "plantilla-de-servicios.csv")


@light
@practice(Need.IMPORT)
@require_http_methods(["GET", "POST"])
def services(request: StaffRequest) -> HttpResponse:
    return SERVICES.answer(request)


_HERE = "consultorio/configuracion/servicios/"
addresses: list[URLPattern] = [
    path(f"{_HERE}importar/", services, name="service_import"),
    path(f"{_HERE}plantilla.csv", template, name="service_template"),
]
