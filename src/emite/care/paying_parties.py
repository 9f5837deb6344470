"""Payers as a practice invoices them, and their plans with tariffs: written by whoever sets prices, audited."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, TypeVar

from django.db import IntegrityError, transaction

from emite.accounts.models import User
from emite.audit import record
from emite.care.models import CodeSystem, Contract, Payer, PayerAccount, Tariff
from emite.cfdi import codes
from emite.cfdi.rfc import Rfc, RfcInvalid
from emite.organizations.models import Membership, Organization
from emite.organizations.permissions import Need

PAYER = (
    "name", "rfc", "nombre", "regimen_fiscal", "postal_code", "uso_cfdi", "is_administrator", "tolerance",
    "reference_label", "reference_required", "folio_rule", "names_patient", "addenda",
    "email", "active",
)  # fmt: skip
CONTRACT = ("name", "issuer", "deductible", "copay", "coinsurance", "active")


Row = TypeVar("Row", Payer, Contract)


class PartyRefused(Exception):
    """It cannot be kept so. `field` names the input, the message is for people."""

    def __init__(self, field: str, message: str) -> None:
        self.field, self.message = field, message
        super().__init__(message)


def keep_payer(
    organization: Organization, data: Mapping[str, Any], *, payer: Payer | None, user: User, now: dt.datetime
) -> Payer:
    """Added (`payer` None) or changed. What was issued keeps what it carries. Raises PartyRefused."""
    _require(organization, user)
    try:
        rfc = Rfc.parse(data["rfc"])
    except RfcInvalid as error:
        raise PartyRefused("rfc", error.message) from error
    person: Final = "M" if rfc.is_persona_moral else "F"
    if not codes.contains("c_CodigoPostal", data["postal_code"]):
        raise PartyRefused("postal_code", f"El SAT no tiene el código postal {data['postal_code']}: revíselo.")
    if data["regimen_fiscal"] not in codes.regimenes(person):
        raise PartyRefused("regimen_fiscal", "Ese régimen no es de quien tiene ese RFC.")
    if not codes.uso_allowed(data["uso_cfdi"], person, data["regimen_fiscal"]):
        raise PartyRefused("uso_cfdi", "Ese uso no lo admite su régimen: G03 es gastos en general.")
    row = payer or Payer(organization=organization)
    before = None if payer is None else _said(row, PAYER)
    for name in PAYER:
        setattr(row, name, data[name])
    if before is None or before["rfc"] != str(rfc):
        row.account_id = PayerAccount.objects.filter(rfc=str(rfc)).values_list("account_id", flat=True).first()
    row.rfc = str(rfc)
    return _save(row, PAYER, before, "payer", "rfc", "Ya hay una aseguradora con ese RFC.", user, now)


def keep_contract(
    payer: Payer, data: Mapping[str, Any], tariffs: Mapping[str, Decimal], *,
    contract: Contract | None, user: User, now: dt.datetime,
) -> Contract:  # fmt: skip
    """A plan and all its tariffs (code of CPT4: fee). Services entered before keep their parts. Raises PartyRefused."""
    _require(payer.organization, user)
    row = contract or Contract(organization=payer.organization, payer=payer)
    before = None if contract is None else _said(row, CONTRACT)
    for name in CONTRACT:
        setattr(row, name, data[name])
    with transaction.atomic():
        kept = _save(row, CONTRACT, before, "contract", "name", "Ya hay un plan con ese nombre.", user, now)
        Tariff.objects.filter(organization=payer.organization, contract=kept, system=CodeSystem.CPT4).delete()
        Tariff.objects.bulk_create(
            Tariff(organization=payer.organization, contract=kept, system=CodeSystem.CPT4, code=code, fee=fee)
            for code, fee in tariffs.items()
        )
    return kept


def read_tariffs(typed: str) -> dict[str, Decimal]:
    """Lines of code and fee, as people write them. Raises PartyRefused naming the line."""
    found: dict[str, Decimal] = {}
    for number, line in enumerate(typed.splitlines(), 1):
        if not line.strip():
            continue
        code, _, amount = line.strip().replace("\t", " ").partition(" ")
        text = amount.replace("$", "").replace(",", "").strip()
        if not text.replace(".", "", 1).isdigit() or not text.isascii() or len(text) > 12:
            raise PartyRefused("tariffs", f"Renglón {number}: escriba código y tarifa, por ejemplo «99213 900.00».")
        fee = Decimal(text)
        if not fee or fee != fee.quantize(Decimal("0.01")) or len(code) > 20:
            raise PartyRefused("tariffs", f"Renglón {number}: la tarifa es mayor que cero, con dos decimales.")
        if code in found:
            raise PartyRefused("tariffs", f"Renglón {number}: el código {code} está dos veces.")
        found[code] = fee
    return found


def _save(
    row: Row, names: tuple[str, ...], before: dict[str, str] | None, what: str, field: str, taken: str,
    user: User, now: dt.datetime,
) -> Row:  # fmt: skip
    try:
        with transaction.atomic():
            row.save()
            if before != (after := _said(row, names)):
                record(
                    organization_id=row.organization_id, actor=user.email,
                    action=f"{what}.{'create' if before is None else 'change'}", subject=f"{what}:{row.pk}",
                    before=before, after=after, now=now,
                )  # fmt: skip
    except IntegrityError:
        raise PartyRefused(field, taken) from None
    return row


def _said(row: Payer | Contract, names: tuple[str, ...]) -> dict[str, str]:
    return {name: str(getattr(row, f"{name}_id" if name == "issuer" else name)) for name in names}


def _require(organization: Organization, user: User) -> None:
    if not Membership.objects.who_may(Need.PRICE).filter(organization=organization, user=user).exists():
        raise PartyRefused("", "Sólo un administrador o un facturador cambia aseguradoras y planes.")
