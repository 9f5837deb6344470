"""Register what the payer paid: one transfer over many invoices of one supplier, whole or in part.

It becomes the supplier's received payment, with its complement due, as soon as a worker carries the notice over.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from decimal import Decimal

from django.db import transaction

from emite.accounts.models import User
from emite.audit.recording import record
from emite.cfdi.money import text, total
from emite.pac.port import SatEstado
from emite.reviews.allowing import Refused, must_pay
from emite.reviews.models import Notice, PayerPayment, PayerShare, ReceivedInvoice, ReviewEvent
from emite.settlements.paying import FORMS, OPERATION_LIMIT

#: A complement speaks of so many invoices at most before nobody reads it any more.
MOST_TOGETHER = 500


def register(
    organization_id: uuid.UUID,
    shares: Sequence[tuple[uuid.UUID, Decimal]],
    *,
    paid_at: dt.datetime,
    forma_pago: str,
    operation: str,
    user: User,
    now: dt.datetime,
    key: str,
) -> PayerPayment:
    """The payment with its shares. The same key again returns the first. Raises NotAllowed or Refused; nothing then."""
    must_pay(user, organization_id)
    operation = " ".join(operation.split())
    if not shares:
        raise Refused("Elija al menos una factura y escriba cuánto se paga de ella.", "shares")
    if len(shares) > MOST_TOGETHER or len({pk for pk, _ in shares}) != len(shares):
        raise Refused(f"Cada factura va una vez, y a lo más {MOST_TOGETHER} en un pago.", "shares")
    if forma_pago not in FORMS:
        raise Refused("Elija cómo se pagó.", "forma_pago")
    if len(operation) > OPERATION_LIMIT:
        raise Refused(f"La referencia lleva {OPERATION_LIMIT} letras o menos.", "operation")
    if paid_at > now:
        raise Refused("La fecha del pago no puede ser futura.", "paid_at")
    with transaction.atomic():
        held = _held(organization_id, [pk for pk, _ in shares])
        # Once they are held: whoever pressed twice at once sees what the first press made.
        earlier = PayerPayment.objects.filter(organization_id=organization_id, idempotency_key=key).first()
        if earlier is not None:
            return earlier
        for pk, amount in shares:
            _check(held[pk], amount, paid_at)
        first = next(iter(held.values()))
        if any((each.supplier, each.rfc_emisor) != (first.supplier, first.rfc_emisor) for each in held.values()):
            raise Refused("Un pago es para un solo RFC: registre otro para el resto.", "shares")
        payment = PayerPayment.objects.create(
            organization_id=organization_id,
            supplier=first.supplier,
            rfc_emisor=first.rfc_emisor,
            paid_at=paid_at,
            forma_pago=forma_pago,
            amount=total(amount for _, amount in shares),
            operation=operation,
            registered_by=user,
            registered_at=now,
            idempotency_key=key,
        )
        PayerShare.objects.bulk_create(
            PayerShare(organization_id=organization_id, payment=payment, invoice=held[pk], amount=amount)
            for pk, amount in shares
        )
        # The SAT is asked again once it is paid.
        ReceivedInvoice.objects.filter(organization_id=organization_id, pk__in=list(held)).update(sat_due_at=now)
        told = f" ({operation})" if operation else ""
        ReviewEvent.objects.bulk_create(
            ReviewEvent(
                organization_id=organization_id, invoice=held[pk], at=now, who=user.email,
                what=f"Se pagaron ${amount:,.2f}{told}",
            )
            for pk, amount in shares
        )  # fmt: skip
        Notice.objects.create(
            organization_id=organization_id, supplier=first.supplier, payment=payment, made_at=now, next_at=now
        )
        record(
            organization_id=organization_id,
            actor=user.email,
            action="review.pay",
            subject=f"payer_payment:{payment.pk}",
            after={"amount": text(payment.amount, 2), "invoices": len(shares)},
            now=now,
        )
    return payment


def _held(organization_id: uuid.UUID, wanted: Sequence[uuid.UUID]) -> dict[uuid.UUID, ReceivedInvoice]:
    """In the order of their keys, so that two payments wait for each other and never block."""
    rows = (
        ReceivedInvoice.objects.select_for_update(of=("self",))
        .select_related("organization")
        .filter(organization_id=organization_id, pk__in=wanted)
    )
    held = {each.pk: each for each in rows.order_by("pk")}
    if len(held) != len(wanted):
        raise Refused("Una de las facturas ya no está en la bandeja: recargue la lista.", "shares")
    return held


def _check(invoice: ReceivedInvoice, amount: Decimal, paid_at: dt.datetime) -> None:
    if invoice.state != ReceivedInvoice.State.APPROVED:
        raise Refused(f"La factura {invoice} está «{invoice.label}»: apruébela antes de pagarla.", "shares")
    if invoice.sat_estado == SatEstado.CANCELADO.value:
        raise Refused(f"El SAT dice que la factura {invoice} está cancelada: no se paga.", "shares")
    if amount <= 0 or amount != round(amount, 2):
        raise Refused(f"De la factura {invoice} escriba una cantidad mayor que cero, con centavos.", "shares")
    if amount > invoice.owed:
        raise Refused(
            f"De la factura {invoice} se deben ${invoice.owed:,.2f}: no puede pagar ${amount:,.2f}.", "shares"
        )
    if invoice.organization.local_date(paid_at) < invoice.organization.local_date(invoice.fecha):
        raise Refused(f"La factura {invoice} es posterior al pago: revise la fecha.", "paid_at")
