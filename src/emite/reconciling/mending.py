"""What a person does with a difference: write here what SAT has done, or say why it stays. Never stamps nor cancels."""

from __future__ import annotations

import datetime as dt
import uuid

from django.db import transaction

from emite.accounts.models import User
from emite.audit import record
from emite.cancellations.learning import learn_cancelled
from emite.cancellations.requesting import NotAllowed as NotAllowed
from emite.invoices.issuing import NO_PERMISSION, may_issue
from emite.reconciling.models import Difference


class CannotMend(Exception):
    """It is no longer open, or nothing can be written here; the message says what to do instead."""


def register_cancellation(organization_id: uuid.UUID, pk: uuid.UUID, *, user: User, now: dt.datetime) -> Difference:
    """SAT has it cancelled: so it is here too, its charges free. Raises NotAllowed, CannotMend or NotCancellable."""
    with transaction.atomic():
        row = _open(organization_id, pk, user)
        if row.kind != Difference.Kind.CANCELLED_AT_SAT:
            raise CannotMend("Esta diferencia no se arregla aquí: siga lo que dice su renglón.")
        learn_cancelled(row.document, raw=bytes(row.raw or b""), user=user, now=now)
        _close(row, Difference.Ending.MENDED, "", user, now)
    return row


def put_aside(organization_id: uuid.UUID, pk: uuid.UUID, *, reason: str, user: User, now: dt.datetime) -> Difference:
    """A person answers for it, with a reason: it is not shown again. Raises NotAllowed or CannotMend."""
    if not reason.strip():
        raise CannotMend("Escriba por qué se cierra: queda en la bitácora.")
    with transaction.atomic():
        row = _open(organization_id, pk, user)
        _close(row, Difference.Ending.PERSON, reason.strip()[:200], user, now)
    return row


def _open(organization_id: uuid.UUID, pk: uuid.UUID, user: User) -> Difference:
    if not may_issue(user, organization_id):
        raise NotAllowed(NO_PERMISSION)
    rows = Difference.objects.select_for_update(of=("self",)).select_related("document__issuer")
    row = rows.filter(organization_id=organization_id, pk=pk, closed_at=None).first()
    if row is None:
        raise CannotMend("Esta diferencia ya se cerró: recargue la página.")
    return row


def _close(row: Difference, ending: str, reason: str, user: User, now: dt.datetime) -> None:
    row.closed_at, row.ending, row.closed_by, row.reason = now, ending, user, reason
    row.save(update_fields=["closed_at", "ending", "closed_by", "reason"])
    record(
        organization_id=row.organization_id,
        actor=user.email,
        action=f"difference.{ending}",
        subject=f"document:{row.document_id}",
        after={"kind": row.kind, "uuid": str(row.uuid).upper()},
        reason=reason,
        now=now,
    )
