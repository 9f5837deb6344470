"""Agenda: the appointments of a day, each turned into a service with one click when the patient was attended."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from emite.care import agenda
from emite.care.models import Appointment, CodeSystem, Physician
from emite.care.rendering import Rendered, ServiceRefused
from emite.web.practice.access import Need, StaffRequest, practice
from emite.web.practice.services import ServiceForm

ONE_DAY = dt.timedelta(days=1)
FIRST, LAST = dt.date(2000, 1, 2), dt.date(2100, 12, 30)


class AppointmentForm(ServiceForm):
    """What the service will be, with its hour."""

    hour = forms.TimeField(
        label="Hora", widget=forms.TimeInput(format="%H:%M", attrs={"type": "time"}),
        error_messages={"required": "Escriba la hora.", "invalid": "Escriba la hora como 16:30."},
    )  # fmt: skip

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["rendered_on"].label = "Día"


@practice(Need.SEE)
@require_GET
def day(request: StaffRequest) -> HttpResponse:
    today = request.organization.local_date(timezone.now())
    chosen = _date(request.GET.get("dia", "")) or today
    rows = agenda.of_day(request.organization, chosen)
    physicians = Physician.objects.filter(organization=request.organization, active=True).order_by("name")
    whose = next((each for each in physicians if str(each.pk) == request.GET.get("medico")), None)
    context = _context(
        request, chosen=chosen, today=today, before=chosen - ONE_DAY, after=chosen + ONE_DAY,
        physicians=physicians, whose=whose, appointments=rows.filter(physician=whose) if whose else rows,
        may_attend=request.membership.may_collect() and chosen <= today,
    )  # fmt: skip
    return render(request, "practice/agenda.html", context)


@practice(Need.COLLECT)
@require_http_methods(["GET", "POST"])
def add(request: StaffRequest) -> HttpResponse:
    return _edit(request, None)


@practice(Need.COLLECT)
@require_http_methods(["GET", "POST"])
def change(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    return _edit(request, _appointment(request, pk))


def _edit(request: StaffRequest, row: Appointment | None) -> HttpResponse:
    now, zone = timezone.now(), request.organization.zone
    initial: dict[str, Any] = {
        "rendered_on": _date(request.GET.get("dia", "")) or request.organization.local_date(now),
        "system": CodeSystem.CPT4,
    }
    if row is not None:
        at = row.at.astimezone(zone)
        initial = {name: getattr(row, name) for name in ServiceForm.base_fields if name != "rendered_on"}
        initial |= {"rendered_on": at.date(), "hour": at.time()}
    form = AppointmentForm(request.POST or None, request.organization, initial=initial)
    if request.method == "POST" and form.is_valid():
        hour = form.cleaned_data.pop("hour")
        asked = Rendered(**form.cleaned_data)
        at = dt.datetime.combine(asked.rendered_on, hour, zone)
        try:
            agenda.book(request.organization, asked, at, user=request.user, now=now, instead=row)
        except ServiceRefused as refused:
            form.add_error(refused.field if refused.field in form.fields else None, refused.message)
        else:
            messages.success(request, "Cita guardada.")
            return HttpResponseRedirect(_on(asked.rendered_on))
    context = _context(request, form=form, row=row)
    return render(request, "practice/appointment.html", context, status=422 if form.is_bound else 200)


@practice(Need.COLLECT)
@require_POST
def attended(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """ "Registrar como realizado": pressed once or twice, it is one service."""
    row = _appointment(request, pk)

    def act() -> str:
        made = agenda.attended(row, user=request.user, now=timezone.now())
        return (
            f"Servicio {made.code} registrado: el paciente paga ${made.patient_part:,.2f} "
            f"y la aseguradora ${made.payer_part:,.2f}."
        )

    return _told(request, row, act)


@practice(Need.COLLECT)
@require_POST
def cancel(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    row = _appointment(request, pk)

    def act() -> str:
        agenda.cancel(row, user=request.user, now=timezone.now())
        return "Cita cancelada."

    return _told(request, row, act)


def _told(request: StaffRequest, row: Appointment, act: Callable[[], str]) -> HttpResponse:
    """Back to its day, with what happened or why it did not."""
    try:
        messages.success(request, act())
    except ServiceRefused as refused:
        messages.error(request, refused.message)
    return HttpResponseRedirect(_on(row.at.astimezone(request.organization.zone).date()))


def _on(chosen: dt.date) -> str:
    return f"{reverse('practice:agenda')}?dia={chosen.isoformat()}"


def _date(typed: str) -> dt.date | None:
    try:
        found = dt.date.fromisoformat(typed)
    except ValueError:
        return None
    return found if FIRST <= found <= LAST else None


def _appointment(request: StaffRequest, pk: uuid.UUID) -> Appointment:
    found = agenda.appointment_of(request.organization, pk)
    if found is None:
        raise Http404
    return found


def _context(request: StaffRequest, **more: Any) -> dict[str, Any]:
    return {
        "organization": request.organization,
        "membership": request.membership,
        "section": "agenda",
        "zone": request.organization.zone,
        **more,
    }


_HERE = "consultorio/agenda/"
addresses: list[URLPattern] = [
    path(_HERE, day, name="agenda"),
    path(f"{_HERE}nueva/", add, name="appointment_add"),
    path(f"{_HERE}<uuid:pk>/", change, name="appointment"),
    path(f"{_HERE}<uuid:pk>/realizada/", attended, name="appointment_attended"),
    path(f"{_HERE}<uuid:pk>/cancelar/", cancel, name="appointment_cancel"),
]
