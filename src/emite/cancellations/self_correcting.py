"""The payer mends a typing error of an invoice of the portal, without the desk: within the hours that the hospital set,
once per invoice, never its RFC (that is another person's invoice). It is an ordinary substitution in the portal's name.
"""

from __future__ import annotations

import datetime as dt
import uuid

from emite.cancellations import substituting
from emite.cancellations.models import CancellationRequest, Substitution
from emite.cancellations.related import holders
from emite.cancellations.requesting import NotCancellable
from emite.cancellations.substituting import NothingChanges
from emite.cfdi.stored import from_json
from emite.credits import deposits
from emite.documents.models import FiscalDocument, State
from emite.invoices.building import PATIENT_PREFIX
from emite.invoices.issuing import NO_PERMISSION, NotAllowed, Request
from emite.organizations.models import Organization


class NotHere(NotCancellable):
    """It cannot be mended in the portal; the desk can tell how."""


def may_correct(document: FiscalDocument, organization: Organization, now: dt.datetime) -> bool:
    """Whether its payer is offered it. Nothing is asked of the database where the hospital has not set it."""
    hours = organization.correction_hours
    if hours is None or document.channel != FiscalDocument.Channel.PORTAL or document.state != State.STAMPED:
        return False
    assert document.stamped_at is not None
    if now - document.stamped_at > dt.timedelta(hours=hours) or not organization.portal_is_on():
        return False
    # A substitute is the mended one already; one that failed changed nothing and does not count.
    of_it = Substitution.objects.filter(substitute=document) | Substitution.objects.filter(original=document)
    tried = of_it.exclude(state=Substitution.State.FAILED)
    asked = CancellationRequest.objects.filter(document=document, finished_at=None)
    if tried.exists() or asked.exists():
        return False
    # With a deposit in it, or a note on it, other documents end first: that is the desk's.
    return not (document.content.get("relacionados") or holders(document) or deposits.holding(document))


def correct(
    document: FiscalDocument, request: Request, organization: Organization, *, now: dt.datetime, idempotency_key: str
) -> Substitution:
    """The substitution, in the name of the portal's user.

    Raises NotHere, NothingChanges, NotAllowed, NotReady or CfdiInvalid.

    What the invoice says of the patient stays as it is.
    """
    user = organization.portal_user
    if user is None:
        raise NotAllowed(NO_PERMISSION)
    earlier = Substitution.objects.filter(original=document, substitute__idempotency_key=idempotency_key).first()
    if earlier is not None:
        return earlier
    if not may_correct(document, organization, now):
        raise NotHere("Ya no se puede corregir aquí.")
    was = from_json(document.content)
    if request.receptor.rfc != was.receptor.rfc:
        raise NotHere("El RFC no se cambia aquí: es la factura de otra persona.")
    if request.receptor == was.receptor:
        raise NothingChanges("Los datos son los mismos que ya tiene la factura.")
    named = any(PATIENT_PREFIX in each.descripcion for each in was.conceptos)
    return substituting.substitute(
        document,
        Request(request.receptor, request.email, named),
        user=user,
        now=now,
        idempotency_key=idempotency_key,
        who=FiscalDocument.Channel.PORTAL,
    )


def refused_before(document: FiscalDocument) -> FiscalDocument | None:
    """The last attempt in its place that came to nothing, so that the form says what to mend."""
    rows = Substitution.objects.filter(original=document, state=Substitution.State.FAILED).order_by("-asked_at")
    last = rows.select_related("substitute").first()
    return last.substitute if last is not None and last.substitute.state == State.REJECTED else None


def is_the_mended(seen: uuid.UUID | None, document: FiscalDocument) -> bool:
    """Whether the payer of the one seen asked for this in its place, so that it is shown without asking again."""
    return (
        seen is not None
        and Substitution.objects.filter(
            original_id=seen, substitute=document, substitute__channel=FiscalDocument.Channel.PORTAL
        ).exists()
    )
