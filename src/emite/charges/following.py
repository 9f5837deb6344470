"""What somebody asked for at the desk and the desk cannot do yet: kept with its reason until a person resolves it.

Nothing of the charge, nor of its invoice, changes here.
"""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal

from django.db import transaction

from emite.accounts.models import User
from emite.audit import record
from emite.charges.allocating import live_document
from emite.charges.allowing import must_collect
from emite.charges.models import Charge, FollowUp


class NothingToFollow(Exception):
    """No document invoices the charge: what is asked for can be done at once."""


def ask(
    target: Charge,
    kind: str,
    *,
    reason: str,
    user: User,
    now: dt.datetime,
    contact: str = "",
    amount: Decimal | None = None,
) -> FollowUp:
    """What waits for somebody; the one that already waits, when there is. Raises NothingToFollow, NotAllowed."""
    must_collect(user, target.organization_id)
    with transaction.atomic():
        charge = Charge.objects.select_for_update().get(organization_id=target.organization_id, pk=target.pk)
        if live_document(charge) is None:
            raise NothingToFollow(str(charge.pk))
        waiting = FollowUp.objects.filter(charge=charge, kind=kind, done_at=None).first()
        if waiting is not None:
            return waiting
        made = FollowUp.objects.create(
            organization_id=charge.organization_id,
            charge=charge,
            kind=kind,
            reason=reason.strip(),
            contact=contact.strip(),
            amount=amount,
            by=user,
            at=now,
        )
        _record(made, f"follow_up.{kind}", user, now)
    return made


def finish(organization_id: uuid.UUID, pk: uuid.UUID, *, outcome: str, user: User, now: dt.datetime) -> FollowUp:
    """Resolved, with how. Finishing twice changes nothing. Raises FollowUp.DoesNotExist, NotAllowed."""
    must_collect(user, organization_id)
    with transaction.atomic():
        row = FollowUp.objects.select_for_update().get(organization_id=organization_id, pk=pk)
        if row.done_at is not None:
            return row
        row.done_at, row.done_by, row.outcome = now, user, outcome.strip()
        row.save(update_fields=["done_at", "done_by", "outcome"])
        _record(row, "follow_up.done", user, now)
    return row


def _record(row: FollowUp, action: str, user: User, now: dt.datetime) -> None:
    record(
        organization_id=row.organization_id,
        actor=user.email,
        action=action,
        subject=f"charge:{row.charge_id}",
        after={"kind": row.kind},
        now=now,
    )
