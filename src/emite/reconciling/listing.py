"""The PAC's own list of a window against what we hold: a stamp of our seal that nobody here knows is settled or shown.

What another system stamped with the same account is not ours, and is left alone. Nothing here stamps nor cancels.
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
from emite.reconciling.noting import found

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
        unanswered += sum(not _look_at(account, pac, each, clock) for each in unknown[:MOST])
    return unanswered


def _unknown(account: PacAccount, stamps: tuple[ListedStamp, ...]) -> Iterator[uuid.UUID]:
    """Folios of the list that no row of ours has, of our series where the list tells them."""
    ours = set(
        Series.objects.filter(organization_id=account.organization_id, issuer=account.issuer).values_list(
            "name", flat=True
        )
    )
    listed = {each for stamp in stamps if not stamp.serie or stamp.serie in ours for each in _folio(stamp)}
    of = {"organization_id": account.organization_id, "uuid__in": listed}
    known = set(FiscalDocument.objects.filter(**of).values_list("uuid", flat=True))
    known |= set(Difference.objects.filter(**of).values_list("uuid", flat=True))
    return iter(sorted(listed - known))


def _folio(stamp: ListedStamp) -> Iterator[uuid.UUID]:
    try:
        yield uuid.UUID(stamp.uuid)
    except ValueError:
        log.warning("folio_unreadable")


def _look_at(account: PacAccount, pac: Pac, folio: uuid.UUID, clock: Clock) -> bool:
    """Whether it is known now whose this stamp is."""
    fetched = pac.fetch(account.issuer.rfc, str(folio).upper())
    if not isinstance(fetched, Fetched):
        return False
    try:
        sealed = _ours(account, Identity.of(fetched.xml))
        if sealed is None:
            return True
        stamp = verify_stamp(fetched.xml, bytes(sealed.xml), pac.certificates())
    except (XmlRefused, StampInvalid):
        return False
    _keep(sealed, stamp, fetched.xml, clock)
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
