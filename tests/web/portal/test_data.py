"""Third screen: fiscal data good, bad and hostile. An error names its field and loses nothing of what was typed."""

from __future__ import annotations

import re
from html import escape, unescape
from typing import Any

import pytest

from emite.documents.models import Delivery, FiscalDocument, State
from emite.web.errors.sat_codes import ADVICE, Mender, advice
from tests import make
from tests.pac.sandbox import RunningSandbox
from tests.web.portal.patient import DATA, Patient, drive, said

pytestmark = pytest.mark.django_db(transaction=True)

COMPANY = {
    "rfc": "IIA040805DZ4",
    "nombre": "INDISTRIA ILUMINADORA DE ALMACENES",
    "domicilio_fiscal": "62661",
    "regimen_fiscal": "601",
    "uso_cfdi": "G03",
}


@pytest.fixture
def there(hospital: make.Hospital, patient: Patient) -> Patient:
    """A patient in front of "Tus datos"."""
    patient.enter(make.paid_charge(hospital))
    return patient


def errors_of(page: Any) -> dict[str, str]:
    """Field -> what is said beside it."""
    found = re.findall(
        r'<span class="field-error" id="(\w+?)_error">.*?</span>(.*?)</span>', page.content.decode(), flags=re.DOTALL
    )
    return {name: unescape(text).strip() for name, text in found}


def value_of(page: Any, name: str) -> str:
    markup = page.content.decode()
    select = re.search(rf'<select[^>]*name="{name}".*?</select>', markup, flags=re.DOTALL)
    if select:
        chosen = re.search(r'<option value="([^"]*)" selected>', select[0])
        return unescape(chosen[1]) if chosen else ""
    field = re.search(rf'<input[^>]*name="{name}"[^>]*>', markup)
    assert field
    value = re.search(r'value="([^"]*)"', field[0])
    return unescape(value[1]) if value else ""


@pytest.mark.parametrize(
    ("spoilt", "field", "told"),
    [
        ({"rfc": ""}, "rfc", "Escribe el RFC"),
        ({"rfc": "XOJI740919"}, "rfc", "escribiste 10"),
        ({"rfc": "XOJI740919U48AA"}, "rfc", "escribiste 15"),
        ({"rfc": "XOJI740919U48" * 30}, "rfc", "escribiste más"),
        ({"rfc": "XOJI740231U48"}, "rfc", "31-02-74"),
        ({"rfc": "X0JI740919U48"}, "rfc", "cuatro letras"),
        ({"rfc": "XOJI740919<>8"}, "rfc", "solo lleva letras"),
        ({"rfc": "😀OJI740919U48"}, "rfc", "solo lleva letras"),
        ({"rfc": "XAXX010101000"}, "rfc", "genérico"),
        ({"rfc": "XEXX010101000"}, "rfc", "genérico"),
        ({"nombre": ""}, "nombre", "Escribe el nombre"),
        ({"nombre": "A" * 301}, "nombre", "300"),
        ({"nombre": "ANA | TORRES"}, "nombre", "|"),
        ({"nombre": "ANA 😀 TORRES"}, "nombre", "😀"),
        ({"nombre": "PUBLICO EN GENERAL"}, "nombre", "escribe tu nombre"),
        ({"domicilio_fiscal": ""}, "domicilio_fiscal", "Escribe el código postal"),
        ({"domicilio_fiscal": "00001"}, "domicilio_fiscal", "00001"),
        ({"domicilio_fiscal": "7602"}, "domicilio_fiscal", "cinco números"),
        ({"domicilio_fiscal": "७६०२८"}, "domicilio_fiscal", "cinco números"),
        ({"regimen_fiscal": ""}, "regimen_fiscal", "Elige tu régimen"),
        ({"regimen_fiscal": "601"}, "regimen_fiscal", "no corresponde al tipo de persona"),
        ({"regimen_fiscal": "999"}, "regimen_fiscal", "no corresponde al tipo de persona"),
        ({"uso_cfdi": ""}, "uso_cfdi", "Elige para qué"),
        ({"uso_cfdi": "G03"}, "uso_cfdi", "no permite ese uso"),
        ({"regimen_fiscal": "616"}, "uso_cfdi", "no permite ese uso"),
        ({"uso_cfdi": "ZZZ"}, "uso_cfdi", "no permite ese uso"),
        ({"email": "ana@"}, "email", "nombre@ejemplo.com"),
        ({**COMPANY, "uso_cfdi": "D01"}, "uso_cfdi", "no permite ese uso"),
        ({**COMPANY, "regimen_fiscal": "605"}, "regimen_fiscal", "no corresponde al tipo de persona"),
    ],
)
def test_bad_data_names_its_field_and_keeps_the_rest(
    there: Patient, spoilt: dict[str, str], field: str, told: str
) -> None:
    page = there.send(**spoilt)

    assert page.status_code == 422
    assert list(errors_of(page)) == [field]
    assert told in errors_of(page)[field]
    assert f'href="#{field}"' in page.content.decode()  # the summary leads to it
    for name, value in {**DATA, **spoilt}.items():
        if value not in ("999", "ZZZ"):
            assert value_of(page, name) == value
    assert not FiscalDocument.objects.exists()


def test_every_field_wrong_at_once_is_said_once_each(there: Patient) -> None:
    page = there.send(rfc="no", nombre="", domicilio_fiscal="", regimen_fiscal="", uso_cfdi="", email="no")

    assert set(errors_of(page)) == set(DATA)


@pytest.mark.parametrize(
    "nombre",
    [
        "JOSÉ ÑANDÚ & HIJOS",
        'O\'GORMAN "EL CHATO" PÉREZ',
        "A" * 300,
        "{{ 7*7 }} ${7*7} #set $x",
    ],
)
def test_hostile_but_possible_names_stay_text(there: Patient, nombre: str) -> None:
    sent = there.send(nombre=nombre)

    assert sent.status_code == 303, said(sent)
    document = FiscalDocument.objects.get()
    assert document.content["receptor"]["nombre"] == nombre.upper()


def test_markup_in_a_name_never_reaches_the_page_as_markup(there: Patient) -> None:
    page = there.send(nombre='<script>alert("x")</script>')

    assert page.status_code == 422
    assert b"<script>alert" not in page.content
    assert escape('<script>alert("x")</script>') in page.content.decode()


def test_lower_case_spaces_and_hyphens_are_read(there: Patient) -> None:
    sent = there.send(rfc=" xoji-740919-u48 ", nombre="  ingrid xodar jimenez ", domicilio_fiscal=" 76028 ")

    assert sent.status_code == 303
    receptor = FiscalDocument.objects.get().content["receptor"]
    assert receptor["rfc"] == "XOJI740919U48"
    assert receptor["nombre"] == "INGRID XODAR JIMENEZ"


def test_an_odd_check_digit_is_asked_about_once_and_never_blocks(there: Patient) -> None:
    asked = there.send(rfc="XOJI740919U47")

    assert asked.status_code == 200
    assert "¿Está bien así?" in said(asked)
    assert not FiscalDocument.objects.exists()
    assert value_of(asked, "nombre") == DATA["nombre"]
    sent = there.send(rfc="XOJI740919U47", revisado=value_of(asked, "revisado"), key=value_of(asked, "llave"))
    assert sent.status_code == 303


@pytest.mark.parametrize("ending", ["SA DE CV", "S.A. de C.V.", "S DE RL DE CV", "S.C.", "SAPI DE CV"])
def test_a_company_is_offered_its_name_without_its_regimen_de_capital(there: Patient, ending: str) -> None:
    asked = there.send(**COMPANY | {"nombre": f"{COMPANY['nombre']} {ending}"})

    assert asked.status_code == 200
    assert f"Usar «{COMPANY['nombre']}»" in said(asked)
    sent = there.send(**COMPANY | {"nombre": value_of(asked, "nombre"), "usar_nombre": COMPANY["nombre"]})
    assert sent.status_code == 303
    assert FiscalDocument.objects.get().content["receptor"]["nombre"] == COMPANY["nombre"]


def test_the_lists_follow_the_rfc_and_the_regimen(there: Patient) -> None:
    person = there.client.post(there.at("datos/opciones/"), {"rfc": DATA["rfc"], "regimen_fiscal": "612"})
    company = there.client.post(there.at("datos/opciones/"), {"rfc": COMPANY["rfc"], "regimen_fiscal": "612"})

    text = person.content.decode()
    assert '<option value="605"' in text
    assert '<option value="601"' not in text
    assert re.search(r'<select[^>]*name="uso_cfdi".*?<option value="(\w+)"', text, flags=re.DOTALL)[1] == "D01"  # type: ignore[index]
    assert "RFC de una persona física" in said(person)
    assert '<option value="601"' in company.content.decode()
    assert '<option value="605"' not in company.content.decode()
    assert b"csrf" not in person.content


def test_cash_and_a_deduction_warn_but_do_not_stop(hospital: make.Hospital, patient: Patient) -> None:
    patient.enter(make.paid_charge(hospital, forma_pago="01"))

    options = patient.client.post(patient.at("datos/opciones/"), DATA)

    assert "Pagaste en efectivo" in said(options)
    assert patient.send().status_code == 303


def test_the_organization_may_offer_fewer_usos(hospital: make.Hospital, patient: Patient) -> None:
    type(hospital.organization).objects.update(usos_offered=["D01", "S01"])
    patient.enter(make.paid_charge(hospital))

    page = patient.get("datos/").content.decode()

    assert 'value="S01"' in page
    assert 'value="G03"' not in page


@pytest.mark.parametrize("typed", ["", "ana torres luna", "  Aná  TORRES Luna "])
def test_the_patient_is_named_only_at_the_payers_wish(hospital: make.Hospital, patient: Patient, typed: str) -> None:
    patient.enter(make.paid_charge(hospital, patient_name="Ana Torres Luna"))
    assert "Ana" not in said(patient.get("datos/"))

    patient.send(paciente=typed)

    described = FiscalDocument.objects.get().content["conceptos"][0]["descripcion"]
    assert ("Ana Torres Luna" in described) == bool(typed)


def test_whoever_does_not_know_the_patient_is_not_told(hospital: make.Hospital, patient: Patient) -> None:
    patient.enter(make.paid_charge(hospital, patient_name="Ana Torres Luna"))

    answer = patient.send(paciente="Beatriz Torres")

    assert answer.status_code == 422
    assert "No es el nombre que tiene el hospital" in said(answer)
    assert "Ana" not in said(answer)
    assert not FiscalDocument.objects.exists()


def test_who_was_treated_cannot_be_guessed_name_by_name(hospital: make.Hospital, patient: Patient) -> None:
    patient.enter(make.paid_charge(hospital, patient_name="Ana Torres Luna"))
    patient.send(paciente="Ana Torres Luna", rfc="mal")  # knowing it is not guessing
    for number in range(5):
        patient.send(paciente=f"Beatriz {number}")

    told = patient.send(paciente="Ana Torres Luna")

    assert told.status_code == 422
    assert "Se probaron demasiados nombres" in said(told)
    assert patient.send(paciente="").status_code == 303


def test_without_a_name_on_file_nobody_is_asked_about_it(hospital: make.Hospital, patient: Patient) -> None:
    patient.enter(make.paid_charge(hospital, patient_name=""))

    assert b"paciente" not in patient.get("datos/").content


def test_mail_is_optional_and_waits_for_the_stamp(there: Patient) -> None:
    there.send(email="ana@example.com")

    assert [(mail.address, mail.state) for mail in Delivery.objects.all()] == [("ana@example.com", "pending")]


@pytest.mark.parametrize(
    ("typed", "code", "field"),
    [
        ({"rfc": "OITA9511306R5", "nombre": "AURORA ORTIZ", "domicilio_fiscal": "22000"}, "CFDI40145", "nombre"),
        (
            {"rfc": "OITA9511306R5", "nombre": "AURORA ORTIZ TRUEBA", "domicilio_fiscal": "06700"},
            "CFDI40148",
            "domicilio_fiscal",
        ),
    ],
)
def test_a_refusal_of_the_pac_comes_back_to_its_field_with_everything_kept(
    hospital: make.Hospital, patient: Patient, typed: dict[str, str], code: str, field: str
) -> None:
    charge = make.paid_charge(hospital)
    patient.enter(charge)
    patient.send(**typed, email="ana@example.com")

    refused = drive(charge)
    page = patient.follow(patient.get("factura/"))

    assert (refused.state, refused.last_code) == (State.REJECTED, code)
    assert "El SAT no aceptó la factura" in said(page)
    assert errors_of(page) == {field: advice(code).message}
    for name, value in {**DATA, **typed, "email": "ana@example.com"}.items():
        assert value_of(page, name) == value
    cured = patient.send(rfc="OITA9511306R5", nombre="AURORA ORTIZ TRUEBA", domicilio_fiscal="22000")
    assert cured.status_code == 303
    assert drive(charge).state == State.STAMPED


def test_the_same_form_sent_again_after_a_refusal_is_a_new_request(hospital: make.Hospital, patient: Patient) -> None:
    charge = make.paid_charge(hospital)
    patient.enter(charge)
    wrong = {"rfc": "OITA9511306R5", "nombre": "AURORA ORTIZ", "domicilio_fiscal": "22000"}
    patient.send(key="f" * 32, **wrong)
    drive(charge)

    again = patient.send(key="f" * 32, **wrong | {"nombre": "AURORA ORTIZ TRUEBA"})

    assert again.status_code == 303
    assert drive(charge).state == State.STAMPED


def test_a_refusal_nobody_can_mend_here_gives_a_reference_and_the_desk(
    hospital: make.Hospital, patient: Patient, sandbox: RunningSandbox
) -> None:
    charge = make.paid_charge(hospital)
    patient.enter(charge)
    patient.send()
    FiscalDocument.objects.update(state=State.REJECTED, last_code="402", last_text="x")
    charge.allocations.update(active=False, released_at=make.now())

    page = said(patient.get("datos/"))

    assert "No es algo que puedas corregir aquí" in page
    assert charge.folio in page


def test_somebody_else_with_the_ticket_does_not_see_what_was_refused(hospital: make.Hospital, patient: Patient) -> None:
    charge = make.paid_charge(hospital)
    patient.enter(charge)
    patient.send(rfc="OITA9511306R5", nombre="AURORA ORTIZ", domicilio_fiscal="22000")
    drive(charge)
    stranger = Patient(patient.slug)
    stranger.enter(charge)

    page = stranger.get("datos/").content.decode()

    assert "OITA" not in page
    assert "AURORA" not in page


def test_every_code_of_the_receptor_has_words_for_a_patient() -> None:
    for number in range(40143, 40150):
        assert str(number) in ADVICE
    for number in range(40157, 40162):
        told = ADVICE[str(number)]
        assert told.mender is Mender.PATIENT
        assert told.field in DATA
        assert advice(f"CFDI{number}") == told
    assert advice("CFDI40999").mender is Mender.DESK
    assert advice("").mender is Mender.DESK
    assert advice("algo raro").mender is Mender.DESK
