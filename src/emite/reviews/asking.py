"""Ask SAT again of what a payer received: when, and what follows from its word. Our own stamps: `reconciling.asking`.

An invoice that was alive when it arrived may be cancelled before it is paid, or after; then it is no deduction.
"""

from __future__ import annotations

import calendar
import datetime as dt
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Max

from emite.accounts import posting
from emite.audit.recording import record
from emite.care.models import InsurerInvoice
from emite.database import tenancy
from emite.documents.consulting import SAT_LAG, query_of_xml, sat_status_of
from emite.invoices import insuring
from emite.organizations.models import Membership, Organization
from emite.organizations.permissions import Need
from emite.pac.port import SatEstado, SatStatus
from emite.reviews.models import ReceivedInvoice
from emite.reviews.receiving import say
from emite.reviews.telling import write

ASK: Final = "emite.ask_sat_of_received"
#: Taken by one pass of the sweep: SAT's service is everybody's.
FEW: Final = 5
#: Another worker that took the row has this long before it is taken again.
TURN: Final = dt.timedelta(minutes=2)
#: After an ask that nobody answered.
PAUSES: Final = tuple(dt.timedelta(minutes=minutes) for minutes in (10, 60, 360, 1440))
FRESH: Final = dt.timedelta(hours=6)
DAY: Final = dt.timedelta(days=1)
WEEK: Final = dt.timedelta(days=7)
#: What SAT does not know by then it will not know the day after.
LOST: Final = dt.timedelta(days=30)
MORNING: Final = dt.time(6)
#: The morning's questions are spread over so many seconds.
SPREAD: Final = 4 * 3600

State = ReceivedInvoice.State


# --- when (pure) ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Facts:
    """What of an invoice tells when SAT is asked again. `asked_at`: when it last answered, with `estado`."""

    zone: ZoneInfo
    fecha: dt.datetime
    asked_at: dt.datetime | None = None
    estado: str = ""
    in_cancellation: bool = False
    #: Nobody will pay it.
    closed: bool = False
    accepted_at: dt.datetime | None = None
    owed: bool = True
    scheduled_on: dt.date | None = None
    paid_at: dt.datetime | None = None


def next_ask(facts: Facts, now: dt.datetime) -> dt.datetime | None:
    """When; not later than `now`: at once. None: never again, unless its state changes.

    On arrival, once it is accepted, each week while it is owed, the day before a scheduled payment, the day after one,
    and at each month's end up to March of the next year, in which companies file their annual return. What SAT does
    not know yet, or has in cancellation, sooner. "Cancelado" is its last word.
    """
    if facts.closed or facts.estado == SatEstado.CANCELADO.value:
        return None
    if facts.asked_at is None:
        return now
    return min((each for each in _moments(facts, facts.asked_at) if each > facts.asked_at), default=None)


def _moments(facts: Facts, asked_at: dt.datetime) -> list[dt.datetime]:
    last = dt.date((facts.paid_at or facts.fecha).astimezone(facts.zone).year + 1, 3, 31)
    found = [_month_end(asked_at, facts.zone)]
    if facts.accepted_at is not None and facts.owed:
        found.append(asked_at + WEEK)
    found = [each for each in found if each.astimezone(facts.zone).date() <= last]
    if facts.in_cancellation:
        found.append(asked_at + DAY)
    if facts.estado == SatEstado.NOT_FOUND.value and asked_at - facts.fecha <= LOST:
        found.append(asked_at + (FRESH if asked_at - facts.fecha <= SAT_LAG else DAY))
    if facts.accepted_at is not None:
        found.append(facts.accepted_at)
    if facts.scheduled_on is not None and facts.owed:
        found.append(dt.datetime.combine(facts.scheduled_on - DAY, MORNING, facts.zone))
    if facts.paid_at is not None:
        found.append(facts.paid_at + DAY)
    return found


def _month_end(after: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    """The first morning of a month's last day that comes after a moment."""
    day = after.astimezone(zone).date()
    for first in (day.replace(day=1), (day.replace(day=1) + dt.timedelta(days=32)).replace(day=1)):
        last = first.replace(day=calendar.monthrange(first.year, first.month)[1])
        if (morning := dt.datetime.combine(last, MORNING, zone)) > after:
            return morning
    raise AssertionError("the next month ends later")


def due_at(moment: dt.datetime | None, pk: uuid.UUID, now: dt.datetime) -> dt.datetime | None:
    """When the worker looks: what falls on one morning is spread over it."""
    if moment is None or moment - now < dt.timedelta(hours=1):
        return moment
    return moment + dt.timedelta(seconds=pk.int % SPREAD)


def pause(tries: int) -> dt.timedelta:
    return PAUSES[min(tries, len(PAUSES) - 1)]


# --- the worker -------------------------------------------------------------------------------------------------------


def due(*, now: dt.datetime, limit: int = FEW) -> list[uuid.UUID]:
    """Received invoices to look at now, the longest waiting first."""
    rows = ReceivedInvoice.objects.filter(sat_due_at__lte=now).order_by("sat_due_at")
    return list(rows.values_list("pk", flat=True)[:limit])


def drive(pk: uuid.UUID, *, clock: Callable[[], dt.datetime]) -> str:
    """Ask SAT of one if it is time; its Estado, or nothing."""
    now = clock()
    if not ReceivedInvoice.objects.filter(pk=pk, sat_due_at__lte=now).update(sat_due_at=now + TURN):
        return ""
    with transaction.atomic():
        held = ReceivedInvoice.objects.select_for_update(of=("self",)).select_related("organization").get(pk=pk)
        moment = next_ask(_facts(held), now)
        if moment is None or moment > now:
            ReceivedInvoice.objects.filter(pk=pk).update(sat_due_at=due_at(moment, pk, now))
            return ""
    return ask_sat(held, clock=clock)


def ask_sat(invoice: ReceivedInvoice, *, clock: Callable[[], dt.datetime]) -> str:
    """SAT's word on it, kept beside it; empty when the SAT did not answer. Network: not in a transaction.

    A payer stamps nothing and has no PAC, so the SAT is asked as its supplier asks, without any password.
    """
    query = query_of_xml(bytes(invoice.xml))
    with tenancy.organization(invoice.supplier):
        answer = sat_status_of(query, invoice.supplier) if query else None
    now = clock()
    if isinstance(answer, SatStatus):
        return _take_word(invoice, answer, now)
    ReceivedInvoice.objects.filter(organization_id=invoice.organization_id, pk=invoice.pk).update(
        sat_tries=invoice.sat_tries + 1, sat_due_at=now + pause(invoice.sat_tries) if query else None
    )
    return ""


def _take_word(invoice: ReceivedInvoice, answer: SatStatus, now: dt.datetime) -> str:
    with transaction.atomic():
        rows = ReceivedInvoice.objects.select_for_update(of=("self",)).select_related("organization")
        held = rows.get(organization_id=invoice.organization_id, pk=invoice.pk)
        before = (held.sat_estado, held.trouble)
        held.sat_estado, held.sat_process = answer.estado.value, answer.estatus_cancelacion[:60]
        held.sat_asked_at, held.sat_tries = now, 0
        held.sat_due_at = due_at(next_ask(_facts(held), now), held.pk, now)
        held.save(update_fields=["sat_estado", "sat_process", "sat_asked_at", "sat_tries", "sat_due_at"])
        if (held.sat_estado, held.trouble) != before:
            word = f": {held.sat_process}" if held.in_cancellation else ""
            say(held, "SAT", f"Estado ante el SAT: {held.sat_estado}{word}", now)
        if held.trouble != before[1] and (held.in_cancellation or held.sat_estado == SatEstado.CANCELADO.value):
            _ending(held, now)
    invoice.sat_estado, invoice.sat_process, invoice.sat_asked_at = held.sat_estado, held.sat_process, now
    return held.sat_estado


def _facts(held: ReceivedInvoice) -> Facts:
    accepted = held.state == State.APPROVED
    paid = held.shares.filter(payment__undone_at=None).aggregate(last=Max("payment__paid_at"))["last"]
    said = held.said_payments.filter(undone_at=None).aggregate(last=Max("paid_at"))["last"]
    return Facts(
        zone=held.organization.zone,
        fecha=held.fecha,
        asked_at=held.sat_asked_at,
        estado=held.sat_estado,
        in_cancellation=held.in_cancellation,
        closed=held.state in (State.REJECTED, State.WITHDRAWN),
        accepted_at=held.decided_at if accepted else None,
        owed=bool(held.owed),
        scheduled_on=held.scheduled_on if accepted else None,
        paid_at=max((each for each in (paid, said) if each is not None), default=None),
    )


# --- what follows -----------------------------------------------------------------------------------------------------


def _ending(held: ReceivedInvoice, now: dt.datetime) -> None:
    """It is cancelled, or about to be: one stamped elsewhere frees its services, and who accepted or paid it is told.

    What was stamped here its issuer's own cancellation ends; a difference is `reconciling`'s.
    """
    with tenancy.organization(held.supplier):
        rows = InsurerInvoice.objects.select_related("payer")
        theirs = rows.filter(organization_id=held.supplier, pk=held.invoice).first()
        knows = theirs is None or theirs.state == InsurerInvoice.State.CANCELLED
        if theirs is not None and held.sat_estado == SatEstado.CANCELADO.value:
            insuring.end_external(theirs, now=now)
        if theirs is not None and not knows and held.state == State.APPROVED:
            write("reviews/sat_said", theirs, held.organization, now, received=held)
    if held.state == State.APPROVED:
        _tell_payer(held, now)


def _tell_payer(held: ReceivedInvoice, now: dt.datetime) -> None:
    people = Membership.objects.who_may(Need.REVIEW) | Membership.objects.who_may(Need.PAY)
    account: Organization = held.organization
    for member in people.filter(organization=account).select_related("user"):
        words = {"received": held, "organization": account}
        posting.post("reviews/sat_changed", words, to=member.user.email, now=now, organization_id=account.pk)
    record(
        organization_id=account.pk,
        actor="SAT",
        action="review.sat_changed",
        subject=f"received_invoice:{held.pk}",
        after={"uuid": str(held.uuid).upper(), "estado": held.sat_estado, "proceso": held.sat_process},
        now=now,
    )
