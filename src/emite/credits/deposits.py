"""What is left of a deposit, and the deposits that may pay an account."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import F, Q, Sum
from django.db.models.functions import Coalesce

from emite.charges.allocating import live_allocation, live_document
from emite.charges.models import Allocation, AnticipoApplication, Charge
from emite.credits.models import CreditNote
from emite.documents.models import FiscalDocument
from emite.invoices.deposits import has_own_cfdi

#: Deposits that a page offers: those of the same person first, then the latest.
OFFERED = 20
_LOOKED_AT = 300


@dataclass(frozen=True, slots=True)
class Deposit:
    """A paid deposit and how much of it neither an account nor a credit note took. `document` may be missing."""

    charge: Charge
    document: FiscalDocument | None
    left: Decimal

    @property
    def ready(self) -> bool:
        return has_own_cfdi(self.document)


def left_of(deposit: Charge) -> Decimal:
    """What an account may still take, or a credit note give back."""
    applied = AnticipoApplication.objects.filter(deposit=deposit, active=True).aggregate(sum=Sum("amount"))["sum"]
    return deposit.paid - (applied or Decimal(0)) - _credited(deposit)


def _credited(deposit: Charge) -> Decimal:
    live = live_document(deposit)
    if live is None:
        return Decimal(0)
    notes = CreditNote.objects.filter(charge=deposit, original=live, active=True)
    return notes.exclude(reason=CreditNote.Reason.LATE).aggregate(sum=Sum("total"))["sum"] or Decimal(0)


def some(account: Charge) -> bool:
    """Whether there may be one for this account: what a page asks before it offers the way."""
    return Charge.objects.filter(
        organization_id=account.organization_id, kind=Charge.Kind.ANTICIPO, state=Charge.State.OPEN,
        issuer_id=account.issuer_id, paid__gt=0,
    ).exists()  # fmt: skip


def offered(account: Charge) -> list[Deposit]:
    """Deposits of the account's issuer with something left, those of the same patient first."""
    rows = (
        Charge.objects.filter(
            organization_id=account.organization_id, kind=Charge.Kind.ANTICIPO, state=Charge.State.OPEN,
            issuer_id=account.issuer_id, paid__gt=0, paid=F("total"),
        )
        .annotate(applied=Coalesce(Sum("applications__amount", filter=Q(applications__active=True)), Decimal(0)))
        .filter(applied__lt=F("paid"))
        .order_by("-issued_at")
    )  # fmt: skip
    same = _plain(account.patient_name)
    known = sorted(rows[:_LOOKED_AT], key=lambda each: not same or _plain(each.patient_name) != same)
    found = []
    for each in known:
        left = left_of(each)
        if left > 0:
            found.append(Deposit(each, live_document(each), left))
        if len(found) == OFFERED:
            break
    return found


def _plain(name: str) -> str:
    return " ".join(name.casefold().split())


def applications_of(charge: Charge) -> Sequence[AnticipoApplication]:
    """Those of a deposit, or of an account, in order."""
    rows = AnticipoApplication.objects.filter(
        Q(deposit=charge) | Q(account=charge), organization_id=charge.organization_id, active=True
    )
    return list(rows.select_related("deposit", "account", "slip", "by").order_by("at", "pk"))


def holding(document: FiscalDocument) -> Charge | None:
    """The account that a deposit invoiced by this document pays, if one does."""
    found = (
        AnticipoApplication.objects.filter(
            organization_id=document.organization_id,
            active=True,
            deposit__allocations__document=document,
            deposit__allocations__active=True,
        )
        .select_related("account")
        .first()
    )  # fmt: skip
    return found.account if found else None


def lacks_its_note(account: Charge) -> bool:
    """Whether an egreso that applies a deposit to this account is still to come."""
    bound = live_allocation(account)
    if bound is not None and bound.remnant:
        return False
    return _without_note(account.organization_id, [account.pk])


def invoice_lacks_a_note(organization_id: uuid.UUID, document_id: uuid.UUID) -> bool:
    """The same of the document that invoices an account: until it comes, what is owed of it is not known."""
    bound = Allocation.objects.filter(
        organization_id=organization_id, document_id=document_id, active=True, remnant=False
    )
    return _without_note(organization_id, bound.values("charge_id"))


def _without_note(organization_id: uuid.UUID, accounts: Any) -> bool:
    applied = AnticipoApplication.objects.filter(organization_id=organization_id, account__in=accounts, active=True)
    return applied.exclude(notes__active=True).exists()
