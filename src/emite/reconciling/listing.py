"""The PAC's own list of a window against what we hold: a stamp of our seal that nobody here knows is settled or shown.

One of a series of ours that no document here is of is shown too, for a person to bring in; what another system stamped
with the same account in series of its own is left alone. Nothing here stamps nor cancels.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Iterator
from typing import Final

import structlog
from django.db import transaction
from django.db.models import Q

from emite.cfdi.timbre import StampInvalid, Timbre, verify_stamp
from emite.cfdi.xml import XmlRefused
from emite.documents.models import UNSETTLED, FiscalDocument, SealedXml
from emite.documents.spool import Rescued
from emite.invoices.stamping import adopt
from emite.issuers.connecting import adapter
from emite.issuers.models import PacAccount, Series
from emite.pac.port import Fetched, Listed, ListedStamp, Pac
from emite.pac.seals import Identity
from emite.reconciling.models import Comparison, Difference
from emite.reconciling.noting import found, unheld
from emite.reconciling.proving import Unreadable, verified

log = structlog.get_logger(__name__)

#: Unknown stamps of one account that one comparison looks at: what is left is next night's.
MOST: Final = 100
Clock = Callable[[], dt.datetime]


def look(row: Comparison, clock: Clock) -> int:
    """Look at every stamp of the window that we do not know; returns how many questions the PACs left open."""
    unanswered = 0
    used = Q(active=True) | Q(replaced_at__gte=row.since)
    for account in PacAccount.objects.select_related("issuer").filter(used, organization_id=row.organization_id):
        pac = adapter(account)
        if not pac.capabilities.lists:
            continue
        answer = pac.listing(account.issuer.rfc, row.since, row.until)
        if not isinstance(answer, Listed):
            unanswered += 1
            continue
        unknown = list(_unknown(account, answer.stamps))
        if len(unknown) > MOST:
            log.warning("stamps_left", account=str(account.pk), left=len(unknown) - MOST)
        told = {each for stamp in answer.stamps if stamp.serie for each in _folio(stamp)}
        unanswered += sum(not _look_at(account, pac, each, clock, is_ours=each in told) for each in unknown[:MOST])
    return unanswered


def _unknown(account: PacAccount, stamps: tuple[ListedStamp, ...]) -> Iterator[uuid.UUID]:
    """Folios of the list that no row of ours has, of our series where the list tells them.

    Another organization of this installation may hold the same RFC: its rows are looked at too.
    """
    ours = _series_of(account)
    listed = {each for stamp in stamps if not stamp.serie or stamp.serie in ours for each in _folio(stamp)}
    known = set(FiscalDocument.objects.filter(uuid__in=listed).values_list("uuid", flat=True))
    seen = Difference.objects.filter(organization_id=account.organization_id, uuid__in=listed)
    without = Q(document=None, xml=None, closed_at=None)  # its XML could not be had yet
    known |= set(seen.exclude(without).values_list("uuid", flat=True))
    return iter(sorted(listed - known))


def _series_of(account: PacAccount) -> set[str]:
    rows = Series.objects.filter(organization_id=account.organization_id, issuer=account.issuer)
    return set(rows.values_list("name", flat=True))


def _folio(stamp: ListedStamp) -> Iterator[uuid.UUID]:
    try:
        yield uuid.UUID(stamp.uuid)
    except ValueError:
        log.warning("folio_unreadable")


def _look_at(account: PacAccount, pac: Pac, folio: uuid.UUID, clock: Clock, *, is_ours: bool) -> bool:
    """Whether it is known now whose this stamp is. `is_ours`: its series says so without the XML."""
    fetched = pac.fetch(account.issuer.rfc, str(folio).upper())
    if not isinstance(fetched, Fetched):
        if is_ours:
            unheld(account.organization_id, folio, clock(), xml=None)
        return False
    try:
        who = Identity.of(fetched.xml)
        sealed = _ours(account, who)
        if sealed is None:
            return _is_anothers(account, who) or _show(account, pac, folio, fetched.xml, who, clock())
        stamp = verify_stamp(fetched.xml, bytes(sealed.xml), pac.certificates())
    except (XmlRefused, StampInvalid):
        return False
    _keep(sealed, stamp, fetched.xml, clock)
    return True


def _is_anothers(account: PacAccount, who: Identity) -> bool:
    """Of a series that is not ours, or of another organization that holds this RFC and still waits for it."""
    if who.serie not in _series_of(account):
        return True
    rows = SealedXml.objects.filter(
        document__issuer__rfc=who.rfc, document__serie=who.serie, document__folio=who.folio
    ).exclude(organization_id=account.organization_id)
    return any(Identity.of(bytes(row.xml)).sello == who.sello for row in rows)


def _show(account: PacAccount, pac: Pac, folio: uuid.UUID, xml: bytes, who: Identity, now: dt.datetime) -> bool:
    """A person's: the second of a folio that we hold, or one that nobody here knows. Whether it could be verified."""
    try:
        verified(account.issuer, xml, folio, pac.certificates())
    except Unreadable as error:
        log.warning("unknown_stamp_unreadable", account=str(account.pk), reason=str(error))
        return False
    same = FiscalDocument.objects.filter(
        organization_id=account.organization_id, issuer=account.issuer, serie=who.serie, folio=who.folio,
        uuid__isnull=False,
    ).first()  # fmt: skip
    with transaction.atomic():
        if same is not None:
            found(same, Difference.Kind.DUPLICATE, folio, now, xml=xml)
        else:
            unheld(account.organization_id, folio, now, xml=xml)
    return True


def _ours(account: PacAccount, who: Identity) -> SealedXml | None:
    """The bytes of ours that this stamp is of, by their seal."""
    rows = SealedXml.objects.filter(
        organization_id=account.organization_id,
        document__issuer=account.issuer,
        document__serie=who.serie,
        document__folio=who.folio,
    )
    same = (row for row in rows.select_related("document") if Identity.of(bytes(row.xml)).sello == who.sello)
    return next(same, None)


def _keep(sealed: SealedXml, stamp: Timbre, xml: bytes, clock: Clock) -> None:
    """Its document takes it if it still waits for it; else it is an orphan, or the second of a document."""
    document = sealed.document
    if document.state in UNSETTLED and document.seal_rev == sealed.seal_rev:
        adopt(Rescued(sealed.organization_id, document.pk, sealed.seal_rev, xml), clock)
        return
    kind = Difference.Kind.DUPLICATE if document.uuid is not None else Difference.Kind.ORPHAN
    with transaction.atomic():
        found(document, kind, uuid.UUID(stamp.uuid), clock(), xml=xml)
