""" "Hay un error en mis datos": once, within the hospital's hours, never the RFC; the page is honest while two live."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
import time_machine

from emite.cancellations import following, substituting
from emite.cancellations.models import Substitution
from emite.cfdi.stored import from_json
from emite.charges.allocating import live_document
from emite.charges.models import Charge
from emite.documents.models import FiscalDocument, State
from emite.organizations.models import Organization
from tests import make
from tests.credits.stands import credit
from tests.credits.stands import drive as stamp
from tests.web.portal.patient import DATA, Patient, drive, said

pytestmark = pytest.mark.django_db(transaction=True)


def invoiced(hospital: make.Hospital, patient: Patient, hours: int | None) -> tuple[Charge, FiscalDocument]:
    Organization.objects.update(correction_hours=hours)
    charge = make.paid_charge(hospital)
    patient.enter(charge)
    patient.send()
    drive(charge)
    document = live_document(charge)
    assert document is not None
    assert document.state == State.STAMPED
    return charge, document


def mend(patient: Patient, **over: str) -> Any:
    data = {name: DATA[name] for name in ("rfc", "nombre", "domicilio_fiscal", "regimen_fiscal", "uso_cfdi")}
    return patient.client.post(patient.at("factura/corregir/"), {**data, "llave": "una", "email": "", **over})


def test_a_payer_mends_the_uso_once_without_the_desk(hospital: make.Hospital, patient: Patient) -> None:
    charge, first = invoiced(hospital, patient, 24)
    assert "Hay un error en mis datos" in said(patient.get("factura/"))
    assert "INGRID XODAR JIMENEZ" in patient.get("factura/corregir/").content.decode()
    assert "Es lo mismo" in said(mend(patient))
    for _ in range(2):  # the same form sent twice is one correction
        assert mend(patient, uso_cfdi="S01", rfc="XAXX010101000").status_code == 303
    made = Substitution.objects.get()
    assert from_json(made.substitute.content).receptor.rfc == DATA["rfc"], "the RFC is never the form's"
    assert made.asked_by == hospital.organization.portal_user
    page = said(patient.get("factura/"))
    assert "Tu corrección va en camino" in page
    assert "En proceso de sustitución" in page
    stamp(made.substitute_id)
    substituting.go_on(made.pk, now=make.now())
    for pk in following.due(now=make.now(), limit=5):
        following.drive(pk, owner="t", clock=make.now)
    new = live_document(charge)
    assert new is not None
    assert new.pk == made.substitute_id
    page = said(patient.get("factura/"))
    assert "Tu factura está lista" in page, "whoever mended it is not asked for the RFC again"
    assert str(new.uuid).upper() in page
    assert "Hay un error en mis datos" not in page
    first.refresh_from_db()
    assert first.state == State.CANCELLED


def test_it_is_not_offered_where_another_document_would_have_to_end_first(
    hospital: make.Hospital, patient: Patient
) -> None:
    charge, first = invoiced(hospital, patient, 24)
    assert "Hay un error en mis datos" in said(patient.get("factura/"))
    credit(hospital, charge, amount=Decimal("1.00"))
    assert "Hay un error en mis datos" not in said(patient.get("factura/"))
    assert patient.get("factura/corregir/").status_code == 303
    assert not Substitution.objects.filter(original=first).exists()


def test_a_refused_correction_changes_nothing_and_may_be_tried_again(hospital: make.Hospital, patient: Patient) -> None:
    charge, first = invoiced(hospital, patient, 24)
    mend(patient, nombre="INGRID XODAR GIMENEZ")
    made = Substitution.objects.get()
    assert stamp(made.substitute_id).state == State.REJECTED
    substituting.go_on(made.pk, now=make.now())
    assert live_document(charge) == first
    assert "no aceptó tu corrección" in said(patient.get("factura/"))
    assert "INGRID XODAR GIMENEZ" in patient.get("factura/corregir/").content.decode()


def test_it_is_closed_after_its_hours_when_off_and_to_strangers(hospital: make.Hospital, patient: Patient) -> None:
    charge, _ = invoiced(hospital, patient, None)
    assert "Hay un error en mis datos" not in said(patient.get("factura/"))
    assert mend(patient, uso_cfdi="S01").status_code == 303
    Organization.objects.update(correction_hours=2)
    stranger = Patient(patient.slug)
    stranger.enter(charge)
    assert mend(stranger, uso_cfdi="S01").status_code == 303
    with time_machine.travel(make.now() + dt.timedelta(hours=2, minutes=1), tick=False):
        late = Patient(patient.slug)
        late.enter(charge)
        late.client.post(late.at("factura/"), {"rfc": DATA["rfc"]})
        assert "Hay un error en mis datos" not in said(late.get("factura/"))
        assert mend(late, uso_cfdi="S01").status_code == 303
    assert not Substitution.objects.exists()
