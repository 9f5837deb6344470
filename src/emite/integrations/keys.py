"""Make, find and revoke the keys of other systems.

What a key lets one do with a request is asked in `web.api.access`.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence

from django.db import transaction
from django.db.models import Q

from emite.accounts.models import User
from emite.audit import record
from emite.integrations.models import ApiKey, Scope
from emite.organizations.models import Membership, Organization

LONGEST_LIFE = dt.timedelta(days=366)
#: `last_used_at` is a hint for people: it is not written more often than this.
USED_STEP = dt.timedelta(minutes=1)
_TOKEN = re.compile(r"emite_([a-z2-7]{12})_([A-Za-z0-9_-]{43})")


class KeyRefused(Exception):
    """The key cannot be made as asked; the message names the field and the cure."""

    def __init__(self, field: str, message: str) -> None:
        self.field, self.message = field, message
        super().__init__(message)


def create_key(
    organization: Organization,
    *,
    name: str,
    user: User,
    scopes: Sequence[str],
    life: dt.timedelta,
    by: User,
    now: dt.datetime,
) -> tuple[ApiKey, str]:
    """A key and its token. The token is shown once: only its hash is kept. Raises KeyRefused."""
    membership = Membership.objects.active().filter(organization=organization, user=user).first()
    if membership is None:
        raise KeyRefused("user", "Elija a una persona de esta organización.")
    if not scopes or not set(scopes) <= set(Scope.values):
        raise KeyRefused("scopes", "Elija al menos un permiso de la lista.")
    if Scope.CHARGES_WRITE in scopes and not membership.may_collect():
        raise KeyRefused("scopes", "Esa persona no puede cobrar: su papel es de consulta.")
    if Scope.INVOICES_WRITE in scopes and not membership.may_issue():
        raise KeyRefused("scopes", "Esa persona no tiene permiso de emitir facturas.")
    if not dt.timedelta(0) < life <= LONGEST_LIFE:
        raise KeyRefused("life", "Una llave dura a lo más un año.")
    prefix = "".join(secrets.choice("abcdefghijklmnopqrstuvwxyz234567") for _ in range(12))
    secret = secrets.token_urlsafe(32)
    with transaction.atomic():
        key = ApiKey.objects.create(
            organization=organization,
            name=name.strip(),
            user=user,
            prefix=prefix,
            secret_hash=_hash(secret),
            scopes=sorted(scopes),
            created_at=now,
            created_by=by,
            expires_at=now + life,
        )
        record(
            organization_id=organization.pk,
            actor=by.email,
            action="api_key.create",
            subject=f"api_key:{key.pk}",
            after={"name": key.name, "user": user.email, "scopes": key.scopes, "expires_at": key.expires_at},
            now=now,
        )
    return key, f"emite_{prefix}_{secret}"


def find_key(token: str, *, now: dt.datetime) -> ApiKey | None:
    """The live key of this token whose user still belongs to the organization; None for anything else."""
    match = _TOKEN.fullmatch(token)
    if match is None:
        return None
    key = ApiKey.objects.select_related("organization", "user").filter(prefix=match[1]).first()
    if key is None or not hmac.compare_digest(bytes(key.secret_hash), _hash(match[2])):
        return None
    if not key.is_live(now) or not key.user.is_active:
        return None
    ApiKey.objects.filter(Q(last_used_at=None) | Q(last_used_at__lt=now - USED_STEP), pk=key.pk).update(
        last_used_at=now
    )
    return key


def revoke_key(key: ApiKey, *, by: User, now: dt.datetime) -> None:
    """From now on the key opens nothing. Revoking twice changes nothing."""
    with transaction.atomic():
        if ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=now):
            record(
                organization_id=key.organization_id,
                actor=by.email,
                action="api_key.revoke",
                subject=f"api_key:{key.pk}",
                now=now,
            )


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
