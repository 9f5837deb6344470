"""A physician, a payer and the SAT do anything in any order: what each says stays legal, and agrees with the others."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest
from django.db.models import Count, F
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from emite.cancellations import complements, following, insured, requesting, substituting
from emite.cancellations.requesting import NotCancellable
from emite.care.models import CareService, InsurerInvoice, Payer, ServiceAllocation
from emite.credits.crediting import CreditRefused
from emite.credits.originals import NotCreditable
from emite.documents.models import FiscalDocument, State
from emite.invoices import insuring
from emite.reviews import allowing as payers
from emite.reviews import deciding, paying, undoing
from emite.reviews.models import Notice, PayerPayment, ReceivedComplement, ReceivedInvoice
from emite.settlements import checking, complementing, disallowing
from emite.settlements import following as settling
from emite.settlements import paying as suppliers
from emite.settlements.complementing import ComplementRefused
from emite.settlements.disallowing import Glosa
from emite.settlements.models import PaymentComplement, Receivable, ReceivedPayment
from emite.settlements.paying import PaymentRefused
from tests import make
from tests import practice as stand
from tests.credits.stands import drive
from tests.pac.sandbox import RunningSandbox
from tests.payer import Insurer, accounted, go_on

pytestmark = pytest.mark.django_db

#: What a person is told in words; anything else that is raised is a fault.
REFUSED = (
    payers.Refused, PaymentRefused, NotCancellable, NotCreditable, CreditRefused, ComplementRefused, insuring.Refused,
)  # fmt: skip


@dataclass
class World:
    practice: stand.Practice
    payer: Insurer
    done: list[str] = field(default_factory=list)

    @property
    def invoices(self) -> list[InsurerInvoice]:
        rows = InsurerInvoice.objects.filter(organization=self.practice.organization)
        return list(rows.select_related("document", "issuer", "payer", "organization").order_by("-created_at"))

    @property
    def received(self) -> list[ReceivedInvoice]:
        return list(ReceivedInvoice.objects.filter(organization=self.payer.organization).order_by("-received_at"))

    @property
    def supplier_payments(self) -> list[ReceivedPayment]:
        rows = ReceivedPayment.objects.filter(organization=self.practice.organization, undone_at=None)
        return list(rows.order_by("-registered_at"))

    # --- the physician ---

    def invoice(self) -> None:
        service = stand.service(self.practice, "1000.00")
        stand.stamped(stand.registered(self.practice, service, number=f"T-{uuid.uuid4().hex[:8]}"), self.practice)

    def register(self) -> None:
        receivable = disallowing.receivable_of(self.invoices[0], now=make.now())
        part = min(Decimal("250.00"), receivable.balance)
        suppliers.register(
            self.practice.organization.pk, paid_at=make.now(), forma_pago="03", shares=[(receivable, part)],
            amount=part, user=self.practice.admin, now=make.now(), key=uuid.uuid4().hex,
        )  # fmt: skip

    def take_back(self) -> None:
        for payment in self.supplier_payments[:1]:
            suppliers.undo(payment, reason="No llegó", user=self.practice.admin, now=make.now())

    def glosa(self) -> None:
        disallowing.ask(
            self.invoices[0], Glosa("Tarifa", Decimal("90.00")), user=self.practice.admin, now=make.now(),
            idempotency_key=uuid.uuid4().hex,
        )  # fmt: skip

    def complement(self) -> None:
        for payment in self.supplier_payments[:1]:
            complementing.issue(payment, user=self.practice.admin, now=make.now(), key=uuid.uuid4().hex)

    def end_complement(self, motivo: str = "02") -> None:
        for payment in self.supplier_payments[:1]:
            live = complementing.live_of(payment)
            if live is not None:
                complements.cancel(live, motivo, user=self.practice.admin, now=make.now())

    def end_complement_unpaid(self) -> None:
        self.end_complement("03")

    def cancel(self) -> None:
        document = self.invoices[0].document
        if document is not None:
            requesting.request_cancellation(document, "02", user=self.practice.admin, now=make.now())

    def substitute(self) -> None:
        Payer.objects.filter(pk=self.practice.payer.pk, regimen_fiscal="603").update(regimen_fiscal="0")
        Payer.objects.filter(pk=self.practice.payer.pk, regimen_fiscal="601").update(regimen_fiscal="603")
        Payer.objects.filter(pk=self.practice.payer.pk, regimen_fiscal="0").update(regimen_fiscal="601")
        insured.substitute(
            self.invoices[0], f"T-{uuid.uuid4().hex[:8]}", user=self.practice.admin, now=make.now(),
            idempotency_key=uuid.uuid4().hex,
        )  # fmt: skip

    # --- its payer ---

    def approve(self) -> None:
        self._decide(deciding.approve)

    def reject(self) -> None:
        self._decide(deciding.reject, reason="Falta la autorización")

    def look_again(self) -> None:
        for each in self.received[:1]:
            deciding.review(each, user=self.payer.reviewer, now=make.now())

    def pay(self) -> None:
        for each in self.received[:1]:
            self._pay(each, min(Decimal("300.00"), each.owed))

    def pay_all(self) -> None:
        for each in self.received[:1]:
            self._pay(each, each.owed)

    def undo(self) -> None:
        payment = PayerPayment.objects.filter(organization=self.payer.organization, undone_at=None).last()
        if payment is not None:
            undoing.undo(payment, reason="No era", user=self.payer.treasurer, now=make.now())

    # --- the workers, as late as they like ---

    def work(self) -> None:
        """Stamps, the SAT's answers and what goes from one to the other, until nothing is due."""
        for minutes in range(0, 40, 10):
            moment = make.now() + dt.timedelta(minutes=minutes)
            unsettled = FiscalDocument.objects.filter(organization=self.practice.organization)
            for document in unsettled.exclude(state__in=(State.STAMPED, State.REJECTED, State.VOID, State.CANCELLED)):
                drive(document.pk)
                settling.after(document.pk, now=make.now())
            for pk in substituting.due(limit=9):
                substituting.go_on(pk, now=moment)
            for pk in following.due(now=moment, limit=9):
                following.drive(pk, owner="test:1", clock=lambda moment=moment: moment)  # type: ignore[misc]
        for pk in settling.due(limit=9):
            settling.settle(pk, now=make.now())
        settling.catch_up(now=make.now(), limit=50)
        for _ in range(2):
            Notice.objects.exclude(next_at=None).update(next_at=make.now())
            go_on()

    def _decide(self, verb: Callable[..., Any], **over: str) -> None:
        keys = [each.pk for each in self.received[:1]]
        if keys:
            verb(self.payer.organization.pk, keys, user=self.payer.reviewer, now=make.now(), **over)

    def _pay(self, each: ReceivedInvoice, amount: Decimal) -> None:
        paying.register(
            self.payer.organization.pk, [(each.pk, amount)], paid_at=make.now(), forma_pago="03", operation="",
            user=self.payer.treasurer, now=make.now(), key=uuid.uuid4().hex,
        )  # fmt: skip

    # --- what always holds ---

    def sound(self) -> None:
        organization = self.practice.organization
        bound = ServiceAllocation.objects.filter(organization=organization, active=True)
        assert not bound.values("service").annotate(n=Count("pk")).filter(n__gt=1).exists(), self.done
        services = CareService.objects.filter(organization=organization)
        assert not services.exclude(fee=F("patient_part") + F("payer_part")).exists(), self.done
        assert list(checking.faults(organization.pk)) == [], self.done

    def resolve(self) -> None:
        """What could not be told (its invoice was ending when it was paid, say) is a person's, who undoes it."""
        for notice in Notice.objects.filter(organization=self.payer.organization).exclude(next_at=None):
            if notice.payment is not None:
                undoing.undo(notice.payment, reason="No llegó", user=self.payer.treasurer, now=make.now())
        self.work()

    def agreed(self) -> None:
        """Once everything has arrived, both sides say the same of what is alive."""
        for each in self.received:
            theirs = InsurerInvoice.objects.get(pk=each.invoice)
            if each.state == ReceivedInvoice.State.WITHDRAWN:
                assert theirs.state == InsurerInvoice.State.CANCELLED, self.done
                continue
            assert theirs.state == InsurerInvoice.State.STAMPED, self.done
            receivable = Receivable.objects.get(cfdi_uuid=each.uuid)
            assert each.credited == receivable.credited, self.done
            if not each.too_much:
                assert each.owed == receivable.balance, self.done
        live = PaymentComplement.objects.filter(organization=self.practice.organization, state="stamped")
        arrived = ReceivedComplement.objects.filter(organization=self.payer.organization, cancelled_at=None)
        assert set(arrived.values_list("uuid", flat=True)) == set(
            live.values_list("document__uuid", flat=True)
        ), self.done  # fmt: skip


ACTS = (
    "register", "take_back", "glosa", "complement", "end_complement", "end_complement_unpaid", "cancel", "substitute",
    "approve", "approve", "reject", "look_again", "pay", "pay_all", "undo", "work", "work", "work",
)  # fmt: skip


@settings(
    max_examples=5,
    phases=(Phase.explicit, Phase.generate),
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(acts=st.lists(st.sampled_from(ACTS), min_size=8, max_size=16))
def test_any_sequence_is_legal_and_agrees(acts: list[str], sandbox: RunningSandbox, settings: Any) -> None:
    with stand.behind(sandbox, settings) as practice:
        listed = {"rfc": "SCE050620LQ5", "nombre": "SEGUROS LA CEIBA", "cp": "64000", "regimenes": ["601", "603"]}
        sandbox.control("taxpayers", add=[listed])
        world = World(practice, accounted(practice))
        world.invoice()
        for act in ("work", "approve", *acts, "work"):
            try:
                getattr(world, act)()
                world.done.append(act)
            except REFUSED:
                world.done.append(f"({act})")
            world.sound()
        world.resolve()
        world.agreed()
