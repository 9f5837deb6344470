"""Compare a window with SAT and the PAC: each document that was stamped, each that came to nothing after it was sent,
and the PAC's own list (`listing`).

Idempotent: a worker that dies is followed by another that begins again. It asks; it never stamps nor cancels.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import structlog
from django.db import IntegrityError, transaction
from django.db.models import Q
from procrastinate.contrib.django import app

from emite.accounts.models import User
from emite.audit import record
from emite.cfdi.timbre import StampInvalid, verify_stamp
from emite.documents.consulting import ask_sat, query_of_xml, sat_status_of
from emite.documents.models import WITH_UUID, DocumentEvent, FiscalDocument, SealedXml, State
from emite.issuers.connecting import adapter
from emite.issuers.models import Issuer
from emite.organizations.models import Organization
from emite.pac.port import Found, NotFound, SatEstado, SatStatus
from emite.reconciling import listing
from emite.reconciling.models import Comparison, Difference
from emite.reconciling.noting import found, take_word

log = structlog.get_logger(__name__)

COMPARE = "emite.compare"
#: What a night looks back at: SAT's lag, with a day more.
WINDOW = dt.timedelta(days=4)
#: Local hour from which the night's comparison may begin.
NIGHT = 3
LEASE = dt.timedelta(minutes=5)
Kind = Difference.Kind
Clock = Callable[[], dt.datetime]


class AlreadyComparing(Exception):
    """One is under way for this organization."""


@dataclass
class Tally:
    """What a run has counted."""

    compared: int = 0
    unanswered: int = 0


def start(
    organization: Organization, *, since: dt.datetime, until: dt.datetime, now: dt.datetime, user: User | None = None,
    day: dt.date | None = None, wake: bool = True,
) -> Comparison:  # fmt: skip
    """A comparison of what was created or stamped in [since, until), with a worker woken unless the caller runs it.

    Raises AlreadyComparing.
    """
    try:
        with transaction.atomic():
            run = Comparison.objects.create(
                organization_id=organization.pk, since=since, until=until, day=day, asked_by=user, asked_at=now
            )
            if wake:
                app.configure_task(COMPARE).defer(pk=str(run.pk))
            if user is not None:
                record(
                    organization_id=organization.pk,
                    actor=user.email,
                    action="comparison.ask",
                    subject=f"comparison:{run.pk}",
                    now=now,
                )
    except IntegrityError as error:
        if "comparison_one" in str(error):
            raise AlreadyComparing(str(organization.pk)) from error
        raise
    return run


def start_nights(now: dt.datetime) -> int:
    """The night's comparison of each organization that issues, once a day from NIGHT on; returns how many began."""
    begun = 0
    for organization in Organization.objects.filter(pk__in=Issuer.objects.values("organization_id")):
        here = now.astimezone(organization.zone)
        today = Comparison.objects.filter(organization_id=organization.pk, day=here.date())
        if here.hour < NIGHT or today.exists():
            continue
        try:
            start(organization, since=now - WINDOW, until=now, now=now, day=here.date())
            begun += 1
        except AlreadyComparing:
            continue
    return begun


def due(*, now: dt.datetime, limit: int) -> list[uuid.UUID]:
    """Runs that nobody carries on."""
    free = Q(lease_until=None) | Q(lease_until__lt=now)
    rows = Comparison.objects.filter(free, finished_at=None).order_by("asked_at")
    return list(rows.values_list("pk", flat=True)[:limit])


def run(pk: uuid.UUID, *, clock: Clock) -> Comparison | None:
    """Carry out one comparison; None when it is done or another worker has it."""
    now = clock()
    free = Q(lease_until=None) | Q(lease_until__lt=now)
    mine = Comparison.objects.filter(free, pk=pk, finished_at=None)
    if not mine.update(state=Comparison.State.RUNNING, lease_until=now + LEASE):
        return None
    row = Comparison.objects.select_related("organization").get(pk=pk)
    tally = Tally()
    for document in _window(row):
        now = clock()
        Comparison.objects.filter(pk=pk).update(lease_until=now + LEASE)
        tally.compared += 1
        if not _compare(document, now):
            tally.unanswered += 1
    tally.unanswered += listing.look(row, clock)
    _followed_up(row.organization_id, tally, clock())
    open_now = Difference.objects.filter(organization_id=row.organization_id, closed_at=None).count()
    row.state, row.finished_at, row.lease_until = Comparison.State.DONE, clock(), None
    row.compared, row.unanswered, row.differing = tally.compared, tally.unanswered, open_now
    row.save(update_fields=["state", "finished_at", "lease_until", "compared", "unanswered", "differing"])
    log.info("compared", comparison=str(pk), documents=tally.compared, differing=open_now)
    return row


def _window(row: Comparison) -> Iterator[FiscalDocument]:
    inside = Q(stamped_at__gte=row.since, stamped_at__lt=row.until) | Q(
        created_at__gte=row.since, created_at__lt=row.until, stamped_at=None
    )
    ended = Q(state__in=WITH_UUID) | Q(state__in=(State.REJECTED, State.VOID), attempts__gt=0)
    rows = FiscalDocument.objects.filter(inside, ended, organization_id=row.organization_id)
    return rows.select_related("issuer", "pac_account").defer("content").order_by("created_at").iterator(200)


def _compare(document: FiscalDocument, now: dt.datetime) -> bool:
    """Ask what there is to ask of one document; whether everybody answered."""
    answered = True
    if document.uuid is not None:
        answer = ask_sat(document)
        answered = isinstance(answer, SatStatus)
        take_word(document, answer, now)
        _second_stamps(document, now)
    for sealed in _never_believed(document):
        answered = _look_for(document, sealed, now) and answered
    return answered


def _never_believed(document: FiscalDocument) -> list[SealedXml]:
    """The bytes that we hold not to be stamped: all of a document that came to nothing, the earlier ones of another."""
    rows = SealedXml.objects.filter(organization_id=document.organization_id, document=document)
    if document.uuid is not None:
        rows = rows.exclude(seal_rev=document.seal_rev)
    return list(rows.order_by("seal_rev"))


def _look_for(document: FiscalDocument, sealed: SealedXml, now: dt.datetime) -> bool:
    """A stamp of bytes that should have none is an orphan, or the second of a document: kept, and a person's."""
    pac = adapter(document.pac_account)
    answer = pac.lookup(bytes(sealed.xml), f"{document.pk}-{sealed.seal_rev}")
    if not isinstance(answer, Found):
        return isinstance(answer, NotFound)
    try:
        stamp = verify_stamp(answer.xml, bytes(sealed.xml), pac.certificates())
    except StampInvalid:
        return False
    kind = Kind.DUPLICATE if document.uuid is not None else Kind.ORPHAN
    with transaction.atomic():
        found(document, kind, uuid.UUID(stamp.uuid), now, xml=answer.xml)
    return True


def _second_stamps(document: FiscalDocument, now: dt.datetime) -> None:
    """What the stamping road refused to store because it was the second."""
    events = DocumentEvent.objects.filter(
        organization_id=document.organization_id, document_id=document.pk, what="stamped_twice"
    )
    for event in events:
        found(document, Kind.DUPLICATE, uuid.UUID(event.detail["uuid"]), now)


def _followed_up(organization_id: uuid.UUID, tally: Tally, now: dt.datetime) -> None:
    """Open differences that the window no longer holds, and orphans that somebody may have cancelled at the PAC."""
    rows = Difference.objects.filter(organization_id=organization_id, closed_at=None, seen_at__lt=now - LEASE)
    orphans = Difference.objects.filter(organization_id=organization_id, closed_at=None, xml__isnull=False)
    ours = rows.filter(xml=None, document__isnull=False)
    for row in ours.select_related("document__issuer", "document__pac_account"):
        tally.compared += 1
        if row.kind != Kind.DUPLICATE and row.document is not None:
            take_word(row.document, ask_sat(row.document), now)
    for row in orphans:
        query = query_of_xml(bytes(row.xml or b""))
        answer = sat_status_of(query, organization_id) if query is not None else None
        if isinstance(answer, SatStatus) and answer.estado is SatEstado.CANCELADO:
            Difference.objects.filter(pk=row.pk).update(closed_at=now, ending=Difference.Ending.GONE)
