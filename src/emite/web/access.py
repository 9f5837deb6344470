"""Who is asking and what their role lets them do: the precondition that every staff view states.

Logging in lives in `login`; whether a document may be issued is asked again by `invoices.issuing`.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from enum import Enum
from functools import wraps
from typing import Any, cast
from urllib.parse import urlencode

import structlog
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.utils.cache import add_never_cache_headers

from emite.accounts.models import User
from emite.organizations.models import Membership, Organization
from emite.web.errors.pages import page

log = structlog.get_logger(__name__)

#: Where the session keeps the organization that a person with several has chosen.
CHOSEN = "organization"

Role = Membership.Role


class Need(Enum):
    """What a view asks of whoever opens it. The whole permission matrix of the desk is `ROLES` and `may`."""

    SEE = "ver"
    COLLECT = "cobrar"
    ISSUE = "facturar"
    ADMINISTER = "administrar"


ROLES: dict[Need, frozenset[str]] = {
    Need.SEE: frozenset(Role.values),
    Need.COLLECT: frozenset({Role.ADMINISTRADOR, Role.FACTURADOR, Role.CAJERO}),
    Need.ISSUE: frozenset({Role.ADMINISTRADOR, Role.FACTURADOR, Role.CAJERO}),
    Need.ADMINISTER: frozenset({Role.ADMINISTRADOR}),
}

REFUSALS = {
    Need.SEE: "Su cuenta no pertenece a esta organización.",
    Need.COLLECT: "Su papel es de consulta: puede ver, pero no cobrar ni imprimir. Pida otro a su administrador.",
    Need.ISSUE: "Su cuenta no tiene permiso de emitir facturas. Pida a un administrador que se lo dé.",
    Need.ADMINISTER: "Solo un administrador de la organización puede abrir esta página.",
}


class StaffRequest(HttpRequest):
    """A request of somebody whose membership has been checked."""

    user: User
    membership: Membership
    organization: Organization


def may(membership: Membership, need: Need) -> bool:
    """Does this membership suffice? Issuing also needs the permission, whatever the role."""
    return membership.role in ROLES[need] and (need is not Need.ISSUE or membership.can_issue)


def memberships(user: User) -> Sequence[Membership]:
    """The organizations of a person, by name."""
    return list(Membership.objects.select_related("organization").filter(user=user).order_by("organization__name"))


def staff(need: Need) -> Callable[[Callable[..., HttpResponseBase]], Callable[..., HttpResponseBase]]:
    """Only people whose membership gives `need`; others are sent to log in, to choose, or refused with 403.

    The view gets a StaffRequest. Pages are never stored by the browser.
    """

    def decorate(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
        @wraps(view)
        def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return _elsewhere(request, reverse("login:enter"))
            found = _membership(request)
            if isinstance(found, HttpResponse):
                return found
            if not may(found, need):
                return _refuse(request, need)
            known = cast(StaffRequest, request)
            known.membership, known.organization = found, found.organization
            response = view(known, *args, **kwargs)
            add_never_cache_headers(response)
            return response

        checked.need = need  # type: ignore[attr-defined]
        return checked

    return decorate


def _membership(request: HttpRequest) -> Membership | HttpResponse:
    held = memberships(cast(User, request.user))
    if not held:
        return _refuse(request, Need.SEE)
    chosen = request.session.get(CHOSEN)
    for membership in held:
        if len(held) == 1 or str(membership.organization_id) == chosen:
            return membership
    return _elsewhere(request, reverse("login:choose"))


def choose(request: HttpRequest, organization_id: uuid.UUID) -> bool:
    """Remember the organization in the session; False when the person does not belong to it."""
    if not Membership.objects.filter(user=cast(User, request.user), organization_id=organization_id).exists():
        return False
    request.session[CHOSEN] = str(organization_id)
    return True


def _refuse(request: HttpRequest, need: Need) -> HttpResponse:
    log.info("refused", need=need.name)
    return page(request, 403, "Esta página no es para su usuario", REFUSALS[need])


def _elsewhere(request: HttpRequest, address: str) -> HttpResponse:
    """Send the browser to `address`, from where it comes back here. htmx moves the whole page, not a piece of it."""
    back = request.get_full_path() if request.method == "GET" and "HX-Request" not in request.headers else ""
    target = f"{address}?{urlencode({'siguiente': back})}" if back else address
    if "HX-Request" in request.headers:
        return HttpResponse(headers={"HX-Redirect": target})
    return HttpResponseRedirect(target)
