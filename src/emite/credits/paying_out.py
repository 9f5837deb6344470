"""The cash of a credit note: it leaves the drawer when the note is stamped, never for one that came to nothing.

Tried once, with the stamp, from the session that was open when it was asked for. What that drawer could no longer give
waits for a person (`owed`, `hand_over`).
"""

from __future__ import annotations

import datetime as dt
import uuid

import structlog
from django.db import transaction
from django.db.models import QuerySet

from emite.accounts.models import User
from emite.charges import drawer
from emite.charges.allowing import NotAllowed, must_correct
from emite.charges.drawer import DrawerRefused
from emite.charges.models import CashMovement, CashRegister, RegisterSession
from emite.credits.models import CreditNote
from emite.documents.models import State

log = structlog.get_logger(__name__)


def promised_by(register: CashRegister | None, note: CreditNote) -> CashRegister | None:
    """The register whose open drawer will give this note's money; None when none has to. Raises DrawerRefused."""
    if note.forma_pago != drawer.CASH or register is None:
        return None
    session = drawer.session_for(register, drawer.Drawer.IF_OPEN)
    if session is None:
        return None
    drawer.must_hold(session, note.total)
    return register


def with_the_stamp(note: CreditNote, now: dt.datetime) -> None:
    """Take the money out of the drawer that promised it. Call in the transaction that settles the note."""
    if note.register is None or note.paid_out_at is not None:
        return
    try:
        with transaction.atomic():
            session = drawer.session_for(note.register, drawer.Drawer.IF_OPEN)
            if session is not None and session.opened_at <= note.created_at:
                _take(note, session, note.asked_by, now)
    except (DrawerRefused, NotAllowed) as refused:
        log.warning("cash_of_credit_waits", note=str(note.pk), why=type(refused).__name__)


def owed(organization_id: uuid.UUID) -> QuerySet[CreditNote]:
    """Stamped notes whose cash did not leave a drawer yet."""
    return CreditNote.objects.filter(
        organization_id=organization_id, register__isnull=False, paid_out_at=None, document__state=State.STAMPED
    )


def hand_over(
    organization_id: uuid.UUID, pk: uuid.UUID, *, register: CashRegister, user: User, now: dt.datetime
) -> CreditNote:
    """A person gives the money now, from this register. Twice gives it once.

    Raises CreditNote.DoesNotExist, DrawerRefused or NotAllowed.
    """
    with transaction.atomic():
        rows = CreditNote.objects.select_for_update(of=("self",)).select_related("charge", "document", "asked_by")
        note = rows.get(organization_id=organization_id, pk=pk, register__isnull=False)
        if note.paid_out_at is not None:
            return note
        if note.document.state != State.STAMPED:
            raise DrawerRefused("register", "La nota de crédito no está timbrada: todavía no se entrega su dinero.")
        must_correct(user, organization_id, note.total)
        session = drawer.session_for(register, drawer.Drawer.IF_OPEN)
        if session is None:
            raise DrawerRefused("register", f"La caja {register.name} está cerrada: ábrala para entregar el dinero.")
        _take(note, session, user, now)
    return note


def _take(note: CreditNote, session: RegisterSession, user: User, now: dt.datetime) -> None:
    assert note.charge is not None  # only a charge's note gives money back
    why = f"Devolución de {note.charge.folio}, con nota de crédito"
    key = uuid.uuid5(note.pk, "efectivo")
    drawer.move(session, CashMovement.Kind.WITHDRAWAL, note.total, reason=why, user=user, now=now, key=key)
    CreditNote.objects.filter(pk=note.pk).update(paid_out_at=now)
    note.paid_out_at = now
