"""Bind a charge to the document that invoices it, and free it again.

At most one live allocation per charge is a UNIQUE index of the database, whoever asks: portal, desk or month end.
"""

from __future__ import annotations

import datetime as dt

from django.db import IntegrityError

from emite.cfdi import anticipos
from emite.charges.models import Allocation, CashRegister, Charge
from emite.database.kept import Given, Kept, KeptInsert
from emite.documents.models import FiscalDocument

_LIVE = Kept(
    lambda: (
        Allocation.objects.select_related("document")
        # Its content stays in the database until somebody reads it: a factura global's is half a megabyte.
        .defer("document__content")
        .filter(organization=Given("organization"), charge=Given("charge"), active=True)
    )
)

_BIND = KeptInsert(Allocation)


class AlreadyAllocated(Exception):
    """Somebody else's document invoices this charge."""


def allocate(
    target: Charge, document: FiscalDocument, *, register: CashRegister | None, now: dt.datetime
) -> Allocation:
    """Bind, or raise AlreadyAllocated, after which the caller's transaction can only be undone.

    Waits for a rival transaction on the same charge to end.
    """
    try:
        return _BIND.run(
            Allocation(
                organization_id=target.organization_id,
                charge=target,
                document=document,
                register=register,
                # By path A an account with deposits is invoiced whole.
                remnant=document.total != target.total and anticipos.relates(document.content),
                created_at=now,
            )
        )
    except IntegrityError as error:
        if "allocation_one_live_per_charge" in str(error):
            raise AlreadyAllocated(str(target.pk)) from error
        raise


def live_allocation(target: Charge) -> Allocation | None:
    """What binds this charge to the document that invoices it now, if anything does."""
    return _LIVE.first(organization=target.organization_id, charge=target.pk)


def live_document(target: Charge) -> FiscalDocument | None:
    """The document that invoices this charge now, if any."""
    allocation = live_allocation(target)
    return allocation.document if allocation else None


def release(document: FiscalDocument, *, now: dt.datetime) -> int:
    """Free every charge of a document that will never be, or no longer is, a live CFDI. Returns how many."""
    return Allocation.objects.filter(organization_id=document.organization_id, document=document, active=True).update(
        active=False, released_at=now
    )
