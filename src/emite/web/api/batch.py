"""A batch of remisiones: each item's charge or its problem, kept so that the same batch again says the same.

Writing many at once is `charges.receiving`.
"""

from __future__ import annotations

import uuid
from typing import Any

from django.utils import timezone

from emite.charges.models import Charge
from emite.charges.pricing import LineRefused
from emite.charges.receiving import NewCharge, receive
from emite.integrations.models import IdempotentRequest
from emite.integrations.repeating import domain_key
from emite.organizations.models import Organization
from emite.web.api.access import ApiRequest
from emite.web.api.problems import Problem, of_exception
from emite.web.api.schemas import BatchIn
from emite.web.api.showing import created
from emite.web.api.taking import Lists


def batch_outcome(request: ApiRequest, payload: BatchIn, row: IdempotentRequest) -> list[dict[str, Any]]:
    """For each item `{"charge": id}` or `{"problem": …}`, in their order."""
    lists = Lists(request.organization, payload.charges)
    outcome: list[dict[str, Any]] = [{} for _ in payload.charges]
    ready: dict[int, NewCharge] = {}
    for index, one in enumerate(payload.charges):
        try:
            ready[index] = NewCharge(
                issuer=lists.issuer(one),
                lines=lists.lines(one),
                idempotency_key=domain_key(row, index),
                external_id=one.external_id,
                patient_name=one.patient_name,
                branch=lists.branch(one),
            )
        except (LineRefused, Problem) as refused:
            outcome[index] = {"problem": of_exception(refused).body()}
    received = receive(request.organization, list(ready.values()), user=request.user, now=timezone.now())
    for index, result in zip(ready, received, strict=True):
        if isinstance(result, Charge):
            outcome[index] = {"charge": str(result.pk)}
        else:
            outcome[index] = {"problem": of_exception(result).body()}
    return outcome


def show_batch(organization: Organization, outcome: list[dict[str, Any]]) -> dict[str, Any]:
    """BatchOut: the charges as they are now."""
    keys = [uuid.UUID(one["charge"]) for one in outcome if "charge" in one]
    charges = Charge.objects.select_related("organization").in_bulk(keys)
    portal_on = organization.portal_is_on()
    results: list[dict[str, Any]] = []
    for index, one in enumerate(outcome):
        if "charge" in one:
            shown = created(charges[uuid.UUID(one["charge"])], portal_on=portal_on)
            results.append({"index": index, "status": "created", "charge": shown})
        else:
            results.append({"index": index, "status": "refused", "problem": one["problem"]})
    return {"created": len(keys), "refused": len(outcome) - len(keys), "results": results}
