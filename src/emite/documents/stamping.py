"""Send a sealed document to its PAC exactly once: claim, ask, look up, settle.

Each verb is one short transaction or one call to the PAC, never both. What an answer means is decided by
`machine`; what it entails for charges or payments is decided by the caller, in the transaction of `settle`.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import time
import uuid as uuids
from collections.abc import Callable
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Q

from emite.cfdi.timbre import StampInvalid, Timbre, verify_stamp
from emite.documents import machine, pacing, sealing
from emite.documents.machine import Facts, Move
from emite.documents.models import UNSETTLED, FiscalDocument, SealedXml, StampAttempt, StampedXml, State
from emite.documents.sealing import note
from emite.documents.steps import reached
from emite.issuers import breaker, pac_manifests
from emite.issuers.connecting import adapter
from emite.issuers.models import PacAccount
from emite.pac.port import Doubt, Evidence, Found, LookupAnswer, NotSent, NotSentCause, StampAnswer, Stamped, Unknown

#: A worker that holds a row has this long; a call to the PAC ends well before (40 s).
LEASE = dt.timedelta(seconds=90)
#: A process that slept longer than this between its promise and the send must not send.
PAUSE_LIMIT_SECONDS = 10.0
#: A PAC's clock further than this from ours is nonsense: it must not date documents.
CLOCK_LIMIT = dt.timedelta(days=1)

#: How soon a document that waits for a carta manifiesto is looked at again.
WITHOUT_MANIFEST = dt.timedelta(minutes=2)

Clock = Callable[[], dt.datetime]


class LostLease(Exception):
    """Another worker took the row: this one must stop and write nothing more."""


class StampedTwice(Exception):
    """The PAC gave a second folio fiscal for a document that is settled already. A person must cancel it."""

    def __init__(self, document: FiscalDocument, second: str) -> None:
        self.second = second
        super().__init__(f"{document.pk}: {document.uuid or document.state} y {second}")


@dataclass(frozen=True, slots=True)
class Verified:
    """A stamp that was checked byte by byte against what we sealed."""

    xml: bytes
    timbre: Timbre


def claim(pk: uuids.UUID, *, owner: str, now: dt.datetime) -> FiscalDocument | None:
    """Take the row for LEASE if it is due and nobody holds it, else None.

    A row found SENDING was left by a worker that died in the middle: what it sent is in doubt.
    """
    free = Q(lease_until=None) | Q(lease_until__lt=now)
    with transaction.atomic():
        won = FiscalDocument.objects.filter(free, pk=pk, state__in=UNSETTLED, next_at__lte=now).update(
            lease_owner=owner, lease_until=now + LEASE
        )
        if not won:
            return None
        document = FiscalDocument.objects.select_related("pac_account").get(pk=pk)
        if document.state == State.SENDING:
            _move(document, Move(State.UNKNOWN, "doubt", now, {"in_doubt": True, "not_found": 0, "lookups": 0}), now)
    reached("claimed")
    return document


def renew(document: FiscalDocument, now: dt.datetime) -> None:
    """Hold the row for another LEASE before a call to the PAC. Raises LostLease."""
    held = FiscalDocument.objects.filter(pk=document.pk, lease_owner=document.lease_owner, lease_until__gte=now)
    if not held.update(lease_until=now + LEASE):
        raise LostLease(str(document.pk))


def let_go(document: FiscalDocument) -> None:
    """Give the row back to whoever is next."""
    FiscalDocument.objects.filter(pk=document.pk, lease_owner=document.lease_owner).update(
        lease_owner="", lease_until=None
    )


def seal(document: FiscalDocument, now: dt.datetime) -> None:
    """Seal a draft and keep its bytes. Raises CfdiInvalid, NotReady (nothing is stored) or LostLease."""
    with transaction.atomic(durable=True):
        renew(document, now)
        sealed = sealing.seal(document, now=now)
        reached("sealed_uncommitted")
        _update(
            document,
            State.SEALED,
            from_states=[State.DRAFT],
            seal_rev=document.seal_rev,
            serie=document.serie,
            folio=document.folio,
            sealed_at=now,
            next_at=now,
            last_code="",
            last_text="",
        )
        note(document, "sealed", now=now, detail={"folio": f"{document.serie or ''}{document.folio}"})
        document._sealed_row = sealed  # type: ignore[attr-defined]
    reached("sealed")


def facts_of(document: FiscalDocument) -> Facts:
    """What the machine needs to know of this row."""
    sealed = _sealed(document)
    return Facts(
        fecha=sealed.fecha,
        in_doubt=document.in_doubt,
        first_sent_at=document.first_sent_at,
        last_sent_at=document.last_sent_at,
        not_found=document.not_found,
        lookups=document.lookups,
        attempts=document.attempts,
        last_code=document.last_code,
        unwanted=document.discard_asked_at is not None,
    )


def instead_of_sending(document: FiscalDocument, now: dt.datetime) -> Move | None:
    """Why a sealed document must not be sent now, if so: too old, without manifest, not its turn, the PAC is ill."""
    move = machine.before_send(facts_of(document), now)
    if move is None and not pac_manifests.may_stamp(document.pac_account):
        lacking = {"last_code": pac_manifests.LACKING, "last_text": pac_manifests.LACKING_TEXT}
        return Move(State.SEALED, "", now + WITHOUT_MANIFEST, lacking)
    if move is None and (later := pacing.turn(document, now)) is not None:
        return Move(State.SEALED, "", later)
    # The last: it gives one document the turn to try a PAC that was ill.
    if move is None and not breaker.may_send(document.pac_account, now):
        return Move(State.SEALED, "", document.pac_account.open_until or now + breaker.PROBE_EVERY)
    return move


def ask(document: FiscalDocument, clock: Clock) -> tuple[Facts, StampAnswer]:
    """Promise in the database, then send the sealed bytes under their key.

    Returns the facts from before the send and the PAC's answer. Raises LostLease (nothing was sent).
    """
    sealed, before = _sealed(document), facts_of(document)
    xml, key, now = bytes(sealed.xml), document.pac_key, clock()
    promised = time.monotonic()
    with transaction.atomic(durable=True):
        _update(
            document,
            State.SENDING,
            from_states=[State.SEALED],
            renew_at=now,
            attempts=document.attempts + 1,
            first_sent_at=document.first_sent_at or now,
            last_sent_at=now,
            not_found=0,
            next_at=now,
        )
        _promise(document, StampAttempt.Operation.STAMP, now)
    reached("promised")
    pac = adapter(document.pac_account)
    # Two clocks: one stands still while the machine is suspended, the other while somebody sets it.
    if max(time.monotonic() - promised, (clock() - now).total_seconds()) > PAUSE_LIMIT_SECONDS:
        nothing = Evidence(http=None, code=None, raw=b"", pac_date=None, elapsed_ms=0)
        return before, NotSent("el proceso estuvo detenido antes de enviar", nothing)
    answer = pac.stamp(xml, key)
    reached("answered")
    return before, answer


def look_up(document: FiscalDocument, clock: Clock) -> LookupAnswer:
    """Ask the PAC for an earlier stamp of these bytes. Never stamps. Raises LostLease."""
    sealed, now = _sealed(document), clock()
    with transaction.atomic(durable=True):
        _update(document, State(document.state), renew_at=now, attempts=document.attempts + 1)
        _promise(document, StampAttempt.Operation.LOOKUP, now)
    reached("lookup_promised")
    answer = adapter(document.pac_account).lookup(bytes(sealed.xml), document.pac_key)
    reached("lookup_answered")
    return answer


def verified(document: FiscalDocument, xml: bytes) -> Verified:
    """The stamp in these bytes, if it is one of our very seal. Raises StampInvalid."""
    sealed = bytes(_sealed(document).xml)
    return Verified(xml, verify_stamp(xml, sealed, adapter(document.pac_account).certificates()))


def weigh(document: FiscalDocument, before: Facts, answer: StampAnswer, now: dt.datetime) -> Verified | Move:
    """What a stamp's answer comes to. A stamp that does not verify is a doubt, never a success."""
    if not isinstance(answer, Stamped):
        return machine.after_stamp(before, answer, now, adapter(document.pac_account).capabilities)
    try:
        return verified(document, answer.xml)
    except StampInvalid as error:
        doubt = Doubt("EMI-TFD", f"El timbre recibido no corresponde: {error}", answer.evidence)
        return machine.after_stamp(before, doubt, now)


def weigh_lookup(document: FiscalDocument, answer: LookupAnswer, now: dt.datetime) -> Verified | Move:
    """What a look-up's answer comes to."""
    capabilities = adapter(document.pac_account).capabilities
    if not isinstance(answer, Found):
        return machine.after_lookup(facts_of(document), answer, capabilities, now)
    try:
        return verified(document, answer.xml)
    except StampInvalid as error:
        unknown = Unknown(f"El timbre hallado no corresponde: {error}", answer.evidence)
        return machine.after_lookup(facts_of(document), unknown, capabilities, now)


def settle(document: FiscalDocument, result: Verified | Move, now: dt.datetime) -> bool:
    """Write the outcome: the stamped XML with its state, or the move. Call inside a transaction.

    A verified stamp is written whoever holds the row; a move needs the lease. False when this very stamp was stored
    before: then it entails nothing again. Raises LostLease or StampedTwice.
    """
    if isinstance(result, Move):
        _move(document, result, now)
        return True
    return _stamp(document, result, now)


def record_answer(
    document: FiscalDocument, operation: str, answer: StampAnswer | LookupAnswer, now: dt.datetime
) -> None:
    """Keep what was seen on the wire, and tell the breaker. Call inside the transaction of `settle`."""
    evidence = answer.evidence
    StampAttempt.objects.create(
        organization_id=document.organization_id,
        document_id=document.pk,
        seal_rev=document.seal_rev,
        number=document.attempts,
        phase=StampAttempt.Phase.ANSWERED,
        operation=operation,
        pac_account_id=document.pac_account_id,
        at=now,
        outcome=type(answer).__name__.lower(),
        http=evidence.http,
        code=(evidence.code or "")[:20],
        elapsed_ms=evidence.elapsed_ms,
        # A stamp's XML is kept once, in StampedXml.
        raw=None if isinstance(answer, Stamped | Found) else evidence.raw,
    )
    if isinstance(answer, NotSent) and answer.cause is NotSentCause.NO_MANIFEST:
        pac_manifests.refused_by_pac(document.pac_account, now)
    elif isinstance(answer, Stamped):
        pac_manifests.accepted_by_pac(document.pac_account)
    if machine.is_failure_of_the_pac(answer):
        # A look-up that fails says nothing of stamping, and must not keep the next send from its turn.
        if operation == StampAttempt.Operation.STAMP:
            breaker.failed(document.pac_account, now)
    else:
        breaker.answered(document.pac_account)
        _remember_clock(document.pac_account, evidence, now)


def _stamp(document: FiscalDocument, stamp: Verified, now: dt.datetime) -> bool:
    folio_fiscal = uuids.UUID(stamp.timbre.uuid)
    won = FiscalDocument.objects.filter(pk=document.pk, state__in=UNSETTLED, seal_rev=document.seal_rev).update(
        state=State.STAMPED,
        uuid=folio_fiscal,
        stamped_at=now,
        next_at=None,
        in_doubt=False,
        last_code="",
        last_text="",
        lease_owner="",
        lease_until=None,
    )
    if not won:
        document.refresh_from_db()
        if document.uuid == folio_fiscal:
            return False
        raise StampedTwice(document, stamp.timbre.uuid)
    StampedXml.objects.create(
        organization_id=document.organization_id,
        document_id=document.pk,
        uuid=folio_fiscal,
        xml=stamp.xml,
        sha256=hashlib.sha256(stamp.xml).digest(),
        stored_at=now,
    )
    document.state, document.uuid, document.stamped_at, document.next_at = State.STAMPED, folio_fiscal, now, None
    note(document, "stamped", now=now, detail={"uuid": str(folio_fiscal).upper()})
    return True


def _move(document: FiscalDocument, move: Move, now: dt.datetime) -> None:
    changes = {"next_at": move.next_at, **move.changes}
    if move.state not in UNSETTLED:
        changes["lease_until"] = None
    _update(document, move.state, **changes)
    if move.event:
        note(document, move.event, now=now, detail={"code": move.changes.get("last_code", "")})


def _update(
    document: FiscalDocument,
    state: State,
    *,
    from_states: list[State] | None = None,
    renew_at: dt.datetime | None = None,
    **changes: object,
) -> None:
    """Compare and set: only while we hold the row, and it is where we believe it is. Raises LostLease.

    With `renew_at` the lease must not have run out then, and is held for another LEASE.
    """
    rows = FiscalDocument.objects.filter(
        pk=document.pk, lease_owner=document.lease_owner, state__in=from_states or [document.state]
    )
    if renew_at:
        rows = rows.filter(lease_until__gte=renew_at)
        changes["lease_until"] = renew_at + LEASE
    if not rows.update(state=state, **changes):
        raise LostLease(str(document.pk))
    document.state = state
    for name, value in changes.items():
        setattr(document, name, value)


def _promise(document: FiscalDocument, operation: str, now: dt.datetime) -> None:
    StampAttempt.objects.create(
        organization_id=document.organization_id,
        document_id=document.pk,
        seal_rev=document.seal_rev,
        number=document.attempts,
        phase=StampAttempt.Phase.SENT,
        operation=operation,
        pac_account_id=document.pac_account_id,
        at=now,
    )


def _remember_clock(account: PacAccount, evidence: Evidence, now: dt.datetime) -> None:
    """Keep how far the PAC's clock is from ours when it changed by more than two seconds."""
    if evidence.pac_date is None or abs(evidence.pac_date - now) > CLOCK_LIMIT:
        return
    offset = round((evidence.pac_date - now).total_seconds() * 1000)
    if abs(offset - account.clock_offset_ms) > 2000:
        PacAccount.objects.filter(pk=account.pk).update(clock_offset_ms=offset)
        account.clock_offset_ms = offset


def _sealed(document: FiscalDocument) -> SealedXml:
    """The present revision of the bytes; read once per claim."""
    kept: SealedXml | None = getattr(document, "_sealed_row", None)
    if kept is None or kept.seal_rev != document.seal_rev:
        kept = SealedXml.objects.get(
            organization_id=document.organization_id, document_id=document.pk, seal_rev=document.seal_rev
        )
        document._sealed_row = kept  # type: ignore[attr-defined]
    return kept
