"""Drive a request to its end: the worker signs, asks SAT, sends, asks again. The only place that opens a key for it.

Each step is one call or one transaction, never both; the same bytes are sent again under any doubt. What an answer
means is decided by `machine`, what an end entails by `ending`.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import uuid as uuids
from collections.abc import Callable

import structlog
from django.db import connection, transaction
from django.db.models import Q

from emite.cancellations import ending, machine
from emite.cancellations.machine import Facts, Move
from emite.cancellations.models import OPEN, Acuse, CancellationRequest, SignedRequest, State
from emite.cancellations.related import holders
from emite.cancellations.requesting import needed_by_late_request, note
from emite.cfdi.cancelacion import Cancelacion, Folio, sign
from emite.cfdi.zones import local_now
from emite.documents.consulting import account_of, ask_sat
from emite.documents.models import FiscalDocument
from emite.documents.stamping import LEASE, LostLease
from emite.documents.steps import reached
from emite.invoices.issuing import may_issue
from emite.issuers import breaker
from emite.issuers.connecting import adapter
from emite.issuers.keys import open_csd
from emite.issuers.models import PacAccount, StoredCsd
from emite.pac.port import CancelAnswer, CancelTold, SatStatus, StatusAnswer

log = structlog.get_logger(__name__)

Clock = Callable[[], dt.datetime]

STEPS_PER_VISIT = 6
RETRY_WHEN_NOT_READY = dt.timedelta(minutes=1)


def drive(pk: uuids.UUID, *, owner: str, clock: Clock) -> State | None:
    """Take the request as far as it goes now; its state, or None when it is not due or another worker has it."""
    request = _claim(pk, owner=owner, now=clock())
    if request is None:
        return None
    try:
        for _ in range(STEPS_PER_VISIT):
            if not request.is_open or request.next_at is None or request.next_at > clock():
                break
            _step(request, clock)
        if request.is_open:
            CancellationRequest.objects.filter(pk=request.pk, lease_owner=owner).update(
                lease_owner="", lease_until=None
            )
    except LostLease:
        log.warning("lease_lost", cancellation=str(pk))
    return State(request.state)


def due(*, now: dt.datetime, limit: int) -> list[uuids.UUID]:
    """Requests that somebody should drive now, the longest waiting first."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT id FROM cancellations_cancellationrequest
               WHERE state IN ('asked', 'signed', 'sending', 'requested', 'in_process')
                 AND next_at <= %s AND (lease_until IS NULL OR lease_until < %s)
               ORDER BY next_at LIMIT %s""",
            [now, now, limit],
        )
        return [row[0] for row in cursor.fetchall()]


def _claim(pk: uuids.UUID, *, owner: str, now: dt.datetime) -> CancellationRequest | None:
    """Hold the row for LEASE. One found SENDING was left by a worker that died: its bytes are simply sent again."""
    free = Q(lease_until=None) | Q(lease_until__lt=now)
    with transaction.atomic():
        won = CancellationRequest.objects.filter(free, pk=pk, state__in=OPEN, next_at__lte=now).update(
            lease_owner=owner, lease_until=now + LEASE
        )
        if not won:
            return None
        request = CancellationRequest.objects.select_related(
            "document__issuer", "document__pac_account", "document__organization", "substitute", "asked_by"
        ).get(pk=pk)
        if request.state == State.SENDING:
            _move(request, Move(State.SIGNED, "doubt", now, {"doubted_at": now}), now)
    reached("cancel_claimed")
    return request


def _step(request: CancellationRequest, clock: Clock) -> None:
    if request.state in (State.REQUESTED, State.IN_PROCESS):
        _settle(request, *_status(request, clock), clock())
        return
    if request.state == State.ASKED and (stop := _no_longer(request)) is not None:
        _settle(request, Move(State.DROPPED, "dropped", None, {"last_text": stop}), None, clock())
        return
    if request.state == State.ASKED or request.attempts:
        # Before the first send, and before each that follows a doubt: SAT may have heard of it already.
        move, answer = _status(request, clock)
        if move.state is not State.SIGNED or move.next_at is None or move.next_at > clock():
            _settle(request, move, answer, clock())
            return
        if request.state == State.ASKED:
            _sign(request, answer, clock())
            return
        _settle(request, move, answer, clock())
    _send(request, clock)


def _no_longer(request: CancellationRequest) -> str | None:
    """Why what was asked must not be done any more, looked at again by whoever signs."""
    if request.asked_by is None or not may_issue(request.asked_by, request.organization_id):
        return "Quien la pidió ya no tiene permiso para cancelar."
    if holders(request.document):
        return "Mientras tanto apareció un documento vivo que depende de ella."
    if needed_by_late_request(request.document):
        return "Esta nota de crédito sacó una remisión de la factura global: sin ella el ingreso quedaría dos veces."
    return None


def _status(request: CancellationRequest, clock: Clock) -> tuple[Move, StatusAnswer]:
    _renew(request, clock())
    answer = ask_sat(request.document)
    reached("cancel_status")
    return machine.after_status(_facts(request), answer, clock()), answer


def _sign(request: CancellationRequest, answer: StatusAnswer, now: dt.datetime) -> None:
    """Sign once and keep the bytes. Without a certificate the request waits for one."""
    document = request.document
    csd_row = StoredCsd.objects.filter(
        organization_id=request.organization_id, issuer_id=document.issuer_id, active=True
    ).first()
    if csd_row is None:
        missing = {"last_code": "EMI-FALTA", "last_text": "Falta el certificado de sello digital (CSD) del emisor."}
        _settle(request, Move(State.ASKED, "", now + RETRY_WHEN_NOT_READY, missing), answer, now)
        return
    folio = Folio(_folio(document), request.motivo, _folio(request.substitute) if request.substitute else None)
    fecha = local_now(now, document.issuer.lugar_expedicion)
    xml = sign(Cancelacion(document.issuer.rfc, fecha, (folio,)), open_csd(csd_row))
    with transaction.atomic(durable=True):
        SignedRequest.objects.create(
            organization_id=request.organization_id,
            request=request,
            xml=xml,
            sha256=hashlib.sha256(xml).digest(),
            csd=csd_row,
            signed_at=now,
        )
        _record_status(request, answer, now)
        _move(request, Move(State.SIGNED, "signed", now, {"last_code": "", "last_text": ""}), now)
        reached("cancel_signed_uncommitted")
    reached("cancel_signed")


def _send(request: CancellationRequest, clock: Clock) -> None:
    """Promise in the database, then send the signed bytes."""
    account, now = account_of(request.document), clock()
    if not breaker.may_send(account, now):
        _settle(request, Move(State.SIGNED, "", account.open_until or now + breaker.PROBE_EVERY), None, now)
        return
    xml = bytes(SignedRequest.objects.only("xml").get(request=request).xml)
    with transaction.atomic(durable=True):
        _update(request, State.SENDING, now, attempts=request.attempts + 1, first_sent_at=request.first_sent_at or now)
        note(request, "sent", now=now)
    reached("cancel_promised")
    answer = adapter(account).cancel(xml)
    reached("cancel_answered")
    now = clock()
    move = machine.after_send(_facts(request), answer, _folio(request.document), now)
    with transaction.atomic(durable=True):
        _record_answer(request, account, answer, now)
        _move(request, move, now)
        ending.entail(request, now)
        reached("cancel_settled_uncommitted")
    reached("cancel_settled")


def _settle(request: CancellationRequest, move: Move, answer: StatusAnswer | None, now: dt.datetime) -> None:
    with transaction.atomic(durable=True):
        if answer is not None:
            _record_status(request, answer, now)
        _move(request, move, now)
        ending.entail(request, now)
        reached("cancel_settled_uncommitted")
    reached("cancel_settled")


def _record_status(request: CancellationRequest, answer: StatusAnswer, now: dt.datetime) -> None:
    """Keep SAT's word: always on the row, as an event when it is another than before."""
    request.checks += 1
    if not isinstance(answer, SatStatus):
        if not request.checks % 10 or request.checks == 1:
            note(request, "status_unknown", now=now, detail={"reason": answer.reason}, raw=answer.evidence.raw)
        _update(request, State(request.state), now, checks=request.checks)
        return
    said = {
        "estado": answer.estado.value,
        "es_cancelable": answer.es_cancelable[:60],
        "estatus": answer.estatus_cancelacion[:60],
    }
    if said != {name: getattr(request, name) for name in said}:
        detail = {**said, "codigo_estatus": answer.codigo_estatus, "efos": answer.validacion_efos}
        note(request, "status", now=now, detail=detail, raw=answer.evidence.raw)
    _update(request, State(request.state), now, checks=request.checks, checked_at=now, **said)


def _record_answer(request: CancellationRequest, account: PacAccount, answer: CancelAnswer, now: dt.datetime) -> None:
    """Keep what the PAC answered, and the acuse; tell the breaker."""
    evidence = answer.evidence
    if isinstance(answer, CancelTold):
        code = answer.codes[_folio(request.document)]
        Acuse.objects.create(
            organization_id=request.organization_id,
            request=request,
            code=code,
            xml=answer.acuse,
            sha256=hashlib.sha256(answer.acuse).digest(),
            stored_at=now,
        )
        note(request, "told", now=now, code=code)
    else:
        words = getattr(answer, "text", "") or getattr(answer, "reason", "")
        detail = {"answer": type(answer).__name__.lower(), "text": words, "http": str(evidence.http or "")}
        note(request, "answered", now=now, code=getattr(answer, "code", ""), detail=detail, raw=evidence.raw)
    if evidence.http is None or evidence.http >= 500:
        breaker.failed(account, now)
    else:
        breaker.answered(account)


def _facts(request: CancellationRequest) -> Facts:
    assert request.document.stamped_at is not None
    before = CancellationRequest.objects.filter(document=request.document, state=State.REJECTED)
    return Facts(
        state=State(request.state),
        stamped_at=request.document.stamped_at,
        first_sent_at=request.first_sent_at,
        attempts=request.attempts,
        checks=request.checks,
        refused_before=before.exists(),
        doubted_at=request.doubted_at,
        refused_at=request.refused_at,
        last_code=request.last_code,
        last_text=request.last_text,
    )


def _move(request: CancellationRequest, move: Move, now: dt.datetime) -> None:
    changes = {"next_at": move.next_at, **move.changes}
    if move.state is not State(request.state) and move.state in OPEN:
        changes.setdefault("checks", 0)
    if move.state not in OPEN:
        changes |= {"finished_at": now, "lease_owner": "", "lease_until": None}
    _update(request, move.state, now, **changes)
    if move.event:
        note(request, move.event, now=now, code=str(move.changes.get("last_code", "")))


def _renew(request: CancellationRequest, now: dt.datetime) -> None:
    _update(request, State(request.state), now)


def _update(request: CancellationRequest, state: State, now: dt.datetime, **changes: object) -> None:
    """Compare and set: only while we hold the row, whose lease is held on. Raises LostLease."""
    changes.setdefault("lease_until", now + LEASE)
    held = CancellationRequest.objects.filter(
        pk=request.pk, lease_owner=request.lease_owner, lease_until__gte=now, state=request.state
    )
    if not held.update(state=state, **changes):
        raise LostLease(str(request.pk))
    request.state = state
    for name, value in changes.items():
        setattr(request, name, value)


def _folio(document: FiscalDocument) -> str:
    return str(document.uuid).upper()
