"""What the payer says of an invoice: under review, approved, rejected with a reason, when it will be paid.

Each act holds the row, writes its history and leaves a notice for the supplier in the same transaction.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable

from django.db import transaction
from django.db.models.functions import Coalesce

from emite.accounts.models import User
from emite.audit.recording import record
from emite.care.models import InsurerInvoice
from emite.pac.port import SatEstado
from emite.reviews.allowing import NotAllowed, Refused, must_review
from emite.reviews.models import Notice, ReceivedInvoice, ReviewEvent
from emite.reviews.receiving import say

State = ReceivedInvoice.State
REASON_LIMIT = 500
EVENT_LIMIT = 200
#: What one press may decide at once.
MOST_TOGETHER = 500

#: What the supplier's row says for each of ours.
TOLD = {
    State.IN_REVIEW: InsurerInvoice.Review.IN_REVIEW,
    State.APPROVED: InsurerInvoice.Review.APPROVED,
    State.REJECTED: InsurerInvoice.Review.REJECTED,
}
_FROM = {
    State.IN_REVIEW: (State.RECEIVED, State.REJECTED),
    State.APPROVED: (State.RECEIVED, State.IN_REVIEW),
    State.REJECTED: (State.RECEIVED, State.IN_REVIEW, State.APPROVED),
}
_WORDS = {
    State.IN_REVIEW: "Empezó la revisión",
    State.APPROVED: "Se aprobó",
    State.REJECTED: "Se rechazó",
}


def see(invoice: ReceivedInvoice, *, now: dt.datetime) -> None:
    """Somebody opened it: it is not new any more."""
    ReceivedInvoice.objects.filter(
        organization_id=invoice.organization_id, pk=invoice.pk, seen_at=None
    ).update(seen_at=now)  # fmt: skip


def review(invoice: ReceivedInvoice, *, user: User, now: dt.datetime) -> None:
    """ "En revisión": also one that was rejected and deserves another look. Raises NotAllowed or Refused."""
    must_review(user, invoice.organization_id)
    with transaction.atomic():
        _move(invoice.organization_id, [invoice.pk], State.IN_REVIEW, "", user, now)


def approve(
    organization_id: uuid.UUID, invoices: Iterable[uuid.UUID], *, user: User, now: dt.datetime
) -> list[ReceivedInvoice]:
    """All of them, or none. One that the SAT gave for cancelled when it was last asked is refused.

    Raises NotAllowed, or Refused naming the one that stands in the way.
    """
    must_review(user, organization_id)
    with transaction.atomic():
        return _move(organization_id, _wanted(invoices), State.APPROVED, "", user, now)


def reject(
    organization_id: uuid.UUID, invoices: Iterable[uuid.UUID], *, reason: str, user: User, now: dt.datetime
) -> list[ReceivedInvoice]:
    """All of them for one reason, or none. What is paid is not rejected. Raises NotAllowed or Refused."""
    must_review(user, organization_id)
    why = " ".join(reason.split())
    if not why:
        raise Refused("Escriba el motivo del rechazo: el médico lo leerá para corregir su factura.", "reason")
    if len(why) > REASON_LIMIT:
        raise Refused(f"El motivo lleva {REASON_LIMIT} letras o menos.", "reason")
    with transaction.atomic():
        return _move(organization_id, _wanted(invoices), State.REJECTED, why, user, now)


def schedule(invoice: ReceivedInvoice, day: dt.date | None, *, user: User, now: dt.datetime) -> None:
    """The day on which it will be paid; None: none yet. Raises NotAllowed or Refused."""
    must_review(user, invoice.organization_id)
    with transaction.atomic():
        held = _held(invoice.organization_id, invoice.pk)
        if held.state != State.APPROVED:
            raise Refused("Solo se programa el pago de una factura aprobada.", "day")
        if not held.owed:
            raise Refused("La factura ya está pagada: no queda pago que programar.", "day")
        if day is not None and day < held.organization.local_date(now):
            raise Refused("La fecha programada no puede ser pasada.", "day")
        ReceivedInvoice.objects.filter(pk=held.pk).update(scheduled_on=day, sat_due_at=now)
        say(
            held, user.email, f"Se programó su pago para el {day:%d/%m/%Y}" if day else "Se quitó la fecha de pago", now
        )


def _wanted(invoices: Iterable[uuid.UUID]) -> list[uuid.UUID]:
    wanted = sorted(set(invoices))
    if not wanted:
        raise Refused("Elija al menos una factura.", "invoices")
    if len(wanted) > MOST_TOGETHER:
        raise Refused(f"Son {len(wanted):,} facturas: a lo más {MOST_TOGETHER} a la vez.", "invoices")
    return wanted


def _held(organization_id: uuid.UUID, pk: uuid.UUID) -> ReceivedInvoice:
    return ReceivedInvoice.objects.select_for_update().get(organization_id=organization_id, pk=pk)


def _move(
    organization_id: uuid.UUID,
    wanted: list[uuid.UUID],
    state: ReceivedInvoice.State,
    reason: str,
    user: User,
    now: dt.datetime,
) -> list[ReceivedInvoice]:
    """All of them, held in the order of their keys as everybody holds them; those that are so already stay."""
    rows = ReceivedInvoice.objects.select_for_update().filter(organization_id=organization_id, pk__in=wanted)
    held = list(rows.order_by("pk").defer("xml", "findings"))
    if len(held) != len(wanted):
        raise Refused("Una de las facturas ya no está en la bandeja: recargue la lista.", "invoices")
    moving = [each for each in held if (each.state, each.reason) != (state, reason)]
    for each in moving:
        _check(each, state)
    ReceivedInvoice.objects.filter(organization_id=organization_id, pk__in=[each.pk for each in moving]).update(
        state=state,
        reason=reason,
        decided_at=now if state != State.IN_REVIEW else None,
        seen_at=Coalesce("seen_at", now),
        sat_due_at=now,
        **({} if state == State.APPROVED else {"scheduled_on": None}),
    )
    word = _WORDS[state] + (f": {reason}" if reason else "")
    ReviewEvent.objects.bulk_create(
        ReviewEvent(organization_id=organization_id, invoice=each, at=now, who=user.email, what=word[:EVENT_LIMIT])
        for each in moving
    )
    Notice.objects.bulk_create(
        Notice(organization_id=organization_id, supplier=each.supplier, invoice=each, made_at=now, next_at=now)
        for each in moving
    )
    for each in moving:
        record(
            organization_id=organization_id,
            actor=user.email,
            action=f"review.{state}",
            subject=f"received_invoice:{each.pk}",
            after={"uuid": str(each.uuid).upper(), **({"reason": reason} if reason else {})},
            now=now,
        )
        each.state, each.reason = state, reason
    return held


def _check(held: ReceivedInvoice, state: ReceivedInvoice.State) -> None:
    if held.state not in _FROM[state]:
        raise Refused(f"La factura {held} está «{held.label}»: no puede pasar a «{state.label}».", "invoices")
    if held.paid:
        raise Refused(f"La factura {held} ya tiene pagos: no se rechaza. Pida una nota de crédito.", "invoices")
    if state == State.APPROVED and held.sat_estado == SatEstado.CANCELADO.value:
        raise Refused(f"El SAT dice que la factura {held} está cancelada: no se aprueba.", "invoices")


__all__ = [
    "MOST_TOGETHER", "REASON_LIMIT", "TOLD", "NotAllowed", "Refused", "approve", "reject", "review", "schedule",
    "see",
]  # fmt: skip
