"""What other systems send and get of appointments. The patient never goes back."""

from __future__ import annotations

import datetime as dt
from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field

from emite.web.api.service_schemas import ToRender


class AppointmentIn(ToRender):
    at: AwareDatetime = Field(description="Día y hora, con su zona.", examples=["2026-12-01T10:30:00-06:00"])


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
