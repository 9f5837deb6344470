"""The later life of what a physician sends to an insurer, through the real roads: cancelled, and put right."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator
from decimal import Decimal as D

import pytest
from django.db import DatabaseError, transaction

from emite.cancellations import complements, following, insured, requesting, substituting
from emite.cancellations.models import CancellationRequest, Substitution
from emite.cancellations.requesting import Held, NotCancellable
from emite.cancellations.substituting import NothingChanges
from emite.care.models import InsurerInvoice, Payer, ServiceAllocation
from emite.cfdi.xml import parse
from emite.documents import steps
from emite.documents.models import FiscalDocument, State
from emite.documents.rendering import stamped_xml
from emite.invoices.insured import services_in
from emite.invoices.insuring import Refused
from emite.settlements import checking, complementing, paying
from emite.settlements import following as settlements_following
from emite.settlements.models import PaymentComplement, Receivable, ReceivedPayment
from emite.settlements.paying import PaymentRefused
from tests import make
from tests import practice as stand
from tests.credits.stands import drive
from tests.pac.sandbox import RunningSandbox
from tests.practice import Practice

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def practice(sandbox: RunningSandbox, settings: object) -> Iterator[Practice]:
    with stand.behind(sandbox, settings) as made:
        yield made
        sandbox.control("settings", clock_offset_seconds=0)


@pytest.fixture
def receivable(practice: Practice) -> Receivable:
    invoice = stand.registered(practice, stand.service(practice, "2000.00"), number=f"K-{uuid.uuid4().hex[:6]}")
    document = stand.stamped(invoice, practice)
    settlements_following.after(document.pk, now=make.now())
    return Receivable.objects.get(document=document)


def paid(practice: Practice, receivable: Receivable, amount: str) -> ReceivedPayment:
    return paying.register(
        practice.organization.pk, paid_at=make.now(), forma_pago="03", shares=[(receivable, D(amount))],
        amount=D(amount), user=practice.admin, now=make.now(), key=uuid.uuid4().hex,
    )  # fmt: skip


def complemented(practice: Practice, payment: ReceivedPayment) -> PaymentComplement:
    asked = complementing.issue(payment, user=practice.admin, now=make.now(), key=uuid.uuid4().hex)
    work(asked.document_id)
    asked.refresh_from_db()
    assert asked.document is not None
    assert asked.document.state == State.STAMPED
    return asked


def corrected(sandbox: RunningSandbox) -> None:
    """The payer turns out to have another régimen, which the SAT knows too."""
    listed = {"rfc": "SCE050620LQ5", "nombre": "SEGUROS LA CEIBA", "cp": "64000", "regimenes": ["601", "603"]}
    sandbox.control("taxpayers", add=[listed])
    Payer.objects.update(regimen_fiscal="603")


def work(document: uuid.UUID | None) -> None:
    assert document is not None
    drive(document)
    settlements_following.after(document, now=make.now())
    sweep()


def sweep(days: float = 0) -> None:
    """The workers for a while, `days` from now: substitutions and cancellations, and nothing else tells anybody."""
    for minutes in range(0, 60, 10):
        moment = make.now() + dt.timedelta(days=days, minutes=minutes)
        for pk in substituting.due(limit=9):
            substituting.go_on(pk, now=moment)
        for pk in following.due(now=moment, limit=9):
            following.drive(pk, owner="test:1", clock=lambda moment=moment: moment)  # type: ignore[misc]


def test_cancelled_because_nothing_was_paid_it_is_owed_again(practice: Practice, receivable: Receivable) -> None:
    first = complemented(practice, paid(practice, receivable, "400.00"))
    second = complemented(practice, paid(practice, receivable, "1400.00"))
    receivable.refresh_from_db()
    assert receivable.balance == 0
    assert receivable.document is not None
    with pytest.raises(Held) as held:
        requesting.request_cancellation(receivable.document, "02", user=practice.admin, now=make.now())
    assert {each.pk for each in held.value.documents} == {first.document_id, second.document_id}
    with pytest.raises(NotCancellable, match="posteriores"):
        complements.cancel(first, "03", user=practice.admin, now=make.now())

    complements.cancel(second, "03", user=practice.admin, now=make.now())
    receivable.refresh_from_db()
    assert receivable.balance == 0  # not before the SAT says so
    sweep()

    receivable.refresh_from_db()
    second.payment.refresh_from_db()
    assert (receivable.balance, receivable.parcialidades) == (D("1400.00"), 1)
    assert second.payment.undone_by == practice.admin
    assert complementing.live_of(second.payment) is None
    complements.cancel(first, "02", user=practice.admin, now=make.now())
    sweep()
    receivable.refresh_from_db()
    due = complementing.live_of(first.payment)
    assert due is not None
    assert (due.state, due.due_on, receivable.balance) == ("due", first.due_on, D("1400.00"))
    assert list(checking.faults(practice.organization.pk)) == []


def test_put_right_by_another_and_a_death_anywhere_only_delays_it(
    practice: Practice, receivable: Receivable, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = complemented(practice, paid(practice, receivable, "400.00"))
    old = made.document
    assert old is not None
    with pytest.raises(NothingChanges):
        complements.substitute(made, user=practice.admin, now=make.now(), idempotency_key="igual")
    corrected(sandbox)

    class Died(BaseException):
        pass

    def die(step: str) -> None:
        if step == "complement_substitution_uncommitted":
            raise Died

    monkeypatch.setattr(steps, "hook", die)
    with pytest.raises(Died):
        complements.substitute(made, user=practice.admin, now=make.now(), idempotency_key="bien")
    monkeypatch.setattr(steps, "hook", None)
    assert not Substitution.objects.exists()
    asked = complements.substitute(made, user=practice.admin, now=make.now(), idempotency_key="bien")
    again = complements.substitute(made, user=practice.admin, now=make.now(), idempotency_key="bien")
    assert again == asked
    drive(asked.substitute_id)  # and nobody tells anybody: the sweep finds it
    asked.refresh_from_db()
    assert (asked.state, FiscalDocument.objects.get(pk=asked.substitute_id).state) == ("stamping", State.STAMPED)
    made.refresh_from_db()
    assert made.document_id == old.pk  # two are live, and the payment is still the first one's
    sweep()

    asked.refresh_from_db()
    made.refresh_from_db()
    live = complementing.live_of(made.payment)
    assert live is not None
    assert (asked.state, made.state, live.state, live.document_id) == (
        "done", "cancelled", "stamped", asked.substitute_id,
    )  # fmt: skip
    again = complements.substitute(made, user=practice.admin, now=make.now(), idempotency_key="bien")
    assert again == asked, "the same press long after: its answer, and not that the first one is gone"
    root = parse(stamped_xml(FiscalDocument.objects.get(pk=asked.substitute_id)))
    related = root.find("{*}CfdiRelacionados")
    assert related is not None
    assert related.get("TipoRelacion") == "04"
    assert root.find("{*}Receptor").get("RegimenFiscalReceptor") == "603"  # type: ignore[union-attr]
    assert CancellationRequest.objects.get(document=old).motivo == "01"
    assert list(checking.faults(practice.organization.pk)) == []


def test_an_invoice_put_right_hands_its_services_on(
    practice: Practice, receivable: Receivable, sandbox: RunningSandbox
) -> None:
    old = InsurerInvoice.objects.select_related("document", "payer", "issuer").get(document=receivable.document)
    with pytest.raises(NothingChanges):
        insured.substitute(old, "K-2", user=practice.admin, now=make.now(), idempotency_key="igual")
    corrected(sandbox)
    old = InsurerInvoice.objects.select_related("document", "payer", "issuer").get(pk=old.pk)
    with pytest.raises(Refused, match="ya está en otra factura"):
        insured.substitute(old, old.control_number, user=practice.admin, now=make.now(), idempotency_key="repetido")
    assert not Substitution.objects.exists()
    made = insured.substitute(old, "K-2", user=practice.admin, now=make.now(), idempotency_key="bien")
    again = insured.substitute(old, "K-2", user=practice.admin, now=make.now(), idempotency_key="bien")
    assert (again.pk, made.replaces, services_in(made).count()) == (made.pk, old, 1)
    assert made.document_id is not None
    drive(made.document_id)
    settlements_following.after(made.document_id, now=make.now())
    made.refresh_from_db()
    assert (made.state, made.cfdi_uuid is not None) == ("stamped", True)
    substituting.go_on(Substitution.objects.get().pk, now=make.now())
    again = insured.substitute(old, "K-2", user=practice.admin, now=make.now(), idempotency_key="bien")
    assert again == made, "its cancellation is under way, and the same press is answered with what it made"
    with pytest.raises(PaymentRefused, match="sustitución"):  # nobody pays while two are live
        paid(practice, receivable, "10.00")
    with pytest.raises(DatabaseError), transaction.atomic():  # and no service passes on before the SAT's word
        ServiceAllocation.objects.filter(invoice=old).update(active=False, released_at=make.now())
    sweep()

    old.refresh_from_db()
    made.refresh_from_db()
    assert (old.state, made.state) == ("cancelled", "stamped")
    live = ServiceAllocation.objects.get(active=True)
    assert (live.invoice_id, services_in(made).count()) == (made.pk, 1)
    receivable.refresh_from_db()
    assert receivable.closed_at is not None
    fresh = Receivable.objects.get(document=made.document_id)
    assert (fresh.balance, fresh.folio) == (D("1800.00"), "K-2")
    paid(practice, fresh, "1800.00")
    assert list(checking.faults(practice.organization.pk)) == []


def test_what_was_paid_is_undone_before_its_invoice_ends(
    practice: Practice, receivable: Receivable, sandbox: RunningSandbox
) -> None:
    payment = paid(practice, receivable, "400.00")  # and nobody made its complement yet
    assert receivable.document is not None
    corrected(sandbox)
    old = InsurerInvoice.objects.select_related("document", "payer", "issuer").get(document=receivable.document)
    with pytest.raises(NotCancellable, match=r"pagos registrados por \$400\.00"):
        requesting.request_cancellation(receivable.document, "02", user=practice.admin, now=make.now())
    with pytest.raises(NotCancellable, match=r"pagos registrados por \$400\.00"):
        insured.substitute(old, "K-2", user=practice.admin, now=make.now(), idempotency_key="pagada")
    paying.undo(payment, reason="Es de la factura nueva", user=practice.admin, now=make.now())
    insured.substitute(old, "K-2", user=practice.admin, now=make.now(), idempotency_key="libre")


def test_what_the_payer_refuses_has_a_way_out_and_a_refused_stamp_changes_nothing(
    practice: Practice, receivable: Receivable, sandbox: RunningSandbox
) -> None:
    old = InsurerInvoice.objects.select_related("document", "payer", "issuer").get(document=receivable.document)
    Payer.objects.update(postal_code="06700")  # which the SAT does not know
    old.payer.refresh_from_db()
    made = insured.substitute(old, "K-3", user=practice.admin, now=make.now(), idempotency_key="mal")
    assert made.document_id is not None
    drive(made.document_id)
    made.refresh_from_db()
    assert made.state == "discarded"  # at once: nobody may choose other services for it meanwhile
    work(made.document_id)
    assert Substitution.objects.get().state == "failed"
    Payer.objects.update(postal_code="64000")
    corrected(sandbox)
    old.payer.refresh_from_db()
    made = insured.substitute(old, "K-3", user=practice.admin, now=make.now(), idempotency_key="bien")
    assert made.document_id is not None
    drive(made.document_id)
    taking = Substitution.objects.get(substitute=made.document_id)
    sandbox.control("settings", clock_offset_seconds=10 * 86_400)  # so that the payer has to accept
    sweep(days=10)
    sandbox.control("receptor", uuid=str(old.cfdi_uuid), accepts=False)
    sweep(days=10.2)
    taking.refresh_from_db()
    assert taking.state == "refused"
    substituting.keep_first(taking, user=practice.admin, now=make.now() + dt.timedelta(days=10.5))
    sweep(days=10.6)
    sandbox.control("receptor", uuid=str(made.cfdi_uuid or taking.substitute.uuid), accepts=True)
    sweep(days=10.8)
    made.refresh_from_db()
    old.refresh_from_db()
    assert (made.state, old.state, ServiceAllocation.objects.get(active=True).invoice_id) == (
        "cancelled", "stamped", old.pk,
    )  # fmt: skip
