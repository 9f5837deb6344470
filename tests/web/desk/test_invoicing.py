"""Invoicing at the counter: one form with the portal, one winner, and the whole life told on the page."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from emite.charges.models import Allocation, Charge
from emite.documents.models import Delivery, FiscalDocument, State
from emite.invoices.issuing import Request, issue
from tests import make
from tests.make import Hospital
from tests.web.desk.staff import Person, member, said
from tests.web.portal.patient import DATA, Patient, drive

pytestmark = pytest.mark.django_db


def ask(person: Person, charge: Charge, **over: str) -> Any:
    return person.post("invoice", charge.pk, **{**DATA, "clave_envio": str(uuid.uuid4()), **over})


@pytest.fixture
def biller(hospital: Hospital) -> Person:
    return Person(hospital.biller)


@pytest.fixture
def charge(hospital: Hospital) -> Charge:
    return make.paid_charge(hospital)


def test_counter_invoice_is_stamped_and_downloaded(issuing: Hospital) -> None:
    charge, biller = make.paid_charge(issuing), Person(issuing.biller)

    page = biller.follow(ask(biller, charge, email="ana@correo.test"))
    assert "En proceso" in said(page)
    assert "every 2s" in page.content.decode()
    document = drive(charge)

    assert (document.state, document.channel) == (State.STAMPED, "desk")
    page = biller.get("charge", charge.pk)
    for words in ("Facturada", str(document.uuid).upper(), "Se pidió en caja", "Sellada con el folio", "Timbrada"):
        assert words in said(page)
    assert issuing.biller.email in said(page)
    assert "every 2s" not in page.content.decode()
    xml = biller.get("invoice_xml", charge.pk)
    assert xml.content.startswith(b"<?xml")
    assert f'filename="{str(document.uuid).upper()}.xml"' in xml["Content-Disposition"]
    assert biller.get("invoice_pdf", charge.pk).content.startswith(b"%PDF")
    assert Delivery.objects.get().address == "ana@correo.test"


def test_patient_is_named_only_when_asked(issuing: Hospital) -> None:
    one, two, biller = make.paid_charge(issuing), make.paid_charge(issuing), Person(issuing.biller)
    ask(biller, one)
    ask(biller, two, with_patient="on")
    drive(one)
    drive(two)

    assert "Ana Torres" not in biller.get("invoice_xml", one.pk).content.decode()
    assert "Paciente: Ana Torres Luna" in biller.get("invoice_xml", two.pk).content.decode()


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"rfc": ""}, "Falta el RFC"),
        ({"rfc": "XOJI74"}, "tiene 6 caracteres"),
        ({"nombre": ""}, "Falta el nombre"),
        ({"nombre": "ANA | LUNA"}, "no puede llevar |"),
        ({"domicilio_fiscal": "00009"}, "El SAT no tiene el código postal 00009"),
        ({"domicilio_fiscal": "123"}, "cinco números"),
        ({"regimen_fiscal": ""}, "Falta elegir el régimen"),
        ({"regimen_fiscal": "601"}, "no es una de las opciones"),
        ({"uso_cfdi": "G03"}, "no es una de las opciones"),
        ({"email": "ana@"}, "El correo no está completo"),
        ({"rfc": "XAXX010101000", "regimen_fiscal": "616", "uso_cfdi": "S01"}, "es un RFC genérico"),
    ],
)
def test_wrong_data_is_told_and_kept(biller: Person, charge: Charge, typed: dict[str, str], words: str) -> None:
    response = ask(biller, charge, **typed)

    assert response.status_code == 422
    assert words in said(response)
    if "nombre" not in typed:
        assert f'value="{DATA["nombre"]}"' in response.content.decode()
    assert not FiscalDocument.objects.exists()


def test_desk_loses_to_the_portal_and_is_told(hospital: Hospital, biller: Person, charge: Charge) -> None:
    form = biller.get("invoice", charge.pk)
    assert form.status_code == 200
    patient = Patient(hospital.organization.slug)
    patient.enter(charge)
    assert patient.send().status_code == 303

    page = biller.follow(
        ask(biller, charge, rfc="MAOL880314Q75", nombre="LUCIA MARENTES OLVERA", domicilio_fiscal="06700")
    )

    assert "Otra persona la facturó antes" in said(page)
    assert "El paciente la pidió en el portal" in said(page)
    assert FiscalDocument.objects.get().receptor_rfc == DATA["rfc"]


def test_portal_loses_to_the_desk(hospital: Hospital, biller: Person, charge: Charge) -> None:
    patient = Patient(hospital.organization.slug)
    patient.enter(charge)
    assert ask(biller, charge).status_code == 302

    answer = patient.send(rfc="MAOL880314Q75", nombre="LUCIA MARENTES OLVERA", domicilio_fiscal="06700")

    assert answer.status_code in (302, 303, 409)
    assert FiscalDocument.objects.get().channel == "desk"
    assert Allocation.objects.filter(active=True).count() == 1


def test_double_click_is_one_invoice(biller: Person, charge: Charge) -> None:
    key = str(uuid.uuid4())

    for _ in range(2):
        page = biller.follow(ask(biller, charge, clave_envio=key))

    assert "Factura solicitada" in said(page)
    assert FiscalDocument.objects.count() == 1


def test_a_form_kept_open_speaks_of_its_own_charge(hospital: Hospital, biller: Person, charge: Charge) -> None:
    key = str(uuid.uuid4())
    other = make.paid_charge(hospital)

    for each in (charge, other):
        assert "Factura solicitada" in said(biller.follow(ask(biller, each, clave_envio=key)))

    assert FiscalDocument.objects.count() == 2


def test_a_mail_of_three_hundred_letters_is_said_and_not_an_error(biller: Person, charge: Charge) -> None:
    answer = ask(biller, charge, email=f"{'a' * 60}@{'b' * 60}.{'c' * 60}.{'d' * 60}.{'e' * 60}.com")

    assert answer.status_code == 422
    assert not FiscalDocument.objects.exists()


def test_unpaid_and_void_are_not_invoiced(hospital: Hospital, biller: Person) -> None:
    unpaid = make.charge(hospital)

    assert "sale «Pago en parcialidades» (PPD)" in said(biller.get("invoice", unpaid.pk)), "to be paid later"
    page = biller.follow(ask(biller, unpaid))

    assert "todavía no se paga por completo" in said(page)
    assert not FiscalDocument.objects.exists(), "a form that was opened for a paid one never leaves it to be paid later"


def test_permission_taken_away_in_between(hospital: Hospital, charge: Charge) -> None:
    from emite.organizations.models import Membership

    person = member(hospital.organization, "facturador", can_issue=True)
    assert person.get("invoice", charge.pk).status_code == 200
    Membership.objects.filter(user=person.user).update(can_issue=False)

    assert ask(person, charge).status_code == 403
    assert not FiscalDocument.objects.exists()


def test_refused_invoice_frees_the_charge_and_says_why(issuing: Hospital) -> None:
    charge, biller = make.paid_charge(issuing), Person(issuing.biller)
    ask(biller, charge, nombre="OTRA PERSONA")
    assert drive(charge).state == State.REJECTED

    page = biller.get("charge", charge.pk)

    assert "No se timbró" in said(page)
    assert "CFDI40145" in said(page)
    assert "Facturar en caja" in said(page)
    ask(biller, charge)
    assert drive(charge).state == State.STAMPED
    assert "CFDI40145" in said(biller.get("charge", charge.pk))


def test_pac_away_is_said_and_the_request_waits(hospital: Hospital, biller: Person, charge: Charge) -> None:
    import datetime as dt

    ask(biller, charge)
    account = hospital.pac_account
    account.open_until = make.now() + dt.timedelta(minutes=1)
    account.save()

    assert "El PAC no responde" in said(biller.get("charge", charge.pk))


def test_lists_follow_the_rfc(biller: Person, charge: Charge) -> None:
    moral = biller.post("invoice_choices", charge.pk, rfc="SCE050620LQ5", regimen_fiscal="601").content.decode()
    assert 'value="605"' not in moral
    assert 'value="D01"' not in moral
    assert 'value="G03" selected' in moral
    without_scripts = ask(biller, charge, accion="opciones", nombre="ANA")
    assert without_scripts.status_code == 200
    assert 'value="ANA"' in without_scripts.content.decode()
    assert not FiscalDocument.objects.exists()


def test_mail_is_asked_once_at_a_time(issuing: Hospital) -> None:
    charge, cashier = make.paid_charge(issuing), Person(issuing.cashier)
    issue(charge, Request(make.receptor()), channel="desk", user=issuing.biller, now=make.now(), idempotency_key="k")
    assert cashier.post("invoice_mail", charge.pk, email="ana@correo.test").status_code == 404
    drive(charge)

    assert "va en camino" in said(cashier.follow(cashier.post("invoice_mail", charge.pk, email="ana@correo.test")))
    assert "Ya se está enviando" in said(
        cashier.follow(cashier.post("invoice_mail", charge.pk, email="ana@correo.test"))
    )
    assert "no está completo" in said(cashier.follow(cashier.post("invoice_mail", charge.pk, email="ana")))
    assert Delivery.objects.count() == 1
    assert "Correo por enviar" in said(cashier.get("charge", charge.pk))
