"""Idempotency-Key: the same POST again is answered with what the first one made, as it is now.

The rows live in `integrations.repeating`; this is the HTTP around them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Annotated, Any

from django.db import transaction
from django.http import HttpResponse
from django.utils import timezone
from ninja import Header
from pydantic import StringConstraints

from emite.integrations.models import IdempotentRequest
from emite.integrations.repeating import begin, finish, forget, let_go
from emite.web.api.access import ApiRequest
from emite.web.api.reading import read_json

IdempotencyKey = Annotated[
    str,
    StringConstraints(min_length=1, max_length=255, pattern=r"^[!-~]+$"),
    Header(
        alias="Idempotency-Key",
        description="Una por solicitud, elegida por su sistema (por ejemplo un UUID). Repetirla no repite el efecto.",
    ),
]

Act = Callable[[IdempotentRequest], Any]


def once(request: ApiRequest, key: str, response: HttpResponse, act: Act) -> Any:
    """What `act` made, now or the first time: a small JSON value, stored in the transaction that makes it.

    A refusal frees the key: it made nothing, so the mended request may use it again.
    """
    row = begin(request.organization.pk, key, asked(request), now=timezone.now())
    if row.finished_at is not None:
        response["Idempotent-Replayed"] = "true"
        return row.outcome
    try:
        with transaction.atomic():
            outcome = act(row)
            finish(row, outcome, now=timezone.now())
    except Exception:
        forget(row)
        raise
    return outcome


def once_in_parts(request: ApiRequest, key: str, response: HttpResponse, act: Act) -> Any:
    """The same for an `act` that commits as it goes and finds its own work again: what failed half way is resumed."""
    row = begin(request.organization.pk, key, asked(request), now=timezone.now())
    if row.finished_at is not None:
        response["Idempotent-Replayed"] = "true"
        return row.outcome
    try:
        outcome = act(row)
    except Exception:
        let_go(row, now=timezone.now())
        raise
    finish(row, outcome, now=timezone.now())
    return outcome


def asked(request: ApiRequest) -> bytes:
    """A hash of method, address and body: equal when the JSON is, whatever its spaces or the order of its fields."""
    body = json.dumps(read_json(request.body), sort_keys=True) if request.body else ""
    return hashlib.sha256(f"{request.method} {request.path}\n{body}".encode()).digest()
