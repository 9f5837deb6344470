"""The clock of the closings: starts by itself what should close, and warns where a person is awaited.

The factura global must reach the SAT within 24 hours of the end of its period (RMF 2.7.1.21).
"""

from __future__ import annotations

import datetime as dt
import uuid

import structlog
from django.db.models import Q

from emite.cfdi import codes
from emite.cfdi.zones import local_now, zone_of
from emite.invoices import closing as closings
from emite.invoices import proposing
from emite.invoices.models import Closing, GlobalPolicy
from emite.invoices.periods import Period
from emite.invoices.proposing import Scope
from emite.issuers.models import Issuer
from emite.organizations.models import Membership, Organization
from emite.organizations.permissions import Need

log = structlog.get_logger(__name__)

LIMIT = dt.timedelta(hours=24)
#: A payment of the last minute may still be on its way from another system.
GRACE = dt.timedelta(hours=1)
#: Hours after the end at which somebody is warned.
ALARMS = (6, 12, 20)
#: Periods that ended longer ago are closed by hand.
LOOK_BACK = dt.timedelta(days=35)
NOBODY = "Falta el usuario facturador del portal, con cuyo permiso se emite la factura global."


def watch(now: dt.datetime) -> int:
    """Look at every issuer once; returns how many closings were started."""
    _settle(now)
    issuers = Issuer.objects.select_related("organization").order_by("pk")
    return sum(_watch_issuer(issuer, now) for issuer in issuers)


def _watch_issuer(issuer: Issuer, now: dt.datetime) -> int:
    return sum(_watch_place(issuer, place, now) for place in proposing.places(issuer))


def _watch_place(issuer: Issuer, place: str, now: dt.datetime) -> int:
    if codes.place(place) is None:
        # The others must not wait for it; whoever opens the month's end is told.
        log.error("closing_place_unknown", issuer=str(issuer.pk), detail=place)
        return 0
    return sum(_watch(Scope.of(issuer, period, place), now) for period in _ended(issuer, place, now))


def _settle(now: dt.datetime) -> None:
    """Nobody has to do anything where every charge has found its invoice meanwhile."""
    rows = Closing.objects.filter(state__in=(Closing.State.WAITING, Closing.State.STOPPED))
    for row in rows.select_related("issuer__organization"):
        if proposing.eligible(Scope.of_closing(row)).charges:
            continue
        same = Closing.objects.filter(pk=row.pk, state=row.state)
        if row.state == Closing.State.WAITING and not row.allocated:
            same.delete()
        else:
            same.update(state=Closing.State.DONE, asked_at=row.asked_at or now, finished_at=now)


def _ended(issuer: Issuer, place: str, now: dt.datetime) -> list[Period]:
    """Periods of the organization's kind that ended lately, the oldest first."""
    policy = closings.policy_of(issuer.organization_id)
    oldest = max(local_now(now - LOOK_BACK, place), local_now(issuer.organization.created_at, place)).date()
    found = []
    period = closings.last_ended(issuer, policy.periodicidad, now, place)
    while period.last >= oldest:
        if period.bounds(zone_of(place))[1] + GRACE <= now:
            found.append(period)
        period = period.before()
    return found[::-1]


def _watch(scope: Scope, now: dt.datetime) -> bool:
    issuer, period = scope.issuer, scope.period
    row = Closing.objects.filter(
        organization_id=issuer.organization_id,
        issuer=issuer,
        lugar_expedicion=scope.place,
        periodicidad=period.periodicidad,
        first_day=period.first,
    ).first()
    if row is not None and row.state in (Closing.State.RUNNING, Closing.State.DONE):
        return False
    if row is None and not proposing.eligible(scope).charges:
        return False
    why = ""
    if closings.policy_of(issuer.organization_id).mode == GlobalPolicy.Mode.AUTOMATIC and (
        row is None or row.state == Closing.State.WAITING
    ):
        why = _start(scope, now)
        if not why:
            return True
    _warn(row or _waiting(scope), why, now)
    return False


def lacks_user(organization: Organization) -> bool:
    """The factura global should start by itself, but whoever linked the portal is gone or may not issue any more."""
    if closings.policy_of(organization.pk).mode != GlobalPolicy.Mode.AUTOMATIC:
        return False
    return not Membership.objects.who_may(Need.ISSUE).linked().filter(organization=organization).exists()


def _start(scope: Scope, now: dt.datetime) -> str:
    """Start it in the name of the organization's "usuario facturador"; why not, or ""."""
    user = scope.issuer.organization.portal_user
    if user is None:
        return NOBODY
    try:
        closings.start(scope.issuer, scope.period, user=user, now=now, automatic=True, place=scope.place)
    except (closings.AlreadyClosing, closings.NothingToClose):
        return ""
    except closings.NotAllowed:
        return NOBODY
    except closings.NotReady as error:
        return str(error)
    return ""


def _waiting(scope: Scope) -> Closing:
    fresh = Closing(
        organization_id=scope.issuer.organization_id,
        issuer=scope.issuer,
        lugar_expedicion=scope.place,
        periodicidad=scope.period.periodicidad,
        first_day=scope.period.first,
        last_day=scope.period.last,
        starts_at=scope.starts_at,
        ends_at=scope.ends_at,
    )
    Closing.objects.bulk_create([fresh], ignore_conflicts=True)
    return Closing.objects.get(
        organization_id=fresh.organization_id,
        issuer=fresh.issuer,
        lugar_expedicion=fresh.lugar_expedicion,
        periodicidad=fresh.periodicidad,
        first_day=fresh.first_day,
    )


def _warn(row: Closing, why: str, now: dt.datetime) -> None:
    """Say it once at each alarm's hour; the desk's first page shows it all the time."""
    if why and why != row.last_text:
        Closing.objects.filter(pk=row.pk, state=Closing.State.WAITING).update(last_text=why)
    hours = (now - row.ends_at).total_seconds() / 3600
    reached = max((alarm for alarm in ALARMS if alarm <= hours), default=None)
    if reached is None:
        return
    unsaid = Closing.objects.filter(Q(warned=None) | Q(warned__lt=reached), pk=row.pk)
    if unsaid.update(warned=reached):
        log.warning("closing_awaits_a_person", closing=str(row.pk), hours=reached, detail=why or row.last_text)


def waiting(organization_id: uuid.UUID) -> list[Closing]:
    """Periods that ended and are not closed, the oldest first."""
    rows = Closing.objects.filter(
        organization_id=organization_id, state__in=(Closing.State.WAITING, Closing.State.STOPPED)
    )
    return list(rows.select_related("issuer").order_by("ends_at"))
