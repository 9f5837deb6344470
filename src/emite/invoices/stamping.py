"""Drive an invoice from draft to stamped: the worker's whole algorithm, over the verbs of `documents.stamping`.

Charges are freed in the transaction that learns a definitive refusal. Nothing here runs in the web process.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence

import structlog
from django.db import OperationalError, connection, transaction
from django.db.models import Count

from emite.care.models import InsurerInvoice
from emite.cfdi.faults import CfdiInvalid
from emite.charges.allocating import release
from emite.documents import pacing, quarantine, stamping
from emite.documents.machine import Move
from emite.documents.models import Delivery, FiscalDocument, StampAttempt, State
from emite.documents.sealing import NotReady, note
from emite.documents.spool import Rescued, Spool
from emite.documents.stamping import Clock, LostLease, StampedTwice, Verified
from emite.documents.steps import reached
from emite.documents.waking import LARGE, wake_delivery
from emite.invoices import insuring
from emite.invoices.models import GlobalDocument
from emite.invoices.requests import close_stamped
from emite.invoices.telling import tell
from emite.organizations import portal
from emite.pac.port import LookupAnswer, StampAnswer

log = structlog.get_logger(__name__)

#: One visit does at most this many steps; then the row waits its turn again.
STEPS_PER_VISIT = 6
RETRY_WHEN_NOT_READY = dt.timedelta(minutes=1)


def drive(pk: uuid.UUID, *, owner: str, clock: Clock, spool: Spool | None = None) -> State | None:
    """Take the document as far as it goes now; its state, or None when it is not due or another worker has it."""
    document = stamping.claim(pk, owner=owner, now=clock())
    if document is None:
        return None
    try:
        for _ in range(STEPS_PER_VISIT):
            if document.is_settled or document.next_at is None or document.next_at > clock():
                break
            _step(document, clock, spool)
        if not document.is_settled:
            stamping.let_go(document)
    except LostLease:
        log.warning("lease_lost", document=str(pk))
    return State(document.state)


def _step(document: FiscalDocument, clock: Clock, spool: Spool | None) -> None:
    waits = quarantine.instead(document, clock())
    if waits is not None:
        _settle(document, waits, None, clock(), spool)
        return
    match document.state:
        case State.DRAFT:
            _seal(document, clock())
        case State.SEALED:
            instead = stamping.instead_of_sending(document, clock())
            if instead:
                _settle(document, instead, None, clock(), spool)
            else:
                before, answer = stamping.ask(document, clock)
                result = stamping.weigh(document, before, answer, clock())
                _settle(document, result, (StampAttempt.Operation.STAMP, answer), clock(), spool)
        case State.UNKNOWN | State.HELD:
            found = stamping.look_up(document, clock)
            result = stamping.weigh_lookup(document, found, clock())
            _settle(document, result, (StampAttempt.Operation.LOOKUP, found), clock(), spool)
        case _:
            raise AssertionError(f"no se conduce un documento {document.state}")


def _seal(document: FiscalDocument, now: dt.datetime) -> None:
    try:
        if document.channel == FiscalDocument.Channel.PORTAL and not portal.has_biller(document.organization_id):
            raise NotReady("Nadie con permiso de emitir está vinculado al portal: la factura espera en la cola.")
        stamping.seal(document, now)
    except NotReady as error:
        changes = {"last_code": "EMI-FALTA", "last_text": str(error)}
        _settle(document, Move(State.DRAFT, "", now + RETRY_WHEN_NOT_READY, changes), None, now, None)
    except CfdiInvalid as error:
        first = error.faults[0]
        changes = {"last_code": first.code[:20], "last_text": first.message}
        document.refresh_from_db(fields=["seal_rev", "serie", "folio"])
        _settle(document, Move(State.REJECTED, "rejected", None, changes), None, now, None)


def _settle(
    document: FiscalDocument,
    result: Verified | Move,
    answer: tuple[str, StampAnswer | LookupAnswer] | None,
    now: dt.datetime,
    spool: Spool | None,
) -> None:
    """Store the outcome and what it entails in one transaction; rescue a stamp that the database cannot take."""
    try:
        with transaction.atomic(durable=True):
            if answer:
                stamping.record_answer(document, answer[0], answer[1], now)
            if stamping.settle(document, result, now):
                entail(document, now)
            reached("settled_uncommitted")
    except StampedTwice as error:
        log.critical("stamped_twice", document=str(document.pk), detail=str(error))
        with transaction.atomic(durable=True):
            # The first stays; the second is real at SAT and a person must cancel it.
            note(document, "stamped_twice", now=now, detail={"uuid": error.second})
        raise
    except Exception:
        # Whatever could not be done with it (the disk, a lost connection, what others are told), the stamp is real.
        if isinstance(result, Verified) and spool is not None:
            spool.write(Rescued(document.organization_id, document.pk, document.seal_rev, result.xml))
            log.critical("stamp_spooled", document=str(document.pk))
        raise
    reached("settled")


def entail(document: FiscalDocument, now: dt.datetime) -> None:
    """What the outcome means for others, in the same transaction."""
    try:
        with transaction.atomic():
            tell(document, now=now)
    except OperationalError:
        raise
    except Exception:  # no stamp is undone because somebody could not be told of it
        log.exception("nobody_told", document=str(document.pk))
    insuring.follow(document, now)
    if document.state in (State.REJECTED, State.VOID):
        release(document, now=now)
        Delivery.objects.filter(document=document, state=Delivery.State.PENDING).update(
            state=Delivery.State.FAILED, next_at=None, last_error=document.state
        )
    elif document.state == State.STAMPED:
        close_stamped(document, now=now)
        for delivery in Delivery.objects.filter(document=document, state=Delivery.State.PENDING):
            Delivery.objects.filter(pk=delivery.pk).update(next_at=now)
            wake_delivery(delivery.pk)


def replay(spool: Spool, *, clock: Clock) -> int:
    """Put every rescued stamp into the database; returns how many were new. Raises while the database is away.

    What cannot be put there now (its stamp cannot be verified, say) stays in the spool and is said.
    """
    restored = read = failed = 0
    for rescued in spool.read():
        read += 1
        try:
            restored += adopt(rescued, clock)
        except OperationalError:
            raise
        except Exception:  # one that cannot be restored must not keep the others out
            log.exception("stamp_not_restored", document=str(rescued.document_id))
            failed += 1
    if not failed:
        spool.clear(read)
    return restored


def adopt(rescued: Rescued, clock: Clock) -> bool:
    """Store a stamp that the PAC gave and its document does not have yet, with all that it entails; False when it has
    ended otherwise meanwhile. Raises StampInvalid."""
    document = FiscalDocument.objects.select_related("pac_account").get(pk=rescued.document_id)
    if document.is_settled or document.seal_rev != rescued.seal_rev:
        return False
    with transaction.atomic(durable=True):
        fresh = stamping.settle(document, stamping.verified(document, rescued.xml), clock())
        if fresh:
            entail(document, clock())
    return fresh


def due(*, now: dt.datetime, limit: int, hurried: bool | None = None) -> list[uuid.UUID]:
    """Documents that somebody should drive now, the longest waiting first; only those that somebody waits for
    (`hurried`), only the others, or all."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT id FROM documents_fiscaldocument
               WHERE state IN ('draft', 'sealed', 'sending', 'unknown', 'held')
                 AND next_at <= %(now)s AND (lease_until IS NULL OR lease_until < %(now)s)
                 AND (%(hurried)s::boolean IS NULL OR (channel <> %(unhurried)s) = %(hurried)s)
               ORDER BY next_at LIMIT %(limit)s""",
            {"now": now, "limit": limit, "hurried": hurried, "unhurried": pacing.UNHURRIED.value},
        )
        return [row[0] for row in cursor.fetchall()]


def large(pks: Sequence[uuid.UUID]) -> set[uuid.UUID]:
    """Of these documents, the facturas globales of many charges and the invoices of many services."""
    if not pks:
        return set()
    globals_ = GlobalDocument.objects.filter(document_id__in=pks, charges__gte=LARGE).values_list("document_id")
    insurers = InsurerInvoice.objects.filter(document_id__in=pks).annotate(services=Count("allocations"))
    return {pk for (pk,) in globals_.union(insurers.filter(services__gte=LARGE).values_list("document_id"))}
