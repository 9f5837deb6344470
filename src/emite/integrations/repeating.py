"""A POST that is sent again does nothing again: it is answered with what the first one made, as it is now.

Kept per organization and for ever, as the things it made are. The HTTP around it lives in `web.api`.
"""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

from django.db import IntegrityError, transaction

from emite.integrations.models import IdempotentRequest

#: The longest that one request may work before another may take its place (its process is dead).
LEASE = dt.timedelta(seconds=60)


class AnotherRequest(Exception):
    """The key was used for something else."""


class InFlight(Exception):
    """The first request with this key has not ended."""


def begin(organization_id: uuid.UUID, key: str, asked: bytes, *, now: dt.datetime) -> IdempotentRequest:
    """The row of this key, ours to work on, or already finished. Raises AnotherRequest, InFlight.

    asked: 32 bytes, the hash of what is asked. Call outside a transaction: rivals must see the row.
    """
    try:
        with transaction.atomic():
            return IdempotentRequest.objects.create(
                organization_id=organization_id, key=key, asked_hash=asked, created_at=now, locked_until=now + LEASE
            )
    except IntegrityError:
        pass
    with transaction.atomic():
        row = IdempotentRequest.objects.select_for_update().filter(organization_id=organization_id, key=key).first()
        if row is None:  # the first was refused this very moment and took its row away
            raise InFlight(key)
        if bytes(row.asked_hash) != asked:
            raise AnotherRequest(key)
        if row.finished_at is None:
            if now < row.locked_until:
                raise InFlight(key)
            row.locked_until = now + LEASE
            row.save(update_fields=["locked_until"])
    return row


def finish(row: IdempotentRequest, outcome: Any, *, now: dt.datetime) -> None:
    """Remember what was made. Call in the transaction that makes it."""
    row.finished_at, row.outcome = now, outcome
    IdempotentRequest.objects.filter(pk=row.pk, finished_at=None).update(finished_at=now, outcome=outcome)


def forget(row: IdempotentRequest) -> None:
    """The request was refused and nothing was made: its key is free again."""
    IdempotentRequest.objects.filter(pk=row.pk, finished_at=None).delete()


def let_go(row: IdempotentRequest, *, now: dt.datetime) -> None:
    """The request broke off with part of its work done: whoever repeats it goes on at once."""
    IdempotentRequest.objects.filter(pk=row.pk, finished_at=None).update(locked_until=now)


def domain_key(row: IdempotentRequest, position: int | None = None) -> str:
    """The key under which what this request makes is unique by itself, whoever finishes it."""
    return f"api:{row.pk.hex}" if position is None else f"api:{row.pk.hex}:{position}"
