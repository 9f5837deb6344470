"""Issue: paid charges and a recipient become a draft that a worker will seal and stamp.

One transaction: permission, draft, allocation and wake-up, or nothing. No key is opened and no PAC is called here.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction

from emite.accounts.models import User
from emite.cfdi.comprobante import Receptor
from emite.charges.allocating import AlreadyAllocated, allocate, live_document
from emite.charges.allowing import NotAllowed as NotAllowed
from emite.charges.models import CashRegister, Charge
from emite.database.kept import Given, Kept, among
from emite.documents.models import Delivery, FiscalDocument
from emite.documents.sealing import NotReady, draft
from emite.documents.steps import reached
from emite.documents.waking import wake
from emite.invoices import deposits
from emite.invoices.building import comprobante
from emite.invoices.refusals import NotInvoiceable as NotInvoiceable
from emite.issuers.models import Issuer, Series
from emite.organizations.models import Membership
from emite.organizations.permissions import Need, Role

_PERMISSION = Kept(
    lambda: Membership.objects.who_may(Need.ISSUE).filter(organization=Given("organization"), user=Given("user"))[:1]
)
_LOCKED = Kept(
    lambda: (
        Charge.objects.filter(among("pk", "charges"), organization=Given("organization"))
        .select_for_update(of=("self",))
        .select_related("issuer")
        .order_by("pk")
    )
)
_BY_KEY = Kept(lambda: FiscalDocument.objects.filter(organization=Given("organization"), idempotency_key=Given("key")))
_SERIES = Kept(
    lambda: Series.objects.filter(organization=Given("organization"), issuer=Given("issuer")).order_by("name")[:1]
)
_WEB_REGISTER = Kept(
    lambda: CashRegister.objects.filter(organization=Given("organization"), web_invoicing=True, active=True).order_by(
        "pk"
    )[:1]
)


class AlreadyInvoiced(Exception):
    """Another document invoices the charge already."""


#: What whoever lacks the permission to issue is told.
NO_PERMISSION = "Pida a un administrador el permiso de facturar."
#: And a cashier who would invoice what is not paid.
NO_CREDIT = "Facturar lo que todavía se debe lo hace un administrador o un facturador."


@dataclass(frozen=True, slots=True)
class Request:
    """What a payer asks for. `email` gets the files when stamped; `with_patient` writes who was treated.

    `on_credit`: what is not paid is invoiced all the same, to be paid later (PPD). Not for a cashier.
    """

    receptor: Receptor
    email: str = ""
    with_patient: bool = False
    on_credit: bool = False


#: Remisiones of one invoice: what a person still reads line by line before it is stamped.
MOST_TOGETHER = 50


def issue(
    charge: Charge, request: Request, *, channel: str, user: User, now: dt.datetime, idempotency_key: str
) -> FiscalDocument:
    """The draft that invoices this charge: `issue_together` of one."""
    return issue_together([charge], request, channel=channel, user=user, now=now, idempotency_key=idempotency_key)


def issue_together(
    charges: Sequence[Charge], request: Request, *, channel: str, user: User, now: dt.datetime, idempotency_key: str
) -> FiscalDocument:
    """The draft that invoices all of these charges of one organization, allocated and with its worker woken.

    All or none: one row per charge, bound under the same UNIQUE index as every other invoice. The same key for the
    same charges returns their document, also when it was refused since. Raises NotAllowed, NotInvoiceable,
    AlreadyInvoiced, NotReady, or CfdiInvalid with every fault of what was typed; nothing is stored then.
    """
    organization_id = charges[0].organization_id
    if not may_issue(user, organization_id):
        raise NotAllowed(NO_PERMISSION)
    if request.on_credit and not may_give_credit(user, organization_id):
        raise NotAllowed(NO_CREDIT)
    with transaction.atomic():
        locked = _locked(charges)
        earlier = _earlier(locked, idempotency_key)
        if earlier is not None:
            return earlier
        issuer = invoiceable(locked, on_credit=request.on_credit)
        document = draft(
            comprobante(
                locked,
                request.receptor,
                issuer=issuer,
                now=now,
                with_patient=request.with_patient,
                on_credit=request.on_credit,
            ),
            issuer=issuer,
            series=series_of(issuer),
            channel=channel,
            idempotency_key=idempotency_key,
            now=now,
            who=user.email if channel == FiscalDocument.Channel.DESK else channel,
        )
        for each in locked:
            try:
                allocate(each, document, register=_register(each, channel), now=now)
            except AlreadyAllocated as error:
                raise AlreadyInvoiced(str(each.pk)) from error
        if request.email:
            Delivery.objects.create(
                organization_id=organization_id, document=document, address=request.email, requested_at=now
            )
        wake(document.pk)
        reached("issued_uncommitted")
    reached("issued")
    return document


def invoiceable(charges: Sequence[Charge], *, on_credit: bool = False) -> Issuer:
    """Who issues one invoice of these charges, or NotInvoiceable. Says nothing of what is invoiced already.

    `on_credit`: some of it must be owed, or there is nothing to be paid later.
    """
    if len(charges) > MOST_TOGETHER:
        raise NotInvoiceable("too_many")
    for each in charges:
        if each.state == Charge.State.VOID:
            raise NotInvoiceable("void")
        if not each.is_paid and not on_credit:
            raise NotInvoiceable("unpaid")
    if on_credit and all(each.is_paid for each in charges):
        raise NotInvoiceable("paid")
    if len({each.issuer_id for each in charges}) > 1:
        raise NotInvoiceable("issuers")
    if len({each.place for each in charges}) > 1:
        raise NotInvoiceable("places")
    if len(charges) > 1 and deposits.among(charges):
        raise NotInvoiceable("anticipo_alone")
    if on_credit and charges[0].kind == Charge.Kind.ANTICIPO:
        raise NotInvoiceable("anticipo_on_credit")
    return charges[0].issuer


def _locked(charges: Sequence[Charge]) -> list[Charge]:
    """The rows, locked in the order of their keys so that two who want the same ones wait and never block each other.

    In the order of issue. Raises Charge.DoesNotExist for one of another organization.
    """
    wanted = {each.pk for each in charges}
    locked = _LOCKED.all(organization=charges[0].organization_id, charges=list(wanted))
    if len(locked) != len(wanted):
        raise Charge.DoesNotExist
    return sorted(locked, key=lambda each: (each.issued_at, each.pk))


def _earlier(charges: Sequence[Charge], idempotency_key: str) -> FiscalDocument | None:
    """The document that this very request made, or AlreadyInvoiced when another one has any of the charges."""
    for each in charges:
        live = live_document(each)
        if live is not None:
            if live.idempotency_key == idempotency_key:
                return live
            raise AlreadyInvoiced(str(each.pk))
    made = _BY_KEY.first(organization=charges[0].organization_id, key=idempotency_key)
    return made if made and made.allocations.filter(charge__in=charges).exists() else None


def may_issue(user: User, organization_id: uuid.UUID) -> bool:
    """The issuing permission, asked at the moment of issuing."""
    return _PERMISSION.first(organization=organization_id, user=user.pk) is not None


def may_give_credit(user: User, organization_id: uuid.UUID) -> bool:
    """Whether the person may invoice what is still owed: whoever may issue, but no cashier."""
    rows = Membership.objects.who_may(Need.ISSUE).exclude(role=Role.CAJERO)
    return rows.filter(organization_id=organization_id, user=user).exists()


def series_of(issuer: Issuer) -> Series:
    """Where its folios come from. Raises NotReady."""
    series = _SERIES.first(organization=issuer.organization_id, issuer=issuer.pk)
    if series is None:
        raise NotReady("Falta la serie de folios del emisor.")
    return series


def _register(charge: Charge, channel: str) -> CashRegister | None:
    """Portal invoices are booked to the register of "Facturación web"."""
    if channel != FiscalDocument.Channel.PORTAL:
        return None
    return _WEB_REGISTER.first(organization=charge.organization_id)
