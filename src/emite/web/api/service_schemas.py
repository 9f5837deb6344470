"""What other systems send and get of services rendered. Money is text, as in `schemas`; the patient never goes back."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints

from emite.web.api.schemas import Cents, ExternalId, In, Text

IssuerRfc = Annotated[str, StringConstraints(max_length=13, pattern=r"^[A-ZÑ&0-9]{12,13}$")]


class ToRender(In):
    """What a service and the appointment for one say alike."""

    external_id: ExternalId | None = Field(None, description="Folio en su sistema; no se repite en la organización.")
    issuer_rfc: IssuerRfc | None = Field(None, description="RFC que factura; hace falta si hay varios.")
    patient_name: Annotated[Text, StringConstraints(min_length=3, max_length=200)] = Field(
        description="Solo lo ve el personal. No se devuelve."
    )
    patient_email: Annotated[Text, StringConstraints(max_length=254)] = Field(
        "", description="Para enviarle el ticket de su copago. No se devuelve."
    )
    system: Literal["cpt4", "propio"] = Field("cpt4", description="De quién es el código.")
    code: Annotated[Text, StringConstraints(min_length=1, max_length=20)] = Field(examples=["99213"])
    description: Annotated[Text, StringConstraints(max_length=200)] = ""
    physician: Annotated[Text, StringConstraints(max_length=200)] = Field(
        "", description="Nombre o cédula; hace falta si atienden varios."
    )
    payer: Annotated[Text, StringConstraints(min_length=1, max_length=120)] = Field(
        description="RFC o nombre de la aseguradora, como está en el consultorio."
    )
    plan: Annotated[Text, StringConstraints(max_length=120)] = Field(
        "", description="Nombre del plan: de él salen la tarifa y lo que paga el paciente."
    )
    fee: Cents | None = Field(None, description="Honorario pactado, sin IVA; sin él vale la tarifa del plan.")
    patient_part: Cents | None = Field(
        None, description="Lo que paga el paciente; sin él lo calcula el plan (o nada, sin plan)."
    )
    reference: Annotated[Text, StringConstraints(max_length=60)] = Field("", description="Autorización o siniestro.")


class ServiceIn(ToRender):
    rendered_on: dt.date = Field(description="Día del servicio, donde está el consultorio. Nunca futuro.")


class ServicesIn(In):
    services: list[ServiceIn] = Field(min_length=1, max_length=1000)


class InsurerInvoiceOut(BaseModel):
    """La factura a la aseguradora que lleva el servicio."""

    control_number: str
    state: Literal["registered", "stamping", "stamped", "external"]
    review: Literal["none", "received", "in_review", "approved", "rejected"]
    uuid: str | None = Field(description="Folio fiscal.")


class ServiceOut(BaseModel):
    """Las dos partes siempre suman el honorario."""

    id: UUID
    external_id: str | None
    state: Literal["rendered", "void"]
    rendered_on: dt.date
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
    fee: str
    patient_part: str
    payer_part: str
    charge: UUID | None = Field(description="La remisión del copago, en cuanto está en caja.")
    invoice: InsurerInvoiceOut | None = Field(description="La factura viva a la aseguradora.")


class ServicesPage(BaseModel):
    items: list[ServiceOut]
    next: str | None = Field(description="Cursor de la página siguiente; null en la última.")


class ServiceResultOut(BaseModel):
    index: int
    status: Literal["created", "refused"]
    service: ServiceOut | None = None
    problem: dict[str, Any] | None = Field(None, description="Problem details de este elemento.")


class ServicesOut(BaseModel):
    created: int
    refused: int
    results: list[ServiceResultOut]
