"""Many appointments of another system at once: a file, all or none; or the API's batch, each one by itself."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from django.db import IntegrityError, transaction

from emite.accounts.models import User
from emite.audit import record
from emite.care import agenda
from emite.care.importing import apart, require_import
from emite.care.models import Appointment
from emite.care.naming import Names
from emite.care.rendering import Rendered, ServiceRefused, require
from emite.organizations.models import Organization


class Hour(NamedTuple):
    """A service and the hour that somebody has for it. Its day is the hour's, where the practice is."""

    asked: Rendered
    at: dt.datetime


class KeptHour(NamedTuple):
    """Of an appointment that is there already, what the other system cannot have otherwise."""

    at: dt.datetime
    code: str
    fee: Decimal | None


def kept_of(organization: Organization, external_ids: Sequence[str]) -> dict[str, KeptHour]:
    """Those of these folios that the practice has, cancelled ones too."""
    rows = Appointment.objects.filter(organization=organization, external_id__in=external_ids)
    return {row.external_id or "": KeptHour(row.at, row.code, row.fee) for row in rows}


def instant(at: dt.datetime) -> dt.datetime:
    """To compare: Python calls a time of the hour that a clock repeats unequal to every time of another zone."""
    return at.astimezone(dt.UTC)


def import_all(organization: Organization, asked: Sequence[Hour], *, user: User, now: dt.datetime) -> int:
    """How many were written: all of a file but those that are there already. Every one has an external id.

    Raises ServiceRefused; nothing is stored then.
    """
    require_import(organization, user)
    names = Names(organization)
    ready = [prepared(names, one, user=user, now=now) for one in asked]
    try:
        return _write(organization, ready, user, now)
    except IntegrityError:
        # Somebody took one of these folios meanwhile: look again.
        return _write(organization, ready, user, now)


def book_many(
    organization: Organization, asked: Sequence[Hour | ServiceRefused], *, names: Names, user: User, now: dt.datetime
) -> list[Appointment | ServiceRefused]:
    """Each one booked or refused by itself, in their order. What came refused stays so. Raises ServiceRefused."""
    require(organization, user)
    made: list[Appointment | ServiceRefused] = []
    for one in asked:
        try:
            made.append(one if isinstance(one, ServiceRefused) else prepared(names, one, user=user, now=now))
        except ServiceRefused as refused:
            made.append(refused)
    try:
        return _keep_those_that_can(organization, made, user, now)
    except IntegrityError:
        # Somebody took one of these folios meanwhile: look again.
        return _keep_those_that_can(organization, made, user, now)


def prepared(names: Names, one: Hour, *, user: User, now: dt.datetime) -> Appointment:
    """The row, checked and not saved, without a question for each tariff. Raises ServiceRefused."""
    tariff = names.tariff(one.asked.contract, one.asked.system, one.asked.code)
    return agenda.prepared(names.organization, one.asked, one.at, user=user, now=now, tariff=tariff)


def _keep_those_that_can(
    organization: Organization, made: Sequence[Appointment | ServiceRefused], user: User, now: dt.datetime
) -> list[Appointment | ServiceRefused]:
    with transaction.atomic():
        folios = [row.external_id for row in made if isinstance(row, Appointment) and row.external_id]
        told, fresh = apart(made, set(kept_of(organization, folios)))
        _store(organization, fresh, 0, user, now)
    return told


def _write(organization: Organization, ready: Sequence[Appointment], user: User, now: dt.datetime) -> int:
    with transaction.atomic():
        known = kept_of(organization, [row.external_id or "" for row in ready])
        for row in ready:
            has = known.get(row.external_id or "")
            if has is not None and has != (instant(row.at), row.code, row.fee):
                raise ServiceRefused("external_id", f"El folio {row.external_id} es de otra cita: revise el archivo.")
        fresh = [row for row in ready if row.external_id not in known]
        _store(organization, fresh, len(ready) - len(fresh), user, now)
    return len(fresh)


def _store(organization: Organization, fresh: Sequence[Appointment], known: int, user: User, now: dt.datetime) -> None:
    if not fresh:
        return
    Appointment.objects.bulk_create(fresh, batch_size=500)
    hours = [row.at for row in fresh]
    record(
        organization_id=organization.pk, actor=user.email, action="agenda.import",
        subject=f"organization:{organization.pk}",
        after={
            "appointments": len(fresh),
            "known": known,
            "from": min(hours).isoformat(),
            "to": max(hours).isoformat(),
        },
        now=now,
    )  # fmt: skip
