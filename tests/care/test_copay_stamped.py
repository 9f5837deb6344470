"""The copay from the register to its stamp: what the patient paid is what the practice's portal invoices, once."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from emite.care import copays
from emite.cfdi.xml import parse
from emite.charges.collecting import Part
from emite.charges.models import CashRegister
from emite.documents.models import FiscalDocument, StampedXml, State
from tests import make
from tests import practice as stand
from tests.pac.sandbox import RunningSandbox
from tests.practice import Practice
from tests.web.portal.patient import Patient

pytestmark = pytest.mark.django_db


@pytest.fixture
def practice(sandbox: RunningSandbox, settings: object) -> Iterator[Practice]:
    with stand.behind(sandbox, settings, portal_days=30) as made:
        make.link(made.organization, made.admin, made.admin)
        CashRegister.objects.create(organization=made.organization, name="Portal", web_invoicing=True)
        yield made


def test_the_patient_invoices_the_copay_alone(practice: Practice) -> None:
    service = stand.service(practice, copay=Decimal("250.00"))
    register = CashRegister.objects.create(organization=practice.organization, name="Consultorio")
    slip = copays.collect(
        service, [Part("04", Decimal("250.00"))], register=register, user=practice.admin, now=make.now(), key="k"
    )
    document = Patient(practice.organization.slug).invoice(slip.charge)
    assert (document.state, document.total) == (State.STAMPED, Decimal("250.00"))
    assert document.channel == FiscalDocument.Channel.PORTAL
    root = parse(bytes(StampedXml.objects.get(document_id=document.pk).xml))
    assert (root.get("MetodoPago"), root.get("FormaPago")) == ("PUE", "04")
    assert root.find("{*}Emisor").get("Rfc") == practice.issuer.rfc  # type: ignore[union-attr]
    (concepto,) = root.iterfind(".//{*}Concepto")
    assert concepto.get("Descripcion") == "Copago: Consulta de seguimiento"
    # Exempt by the service's link.
    assert concepto.find(".//{*}Traslado").get("TipoFactor") == "Exento"  # type: ignore[union-attr]
