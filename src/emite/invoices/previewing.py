"""What an invoice would carry, before anybody asks for it: the same builder, the same rules, nothing stored."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from emite.accounts.models import User
from emite.cfdi.comprobante import Comprobante
from emite.cfdi.faults import CfdiInvalid
from emite.charges.models import Charge
from emite.documents.sealing import check, errors
from emite.invoices.building import comprobante
from emite.invoices.issuing import NO_PERMISSION, NotAllowed, Request, invoiceable, may_issue


def preview(charges: Sequence[Charge], request: Request, *, user: User, now: dt.datetime) -> Comprobante:
    """The Comprobante as it would be sealed now. Raises NotAllowed, NotInvoiceable, CfdiInvalid."""
    if not may_issue(user, charges[0].organization_id):
        raise NotAllowed(NO_PERMISSION)
    issuer = invoiceable(charges, on_credit=request.on_credit)
    made = comprobante(
        charges,
        request.receptor,
        issuer=issuer,
        now=now,
        with_patient=request.with_patient,
        on_credit=request.on_credit,
    )
    wrong = errors(check(made))
    if wrong:
        raise CfdiInvalid(wrong)
    return made
