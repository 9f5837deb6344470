"""Carry to the supplier what its payer decided or paid. Worker only: it writes in the supplier's organization.

A notice is done when the supplier's rows say the same; twice changes nothing. What cannot be told yet is tried again.
"""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal

import structlog
from django.db import OperationalError, transaction

from emite.accounts import posting
from emite.audit.recording import record
from emite.care.models import InsurerInvoice
from emite.cfdi.cobranza import Accounts
from emite.organizations.models import Membership, Organization
from emite.organizations.permissions import Need
from emite.reviews.deciding import TOLD
from emite.reviews.models import Notice, PayerPayment, PayerShare, ReceivedInvoice
from emite.reviews.receiving import SYSTEM, key_of, say
from emite.settlements import paying, receivables
from emite.settlements.models import Receivable, ReceivedPayment
from emite.settlements.paying import PaymentRefused

log = structlog.get_logger(__name__)

PAUSES = tuple(dt.timedelta(seconds=seconds) for seconds in (10, 60, 600, 3600))


class _NotYet(Exception):
    """Something of the supplier is missing; the message says what."""


def due(*, now: dt.datetime, limit: int) -> list[uuid.UUID]:
    """Notices that should be carried over now, in the order in which they were made."""
    return list(Notice.objects.filter(next_at__lte=now).order_by("made_at", "pk").values_list("pk", flat=True)[:limit])


def tell(pk: uuid.UUID, *, now: dt.datetime) -> bool:
    """One notice; True when the supplier knows."""
    try:
        with transaction.atomic():
            notice = Notice.objects.select_for_update(skip_locked=True, of=("self",)).filter(pk=pk).first()
            if notice is None or notice.next_at is None:
                return False
            if notice.invoice is not None:
                _decision(notice.invoice, now)
            else:
                assert notice.payment is not None  # a CHECK says that it is one of both
                _payment(notice.payment, now)
            Notice.objects.filter(pk=pk).update(next_at=None, last_error="")
    except OperationalError:
        raise
    except (_NotYet, PaymentRefused) as error:
        _later(pk, error, now)
        return False
    except Exception as error:  # a supplier that cannot be told must not keep the others waiting
        log.exception("notice_not_told", notice=str(pk))
        _later(pk, error, now)
        return False
    return True


def _later(pk: uuid.UUID, error: Exception, now: dt.datetime) -> None:
    notice = Notice.objects.get(pk=pk)
    pause = PAUSES[min(notice.tries, len(PAUSES) - 1)]
    Notice.objects.filter(pk=pk).update(tries=notice.tries + 1, next_at=now + pause, last_error=str(error)[:300])


def _decision(received: ReceivedInvoice, now: dt.datetime) -> None:
    """The state of now, which may be later than the one that the notice was made for."""
    review = TOLD.get(ReceivedInvoice.State(received.state))
    rows = InsurerInvoice.objects.select_for_update(of=("self",)).select_related("payer")
    invoice = rows.filter(organization_id=received.supplier, pk=received.invoice).first()
    if invoice is None or review is None or (invoice.review, invoice.review_reason) == (review, received.reason):
        return
    account = Organization.objects.get(pk=received.organization_id)
    actor = InsurerInvoice.Actor
    InsurerInvoice.objects.filter(pk=invoice.pk).update(
        review=review,
        review_reason=received.reason,
        review_actor=actor.ADMINISTRATOR if account.kind == Organization.Kind.ADMINISTRATOR else actor.INSURER,
        reviewed_at=now,
    )
    record(
        organization_id=received.supplier,
        actor=f"pagador {account.name}",
        action=f"insurer_invoice.{review}",
        subject=f"insurer_invoice:{invoice.pk}",
        reason=received.reason,
        now=now,
    )
    if review in (InsurerInvoice.Review.APPROVED, InsurerInvoice.Review.REJECTED):
        write("reviews/decision", invoice, account, now, received=received, rejected=bool(received.reason))


def _payment(payment: PayerPayment, now: dt.datetime) -> None:
    if ReceivedPayment.objects.filter(organization_id=payment.supplier, idempotency_key=key_of(payment)).exists():
        return
    shares = []
    for share in payment.shares.select_related("invoice"):
        receivable = _receivable(payment.supplier, share.invoice.uuid)
        if receivable is None:
            receivables.open_missing(now=now, organization_id=payment.supplier)
            receivable = _receivable(payment.supplier, share.invoice.uuid)
        if receivable is None:
            raise _NotYet(f"{share.invoice.uuid}: falta su cuenta por cobrar")
        if part := _applied(receivable, share, now):
            shares.append((receivable, part))
    if not shares:
        raise _NotYet("de sus facturas ya no se debe nada")
    paying.register(
        payment.supplier,
        paid_at=payment.paid_at,
        forma_pago=payment.forma_pago,
        shares=shares,
        amount=payment.amount,
        user=None,
        now=now,
        key=key_of(payment),
        accounts=Accounts(operacion=payment.operation),
    )
    account = Organization.objects.get(pk=payment.organization_id)
    first = InsurerInvoice.objects.filter(
        organization_id=payment.supplier, cfdi_uuid=shares[0][0].cfdi_uuid
    ).select_related("payer").first()  # fmt: skip
    if first is not None:
        write("reviews/payment", first, account, now, payment=payment, invoices=len(shares))


def _applied(receivable: Receivable, share: PayerShare, now: dt.datetime) -> Decimal:
    """What of a share settles its invoice: the whole, or less once a credit note took from it what was on its way."""
    if share.amount <= receivable.balance:
        return share.amount
    if receivable.waits_for_note:
        raise _NotYet(f"{receivable}: tiene una nota de crédito timbrándose")
    if share.amount > receivable.total - receivable.paid:
        raise _NotYet(f"{receivable}: ya tiene otros pagos, y este no cabe")
    word = f"De ${share.amount:,.2f} su emisor aplicó ${receivable.balance:,.2f}: lo demás quedó a favor de usted"
    say(share.invoice, SYSTEM, f"{word}, por una nota de crédito", now)
    return receivable.balance


def _receivable(supplier: uuid.UUID, folio_fiscal: uuid.UUID) -> Receivable | None:
    return Receivable.objects.filter(organization_id=supplier, cfdi_uuid=folio_fiscal).first()


def write(template: str, invoice: InsurerInvoice, account: Organization, now: dt.datetime, **words: object) -> None:
    """A letter to each administrator and biller of the supplier."""
    people = Membership.objects.who_may(Need.PRICE).filter(organization_id=invoice.organization_id)
    for member in people.select_related("user"):
        posting.post(
            template,
            {"invoice": invoice, "payer": account.name, **words},
            to=member.user.email,
            now=now,
            organization_id=invoice.organization_id,
        )
