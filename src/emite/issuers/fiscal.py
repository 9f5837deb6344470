"""An RFC's data as the SAT holds them, its address and its bank accounts: written by an administrator, audited.

Certificates are `keys`; what shape data may have is decided by the forms that read them, with `cfdi`'s rules.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction

from emite.accounts.models import User
from emite.audit import record
from emite.cfdi import clabe as clabes
from emite.cfdi import codes
from emite.cfdi.clabe import ClabeInvalid
from emite.issuers.models import BankAccount, FiscalAddress, Issuer, Series
from emite.organizations.models import Membership, Organization
from emite.organizations.permissions import Need

ADDRESS = ("street", "number", "inside", "colonia", "municipio", "estado")


class FiscalRefused(Exception):
    """The data cannot be kept so. `field` names the input, the message is for people."""

    def __init__(self, field: str, message: str) -> None:
        self.field, self.message = field, message
        super().__init__(message)


def create(organization: Organization, data: Mapping[str, str], *, user: User, now: dt.datetime) -> Issuer:
    """Another RFC of the organization, with its series (`serie`). Raises FiscalRefused."""
    _require(organization, user)
    said = {name: data[name] for name in ("rfc", "nombre", "regimen_fiscal", "postal_code", "lugar_expedicion")}
    try:
        with transaction.atomic():
            # The SAT's mark of a RESICO is not known yet: its owner says it, or the PAC's refusal does.
            made = Issuer.objects.create(organization=organization, resico_isr=False, **said)
            Series.objects.create(organization=organization, issuer=made, name=data["serie"])
            _note(made, "issuer.create", user, now, None, said)
    except IntegrityError:
        raise FiscalRefused("rfc", "Ese RFC ya está dado de alta aquí.") from None
    return made


def change(
    issuer: Issuer,
    data: Mapping[str, Any],
    address: Mapping[str, str] | None,
    *,
    user: User,
    now: dt.datetime,
    moved: bool | None = None,
) -> None:
    """Its data, and its address when given, together. Raises FiscalRefused.

    `moved`: with another place of issue, whether it went there now (what was charged before stays of the place before)
    or was there always (what has no invoice yet is of the corrected one). Whoever changes it must say which.
    """
    _require(issuer.organization, user)
    place = codes.place(data.get("postal_code", issuer.postal_code))
    if address is not None and place is not None and address["estado"] != place.estado:
        raise FiscalRefused("estado", f"El código postal es de {codes.label('c_Estado', place.estado)}: revíselo.")
    with transaction.atomic():
        held = Issuer.objects.select_for_update().get(organization_id=issuer.organization_id, pk=issuer.pk)
        row = FiscalAddress.objects.filter(organization_id=issuer.organization_id, issuer=issuer).first()
        before: dict[str, Any] = {name: getattr(held, name) for name in data} | _written(row)
        after = dict(data)
        if data.get("lugar_expedicion", held.lugar_expedicion) != held.lugar_expedicion:
            before["former_places"] = _without_dates(held.former_places)
            held.former_places = _left(held, moved, now)
            after["former_places"] = _without_dates(held.former_places)
        Issuer.objects.filter(organization_id=issuer.organization_id, pk=issuer.pk).update(
            **data, former_places=held.former_places
        )
        if address is not None:
            row = row or FiscalAddress(organization_id=issuer.organization_id, issuer=issuer)
            for name in ADDRESS:
                setattr(row, name, address[name])
            row.save()
        after |= _written(row)
        if before != after:
            _note(issuer, "issuer.change", user, now, before, after)


def _left(held: Issuer, moved: bool | None, now: dt.datetime) -> list[list[str]]:
    """The places it was at before, once it is somewhere else. Raises FiscalRefused."""
    if moved is None:
        raise FiscalRefused(
            "moved", "El lugar de expedición es otro: diga si se mudaron o si corrige un código mal escrito."
        )
    if not moved:
        return list(held.former_places)
    # Of two who move it at once the second waited, perhaps with the earlier clock: a stay never ends before it began.
    began = max((dt.datetime.fromisoformat(until) for _, until in held.former_places), default=now)
    return [*held.former_places, [held.lugar_expedicion, max(began, now).isoformat()]]


def _without_dates(places: list[list[str]]) -> list[str]:
    return [place for place, _ in places]


def withhold(issuer: Issuer, *, isr: bool, user: User, now: dt.datetime) -> None:
    """Whether companies withhold 1.25 % of ISR from this RESICO. What was issued stays. Raises FiscalRefused."""
    _require(issuer.organization, user)
    with transaction.atomic():
        rows = Issuer.objects.filter(organization_id=issuer.organization_id, pk=issuer.pk, resico_isr=not isr)
        if rows.update(resico_isr=isr):
            _note(issuer, "issuer.change", user, now, {"resico_isr": not isr}, {"resico_isr": isr})


def add_account(issuer: Issuer, *, clabe: str, holder: str, user: User, now: dt.datetime) -> BankAccount:
    """Raises FiscalRefused for what is no CLABE, or one that is there already."""
    _require(issuer.organization, user)
    try:
        number = clabes.parse(clabe)
    except ClabeInvalid as error:
        raise FiscalRefused("clabe", str(error)) from error
    try:
        with transaction.atomic():
            made = BankAccount.objects.create(
                organization_id=issuer.organization_id, issuer=issuer, clabe=number, holder=holder, created_at=now
            )
            _note(issuer, "bank.add", user, now, None, {"ends": number[-4:], "bank": clabes.bank_of(number)})
    except IntegrityError:
        raise FiscalRefused("clabe", "Esa cuenta ya está registrada.") from None
    return made


def retire_account(account: BankAccount, *, user: User, now: dt.datetime) -> None:
    _require(account.organization, user)
    with transaction.atomic():
        rows = BankAccount.objects.filter(organization_id=account.organization_id, pk=account.pk, active=True)
        if rows.update(active=False):
            _note(account.issuer, "bank.retire", user, now, {"ends": account.clabe[-4:]}, None)


def _written(row: FiscalAddress | None) -> dict[str, str]:
    return {name: getattr(row, name) for name in ADDRESS} if row else {}


def _require(organization: Organization, user: User) -> None:
    if not Membership.objects.who_may(Need.ADMINISTER).filter(organization=organization, user=user).exists():
        raise FiscalRefused("", "Sólo un administrador cambia los datos fiscales.")


def _note(
    issuer: Issuer, action: str, user: User, now: dt.datetime,
    before: Mapping[str, Any] | None, after: Mapping[str, Any] | None,
) -> None:  # fmt: skip
    record(
        organization_id=issuer.organization_id, actor=user.email, action=action, subject=f"issuer:{issuer.pk}",
        before=before, after=after, now=now,
    )  # fmt: skip
