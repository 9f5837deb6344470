"""XML and PDF of a stamped document, for any page that found it."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import structlog
from django.http import HttpResponse

from emite.documents.models import FiscalDocument
from emite.documents.rendering import delivered_xml, pdf_of, pdf_of_xml
from emite.typeset.process import TypesetFailed
from emite.web.access import StaffRequest
from emite.web.errors.pages import page
from emite.web.files import attachment

log = structlog.get_logger(__name__)


def xml_of(document: FiscalDocument) -> HttpResponse:
    return attachment(delivered_xml(document), "application/xml", f"{str(document.uuid).upper()}.xml")


def pdf_or_why(request: StaffRequest, document: FiscalDocument, what: str = "La factura") -> HttpResponse:
    """The PDF, or a page that says that `what` is good all the same."""
    return _drawn(request, str(document.uuid), lambda: pdf_of(document), what)


def foreign_pdf_or_why(request: StaffRequest, xml: bytes, folio: uuid.UUID, what: str = "La factura") -> HttpResponse:
    """The same of one that was stamped elsewhere."""
    return _drawn(request, str(folio), lambda: pdf_of_xml(xml, request.organization), what)


def _drawn(request: StaffRequest, folio: str, draw: Callable[[], bytes], what: str) -> HttpResponse:
    try:
        drawn = draw()
    except TypesetFailed as error:
        log.warning("invoice_not_drawn", uuid=folio, error=type(error).__name__)
        advice = f"{what} es válida y su XML se puede descargar. Intente el PDF otra vez en un minuto."
        return page(request, 503, "El PDF no se pudo dibujar en este momento", advice)
    return attachment(drawn, "application/pdf", f"{folio.upper()}.pdf")
