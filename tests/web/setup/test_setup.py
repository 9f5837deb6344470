"""The administrator's screens and support's: who opens them, what they say, what they write."""

from __future__ import annotations

import argparse
import csv
import datetime as dt
import io
import itertools
import json
import re
import uuid
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from emite.accounts import second_step
from emite.accounts.models import Letter
from emite.alarms import telling
from emite.alarms.finding import Found
from emite.alarms.models import Kind
from emite.audit import verify_chain
from emite.audit.models import AuditEvent
from emite.care import paying_parties
from emite.care.models import Payer
from emite.database.trouble import Trouble
from emite.issuers.models import PacAccount
from emite.ops import organization
from emite.organizations import members, portal
from emite.organizations.models import Membership, Organization, PortalActivation, PortalLink
from emite.web import desk
from emite.web.access import PROVED
from emite.web.desk.helping import HELP
from emite.web.desk.templatetags.desk_shell import CONFIGURATION
from emite.web.setup import readiness
from emite.web.setup.urls import urlpatterns as setup_patterns
from emite.web.support.urls import urlpatterns as support_patterns
from tests import make
from tests import practice as stand
from tests.make import Hospital
from tests.organizations.test_members import last_token
from tests.web.desk.staff import Person, audited, member, said

pytestmark = pytest.mark.django_db
PASSWORD = "una clave de prueba larga"


@pytest.fixture
def hospital() -> Hospital:
    return make.hospital()


@pytest.fixture
def admin(hospital: Hospital) -> Person:
    return Person(hospital.admin)


@pytest.fixture
def support() -> Person:
    person = Person(make.user("Oscar", is_operator=True))
    prove(person)
    return person


def prove(person: Person) -> None:
    session = person.client.session
    session[PROVED] = True
    session.save()


def address(name: str, hospital: Hospital, *, of: str) -> str:
    row = Membership.objects.get(user=hospital.cashier).pk
    activation = PortalActivation.objects.filter(organization=hospital.organization).first()
    words: dict[str, Any] = {"log_export": ["csv"], "activation": [activation.pk] if of == "support" else [],
                              "receiving": [hospital.organization.pk]}  # fmt: skip
    if name.startswith("person"):
        return reverse(f"{of}:{name}", args=[row])
    if name.startswith("invitation"):
        return reverse(f"{of}:{name}", args=[uuid.uuid4()])
    return reverse(f"{of}:{name}", args=words.get(name, []))


@pytest.mark.parametrize("who", ["biller", "cashier", "consulta"])
def test_nobody_but_administrators_configures(hospital: Hospital, who: str) -> None:
    person = member(hospital.organization, "consulta") if who == "consulta" else Person(getattr(hospital, who))
    before = AuditEvent.objects.count()

    for pattern in setup_patterns:
        page = address(pattern.name or "", hospital, of="setup")
        got = {person.client.get(page).status_code, person.client.post(page).status_code}
        if who == "biller" and pattern.name in ("link", "link_revoke"):
            assert 403 not in got
        else:
            assert 403 in got, pattern.name
            assert got <= {403, 405}, pattern.name
    assert AuditEvent.objects.count() == before + (who == "biller")


def test_support_is_only_for_operators_past_their_second_step(hospital: Hospital, admin: Person) -> None:
    unproved = Person(make.user("Oscar", is_operator=True))
    for pattern in support_patterns:
        page = address(pattern.name or "", hospital, of="support")
        assert admin.client.get(page).status_code == 403, pattern.name
        assert Person().client.get(page)["Location"].startswith("/entrar/"), pattern.name
        assert unproved.client.get(page)["Location"].startswith("/entrar/segundo-paso/"), pattern.name


def test_an_administrator_of_a_real_pac_must_set_up_the_second_step(hospital: Hospital, admin: Person) -> None:
    page = said(admin.client.get("/caja/configuracion/"))
    assert "Su segundo paso está pendiente" in page
    PacAccount.objects.filter(organization=hospital.organization).update(provider="sw")

    for name in ("home", "issuer", "csd"):
        args = [hospital.issuer.pk] if name == "csd" else []
        sent = admin.client.post(reverse(f"desk:{name}", args=args)) if args else admin.get(name)
        assert sent["Location"].startswith("/entrar/segundo-paso/"), name
    assert Person(hospital.cashier).get("home").status_code == 200
    from tests.accounts.test_second_step import digits

    shown = admin.client.get("/entrar/segundo-paso/?siguiente=/caja/emisor/")
    assert "<svg" in shown.content.decode()
    done = admin.client.post("/entrar/segundo-paso/", {"code": digits(hospital.admin, make.now())})
    assert "Guarde sus códigos de recuperación" in said(done)
    assert admin.get("issuer").status_code == 200
    assert audited_installation("second_step.set") == [hospital.admin.email]


def audited_installation(action: str) -> list[str]:
    return list(
        AuditEvent.objects.filter(organization_id=uuid.UUID(int=0), action=action).values_list("actor", flat=True)
    )


def test_the_code_is_asked_after_the_password(hospital: Hospital) -> None:
    from tests.accounts.test_second_step import digits

    user, client = hospital.admin, Client(HTTP_HOST="127.0.0.1")
    user.set_password(PASSWORD)
    user.save()
    second_step.start(user)
    now = make.now()
    codes = second_step.confirm(user, digits(user, now), now=now)
    assert codes

    asked = client.post("/entrar/", {"email": user.email, "password": PASSWORD, "siguiente": "/caja/cajas/"})
    assert asked["Location"] == "/entrar/codigo/"
    assert client.get("/caja/")["Location"].startswith("/entrar/")
    wrong = client.post("/entrar/codigo/", {"code": "000000"})
    assert (wrong.status_code, "no es correcto" in said(wrong)) == (422, True)
    again = client.post("/entrar/codigo/", {"code": digits(user, now)})
    assert again.status_code == 422
    opened = client.post("/entrar/codigo/", {"code": codes[0]})
    assert opened["Location"] == "/caja/cajas/"
    assert client.get("/caja/cajas/").status_code == 200


def test_a_log_in_half_done_ends_with_its_password(hospital: Hospital) -> None:
    from tests.accounts.test_second_step import digits

    user, client = hospital.admin, Client(HTTP_HOST="127.0.0.1")
    user.set_password(PASSWORD)
    user.save()
    second_step.start(user)
    codes = second_step.confirm(user, digits(user, make.now()), now=make.now())
    assert client.post("/entrar/", {"email": user.email, "password": PASSWORD})["Location"] == "/entrar/codigo/"
    user.set_password("otra clave de prueba larga")
    user.save()

    late = client.post("/entrar/codigo/", {"code": codes[0]})

    assert late["Location"].startswith("/entrar/")
    assert client.get("/caja/")["Location"].startswith("/entrar/")


def test_the_list_says_what_is_missing_and_where(hospital: Hospital, admin: Person) -> None:
    page = said(admin.client.get("/caja/configuracion/"))
    for words in ("Falta el certificado", "PAC de pruebas", "Portal vinculado", "Facturación web", "lista de precios"):
        assert words.lower() in page.lower(), words
    PortalLink.objects.update(revoked_at=make.now())
    Membership.objects.update(can_issue=False)
    PacAccount.objects.update(active=False)
    with_real = Client(HTTP_HOST="127.0.0.1")
    with_real.force_login(hospital.admin)
    session = with_real.session
    session[PROVED] = True
    session.save()
    page = with_real.get("/caja/configuracion/").content.decode()
    for words in (
        "Falta el vínculo",
        "la factura global no se emite sola",
        "Falta el usuario facturador",
        "Falta la cuenta del PAC",
    ):
        assert words in page
    assert 'href="/caja/configuracion/vinculo/"' in page
    assert "Falta el usuario facturador" in with_real.get("/caja/").content.decode()


def test_asking_answering_and_linking_over_the_screens(hospital: Hospital, admin: Person, support: Person) -> None:
    organization = Organization.objects.create(slug="otro", name="Hospital Otro", kind="hospital", postal_code="06700")
    for user, role, can_issue in ((hospital.admin, "administrador", False), (hospital.biller, "facturador", True)):
        Membership.objects.filter(user=user).exclude(role="administrador").delete()
        Membership.objects.create(organization=organization, user=user, role=role, can_issue=can_issue)
    hospital.biller.set_password(PASSWORD)
    hospital.biller.save()
    choose(admin, organization)
    prove(admin)
    biller = Person(hospital.biller)

    link = {"organization_id": str(organization.pk), "password": PASSWORD}
    early = biller.client.post("/caja/configuracion/vinculo/", link)
    assert early.status_code == 422
    admin.client.post("/caja/configuracion/activacion/", {"note": "Ya firmamos"})
    assert admin.client.post("/caja/configuracion/activacion/").status_code == 422
    asked = PortalActivation.objects.get(organization=organization)
    page = reverse("support:activation", args=[asked.pk])
    assert "Ya firmamos" in said(support.client.get(page))
    assert support.client.post(page, {"decision": "rechazar"}).status_code == 422
    assert support.client.post(page, {"decision": "aprobar"}).status_code == 302
    for spoiled in ({"password": "otra"}, {"organization_id": str(hospital.organization.pk)}):
        assert biller.client.post("/caja/configuracion/vinculo/", link | spoiled).status_code == 422
    assert biller.client.post("/caja/configuracion/vinculo/", link).status_code == 302
    assert portal.link_of(organization).user == hospital.biller  # type: ignore[union-attr]
    assert admin.client.post("/caja/configuracion/vinculo/quitar/").status_code == 302
    assert portal.link_of(organization) is None
    assert "por Berta" not in said(admin.client.get("/caja/configuracion/vinculo/"))
    assert not any(PASSWORD in str(row) for row in AuditEvent.objects.values())


def choose(person: Person, organization: Organization) -> None:
    person.client.post("/entrar/organizacion/", {"organizacion": str(organization.pk)})


def test_people_are_invited_changed_and_dismissed(hospital: Hospital, admin: Person) -> None:
    sent = admin.client.post(
        "/caja/configuracion/personas/", {"email": "eva@santelmo.test", "role": "facturador", "can_issue": "on"}
    )
    assert "Invitación enviada a eva@santelmo.test" in said(admin.follow(sent))
    eva = Client(HTTP_HOST="127.0.0.1")
    at = eva.get(f"/entrar/invitacion/{last_token()}/")
    assert at["Location"] == "/entrar/invitacion/"
    assert eva.post("/entrar/invitacion/", {"name": "Eva", "password": "123"}).status_code == 422
    assert eva.post("/entrar/invitacion/", {"name": "Eva", "password": PASSWORD}).status_code == 302
    assert eva.get("/entrar/invitacion/").status_code == 410
    assert eva.post("/entrar/", {"email": "eva@santelmo.test", "password": PASSWORD})["Location"] == "/caja/"
    row = Membership.objects.get(user__email="eva@santelmo.test")
    page = reverse("setup:person", args=[row.pk])
    assert admin.client.post(page, {"role": "consulta", "can_issue": "on"}).status_code == 422
    assert admin.client.post(page, {"role": "cajero"}).status_code == 302
    admin.client.post(reverse("setup:person_deactivate", args=[row.pk]))
    assert eva.get("/caja/")["Location"].startswith("/entrar/")
    own = Membership.objects.get(user=hospital.admin)
    elsewhere = Membership.objects.get(user=make.hospital().cashier)
    assert admin.client.post(reverse("setup:person_deactivate", args=[elsewhere.pk])).status_code == 404
    refused = admin.client.post(reverse("setup:person_deactivate", args=[own.pk]))
    assert "último administrador" in said(admin.follow(refused))
    acts = [
        action
        for action in ("invite", "join", "change", "deactivate")
        if audited(hospital.organization, f"member.{action}")
    ]
    assert acts == ["invite", "join", "change", "deactivate"]


def test_a_forgotten_password_is_answered_alike(hospital: Hospital) -> None:
    client, other = Client(HTTP_HOST="127.0.0.1"), Person(hospital.cashier)
    known = said(client.post("/entrar/contrasena/", {"email": hospital.cashier.email}))
    unknown = said(client.post("/entrar/contrasena/", {"email": "nadie@santelmo.test"}))
    assert known.replace(hospital.cashier.email, "") == unknown.replace("nadie@santelmo.test", "")
    from emite.accounts import posting

    body = posting._message(Letter.objects.get()).body
    way = next(line for line in body.splitlines() if "/entrar/contrasena/" in line).partition("8000")[2]
    assert client.get(way)["Location"] == "/entrar/contrasena/nueva/"
    assert client.post("/entrar/contrasena/nueva/", {"password": "12345"}).status_code == 422
    assert client.post("/entrar/contrasena/nueva/", {"password": PASSWORD}).status_code == 302
    assert client.get(way).status_code == 302
    assert client.get("/entrar/contrasena/nueva/").status_code == 410
    assert other.get("home")["Location"].startswith("/entrar/")


def test_the_log_is_read_taken_away_and_proved(hospital: Hospital, admin: Person, support: Person) -> None:
    admin.post("registers", name="=1+1")
    page = said(admin.client.get("/caja/configuracion/bitacora/?quien=alma&que=register.create"))
    assert "Agregó una caja nombre: =1+1 facturación web: no" in page
    assert "No hay renglones" in said(admin.client.get("/caja/configuracion/bitacora/?hasta=2020-01-01"))
    assert "No se entiende" in said(admin.client.get("/caja/configuracion/bitacora/?desde=ayer"))
    text = b"".join(admin.client.get("/caja/configuracion/bitacora/jsonl").streaming_content).decode()
    rows = [json.loads(line) for line in text.splitlines()]
    assert [row["position"] for row in rows] == list(range(1, len(rows) + 1))
    assert all(row["prev_hash"] == before["hash"] for before, row in itertools.pairwise(rows))
    sheet = b"".join(admin.client.get("/caja/configuracion/bitacora/csv").streaming_content).decode("utf-8-sig")
    assert len(list(csv.DictReader(io.StringIO(sheet)))) == len(rows) + 1
    assert "completa" in said(admin.follow(admin.client.post("/caja/configuracion/bitacora/verificar/")))
    assert verify_chain(hospital.organization.pk) == []
    for other in (make.hospital().organization.pk, "instalacion"):
        assert support.client.get(f"/soporte/bitacora/?de={other}").status_code == 200
    assert "Agregó una caja" in said(support.client.get(f"/soporte/bitacora/?de={hospital.organization.pk}"))
    assert support.client.get("/soporte/bitacora/?de=nada").status_code == 404


def test_the_alarms_of_one_and_of_all(hospital: Hospital, admin: Person, support: Person) -> None:
    organization = hospital.organization.pk
    telling.settle([Found(kind=Kind.HELD, words="2 CFDI detenidos.", organization=organization)], make.now())
    assert "CFDI detenidos 2 CFDI detenidos." in said(admin.client.get("/caja/configuracion/avisos/"))
    seen = said(support.client.get("/soporte/avisos/"))
    assert f"{hospital.organization.name} CFDI detenidos" in seen
    telling.settle([Found(kind=Kind.DISK, words="Queda poco disco.")], make.now() + dt.timedelta(hours=1))
    assert "Nada necesita a nadie. Resueltos" in said(admin.client.get("/caja/configuracion/avisos/"))
    assert "La instalación Disco casi lleno" in said(support.client.get("/soporte/avisos/"))


def test_support_founds_an_organization(support: Person) -> None:
    data = {
        "kind": "hospital", "name": "Clínica Luz", "slug": "Luz", "postal_code": "06700",
        "administrator": "luz@clinica.test",
    }  # fmt: skip
    assert support.client.post("/soporte/organizaciones/", data | {"postal_code": "abcde"}).status_code == 422
    assert support.client.post("/soporte/organizaciones/", data).status_code == 302
    assert support.client.post("/soporte/organizaciones/", data).status_code == 422
    made = Organization.objects.get(slug="luz")
    assert (made.portal_is_on(), Letter.objects.get().address) == (False, "luz@clinica.test")
    assert [event.action for event in AuditEvent.objects.filter(organization_id=made.pk).order_by("position")] == [
        "organization.create", "member.invite",
    ]  # fmt: skip


def test_a_practice_and_its_insurer_begin_outside_the_demo(support: Person) -> None:
    """The physician accepts the invitation and reads what lacks; the insurer receives what its RFC is invoiced."""
    data = {
        "kind": "practice", "name": "Consultorio Luz", "slug": "luz", "postal_code": "06700",
        "administrator": "luz@clinica.test",
    }  # fmt: skip
    assert support.client.post("/soporte/organizaciones/", data | {"kind": "circo"}).status_code == 422
    assert support.client.post("/soporte/organizaciones/", data).status_code == 302
    practice = Organization.objects.get(slug="luz")
    luz = members.accept(last_token(), name="Luz Vela", password=PASSWORD, now=make.now())
    physician = Person(luz)
    prove(physician)
    assert Membership.objects.get(organization=practice).can_issue
    listed = said(physician.client.get("/caja/configuracion/", follow=True))
    for lacking in ("Falta el RFC", "Faltan los médicos", "Faltan las aseguradoras", "Falta la caja"):
        assert lacking in listed
    issuer = stand.practice().issuer
    ready = {point.title: point for point in readiness.points(issuer.organization, make.now())}
    assert ready["Falta el certificado"].address == reverse("practice:key", args=[issuer.pk])
    assert {"Datos fiscales", "Manifiesto", "Vinculación de servicios", "Médicos", "Aseguradoras"} < ready.keys()

    told = argparse.Namespace(
        action="add", slug="ceiba", kind="aseguradora", name="La Ceiba", postal_code="64000",
        administrator="irma@ceiba.test", by=None,
    )  # fmt: skip
    for name, wrong in (
        ("name", " "), ("name", "x" * 121), ("slug", "x" * 41), ("slug", "a b"), ("administrator", "irma"),
        ("postal_code", "abcde"),
    ):  # fmt: skip
        with pytest.raises(Trouble):
            organization.act(argparse.Namespace(**(vars(told) | {name: wrong})), make.now())
    assert "Aseguradora" in organization.act(told, make.now())[0]
    insurer = Organization.objects.get(slug="ceiba")
    page = f"/soporte/organizaciones/{insurer.pk}/"
    assert support.client.post(page, {"rfc": "XXX"}).status_code == 422
    assert support.client.post(page, {"rfc": "sce050620lq5"}).status_code == 302
    assert Payer.objects.get(organization=issuer.organization).account_id == insurer.pk
    fields = {name: getattr(Payer.objects.get(), name) for name in paying_parties.PAYER}
    assert paying_parties.keep_payer(practice, fields, payer=None, user=luz, now=make.now()).account_id == insurer.pk
    told = argparse.Namespace(action="receives", slug="luz", rfc="SCE050620LQ5", by=None)
    with pytest.raises(Trouble, match="no es aseguradora"):
        organization.act(told, make.now())
    assert support.client.post(page, {"quitar": "SCE\x00"}).status_code == 422
    assert support.client.post(page, {"quitar": "SCE050620LQ5"}).status_code == 302
    assert not Payer.objects.exclude(account=None).exists()
    assert support.client.get(f"/soporte/organizaciones/{practice.pk}/").status_code == 404


def test_every_section_of_the_desk_has_help() -> None:
    folder = Path(desk.__file__).parent
    named = {name for file in folder.glob("*.py") for name in re.findall(r'"section": "([a-z-]+)"', file.read_text())}
    assert len(named) > 8
    assert named <= set(HELP)


def test_every_page_of_the_configuration_has_help(admin: Person) -> None:
    for section, name, _ in CONFIGURATION:
        assert section in HELP
        page = said(admin.client.get(reverse(name)))
        assert "Ayuda de esta página" in page, section
        assert HELP[section][0] in page, section
