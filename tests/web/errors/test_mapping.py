"""Exceptions of the domain become pages in one place; what is unknown is left to Django."""

from __future__ import annotations

import pytest
from django.test import RequestFactory

from emite.cfdi.faults import CfdiInvalid, Fault
from emite.documents.sealing import NotReady
from emite.invoices.issuing import AlreadyInvoiced, NotAllowed, NotInvoiceable
from emite.web.errors import mapping


@pytest.mark.parametrize(
    ("exception", "status", "told"),
    [
        (NotAllowed("x"), 403, "permiso"),
        (AlreadyInvoiced("x"), 409, "ya se facturó"),
        (NotInvoiceable("void"), 409, "no se puede facturar"),
        (NotReady("Falta el certificado"), 503, "todavía no está lista"),
        (CfdiInvalid([Fault("CFDI40145", "Nombre: no es el registrado.")]), 422, "Nombre: no es el registrado."),
    ],
)
def test_each_exception_has_its_page(exception: Exception, status: int, told: str) -> None:
    page = mapping.answer(RequestFactory().get("/f/san-telmo/datos/"), exception)

    assert page is not None
    assert page.status_code == status
    assert told in page.content.decode()


def test_what_nobody_knows_is_left_to_django() -> None:
    assert mapping.answer(RequestFactory().get("/"), KeyError("x")) is None


def test_hostile_text_in_a_fault_stays_text() -> None:
    fault = Fault("CFDI40145", "Nombre: <script>alert(1)</script>")

    page = mapping.answer(RequestFactory().get("/"), CfdiInvalid([fault]))

    assert page is not None
    assert b"<script>alert" not in page.content
