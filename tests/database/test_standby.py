"""A database that only lets itself be read: what can be looked at is served, the rest is refused whole and in words."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
import time_machine
from django.db import connection
from django.test import Client

from emite.database import standby
from emite.ops import ground
from emite.web import health
from tests import make
from tests.web.portal.patient import DATA, Patient, said

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def hospital() -> make.Hospital:
    return make.hospital()


def _only_reads(on: bool) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET default_transaction_read_only = {'on' if on else 'off'}")


@pytest.fixture
def reading() -> Iterator[Any]:
    """Call it to have this connection refuse every write from then on."""
    yield lambda: _only_reads(True)
    _only_reads(False)


def test_who_was_in_goes_on_looking_and_what_was_typed_is_kept(hospital: make.Hospital, reading: Any) -> None:
    charge, other = make.paid_charge(hospital), make.paid_charge(hospital)
    patient = Patient(hospital.organization.slug)
    patient.enter(charge)
    desk = Client(raise_request_exception=False)
    desk.force_login(hospital.cashier)
    assert desk.get("/caja/").status_code == 200
    reading()
    assert desk.get("/caja/").status_code == 200
    assert desk.get(f"/caja/remisiones/{charge.pk}/").status_code == 200
    assert patient.get("cargo/").status_code == 200
    assert patient.scan(other).status_code == 503, "a visit that could not be kept is no visit"
    answer = patient.send(nombre="INGRID XODAR JIMENEZ")
    assert (answer.status_code, answer["Retry-After"]) == (503, "120")
    assert "Por ahora solo se puede consultar" in said(answer)
    assert DATA["rfc"] in answer.content.decode()
    _only_reads(False)
    assert patient.send().status_code == 303
    assert charge.allocations.filter(active=True).count() == 1


def test_an_hour_later_the_staff_still_looks_and_a_patient_begins_again(hospital: make.Hospital, reading: Any) -> None:
    now = make.now()
    charge, patient = make.paid_charge(hospital), Patient(hospital.organization.slug)
    desk = Client(raise_request_exception=False)
    with time_machine.travel(now, tick=False):
        patient.enter(charge)
        desk.force_login(hospital.cashier)
    reading()
    with time_machine.travel(now + dt.timedelta(minutes=5), tick=False):
        assert patient.get("cargo/").status_code == 200
    with time_machine.travel(now + dt.timedelta(minutes=20), tick=False):  # not seen since, as far as is known
        assert patient.get("cargo/")["Location"].endswith("?sesion=no")
    with time_machine.travel(now + dt.timedelta(hours=3), tick=False):
        assert desk.get("/caja/").status_code == 200
    with time_machine.travel(now + dt.timedelta(hours=11, minutes=59), tick=False):
        assert desk.get("/caja/").status_code == 200
    _only_reads(False)
    with time_machine.travel(now + dt.timedelta(hours=3), tick=False):
        assert desk.get("/caja/").status_code == 302, "its use is counted again"


def test_the_watchers_are_told(hospital: make.Hospital, reading: Any) -> None:
    assert _ready() == (200, "bien\n")
    reading()
    assert standby.only_reads(connection.connection)
    assert _ready() == (200, "solo lectura\n")


def _ready() -> tuple[int, str]:
    answer: dict[str, str] = {}
    application = health.before(lambda environ, start: [b"no"])
    body = application({"PATH_INFO": "/readyz"}, lambda status, headers: answer.update(status=status))
    return int(answer["status"].split()[0]), b"".join(body).decode()


def test_a_worker_waits_until_it_is_promoted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    states = iter([True, True, False])
    monkeypatch.setattr(standby, "only_reads", lambda one: isinstance(one, psycopg.Connection) and next(states))
    slept: list[float] = []
    ground.wait_until_it_writes(slept.append)
    assert slept == [ground.STANDBY_SECONDS] * 2
    assert capsys.readouterr().err.count("solo lectura") == 1
