"""The portal's bond: who may ask, answer, link and revoke; what stops when the billing user may issue no more."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, transaction

from emite.accounts.models import Letter, User
from emite.audit.models import AuditEvent
from emite.documents.models import FiscalDocument, State
from emite.invoices import stamping
from emite.invoices.issuing import Request, issue, may_issue
from emite.organizations import members, portal
from emite.organizations.models import Membership, Organization, PortalActivation, PortalLink
from emite.organizations.portal import PortalState
from emite.organizations.refusals import NotAllowed, SetupRefused
from tests import make

pytestmark = pytest.mark.django_db


@pytest.fixture
def support() -> User:
    return make.user("Oscar", is_operator=True)


@pytest.fixture
def bare() -> make.Hospital:
    """San Telmo before anybody asked for its portal."""
    made = make.hospital()
    organization = Organization.objects.create(
        slug="nuevo", name="Hospital Nuevo", kind="hospital", postal_code="06700", portal_days=3
    )
    for user, role, can_issue in ((made.admin, "administrador", False), (made.biller, "facturador", True)):
        Membership.objects.create(organization=organization, user=user, role=role, can_issue=can_issue)
    made.organization = organization
    return made


def acts(organization: Organization) -> list[str]:
    return list(
        AuditEvent.objects.filter(organization_id=organization.pk).order_by("position").values_list("action", flat=True)
    )


def test_the_whole_way_from_off_to_on(bare: make.Hospital, support: User) -> None:
    hospital, now = bare.organization, make.now()
    seen = [portal.state_of(hospital)]

    asked = portal.ask_activation(hospital, by=bare.admin, note="Ya firmamos", now=now)
    seen.append(portal.state_of(hospital))
    portal.decide(asked.pk, portal.State.REFUSED, by=support, reason="Falta el contrato", now=now)
    seen.append(portal.state_of(hospital))
    again = portal.ask_activation(hospital, by=bare.admin, note="", now=now)
    portal.decide(again.pk, portal.State.APPROVED, by=support, reason="", now=now)
    seen.append(portal.state_of(hospital))
    assert not hospital.portal_is_on()
    portal.link(hospital, user=bare.biller, now=now)
    seen.append(portal.state_of(hospital))
    assert hospital.portal_is_on()

    assert seen == [
        PortalState.NOT_ASKED, PortalState.WAITING, PortalState.REFUSED, PortalState.NOT_LINKED, PortalState.ON,
    ]  # fmt: skip
    assert acts(hospital) == [
        "portal.activation_ask", "portal.activation_refused", "portal.activation_ask",
        "portal.activation_approved", "portal.link",
    ]  # fmt: skip
    # Each side hears of the other by mail.
    told = list(Letter.objects.order_by("created_at", "pk").values_list("address", flat=True))
    assert sorted(told) == sorted([support.email, bare.admin.email] * 2)
    portal.decide(again.pk, portal.State.SUSPENDED, by=support, reason="Lo pidió el hospital", now=now)
    assert portal.state_of(hospital) is PortalState.SUSPENDED
    assert not hospital.portal_is_on()
    assert may_issue(bare.biller, hospital.pk)


def test_who_may_not(bare: make.Hospital, support: User) -> None:
    hospital, now = bare.organization, make.now()
    with pytest.raises(NotAllowed):
        portal.ask_activation(hospital, by=bare.biller, note="", now=now)
    asked = portal.ask_activation(hospital, by=bare.admin, note="", now=now)
    with pytest.raises(SetupRefused, match="ya está solicitada"):
        portal.ask_activation(hospital, by=bare.admin, note="", now=now)
    with pytest.raises(NotAllowed):
        portal.decide(asked.pk, portal.State.APPROVED, by=bare.admin, reason="", now=now)
    with pytest.raises(SetupRefused, match="motivo"):
        portal.decide(asked.pk, portal.State.REFUSED, by=support, reason="  ", now=now)
    with pytest.raises(SetupRefused, match="todavía no está activo"):
        portal.link(hospital, user=bare.biller, now=now)
    with pytest.raises(NotAllowed):
        portal.link(hospital, user=bare.admin, now=now)
    portal.decide(asked.pk, portal.State.APPROVED, by=support, reason="", now=now)
    with pytest.raises(SetupRefused, match="ya la resolvió"):
        portal.decide(asked.pk, portal.State.REFUSED, by=support, reason="tarde", now=now)


def test_the_link_keeps_no_credential_and_its_history_stays(bare: make.Hospital) -> None:
    kept = {field.name for field in PortalLink._meta.get_fields()}
    assert kept == {"id", "organization", "user", "linked_at", "revoked_at", "revoked_by"}
    link = PortalLink.objects.get()
    assert portal.revoke_link(link.organization, by=bare.admin, now=make.now())
    assert not portal.revoke_link(link.organization, by=bare.admin, now=make.now())
    for change in (lambda: PortalLink.objects.update(revoked_at=None), PortalLink.objects.all().delete):
        with pytest.raises(IntegrityError), transaction.atomic():
            change()
    with pytest.raises(IntegrityError), transaction.atomic():
        PortalActivation.objects.all().delete()


@pytest.mark.parametrize("how", ["permission", "role", "left", "closed", "revoked"])
def test_a_lost_billing_user_stops_the_portal_and_what_it_had_taken_waits(how: str, support: User) -> None:
    hospital = make.hospital()
    charge, now = make.paid_charge(hospital), make.now()
    asked = Request(receptor=make.receptor())
    document = issue(
        charge, asked, channel=FiscalDocument.Channel.PORTAL, user=hospital.biller, now=now, idempotency_key="uno"
    )
    row = Membership.objects.get(organization=hospital.organization, user=hospital.biller)
    lose: dict[str, Any] = {
        "permission": lambda: members.change(
            hospital.organization, row.pk, role="facturador", can_issue=False, by=hospital.admin, now=now
        ),
        "role": lambda: Membership.objects.filter(pk=row.pk).update(role="consulta"),
        "left": lambda: members.deactivate(hospital.organization, row.pk, by=hospital.admin, now=now),
        "closed": lambda: User.objects.filter(pk=hospital.biller.pk).update(is_active=False),
        "revoked": lambda: portal.revoke_link(hospital.organization, by=hospital.admin, now=now),
    }
    lose[how]()

    assert not hospital.organization.portal_is_on()
    wanted = PortalState.NOT_LINKED if how == "revoked" else PortalState.USER_LOST
    assert portal.state_of(hospital.organization) is wanted
    assert may_issue(hospital.biller, hospital.organization.pk) is (how == "revoked")
    FiscalDocument.objects.filter(pk=document.pk).update(next_at=now)
    stamping.drive(document.pk, owner="prueba", clock=make.now)
    document.refresh_from_db()
    assert document.state == State.DRAFT
    assert "espera en la cola" in document.last_text
    assert document.next_at is not None
