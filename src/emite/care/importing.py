"""Take the services of a file from another system: all of them or none, and what an earlier try wrote stays as it is.

What a file may say is read in `sheet`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from django.db import IntegrityError, transaction

from emite.accounts.models import User
from emite.audit import record
from emite.care.models import CareService
from emite.care.rendering import Rendered, ServiceRefused, prepared
from emite.cfdi.money import text
from emite.organizations.models import Membership, Organization
from emite.organizations.permissions import Need


class Kept(NamedTuple):
    """Of a service that is there already, what the other system cannot have otherwise."""

    rendered_on: dt.date
    code: str
    fee: Decimal


def kept_of(organization: Organization, external_ids: Sequence[str]) -> dict[str, Kept]:
    """Those of these folios that the practice has, voided ones too."""
    rows = CareService.objects.filter(organization=organization, external_id__in=external_ids)
    return {row.external_id or "": Kept(row.rendered_on, row.code, row.fee) for row in rows}


def import_all(organization: Organization, asked: Sequence[Rendered], *, user: User, now: dt.datetime) -> int:
    """How many were written: all of a file but those that are there already. Every one has an external id.

    Raises ServiceRefused; nothing is stored then.
    """
    if not Membership.objects.who_may(Need.IMPORT).filter(organization=organization, user=user).exists():
        raise ServiceRefused("", "Solo un administrador o un facturador importan servicios.")
    ready = [prepared(organization, one, user=user, now=now) for one in asked]
    try:
        return _write(organization, ready, user, now)
    except IntegrityError:
        # Somebody took one of these folios meanwhile: look again.
        return _write(organization, ready, user, now)


def _write(organization: Organization, ready: Sequence[CareService], user: User, now: dt.datetime) -> int:
    with transaction.atomic():
        known = kept_of(organization, [row.external_id or "" for row in ready])
        for row in ready:
            has = known.get(row.external_id or "")
            if has is not None and has != (row.rendered_on, row.code, row.fee):
                raise ServiceRefused(
                    "external_id", f"El folio {row.external_id} es de otro servicio: revise el archivo."
                )
        fresh = [row for row in ready if row.external_id not in known]
        if not fresh:
            return 0
        CareService.objects.bulk_create(fresh, batch_size=500)
        record(
            organization_id=organization.pk, actor=user.email, action="care.import",
            subject=f"organization:{organization.pk}",
            after={
                "services": len(fresh),
                "known": len(ready) - len(fresh),
                "from": min(row.rendered_on for row in fresh).isoformat(),
                "to": max(row.rendered_on for row in fresh).isoformat(),
                "fee": text(sum((row.fee for row in fresh), Decimal(0)), 2),
            },
            now=now,
        )  # fmt: skip
    return len(fresh)
