"""Remisiones: create one or a batch, read, list, void; what is printed of them.

The rules are those of `charges`; other systems get no way around them.
"""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Annotated, Any, Literal

from django.db.models import Exists, F, OuterRef
from django.http import HttpResponse
from django.utils import timezone
from ninja import Query, Router, Status
from pydantic import StringConstraints

from emite.charges.charging import charge as create_charge
from emite.charges.charging import code_of, void
from emite.charges.models import Allocation, Charge
from emite.integrations.models import IdempotentRequest
from emite.integrations.repeating import domain_key
from emite.typeset.data import Paper
from emite.typeset.printing import typesetter
from emite.typeset.qr import qr_png, qr_svg
from emite.web.api.access import ApiRequest, read_charges, write_charges
from emite.web.api.batch import batch_outcome, show_batch
from emite.web.api.once import IdempotencyKey, once, once_in_parts
from emite.web.api.problems import Problem
from emite.web.api.schemas import BatchIn, BatchOut, ChargeIn, ChargeOut, ChargesPage, VoidIn
from emite.web.api.showing import charge_or_404, listed, page_of, whole
from emite.web.api.taking import Lists
from emite.web.printing.tickets import portal_url, ticket_print

router = Router(tags=["Remisiones"])

Limit = Annotated[int, Query(ge=1, le=100, description="Elementos por página.")]
Cursor = Annotated[str, StringConstraints(max_length=200), Query(description="El `next` de la página anterior.")]


@router.post("/charges", response={201: ChargeOut}, auth=write_charges, summary="Crear una remisión")
def create(request: ApiRequest, payload: ChargeIn, key: IdempotencyKey, response: HttpResponse) -> Any:
    """Queda con folio, código, enlace y QR. Los importes son exactos: el total es el de su factura."""

    def act(row: IdempotentRequest) -> str:
        lists = Lists(request.organization, [payload])
        made = create_charge(
            request.organization,
            lists.issuer(payload),
            lists.lines(payload),
            user=request.user,
            now=timezone.now(),
            patient_name=payload.patient_name,
            idempotency_key=domain_key(row),
            external_id=payload.external_id,
            branch=lists.branch(payload),
        )
        return str(made.pk)

    return Status(201, _show(request, once(request, key, response, act)))


@router.post("/charges/batch", response=BatchOut, auth=write_charges, summary="Crear hasta 1,000 remisiones")
def create_batch(request: ApiRequest, payload: BatchIn, key: IdempotencyKey, response: HttpResponse) -> Any:
    """Cada una vale por sí sola: las que no se pueden cobrar vienen con su problema y no detienen a las demás."""
    outcome = once_in_parts(request, key, response, lambda row: batch_outcome(request, payload, row))
    return show_batch(request.organization, outcome)


@router.get("/charges", response=ChargesPage, auth=read_charges, summary="Listar remisiones")
def index(
    request: ApiRequest,
    cursor: Cursor | None = None,
    limit: Limit = 50,
    state: Literal["open", "void"] | None = None,
    paid: bool | None = None,
    invoiced: bool | None = None,
    issued_from: dt.date | None = None,
    issued_to: dt.date | None = None,
    external_id: Annotated[str, StringConstraints(max_length=64, pattern=r"^[!-~]+$")] | None = None,
) -> Any:
    """Las más nuevas primero. Sin código ni paciente: pídalas una por una."""
    rows = Charge.objects.filter(organization=request.organization).defer("code_hash", "code_cipher")
    if state:
        rows = rows.filter(state=state)
    if paid is not None:
        rows = rows.filter(paid=F("total")) if paid else rows.exclude(paid=F("total"))
    if invoiced is not None:
        live = Exists(Allocation.objects.filter(charge=OuterRef("pk"), active=True))
        rows = rows.filter(live) if invoiced else rows.filter(~live)
    if issued_from:
        rows = rows.filter(issued_on__gte=issued_from)
    if issued_to:
        rows = rows.filter(issued_on__lte=issued_to)
    if external_id:
        rows = rows.filter(external_id=external_id)
    found, after = page_of(rows, "issued_at", cursor, limit)
    return {"items": listed(found, request.organization), "next": after}


@router.get("/charges/{uuid:pk}", response=ChargeOut, auth=read_charges, summary="Consultar una remisión")
def read(request: ApiRequest, pk: uuid.UUID) -> Any:
    """Como está ahora: pagos, código, enlace y su factura."""
    return _show(request, pk)


@router.post("/charges/{uuid:pk}/void", response=ChargeOut, auth=write_charges, summary="Cancelar una remisión")
def cancel(request: ApiRequest, pk: uuid.UUID, payload: VoidIn, key: IdempotencyKey, response: HttpResponse) -> Any:
    """Solo sin pagos y sin factura."""
    target = charge_or_404(request.organization, pk)

    def act(row: IdempotentRequest) -> str:
        return str(void(target, user=request.user, reason=payload.reason, now=timezone.now()).pk)

    return _show(request, once(request, key, response, act))


def _content(media_type: str, of: str) -> dict[str, Any]:
    schema = {"type": "string"} if media_type.startswith("image/svg") else {"type": "string", "format": "binary"}
    return {"responses": {200: {"description": of, "content": {media_type: {"schema": schema}}}}}


@router.get("/charges/{uuid:pk}/qr.svg", auth=read_charges, summary="QR en SVG", operation_id="charges_qr_svg",
            openapi_extra=_content("image/svg+xml", "El QR"))  # fmt: skip
def qr_as_svg(request: ApiRequest, pk: uuid.UUID) -> HttpResponse:
    """El enlace con su código, para imprimirlo en sus propios tickets."""
    return HttpResponse(qr_svg(_portal_address(request, pk), ec="Q"), content_type="image/svg+xml")


@router.get("/charges/{uuid:pk}/qr.png", auth=read_charges, summary="QR en PNG", operation_id="charges_qr_png",
            openapi_extra=_content("image/png", "El QR"))  # fmt: skip
def qr_as_png(request: ApiRequest, pk: uuid.UUID, px: Annotated[int, Query(ge=120, le=2000)] = 400) -> HttpResponse:
    """Un cuadrado de a lo más `px` puntos, con su margen."""
    return HttpResponse(qr_png(_portal_address(request, pk), px, ec="Q"), content_type="image/png")


@router.get("/charges/{uuid:pk}/ticket.pdf", auth=read_charges, summary="Ticket en PDF",
            operation_id="charges_ticket", openapi_extra=_content("application/pdf", "El ticket"))  # fmt: skip
def ticket(request: ApiRequest, pk: uuid.UUID, paper: Literal["80mm", "letter"] = "80mm") -> HttpResponse:
    """El mismo que imprime la caja, en tira de 80 mm o en carta."""
    charge = _open(request, pk)
    chosen: Paper = paper
    pdf = typesetter().ticket(ticket_print(charge), paper=chosen)
    return HttpResponse(pdf, content_type="application/pdf",
                        headers={"Content-Disposition": f'inline; filename="{charge.folio}.pdf"'})  # fmt: skip


def _show(request: ApiRequest, pk: str | uuid.UUID) -> dict[str, Any]:
    return whole(charge_or_404(request.organization, uuid.UUID(str(pk))), now=timezone.now())


def _open(request: ApiRequest, pk: uuid.UUID) -> Charge:
    charge = charge_or_404(request.organization, pk)
    if charge.state == Charge.State.VOID:
        raise Problem("charge_void", "No se imprime un ticket que ya no vale.")
    return charge


def _portal_address(request: ApiRequest, pk: uuid.UUID) -> str:
    charge = _open(request, pk)
    if not charge.organization.portal_is_on():
        raise Problem("portal_off", "La organización tiene apagado el portal: no hay enlace que poner en el QR.")
    return portal_url(charge.organization.slug, code_of(charge))
