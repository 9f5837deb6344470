"""What every page of the portal carries, and what happens when the house burns."""

from __future__ import annotations

import re

import pytest
from django.db import OperationalError
from django.test import Client
from pytest_django import DjangoAssertNumQueries  # type: ignore[attr-defined]

from emite.charges.code import check_symbol
from tests import make
from tests.web.portal.patient import DATA, Patient, said

pytestmark = pytest.mark.django_db(transaction=True)

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
PAGES = ("", "cargo/", "datos/")


def test_every_page_says_nothing_to_others_and_stays_nowhere(hospital: make.Hospital, patient: Patient) -> None:
    charge = make.paid_charge(hospital)
    patient.enter(charge)
    pages = [patient.get(page) for page in PAGES]
    patient.send()
    pages.append(patient.get("factura/"))
    pages.append(patient.client.get("/f/nadie/"))

    for page in pages:
        assert page["Content-Security-Policy"] == CSP
        assert page["Cache-Control"] == "no-store"
        assert page["X-Content-Type-Options"] == "nosniff"
        assert page["X-Frame-Options"] == "DENY"
        assert page["Referrer-Policy"] == "same-origin"
        assert page["Cross-Origin-Opener-Policy"] == "same-origin"
        assert "camera=()" in page["Permissions-Policy"]
        assert "noindex" in page["X-Robots-Tag"]
        markup = page.content.decode()
        assert " style=" not in markup
        assert "<style" not in markup
        assert not re.search(r"<script(?![^>]*\bsrc=)", markup)
        assert not re.search(r"\son\w+=", markup)
        for form in re.findall(r"<form[^>]*action=\"[^\"]*(?:datos|factura|correo|/f/[^/\"]+/)\"[^>]*>", markup):
            assert 'autocomplete="off"' in form


def test_static_files_have_hashed_names_and_stay_for_a_year(patient: Patient) -> None:
    markup = patient.get().content.decode()
    addresses = re.findall(r'(?:href|src)="(/(?:static|tema)/[^"]+)"', markup)

    assert len(addresses) >= 5
    for address in addresses:
        answer = patient.client.get(address)
        assert answer.status_code == 200
        assert answer["Cache-Control"] == "public, max-age=31536000, immutable"
    stale = patient.client.get(re.sub(r"\.[0-9a-f]{12}\.", ".000000000000.", addresses[0]))
    assert (stale.status_code, stale["Cache-Control"]) == (200, "no-cache")
    assert patient.client.get("/static/nada.css").status_code == 404
    assert patient.client.get("/static/../settings.py").status_code in (400, 404)


def test_pages_ask_the_database_little(
    hospital: make.Hospital, patient: Patient, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    charge = make.paid_charge(hospital)
    patient.enter(charge)
    for page in PAGES:
        with django_assert_max_num_queries(8):  # two of them a test's savepoint
            assert patient.get(page).status_code == 200
    patient.invoice(charge)
    with django_assert_max_num_queries(8):
        assert "Tu factura está lista" in said(patient.get("factura/"))


def test_a_database_that_stops_keeps_what_was_typed(
    hospital: make.Hospital, patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient.enter(make.paid_charge(hospital))

    def stopped(*_args: object) -> None:
        raise OperationalError("the connection is closed")

    monkeypatch.setattr("emite.web.portal.situation.of", stopped)
    answer = patient.send(nombre='INGRID "LA" <XODAR>')

    assert answer.status_code == 503
    assert int(answer["Retry-After"]) > 0
    assert "fuera de línea" in said(answer)
    assert 'value="INGRID &quot;LA&quot; &lt;XODAR&gt;"' in answer.content.decode()
    assert 'name="rfc" value="XOJI740919U48"' in answer.content.decode()
    assert answer["Content-Security-Policy"] == CSP


def test_a_database_that_is_not_there_at_all_still_gets_a_page(
    hospital: make.Hospital, patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    charge = make.paid_charge(hospital)
    patient.enter(charge)

    def stopped(*_args: object, **_named: object) -> None:
        raise OperationalError("connection refused")

    with monkeypatch.context() as burning:
        burning.setattr("django.db.backends.utils.CursorWrapper.execute", stopped)
        answers = [patient.get(page) for page in (*PAGES, "factura/")]
        code = patient.type_code(a_code())

    for answer in answers:
        assert answer.status_code == 503
        assert "fuera de línea" in said(answer)
    assert code.status_code == 503
    assert a_code() in code.content.decode()  # typed once is enough


def a_code() -> str:
    return "7K3MQ2XR9FTA4H8" + check_symbol("7K3MQ2XR9FTA4H8")


def test_a_failure_of_ours_gives_a_reference(
    hospital: make.Hospital, patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: object) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr("emite.web.portal.guarding.by_code", broken)
    answer = patient.type_code(a_code())

    assert answer.status_code == 500
    assert answer["X-Request-ID"] in said(answer)
    assert "boom" not in answer.content.decode()


def test_an_old_form_can_be_sent_again_and_a_foreign_one_cannot(hospital: make.Hospital, patient: Patient) -> None:
    strict = Client(enforce_csrf_checks=True, HTTP_HOST="127.0.0.1")
    path = patient.at("datos/")
    without_cookies = strict.post(path, DATA)
    strict.get(patient.at())

    own = strict.post(path, DATA, HTTP_ORIGIN="http://127.0.0.1")
    foreign = strict.post(path, DATA, HTTP_ORIGIN="http://malo.example")

    assert "no guarda cookies" in said(without_cookies)
    assert own.status_code == 403
    assert 'name="rfc" value="XOJI740919U48"' in own.content.decode()
    assert foreign.status_code == 403
    assert "XOJI740919U48" not in foreign.content.decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', own.content.decode())
    assert token
    again = strict.post(path, {**DATA, "csrfmiddlewaretoken": token[1]}, HTTP_ORIGIN="http://127.0.0.1")
    assert again["Location"] == patient.at("?sesion=no")
