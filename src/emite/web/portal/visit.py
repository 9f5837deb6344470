"""A visit: the charge whose code somebody has typed or scanned, kept in the session until they end or go idle.

The code itself is not kept. What the charge allows is decided in `situation`.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, Final

from django.contrib.auth import SESSION_KEY as STAFF
from django.db import connection, transaction
from django.db.models import FilteredRelation, Q
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone

from emite.charges.models import Charge
from emite.database import standby, tenancy
from emite.database.kept import Given, Kept
from emite.documents.models import FiscalDocument
from emite.organizations.models import Organization

#: A phone left on a table forgets the charge after this long.
IDLE = dt.timedelta(minutes=15)
#: The moment of the last page is written at most this often.
STAMP_EVERY = dt.timedelta(minutes=1)
_KEY = "visita"
_UNKNOWN: Final = {"document": "", "asked": False, "with_patient": False}

#: The charge, whose it is and the document that invoices it now, at one look.
_CHARGE = Kept(
    lambda: (
        Charge.objects.annotate(live=FilteredRelation("allocations", condition=Q(allocations__active=True)))
        .select_related("organization", "live__document")  # type: ignore[misc] # a FilteredRelation may be followed
        # The logo is served by itself; a factura global's content is half a megabyte.
        .defer("organization__logo", "live__document__content")
        .filter(organization=Given("organization"), pk=Given("charge"), organization__slug=Given("slug"))
        .filter(code_revoked_at__isnull=True)
    )
)


@dataclass
class Visit:
    """`document`: the invoice that this browser asked for, or whose RFC it knew; only then is it shown in full.

    `live`: the document that invoices the charge now, if any, whoever asked for it.
    """

    charge: Charge
    now: dt.datetime
    live: FiscalDocument | None
    document: uuid.UUID | None = None
    asked: bool = False
    with_patient: bool = False
    organization: Organization = field(init=False)

    def __post_init__(self) -> None:
        self.organization = self.charge.organization

    def remember(
        self, request: HttpRequest, document: uuid.UUID, *, asked: bool = False, with_patient: bool = False
    ) -> None:
        """This browser may see that document from now on. `asked`: it is the one that asked for it."""
        self.document, self.asked, self.with_patient = document, asked, with_patient
        known = {"document": str(document), "asked": asked, "with_patient": with_patient, "seen": self.now.isoformat()}
        request.session[_KEY] = {**request.session[_KEY], **known}


def begin(request: HttpRequest, charge: Charge, now: dt.datetime) -> None:
    """Open a visit under a new session key. The same charge again keeps what this browser knew of it."""
    known = _read(request, now)
    if STAFF not in request.session and request.session.session_key is not None:
        request.session.cycle_key()
    if known is None or known["charge"] != str(charge.pk):
        known = {**_UNKNOWN, "organization": str(charge.organization_id), "charge": str(charge.pk)}
    request.session.must_keep = True  # type: ignore[attr-defined] # our own store's
    # Of the code that opened it: a visit ends when the ticket's code is renewed.
    request.session[_KEY] = {**known, "seen": now.isoformat(), "by": _mark(charge)}


def _mark(charge: Charge) -> str:
    return bytes(charge.code_hash).hex()[:16]


def end(request: HttpRequest) -> None:
    """Forget everything; a staff session in the same browser stays."""
    request.session.pop(_KEY, None)
    if STAFF not in request.session:
        request.session.flush()


def current(request: HttpRequest, slug: str, now: dt.datetime) -> Visit | None:
    """The visit under way in that organization; None when there is none, it went idle or its code was revoked."""
    known = _read(request, now)
    if known is None or "organization" not in known:  # written by an earlier version
        return None
    tenancy.enter(uuid.UUID(known["organization"]))
    charge = _CHARGE.first(organization=uuid.UUID(known["organization"]), charge=uuid.UUID(known["charge"]), slug=slug)
    if charge is None or known.get("by") != _mark(charge):
        return None
    if now - dt.datetime.fromisoformat(known["seen"]) > STAMP_EVERY:
        request.session[_KEY] = {**known, "seen": now.isoformat()}
    allocation = getattr(charge, "live", None)  # Django sets it only where there is one
    document = uuid.UUID(known["document"]) if known["document"] else None
    return Visit(charge, now, allocation and allocation.document, document, known["asked"], known["with_patient"])


def visiting(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """The view gets the visit under way; without one the person is sent to type the code."""

    @wraps(view)
    def checked(request: HttpRequest, slug: str) -> HttpResponseBase:
        # What a page reads shares one transaction, which is told once whose rows it may see.
        with transaction.atomic() if request.method == "GET" else nullcontext():
            return visited(request, slug)

    def visited(request: HttpRequest, slug: str) -> HttpResponseBase:
        visit = current(request, slug, timezone.now())
        if visit is None:
            target = f"{reverse('portal:code', args=[slug])}?sesion=no"
            return _redirect(request, target)
        request.organization = visit.organization  # type: ignore[attr-defined]
        return view(request, visit)

    return checked


def _redirect(request: HttpRequest, target: str) -> HttpResponseBase:
    if "HX-Request" in request.headers:
        response = HttpResponseRedirect(target)
        response.status_code = 200
        response["HX-Redirect"] = target
        del response["Location"]
        return response
    return HttpResponseRedirect(target, status=303)


def _read(request: HttpRequest, now: dt.datetime) -> dict[str, Any] | None:
    known = request.session.get(_KEY)
    if not known:
        return None
    if now - dt.datetime.fromisoformat(known["seen"]) > IDLE:
        if not standby.is_reading(connection):
            end(request)
        return None
    return dict(known)
