""" "Configuración de mejoras": what may be set, what is refused, and the audit of every change."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from emite.organizations.models import Organization
from tests.make import Hospital
from tests.web.desk.staff import Person, audited, member, said

pytestmark = pytest.mark.django_db


def picture(kind: str = "PNG", size: tuple[int, int] = (300, 100)) -> bytes:
    drawn = io.BytesIO()
    Image.new("RGB", size, "#0b5c63").save(drawn, kind)
    return drawn.getvalue()


def send(person: Person, hospital: Hospital, **over: Any) -> Any:
    data = {
        "portal_days": "3",
        "portal_user": str(hospital.biller.pk),
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


def test_portal_user_needs_the_permission(admin: Person, hospital: Hospital) -> None:
    without = member(hospital.organization, "cajero", can_issue=False)

    assert send(admin, hospital, portal_user=str(without.user.pk)).status_code == 422
    assert send(admin, hospital, portal_user=str(hospital.cashier.pk)).status_code == 422
    assert send(admin, hospital, portal_user="").status_code == 302
    assert fresh().portal_is_on() is False


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
        (bytes(300_001), "300 KB"),
        (picture(size=(4001, 10)), "4001 por 10"),
    ],
)
def test_what_is_no_logo_is_told(admin: Person, hospital: Hospital, data: bytes, words: str) -> None:
    response = send(admin, hospital, logo=SimpleUploadedFile("logo.png", data))

    assert response.status_code == 422
    assert words in said(response)
    assert fresh().logo is None
