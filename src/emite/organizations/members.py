"""People of an organization: invited by mail, given a role, deactivated. The last administrator stays one.

Passwords and second steps belong to `accounts`; here only who belongs and what for.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
import uuid

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.db import transaction
from django.db.models import F, QuerySet
from django.urls import reverse

from emite.accounts import second_step
from emite.accounts.models import User
from emite.accounts.posting import post
from emite.audit import record
from emite.organizations.models import Invitation, Membership, Organization
from emite.organizations.permissions import Need, Role
from emite.organizations.refusals import NotAllowed, SetupRefused

INVITATION_LIFE = dt.timedelta(days=7)
LAST = "Es el último administrador: nombre a otro antes."


def invite(
    organization: Organization, *, email: str, role: str, can_issue: bool, by: User, now: dt.datetime
) -> Invitation:
    """Send the link that lets this address join. Administrators, and support. Raises NotAllowed, SetupRefused."""
    email = email.strip().lower()
    if role not in Role.values:
        raise SetupRefused("Elija un papel de la lista.", "role")
    with transaction.atomic():
        _lock(organization)
        _administers(organization, by)
        if Membership.objects.active().filter(organization=organization, user__email=email).exists():
            raise SetupRefused(f"{email} ya es de esta organización.", "email")
        _close(Invitation.objects.filter(organization=organization, email=email), now)
        made = _send(organization, email=email, role=role, can_issue=can_issue, by=by, now=now)
        _audit(organization, by, "member.invite", f"invitation:{made.pk}", now,
               after={"email": email, "role": role, "can_issue": can_issue})  # fmt: skip
    return made


def resend(organization: Organization, pk: uuid.UUID, *, by: User, now: dt.datetime) -> Invitation:
    """A fresh link for the same invitation; the earlier link opens nothing any more."""
    with transaction.atomic():
        _lock(organization)
        _administers(organization, by)
        old = _open(organization, pk)
        _close(Invitation.objects.filter(pk=old.pk), now)
        made = _send(organization, email=old.email, role=old.role, can_issue=old.can_issue, by=by, now=now)
        _audit(organization, by, "member.invite_again", f"invitation:{made.pk}", now, after={"email": old.email})
    return made


def revoke(organization: Organization, pk: uuid.UUID, *, by: User, now: dt.datetime) -> None:
    with transaction.atomic():
        _lock(organization)
        _administers(organization, by)
        found = _open(organization, pk)
        _close(Invitation.objects.filter(pk=found.pk), now)
        _audit(organization, by, "member.invite_revoke", f"invitation:{found.pk}", now, before={"email": found.email})


def invitation_of(token: str, *, now: dt.datetime) -> Invitation | None:
    """The invitation of this link, while it is good."""
    found = Invitation.objects.select_related("organization").filter(token_hash=_hash(token)).first()
    return found if found is not None and found.is_open(now) else None


def accept(token: str, *, name: str, password: str, now: dt.datetime) -> User:
    """Join. Somebody with an account proves it with its password; others choose a name and a password.

    Raises SetupRefused, or ValidationError for a password that is too easy to guess.
    """
    with transaction.atomic():
        row = Invitation.objects.select_for_update(of=("self",)).filter(token_hash=_hash(token)).first()
        if row is None or not row.is_open(now):
            raise SetupRefused("El enlace ya se usó o venció: pida otro a su administrador.")
        user = User.objects.filter(email=row.email).first()
        if user is None:
            name = " ".join(name.split())
            if not name:
                raise SetupRefused("Escriba su nombre.", "name")
            validate_password(password, User(email=row.email, name=name))
            user = User.objects.create_user(email=row.email, password=password, name=name)
        elif not (user.is_active and user.check_password(password)):
            raise SetupRefused("Esa no es la contraseña de su cuenta.", "password")
        # Whoever left may come back.
        Membership.objects.update_or_create(
            organization_id=row.organization_id,
            user=user,
            defaults={"role": row.role, "can_issue": row.can_issue, "deactivated_at": None},
        )
        row.accepted_at, row.accepted_by = now, user
        row.save(update_fields=["accepted_at", "accepted_by"])
        _audit(row.organization, user, "member.join", f"user:{user.pk}", now,
               after={"email": user.email, "role": row.role, "can_issue": row.can_issue})  # fmt: skip
    return user


def change(
    organization: Organization, pk: uuid.UUID, *, role: str, can_issue: bool, by: User, now: dt.datetime
) -> Membership:
    """Another role or permission, from this moment on. Raises NotAllowed, SetupRefused."""
    if role not in Role.values:
        raise SetupRefused("Elija un papel de la lista.", "role")
    with transaction.atomic():
        _lock(organization)
        _administers(organization, by)
        row = _member(organization, pk)
        before = {"role": row.role, "can_issue": row.can_issue}
        after = {"role": role, "can_issue": can_issue}
        if row.role == Role.ADMINISTRADOR and role != Role.ADMINISTRADOR:
            _not_last(organization, row)
        if row.role == Role.ADMINISTRADOR and role != Role.ADMINISTRADOR:
            _take_back_invitations(organization, row, now)
        if before != after:
            row.role, row.can_issue = role, can_issue
            row.save(update_fields=["role", "can_issue"])
            _audit(organization, by, "member.change", f"user:{row.user_id}", now, before=before,
                   after={"email": row.user.email, **after})  # fmt: skip
    return row


def deactivate(organization: Organization, pk: uuid.UUID, *, by: User, now: dt.datetime) -> Membership:
    """The person leaves: their sessions end at once and nothing is done in their name any more."""
    with transaction.atomic():
        _lock(organization)
        _administers(organization, by)
        row = _member(organization, pk)
        if row.role == Role.ADMINISTRADOR:
            _not_last(organization, row)
        _take_back_invitations(organization, row, now)
        row.deactivated_at = now
        row.save(update_fields=["deactivated_at"])
        User.objects.filter(pk=row.user_id).update(session_version=F("session_version") + 1)
        _audit(organization, by, "member.deactivate", f"user:{row.user_id}", now,
               before={"email": row.user.email, "role": row.role, "can_issue": row.can_issue})  # fmt: skip
    return row


def forget_second_step(organization: Organization, pk: uuid.UUID, *, by: User, now: dt.datetime) -> bool:
    """For a lost telephone: the person sets it up again at their next log-in. Only of people of this house alone."""
    with transaction.atomic():
        _lock(organization)
        _administers(organization, by)
        row = _member(organization, pk)
        elsewhere = Membership.objects.active().filter(user=row.user).exclude(organization=organization).exists()
        if elsewhere or row.user.is_operator:
            raise SetupRefused("Esa persona también trabaja en otra organización: pídalo a soporte.")
        if not second_step.remove(row.user):
            return False
        User.objects.filter(pk=row.user_id).update(session_version=F("session_version") + 1)
        _audit(organization, by, "member.second_step_forget", f"user:{row.user_id}", now,
               before={"email": row.user.email})  # fmt: skip
    return True


def _send(
    organization: Organization, *, email: str, role: str, can_issue: bool, by: User, now: dt.datetime
) -> Invitation:
    token = secrets.token_urlsafe(32)
    made = Invitation.objects.create(
        organization=organization, email=email, role=role, can_issue=can_issue, token_hash=_hash(token),
        invited_by=by, created_at=now, expires_at=now + INVITATION_LIFE,
    )  # fmt: skip
    context = {
        "organization": organization,
        "by": by,
        "invitation": made,
        "days": INVITATION_LIFE.days,
        "address": settings.EMITE_URL + reverse("login:invited", args=[token]),
    }
    post("organizations/invitation", context, to=email, organization_id=organization.pk, now=now)
    return made


def _take_back_invitations(organization: Organization, row: Membership, now: dt.datetime) -> None:
    """Who administers no more leaves no door open behind."""
    _close(Invitation.objects.filter(organization=organization, invited_by=row.user), now)


def _close(rows: QuerySet[Invitation], now: dt.datetime) -> None:
    rows.filter(accepted_at=None, revoked_at=None).update(revoked_at=now)


def _open(organization: Organization, pk: uuid.UUID) -> Invitation:
    found = Invitation.objects.filter(organization=organization, pk=pk, accepted_at=None, revoked_at=None).first()
    if found is None:
        raise SetupRefused("Esa invitación ya se aceptó o se retiró.")
    return found


def _member(organization: Organization, pk: uuid.UUID) -> Membership:
    found = Membership.objects.select_related("user").filter(organization=organization, pk=pk, deactivated_at=None)
    row = found.first()
    if row is None:
        raise SetupRefused("Esa persona ya no es de esta organización.")
    return row


def _not_last(organization: Organization, row: Membership) -> None:
    others = Membership.objects.who_may(Need.ADMINISTER).filter(organization=organization).exclude(pk=row.pk)
    if not others.exists():
        raise SetupRefused(LAST)


def _administers(organization: Organization, by: User) -> None:
    allowed = Membership.objects.who_may(Need.ADMINISTER).filter(organization=organization, user=by).exists()
    if not (allowed or (by.is_operator and by.is_active)):
        raise NotAllowed()


def _lock(organization: Organization) -> None:
    """One change of the people at a time: two administrators who remove each other leave one."""
    Organization.objects.select_for_update().get(pk=organization.pk)


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _audit(
    organization: Organization,
    by: User,
    action: str,
    subject: str,
    now: dt.datetime,
    *,
    before: dict[str, object] | None = None,
    after: dict[str, object] | None = None,
) -> None:
    record(
        organization_id=organization.pk, actor=by.email, action=action, subject=subject,
        before=before, after=after, now=now,
    )  # fmt: skip
