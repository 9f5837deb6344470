"""The agenda: who has an hour with whom. What was attended becomes a service in one act, and only once."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import replace
from decimal import Decimal

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from emite.accounts.models import User
from emite.audit import record
from emite.care import rendering
from emite.care.models import Appointment, CareService
from emite.care.rendering import Rendered, ServiceRefused, require
from emite.organizations.models import Organization

#: Further ahead is a slip of the finger.
FURTHEST = dt.timedelta(days=2 * 366)
State = Appointment.State
_SAME = (
    "issuer", "physician", "payer", "contract", "patient_name", "patient_email", "system", "code", "description",
    "reference",
)  # fmt: skip


def of_day(organization: Organization, day: dt.date) -> QuerySet[Appointment]:
    """Those of a day where the practice is, by hour."""
    starts = dt.datetime.combine(day, dt.time(), organization.zone)
    ends = dt.datetime.combine(day + dt.timedelta(days=1), dt.time(), organization.zone)
    rows = Appointment.objects.filter(organization=organization, at__gte=starts, at__lt=ends)
    return rows.select_related("physician", "payer", "service").order_by("at", "id")


def appointment_of(organization: Organization, pk: uuid.UUID) -> Appointment | None:
    rows = Appointment.objects.select_related("organization", "issuer", "physician", "payer", "contract", "service")
    return rows.filter(organization=organization, pk=pk).first()


def book(
    organization: Organization, asked: Rendered, at: dt.datetime, *, user: User, now: dt.datetime,
    instead: Appointment | None = None,
) -> Appointment:  # fmt: skip
    """An appointment, new or `instead` of what one said. Checked as the service that it will be.

    Raises ServiceRefused; nothing is stored then.
    """
    require(organization, user)
    made = prepared(organization, asked, at, user=user, now=now)
    try:
        with transaction.atomic():
            row = _held(instead) if instead else made
            if instead:
                for name in (*_SAME, "at", "fee", "patient_part"):
                    setattr(row, name, getattr(made, name))
            row.save()
            _note(row, "change" if instead else "book", user, now)
    except IntegrityError:
        held = Appointment.objects.filter(organization=organization, external_id=asked.external_id)
        if not asked.external_id or not held.exists():
            raise
        raise ServiceRefused("external_id", f"El folio {asked.external_id} ya se había registrado.") from None
    return row


def prepared(
    organization: Organization, asked: Rendered, at: dt.datetime, *, user: User, now: dt.datetime,
    tariff: Decimal | None = None,
) -> Appointment:  # fmt: skip
    """The row, checked and not saved. `tariff`: its plan's, where whoever asks knows it. Raises ServiceRefused."""
    if at < now - FURTHEST:
        raise ServiceRefused("rendered_on", "La cita es de hace más de dos años: registre el servicio.")
    if at > now + FURTHEST:
        raise ServiceRefused("rendered_on", "La cita es de aquí a más de dos años: revise la fecha.")
    will_be = replace(
        asked, rendered_on=_day(organization, at), fee=tariff if asked.fee is None else asked.fee
    )  # fmt: skip
    # Its day may be ahead: it is looked at as on that day.
    checked = rendering.prepared(organization, will_be, user=user, now=max(now, at))
    return Appointment(
        organization=organization, created_by=user, created_at=now, external_id=asked.external_id, at=at,
        fee=asked.fee, patient_part=asked.patient_part, **{name: getattr(checked, name) for name in _SAME},
    )  # fmt: skip


def attended(appointment: Appointment, *, user: User, now: dt.datetime) -> CareService:
    """ "Registrar como realizado": its service, made now or found when it was made before. Raises ServiceRefused."""
    require(appointment.organization, user)
    with transaction.atomic():
        row = _held(appointment, also_rendered=True)
        if row.service is not None:
            return row.service
        day = _day(row.organization, row.at)
        if day > row.organization.local_date(now):
            raise ServiceRefused("", "La cita todavía no llega: se registra como realizada ese día.")
        told = Rendered(
            **{name: getattr(row, name) for name in _SAME},
            rendered_on=day, fee=row.fee, patient_part=row.patient_part, external_id=row.external_id,
        )  # fmt: skip
        row.service = rendering.enter(row.organization, told, user=user, now=now)
        row.state = State.RENDERED
        row.save(update_fields=["service", "state"])
        _note(row, "attended", user, now)
    return row.service


def cancel(appointment: Appointment, *, user: User, now: dt.datetime) -> None:
    """Nobody came. Raises ServiceRefused once it is a service: that is voided on its own page."""
    require(appointment.organization, user)
    with transaction.atomic():
        row = _held(appointment)
        row.state = State.CANCELLED
        row.save(update_fields=["state"])
        _note(row, "cancel", user, now)


def _held(appointment: Appointment, *, also_rendered: bool = False) -> Appointment:
    rows = Appointment.objects.select_for_update(of=("self",)).select_related(
        "organization", "issuer", "physician", "payer", "contract", "service"
    )
    row = rows.get(organization_id=appointment.organization_id, pk=appointment.pk)
    if row.state == State.CANCELLED:
        raise ServiceRefused("", "La cita está cancelada.")
    if row.state == State.RENDERED and not also_rendered:
        raise ServiceRefused("", "La cita ya se registró como realizada: corrija o anule su servicio.")
    return row


def _day(organization: Organization, at: dt.datetime) -> dt.date:
    return at.astimezone(organization.zone).date()


def _note(row: Appointment, act: str, user: User, now: dt.datetime) -> None:
    """For the log: when and which code, never who."""
    record(
        organization_id=row.organization_id, actor=user.email, action=f"agenda.{act}",
        subject=f"appointment:{row.pk}", after={"at": row.at.isoformat(), "code": row.code}, now=now,
    )  # fmt: skip
