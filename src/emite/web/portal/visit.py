"""A visit: the charge whose code somebody has typed or scanned, kept in the session until they end or go idle.

The code itself is not kept. What the charge allows is decided in `situation`.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

from django.contrib.auth import SESSION_KEY as STAFF
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone

from emite.charges.models import Charge
from emite.organizations.models import Organization

#: A phone left on a table forgets the charge after this long.
IDLE = dt.timedelta(minutes=15)
#: The moment of the last page is written at most this often.
STAMP_EVERY = dt.timedelta(minutes=1)
_KEY = "visita"


@dataclass
class Visit:
    """`document`: the invoice that this browser asked for, or whose RFC it knew; only then is it shown in full."""

    charge: Charge
    now: dt.datetime
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
        _write(request, self)


def begin(request: HttpRequest, charge: Charge, now: dt.datetime) -> None:
    """Open a visit under a new session key. The same charge again keeps what this browser knew of it."""
    known = _read(request, now)
    if STAFF not in request.session:
        request.session.cycle_key()
    same = known is not None and known["charge"] == str(charge.pk)
    _write(request, _visit(charge, now, known if same else None))


def end(request: HttpRequest) -> None:
    """Forget everything; a staff session in the same browser stays."""
    request.session.pop(_KEY, None)
    if STAFF not in request.session:
        request.session.flush()


def current(request: HttpRequest, slug: str, now: dt.datetime) -> Visit | None:
    """The visit under way in that organization; None when there is none, it went idle or its code was revoked."""
    known = _read(request, now)
    if known is None:
        return None
    charge = (
        Charge.objects.select_related("organization")
        .defer("organization__logo")  # served by itself, not carried through every page
        .filter(pk=known["charge"], organization__slug=slug, code_revoked_at=None)
        .first()
    )
    if charge is None:
        return None
    visit = _visit(charge, now, known)
    if now - dt.datetime.fromisoformat(known["seen"]) > STAMP_EVERY:
        _write(request, visit)
    return visit


def visiting(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """The view gets the visit under way; without one the person is sent to type the code."""

    @wraps(view)
    def checked(request: HttpRequest, slug: str) -> HttpResponseBase:
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


def _visit(charge: Charge, now: dt.datetime, known: dict[str, Any] | None) -> Visit:
    if known is None or not known["document"]:
        return Visit(charge, now)
    return Visit(charge, now, uuid.UUID(known["document"]), known["asked"], known["with_patient"])


def _read(request: HttpRequest, now: dt.datetime) -> dict[str, Any] | None:
    known = request.session.get(_KEY)
    if not known:
        return None
    if now - dt.datetime.fromisoformat(known["seen"]) > IDLE:
        end(request)
        return None
    return dict(known)


def _write(request: HttpRequest, visit: Visit) -> None:
    request.session[_KEY] = {
        "charge": str(visit.charge.pk),
        "document": str(visit.document) if visit.document else "",
        "asked": visit.asked,
        "with_patient": visit.with_patient,
        "seen": visit.now.isoformat(),
    }
