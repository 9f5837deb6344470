"""The portal's bond with an organization: asked for, answered by support, linked once by the billing user, revoked.

Whether it may issue right now is `Organization.portal_is_on`; why not is said here.
"""

from __future__ import annotations

import datetime as dt
import uuid
from enum import StrEnum

from django.conf import settings
from django.db import transaction
from django.urls import reverse

from emite.accounts.models import User
from emite.accounts.posting import post
from emite.audit import record
from emite.organizations.models import Membership, Organization, PortalActivation, PortalLink
from emite.organizations.permissions import Need
from emite.organizations.refusals import NotAllowed, SetupRefused

State = PortalActivation.State


class PortalState(StrEnum):
    """The first thing that keeps the portal off, in the order in which people mend it."""

    NOT_ASKED = "not_asked"
    WAITING = "waiting"
    REFUSED = "refused"
    SUSPENDED = "suspended"
    NOT_LINKED = "not_linked"
    USER_LOST = "user_lost"
    NO_DAYS = "no_days"
    ON = "on"


_BEFORE_APPROVAL = {
    State.REQUESTED: PortalState.WAITING,
    State.REFUSED: PortalState.REFUSED,
    State.SUSPENDED: PortalState.SUSPENDED,
}


def activation_of(organization: Organization) -> PortalActivation | None:
    """The latest request and its answer."""
    rows = PortalActivation.objects.select_related("asked_by", "decided_by").filter(organization=organization)
    return rows.order_by("-asked_at", "-pk").first()


def link_of(organization: Organization) -> PortalLink | None:
    return PortalLink.objects.select_related("user").filter(organization=organization, revoked_at=None).first()


def state_of(organization: Organization) -> PortalState:
    activation = activation_of(organization)
    if activation is None:
        return PortalState.NOT_ASKED
    if activation.state != State.APPROVED:
        return _BEFORE_APPROVAL[State(activation.state)]
    link = link_of(organization)
    if link is None:
        return PortalState.NOT_LINKED
    if not has_biller(organization.pk):
        return PortalState.USER_LOST
    return PortalState.NO_DAYS if organization.portal_days is None else PortalState.ON


def has_biller(organization_id: uuid.UUID) -> bool:
    """Whether somebody who may issue stands behind the portal. Without one, what it already took waits."""
    return Membership.objects.who_may(Need.ISSUE).linked().filter(organization_id=organization_id).exists()


def ask_activation(organization: Organization, *, by: User, note: str, now: dt.datetime) -> PortalActivation:
    """ "Solicitar activación". Raises NotAllowed, or SetupRefused while one is waiting or approved."""
    _need(organization, by, Need.ADMINISTER)
    with transaction.atomic():
        _lock(organization)
        last = activation_of(organization)
        if last and last.state == State.REQUESTED:
            raise SetupRefused("La activación ya está solicitada: soporte la está revisando.")
        if last and last.state == State.APPROVED:
            raise SetupRefused("El portal ya está activo.")
        asked = PortalActivation.objects.create(
            organization=organization, asked_by=by, asked_at=now, note=note.strip()[:500]
        )
        context = {
            "organization": organization,
            "by": by,
            "note": asked.note,
            "address": settings.EMITE_URL + reverse("support:activation", args=[asked.pk]),
        }
        for operator in User.objects.filter(is_operator=True, is_active=True):
            post("organizations/activation_asked", context, to=operator.email, organization_id=organization.pk, now=now)
        _audit(asked, by, "portal.activation_ask", now, note=asked.note)
    return asked


def decide(pk: uuid.UUID, state: PortalActivation.State, *, by: User, reason: str, now: dt.datetime) -> None:
    """Support approves, refuses or suspends; the last two say why. Raises NotAllowed, SetupRefused."""
    if not (by.is_operator and by.is_active):
        raise NotAllowed()
    reason = reason.strip()[:500]
    if state != State.APPROVED and not reason:
        raise SetupRefused("Escriba el motivo: es lo que leerá el hospital.", "reason")
    wanted = State.APPROVED if state == State.SUSPENDED else State.REQUESTED
    with transaction.atomic():
        row = PortalActivation.objects.select_for_update(of=("self",)).select_related("organization").get(pk=pk)
        if row.state != wanted:
            raise SetupRefused("Otra persona ya la resolvió: vuelva a abrir la página.")
        before = row.state
        row.state, row.decided_by, row.decided_at, row.reason = state, by, now, reason
        row.save(update_fields=["state", "decided_by", "decided_at", "reason"])
        context = {
            "organization": row.organization,
            "activation": row,
            "address": settings.EMITE_URL + reverse("setup:activation"),
        }
        for member in Membership.objects.who_may(Need.ADMINISTER).filter(organization=row.organization_id):
            post(
                "organizations/activation_decided",
                context,
                to=member.user.email,
                organization_id=row.organization_id,
                now=now,
            )
        _audit(row, by, f"portal.activation_{state}", now, before={"state": before}, reason=reason, state=state)


def link(organization: Organization, *, user: User, now: dt.datetime) -> PortalLink:
    """The portal issues in the name of `user`, who has just proved who they are. An earlier link ends.

    Raises NotAllowed without the issuing permission, SetupRefused while support has not activated the portal.
    """
    _need(organization, user, Need.ISSUE)
    with transaction.atomic():
        _lock(organization)
        activation = activation_of(organization)
        if activation is None or activation.state != State.APPROVED:
            raise SetupRefused("El portal todavía no está activo: primero se solicita la activación.")
        earlier = link_of(organization)
        if earlier is not None:
            _end(earlier, by=user, now=now)
        made = PortalLink.objects.create(organization=organization, user=user, linked_at=now)
        record(
            organization_id=organization.pk, actor=user.email, action="portal.link", subject=f"link:{made.pk}",
            before={"user": earlier.user.email} if earlier else None, after={"user": user.email}, now=now,
        )  # fmt: skip
    return made


def revoke_link(organization: Organization, *, by: User, now: dt.datetime) -> bool:
    """The portal stops at once; False when there was no link. Administrators, and whoever made it."""
    with transaction.atomic():
        _lock(organization)
        found = link_of(organization)
        if found is None:
            return False
        if found.user_id != by.pk:
            _need(organization, by, Need.ADMINISTER)
        _end(found, by=by, now=now)
        record(
            organization_id=organization.pk, actor=by.email, action="portal.link_revoke", subject=f"link:{found.pk}",
            before={"user": found.user.email}, now=now,
        )  # fmt: skip
    return True


def _end(found: PortalLink, *, by: User, now: dt.datetime) -> None:
    found.revoked_at, found.revoked_by = now, by
    found.save(update_fields=["revoked_at", "revoked_by"])


def _need(organization: Organization, user: User, need: Need) -> None:
    if not Membership.objects.who_may(need).filter(organization=organization, user=user).exists():
        raise NotAllowed()


def _lock(organization: Organization) -> None:
    """One change of the bond at a time."""
    Organization.objects.select_for_update().get(pk=organization.pk)


def _audit(
    row: PortalActivation,
    by: User,
    action: str,
    now: dt.datetime,
    *,
    before: dict[str, str] | None = None,
    reason: str = "",
    **after: str,
) -> None:
    record(
        organization_id=row.organization_id, actor=by.email, action=action, subject=f"activation:{row.pk}",
        before=before, after=after, reason=reason, now=now,
    )  # fmt: skip
