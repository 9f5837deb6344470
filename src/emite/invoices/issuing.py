"""Issue: a paid charge and a recipient become a draft that a worker will seal and stamp.

One transaction: permission, draft, allocation and wake-up, or nothing. No key is opened and no PAC is called here.
"""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass

from django.db import transaction

from emite.accounts.models import User
from emite.cfdi.comprobante import Receptor
from emite.charges.allocating import AlreadyAllocated, allocate, live_document
from emite.charges.models import CashRegister, Charge
from emite.documents.models import Delivery, FiscalDocument
from emite.documents.sealing import NotReady, draft
from emite.documents.steps import reached
from emite.documents.waking import wake
from emite.invoices.building import comprobante
from emite.issuers.models import Issuer, Series
from emite.organizations.models import Membership


class NotAllowed(Exception):
    """Whoever asks lacks the permission to issue invoices for the organization."""


class NotInvoiceable(Exception):
    """The charge cannot be invoiced as it is. `reason` is one of: void, unpaid."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class AlreadyInvoiced(Exception):
    """Another document invoices the charge already."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a payer asks for. `email` gets the files when stamped; `with_patient` writes who was treated."""

    receptor: Receptor
    email: str = ""
    with_patient: bool = False


def issue(
    charge: Charge, request: Request, *, channel: str, user: User, now: dt.datetime, idempotency_key: str
) -> FiscalDocument:
    """The draft that invoices this charge, allocated and with its worker woken.

    The same key for the same charge returns its document, also when it was refused since. Raises NotAllowed,
    NotInvoiceable, AlreadyInvoiced, NotReady, or CfdiInvalid with every fault of what was typed; nothing is stored
    then.
    """
    if not may_issue(user, charge.organization_id):
        raise NotAllowed(user.email)
    with transaction.atomic():
        locked = Charge.objects.select_for_update(of=("self",)).select_related("issuer").get(pk=charge.pk)
        earlier = live_document(locked)
        if earlier is not None:
            if earlier.idempotency_key == idempotency_key:
                return earlier
            raise AlreadyInvoiced(str(locked.pk))
        refused = _asked_before(locked, idempotency_key)
        if refused is not None:
            return refused
        if locked.state == Charge.State.VOID:
            raise NotInvoiceable("void")
        if not locked.is_paid:
            raise NotInvoiceable("unpaid")
        patient = locked.patient_name if request.with_patient else ""
        document = draft(
            comprobante([locked], request.receptor, issuer=locked.issuer, now=now, patient=patient),
            issuer=locked.issuer,
            series=_series(locked.issuer),
            channel=channel,
            idempotency_key=idempotency_key,
            now=now,
            who=user.email if channel == FiscalDocument.Channel.DESK else channel,
        )
        try:
            allocate(locked, document, register=_register(locked, channel), now=now)
        except AlreadyAllocated as error:
            raise AlreadyInvoiced(str(locked.pk)) from error
        if request.email:
            Delivery.objects.create(
                organization_id=locked.organization_id, document=document, address=request.email, requested_at=now
            )
        wake(document.pk)
        reached("issued_uncommitted")
    reached("issued")
    return document


def may_issue(user: User, organization_id: uuid.UUID) -> bool:
    """The issuing permission, asked at the moment of issuing."""
    return (
        user.is_active
        and Membership.objects.filter(organization_id=organization_id, user=user, can_issue=True).exists()
    )


def _asked_before(charge: Charge, idempotency_key: str) -> FiscalDocument | None:
    """The document that this very request made, although it invoices the charge no longer."""
    return FiscalDocument.objects.filter(
        organization_id=charge.organization_id, idempotency_key=idempotency_key, allocations__charge=charge
    ).first()


def _series(issuer: Issuer) -> Series:
    series = Series.objects.filter(organization_id=issuer.organization_id, issuer=issuer).order_by("name").first()
    if series is None:
        raise NotReady("Falta la serie de folios del emisor.")
    return series


def _register(charge: Charge, channel: str) -> CashRegister | None:
    """Portal invoices are booked to the register of "Facturación web"."""
    if channel != FiscalDocument.Channel.PORTAL:
        return None
    return CashRegister.objects.filter(organization_id=charge.organization_id, web_invoicing=True, active=True).first()
