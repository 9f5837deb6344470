"""Logging in: one answer for every wrong pair, failures limited, the session ended on the server."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import time_machine
from django.test import Client

from emite.organizations.models import Membership
from tests import make
from tests.web.desk.staff import Person, member, said

pytestmark = pytest.mark.django_db
PASSWORD = "una clave de prueba larga"


@pytest.fixture
def carmen() -> Any:
    made = make.hospital()
    made.cashier.set_password(PASSWORD)
    made.cashier.save()
    return made.cashier


def enter(email: str, password: str, **over: Any) -> Any:
    client = over.pop("client", None) or Client(HTTP_HOST="127.0.0.1", **over)
    return client.post("/entrar/", {"email": email, "password": password})


def test_right_pair_opens_the_desk_in_any_case(carmen: Any) -> None:
    client = Client(HTTP_HOST="127.0.0.1")

    response = enter(f" {carmen.email.upper()} ", PASSWORD, client=client)

    assert (response.status_code, response["Location"]) == (302, "/caja/")
    assert client.get("/caja/").status_code == 200


def test_wrong_answers_are_alike(carmen: Any) -> None:
    closed = make.user("Diana")
    closed.set_password(PASSWORD)
    closed.is_active = False
    closed.save()

    answers = [
        enter(carmen.email, "otra cosa"),
        enter("nadie@santelmo.test", PASSWORD),
        enter(closed.email, PASSWORD),
    ]

    assert {answer.status_code for answer in answers} == {422}
    for answer in answers:
        assert "El correo o la contraseña no son correctos" in said(answer)
        assert PASSWORD not in answer.content.decode()
        assert "otra cosa" not in answer.content.decode()


def test_failures_are_limited_and_time_heals(carmen: Any) -> None:
    start = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)
    with time_machine.travel(start, tick=False):
        for _ in range(8):
            assert enter(carmen.email, "mal").status_code == 422
        refused = enter(carmen.email, PASSWORD)
        assert refused.status_code == 429
        assert "demasiados intentos" in said(refused)
        # A colleague at the same desk is not locked out, nor is the same person elsewhere.
        assert enter("nadie@santelmo.test", "mal").status_code == 422
        assert enter(carmen.email, PASSWORD, REMOTE_ADDR="10.9.8.7").status_code == 302
    with time_machine.travel(start + dt.timedelta(minutes=16), tick=False):
        assert enter(carmen.email, PASSWORD).status_code == 302


def test_the_way_back_is_only_ours(carmen: Any) -> None:
    client = Client(HTTP_HOST="127.0.0.1")
    asked = client.get("/caja/cajas/?x=1")
    assert asked["Location"] == "/entrar/?siguiente=%2Fcaja%2Fcajas%2F%3Fx%3D1"
    pair = {"email": carmen.email, "password": PASSWORD}

    for evil in ("https://malo.example/", "//malo.example/", "/\\malo.example", "javascript:alert(1)"):
        answer = Client(HTTP_HOST="127.0.0.1").post("/entrar/", {**pair, "siguiente": evil})
        assert answer["Location"] == "/caja/"
    ours = Client(HTTP_HOST="127.0.0.1").post("/entrar/", {**pair, "siguiente": "/caja/cajas/"})
    assert ours["Location"] == "/caja/cajas/"


def test_leaving_ends_the_session_on_the_server(carmen: Any) -> None:
    client = Client(HTTP_HOST="127.0.0.1")
    enter(carmen.email, PASSWORD, client=client)
    copied = client.cookies["emite"].value

    assert client.get("/salir/").status_code == 405
    client.post("/salir/")

    thief = Client(HTTP_HOST="127.0.0.1")
    thief.cookies["emite"] = copied
    assert thief.get("/caja/").status_code == 302


def test_several_organizations_are_chosen_between() -> None:
    one, other = make.hospital(), make.hospital()
    person = member(one.organization, Membership.Role.CAJERO)
    Membership.objects.create(organization=other.organization, user=person.user, role=Membership.Role.CONSULTA)
    stranger = make.hospital().organization

    assert person.get("home")["Location"].startswith("/entrar/organizacion/")
    assert person.client.post("/entrar/organizacion/", {"organizacion": str(stranger.pk)}).status_code == 422
    assert person.client.post("/entrar/organizacion/", {"organizacion": "nada"}).status_code == 422
    person.client.post("/entrar/organizacion/", {"organizacion": str(other.organization.pk)})
    assert person.get("home").context["organization"] == other.organization
    assert person.get("new_charge").status_code == 403


def test_person_of_no_organization_is_told() -> None:
    response = Person(make.user("Elena")).get("home")

    assert response.status_code == 403
    assert "no pertenece a esta organización" in said(response)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "address", ["invitacion/un-token/", "contrasena/01936f4e-7d2a-7c3b-9f4e-2b1c0d9e8f7a/un-token/"]
)
def test_a_scanner_of_mails_neither_uses_a_link_nor_gets_it_logged(address: str) -> None:
    """HEAD is answered as GET: a refusal would write the address, with its token, to the log."""
    assert Client().head(f"/entrar/{address}").status_code == 302
