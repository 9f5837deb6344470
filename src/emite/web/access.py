"""Who is asking and what their role lets them do: the precondition that every staff view states.

Logging in lives in `login`; whether a document may be issued is asked again by `invoices.issuing`.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, Final, cast
from urllib.parse import urlencode, urlsplit

import structlog
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import add_never_cache_headers

from emite.accounts import second_step, standing
from emite.accounts.models import User
from emite.database import tenancy
from emite.issuers.models import PacAccount
from emite.organizations.models import Membership, Organization
from emite.organizations.permissions import Need as Need  # views state what they need from here
from emite.web import staying
from emite.web.errors.pages import page

log = structlog.get_logger(__name__)

#: Where the session keeps the organization that a person with several has chosen.
CHOSEN = "organization"

#: In the session: this log-in went through its second step.
PROVED = "second_step"

REFUSALS = {
    Need.SEE: "Su cuenta no pertenece a esta organización.",
    Need.COLLECT: "Su papel es de consulta: puede ver, pero no cobrar ni imprimir. Pida otro a su administrador.",
    Need.ISSUE: "Su cuenta no tiene permiso de emitir facturas. Pida a un administrador que se lo dé.",
    Need.PRICE: "Solo un administrador o un facturador cambian la lista de precios.",
    Need.IMPORT: "Solo un administrador o un facturador importan remisiones de un archivo.",
    Need.REVIEW: "Solo un administrador o un facturador de la aseguradora aprueban o rechazan facturas.",
    Need.PAY: "Solo un administrador o un cajero de la aseguradora registran pagos.",
    Need.ADMINISTER: "Solo un administrador de la organización puede abrir esta página.",
}


class StaffRequest(HttpRequest):
    """A request of somebody whose membership has been checked."""

    user: User
    membership: Membership
    organization: Organization
    #: An administrator who still has to set up the second step, in an installation that stamps nothing of value.
    postponed: bool


def may(membership: Membership, need: Need) -> bool:
    return membership.may(need)


def memberships(user: User) -> Sequence[Membership]:
    """The organizations of a person, by name."""
    with tenancy.everybody():
        held = Membership.objects.active().select_related("organization").filter(user=user)
        return list(held.order_by("organization__name"))


#: Where the people of each kind of organization start. By address: audiences do not import each other.
HOMES: Final = {
    Organization.Kind.HOSPITAL: "/caja/",
    Organization.Kind.PRACTICE: "/consultorio/",
    Organization.Kind.INSURER: "/aseguradora/",
    Organization.Kind.ADMINISTRATOR: "/aseguradora/",
}


def home_of(organization: Organization) -> str:
    return HOMES[Organization.Kind(organization.kind)]


View = Callable[..., HttpResponseBase]


def staff(*needs: Need) -> Callable[[View], View]:
    """Only people whose membership gives one of `needs`; others are sent to log in, to choose, or refused with 403.

    The view gets a StaffRequest. Pages are never stored by the browser.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return _log_in(request)
            found = _membership(request)
            if isinstance(found, HttpResponse):
                return found
            if not any(may(found, need) for need in needs):
                return _refuse(request, needs[0])
            tenancy.enter(found.organization_id)
            known = cast(StaffRequest, request)
            known.membership, known.organization, known.postponed = found, found.organization, False
            if may(found, Need.ADMINISTER) and not request.session.get(PROVED):
                if not may_postpone(found.organization):
                    return second_step_page(request)
                known.postponed = not second_step.has(known.user)
            response = view(known, *args, **kwargs)
            add_never_cache_headers(response)
            return response

        return checked

    return decorate


def people_of(*kinds: Organization.Kind) -> Callable[..., Callable[[View], View]]:
    """`staff` for organizations of these kinds alone: to the people of others the pages do not exist."""

    def needing(*needs: Need) -> Callable[[View], View]:
        def decorate(view: View) -> View:
            @wraps(view)
            def of_kind(request: StaffRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
                if request.organization.kind not in kinds:
                    raise Http404
                return view(request, *args, **kwargs)

            return staff(*needs)(of_kind)

        return decorate

    return needing


def logged_in(view: View) -> View:
    """Anybody who has logged in, whatever they may do."""

    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return _log_in(request)
        return view(request, *args, **kwargs)

    return checked


def proved_lately(view: View) -> View:
    """Inside `logged_in` or `staff`, for what changes how somebody logs in: the password again, after ten minutes."""

    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not standing.proved_lately(request.session, now=timezone.now()):
            return _elsewhere(request, reverse("login:prove"))
        return view(request, *args, **kwargs)

    return checked


def operator(view: View) -> View:
    """Only the support staff of the installation, past their second step. They see every organization's rows."""

    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return _log_in(request)
        if not request.user.is_operator:
            log.info("refused", need="OPERATE")
            return page(request, 403, "Esta página no es para su usuario", "Es para el soporte de la instalación.")
        if not request.session.get(PROVED) and not settings.EMITE_DEMO:
            return second_step_page(request)
        with tenancy.everybody():
            response = view(request, *args, **kwargs)
        add_never_cache_headers(response)
        return response

    return checked


def may_postpone(organization: Organization) -> bool:
    """Nothing of fiscal value can be stamped here: the demo, or a hospital that still tries with a simulated PAC."""
    accounts = PacAccount.objects.filter(organization=organization, active=True)
    return settings.EMITE_DEMO or set(accounts.values_list("provider", flat=True)) == {"sandbox"}


def second_step_page(request: HttpRequest) -> HttpResponse:
    """Where the person proves the second step, or sets it up."""
    known = second_step.has(cast(User, request.user))
    return _elsewhere(request, reverse("login:code" if known else "login:second_step"))


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
    if organization_id not in {held.organization_id for held in memberships(cast(User, request.user))}:
        return False
    request.session[CHOSEN] = str(organization_id)
    return True


def _refuse(request: HttpRequest, need: Need) -> HttpResponse:
    log.info("refused", need=need.name)
    return page(request, 403, "Esta página no es para su usuario", REFUSALS[need])


def _log_in(request: HttpRequest) -> HttpResponse:
    staying.explain(request)
    return _elsewhere(request, reverse("login:enter"))


def _elsewhere(request: HttpRequest, address: str) -> HttpResponse:
    """Send the browser to `address`, from where it comes back here. htmx moves the whole page, not a piece of it."""
    back = _page(request)
    target = f"{address}?{urlencode({'siguiente': back})}" if back else address
    if "HX-Request" in request.headers:
        return HttpResponse(headers={"HX-Redirect": target})
    return HttpResponseRedirect(target)


def _page(request: HttpRequest) -> str:
    """The page that the person was on: this one, or the one whose form or piece asks; empty when it is not ours."""
    if request.method == "GET" and "HX-Request" not in request.headers:
        return request.get_full_path()
    asker = urlsplit(request.headers.get("HX-Current-URL") or request.headers.get("Referer", ""))
    return asker._replace(scheme="", netloc="", fragment="").geturl() if asker.netloc == request.get_host() else ""
