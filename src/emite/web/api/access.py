"""Who asks: a live key, within its rate, with the scope that the operation needs and a user who may still do it.

How keys are made and kept lives in `integrations.keys`.
"""

from __future__ import annotations

import datetime as dt
import math

from django.http import HttpRequest
from django.utils import timezone
from ninja.security import HttpBearer

from emite.accounts.models import User
from emite.database import tenancy
from emite.integrations.keys import find_key
from emite.integrations.models import ApiKey, Scope
from emite.limits.counting import hit, network, peek
from emite.organizations.models import Membership, Organization
from emite.web.api.problems import Problem
from emite.web.client import address

#: Wrong keys from one place; right ones are not counted here.
WRONG_KEYS, WRONG_PER = 30, dt.timedelta(minutes=10)
MINUTE = dt.timedelta(minutes=1)


class ApiRequest(HttpRequest):
    """A request whose key has been checked for the operation it calls."""

    auth: ApiKey
    organization: Organization
    user: User


class LlaveDeApi(HttpBearer):
    """The bearer of one scope. Its name is how OpenAPI calls the scheme."""

    def __init__(self, scope: Scope) -> None:
        super().__init__()
        self.scope = scope

    def authenticate(self, request: HttpRequest, token: str) -> ApiKey | None:
        """The key, or None for any that opens nothing. Raises Problem (403, 429)."""
        now, place = timezone.now(), network(address(request))
        barred = peek("api-key", place, limit=WRONG_KEYS, per=WRONG_PER, now=now)
        if not barred.allowed:
            raise _slow_down(barred.retry_after)
        with tenancy.everybody():  # only the key says whose request this is
            key = find_key(token, now=now)
            membership = key_member(key) if key else None
        if key is None or membership is None:
            hit("api-key", place, limit=WRONG_KEYS, per=WRONG_PER, now=now)
            return None
        tenancy.enter(key.organization_id)
        verdict = hit("api", str(key.pk), limit=key.per_minute, per=MINUTE, now=now)
        if not verdict.allowed:
            raise _slow_down(verdict.retry_after)
        if not key.allows(self.scope):
            raise Problem("scope_missing", f"Esta operación pide el permiso {self.scope.value}.")
        if self.scope is Scope.CHARGES_WRITE and not membership.may_collect():
            raise Problem("not_allowed", "El papel del usuario de la llave es de consulta: no puede cobrar.")
        request.organization, request.user = key.organization, key.user  # type: ignore[attr-defined]
        return key


def key_member(key: ApiKey) -> Membership | None:
    """What the key's user may do in its organization today."""
    return Membership.objects.active().filter(organization_id=key.organization_id, user_id=key.user_id).first()


def _slow_down(pause: dt.timedelta) -> Problem:
    seconds = max(1, math.ceil(pause.total_seconds()))
    return Problem("too_many_requests", f"Espere {seconds} s antes de repetir.", headers={"Retry-After": str(seconds)})


read_charges, write_charges = LlaveDeApi(Scope.CHARGES_READ), LlaveDeApi(Scope.CHARGES_WRITE)
read_invoices, write_invoices = LlaveDeApi(Scope.INVOICES_READ), LlaveDeApi(Scope.INVOICES_WRITE)
