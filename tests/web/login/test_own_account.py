"""What everybody does with their own account: see and end sessions, prove who they are, change the password."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import time_machine
from django import forms
from django.test import Client
from django.urls import resolve

from emite.accounts import second_step
from emite.accounts.models import Letter, OpenSession
from emite.audit.models import AuditEvent
from emite.organizations.models import Membership
from emite.web.access import PROVED
from emite.web.errors.pages import SECRET_FIELDS
from tests import make
from tests.accounts.test_second_step import digits
from tests.web.desk.staff import Person, member, said

pytestmark = pytest.mark.django_db
START = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)
PASSWORD, NEW = "una clave de prueba larga", "cuatro palomas sobre el tejado"
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) Version/18.1 Safari/604.1"
DESK = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:133.0) Gecko/20100101 Firefox/133.0"


@pytest.fixture
def carmen() -> Any:
    made = make.hospital()
    made.cashier.set_password(PASSWORD)
    made.cashier.save()
    return made.cashier


def browser(person: Any, agent: str = DESK) -> Client:
    client = Client(HTTP_HOST="127.0.0.1", HTTP_USER_AGENT=agent)
    assert client.post("/entrar/", {"email": person.email, "password": PASSWORD}).status_code == 302
    return client


def acts(person: Any) -> list[str]:
    return list(AuditEvent.objects.filter(actor=person.email).order_by("position").values_list("action", flat=True))


def test_own_sessions_are_listed_and_one_is_ended(carmen: Any) -> None:
    here, phone = browser(carmen), browser(carmen, PHONE)
    stranger = member(make.hospital().organization, Membership.Role.CAJERO)
    page = here.get("/cuenta/sesiones/")
    assert [each.device for each in page.context["sessions"]] == ["Firefox en Windows", "Safari en iPhone"]
    assert "Firefox en Windows Esta sesión" in said(page)
    assert "Último uso: ahora" in said(page)
    pk = OpenSession.objects.get(user=carmen, device="Safari en iPhone").pk

    stranger.client.post("/cuenta/sesiones/", {"sesion": str(pk)})  # not theirs
    assert phone.get("/caja/").status_code == 200
    closed = here.post("/cuenta/sesiones/", {"sesion": str(pk)}, follow=True)
    assert "Sesión cerrada." in said(closed)
    assert "Safari en iPhone" not in said(closed)
    refused = phone.get("/caja/")
    assert refused["Location"] == "/entrar/?siguiente=%2Fcaja%2F"
    assert "Su sesión ya no está abierta" in said(phone.get(refused["Location"]))
    assert here.get("/caja/").status_code == 200
    assert "Esa sesión ya estaba cerrada" in said(here.post("/cuenta/sesiones/", {"sesion": "nada"}, follow=True))
    assert acts(carmen) == ["session.close"]


def test_all_others_are_ended_at_once(carmen: Any) -> None:
    here, others = browser(carmen), [browser(carmen, PHONE), browser(carmen)]
    assert "Se cerraron 2 sesiones." in said(here.post("/cuenta/sesiones/", {"demas": "si"}, follow=True))
    assert [client.get("/caja/").status_code for client in (here, *others)] == [200, 302, 302]
    assert acts(carmen) == ["session.close_others"]


def test_a_session_that_ended_by_itself_is_not_listed(carmen: Any) -> None:
    with time_machine.travel(START, tick=False):
        browser(carmen, PHONE)
    with time_machine.travel(START + dt.timedelta(minutes=61), tick=False):
        assert len(browser(carmen).get("/cuenta/sesiones/").context["sessions"]) == 1


def test_a_changed_password_ends_the_others_and_is_told(carmen: Any) -> None:
    here, phone = browser(carmen), browser(carmen, PHONE)
    right = {"present_password": PASSWORD, "password": NEW, "password_again": NEW}
    for wrong, words in (
        ({"present_password": "otra cosa"}, "No es su contraseña actual"),
        ({"password_again": "otra"}, "No es igual a la contraseña nueva"),
        ({"password": "corta", "password_again": "corta"}, "10"),
        ({"password": PASSWORD, "password_again": PASSWORD}, "Es la misma contraseña de ahora"),
    ):
        answer = here.post("/cuenta/contrasena/", right | wrong)
        assert (answer.status_code, words in said(answer)) == (422, True), words
        assert NEW not in answer.content.decode()
    assert acts(carmen) == []

    done = here.post("/cuenta/contrasena/", right, follow=True)
    assert "Contraseña cambiada" in said(done)
    assert [each.this for each in done.context["sessions"]] == [True]
    assert (here.get("/caja/").status_code, phone.get("/caja/").status_code) == (200, 302)
    assert acts(carmen) == ["password.change"]
    assert Letter.objects.get(address=carmen.email).sent_at is None
    carmen.refresh_from_db()
    assert carmen.check_password(NEW)


@pytest.mark.parametrize("page", ["/cuenta/contrasena/", "/cuenta/confirmar/", "/caja/configuracion/vinculo/"])
def test_no_secret_is_written_into_a_page_that_offers_a_form_again(page: str) -> None:
    strict = Client(enforce_csrf_checks=True, HTTP_HOST="127.0.0.1")
    strict.get("/entrar/")
    secrets = {
        "present_password": "la de ahora",
        "password": "la nueva",
        "password_again": "otra vez la nueva",
        "code": "765432",
    }
    told = strict.post(page, secrets | {"siguiente": "/caja/"}, HTTP_ORIGIN="http://127.0.0.1")
    assert told.status_code == 403
    assert 'name="siguiente" value="/caja/"' in told.content.decode()
    for secret in secrets.values():
        assert secret not in told.content.decode()


def test_every_field_of_a_password_has_a_name_that_says_so() -> None:
    """By it the pages of error know what they never offer again."""
    resolve("/caja/")  # every page, and so every form, is known from here on
    found, kinds = [], list(forms.BaseForm.__subclasses__())
    while kinds:
        kind = kinds.pop()
        kinds += kind.__subclasses__()
        if kind.__module__.startswith("emite."):
            found += [
                name
                for name, field in kind.base_fields.items()  # type: ignore[attr-defined]
                if isinstance(field.widget, forms.PasswordInput)
            ]
    assert len(found) > 8
    assert [name for name in found if not any(part in name for part in SECRET_FIELDS)] == []


def test_the_second_step_alone_neither_lengthens_a_session_nor_proves_the_password(carmen: Any) -> None:
    with time_machine.travel(START, tick=False):
        here = browser(carmen)
        shown = here.post("/entrar/segundo-paso/", {"code": digits_of_new(carmen, here, START)})
        codes = shown.context["codes"]
        before = here.session["standing"]
        key = here.session.session_key
    later = START + dt.timedelta(minutes=11)
    with time_machine.travel(later, tick=False):
        assert here.post("/entrar/codigo/", {"code": codes[0]}).status_code == 302
        assert here.session.session_key != key
        now = here.session["standing"]
        assert (now["began"], now["proved"]) == (before["began"], before["proved"])
        assert here.session[PROVED] is True
        assert here.post("/entrar/segundo-paso/codigos/")["Location"].startswith("/cuenta/confirmar/")
        assert [each.this for each in here.get("/cuenta/sesiones/").context["sessions"]] == [True]


def digits_of_new(person: Any, client: Client, now: dt.datetime) -> str:
    """The first digits of a second step that is being set up."""
    client.get("/entrar/segundo-paso/")
    return digits(person, now)


def test_an_open_session_does_not_serve_to_guess_the_password(carmen: Any) -> None:
    here = browser(carmen)
    answers = [
        here.post("/cuenta/confirmar/", {"present_password": f"intento {turn}"}).status_code for turn in range(6)
    ]
    assert answers == [422] * 6
    assert here.post("/cuenta/confirmar/", {"present_password": PASSWORD}).status_code == 429


def test_the_second_step_is_set_up_by_who_has_just_proved_the_password(carmen: Any) -> None:
    with time_machine.travel(START, tick=False):
        here = browser(carmen)
        assert here.get("/entrar/segundo-paso/").status_code == 200
    later = START + dt.timedelta(minutes=11)
    with time_machine.travel(later, tick=False):
        sent = here.get("/entrar/segundo-paso/?siguiente=/caja/")
        assert sent["Location"].startswith("/cuenta/confirmar/?siguiente=%2Fentrar%2Fsegundo-paso%2F")
        assert here.post("/entrar/segundo-paso/", {"code": digits(carmen, later)}).status_code == 302
        assert not second_step.has(carmen)
        back = "/entrar/segundo-paso/?siguiente=/caja/"
        assert here.post("/cuenta/confirmar/", {"present_password": "mal", "siguiente": back}).status_code == 422
        proved = here.post("/cuenta/confirmar/", {"present_password": PASSWORD, "siguiente": back})
        assert proved["Location"] == back
        shown = here.post(back, {"code": digits(carmen, later)})
        assert len(shown.context["codes"]) == 10
        assert [each.this for each in here.get("/cuenta/sesiones/").context["sessions"]] == [True]
    codes = shown.context["codes"]
    with time_machine.travel(later + dt.timedelta(minutes=11), tick=False):
        # With a second step, the password alone does not prove it.
        assert here.post("/entrar/segundo-paso/codigos/")["Location"].startswith("/cuenta/confirmar/")
        assert here.post("/cuenta/confirmar/", {"present_password": PASSWORD}).status_code == 422
        assert here.post("/cuenta/confirmar/", {"present_password": PASSWORD, "code": codes[0]}).status_code == 302
        assert here.post("/entrar/segundo-paso/codigos/").status_code == 200


def test_removing_a_colleagues_second_step_is_asked_again() -> None:
    made = make.hospital()
    held = Membership.objects.get(organization=made.organization, user=made.cashier)
    with time_machine.travel(START, tick=False):
        admin = Person(made.admin)
        session = admin.client.session
        session["second_step"] = True
        session.save()
    with time_machine.travel(START + dt.timedelta(minutes=11), tick=False):
        page = f"/caja/configuracion/personas/{held.pk}/"
        sent = admin.client.post(f"{page}segundo-paso/", headers={"Referer": f"http://127.0.0.1{page}"})
        assert sent["Location"].startswith("/cuenta/confirmar/?siguiente=%2Fcaja%2Fconfiguracion%2Fpersonas%2F")
