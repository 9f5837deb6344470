"""Exceptions of the domain to HTTP, once. What a form can show beside a field is handled by its own view first."""

from __future__ import annotations

import structlog
from django.db import DataError
from django.http import HttpRequest, HttpResponse

from emite.cfdi.faults import CfdiInvalid
from emite.charges.allocating import AlreadyAllocated
from emite.charges.charging import ChargeInUse
from emite.charges.collecting import PaymentRefused
from emite.charges.pricing import LineRefused
from emite.documents.sealing import NotReady
from emite.invoices.issuing import AlreadyInvoiced, NotAllowed, NotInvoiceable
from emite.organizations.models import Organization
from emite.typeset.process import TypesetFailed
from emite.web.errors.pages import page

log = structlog.get_logger(__name__)

#: exception: (status, title, what to do)
ANSWERS: dict[type[Exception], tuple[int, str, str]] = {
    NotAllowed: (
        403,
        "No tiene permiso para emitir facturas",
        "Pida a quien administra la organización el permiso de facturar.",
    ),
    AlreadyInvoiced: (
        409,
        "Este cargo ya se facturó",
        "Alguien lo facturó antes. Un cargo tiene una sola factura: consúltela con el código del ticket.",
    ),
    AlreadyAllocated: (
        409,
        "Este cargo ya se facturó",
        "Alguien lo facturó antes. Un cargo tiene una sola factura: consúltela con el código del ticket.",
    ),
    NotInvoiceable: (409, "Este cargo no se puede facturar", "Está cancelado o todavía no se paga por completo."),
    ChargeInUse: (409, "Este cargo ya está en uso", "Tiene pagos o factura: no se puede cambiar así."),
    NotReady: (
        503,
        "La facturación todavía no está lista",
        "",
    ),
    TypesetFailed: (
        503,
        "El PDF no se pudo dibujar ahora",
        "La factura está timbrada y el XML se puede descargar. Vuelve a intentar el PDF en un minuto.",
    ),
    LineRefused: (422, "Revise los conceptos", ""),
    PaymentRefused: (422, "Revise el pago", ""),
    CfdiInvalid: (422, "El SAT no aceptaría esta factura", ""),
}


def answer(request: HttpRequest, exception: Exception) -> HttpResponse | None:
    """The page for a known exception; None leaves it to Django (404, 403, 500)."""
    if isinstance(exception, DataError) and "NUL" in str(exception):  # in what no form reads
        log.info("refused", kind="NUL", status=422)
        return page(request, 422, "Lo que escribió lleva un carácter invisible", "Regrese y escríbalo otra vez.")
    for kind, (status, title, advice) in ANSWERS.items():
        if isinstance(exception, kind):
            log.info("refused", kind=kind.__name__, status=status)
            return page(request, status, title, advice or _said(request, exception))
    return None


def _said(request: HttpRequest, exception: Exception) -> str:
    if isinstance(exception, NotReady):
        return _who_is_not_ready(getattr(request, "organization", None))
    if isinstance(exception, CfdiInvalid):
        return " ".join(fault.message for fault in exception.faults)
    return str(getattr(exception, "message", ""))


def _who_is_not_ready(organization: Organization | None) -> str:
    """For a patient: what its administrator lacks is not theirs to read."""
    if organization is not None and organization.kind == Organization.Kind.PRACTICE:
        who, where = "Al consultorio", "en el consultorio"
    else:
        who, where = "Al hospital", "en caja"
    return f"{who} le falta terminar su configuración. Nada se perdió: pide tu factura {where}."
