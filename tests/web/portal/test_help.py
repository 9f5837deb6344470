"""C8: after the last day the portal explains, and takes a request that reaches the staff; no right is ever lost."""

from __future__ import annotations

import datetime as dt

import pytest

from emite.charges.models import Charge
from emite.documents.models import State
from emite.invoices import issuing
from emite.invoices.models import PortalRequest
from tests import make
from tests.make import Hospital
from tests.web.portal.patient import DATA, Patient, drive, said

pytestmark = pytest.mark.django_db


def expired(hospital: Hospital) -> Charge:
    return make.paid_charge(hospital, now=make.now() - dt.timedelta(days=20))


def help_for(patient: Patient, **over: str) -> object:
    return patient.client.post(patient.at("ayuda/"), {"phone": "55 1234 5678", **over})


def test_after_the_last_day_a_request_reaches_the_staff(hospital: Hospital, patient: Patient) -> None:
    charge = expired(hospital)
    page = said(patient.follow(patient.enter(charge)))
    assert "Puedes seguir pidiéndola" in page
    assert "Solicitar ayuda" in page
    assert "Tu derecho a ella sigue igual" in said(patient.get("ayuda/"))

    answer = help_for(patient, **{**DATA, "email": "ana@correo.test", "note": "  Llamar  por la tarde "})

    assert answer.status_code == 303  # type: ignore[attr-defined]
    asked = PortalRequest.objects.get()
    assert (asked.charge, asked.why, asked.closed_at) == (charge, "expired", None)
    assert (asked.phone, asked.email, asked.note) == ("55 1234 5678", "ana@correo.test", "Llamar por la tarde")
    assert asked.receptor == {name: DATA[name] for name in DATA if name != "email"}
    page = said(patient.get("ayuda/"))
    assert "Ya tenemos tu solicitud" in page
    assert "ana@correo.test" not in page  # nobody with a found ticket learns who asked
    help_for(patient, phone="", email="otro@correo.test")
    assert PortalRequest.objects.get().email == "otro@correo.test"


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"phone": ""}, "Déjanos un teléfono o un correo"),
        ({"phone": "123"}, "Un teléfono son diez números"),
        ({"note": "x" * 201}, "deja a lo más 200"),
        ({"rfc": "XOJI7409"}, "escribiste 8"),
        ({"domicilio_fiscal": "00001"}, "no tiene el código postal"),
        ({"email": "ana@"}, "no está completo"),
    ],
)
def test_what_is_wrong_is_named_and_kept(
    hospital: Hospital, patient: Patient, typed: dict[str, str], words: str
) -> None:
    patient.enter(expired(hospital))

    answer = help_for(patient, nombre="INGRID XODAR JIMENEZ", **typed)

    assert answer.status_code == 422  # type: ignore[attr-defined]
    assert words in said(answer)
    assert "INGRID XODAR JIMENEZ" in answer.content.decode()  # type: ignore[attr-defined]
    assert not PortalRequest.objects.exists()


def test_help_is_only_for_what_the_portal_cannot_do_and_not_without_end(hospital: Hospital, patient: Patient) -> None:
    patient.enter(make.paid_charge(hospital))
    assert patient.get("ayuda/").status_code == 303
    assert help_for(patient).status_code == 303  # type: ignore[attr-defined]
    assert not PortalRequest.objects.exists()
    patient.enter(expired(hospital))
    answers = [help_for(patient) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [303] * 5 + [429]  # type: ignore[attr-defined]
    assert "ya está anotada" in said(answers[-1])


def test_the_invoice_closes_the_request(hospital: Hospital, patient: Patient) -> None:
    charge = expired(hospital)
    patient.enter(charge)
    help_for(patient)

    issuing.issue(
        charge, issuing.Request(make.receptor()), channel="desk", user=hospital.biller, now=make.now(),
        idempotency_key="x",
    )  # fmt: skip
    assert PortalRequest.objects.get().closed_at is None
    assert drive(charge).state == State.STAMPED

    asked = PortalRequest.objects.get()
    assert (asked.ending, asked.closed_by) == ("stamped", None)
    assert asked.closed_at is not None
