"""Undo a payment that was wrong, by whoever registered it or by the supplier: both sides say the same afterwards.

The payer undoes its own and the supplier's in one transaction. What the supplier undid is carried over by the worker.
"""

from __future__ import annotations

import datetime as dt
import uuid

from django.db import transaction
from django.db.models import CharField, Exists, OuterRef, Value
from django.db.models.functions import Cast, Concat

from emite.accounts.models import User
from emite.audit.recording import record
from emite.care.models import InsurerInvoice
from emite.cfdi.money import text
from emite.database import tenancy
from emite.organizations.models import Organization
from emite.reviews.allowing import Refused, must_pay
from emite.reviews.models import Notice, PayerPayment, ReceivedInvoice
from emite.reviews.receiving import KEY, key_of, say
from emite.reviews.telling import write
from emite.settlements import paying as supplier_side
from emite.settlements.models import PaymentComplement, ReceivedPayment
from emite.settlements.paying import REASON_LIMIT, PaymentRefused


def undo(payment: PayerPayment, *, reason: str, user: User, now: dt.datetime) -> None:
    """Take back a payment of ours: what it settled is owed again, here and at the supplier. Twice changes nothing.

    Raises NotAllowed; or Refused while a complement tells it to the SAT, or a later payment stands on it.
    """
    must_pay(user, payment.organization_id)
    why = " ".join(reason.split())
    if not why or len(why) > REASON_LIMIT:
        raise Refused(f"Escriba por qué se deshace, en {REASON_LIMIT} letras o menos.", "reason")
    with transaction.atomic():
        held = _held(payment)
        if held is None:
            return
        Notice.objects.filter(organization_id=held.organization_id, payment=held).update(next_at=None)
        _at_supplier(held, why, now)
        _undone(held, user, user.email, why, now)


def reverted(*, limit: int) -> list[uuid.UUID]:
    """Payments that stand here and that their supplier undid."""
    key = Concat(Value(KEY), Cast(OuterRef("pk"), CharField()))
    theirs = ReceivedPayment.objects.filter(
        organization_id=OuterRef("supplier"), idempotency_key=key, undone_at__isnull=False
    )
    rows = PayerPayment.objects.filter(Exists(theirs), undone_at=None)
    return list(rows.order_by("registered_at").values_list("pk", flat=True)[:limit])


def revert(pk: uuid.UUID, *, now: dt.datetime) -> None:
    """Its supplier says that it did not get this money: it does not count as paid here either. Worker only."""
    with transaction.atomic():
        held = _held(PayerPayment.objects.get(pk=pk))
        if held is None:
            return
        theirs = ReceivedPayment.objects.get(organization_id=held.supplier, idempotency_key=key_of(held))
        _undone(held, None, f"proveedor {held.rfc_emisor}", theirs.undone_reason, now)


def _held(payment: PayerPayment) -> PayerPayment | None:
    """With its notice, invoices and row held, in the order of whoever else takes them; None once it is undone."""
    mine = {"organization_id": payment.organization_id}
    list(Notice.objects.select_for_update().filter(**mine, payment=payment).values_list("pk"))
    wanted = list(payment.shares.values_list("invoice", flat=True))
    list(ReceivedInvoice.objects.select_for_update().filter(**mine, pk__in=wanted).order_by("pk").values_list("pk"))
    return PayerPayment.objects.select_for_update().filter(**mine, pk=payment.pk, undone_at=None).first()


def _at_supplier(payment: PayerPayment, reason: str, now: dt.datetime) -> None:
    """Nothing to undo when it was not told yet, or the supplier undid it a moment ago."""
    account = Organization.objects.get(pk=payment.organization_id)
    with tenancy.organization(payment.supplier):
        rows = ReceivedPayment.objects.filter(organization_id=payment.supplier, idempotency_key=key_of(payment))
        theirs = rows.first()
        if theirs is None or theirs.undone_at is not None:
            return
        try:
            supplier_side.take_back(theirs, reason=reason, user=None, now=now)
        except PaymentRefused as refused:
            raise Refused(_cure(theirs), "reason") from refused
        folios = theirs.shares.values_list("receivable__cfdi_uuid", flat=True)
        invoices = InsurerInvoice.objects.filter(organization_id=payment.supplier, cfdi_uuid__in=list(folios))
        first = invoices.first()
        if first is not None:
            write("reviews/undone", first, account, now, payment=payment, reason=reason, invoices=len(folios))


def _cure(theirs: ReceivedPayment) -> str:
    if PaymentComplement.objects.filter(payment=theirs, state__in=PaymentComplement.HELD).exists():
        return (
            "El médico ya emitió el complemento de este pago: pídale que primero lo cancele ante el SAT, "
            "y después deshaga el pago."
        )
    return "Hay pagos posteriores de sus facturas: deshaga primero el más reciente."


def _undone(payment: PayerPayment, user: User | None, actor: str, reason: str, now: dt.datetime) -> None:
    PayerPayment.objects.filter(pk=payment.pk).update(undone_at=now, undone_by=user, undone_reason=reason)
    word = "Se deshizo el pago" if user is not None else "Su emisor revirtió el pago"
    for share in payment.shares.select_related("invoice"):
        say(share.invoice, actor, f"{word} de ${share.amount:,.2f}: {reason}"[:200], now)
    record(
        organization_id=payment.organization_id,
        actor=actor,
        action="review.undo_payment",
        subject=f"payer_payment:{payment.pk}",
        after={"amount": text(payment.amount, 2)},
        reason=reason,
        now=now,
    )
