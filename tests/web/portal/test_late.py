"""A ticket whose charge is in the factura global already: within its days the portal simply makes the invoice."""

from __future__ import annotations

import datetime as dt

import pytest

from emite.charges.allocating import live_document
from emite.charges.models import Charge
from emite.credits.models import LateRequest
from tests import make
from tests.credits.stands import drive, finish, in_global, sound, stamped_total
from tests.make import Hospital
from tests.web.portal.patient import Patient, said

pytestmark = pytest.mark.django_db


def test_within_the_days_the_portal_just_makes_the_invoice(hospital: Hospital, patient: Patient) -> None:
    (charge,) = in_global(hospital)
    page = patient.follow(patient.enter(charge))
    assert "Continuar con mis datos" in said(page)
    answer = patient.send()
    assert (answer.status_code, answer["Location"]) == (303, patient.at("factura/en-camino/"))
    waiting = patient.follow(answer)
    assert "primero se saca de ahí" in said(waiting)
    assert "XOJI740919U48" not in said(waiting)
    # Coming back to the charge, or asking again, leads to the same page and asks for nothing more.
    assert patient.get("cargo/")["Location"] == patient.at("factura/en-camino/")
    assert patient.send()["Location"] == patient.at("factura/en-camino/")
    stranger = Patient(hospital.organization.slug)
    stranger.enter(charge)
    assert "Alguien ya la pidió" in said(stranger.get("factura/en-camino/"))

    finish(LateRequest.objects.get())
    done = patient.follow(patient.get("factura/en-camino/"))
    document = live_document(charge)
    assert document is not None
    assert str(document.uuid).upper() in said(done)
    assert patient.get("factura/xml").content.startswith(b"<?xml")
    assert stamped_total(charge) == charge.total
    # Whoever did not ask must know the RFC, as for any invoice.
    assert "XOJI740919U48" not in said(stranger.follow(stranger.get("factura/en-camino/")))
    sound(hospital)


def test_a_refused_invoice_comes_back_to_the_form_with_what_was_typed(hospital: Hospital, patient: Patient) -> None:
    (charge,) = in_global(hospital)
    patient.enter(charge)
    patient.send(nombre="OTRA PERSONA")
    request = LateRequest.objects.get()
    finish(request)
    assert LateRequest.objects.get().state == LateRequest.State.WAITING
    form = patient.get("factura/en-camino/")
    for _ in range(3):
        form = patient.follow(form) if form.status_code == 303 else form
    assert "OTRA PERSONA" in form.content.decode()
    assert patient.send()["Location"] == patient.at("factura/")
    live = live_document(Charge.objects.get(pk=charge.pk))
    assert live is not None
    drive(live.pk)
    assert finish(request).state == LateRequest.State.DONE
    assert stamped_total(charge) == charge.total


def test_what_the_rules_refuse_stays_in_the_global(hospital: Hospital, patient: Patient) -> None:
    (charge,) = in_global(hospital)
    patient.enter(charge)
    answer = patient.send(uso_cfdi="G03")
    assert answer.status_code == 422
    assert not LateRequest.objects.exists()


def test_after_the_days_the_desk_goes_on(hospital: Hospital, patient: Patient) -> None:
    (charge,) = in_global(hospital)
    Charge.objects.filter(pk=charge.pk).update(issued_on=make.now().date() - dt.timedelta(days=30))
    page = patient.follow(patient.enter(charge))
    assert "ya está en la factura global" in said(page)
