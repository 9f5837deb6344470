"""Second screen, and the charges that the portal cannot invoice."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
import time_machine

from emite.charges.charging import void
from emite.charges.collecting import Part, pay
from emite.documents.models import FiscalDocument
from emite.organizations.models import Membership, Organization, PortalLink
from tests import make
from tests.web.portal.patient import DATA, Patient, said

pytestmark = pytest.mark.django_db(transaction=True)


def test_it_says_what_the_cfdi_will_carry_and_nothing_of_the_patient(hospital: make.Hospital, patient: Patient) -> None:
    lines = [make.line(description=f"Servicio {number}", unit_price=Decimal("10.50")) for number in range(1, 8)]
    charge = make.paid_charge(hospital, lines, patient_name="Ana Torres Luna")
    patient.enter(charge)

    page = patient.get("cargo/")

    text = said(page)
    assert charge.folio in text
    assert "Ver 2 conceptos más" in text
    assert [f"Servicio {number}" in text for number in range(1, 8)] == [True] * 7
    assert "Ana" not in text
    assert "Torres" not in text
    assert "hasta el" in text


def test_cash_gets_one_amber_line(hospital: make.Hospital, patient: Patient) -> None:
    patient.enter(make.paid_charge(hospital, forma_pago="01"))

    assert "Se pagó en efectivo" in said(patient.get("cargo/"))


def test_what_is_owed_is_available_once_it_is_paid(hospital: make.Hospital, patient: Patient) -> None:
    charge = make.charge(hospital)
    pay(charge, [Part("04", Decimal("1000.00"))], register=hospital.register, user=hospital.cashier, now=make.now())
    patient.enter(charge)

    page = said(patient.get("cargo/"))

    assert "Disponible al liquidar" in page
    assert "$160.00" in page
    assert "Continuar con mis datos" not in page
    assert patient.get("datos/")["Location"] == patient.at("cargo/")
    assert patient.send()["Location"] == patient.at("cargo/")
    assert not FiscalDocument.objects.exists()


def test_a_void_charge_sends_to_the_desk(hospital: make.Hospital, patient: Patient) -> None:
    charge = make.charge(hospital)
    patient.enter(charge)
    void(charge, reason="Se capturó dos veces", user=hospital.admin, now=make.now())

    page = said(patient.get("cargo/"))

    assert "Este cargo se canceló" in page
    assert charge.folio in page
    assert "Este cargo se canceló" in said(patient.send())


@pytest.mark.parametrize("days", [0, 3])
def test_the_last_day_ends_at_midnight_where_the_hospital_is(days: int, hospital: make.Hospital) -> None:
    Organization.objects.filter(pk=hospital.organization.pk).update(portal_days=days)
    hospital.organization.refresh_from_db()
    patient = Patient(hospital.organization.slug)
    with time_machine.travel(dt.datetime(2026, 11, 20, 18, 0, tzinfo=dt.UTC), tick=False) as clock:
        charge = make.paid_charge(hospital)
        last_day = dt.datetime(2026, 11, 20 + days, tzinfo=dt.UTC)
        clock.move_to(last_day.replace(day=last_day.day + 1, hour=5, minute=59))  # 23:59 in Mexico City
        patient.enter(charge)
        assert "Continuar con mis datos" in said(patient.get("cargo/"))
        clock.move_to(last_day.replace(day=last_day.day + 1, hour=6, minute=0))
        page = said(patient.get("cargo/"))

        assert "Tu factura se hace en caja" in page
        assert f"hasta el {20 + days} de noviembre de 2026" in page
        assert "55 5555 0101" in page
        assert charge.folio in page
        assert "perdi" not in page.lower()
        assert "Tu factura se hace en caja" in said(patient.send())


@pytest.mark.parametrize("how", ["no days", "no permission", "no user"])
def test_a_portal_that_is_off_sends_to_the_desk(how: str, hospital: make.Hospital, patient: Patient) -> None:
    charge = make.paid_charge(hospital)
    if how == "no days":
        Organization.objects.update(portal_days=None)
    elif how == "no user":
        PortalLink.objects.update(revoked_at=make.now())
    else:
        Membership.objects.filter(user=hospital.biller).update(can_issue=False)
    patient.enter(charge)

    page = said(patient.get("cargo/"))

    assert "Tu factura se hace en caja" in page
    assert "55 5555 0101" in page
    assert "Tu factura se hace en caja" in said(patient.send())
    assert not FiscalDocument.objects.exists()


def test_without_a_code_there_is_nothing_to_see(hospital: make.Hospital, patient: Patient) -> None:
    make.paid_charge(hospital)

    for page in ("cargo/", "datos/", "factura/", "factura/xml", "factura/pdf", "factura/avance/", "correo/"):
        assert patient.get(page)["Location"] == patient.at("?sesion=no")
    assert patient.send()["Location"] == patient.at("?sesion=no")
    assert "Tu visita terminó" in said(patient.get("?sesion=no"))


def test_a_visit_ends_by_itself_and_by_hand(hospital: make.Hospital, patient: Patient) -> None:
    charge = make.paid_charge(hospital)
    with time_machine.travel(make.now(), tick=False) as clock:
        patient.enter(charge)
        clock.shift(dt.timedelta(minutes=14))
        assert patient.get("cargo/").status_code == 200
        clock.shift(dt.timedelta(minutes=14))
        assert patient.get("cargo/").status_code == 200
        clock.shift(dt.timedelta(minutes=16))
        assert patient.get("cargo/")["Location"] == patient.at("?sesion=no")

    patient.enter(charge)
    cookie = patient.client.cookies["emite"].value
    assert patient.client.post(patient.at("terminar/"))["Location"] == patient.at("?fin=si")
    thief = Patient(patient.slug)
    thief.client.cookies["emite"] = cookie
    assert thief.get("cargo/")["Location"] == patient.at("?sesion=no")


def test_a_visit_of_one_hospital_opens_nothing_in_another(hospital: make.Hospital, patient: Patient) -> None:
    patient.enter(make.paid_charge(hospital))
    other = make.hospital()

    answer = patient.client.get(f"/f/{other.organization.slug}/cargo/")

    assert answer["Location"] == f"/f/{other.organization.slug}/?sesion=no"


def test_a_form_of_another_ticket_invoices_nothing(hospital: make.Hospital, patient: Patient) -> None:
    first, second = make.paid_charge(hospital), make.paid_charge(hospital)
    patient.enter(first)
    patient.enter(second)

    answer = patient.client.post(patient.at("datos/"), {**DATA, "llave": "a" * 32, "ticket": first.folio})

    assert answer.status_code == 409
    assert "Abriste otro ticket" in said(answer)
    assert not FiscalDocument.objects.exists()
