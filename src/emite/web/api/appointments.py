"""The agenda of a practice for other systems: book one or a batch, read, list, cancel, and say that it was attended."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Literal

from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.utils import timezone
from ninja import Router, Status
from pydantic import StringConstraints

from emite.care import agenda
from emite.care.agenda_importing import Hour, book_many
from emite.care.models import Appointment
from emite.care.naming import Names
from emite.care.rendering import ServiceRefused
from emite.integrations.models import IdempotentRequest
from emite.organizations.models import Organization
from emite.web.api.access import ApiRequest, read_charges, write_charges
from emite.web.api.appointment_schemas import (
    AppointmentIn,
    AppointmentOut,
    AppointmentsIn,
    AppointmentsOut,
    AppointmentsPage,
)
from emite.web.api.charges import Cursor, Limit
from emite.web.api.once import IdempotencyKey, once
from emite.web.api.problems import Problem, of_exception
from emite.web.api.services import to_render
from emite.web.api.showing import cents, page_of

router = Router(tags=["Agenda del consultorio"])


@router.post("/appointments", response={201: AppointmentOut}, auth=write_charges, summary="Registrar una cita")
def create(request: ApiRequest, payload: AppointmentIn, key: IdempotencyKey, response: HttpResponse) -> Any:
    """Se revisa como el servicio que será: quién atiende, a quién se cobra, con qué plan."""

    def act(row: IdempotentRequest) -> str:
        with _of_the_agenda():
            asked, at = _hour(payload, Names(request.organization))
            made = agenda.book(request.organization, asked, at, user=request.user, now=timezone.now())
        return str(made.pk)

    return Status(201, _show(request, once(request, key, response, act)))


@router.post("/appointments/batch", response=AppointmentsOut, auth=write_charges, summary="Registrar hasta 1,000 citas")
def create_batch(request: ApiRequest, payload: AppointmentsIn, key: IdempotencyKey, response: HttpResponse) -> Any:
    """Cada una vale por sí sola: las que no se pueden registrar vienen con su problema y no detienen a las demás."""
    outcome = once(request, key, response, lambda _: _batch(request, payload))
    keys = [one["appointment"] for one in outcome if one["appointment"]]
    rows = _whole(Appointment.objects.filter(organization=request.organization, pk__in=keys))
    shown = {str(row.pk): _said(row, request.organization) for row in rows}
    results = [
        {"index": index, "status": "created", "appointment": shown[one["appointment"]]}
        if one["appointment"]
        else {"index": index, "status": "refused", "problem": one["problem"]}
        for index, one in enumerate(outcome)
    ]
    return {"created": len(keys), "refused": len(outcome) - len(keys), "results": results}


@router.get("/appointments", response=AppointmentsPage, auth=read_charges, summary="Listar citas")
def index(
    request: ApiRequest,
    cursor: Cursor | None = None,
    limit: Limit = 50,
    state: Literal["booked", "rendered", "cancelled"] | None = None,
    day: dt.date | None = None,
    external_id: Annotated[str, StringConstraints(max_length=64, pattern=r"^[!-~]+$")] | None = None,
) -> Any:
    """Las últimas que se registraron, primero; `day` es donde está el consultorio. Sin el nombre del paciente."""
    rows = _whole(Appointment.objects.filter(organization=request.organization))
    if state:
        rows = rows.filter(state=state)
    if day:
        try:
            rows = rows.filter(pk__in=agenda.of_day(request.organization, day).order_by().values("pk"))
        except OverflowError:  # the first and the last day that there are
            rows = rows.none()
    if external_id:
        rows = rows.filter(external_id=external_id)
    found, after = page_of(rows, "created_at", cursor, limit)
    return {"items": [_said(row, request.organization) for row in found], "next": after}


@router.get("/appointments/{uuid:pk}", response=AppointmentOut, auth=read_charges, summary="Consultar una cita")
def read(request: ApiRequest, pk: uuid.UUID) -> Any:
    """Como está ahora, con el servicio que fue."""
    return _show(request, pk)


@router.post("/appointments/{uuid:pk}/cancel", response=AppointmentOut, auth=write_charges, summary="Cancelar una cita")
def cancel(request: ApiRequest, pk: uuid.UUID, key: IdempotencyKey, response: HttpResponse) -> Any:
    """Solo mientras no sea un servicio: ese se anula."""
    return _settle(request, pk, key, response, agenda.cancel)


@router.post(
    "/appointments/{uuid:pk}/attended", response=AppointmentOut, auth=write_charges, summary="Registrar como realizada"
)
def attended(request: ApiRequest, pk: uuid.UUID, key: IdempotencyKey, response: HttpResponse) -> Any:
    """Queda como servicio, una sola vez, desde el día de la cita."""
    return _settle(request, pk, key, response, agenda.attended)


def _settle(
    request: ApiRequest, pk: uuid.UUID, key: str, response: HttpResponse, how: Callable[..., object]
) -> dict[str, Any]:
    found = agenda.appointment_of(request.organization, pk)
    if found is None:
        raise Http404

    def act(row: IdempotentRequest) -> str:
        with _of_the_agenda():
            how(found, user=request.user, now=timezone.now())
        return str(pk)

    return _show(request, once(request, key, response, act))


def _batch(request: ApiRequest, payload: AppointmentsIn) -> list[dict[str, Any]]:
    """For each item its appointment's id, or its problem, in their order."""
    names = Names(request.organization)
    asked: list[Hour | ServiceRefused] = []
    for one in payload.appointments:
        try:
            asked.append(_hour(one, names))
        except ServiceRefused as refused:
            asked.append(refused)
    with _of_the_agenda():
        made = book_many(request.organization, asked, names=names, user=request.user, now=timezone.now())
    return [
        {"appointment": str(one.pk), "problem": None}
        if isinstance(one, Appointment)
        else {"appointment": None, "problem": of_exception(_in_its_words(one)).body()}
        for one in made
    ]


def _hour(one: AppointmentIn, names: Names) -> Hour:
    """The day of the service is the hour's, which is read where the practice is. Raises ServiceRefused."""
    return Hour(to_render(one, names, day=dt.date.min), one.at)


@contextmanager
def _of_the_agenda() -> Iterator[None]:
    try:
        yield
    except ServiceRefused as refused:
        raise _in_its_words(refused) from refused


def _in_its_words(refused: ServiceRefused) -> Problem | ServiceRefused:
    """A refusal of the service in the words of whoever sent an appointment."""
    if not refused.field:
        return Problem("appointment_settled", refused.message)
    return ServiceRefused("at", refused.message) if refused.field == "rendered_on" else refused


def _whole(rows: QuerySet[Appointment]) -> QuerySet[Appointment]:
    return rows.select_related("issuer", "physician", "payer", "contract").defer("patient_name", "patient_email")


def _show(request: ApiRequest, pk: str | uuid.UUID) -> dict[str, Any]:
    row = _whole(Appointment.objects.filter(organization=request.organization, pk=pk)).first()
    if row is None:
        raise Http404
    return _said(row, request.organization)


def _said(row: Appointment, organization: Organization) -> dict[str, Any]:
    """AppointmentOut of one."""
    return {
        "id": row.pk,
        "external_id": row.external_id,
        "state": row.state,
        "at": row.at.astimezone(organization.zone),
        "created_at": row.created_at.astimezone(organization.zone),
        "issuer_rfc": row.issuer.rfc,
        "system": row.system,
        "code": row.code,
        "description": row.description,
        "physician": row.physician.name,
        "payer_rfc": row.payer.rfc,
        "payer": row.payer.name,
        "plan": row.contract.name if row.contract else None,
        "reference": row.reference,
        "fee": None if row.fee is None else cents(row.fee),
        "patient_part": None if row.patient_part is None else cents(row.patient_part),
        "service": row.service_id,
    }
