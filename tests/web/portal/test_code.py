"""First screen: codes typed and scanned, wrong ones, and who may fail how often."""

from __future__ import annotations

import datetime as dt
import logging
import re

import pytest
import time_machine

from emite.charges.charging import revoke_code
from emite.charges.code import check_symbol, grouped
from tests import make
from tests.web.portal.patient import Patient, said

pytestmark = pytest.mark.django_db(transaction=True)

UNKNOWN = "No encontramos ese código en Hospital San Telmo"


def invented() -> str:
    """A code with a good check symbol that no ticket has."""
    return "7K3MQ2XR9FTA4H8" + check_symbol("7K3MQ2XR9FTA4H8")


def without_token(page: bytes) -> str:
    return re.sub(r'name="csrfmiddlewaretoken" value="[^"]+"', "", page.decode())


@pytest.mark.parametrize(
    "typed",
    [
        lambda code: code,
        grouped,
        lambda code: code.lower(),
        lambda code: f"  {code[:4]} {code[4:8]} {code[8:12]} {code[12:]} ",
        lambda code: code.replace("0", "O").replace("1", "l"),
    ],
    ids=["plain", "printed", "lower", "spaces", "look-alikes"],
)
def test_a_code_is_read_as_people_type_it(hospital: make.Hospital, patient: Patient, typed: object) -> None:
    charge = make.paid_charge(hospital)

    answer = patient.type_code(typed(make.code(charge)))  # type: ignore[operator]

    assert (answer.status_code, answer["Location"]) == (303, patient.at("cargo/"))


def test_the_qr_opens_the_charge_under_a_clean_address(hospital: make.Hospital, patient: Patient) -> None:
    charge = make.paid_charge(hospital)

    answer = patient.scan(charge)

    assert (answer.status_code, answer["Location"]) == (303, patient.at("cargo/"))
    assert answer["Referrer-Policy"] == "no-referrer"
    assert answer["Cache-Control"] == "no-store"
    assert answer.content == b""
    assert "$1,160.00" in said(patient.follow(answer))


def test_unknown_revoked_and_foreign_codes_answer_alike(hospital: make.Hospital, patient: Patient) -> None:
    revoked = make.paid_charge(hospital)
    revoke_code(revoked, user=hospital.admin, now=make.now())
    foreign = make.paid_charge(make.hospital())
    codes = [invented(), make.code(revoked), make.code(foreign)]

    answers = [patient.type_code(code) for code in codes]
    scans = [patient.client.get(f"/q/{patient.slug}/{code}") for code in codes]

    assert [answer.status_code for answer in answers] == [422, 422, 422]
    pages = {without_token(answer.content).replace(code, "CODE") for answer, code in zip(answers, codes, strict=True)}
    assert len(pages) == 1
    assert UNKNOWN in said(answers[0])
    assert {(scan.status_code, scan["Location"]) for scan in scans} == {(303, patient.at("?codigo=no"))}
    assert UNKNOWN in said(patient.follow(scans[0]))


def test_a_mistyped_symbol_answers_as_an_unknown_code(hospital: make.Hospital, patient: Patient) -> None:
    code = make.code(make.paid_charge(hospital))
    wrong = ("A" if code[0] != "A" else "B") + code[1:]

    answer = patient.type_code(wrong)

    assert answer.status_code == 422
    assert UNKNOWN in said(answer)
    assert wrong in answer.content.decode()  # what was typed stays


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("", "Escribe el código de tu ticket."),
        ("ABCD", "El código tiene 16 letras y números: escribiste 4."),
        ("A" * 400, "El código tiene 16 letras y números: escribiste más."),
        ("<script>alert(1)</script>", "El código tiene 16 letras y números: escribiste 18."),
        ("😀" * 16, "El código tiene 16 letras y números: escribiste 0."),
        ("ÑÑÑÑ-ÑÑÑÑ-ÑÑÑÑ-ÑÑÑÑ", UNKNOWN),
    ],
)
def test_what_cannot_be_a_code_is_said_plainly(patient: Patient, typed: str, message: str) -> None:
    answer = patient.type_code(typed)

    assert answer.status_code == 422
    assert message in said(answer)
    assert b"<script>alert" not in answer.content


def test_wrong_guesses_are_limited_and_a_right_code_never_is(hospital: make.Hospital, patient: Patient) -> None:
    charge = make.paid_charge(hospital)
    statuses = [patient.type_code(invented()).status_code for _ in range(12)]

    last = patient.type_code(invented())

    assert statuses == [422] * 10 + [429] * 2
    assert int(last["Retry-After"]) > 0
    assert "varios intentos" in said(last)
    assert patient.enter(charge)["Location"] == patient.at("cargo/")


def test_guesses_are_counted_by_place_and_forgotten_with_time(patient: Patient) -> None:
    with time_machine.travel(make.now(), tick=False) as clock:
        for _ in range(10):
            patient.type_code(invented())
        assert patient.type_code(invented(), REMOTE_ADDR="127.0.0.77").status_code == 429  # the same /24
        assert patient.type_code(invented(), REMOTE_ADDR="198.51.100.7").status_code == 422
        clock.shift(dt.timedelta(minutes=10))
        assert patient.type_code(invented()).status_code == 422


def test_no_log_line_and_no_page_carries_a_code(
    hospital: make.Hospital, patient: Patient, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    charge = make.paid_charge(hospital)
    code = make.code(charge)
    caplog.set_level(logging.INFO)

    page = patient.follow(patient.scan(charge))
    patient.client.get(f"/q/no-existe/{code}")
    patient.client.get(f"/q/{patient.slug}/{code}/otra/cosa")
    patient.client.post(f"/q/{patient.slug}/{code}")
    patient.client.get(f"/q/{patient.slug}/{invented()}")
    patient.type_code(invented())

    heard = caplog.text + "".join(capfd.readouterr())
    for shape in (code, grouped(code), code.lower(), invented(), charge.pk.hex):
        assert shape not in heard
    assert code not in page.content.decode()
    assert grouped(code) not in page.content.decode()


def test_an_unknown_hospital_is_a_page_that_does_not_exist(patient: Patient) -> None:
    answer = patient.client.get("/f/otro-hospital/")

    assert answer.status_code == 404
    assert "Esta página no existe" in said(answer)


def test_the_printed_link_works_without_its_last_stroke(patient: Patient) -> None:
    assert patient.client.get(f"/f/{patient.slug}")["Location"] == patient.at()
