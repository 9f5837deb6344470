"""What a charge allows its payer now. Invoiced is asked before everything else: an invoice outlives every limit.

Pure questions over rows already read; no page is chosen here.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

from emite.accounts.models import User
from emite.charges.models import Charge
from emite.credits import lateness
from emite.documents.models import FiscalDocument
from emite.organizations.models import Organization


class Kind(StrEnum):
    INVOICED = "invoiced"
    IN_GLOBAL = "in_global"
    LATE = "late"
    LEAVING = "leaving"
    VOID = "void"
    OFF = "off"
    EXPIRED = "expired"
    OWED = "owed"
    OWED_AT_DESK = "owed_at_desk"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Situation:
    """`document` is there if and only if the charge is invoiced, by whatever road.

    `biller`: in whose name the portal would issue, wherever it may.
    """

    kind: Kind
    document: FiscalDocument | None = None
    biller: User | None = None

    @property
    def is_closed(self) -> bool:
        """Only the staff can go on from here."""
        return self.kind in (Kind.IN_GLOBAL, Kind.VOID, Kind.OFF, Kind.EXPIRED, Kind.OWED_AT_DESK)


def of(charge: Charge, document: FiscalDocument | None, now: dt.datetime) -> Situation:
    """`document`: the one that invoices the charge now. A query or two: whether the portal may issue."""
    if document is not None:
        return Situation(_of_invoiced(charge, document, now), document)
    if charge.state == Charge.State.VOID:
        return Situation(Kind.VOID)
    biller = charge.organization.portal_biller()
    if biller is None:
        return Situation(Kind.OFF)
    if not charge.portal_is_open(now):
        return Situation(Kind.EXPIRED)
    if charge.is_paid:
        return Situation(Kind.OPEN, biller=biller)
    waits = charge.organization.owed_accounts == Organization.OwedAccounts.WAIT
    return Situation(Kind.OWED if waits else Kind.OWED_AT_DESK)


def _of_invoiced(charge: Charge, document: FiscalDocument, now: dt.datetime) -> Kind:
    """In a factura global its payer may still ask here, within the days that the ticket says."""
    if document.channel != FiscalDocument.Channel.GLOBAL:
        return Kind.INVOICED
    if lateness.open_request(charge) is not None:
        return Kind.LEAVING
    here = lateness.in_stamped_global(document) and charge.portal_is_open(now) and charge.organization.portal_is_on()
    return Kind.LATE if here else Kind.IN_GLOBAL


def invoice(document: FiscalDocument | None) -> FiscalDocument | None:
    """The document if it invoices one charge alone. A factura global is nobody's: it lists what everybody paid."""
    return None if document is None or document.channel == FiscalDocument.Channel.GLOBAL else document
