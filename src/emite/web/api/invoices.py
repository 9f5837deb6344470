"""Invoices: ask for one, follow its state, get its XML and PDF.

Issued by the key's user through the same `invoices.issuing` as the desk and the portal.
"""

from __future__ import annotations

import uuid
from typing import Annotated, Any, Literal

from django.http import HttpResponse
from django.utils import timezone
from ninja import Query, Router, Status
from pydantic import StringConstraints

from emite.documents.models import WITH_UUID, FiscalDocument
from emite.documents.rendering import pdf_of, stamped_xml
from emite.integrations.models import IdempotentRequest
from emite.integrations.repeating import domain_key
from emite.invoices.issuing import Request, issue
from emite.web.api.access import ApiRequest, read_invoices, write_invoices
from emite.web.api.once import IdempotencyKey, once
from emite.web.api.problems import Problem, Wrong
from emite.web.api.schemas import InvoiceIn, InvoiceOut, InvoicesPage
from emite.web.api.showing import charge_or_404, charges_of, invoice, invoice_or_404, page_of
from emite.web.files import attachment
from emite.web.fiscal import FiscalDataForm

router = Router(tags=["Facturas"])

_STATES = Literal["draft", "sealed", "sending", "unknown", "held", "stamped", "rejected", "cancelled", "void"]


@router.post("/charges/{uuid:pk}/invoice", response={202: InvoiceOut}, auth=write_invoices, summary="Pedir la factura")
def ask(request: ApiRequest, pk: uuid.UUID, payload: InvoiceIn, key: IdempotencyKey, response: HttpResponse) -> Any:
    """La remisión debe estar pagada. Se sella y timbra después de responder: siga su estado o espere el aviso."""
    target = charge_or_404(request.organization, pk)
    asked = _request(payload)

    def act(row: IdempotentRequest) -> str:
        document = issue(
            target,
            asked,
            channel=FiscalDocument.Channel.DESK,
            user=request.user,
            now=timezone.now(),
            idempotency_key=domain_key(row),
        )
        return str(document.pk)

    made = once(request, key, response, act)
    return Status(202, invoice(invoice_or_404(request.organization, uuid.UUID(made))))


@router.get("/invoices", response=InvoicesPage, auth=read_invoices, summary="Listar facturas")
def index(
    request: ApiRequest,
    cursor: Annotated[str, StringConstraints(max_length=200)] | None = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    state: _STATES | None = None,
) -> Any:
    """Las más nuevas primero."""
    rows = FiscalDocument.objects.filter(organization=request.organization).defer("content")
    if state:
        rows = rows.filter(state=state)
    found, after = page_of(rows, "created_at", cursor, limit)
    charges = charges_of(found, request.organization.pk)
    return {"items": [invoice(one, charges.get(one.pk, [])) for one in found], "next": after}


@router.get("/invoices/{uuid:pk}", response=InvoiceOut, auth=read_invoices, summary="Estado de una factura")
def read(request: ApiRequest, pk: uuid.UUID) -> Any:
    """Si el SAT o el PAC la rechazó, `rejection` dice por qué y la remisión queda libre para pedirla otra vez."""
    return invoice(invoice_or_404(request.organization, pk))


def _content(media_type: str) -> dict[str, Any]:
    schema = {"type": "string", "format": "binary"}
    return {"responses": {200: {"description": "El archivo", "content": {media_type: {"schema": schema}}}}}


@router.get("/invoices/{uuid:pk}/xml", auth=read_invoices, summary="XML de una factura",
            operation_id="invoices_xml", openapi_extra=_content("application/xml"))  # fmt: skip
def xml(request: ApiRequest, pk: uuid.UUID) -> HttpResponse:
    """El CFDI tal como lo timbró el PAC."""
    document = _stamped(request, pk)
    return _file(stamped_xml(document), "application/xml", document, "xml")


@router.get("/invoices/{uuid:pk}/pdf", auth=read_invoices, summary="PDF de una factura",
            operation_id="invoices_pdf", openapi_extra=_content("application/pdf"))  # fmt: skip
def pdf(request: ApiRequest, pk: uuid.UUID) -> HttpResponse:
    """La representación impresa, con el XML dentro."""
    document = _stamped(request, pk)
    return _file(pdf_of(document), "application/pdf", document, "pdf")


def _request(payload: InvoiceIn) -> Request:
    """The fiscal data as the form of the desk reads it: same cleaning, same words. Raises Problem."""
    form = FiscalDataForm(
        {**payload.receptor.model_dump(), "email": payload.email},
        generic_allowed=True,
    )
    if not form.is_valid():
        wrong = [
            Wrong(name if name == "email" else f"receptor.{name}", error.code or "invalid", message)
            for name, errors in form.errors.as_data().items()
            for error in errors
            for message in error.messages
        ]
        raise Problem("invalid", f"{wrong[0].field}: {wrong[0].message}", wrong)
    return Request(form.receptor(), email=form.cleaned_data["email"], with_patient=payload.with_patient)


def _stamped(request: ApiRequest, pk: uuid.UUID) -> FiscalDocument:
    document = invoice_or_404(request.organization, pk)
    if document.state not in WITH_UUID:
        raise Problem("not_stamped", f"Está en «{document.get_state_display()}»: todavía no hay CFDI.")
    return document


def _file(content: bytes, media_type: str, document: FiscalDocument, suffix: str) -> HttpResponse:
    return attachment(content, media_type, f"{str(document.uuid).upper()}.{suffix}")
