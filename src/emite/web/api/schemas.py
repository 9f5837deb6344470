"""What other systems send and get, field by field. Quantities of money are text: JSON's numbers lose cents.

How rows become these answers lives in `showing`; SAT's rules on the values, in `cfdi` and `charges`.
"""

from __future__ import annotations

import datetime as dt
from enum import Enum
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from emite.cfdi.taxes import Treatment
from emite.charges.collecting import DESK_FORMS

CENTS = r"^(0|[1-9][0-9]{0,11})(\.[0-9]{1,2})?$"
SIX = r"^(0|[1-9][0-9]{0,11})(\.[0-9]{1,6})?$"

Cents = Annotated[str, StringConstraints(pattern=CENTS), Field(examples=["1160.00"])]
SixDecimals = Annotated[str, StringConstraints(pattern=SIX), Field(examples=["1000.00"])]
#: No control characters: neither a PDF nor a database can show them.
Text = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]*$")]
ExternalId = Annotated[
    str, StringConstraints(min_length=1, max_length=64, pattern=r"^[!-~]+$"), Field(examples=["HIS-2026-000123"])
]
FormaPago = Enum("FormaPago", {f"F{key}": key for key in DESK_FORMS}, type=str)  # type: ignore[misc]


class In(BaseModel):
    """What is sent: a field that does not exist is an error, not a surprise."""

    model_config = ConfigDict(extra="forbid")


class LineIn(In):
    code: Annotated[Text, StringConstraints(max_length=40)] = Field(
        "", description="Código de su lista de servicios: lo que no se envíe se toma de ahí."
    )
    description: Annotated[Text, StringConstraints(max_length=1000)] | None = None
    clave_prod_serv: Annotated[str, StringConstraints(pattern=r"^[0-9]{8}$")] | None = Field(
        None, description="c_ClaveProdServ del SAT."
    )
    clave_unidad: Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{1,3}$")] | None = Field(
        None, description="c_ClaveUnidad del SAT."
    )
    treatment: Treatment | None = Field(None, description="Tratamiento de IVA. No hay uno por omisión.")
    quantity: SixDecimals = Field(description="Hasta seis decimales.")
    unit_price: SixDecimals | None = Field(None, description="Pesos sin IVA, hasta seis decimales.")
    discount: SixDecimals = Field("0", description="Pesos de descuento de la línea, antes de IVA.")


class ChargeIn(In):
    external_id: ExternalId | None = Field(None, description="Folio en su sistema; no se repite en la organización.")
    issuer_rfc: Annotated[str, StringConstraints(max_length=13, pattern=r"^[A-ZÑ&0-9]{12,13}$")] | None = Field(
        None, description="RFC que factura; hace falta si la organización tiene varios."
    )
    branch: Annotated[Text, StringConstraints(max_length=60)] | None = Field(
        None, description="Nombre de la sucursal que cobra: su código postal es el lugar de expedición."
    )
    patient_name: Annotated[Text, StringConstraints(max_length=200)] = Field(
        "", description="Solo lo ve el personal. No se imprime ni se devuelve."
    )
    lines: list[LineIn] = Field(min_length=1, max_length=500)


class BatchIn(In):
    charges: list[ChargeIn] = Field(min_length=1, max_length=1000)


class PartIn(In):
    forma_pago: FormaPago = Field(description="c_FormaPago del SAT.")
    amount: Cents


class PaymentIn(In):
    parts: list[PartIn] = Field(min_length=1, max_length=10)
    cash_register: Annotated[Text, StringConstraints(max_length=60)] | None = Field(
        None, description="Nombre de la caja; hace falta si hay varias."
    )
    cash_received: Cents | None = None


class VoidIn(In):
    reason: Annotated[Text, StringConstraints(min_length=1, max_length=200)]


class ReceptorIn(In):
    rfc: Annotated[Text, StringConstraints(min_length=1, max_length=20)]
    nombre: Annotated[Text, StringConstraints(min_length=1, max_length=300)]
    domicilio_fiscal: Annotated[Text, StringConstraints(min_length=1, max_length=10)]
    regimen_fiscal: Annotated[Text, StringConstraints(min_length=1, max_length=3)]
    uso_cfdi: Annotated[Text, StringConstraints(min_length=1, max_length=4)]


class InvoiceIn(In):
    receptor: ReceptorIn
    email: Annotated[Text, StringConstraints(max_length=254)] = ""
    with_patient: bool = Field(False, description="Escribir el nombre del paciente: solo si quien paga lo pide.")


class LineOut(BaseModel):
    code: str
    description: str
    clave_prod_serv: str
    clave_unidad: str
    treatment: Treatment
    quantity: str
    unit_price: str
    discount: str
    amount: str


class PartOut(BaseModel):
    forma_pago: str
    amount: str


class PaymentOut(BaseModel):
    id: UUID
    folio: str
    paid_at: dt.datetime
    cash_register: str
    amount: str
    parts: list[PartOut]
    cash_received: str | None
    change: str | None


class RejectionOut(BaseModel):
    code: str = Field(description="Código del SAT o del PAC.")
    message: str
    field: str = Field(default="", description="Campo del CFDI; vacío si es de todo el documento o no se sabe.")
    cure: str = Field(default="", description="Cómo se arregla.")
    who: str = Field(default="", description="Quién lo puede arreglar.")


class InvoiceOut(BaseModel):
    id: UUID
    state: Literal["draft", "sealed", "sending", "unknown", "held", "stamped", "rejected", "cancelled", "void"]
    settled: bool = Field(description="Ya no va a cambiar por sí sola.")
    uuid: str | None = Field(description="Folio fiscal.")
    serie: str | None
    folio: str | None
    receptor_rfc: str
    total: str
    channel: str
    created_at: dt.datetime
    stamped_at: dt.datetime | None
    rejection: RejectionOut | None
    charges: list[UUID]
    xml: str | None = Field(description="Dirección del XML; null antes del timbre.")
    pdf: str | None


class CreatedOut(BaseModel):
    """Lo que se imprime o se guarda de una remisión recién recibida."""

    id: UUID
    folio: str
    external_id: str | None
    state: Literal["open", "void"]
    total: str
    paid: str
    owed: str
    code: str = Field(description="Código del ticket, en grupos de cuatro.")
    link: str | None = Field(description="Portal donde se teclea el código; null si está apagado.")
    qr: str | None = Field(description="Lo que dice el QR. Lleva el código: trátelo igual.")


class ChargeOut(CreatedOut):
    issued_at: dt.datetime
    issuer_rfc: str
    lugar_expedicion: str = Field(description="Código postal de la sucursal que cobró, o del emisor.")
    branch: str | None = Field(description="Nombre de la sucursal que cobró; null: ninguna.")
    sub_total: str
    discount: str
    tax: str
    lines: list[LineOut]
    payments: list[PaymentOut]
    last_portal_day: dt.date | None
    portal_open: bool
    code_revoked: bool
    void_reason: str
    invoice: InvoiceOut | None = Field(description="La factura viva, o la última que se intentó.")


class RowOut(BaseModel):
    """Una remisión en la lista, sin su código."""

    id: UUID
    folio: str
    external_id: str | None
    state: Literal["open", "void"]
    issued_at: dt.datetime
    total: str
    paid: str
    owed: str
    invoice: UUID | None
    invoice_state: str | None


class ChargesPage(BaseModel):
    items: list[RowOut]
    next: str | None = Field(description="Cursor de la página siguiente; null en la última.")


class InvoicesPage(BaseModel):
    items: list[InvoiceOut]
    next: str | None


class PaidOut(BaseModel):
    payment: PaymentOut
    charge: CreatedOut


class ErrorOut(BaseModel):
    field: str
    code: str
    message: str


class ProblemOut(BaseModel):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: list[ErrorOut]
    instance: str | None = None


class ReceivedOut(BaseModel):
    index: int
    status: Literal["created", "refused"]
    charge: CreatedOut | None = None
    problem: dict[str, Any] | None = Field(None, description="Problem details de este elemento.")


class BatchOut(BaseModel):
    created: int
    refused: int
    results: list[ReceivedOut]


class RegisterOut(BaseModel):
    name: str


class WhoOut(BaseModel):
    organization: str
    user: str
    key: str
    scopes: list[str]
    expires_at: dt.datetime
    issuers: list[str]
    registers: list[str]
    branches: list[str]
