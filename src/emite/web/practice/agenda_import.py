"""The agenda of another system as a file: template, dry run, all or nothing.

What a row may say is decided in `care.agenda_sheet`, writing them in `care.agenda_importing`.
"""

from __future__ import annotations

import datetime as dt

from django.http import HttpResponse
from django.urls import URLPattern, path
from django.views.decorators.http import require_GET, require_http_methods

from emite.care import agenda_sheet
from emite.care.agenda_importing import import_all
from emite.care.agenda_sheet import Reading
from emite.web.csv_files import csv_answer, light
from emite.web.practice.access import Need, StaffRequest, practice
from emite.web.practice.csv_import import Import


def _write(request: StaffRequest, reading: Reading, now: dt.datetime) -> int:
    return import_all(request.organization, reading.fresh, user=request.user, now=now)


APPOINTMENTS = Import(
    page="practice/agenda_import.html", section="agenda", tab="", here="practice:agenda_import", to="practice:agenda",
    plural="citas", done="Citas importadas", most=agenda_sheet.MOST, needed=agenda_sheet.COLUMNS,
    template=agenda_sheet.TEMPLATE, understand=agenda_sheet.understand, errors=agenda_sheet.errors_as_csv,
    write=_write,
)  # fmt: skip


@practice(Need.IMPORT)
@require_GET
def template(request: StaffRequest) -> HttpResponse:
    return csv_answer(agenda_sheet.template(), "plantilla-de-citas.csv")


@light
@practice(Need.IMPORT)
@require_http_methods(["GET", "POST"])
def appointments(request: StaffRequest) -> HttpResponse:
    return APPOINTMENTS.answer(request)


_HERE = "consultorio/agenda/"
addresses: list[URLPattern] = [
    path(f"{_HERE}importar/", appointments, name="agenda_import"),
    path(f"{_HERE}plantilla.csv", template, name="agenda_template"),
]
