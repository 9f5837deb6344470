"""What other systems send and get of appointments. The patient never goes back."""

from __future__ import annotations

import datetime as dt
from typing import Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field

from emite.web.api.schemas import In
from emite.web.api.service_schemas import ToRender


class AppointmentIn(ToRender):
    at: AwareDatetime = Field(description="Día y hora, con su zona.", examples=["2026-12-01T10:30:00-06:00"])


class AppointmentsIn(In):
    appointments: list[AppointmentIn] = Field(min_length=1, max_length=1000)


class AppointmentOut(BaseModel):
    """Sin honorario vale el del plan el día de la atención."""

    id: UUID
    external_id: str | None
    state: Literal["booked", "rendered", "cancelled"]
    at: dt.datetime
    created_at: dt.datetime
    issuer_rfc: str
    system: Literal["cpt4", "propio"]
    code: str
    description: str
    physician: str
    payer_rfc: str
    payer: str
    plan: str | None
    reference: str
    fee: str | None
    patient_part: str | None
    service: UUID | None = Field(description="El servicio que fue, en cuanto se registra como realizada.")


class AppointmentsPage(BaseModel):
    items: list[AppointmentOut]
    next: str | None = Field(description="Cursor de la página siguiente; null en la última.")


class AppointmentResultOut(BaseModel):
    index: int
    status: Literal["created", "refused"]
    appointment: AppointmentOut | None = None
    problem: dict[str, Any] | None = Field(None, description="Problem details de este elemento.")


class AppointmentsOut(BaseModel):
    created: int
    refused: int
    results: list[AppointmentResultOut]
