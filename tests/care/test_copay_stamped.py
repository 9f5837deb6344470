"""The copay from the register to its stamp: what the patient paid is what the practice's portal invoices, once."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from emite.care import copays
from emite.cfdi.xml import parse
from emite.charges.collecting import Part, pay
from emite.charges.models import CashRegister
from emite.documents.models import FiscalDocument, StampedXml, State
from emite.issuers.models import FiscalAddress, StoredCsd
from tests import make
from tests import practice as stand
from tests.pac.sandbox import RunningSandbox
from tests.practice import Practice
from tests.web.portal.patient import Patient, drive

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


def test_nothing_is_issued_before_the_three_of_the_guide(practice: Practice) -> None:
    """Fiscal address, certificate and Manifiesto: without one of them the patient's request leaves no document, and
    what was asked before waits for its certificate."""
    charge = copays.charge_of(stand.service(practice), user=practice.admin, now=make.now())
    register = CashRegister.objects.create(organization=practice.organization, name="Consultorio")
    pay(charge, [Part("04", charge.total)], register=register, user=practice.admin, now=make.now(), idempotency_key="k")
    address = FiscalAddress.objects.get(issuer=practice.issuer)
    address.delete()
    patient = Patient(practice.organization.slug)
    patient.enter(charge)
    told = patient.send()
    assert told.status_code == 503
    assert "Al consultorio le falta" in told.content.decode()
    assert not FiscalDocument.objects.exists()

    address.save(force_insert=True)
    assert patient.send().status_code == 303
    in_force = StoredCsd.objects.filter(issuer=practice.issuer)
    (until,) = in_force.values_list("not_after", flat=True)
    in_force.update(not_after=make.now())
    waiting = drive(charge)
    assert (waiting.state, waiting.last_code) == (State.DRAFT, "EMI-FALTA")
    assert "venció" in waiting.last_text
    in_force.update(not_after=until)
    FiscalDocument.objects.filter(pk=waiting.pk).update(next_at=make.now())
    assert drive(charge).state == State.STAMPED
