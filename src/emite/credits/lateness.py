"""A client asks for an invoice of what a factura global carries already: E on the global, then the invoice.

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
from emite.credits.models import CreditBalance, LateRequest
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
    charge: Charge, request: Request, *, channel: str, user: User, now: dt.datetime, idempotency_key: str
) -> LateRequest:
    """The operation, with its E drafted and a worker woken. The same key again returns the first.

    Raises NotAllowed, NotInvoiceable, NotLate, NotReady, or CfdiInvalid with every fault of the invoice that would
    follow; nothing is stored then and the global stays as it is.
    """
    if not may_issue(user, charge.organization_id):
        raise NotAllowed(NO_PERMISSION)
    with transaction.atomic():
        rows = Charge.objects.select_for_update(of=("self",)).select_related("issuer", "organization")
        locked = rows.get(organization_id=charge.organization_id, pk=charge.pk)
        earlier = LateRequest.objects.filter(
            organization_id=locked.organization_id, idempotency_key=idempotency_key
        ).first()
        if earlier is not None:
            return earlier
        original = _require_late(locked)
        _judge(locked, request, now)
        wanted = Wanted(Reason.LATE, largest_form(locked))
        key = uuid.uuid5(locked.pk, f"egreso-{idempotency_key}").hex
        try:
            note = store(locked, wanted, user=user, now=now, idempotency_key=key, channel=channel)
        except NotCreditable as refused:  # its cancellation was asked for between our look and our lock
            raise NotLate("ending") from refused
        made = LateRequest.objects.create(
            organization_id=locked.organization_id,
            charge=locked,
            original=original,
            note=note,
            channel=channel,
            receptor=dataclasses.asdict(request.receptor),
            email=request.email,
            with_patient=request.with_patient,
            idempotency_key=idempotency_key,
            asked_by=user,
            asked_at=now,
            next_at=now + LOOK_EVERY,
        )
        record(
            organization_id=locked.organization_id,
            actor=user.email,
            action="late.ask",
            subject=f"charge:{locked.pk}",
            after={"global": str(original.uuid), "channel": channel},
            now=now,
        )
        reached("late_uncommitted")
    reached("late_asked")
    return made


def _require_late(charge: Charge) -> FiscalDocument:
    if open_request(charge) is not None:
        raise NotLate("asked")
    original = live_document(charge)
    if original is None or original.channel != FiscalDocument.Channel.GLOBAL:
        raise NotLate("not_global")
    if original.state != State.STAMPED:
        raise NotLate("not_stamped")
    if is_ending(original):
        raise NotLate("ending")
    if CreditBalance.objects.filter(document=original, charge=charge, credited__gt=0).exists():
        # What is left of it is no longer what its lines say.
        raise NotLate("credited")
    return original


def _judge(charge: Charge, request: Request, now: dt.datetime) -> None:
    """Everything that this program knows of the invoice, before anything is taken out of the global."""
    issuer = invoiceable([charge])
    ready(issuer, now)
    wrong = errors(
        check(comprobante([charge], request.receptor, issuer=issuer, now=now, with_patient=request.with_patient))
    )
    if wrong:
        raise CfdiInvalid(wrong)


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
            case _:
                _waiting(row, now)
        reached("late_step_uncommitted")
    reached("late_step")
    return str(row.state)


def _crediting(row: LateRequest, now: dt.datetime) -> None:
    """Once the E is stamped the charge leaves the global and is invoiced in the same transaction."""
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
    except NotReady as error:
        # The issuer lacks something: the charge stays where it is until a person mends it.
        row.last_text = str(error)
        _wait(row, now, WAIT_EVERY)
    except CfdiInvalid as error:
        _leave_global(row, now)
        _move(row, Status.WAITING, now, error.faults[0].code, error.faults[0].message)
    except NotAllowed:
        _leave_global(row, now)
        _move(row, Status.WAITING, now, "", "Quien la pidió ya no tiene permiso de emitir facturas: pídala otra vez.")
    except (NotInvoiceable, AlreadyInvoiced) as error:
        _leave_global(row, now)
        _move(row, Status.WAITING, now, "", f"La remisión cambió mientras salía de la global ({error}).")


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
    row.save(update_fields=["state", "nominative", "last_code", "last_text", "next_at", "finished_at"])
    level = log.warning if state in (Status.WAITING, Status.FAILED) else log.info
    level("late_request", request=str(row.pk), state=str(state), code=code[:20])


def _wait(row: LateRequest, now: dt.datetime, pause: dt.timedelta) -> None:
    row.next_at = now + pause
    row.save(update_fields=["next_at", "last_text"])
