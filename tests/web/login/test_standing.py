"""A session ends unused and after its hours; who is sent to log in learns why and comes back to where they were."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import urlencode

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse

from emite.accounts import standing
from emite.accounts.devices import device_words
from emite.accounts.models import OpenSession
from tests import make
from tests.web.desk.staff import said

START = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)
PASSWORD = "una clave de prueba larga"


@pytest.fixture
def carmen(db: None) -> Any:
    made = make.hospital()
    made.cashier.set_password(PASSWORD)
    made.cashier.save()
    return made.cashier


def browser(person: Any) -> Client:
    client = Client(HTTP_HOST="127.0.0.1")
    client.post("/entrar/", {"email": person.email, "password": PASSWORD})
    return client


def later(**over: float) -> AbstractContextManager[Any]:
    return time_machine.travel(START + dt.timedelta(**over), tick=False)


def test_an_unused_session_ends_and_says_so(carmen: Any) -> None:
    with later():
        client = browser(carmen)
    for minutes in (59, 118):  # each use counts from there
        with later(minutes=minutes):
            assert client.get("/caja/").status_code == 200
    copied = client.cookies["emite"].value
    with later(minutes=118 + 61):
        sent = client.get("/caja/cajas/?x=1")
        assert sent["Location"] == "/entrar/?siguiente=%2Fcaja%2Fcajas%2F%3Fx%3D1"
        assert "pasaron 60 minutos sin usarla" in said(client.get(sent["Location"]))
        thief = Client(HTTP_HOST="127.0.0.1")
        thief.cookies["emite"] = copied
        assert thief.get("/caja/").status_code == 302


def test_no_use_makes_a_session_last_longer_than_its_hours(carmen: Any) -> None:
    with later():
        client = browser(carmen)
    for half_hours in range(1, 25):
        with later(minutes=30 * half_hours):
            assert client.get("/caja/").status_code == 200
    with later(hours=12, minutes=1):
        assert client.get("/caja/").status_code == 302
        assert "dura a lo más 12 horas" in said(client.get("/entrar/"))


def test_who_comes_back_in_the_morning_is_told_what_may_have_been(carmen: Any) -> None:
    with later():
        client = browser(carmen)
    with later(hours=15):  # by now the row is not looked for any more
        told = said(client.get(client.get("/caja/")["Location"]))
        assert "pasó su tiempo, se cerró desde otro equipo o cambió su acceso" in told


def test_a_form_of_an_ended_session_is_not_lost_in_silence(carmen: Any) -> None:
    with later():
        client = browser(carmen)
    with later(hours=2):
        page = reverse("desk:new_charge")
        sent = client.post(page, {"x": "1"}, headers={"Referer": f"http://127.0.0.1{page}?de=3"})
        assert sent["Location"] == "/entrar/?" + urlencode({"siguiente": f"{page}?de=3"})
        assert "Lo último que envió no se guardó" in said(client.get(sent["Location"]))
        assert client.post(page, headers={"Referer": "https://malo.example/x"})["Location"] == "/entrar/"
        piece = client.get("/caja/", headers={"HX-Request": "true", "HX-Current-URL": "http://127.0.0.1/caja/?q=1"})
        assert piece["HX-Redirect"] == "/entrar/?siguiente=%2Fcaja%2F%3Fq%3D1"


def test_its_last_use_is_written_each_five_minutes_alone(
    carmen: Any, django_assert_num_queries: Callable[[int], AbstractContextManager[Any]]
) -> None:
    with later():
        client = browser(carmen)
        client.get("/caja/")
    # The session, the person and where they work; the session again when its use is written.
    for minutes, queries in ((4, 3), (6, 4), (10, 3)):
        with later(minutes=minutes), django_assert_num_queries(queries):
            client.get("/caja/configuracion/")


def test_a_session_of_nobody_knows_when_is_not_believed(carmen: Any) -> None:
    with later():
        client = browser(carmen)
        session = client.session
        del session["standing"]
        session.save()
        assert client.get("/caja/").status_code == 302


def test_whose_a_session_was_is_forgotten_with_it(carmen: Any) -> None:
    client = browser(carmen)
    assert OpenSession.objects.get(user=carmen).session_key == client.session.session_key
    standing.clean_up()
    assert OpenSession.objects.filter(user=carmen).exists()
    Session.objects.all().delete()
    standing.clean_up()
    assert not OpenSession.objects.filter(user=carmen).exists()


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:133.0) Gecko/20100101 Firefox/133.0", "Firefox en Windows"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/131.0 Safari/537.36 Edg/131.0", "Edge en Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) Version/18.1 Safari/604.1", "Safari en iPhone"),
        ("Mozilla/5.0 (Linux; Android 14) Chrome/131.0 Mobile Safari/537.36", "Chrome en Android"),
        ("curl/8", "Un navegador sin nombre"),
        ("", "Un navegador sin nombre"),
    ],
)
def test_a_device_is_named_in_plain_words(agent: str, words: str) -> None:
    assert device_words(agent) == words
