"""Fourth screen: progress, files, mail; already invoiced, and the losers of a race."""

from __future__ import annotations

import datetime as dt
import threading

import pytest
import time_machine
from django.db import connections

from emite.charges.models import Allocation, Charge
from emite.documents.models import Delivery, FiscalDocument, StampedXml, State
from emite.organizations.models import Membership, Organization
from tests import make
from tests.pac.sandbox import RunningSandbox
from tests.web.portal.patient import DATA, Patient, drive, said

pytestmark = pytest.mark.django_db(transaction=True)

#: What nobody but the payer may read.
PERSONAL = ("XOJI740919U48", "740919", "INGRID", "XODAR", "JIMENEZ", "76028")


def live(charge: Charge) -> int:
    return Allocation.objects.filter(charge=charge, active=True).count()


def test_progress_tells_the_truth_and_moves_on(hospital: make.Hospital, patient: Patient) -> None:
    charge = make.paid_charge(hospital)
    patient.enter(charge)
    patient.send()

    step = patient.get("factura/avance/", headers={"HX-Request": "true"})
    assert "Estamos haciendo tu factura" in said(step)
    assert step.content.decode().count('class="done"') == 1  # only validated: nobody has sealed it yet
    drive(charge)
    ready = patient.get("factura/avance/", headers={"HX-Request": "true"})

    assert ready["HX-Redirect"] == patient.at("factura/")


def test_after_eight_seconds_it_may_be_left_and_reopened(
    hospital: make.Hospital, patient: Patient, sandbox: RunningSandbox
) -> None:
    charge = make.paid_charge(hospital)
    with time_machine.travel(make.now(), tick=False) as clock:
        patient.enter(charge)
        patient.send()
        clock.shift(dt.timedelta(seconds=9))
        assert "Tu factura está en proceso" in said(patient.get("factura/"))
        assert "puedes cerrar esta página" in said(patient.get("factura/"))
        other_phone = Patient(patient.slug)
        other_phone.enter(charge)
        reopened = other_phone.follow(other_phone.get("cargo/"))
        assert "En proceso" in said(reopened)
        assert not any(word in said(reopened) for word in PERSONAL)
    drive(charge)
    again = other_phone.client.post(other_phone.at("factura/"), {"rfc": DATA["rfc"]})
    assert "Tu factura está lista" in said(other_phone.follow(again))


def test_a_pac_that_is_down_leaves_the_request_in_the_queue(hospital: make.Hospital, patient: Patient) -> None:
    hospital.pac_account.base_url = "http://127.0.0.1:9"
    hospital.pac_account.save()
    charge = make.paid_charge(hospital)
    patient.enter(charge)
    patient.send()
    assert drive(charge).state == State.SEALED
    with time_machine.travel(make.now() + dt.timedelta(minutes=5)):
        page = patient.get("factura/")

    assert page.status_code == 200
    assert "Tu factura está en proceso" in said(page)
    assert page.content.decode().count('class="done"') == 2


def test_a_stranger_sees_masked_data_and_the_rfc_opens_the_files(hospital: make.Hospital, patient: Patient) -> None:
    charge = make.paid_charge(hospital)
    document = patient.invoice(charge)
    stranger = Patient(patient.slug)
    stranger.enter(charge)

    page = stranger.follow(stranger.get("cargo/"))

    text = said(page)
    assert "Este cargo ya se facturó" in text
    assert "Vigente" in text
    assert "XOJI******U48" in text
    assert "I•••• X•••• J••••" in text
    assert "76•••" in text
    assert "605" in text
    assert "D01" in text
    assert not any(word in page.content.decode() for word in (*PERSONAL, str(document.uuid).upper()))
    for path in ("factura/xml", "factura/pdf", "factura/avance/", "correo/"):
        assert stranger.get(path).content in (b"",)
    wrong = stranger.client.post(stranger.at("factura/"), {"rfc": "CACX7605101P8"})
    assert wrong.status_code == 422
    assert "no se hizo con ese RFC" in said(wrong)
    right = stranger.client.post(stranger.at("factura/"), {"rfc": " xoji-740919 u48"})
    assert "Tu factura está lista" in said(stranger.follow(right))
    assert stranger.get("factura/xml").content == bytes(StampedXml.objects.get().xml)


def test_guesses_of_the_rfc_are_limited(hospital: make.Hospital, patient: Patient) -> None:
    charge = make.paid_charge(hospital)
    patient.invoice(charge)
    stranger = Patient(patient.slug)
    stranger.enter(charge)

    statuses = [stranger.client.post(stranger.at("factura/"), {"rfc": "CACX7605101P8"}).status_code for _ in range(6)]
    right_but_late = stranger.client.post(stranger.at("factura/"), {"rfc": DATA["rfc"]})

    assert statuses == [422] * 5 + [429]
    assert right_but_late.status_code == 429
    elsewhere = stranger.client.post(stranger.at("factura/"), {"rfc": DATA["rfc"]}, REMOTE_ADDR="198.51.100.7")
    assert elsewhere.status_code == 303


@pytest.mark.parametrize("how", ["expired", "off", "no permission"])
def test_an_invoice_is_found_before_anything_is_expired_or_off(
    hospital: make.Hospital, patient: Patient, how: str
) -> None:
    charge = make.paid_charge(hospital)
    patient.invoice(charge)
    patient.client.post(patient.at("terminar/"))
    later = make.now() + (dt.timedelta(days=900) if how == "expired" else dt.timedelta(0))
    if how == "off":
        Organization.objects.update(portal_days=None)
    if how == "no permission":
        Membership.objects.update(can_issue=False)

    with time_machine.travel(later):
        patient.enter(charge)
        assert "Este cargo ya se facturó" in said(patient.follow(patient.get("cargo/")))
        patient.client.post(patient.at("factura/"), {"rfc": DATA["rfc"]})
        assert patient.get("factura/pdf").content.startswith(b"%PDF")
        assert patient.get("factura/xml").status_code == 200


def test_a_double_click_makes_one(hospital: make.Hospital, patient: Patient) -> None:
    charge = make.paid_charge(hospital)
    patient.enter(charge)

    answers = [patient.send(key="a" * 32) for _ in range(3)]

    assert [answer["Location"] for answer in answers] == [patient.at("factura/")] * 3
    assert FiscalDocument.objects.count() == 1


def test_two_tabs_of_one_browser_make_one(hospital: make.Hospital, patient: Patient) -> None:
    charge = make.paid_charge(hospital)
    patient.enter(charge)

    answers = [patient.send(), patient.send()]

    assert [answer["Location"] for answer in answers] == [patient.at("factura/")] * 2
    assert FiscalDocument.objects.count() == 1


def test_a_form_whose_answer_was_lost_finds_its_own_invoice(hospital: make.Hospital, patient: Patient) -> None:
    charge = make.paid_charge(hospital)
    patient.enter(charge)
    patient.send(key="a" * 32)
    reopened = Patient(patient.slug)
    reopened.enter(charge)

    answer = reopened.send(key="a" * 32)

    assert answer["Location"] == patient.at("factura/")
    assert FiscalDocument.objects.count() == 1


def test_the_loser_of_a_race_gets_a_page_without_personal_data(hospital: make.Hospital, patient: Patient) -> None:
    charge = make.paid_charge(hospital)
    loser = Patient(patient.slug)
    patient.enter(charge)
    loser.enter(charge)
    patient.send()

    answer = loser.send(rfc="CACX7605101P8", nombre="XOCHILT CASAS CHAVEZ", domicilio_fiscal="36257")

    assert answer.status_code == 409
    assert "Este cargo ya se facturó" in said(answer)
    assert not any(word in answer.content.decode() for word in (*PERSONAL, "CACX", "XOCHILT"))
    assert live(charge) == 1


def test_rivals_at_once_make_one(hospital: make.Hospital) -> None:
    charge = make.paid_charge(hospital)
    rivals = [Patient(hospital.organization.slug) for _ in range(8)]
    for rival in rivals:
        rival.enter(charge)
    statuses: list[int] = []
    gate = threading.Barrier(len(rivals))

    def ask(rival: Patient) -> None:
        gate.wait()
        statuses.append(rival.send().status_code)
        connections.close_all()

    threads = [threading.Thread(target=ask, args=[rival]) for rival in rivals]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(statuses) == [303] + [409] * 7
    assert live(charge) == 1


def test_mail_is_sent_once_per_address_and_not_without_end(hospital: make.Hospital, patient: Patient) -> None:
    charge = make.paid_charge(hospital)
    patient.invoice(charge)

    statuses = [
        patient.client.post(patient.at("correo/"), {"email": address}).status_code
        for address in (
            "ana@example.com",
            "ana@example.com",
            "b@example.com",
            "c@example.com",
            "d@example.com",
            "e@e.mx",
        )
    ]
    bad = patient.client.post(patient.at("correo/"), {"email": "ana@"})

    assert statuses == [303] * 5 + [422]
    assert Delivery.objects.filter(address="ana@example.com").count() == 1
    assert Delivery.objects.count() == 4
    assert bad.status_code == 422
    assert "nombre@ejemplo.com" in said(bad)
    assert "a…@example.com" in said(patient.get("factura/"))
