"""A deposit has its own code; its account goes to the same RFC, and whoever types another is told beside the field."""

from __future__ import annotations

from decimal import Decimal

import pytest

from emite.cfdi.stored import from_json
from emite.cfdi.taxes import Treatment
from emite.charges import anticipos as taking
from emite.charges.collecting import Part, pay
from emite.credits import anticipos
from emite.documents.models import State
from emite.organizations.models import Organization
from tests import make
from tests.web.portal.patient import Patient, said

pytestmark = pytest.mark.django_db(transaction=True)


def test_patient_invoices_the_deposit_and_then_the_account(hospital: make.Hospital) -> None:
    amount = Decimal("1160.00")
    deposit = taking.take(
        hospital.organization, hospital.issuer, amount, Treatment.IVA16, user=hospital.cashier, now=make.now()
    )
    pay(deposit, [Part("01", amount)], register=hospital.register, user=hospital.cashier, now=make.now())
    patient = Patient(hospital.organization.slug)
    patient.enter(deposit)
    assert "Anticipo del bien o servicio" in said(patient.get("cargo/"))
    first = patient.invoice(deposit)
    assert first.state == State.STAMPED
    stay = make.charge(hospital, [make.line(unit_price=Decimal("1000"))])
    anticipos.apply(deposit, stay, amount, user=hospital.cashier, now=make.now(), idempotency_key="a")
    patient = Patient(hospital.organization.slug)
    patient.enter(stay)
    refused = patient.send(rfc="FUNK671228PH6", nombre="KARLA FUENTE NOLASCO", domicilio_fiscal="01160")
    assert (refused.status_code, "Tu anticipo se facturó a otro RFC" in said(refused)) == (422, True)
    assert first.receptor_rfc not in refused.content.decode()
    whole = patient.invoice(stay)
    assert (whole.state, whole.total) == (State.STAMPED, amount)
    assert from_json(whole.content).relacionados[0].uuids == (str(first.uuid).upper(),)
    assert len(anticipos.due(limit=9)) == 1


def test_by_the_remnant_the_patient_sees_and_asks_for_what_is_left(hospital: make.Hospital) -> None:
    Organization.objects.filter(pk=hospital.organization.pk).update(anticipo_road="remnant")
    deposit = taking.take(
        hospital.organization, hospital.issuer, Decimal("580.00"), Treatment.IVA16, user=hospital.cashier,
        now=make.now(),
    )  # fmt: skip
    pay(deposit, [Part("01", deposit.total)], register=hospital.register, user=hospital.cashier, now=make.now())
    Patient(hospital.organization.slug).invoice(deposit)
    stay = make.charge(hospital, [make.line(unit_price=Decimal("1000"))])
    anticipos.apply(deposit, stay, deposit.total, user=hospital.cashier, now=make.now(), idempotency_key="a")
    stay.refresh_from_db()
    pay(stay, [Part("04", Decimal("580.00"))], register=hospital.register, user=hospital.cashier, now=make.now())
    patient = Patient(hospital.organization.slug)
    patient.enter(stay)
    page = said(patient.get("cargo/"))
    for words in ("Total $1,160.00", "Anticipo que ya tiene factura -$580.00", "Se factura ahora $580.00"):
        assert words in page
    assert "Generar factura por $580.00" in said(patient.get("datos/"))
    rest = patient.invoice(stay)
    assert (rest.state, rest.total, rest.channel) == (State.STAMPED, Decimal("580.00"), "portal")
    assert "$580.00" in said(patient.get("factura/"))
    assert anticipos.due(limit=9) == []
