"""The SAT says that an invoice or a complement is cancelled: what is owed and paid from then on.

With a complement the money came in all the same, so its payment waits for another and what is owed does not move;
unless it was cancelled because nothing was paid: then the payment is undone and what it settled is owed again.
"""

from __future__ import annotations

import datetime as dt

import structlog
from django.db.models import Sum

from emite.accounts.models import User
from emite.documents.models import FiscalDocument
from emite.documents.models import State as DocumentState
from emite.settlements import paying
from emite.settlements.models import PaymentComplement, PaymentShare, Receivable
from emite.settlements.paying import PaymentRefused

log = structlog.get_logger(__name__)

State = PaymentComplement.State
GONE = "El SAT canceló su factura: lo cobrado en caja pasa a la que toma su lugar."


def complement_cancelled(
    document: FiscalDocument,
    *,
    now: dt.datetime,
    successor: FiscalDocument | None = None,
    undone_by: User | None = None,
    reason: str = "",
) -> None:
    """Call in the transaction that cancels the document. Nothing for one that is no live complement."""
    found = PaymentComplement.objects.filter(document=document).select_related("payment").first()
    if found is None:
        return
    paying.hold(found.payment)
    rows = PaymentComplement.objects.select_for_update(of=("self",)).select_related("payment")
    # Asked: it was stamped and ended before anybody told it so.
    held = rows.filter(pk=found.pk, state__in=(State.ASKED, State.STAMPED)).first()
    if held is None:
        return
    held.state = State.CANCELLED
    held.save(update_fields=["state"])
    if held.payment.undone_at is not None:
        return
    fresh = PaymentComplement(
        organization_id=held.organization_id, payment=held.payment, due_on=held.due_on, created_at=now
    )
    if successor is not None:
        fresh.document = successor
        fresh.state = State.STAMPED if successor.state == DocumentState.STAMPED else State.ASKED
    fresh.save(force_insert=True)
    if successor is None and undone_by is not None:
        try:
            paying.take_back(held.payment, reason=reason, user=undone_by, now=now)
        except PaymentRefused as refused:  # somebody paid later meanwhile: a person undoes both, newest first
            fresh.failure = f"El complemento se canceló y el pago no se deshizo. {refused.message}"
            fresh.save(update_fields=["failure"])


def invoice_cancelled(document: FiscalDocument, *, now: dt.datetime) -> None:
    """Nothing is owed of it any more, and what a register took is its charge's again, for the invoice that follows.

    Call in the transaction that cancels it; nothing for any other document.
    """
    held = Receivable.objects.select_for_update().filter(document=document, closed_at=None).first()
    if held is None:
        return
    taken = PaymentShare.objects.filter(
        receivable=held, payment__undone_at=None, payment__desk_payment__isnull=False
    ).select_related("payment")
    for share in taken.order_by("-number"):
        try:
            paying.take_back(share.payment, reason=GONE, user=None, now=now)
        except PaymentRefused as refused:  # a complement of another program tells it to the SAT, say
            log.warning("desk_payment_stays", payment=str(share.payment_id), why=refused.message)
            break
    Receivable.objects.filter(pk=held.pk, closed_at=None, paid=0).update(closed_at=now)


def paid_of(document: FiscalDocument) -> str:
    """Why an invoice is not ended yet, in words: a payment would settle what is cancelled, and its successor would be
    owed whole. Empty when it can be. What a register took stays its charge's.

    Call in the transaction that asks for the end: whoever registers a payment waits for it, and then sees it.
    """
    held = Receivable.objects.select_for_update().filter(document=document).first()
    if held is None or not held.paid:
        return ""
    standing = PaymentShare.objects.filter(receivable=held, payment__undone_at=None, payment__desk_payment=None)
    amount = standing.aggregate(all=Sum("amount"))["all"]
    if not amount:
        return ""
    return (
        f"De la factura {held} hay pagos registrados por ${amount:,.2f}: deshágalos primero, el más reciente antes. Si "
        "otra toma su lugar, regístrelos después en la nueva."
    )


def stands_on(complement: PaymentComplement) -> str:
    """Why its payment cannot be undone with its complement, in words; empty when it can."""
    payment = complement.payment
    if payment.desk_payment_id is not None:
        return "Este pago se cobró en caja: se deshace ahí, y su complemento se cancela con el motivo 02."
    later = [
        str(share.receivable)
        for share in payment.shares.select_related("receivable").order_by("pk")
        if share.number != share.receivable.parcialidades
    ]
    if later:
        return f"Hay pagos posteriores de {', '.join(later)}: cancele y deshaga primero el más reciente."
    return ""
