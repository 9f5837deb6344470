"""An invoice's road through its payer: received with what was found, decided, paid, complemented; and the way back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models import Sum

from emite.accounts.models import Letter
from emite.care.models import InsurerInvoice
from emite.database import tenancy
from emite.invoices import stamping
from emite.reviews import deciding, paying, undoing
from emite.reviews.allowing import NotAllowed, Refused
from emite.reviews.models import Notice, PayerPayment, ReceivedComplement, ReceivedInvoice
from emite.settlements import complementing, following, staging
from emite.settlements import paying as settled
from emite.settlements.models import PaymentComplement, Receivable, ReceivedPayment
from tests import make
from tests import practice as stand
from tests.pac.sandbox import RunningSandbox
from tests.payer import Insurer, accounted, go_on, insurer

pytestmark = pytest.mark.django_db

State = ReceivedInvoice.State


@pytest.fixture
def practice(sandbox: RunningSandbox, settings: Any) -> Iterator[stand.Practice]:
    with stand.behind(sandbox, settings) as made:
        yield made


@pytest.fixture
def payer(practice: stand.Practice) -> Insurer:
    return accounted(practice)


def invoice_of(practice: stand.Practice, number: str = "A-100", amount: str = "800.00") -> InsurerInvoice:
    made = stand.registered(practice, stand.service(practice, amount), number=number)
    stand.stamped(made, practice)
    return made


def received(practice: stand.Practice, payer: Insurer, number: str = "A-100") -> ReceivedInvoice:
    invoice_of(practice, number)
    go_on()
    return ReceivedInvoice.objects.get(organization=payer.organization, control_number=number)


def pay(payer: Insurer, *shares: tuple[ReceivedInvoice, Decimal], key: str = "t-1") -> PayerPayment:
    return paying.register(
        payer.organization.pk,
        [(each.pk, amount) for each, amount in shares],
        paid_at=make.now(),
        forma_pago="03",
        operation="SPEI 77",
        user=payer.treasurer,
        now=make.now(),
        key=key,
    )


def test_the_whole_road_from_the_stamp_to_complemento_cargado(practice: stand.Practice, payer: Insurer) -> None:
    invoice = invoice_of(practice)
    assert staging.label_of(invoice) == "Timbrada"
    go_on()
    invoice.refresh_from_db()
    assert (staging.label_of(invoice), invoice.review_actor) == ("Aceptada|Aseguradora|Administradora", "insurer")

    arrived = ReceivedInvoice.objects.get()
    assert not arrived.has_faults, arrived.findings
    assert (arrived.uuid, arrived.sub_total, arrived.services) == (invoice.cfdi_uuid, Decimal("800.00"), 1)
    deciding.review(arrived, user=payer.reviewer, now=make.now())
    deciding.approve(payer.organization.pk, [arrived.pk], user=payer.reviewer, now=make.now())
    go_on()
    invoice.refresh_from_db()
    assert staging.label_of(invoice) == "Aprobada"

    arrived.refresh_from_db()
    pay(payer, (arrived, Decimal("300.00")))
    go_on()
    assert staging.label_of(invoice) == "Pagado parcial"
    arrived.refresh_from_db()
    pay(payer, (arrived, arrived.owed), key="t-2")
    go_on()
    assert staging.label_of(invoice) == "PAGADO"
    assert [each.label for each in ReceivedInvoice.objects.all()] == ["PAGADO"]
    with pytest.raises(Refused, match="ya está pagada"):
        deciding.schedule(arrived, dt.date(2099, 1, 1), user=payer.reviewer, now=make.now())

    for payment in ReceivedPayment.objects.order_by("registered_at"):
        made = complementing.issue(payment, user=practice.admin, now=make.now(), key=f"c-{payment.pk.hex[-12:]}")
        assert made.document is not None
        stamping.drive(made.document.pk, owner="test:1", clock=make.now)
        following.settle(made.document.pk, now=make.now())
    go_on()
    assert staging.label_of(invoice) == "Complemento Cargado"
    kept = ReceivedComplement.objects.all()
    assert {each.payment_id for each in kept} == set(PayerPayment.objects.values_list("pk", flat=True))
    assert set(PaymentComplement.objects.values_list("delivered_how", flat=True)) == {"inbox"}
    told = Letter.objects.filter(address=practice.admin.email).count()
    assert told == 3, "approved, and two payments"


def test_going_on_twice_changes_nothing(practice: stand.Practice, payer: Insurer) -> None:
    arrived = received(practice, payer)
    deciding.approve(payer.organization.pk, [arrived.pk], user=payer.admin, now=make.now())
    arrived.refresh_from_db()
    pay(payer, (arrived, Decimal("100.00")))
    again = pay(payer, (arrived, Decimal("100.00")))
    go_on()
    Notice.objects.update(next_at=make.now())
    go_on()
    assert (ReceivedPayment.objects.count(), PayerPayment.objects.get()) == (1, again)
    assert ReceivedInvoice.objects.get().paid == Decimal("100.00")


def test_a_rejected_one_says_why_and_its_services_return_once_it_is_cancelled(
    practice: stand.Practice, payer: Insurer
) -> None:
    arrived = received(practice, payer)
    with pytest.raises(Refused, match="motivo"):
        deciding.reject(payer.organization.pk, [arrived.pk], reason="  ", user=payer.reviewer, now=make.now())
    reason = "Falta la autorización"
    deciding.reject(payer.organization.pk, [arrived.pk], reason=reason, user=payer.reviewer, now=make.now())
    go_on()
    invoice = InsurerInvoice.objects.get()
    assert (staging.label_of(invoice), invoice.review_reason) == ("Rechazada", "Falta la autorización")
    with pytest.raises(Refused, match="apruébela antes"):
        pay(payer, (arrived, Decimal("1.00")))
    deciding.review(arrived, user=payer.reviewer, now=make.now())
    go_on()
    invoice.refresh_from_db()
    assert staging.label_of(invoice) == "En revisión"


def test_all_or_none_are_decided(practice: stand.Practice, payer: Insurer) -> None:
    first, second = received(practice, payer, "A-1"), received(practice, payer, "A-2")
    deciding.reject(payer.organization.pk, [second.pk], reason="No", user=payer.reviewer, now=make.now())
    with pytest.raises(Refused, match="A-2"):
        deciding.approve(payer.organization.pk, [first.pk, second.pk], user=payer.reviewer, now=make.now())
    first.refresh_from_db()
    assert first.state == State.RECEIVED


def test_what_is_paid_is_not_rejected_and_nobody_pays_more_than_is_owed(
    practice: stand.Practice, payer: Insurer
) -> None:
    arrived = received(practice, payer)
    deciding.approve(payer.organization.pk, [arrived.pk], user=payer.reviewer, now=make.now())
    arrived.refresh_from_db()
    with pytest.raises(Refused, match="se deben"):
        pay(payer, (arrived, arrived.total + 1))
    pay(payer, (arrived, Decimal("0.01")))
    with pytest.raises(Refused, match="ya tiene pagos"):
        deciding.reject(payer.organization.pk, [arrived.pk], reason="No", user=payer.reviewer, now=make.now())


def test_roles_decide_and_pay_apart(practice: stand.Practice, payer: Insurer) -> None:
    arrived = received(practice, payer)
    for person in (payer.treasurer, payer.reader, practice.admin):
        with pytest.raises(NotAllowed):
            deciding.approve(payer.organization.pk, [arrived.pk], user=person, now=make.now())
    deciding.approve(payer.organization.pk, [arrived.pk], user=payer.reviewer, now=make.now())
    payer.treasurer = payer.reviewer
    with pytest.raises(NotAllowed):
        pay(payer, (arrived, Decimal("1.00")))


def test_another_payer_touches_nothing(practice: stand.Practice, payer: Insurer) -> None:
    arrived, other = received(practice, payer), insurer("Otra Aseguradora")
    with pytest.raises(Refused, match="ya no está"):
        deciding.approve(other.organization.pk, [arrived.pk], user=other.admin, now=make.now())
    with pytest.raises(Refused, match="ya no está"):
        pay(other, (arrived, Decimal("1.00")))
    with pytest.raises(Refused, match="ya no está"):
        arrived.organization = other.organization
        deciding.review(arrived, user=other.reviewer, now=make.now())


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE reviews_receivedinvoice SET total = total + 1",
        "UPDATE reviews_receivedinvoice SET paid = 1, state = 'approved'",
        "UPDATE reviews_receivedinvoice SET state = 'rejected', reason = 'x'",
        "UPDATE reviews_receivedinvoice SET state = 'received' WHERE state <> 'received'",
        "DELETE FROM reviews_receivedinvoice",
        "UPDATE reviews_payershare SET amount = 5",
        "DELETE FROM reviews_payerpayment",
        "UPDATE reviews_payerpayment SET amount = 5",
        "UPDATE reviews_payerpayment SET undone_at = now()",
    ],
)
def test_the_database_refuses_what_may_never_happen(practice: stand.Practice, payer: Insurer, change: str) -> None:
    arrived = received(practice, payer)
    deciding.approve(payer.organization.pk, [arrived.pk], user=payer.admin, now=make.now())
    arrived.refresh_from_db()
    pay(payer, (arrived, Decimal("10.00")))
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(change)
    arrived.refresh_from_db()
    assert (arrived.paid, arrived.state) == (Decimal("10.00"), "approved")


def test_a_payment_of_the_invoices_own_day_reaches_the_physician(practice: stand.Practice, payer: Insurer) -> None:
    arrived = received(practice, payer)
    deciding.approve(payer.organization.pk, [arrived.pk], user=payer.admin, now=make.now())
    arrived.refresh_from_db()
    zone = payer.organization.zone
    midnight = dt.datetime.combine(arrived.fecha.astimezone(zone).date(), dt.time(), zone)
    wanted = [(arrived.pk, Decimal("10.00"))]
    how: dict[str, Any] = {"forma_pago": "03", "operation": "", "user": payer.treasurer, "now": make.now(), "key": "d"}
    with pytest.raises(Refused, match="posterior al pago"):
        paying.register(payer.organization.pk, wanted, paid_at=midnight - dt.timedelta(minutes=1), **how)
    paying.register(payer.organization.pk, wanted, paid_at=midnight, **how)
    go_on()
    assert ReceivedPayment.objects.get().paid_at == midnight


def balances(payer: Insurer) -> tuple[Decimal, Decimal]:
    """What each side counts as paid."""
    here = ReceivedInvoice.objects.filter(organization=payer.organization).aggregate(all=Sum("paid"))["all"]
    return here, Receivable.objects.aggregate(all=Sum("paid"))["all"] or Decimal(0)


def test_a_payment_undone_on_one_side_is_undone_on_the_other(practice: stand.Practice, payer: Insurer) -> None:
    arrived = received(practice, payer)
    deciding.approve(payer.organization.pk, [arrived.pk], user=payer.admin, now=make.now())
    first = pay(payer, (arrived, Decimal("100.00")), key="u-1")
    second = pay(payer, (arrived, Decimal("50.00")), key="u-2")
    go_on()
    told = Letter.objects.filter(address=practice.admin.email).count()
    with pytest.raises(Refused, match="Escriba por qué"):
        undoing.undo(second, reason=" ", user=payer.treasurer, now=make.now())
    with pytest.raises(NotAllowed):
        undoing.undo(second, reason="No", user=payer.reviewer, now=make.now())
    with tenancy.organization(payer.organization.pk):
        with pytest.raises(Refused, match="el más reciente"):
            undoing.undo(first, reason="Era de otra factura", user=payer.treasurer, now=make.now())
        for _ in range(2):
            undoing.undo(second, reason="Era de otra factura", user=payer.treasurer, now=make.now())
    assert balances(payer) == (Decimal("100.00"), Decimal("100.00"))
    assert PaymentComplement.objects.filter(state="due").count() == 1
    assert Letter.objects.filter(address=practice.admin.email).count() == told + 1

    untold = pay(payer, (arrived, Decimal("7.00")), key="u-3")
    undoing.undo(untold, reason="Dos veces", user=payer.treasurer, now=make.now())
    go_on()
    assert balances(payer) == (Decimal("100.00"), Decimal("100.00")), "what was never told is not told any more"

    theirs = ReceivedPayment.objects.get(undone_at=None)
    settled.undo(theirs, reason="No llegó el dinero", user=practice.admin, now=make.now())
    assert balances(payer) == (Decimal("100.00"), Decimal("0.00"))
    go_on()
    go_on()
    assert balances(payer) == (Decimal("0.00"), Decimal("0.00"))
    first.refresh_from_db()
    assert (first.undone_words, first.undone_reason) == ("Revertido por el emisor", "No llegó el dinero")

    last = pay(payer, (arrived, Decimal("9.00")), key="u-4")
    go_on()
    theirs = ReceivedPayment.objects.get(undone_at=None)
    complementing.issue(theirs, user=practice.admin, now=make.now(), key="u-c")
    with pytest.raises(Refused, match="primero lo cancele ante el SAT"):
        undoing.undo(last, reason="No era", user=payer.treasurer, now=make.now())
    assert balances(payer) == (Decimal("9.00"), Decimal("9.00"))
