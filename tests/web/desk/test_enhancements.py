""" "Configuración de mejoras": what may be set, what is refused, and the audit of every change."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from emite.organizations import enhancing
from emite.organizations.models import Organization
from emite.organizations.refusals import NotAllowed, SetupRefused
from emite.web.fiscal import uso_choices
from tests import make
from tests.make import Hospital
from tests.web.desk.staff import Person, audited, said

pytestmark = pytest.mark.django_db


def picture(kind: str = "PNG", size: tuple[int, int] = (300, 100)) -> bytes:
    drawn = io.BytesIO()
    Image.new("RGB", size, "#0b5c63").save(drawn, kind)
    return drawn.getvalue()


def send(person: Person, hospital: Hospital, **over: Any) -> Any:
    data = {
        "portal_days": "3",
        "owed_accounts": "wait",
        "late_road": "egreso",
        "anticipo_road": "egreso",
        "usos_offered": enhancing.offerable_usos(),
        "accent": "#0b5c63",
        "support_phone": "55 5555 0101",
        "support_email": "caja@santelmo.test",
    }
    return person.post("enhancements", **{**data, **over})


def fresh() -> Organization:
    return Organization.objects.get()


def test_nothing_changed_nothing_audited(admin: Person, hospital: Hospital) -> None:
    page = said(admin.follow(send(admin, hospital)))

    assert "No había cambios" in page
    assert audited(hospital.organization, "organization.change") == []


@pytest.mark.parametrize(
    ("typed", "days", "on"), [("", None, False), ("0", 0, True), ("30", 30, True), ("366", 366, True)]
)
def test_days_of_the_portal(admin: Person, hospital: Hospital, typed: str, days: int | None, on: bool) -> None:
    send(admin, hospital, portal_days=typed)

    assert fresh().portal_days == days
    assert fresh().portal_is_on() is on
    event = audited(hospital.organization, "organization.change")[0]
    assert (event.actor, event.before, event.after) == (
        hospital.admin.email,
        {"portal_days": 3},
        {"portal_days": days},
    )


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"portal_days": "367"}, "entre 0 y 366"),
        ({"portal_days": "-1"}, "entre 0 y 366"),
        ({"portal_days": "dos"}, "entre 0 y 366"),
        ({"portal_days": "1.5"}, "entre 0 y 366"),
        ({"accent": "rojo"}, "#0b5c63"),
        ({"support_email": "caja@"}, "no está completo"),
    ],
)
def test_bad_settings_are_told(admin: Person, hospital: Hospital, typed: dict[str, str], words: str) -> None:
    response = send(admin, hospital, **typed)

    assert response.status_code == 422
    assert words in said(response)
    assert fresh().portal_days == 3


def test_usos_offered_are_what_the_lists_show(admin: Person, hospital: Hospital) -> None:
    send(admin, hospital, usos_offered=["D01", "G03", "S01"])

    offered = fresh().usos_offered
    assert offered == ["D01", "G03", "S01"]
    assert [key for key, _ in uso_choices("F", "605", offered)] == ["D01", "S01"]
    assert [key for key, _ in uso_choices("M", "601", offered)] == ["G03", "S01"]
    send(admin, hospital)
    assert fresh().usos_offered is None


def test_no_regimen_is_left_without_a_uso(admin: Person, hospital: Hospital) -> None:
    refused = send(admin, hospital, usos_offered=["D01", "G03"])

    assert refused.status_code == 422
    assert "agregue S01" in said(refused)
    assert fresh().usos_offered is None
    with pytest.raises(SetupRefused):
        enhancing.change(hospital.organization, {"usos_offered": ["CP01"]}, by=hospital.admin, now=make.now())


def test_what_the_service_refuses_whoever_calls_it(hospital: Hospital) -> None:
    with pytest.raises(NotAllowed):
        enhancing.change(hospital.organization, {"portal_days": 9}, by=hospital.cashier, now=make.now())
    with pytest.raises(SetupRefused):
        enhancing.change(hospital.organization, {"portal_days": 367}, by=hospital.admin, now=make.now())
    assert fresh().portal_days == 3


def test_a_pale_colour_is_darkened_and_said(admin: Person, hospital: Hospital) -> None:
    page = said(admin.follow(send(admin, hospital, accent="#ffee00")))

    assert "se usa más oscuro" in page
    assert fresh().accent == "#ffee00"


@pytest.mark.parametrize(("kind", "content_type"), [("PNG", "image/png"), ("JPEG", "image/jpeg")])
def test_logo_is_kept_shown_and_dropped(admin: Person, hospital: Hospital, kind: str, content_type: str) -> None:
    data = picture(kind)
    send(admin, hospital, logo=SimpleUploadedFile("lo que sea.txt", data))

    shown = admin.get("logo")
    assert (shown.content, shown["Content-Type"]) == (data, content_type)
    assert audited(hospital.organization, "organization.change")[0].after["logo"]
    send(admin, hospital, drop_logo="on")
    assert fresh().logo is None
    assert admin.get("logo").status_code == 404


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "vacío"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "PNG o JPEG"),
        (b"GIF89a" + bytes(50), "PNG o JPEG"),
        (b"\x89PNG\r\n\x1a\n" + bytes(20), "dañada"),
        (picture()[:200], "dañada"),
        (b"\xff\xd8\xff\xe0" + bytes(30), "dañada"),
        (bytes(20_001), "20 KB: guárdelo"),
        (picture(size=(4001, 10)), "4001 por 10"),
    ],
)
def test_what_is_no_logo_is_told(admin: Person, hospital: Hospital, data: bytes, words: str) -> None:
    response = send(admin, hospital, logo=SimpleUploadedFile("logo.png", data))

    assert response.status_code == 422
    assert words in said(response)
    assert fresh().logo is None


def test_the_road_out_of_a_global_is_chosen_and_audited(admin: Person, hospital: Hospital) -> None:
    assert send(admin, hospital, late_road="otro").status_code == 422
    send(admin, hospital, late_road="rebuild")

    assert fresh().late_road == "rebuild"
    assert audited(hospital.organization, "organization.change")[0].after == {"late_road": "rebuild"}


def test_the_path_of_deposits_is_chosen_and_audited(admin: Person, hospital: Hospital) -> None:
    assert send(admin, hospital, anticipo_road="c").status_code == 422
    send(admin, hospital, anticipo_road="remnant")

    assert fresh().anticipo_road == "remnant"
    assert audited(hospital.organization, "organization.change")[0].after == {"anticipo_road": "remnant"}
