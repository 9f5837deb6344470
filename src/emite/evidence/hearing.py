"""Write down what a payer without an account said of an invoice: received, in review, approved, rejected.

It moves the invoice as the payer's own word would (`reviews.telling`), and says that the practice wrote it.
"""

from __future__ import annotations

import datetime as dt

from django.db import transaction
from django.db.models import QuerySet

from emite.accounts.models import User
from emite.audit.recording import record
from emite.care.models import InsurerInvoice
from emite.charges.allowing import must_collect
from emite.evidence.models import PayerWord
from emite.evidence.proof import Proof, Refused
from emite.settlements.models import Receivable

Review, Said = InsurerInvoice.Review, PayerWord.Said
REASON_LIMIT = 500
#: What may still be heard after what was heard last.
NEXT = {
    Review.NONE: (Said.RECEIVED, Said.IN_REVIEW, Said.APPROVED, Said.REJECTED),
    Review.RECEIVED: (Said.IN_REVIEW, Said.APPROVED, Said.REJECTED),
    Review.IN_REVIEW: (Said.APPROVED, Said.REJECTED),
    Review.APPROVED: (Said.REJECTED,),
    Review.REJECTED: (Said.IN_REVIEW, Said.APPROVED),
}
_LIVE = (InsurerInvoice.State.STAMPED, InsurerInvoice.State.EXTERNAL)


def may_be_heard(invoice: InsurerInvoice) -> tuple[PayerWord.Said, ...]:
    """What the practice may write down of it now; nothing when its payer says it by itself."""
    if invoice.payer.account_id is not None or invoice.state not in _LIVE:
        return ()
    return NEXT[Review(invoice.review)]


def hear(
    invoice: InsurerInvoice,
    said: str,
    *,
    said_on: dt.date,
    reason: str,
    proof: Proof,
    user: User,
    now: dt.datetime,
) -> PayerWord:
    """The word, and the invoice moved by it. Raises NotAllowed or Refused; nothing is stored then."""
    must_collect(user, invoice.organization_id)
    why = " ".join(reason.split())
    if said == Said.REJECTED and not why:
        raise Refused("Escriba el motivo del rechazo, como lo dijo la aseguradora.", "reason")
    if len(why) > REASON_LIMIT:
        raise Refused(f"El motivo lleva {REASON_LIMIT} letras o menos.", "reason")
    with transaction.atomic():
        rows = InsurerInvoice.objects.select_for_update(of=("self",)).select_related("payer", "organization")
        held = rows.get(organization_id=invoice.organization_id, pk=invoice.pk)
        if held.payer.account_id is not None:
            raise Refused(f"{held.payer.name} tiene cuenta aquí: contesta ella misma.")
        if said not in may_be_heard(held):
            raise Refused("Eso ya no corresponde a como está la factura: recargue la página.", "said")
        if said_on > held.organization.local_date(now):
            raise Refused("El día no puede ser futuro.", "said_on")
        if said_on < held.invoice_date:
            raise Refused("El día es anterior a la factura: corríjalo.", "said_on")
        if said == Said.REJECTED and _has_payments(held):
            raise Refused("Esta factura ya tiene pagos: no se registra como rechazada.", "said")
        word = PayerWord.objects.create(
            organization_id=held.organization_id,
            invoice=held,
            said=said,
            said_on=said_on,
            reason=why if said == Said.REJECTED else "",
            note=proof.note,
            file=proof.file,
            file_type=proof.file_type,
            registered_by=user,
            registered_at=now,
        )
        InsurerInvoice.objects.filter(pk=held.pk).update(
            review=said, review_reason=word.reason, review_actor=InsurerInvoice.Actor.PHYSICIAN, reviewed_at=now
        )
        record(
            organization_id=held.organization_id,
            actor=user.email,
            action=f"insurer_invoice.heard_{said}",
            subject=f"insurer_invoice:{held.pk}",
            reason=word.reason,
            now=now,
        )
    return word


def words_of(invoice: InsurerInvoice) -> QuerySet[PayerWord]:
    """What was heard of it, oldest first, without the files."""
    rows = PayerWord.objects.filter(organization_id=invoice.organization_id, invoice=invoice)
    return rows.defer("file").select_related("registered_by").order_by("registered_at", "pk")


def _has_payments(invoice: InsurerInvoice) -> bool:
    assert invoice.cfdi_uuid is not None  # a live one has its folio fiscal: a CHECK
    return Receivable.objects.filter(
        organization_id=invoice.organization_id, cfdi_uuid=invoice.cfdi_uuid, paid__gt=0
    ).exists()
