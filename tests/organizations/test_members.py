"""People: invitations that work once, the last administrator, sessions that end at once."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.test import Client

from emite.accounts import posting
from emite.accounts.models import Letter, User
from emite.organizations import members
from emite.organizations.models import Invitation, Membership
from emite.organizations.refusals import NotAllowed, SetupRefused
from tests import make

pytestmark = pytest.mark.django_db
PASSWORD = "una clave de prueba larga"


@pytest.fixture
def hospital() -> make.Hospital:
    return make.hospital()


def invite(hospital: make.Hospital, email: str = "eva@santelmo.test", **over: object) -> str:
    """The token in the mail."""
    words = {"role": "cajero", "can_issue": False, "by": hospital.admin, "now": make.now(), **over}
    members.invite(hospital.organization, email=email, **words)  # type: ignore[arg-type]
    return last_token()


def last_token() -> str:
    letter = Letter.objects.latest("created_at", "pk")
    found = re.search(r"/entrar/invitacion/([^/]+)/", posting._message(letter).body)
    assert found
    return found[1]


def test_an_invitation_works_once(hospital: make.Hospital) -> None:
    token = invite(hospital, " Eva@SanTelmo.test ", role="facturador", can_issue=True)

    assert token.encode() not in bytes(Invitation.objects.get().token_hash)
    with pytest.raises(ValidationError):
        members.accept(token, name="Eva", password="corta", now=make.now())
    eva = members.accept(token, name=" Eva  Luna ", password=PASSWORD, now=make.now())
    row = Membership.objects.get(user=eva)
    assert (eva.email, eva.name, row.role, row.can_issue) == ("eva@santelmo.test", "Eva Luna", "facturador", True)
    with pytest.raises(SetupRefused, match="ya se usó"):
        members.accept(token, name="Otra", password=PASSWORD, now=make.now())


def test_an_invitation_dies_of_age_of_resending_and_of_revoking(hospital: make.Hospital) -> None:
    old = invite(hospital)
    assert members.invitation_of(old, now=make.now() + members.INVITATION_LIFE) is None
    pk = Invitation.objects.get(revoked_at=None).pk
    members.resend(hospital.organization, pk, by=hospital.admin, now=make.now())
    fresh = last_token()
    assert members.invitation_of(old, now=make.now()) is None
    found = members.invitation_of(fresh, now=make.now())
    assert found is not None
    members.revoke(hospital.organization, found.pk, by=hospital.admin, now=make.now())
    assert members.invitation_of(fresh, now=make.now()) is None


def test_somebody_with_an_account_proves_it(hospital: make.Hospital) -> None:
    other = make.hospital()
    other.cashier.set_password(PASSWORD)
    other.cashier.save()
    token = invite(hospital, other.cashier.email)

    with pytest.raises(SetupRefused, match="contraseña"):
        members.accept(token, name="", password="no es esa clave", now=make.now())
    assert members.accept(token, name="Otro nombre", password=PASSWORD, now=make.now()) == other.cashier
    other.cashier.refresh_from_db()
    assert other.cashier.name == "Carmen"
    assert other.cashier.memberships.count() == 2


def test_the_last_administrator_stays(hospital: make.Hospital) -> None:
    row = Membership.objects.get(user=hospital.admin)
    for act in (
        lambda: members.deactivate(hospital.organization, row.pk, by=hospital.admin, now=make.now()),
        lambda: members.change(
            hospital.organization, row.pk, role="cajero", can_issue=False, by=hospital.admin, now=make.now()
        ),
    ):
        with pytest.raises(SetupRefused, match="último administrador"):
            act()
    for change in (
        lambda: Membership.objects.filter(pk=row.pk).update(role="consulta"),
        lambda: Membership.objects.filter(pk=row.pk).update(deactivated_at=make.now()),
        Membership.objects.filter(pk=row.pk).delete,
    ):
        with pytest.raises(IntegrityError, match="last administrator"), transaction.atomic():
            change()


@pytest.mark.parametrize("leaves", [True, False])
def test_who_administers_no_more_leaves_no_invitation_open(hospital: make.Hospital, leaves: bool) -> None:
    other = Membership.objects.get(user=hospital.biller)
    members.change(
        hospital.organization, other.pk, role="administrador", can_issue=True, by=hospital.admin, now=make.now()
    )
    token = invite(hospital, "yo-mismo@fuera.test", role="administrador")
    leaver = Membership.objects.get(user=hospital.admin)
    if leaves:
        members.deactivate(hospital.organization, leaver.pk, by=hospital.biller, now=make.now())
    else:
        members.change(
            hospital.organization, leaver.pk, role="consulta", can_issue=False, by=hospital.biller, now=make.now()
        )
    with pytest.raises(members.SetupRefused):
        members.accept(token, name="Otra vez", password=PASSWORD, now=make.now())


def test_whoever_leaves_is_out_at_once_and_may_come_back(hospital: make.Hospital) -> None:
    client = Client(HTTP_HOST="127.0.0.1")
    client.force_login(hospital.cashier)
    assert client.get("/caja/").status_code == 200
    row = Membership.objects.get(user=hospital.cashier)

    members.deactivate(hospital.organization, row.pk, by=hospital.admin, now=make.now())

    assert client.get("/caja/")["Location"].startswith("/entrar/")
    hospital.cashier.set_password(PASSWORD)
    hospital.cashier.save(update_fields=["password"])
    token = invite(hospital, hospital.cashier.email, role="consulta")
    members.accept(token, name="", password=PASSWORD, now=make.now())
    row.refresh_from_db()
    assert (row.deactivated_at, row.role) == (None, "consulta")


def test_only_administrators_and_support_touch_people(hospital: make.Hospital) -> None:
    row, stranger = Membership.objects.get(user=hospital.cashier), make.hospital().admin
    for by in (hospital.biller, stranger):
        with pytest.raises(NotAllowed):
            invite(hospital, by=by)
        with pytest.raises(NotAllowed):
            members.deactivate(hospital.organization, row.pk, by=by, now=make.now())
    invite(hospital, by=make.user("Oscar", is_operator=True))
    with pytest.raises(SetupRefused, match="ya no es de esta"):
        members.deactivate(stranger.memberships.get().organization, row.pk, by=stranger, now=make.now())


def test_a_letter_is_sealed_sent_once_and_forgotten(hospital: make.Hospital, mailoutbox: list[object]) -> None:
    token = invite(hospital)
    letter = Letter.objects.get()
    assert token.encode() not in bytes(letter.sealed_words)

    assert posting.deliver(letter.pk, now=letter.created_at)
    assert not posting.deliver(letter.pk, now=letter.created_at + dt.timedelta(hours=1))
    letter.refresh_from_db()
    assert (bytes(letter.sealed_words), letter.next_at) == (b"", None)
    assert len(mailoutbox) == 1
    assert "San Telmo" in mailoutbox[0].subject  # type: ignore[attr-defined]
    assert User.objects.filter(email="eva@santelmo.test").count() == 0
