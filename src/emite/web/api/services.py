"""Services that a practice rendered: one or a batch, read, list, void. The rules are those of `care`."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Annotated, Any, Literal

from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.utils import timezone
from ninja import Router, Status
from pydantic import StringConstraints

from emite.care import rendering
from emite.care.importing import enter_many
from emite.care.models import CareService, ServiceAllocation
from emite.care.naming import Names
from emite.care.rendering import Rendered, ServiceRefused
from emite.integrations.models import IdempotentRequest
from emite.organizations.models import Organization
from emite.web.api.access import ApiRequest, read_charges, write_charges
from emite.web.api.charges import Cursor, Limit
from emite.web.api.once import IdempotencyKey, once
from emite.web.api.problems import of_exception
from emite.web.api.schemas import VoidIn
from emite.web.api.service_schemas import ServiceIn, ServiceOut, ServicesIn, ServicesOut, ServicesPage, ToRender
from emite.web.api.showing import cents, page_of

router = Router(tags=["Servicios del consultorio"])


@router.post("/services", response={201: ServiceOut}, auth=write_charges, summary="Registrar un servicio")
def create(request: ApiRequest, payload: ServiceIn, key: IdempotencyKey, response: HttpResponse) -> Any:
    """Lo que el médico atendió: la tarifa y las partes salen del plan, o de lo que se envíe."""

    def act(row: IdempotentRequest) -> str:
        asked = _rendered(payload, Names(request.organization))
        return str(rendering.enter(request.organization, asked, user=request.user, now=timezone.now()).pk)

    return Status(201, _show(request, once(request, key, response, act)))


@router.post("/services/batch", response=ServicesOut, auth=write_charges, summary="Registrar hasta 1,000 servicios")
def create_batch(request: ApiRequest, payload: ServicesIn, key: IdempotencyKey, response: HttpResponse) -> Any:
    """Cada uno vale por sí solo: los que no se pueden registrar vienen con su problema y no detienen a los demás."""
    outcome = once(request, key, response, lambda _: _batch(request, payload))
    made = {str(row.pk): row for row in _shown(request.organization, [one["service"] for one in outcome])}
    shown = dict(zip(made, _listed(list(made.values()), request.organization), strict=True))
    results = [
        {"index": index, "status": "created", "service": shown[one["service"]]}
        if one["service"]
        else {"index": index, "status": "refused", "problem": one["problem"]}
        for index, one in enumerate(outcome)
    ]
    return {"created": len(made), "refused": len(outcome) - len(made), "results": results}


@router.get("/services", response=ServicesPage, auth=read_charges, summary="Listar servicios")
def index(
    request: ApiRequest,
    cursor: Cursor | None = None,
    limit: Limit = 50,
    state: Literal["rendered", "void"] | None = None,
    invoiced: bool | None = None,
    rendered_from: dt.date | None = None,
    rendered_to: dt.date | None = None,
    payer_rfc: Annotated[str, StringConstraints(max_length=13, pattern=r"^[A-ZÑ&0-9]+$")] | None = None,
    external_id: Annotated[str, StringConstraints(max_length=64, pattern=r"^[!-~]+$")] | None = None,
) -> Any:
    """Los últimos que se registraron, primero. Sin el nombre del paciente."""
    rows = _whole(CareService.objects.filter(organization=request.organization))
    if state:
        rows = rows.filter(state=state)
    if invoiced is not None:
        live = ServiceAllocation.objects.filter(organization=request.organization, active=True).values("service")
        rows = rows.filter(pk__in=live) if invoiced else rows.exclude(pk__in=live)
    if rendered_from:
        rows = rows.filter(rendered_on__gte=rendered_from)
    if rendered_to:
        rows = rows.filter(rendered_on__lte=rendered_to)
    if payer_rfc:
        rows = rows.filter(payer__rfc=payer_rfc)
    if external_id:
        rows = rows.filter(external_id=external_id)
    found, after = page_of(rows, "created_at", cursor, limit)
    return {"items": _listed(found, request.organization), "next": after}


@router.get("/services/{uuid:pk}", response=ServiceOut, auth=read_charges, summary="Consultar un servicio")
def read(request: ApiRequest, pk: uuid.UUID) -> Any:
    """Como está ahora: sus partes, la remisión de su copago y la factura que lo lleva."""
    return _show(request, pk)


@router.post("/services/{uuid:pk}/void", response=ServiceOut, auth=write_charges, summary="Anular un servicio")
def cancel(request: ApiRequest, pk: uuid.UUID, payload: VoidIn, key: IdempotencyKey, response: HttpResponse) -> Any:
    """Solo si ninguna factura lo lleva y su copago no se ha cobrado."""
    found = rendering.service_of(request.organization, pk)
    if found is None:
        raise Http404

    def act(row: IdempotentRequest) -> str:
        return str(rendering.void(found, reason=payload.reason, user=request.user, now=timezone.now()).pk)

    return _show(request, once(request, key, response, act))


def _batch(request: ApiRequest, payload: ServicesIn) -> list[dict[str, Any]]:
    """For each item its service's id, or its problem, in their order."""
    names = Names(request.organization)
    asked: list[Rendered | ServiceRefused] = []
    for one in payload.services:
        try:
            asked.append(_rendered(one, names))
        except ServiceRefused as refused:
            asked.append(refused)
    kept = enter_many(request.organization, asked, user=request.user, now=timezone.now())
    return [
        {"service": str(one.pk), "problem": None}
        if isinstance(one, CareService)
        else {"service": None, "problem": of_exception(one).body()}
        for one in kept
    ]


def _rendered(one: ServiceIn, names: Names) -> Rendered:
    """With the plan's tariff where no fee is said. Raises ServiceRefused for a name that the practice does not have."""
    told = to_render(one, names, day=one.rendered_on)
    if told.fee is None:
        return replace(told, fee=names.tariff(told.contract, one.system, one.code))
    return told


def to_render(one: ToRender, names: Names, *, day: dt.date) -> Rendered:
    """Raises ServiceRefused for a name that the practice does not have."""
    payer = names.payer(one.payer)
    plan = names.plan(one.plan, payer)
    return Rendered(
        issuer=names.issuer(one.issuer_rfc or ""),
        physician=names.physician(one.physician),
        payer=payer,
        contract=plan,
        patient_name=one.patient_name,
        patient_email=one.patient_email,
        rendered_on=day,
        system=one.system,
        code=one.code,
        description=one.description,
        fee=None if one.fee is None else Decimal(one.fee),
        patient_part=None if one.patient_part is None else Decimal(one.patient_part),
        reference=one.reference,
        external_id=one.external_id,
    )


def _whole(rows: QuerySet[CareService]) -> QuerySet[CareService]:
    return rows.select_related("issuer", "physician", "payer", "contract").defer("patient_name", "patient_email")


def _shown(organization: Organization, keys: Sequence[str | None]) -> list[CareService]:
    rows = CareService.objects.filter(organization=organization, pk__in=[key for key in keys if key])
    return list(_whole(rows).order_by("pk"))


def _show(request: ApiRequest, pk: str | uuid.UUID) -> dict[str, Any]:
    found = _shown(request.organization, [str(pk)])
    if not found:
        raise Http404
    return _listed(found, request.organization)[0]


def _listed(services: Sequence[CareService], organization: Organization) -> list[dict[str, Any]]:
    """ServiceOut of each, with one query for their invoices."""
    live = ServiceAllocation.objects.select_related("invoice").filter(
        organization=organization, service__in=[row.pk for row in services], active=True
    )
    invoices = {row.service_id: row.invoice for row in live}
    shown = []
    for row in services:
        invoice = invoices.get(row.pk)
        shown.append(
            {
                "id": row.pk,
                "external_id": row.external_id,
                "state": row.state,
                "rendered_on": row.rendered_on,
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
                "fee": cents(row.fee),
                "patient_part": cents(row.patient_part),
                "payer_part": cents(row.payer_part),
                "charge": row.charge_id,
                "invoice": {
                    "control_number": invoice.control_number,
                    "state": invoice.state,
                    "review": invoice.review,
                    "uuid": str(invoice.cfdi_uuid).upper() if invoice.cfdi_uuid else None,
                }
                if invoice
                else None,
            }
        )
    return shown
