"""A client asks for an invoice of what a factura global carries already: it leaves the global, then the invoice.

Here it leaves by an E on the global; that the global is cancelled instead is `cancellations.rebuilding`'s.

Everything that can be judged of the invoice is judged before the E is drafted. From then on the operation is a row with
a state; each step is one transaction that leaves it where another process can go on (`advance`, called by whoever
drove a document and by the sweep). Source: SAT's guide of the factura global, Apéndice 2, example III.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import uuid

import structlog
from django.db import transaction

from emite.accounts.models import User
from emite.audit import record
from emite.cfdi.comprobante import Receptor
from emite.cfdi.faults import CfdiInvalid
from emite.cfdi.notas import Reason
from emite.charges.allocating import live_document
from emite.charges.collecting import largest_form
from emite.charges.models import Allocation, Charge
from emite.credits.crediting import Wanted, store
from emite.credits.models import CreditBalance, CreditNote, LateRequest
from emite.credits.originals import NotCreditable, is_ending
from emite.credits.settling import DEAD, settle
from emite.documents.models import FiscalDocument, State
from emite.documents.sealing import NotReady, check, errors
from emite.documents.steps import reached
from emite.invoices.building import comprobante
from emite.invoices.closing import ready
from emite.invoices.issuing import (
    NO_PERMISSION,
    AlreadyInvoiced,
    NotAllowed,
    NotInvoiceable,
    Request,
    invoiceable,
    issue,
    may_issue,
)

log = structlog.get_logger(__name__)


#: The sweep looks at each open request this often; whoever drives its documents tells it at once.
LOOK_EVERY = dt.timedelta(seconds=15)
WAIT_EVERY = dt.timedelta(minutes=1)
Status = LateRequest.State


class NotLate(Exception):
    """The charge is not one that this road is for.

    `reason` is one of: not_global, not_stamped, ending, asked, credited.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


def in_stamped_global(document: FiscalDocument | None) -> bool:
    """Whether what invoices a charge is a factura global that the SAT has."""
    return (
        document is not None
        and document.channel == FiscalDocument.Channel.GLOBAL
        and document.state == State.STAMPED
    )  # fmt: skip


def ask(
    charge: Charge, request: Request, *, channel: str, user: User, now: dt.datetime, idempotency_key: str, why: str = ""
) -> LateRequest:
    """The operation by way of an egreso, drafted here and a worker woken. The same key again returns the first.

    `why`: what kept another road from it, in words. Raises NotAllowed, NotInvoiceable, NotLate, NotReady, or
    CfdiInvalid with every fault of the invoice that would follow; nothing is stored then and the global stays as it is.
    """
    with transaction.atomic():
        locked, earlier = hold(charge, user=user, idempotency_key=idempotency_key)
        if earlier is not None:
            return earlier
        original = judge(locked, request, now)
        if is_ending(original):
            raise NotLate("ending")
        made = LateRequest(charge=locked, original=original, channel=channel, asked_by=user, last_text=why)
        made.note = _egreso(made, key=idempotency_key, now=now)
        keep(made, request, idempotency_key=idempotency_key, now=now)
        reached("late_uncommitted")
    reached("late_asked")
    return made


def hold(charge: Charge, *, user: User, idempotency_key: str) -> tuple[Charge, LateRequest | None]:
    """The charge, locked for whoever may issue, and what the same key asked before. Raises NotAllowed."""
    if not may_issue(user, charge.organization_id):
        raise NotAllowed(NO_PERMISSION)
    rows = Charge.objects.select_for_update(of=("self",)).select_related("issuer", "organization")
    locked = rows.get(organization_id=charge.organization_id, pk=charge.pk)
    earlier = LateRequest.objects.filter(organization_id=locked.organization_id, idempotency_key=idempotency_key)
    return locked, earlier.first()


def judge(charge: Charge, request: Request, now: dt.datetime) -> FiscalDocument:
    """The global that carries a charge which may leave it, once everything that this program knows of its invoice has
    been asked. Raises NotLate, NotInvoiceable, NotReady, CfdiInvalid."""
    original = _require_late(charge)
    issuer = invoiceable([charge])
    ready(issuer, now)
    wrong = errors(
        check(comprobante([charge], request.receptor, issuer=issuer, now=now, with_patient=request.with_patient))
    )
    if wrong:
        raise CfdiInvalid(wrong)
    return original


def keep(made: LateRequest, request: Request, *, idempotency_key: str, now: dt.datetime) -> None:
    """Store the operation with what was asked for, audited."""
    made.organization_id = made.charge.organization_id
    made.receptor = dataclasses.asdict(request.receptor)
    made.email, made.with_patient = request.email, request.with_patient
    made.idempotency_key, made.asked_at = idempotency_key, now
    # What is cancelled first is told by its cancellation.
    made.next_at = None if made.state == Status.CANCELLING else now + LOOK_EVERY
    made.save(force_insert=True)
    record(
        organization_id=made.organization_id,
        actor=made.asked_by.email,
        action="late.ask",
        subject=f"charge:{made.charge_id}",
        after={"global": str(made.original.uuid), "channel": made.channel, "road": str(made.state)},
        now=now,
    )


def _egreso(row: LateRequest, *, key: str, now: dt.datetime) -> CreditNote:
    try:
        return store(
            row.charge,
            Wanted(Reason.LATE, largest_form(row.charge)),
            user=row.asked_by,
            now=now,
            idempotency_key=uuid.uuid5(row.charge.pk, f"egreso-{key}").hex,
            channel=row.channel,
        )
    except NotCreditable as refused:  # its cancellation was asked for between our look and our lock
        raise NotLate("ending") from refused


def _require_late(charge: Charge) -> FiscalDocument:
    if open_request(charge) is not None:
        raise NotLate("asked")
    original = live_document(charge)
    if original is None or original.channel != FiscalDocument.Channel.GLOBAL:
        raise NotLate("not_global")
    if original.state != State.STAMPED:
        raise NotLate("not_stamped")
    if CreditBalance.objects.filter(document=original, charge=charge, credited__gt=0).exists():
        # What is left of it is no longer what its lines say.
        raise NotLate("credited")
    return original


def open_request(charge: Charge) -> LateRequest | None:
    """The operation under way of this charge, if any."""
    return (
        LateRequest.objects.filter(
            organization_id=charge.organization_id, charge=charge, state__in=LateRequest.OPEN_STATES
        )
        .select_related("note", "nominative")
        .defer("nominative__content")
        .first()
    )


def due(*, now: dt.datetime, limit: int) -> list[uuid.UUID]:
    """Operations that somebody should look at, the longest waiting first."""
    rows = LateRequest.objects.filter(state__in=LateRequest.OPEN_STATES, next_at__lte=now).order_by("next_at")
    return list(rows.values_list("pk", flat=True)[:limit])


def of_document(pk: uuid.UUID) -> list[uuid.UUID]:
    """The open operations that wait for this document."""
    rows = LateRequest.objects.filter(state__in=LateRequest.OPEN_STATES)
    return [
        *rows.filter(note__document_id=pk).values_list("pk", flat=True),
        *rows.filter(nominative_id=pk).values_list("pk", flat=True),
    ]


def advance(pk: uuid.UUID, *, now: dt.datetime) -> str | None:
    """One step, as far as its documents allow; its state, or None when it is ended or another worker has it."""
    with transaction.atomic():
        charge_id = LateRequest.objects.filter(pk=pk).values("charge_id")
        # The charge before its operation, as `ask` does: two roads to the same rows, one order.
        charge = Charge.objects.select_for_update(of=("self",), skip_locked=True).filter(pk__in=charge_id).first()
        row = (
            LateRequest.objects.select_for_update(of=("self",), skip_locked=True)
            .select_related("charge__organization", "charge__issuer", "note__document", "nominative", "asked_by")
            .filter(pk=pk, state__in=LateRequest.OPEN_STATES)
            .first()
        )
        if charge is None or row is None:
            return None
        match row.state:
            case Status.CREDITING:
                _crediting(row, now)
            case Status.ISSUING:
                _issuing(row, now)
            case Status.WAITING:
                _waiting(row, now)
        reached("late_step_uncommitted")
    reached("late_step")
    return str(row.state)


def _crediting(row: LateRequest, now: dt.datetime) -> None:
    """Once the E is stamped the charge leaves the global and is invoiced in the same transaction."""
    assert row.note is not None
    document = row.note.document
    if document.state in DEAD:
        settle(row.note, now)
        _move(row, Status.FAILED, now, document.last_code, document.last_text)
    elif document.state == State.STAMPED:
        settle(row.note, now)
        _hand_over(row, now)
    else:
        _wait(row, now, LOOK_EVERY)


def _hand_over(row: LateRequest, now: dt.datetime) -> None:
    if not Allocation.objects.filter(charge=row.charge, document=row.original, active=True).exists():
        # The global itself was cancelled meanwhile: the charge is whose it is now.
        _move(row, Status.RETURNED, now)
        return
    invoice(row, now)


def invoice(row: LateRequest, now: dt.datetime) -> None:
    """Draft and bind the invoice of what may leave its global now, or let it wait for who mends what is wrong."""
    try:
        with transaction.atomic():
            _leave_global(row, now)
            row.nominative = issue(
                row.charge,
                Request(Receptor(**row.receptor), row.email, row.with_patient),
                channel=row.channel,
                user=row.asked_by,
                now=now,
                idempotency_key=uuid.uuid5(row.pk, "factura").hex,
            )
        _move(row, Status.ISSUING, now)
        return
    except NotReady as error:
        if row.state == Status.CREDITING:
            # The issuer lacks something: the charge stays where it is until a person mends it.
            row.last_text = str(error)
            _wait(row, now, WAIT_EVERY)
            return
        code, text = "", str(error)
    except CfdiInvalid as error:
        code, text = error.faults[0].code, error.faults[0].message
    except NotAllowed:
        code, text = "", "Quien la pidió ya no tiene permiso de emitir facturas: pídala otra vez."
    except (NotInvoiceable, AlreadyInvoiced) as error:
        code, text = "", f"La remisión cambió mientras salía de la global ({error})."
    _leave_global(row, now)
    _move(row, Status.WAITING, now, code, text)


def go_by_egreso(pk: uuid.UUID, why: str, *, now: dt.datetime) -> bool:
    """The global was not cancelled: what would leave it by that leaves it by an egreso. False: look again later.

    Call inside a transaction.
    """
    charge_id = LateRequest.objects.filter(pk=pk).values("charge_id")
    locked = Charge.objects.select_for_update(of=("self",), skip_locked=True).select_related("issuer", "organization")
    charge = locked.filter(pk__in=charge_id).first()
    rows = LateRequest.objects.select_for_update(of=("self",), skip_locked=True).select_related("original", "asked_by")
    row = rows.filter(pk=pk, state=Status.CANCELLING).first()
    if charge is None or row is None:
        return False
    row.charge = charge
    live = live_document(charge)
    if live is None or live.pk != row.original_id:
        _move(row, Status.WAITING, now, "", "La factura global se canceló por otro camino mientras tanto.")
        return True
    try:
        with transaction.atomic():
            row.note = _egreso(row, key=row.idempotency_key, now=now)
    except (NotLate, NotReady):
        return False
    except CfdiInvalid as error:
        _move(row, Status.FAILED, now, error.faults[0].code, error.faults[0].message)
        return True
    _move(row, Status.CREDITING, now, "", why)
    return True


def _leave_global(row: LateRequest, now: dt.datetime) -> None:
    rows = Allocation.objects.filter(charge=row.charge, document=row.original, active=True)
    rows.update(active=False, released_at=now)


def _issuing(row: LateRequest, now: dt.datetime) -> None:
    assert row.nominative is not None
    if row.nominative.state == State.STAMPED:
        _move(row, Status.DONE, now)
    elif row.nominative.state in DEAD:
        _move(row, Status.WAITING, now, row.nominative.last_code, row.nominative.last_text)
    else:
        _wait(row, now, LOOK_EVERY)


def _waiting(row: LateRequest, now: dt.datetime) -> None:
    """The charge is free and nothing is lost: whoever invoices it, or the next global, ends the operation."""
    live = live_document(row.charge)
    if row.charge.state == Charge.State.VOID:
        _move(row, Status.RETURNED, now)  # given back whole: there is nothing to invoice
    elif live is None or live.state != State.STAMPED:
        _wait(row, now, WAIT_EVERY)
    elif live.channel == FiscalDocument.Channel.GLOBAL:
        _move(row, Status.RETURNED, now)
    else:
        row.nominative = live
        _move(row, Status.DONE, now)


def _move(row: LateRequest, state: str, now: dt.datetime, code: str = "", text: str = "") -> None:
    row.state, row.last_code, row.last_text = state, code[:20], text
    row.next_at = now + WAIT_EVERY if row.is_open else None
    row.finished_at = None if row.is_open else now
    row.save(update_fields=["state", "note", "nominative", "last_code", "last_text", "next_at", "finished_at"])
    level = log.warning if state in (Status.WAITING, Status.FAILED) else log.info
    level("late_request", request=str(row.pk), state=str(state), code=code[:20])


def _wait(row: LateRequest, now: dt.datetime, pause: dt.timedelta) -> None:
    row.next_at = now + pause
    row.save(update_fields=["next_at", "last_text"])
