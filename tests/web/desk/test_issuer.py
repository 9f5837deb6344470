"""The issuer's page: fiscal data, and a certificate that is told apart from everything that is not one."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from emite.issuers.models import Issuer, Series, StoredCsd
from emite.organizations.models import Membership, Organization
from tests import make
from tests.make import Hospital
from tests.pac.sandbox import RunningSandbox
from tests.web.desk.staff import Person, audited, member, said

pytestmark = pytest.mark.django_db
PASSWORD = "clave-de-la-llave-1"
DATA = {
    "nombre": "HOSPITAL SAN TELMO",
    "regimen_fiscal": "601",
    "postal_code": "06700",
    "lugar_expedicion": "06700",
}


@pytest.fixture
def trusted(sandbox: RunningSandbox, settings: Any) -> Any:
    settings.PAC_TRUST_DIR = sandbox.trust_dir
    return sandbox.authority


def pair(authority: Any, of: Hospital, **over: Any) -> tuple[bytes, bytes]:
    fields = {
        "kind": "CSD",
        "rfc": of.issuer.rfc,
        "nombre": of.issuer.nombre,
        "password": PASSWORD,
        "not_before": make.now() - dt.timedelta(days=1),
        "not_after": make.now() + dt.timedelta(days=400),
    }
    return authority.issue(**{**fields, **over})


def upload(person: Person, of: Hospital, cer: bytes, key: bytes, password: str = PASSWORD) -> Any:
    return person.post(
        "csd",
        of.issuer.pk,
        cer=SimpleUploadedFile("sello.cer", cer),
        key=SimpleUploadedFile("sello.key", key),
        password=password,
    )


def test_certificate_is_loaded_and_audited(admin: Person, hospital: Hospital, trusted: Any) -> None:
    page = said(admin.follow(upload(admin, hospital, *pair(trusted, hospital))))

    stored = StoredCsd.objects.get()
    assert stored.no_certificado in page
    assert "Vigente" in page
    assert PASSWORD.encode() not in bytes(stored.sealed_key)
    event = audited(hospital.organization, "csd.load")[0]
    assert event.actor == hospital.admin.email
    assert PASSWORD not in str(event.after)


def test_new_certificate_retires_the_old_one(admin: Person, hospital: Hospital, trusted: Any) -> None:
    for _ in range(2):
        assert upload(admin, hospital, *pair(trusted, hospital)).status_code == 302

    assert StoredCsd.objects.filter(active=True).count() == 1
    assert StoredCsd.objects.exclude(retired_at=None).count() == 1


def spoilt(name: str, authority: Any, hospital: Hospital) -> tuple[bytes, bytes, str]:
    cer, key = pair(authority, hospital)
    match name:
        case "swapped":
            return key, cer, PASSWORD
        case "password":
            return cer, key, "otra"
        case "fiel":
            return *pair(authority, hospital, kind="FIEL"), PASSWORD
        case "expired":
            past = make.now() - dt.timedelta(days=5)
            return *pair(authority, hospital, not_before=past - dt.timedelta(days=9), not_after=past), PASSWORD
        case "rfc":
            return *pair(authority, hospital, rfc="SCE050620LQ5"), PASSWORD
        case "empty":
            return b"", key, PASSWORD
        case "pem":
            return b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", key, PASSWORD
        case "mixed":
            return cer, pair(authority, hospital)[1], PASSWORD
        case "large":
            return cer + b"\0" * 11_000, key, PASSWORD
    raise AssertionError(name)


@pytest.mark.parametrize(
    ("name", "field", "words"),
    [
        ("swapped", "cer", "intercambiados"),
        ("password", "password", "contraseña"),
        ("fiel", "cer", "e.firma"),
        ("expired", "cer", "venció"),
        ("rfc", "cer", "SCE050620LQ5"),
        ("empty", "cer", "vacío"),
        ("pem", "cer", "PEM"),
        ("mixed", "key", "no es la de este certificado"),
        ("large", "cer", "no pasan de"),
    ],
)
def test_wrong_files_are_told_by_their_field(
    admin: Person, hospital: Hospital, trusted: Any, name: str, field: str, words: str
) -> None:
    cer, key, password = spoilt(name, trusted, hospital)

    response = upload(admin, hospital, cer, key, password)

    assert response.status_code == 422
    errors = response.context["csd_form"].errors
    assert field in errors
    assert words.lower() in " ".join(errors[field]).lower()
    assert not StoredCsd.objects.exists()
    assert password not in response.content.decode()


def test_certificate_of_an_unknown_authority_is_refused(
    admin: Person, hospital: Hospital, trusted: Any, tmp_path: Any
) -> None:
    from emite.pac.sandbox.authority import TestAuthority

    response = upload(admin, hospital, *pair(TestAuthority.open(tmp_path), hospital))

    assert response.status_code == 422
    assert "no lo expidió" in said(response)
    assert not StoredCsd.objects.exists()


def test_fifty_megabytes_are_refused_before_they_are_read(admin: Person, hospital: Hospital) -> None:
    class Unread:
        def read(self, *args: Any) -> bytes:
            raise AssertionError("se leyó el cuerpo")

    from django.test import RequestFactory

    from emite.web.desk.issuer import upload as view

    request = RequestFactory().post("/", b"", content_type="multipart/form-data; boundary=x")
    request.META["CONTENT_LENGTH"] = str(50 * 2**20)
    request.META["wsgi.input"] = request._stream = Unread()  # type: ignore[attr-defined]

    assert view(request, pk=hospital.issuer.pk).status_code == 413


def test_the_upload_still_needs_its_token(hospital: Hospital) -> None:
    from django.test import Client

    client = Client(enforce_csrf_checks=True, HTTP_HOST="127.0.0.1")
    client.force_login(hospital.admin)

    assert client.post(reverse("desk:csd", args=[hospital.issuer.pk]), {"password": "x"}).status_code == 403


def test_fiscal_data_is_corrected_and_audited(admin: Person, hospital: Hospital) -> None:
    typed = {**DATA, "nombre": " Hospital  San Telmo del Sur ", "lugar_expedicion": "22000"}
    asked = admin.post("issuer", **typed)
    assert (asked.status_code, "diga si se mudaron" in asked.content.decode()) == (422, True)
    admin.post("issuer", **typed, moved="mudanza")

    issuer = Issuer.objects.get()
    assert (issuer.nombre, issuer.lugar_expedicion, issuer.rfc) == (
        "HOSPITAL SAN TELMO DEL SUR",
        "22000",
        make.HOSPITAL_RFC,
    )
    event = audited(hospital.organization, "issuer.change")[0]
    assert (event.before["lugar_expedicion"], event.after["lugar_expedicion"]) == ("06700", "22000")
    assert event.after["former_places"] == ["06700"]


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"nombre": ""}, "Escriba el nombre"),
        ({"nombre": "A|B"}, "no puede llevar |"),
        ({"regimen_fiscal": "605"}, "no es una de las opciones"),
        ({"postal_code": "00009"}, "00009"),
        ({"lugar_expedicion": "abc"}, "abc"),
    ],
)
def test_bad_fiscal_data_is_told(admin: Person, typed: dict[str, str], words: str) -> None:
    response = admin.post("issuer", **{**DATA, **typed})

    assert response.status_code == 422
    assert words in said(response) or words in response.content.decode()
    assert Issuer.objects.get().nombre == "HOSPITAL SAN TELMO"


def test_first_issuer_gets_its_series(db: None, settings: Any) -> None:
    settings.EMITE_DEMO = True  # nobody has a second step yet
    bare = Organization.objects.create(slug="nuevo", name="Nuevo", kind="hospital", postal_code="06700")
    admin = member(bare, Membership.Role.ADMINISTRADOR)

    assert admin.post("issuer", **DATA, rfc="XAXX010101000", serie="R").status_code == 422
    assert admin.post("issuer", **DATA, rfc=make.HOSPITAL_RFC, serie="con espacio").status_code == 422
    assert admin.post("issuer", **DATA, rfc=make.HOSPITAL_RFC.lower(), serie="r").status_code == 302

    assert Issuer.objects.get().rfc == make.HOSPITAL_RFC
    assert Series.objects.get().name == "R"
    assert len(audited(bare, "issuer.create")) == 1
