"""What the end of a credit note's document entails: its balances are given back when it came
to nothing, its cash leaves the drawer when it is stamped.

Nothing waits for this: a note that nobody settled is found by the sweep.
"""

from __future__ import annotations

import datetime as dt
import uuid

import structlog
from django.db import transaction
from django.db.models import Q

from emite.accounts.models import User
from emite.charges.allowing import NotAllowed
from emite.charges.following import finish
from emite.charges.models import FollowUp
from emite.credits.models import CreditNote
from emite.credits.paying_out import with_the_stamp
from emite.documents.models import State

log = structlog.get_logger(__name__)

DEAD = (State.REJECTED, State.VOID, State.CANCELLED)


def settle(note: CreditNote, now: dt.datetime) -> None:
    """Call inside a transaction, with the document as it is now. Settling twice changes nothing."""
    state = note.document.state
    if state in DEAD and note.active:
        CreditNote.objects.filter(pk=note.pk, active=True).update(active=False, settled_at=note.settled_at or now)
        note.active = False
    elif state == State.STAMPED and note.settled_at is None:
        CreditNote.objects.filter(pk=note.pk, settled_at=None).update(settled_at=now)
        with_the_stamp(note, now)
        _resolve(note, now)


def settle_of(document_id: uuid.UUID, *, now: dt.datetime) -> None:
    """Settle the note of this document, if it has one."""
    with transaction.atomic():
        note = CreditNote.objects.select_for_update(of=("self",)).select_related("document").filter(
            document_id=document_id
        ).first()  # fmt: skip
        if note is not None:
            settle(note, now)


def due(*, limit: int) -> list[uuid.UUID]:
    """Documents of notes that have ended and whose note does not know."""
    unsaid = Q(settled_at=None, document__state__in=(State.STAMPED, *DEAD))
    undone = Q(active=True, document__state__in=DEAD)
    rows = CreditNote.objects.filter(unsaid | undone).order_by("created_at")
    return list(rows.values_list("document_id", flat=True)[:limit])


def _resolve(note: CreditNote, now: dt.datetime) -> None:
    """The refund that waited for this credit note has it."""
    if note.reason in (CreditNote.Reason.LATE, CreditNote.Reason.ANTICIPO) or note.charge_id is None:
        return
    user: User = note.asked_by
    rows = FollowUp.objects.filter(
        organization_id=note.organization_id, charge_id=note.charge_id, kind=FollowUp.Kind.CREDIT_NOTE, done_at=None
    )
    for row in rows:
        outcome = f"Nota de crédito por ${note.total:,.2f}, folio fiscal {str(note.document.uuid).upper()}."
        try:
            finish(note.organization_id, row.pk, outcome=outcome, user=user, now=now)
        except NotAllowed:  # lost the role since: somebody else closes it, the note stands all the same
            log.warning("follow_up_left_open", follow_up=str(row.pk))
