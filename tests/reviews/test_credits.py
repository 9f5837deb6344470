"""A supplier's credit note and the invoice that takes another's place, as their payer sees them."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse

from emite.cancellations import complements, following, insured, requesting, substituting
from emite.care.models import InsurerInvoice, Payer
from emite.reviews import deciding, paying, undoing
from emite.reviews.allowing import Refused
from emite.reviews.models import (
    Notice,
    PayerPayment,
    PayerShare,
    ReceivedComplement,
    ReceivedCredit,
    ReceivedInvoice,
    SaidPayment,
)
from emite.settlements import checking, complementing, disallowing
from emite.settlements import following as settled
from emite.settlements import paying as settling
from emite.settlements.disallowing import Glosa
from emite.settlements.models import PaymentComplement, ReceivedPayment
from tests import make
from tests import practice as stand
from tests.credits.stands import drive
from tests.pac.sandbox import RunningSandbox
from tests.payer import Insurer, accounted, go_on

pytestmark = pytest.mark.django_db


@pytest.fixture
def practice(sandbox: RunningSandbox, settings: Any) -> Iterator[stand.Practice]:
    with stand.behind(sandbox, settings) as made:
        yield made


@pytest.fixture
def payer(practice: stand.Practice) -> Insurer:
    return accounted(practice)


def invoiced(practice: stand.Practice, number: str) -> InsurerInvoice:
    made = stand.registered(practice, stand.service(practice, "1000.00"), number=number)
    stand.stamped(made, practice)
    return InsurerInvoice.objects.select_related("document", "issuer", "payer").get(pk=made.pk)


def sweep() -> None:
    for minutes in range(0, 60, 10):
        moment = make.now() + dt.timedelta(minutes=minutes)
        for pk in substituting.due(limit=9):
            substituting.go_on(pk, now=moment)
        for pk in following.due(now=moment, limit=9):
            following.drive(pk, owner="test:1", clock=lambda moment=moment: moment)  # type: ignore[misc]


def pay(payer: Insurer, received: ReceivedInvoice, amount: str) -> PayerPayment:
    return paying.register(
        payer.organization.pk, [(received.pk, Decimal(amount))], paid_at=make.now(), forma_pago="03", operation="",
        user=payer.treasurer, now=make.now(), key=amount,
    )  # fmt: skip


def elsewhere(practice: stand.Practice, invoice: InsurerInvoice, amount: str) -> None:
    """A payment that the supplier writes down itself."""
    settling.register(
        practice.organization.pk, paid_at=make.now(), forma_pago="03", amount=Decimal(amount), user=practice.admin,
        shares=[(disallowing.receivable_of(invoice, now=make.now()), Decimal(amount))], now=make.now(),
        key=uuid.uuid4().hex,
    )  # fmt: skip


def test_the_payer_owes_less_by_a_credit_note_and_more_again_when_that_is_cancelled(
    practice: stand.Practice, payer: Insurer
) -> None:
    invoice = invoiced(practice, "N-1")
    go_on()
    received = ReceivedInvoice.objects.get(uuid=invoice.cfdi_uuid)
    deciding.approve(payer.organization.pk, [received.pk], user=payer.reviewer, now=make.now())
    note = disallowing.ask(
        invoice, Glosa("Tarifa mayor", Decimal(90)), user=practice.admin, now=make.now(), idempotency_key="n-1"
    )
    go_on()
    assert not ReceivedCredit.objects.exists()  # not before it is stamped
    document = drive(note.document_id)
    go_on()
    go_on()

    received.refresh_from_db()
    kept = ReceivedCredit.objects.get()
    assert (received.credited, received.owed, kept.uuid) == (90, 810, document.uuid)
    assert received.events.filter(what__contains="se deben $810.00").count() == 1
    with pytest.raises(Refused, match=r"se deben \$810\.00"):
        pay(payer, received, "810.01")
    with pytest.raises(DatabaseError, match="settles invoices"), transaction.atomic():
        payment = PayerPayment.objects.create(
            organization=payer.organization, supplier=received.supplier, rfc_emisor=received.rfc_emisor, amount=811,
            paid_at=make.now(), forma_pago="03", registered_by=payer.admin, registered_at=make.now(),
            idempotency_key="x",
        )  # fmt: skip
        PayerShare.objects.create(organization=payer.organization, payment=payment, invoice=received, amount=811)

    elsewhere(practice, invoice, "10.00")
    requesting.request_cancellation(document, "02", user=practice.admin, now=make.now())
    sweep()
    assert disallowing.receivable_of(invoice, now=make.now()).balance == 890  # at once, in the supplier's rows
    elsewhere(practice, invoice, "10.00")  # a parcialidad that begins higher than the one before it ended
    assert list(checking.faults(practice.organization.pk)) == []
    go_on()
    go_on()
    received.refresh_from_db()
    assert (received.credited, received.said, received.owed) == (0, 20, 880)
    assert received.events.filter(what__contains="Su emisor registró un pago de $10.00").count() == 2
    with pytest.raises(Refused, match=r"se deben \$880\.00"):
        pay(payer, received, "880.01")
    last = ReceivedPayment.objects.order_by("registered_at").last()
    assert last is not None
    settling.undo(last, reason="No llegó", user=practice.admin, now=make.now())
    go_on()
    go_on()
    received.refresh_from_db()
    assert (received.said, received.owed, received.label) == (10, 890, "Pagado parcial")
    with pytest.raises(DatabaseError, match="only ends"), transaction.atomic():
        SaidPayment.objects.update(amount=1)
    with pytest.raises(DatabaseError, match="only ends"), transaction.atomic():
        ReceivedCredit.objects.update(total=1)


def test_paid_whole_while_a_credit_note_is_stamped(practice: stand.Practice, payer: Insurer) -> None:
    invoice = invoiced(practice, "N-5")
    go_on()
    received = ReceivedInvoice.objects.get(uuid=invoice.cfdi_uuid)
    deciding.approve(payer.organization.pk, [received.pk], user=payer.reviewer, now=make.now())
    note = disallowing.ask(
        invoice, Glosa("Tarifa mayor", Decimal(90)), user=practice.admin, now=make.now(), idempotency_key="n-5"
    )
    made = pay(payer, received, "900.00")
    go_on()
    notice = Notice.objects.get(payment=made)
    assert (notice.tries, "timbrándose" in notice.last_error) == (1, True)
    assert not ReceivedPayment.objects.exists()
    drive(note.document_id)
    for _ in range(2):
        Notice.objects.filter(pk=notice.pk).update(next_at=make.now())
        go_on()

    received.refresh_from_db()
    theirs = ReceivedPayment.objects.get()
    assert (theirs.amount, theirs.shares.get().amount) == (900, 810)
    assert (received.owed, received.too_much, received.label) == (0, 90, "PAGADO")
    assert received.events.filter(what__contains="su emisor aplicó $810.00").count() == 1
    assert list(checking.faults(practice.organization.pk)) == []
    undoing.undo(made, reason="Se paga menos", user=payer.treasurer, now=make.now())
    received.refresh_from_db()
    assert (received.owed, disallowing.receivable_of(invoice, now=make.now()).balance) == (810, 810)


def test_a_payment_that_its_supplier_wrote_down_first_waits_for_a_person(
    practice: stand.Practice, payer: Insurer
) -> None:
    invoice = invoiced(practice, "N-6")
    go_on()
    received = ReceivedInvoice.objects.get(uuid=invoice.cfdi_uuid)
    deciding.approve(payer.organization.pk, [received.pk], user=payer.reviewer, now=make.now())
    elsewhere(practice, invoice, "500.00")
    made = pay(payer, received, "500.00")  # before it heard of that one
    go_on()
    notice = Notice.objects.get(payment=made)
    assert "ya tiene otros pagos" in notice.last_error
    undoing.undo(made, reason="Ya lo registró el médico", user=payer.treasurer, now=make.now())
    received.refresh_from_db()
    assert (received.paid, received.said, received.owed) == (0, 500, 400)


def test_a_complement_that_its_issuer_cancels_is_missing_again_until_another_arrives(
    practice: stand.Practice, payer: Insurer
) -> None:
    invoice = invoiced(practice, "N-7")
    go_on()
    received = ReceivedInvoice.objects.get(uuid=invoice.cfdi_uuid)
    deciding.approve(payer.organization.pk, [received.pk], user=payer.reviewer, now=make.now())
    pay(payer, received, "900.00")
    go_on()
    theirs = ReceivedPayment.objects.get()

    def complemented(key: str) -> PaymentComplement:
        asked = complementing.issue(theirs, user=practice.admin, now=make.now(), key=key)
        assert asked.document_id is not None
        drive(asked.document_id)
        settled.after(asked.document_id, now=make.now())
        go_on()
        return PaymentComplement.objects.select_related("document", "payment").get(pk=asked.pk)

    def missing() -> bool:
        seen = Client()
        seen.force_login(payer.reader)
        return "Pagado sin complemento" in seen.get(reverse("insurer:payments")).content.decode()

    first = complemented("n-7")
    assert not missing()
    complements.cancel(first, "02", user=practice.admin, now=make.now())
    sweep()
    go_on()
    go_on()
    assert missing()
    assert received.events.filter(what__contains="canceló ante el SAT el complemento").count() == 1
    with pytest.raises(DatabaseError, match="only ends"), transaction.atomic():
        ReceivedComplement.objects.update(cancelled_at=None)
    complemented("n-7-b")
    assert not missing()
    assert ReceivedComplement.objects.filter(cancelled_at=None).count() == 1


def test_the_one_that_takes_its_place_arrives_as_its_successor(
    practice: stand.Practice, payer: Insurer, sandbox: RunningSandbox
) -> None:
    first = invoiced(practice, "N-2")
    go_on()
    listed = {"rfc": "SCE050620LQ5", "nombre": "SEGUROS LA CEIBA", "cp": "64000", "regimenes": ["601", "603"]}
    sandbox.control("taxpayers", add=[listed])
    Payer.objects.update(regimen_fiscal="603")
    first.payer.refresh_from_db()
    made = insured.substitute(first, "N-3", user=practice.admin, now=make.now(), idempotency_key="n-3")
    assert made.document_id is not None
    drive(made.document_id)
    go_on()

    old, new = (ReceivedInvoice.objects.get(control_number=number) for number in ("N-2", "N-3"))
    assert (new.services, new.has_faults) == (1, False), new.findings
    assert new.events.filter(what__contains="Toma el lugar de la factura N-2; las dos están vigentes").exists()
    assert old.events.filter(what__contains="La factura N-3 toma su lugar").exists()
    sweep()
    go_on()
    old.refresh_from_db()
    new.refresh_from_db()
    assert (old.state, new.state) == ("withdrawn", "received")
