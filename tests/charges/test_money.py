"""Any walk of payments, voids, refunds and cortes keeps the money true: a model in Python says what must be."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from emite.charges import drawer
from emite.charges.charging import ChargeInUse, void
from emite.charges.collecting import Part, PaymentRefused, paid_in, pay
from emite.charges.correcting import CorrectionRefused, refund, remainder, suggested, void_slip
from emite.charges.drawer import CASH, Drawer, DrawerRefused
from emite.charges.models import CashMovement, CashRegister, Charge, PaymentSlip, RegisterSession
from tests import make

pytestmark = pytest.mark.django_db

FORMS = st.sampled_from(["01", "04", "03"])
CENTS = st.integers(1, 200_000).map(lambda cents: Decimal(cents) / 100)


@dataclass
class Session:
    row: RegisterSession
    cash: Decimal
    forms: dict[str, Decimal] = field(default_factory=dict)
    closed: list[tuple[str, Decimal]] | None = None

    def add(self, form: str, amount: Decimal) -> None:
        self.forms[form] = self.forms.get(form, Decimal(0)) + amount


@dataclass
class Slip:
    row: PaymentSlip
    parts: list[Part]
    session: Session
    undone: bool = False


class Money(RuleBasedStateMachine):
    """One register, one charge after the other."""

    hospital: make.Hospital

    def __init__(self) -> None:
        super().__init__()
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        self.session: Session | None = None
        self.sessions: list[Session] = []
        self.slips: list[Slip] = []
        self.net: dict[str, Decimal] = {}
        self.total = self.paid = Decimal(0)
        self.alive = True
        self._new_charge()

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.atomic.__exit__(None, None, None)

    def _new_charge(self) -> None:
        lines = [
            make.line(unit_price=Decimal("333.33"), quantity=Decimal(3), discount=Decimal("10.01")),
            make.line(unit_price=Decimal("0.37"), quantity=Decimal("1.5"), treatment="exento"),
        ]
        self.charge = make.charge(self.hospital, lines)
        self.slips, self.net, self.paid, self.alive = [], {}, Decimal(0), True
        self.total = self.charge.total

    @property
    def terms(self) -> dict[str, Any]:
        return {"user": self.hospital.admin, "now": make.now()}

    @precondition(lambda self: not self.alive)
    @rule()
    def another_charge(self) -> None:
        self._new_charge()

    @rule(fund=CENTS)
    def open(self, fund: Decimal) -> None:
        if self.session is not None:
            with pytest.raises(DrawerRefused), transaction.atomic():
                drawer.open_session(self.hospital.register, fund=fund, **self.terms)
            return
        row = drawer.open_session(self.hospital.register, fund=fund, **self.terms)
        self.session = Session(row, fund)
        self.sessions.append(self.session)

    @precondition(lambda self: self.session is not None)
    @rule(kind=st.sampled_from(CashMovement.Kind.values), amount=CENTS)
    def move(self, kind: str, amount: Decimal) -> None:
        assert self.session is not None
        held = self.session.cash + self.session.forms.get(CASH, Decimal(0))
        if kind == "withdrawal" and amount > held:
            with pytest.raises(DrawerRefused), transaction.atomic():
                drawer.move(self.session.row, kind, amount, reason="x", key=uuid.uuid4(), **self.terms)
            return
        drawer.move(self.session.row, kind, amount, reason="x", key=uuid.uuid4(), **self.terms)
        self.session.cash += amount if kind == "deposit" else -amount

    @precondition(lambda self: self.alive)
    @rule(form=FORMS, amount=CENTS)
    def pay(self, form: str, amount: Decimal) -> None:
        amount = min(amount, self.total - self.paid) or amount
        self.charge.refresh_from_db()
        args = {"register": self.hospital.register, "drawer": Drawer.NEEDED, **self.terms}
        if self.session is None or amount > self.total - self.paid:
            with pytest.raises(PaymentRefused), transaction.atomic():
                pay(self.charge, [Part(form, amount)], **args)
            return
        row = pay(self.charge, [Part(form, amount)], **args)
        assert row.session_id == self.session.row.pk
        self.slips.append(Slip(row, [Part(form, amount)], self.session))
        self.session.add(form, amount)
        self.net[form] = self.net.get(form, Decimal(0)) + amount
        self.paid += amount

    @precondition(lambda self: self.slips)
    @rule(data=st.data())
    def undo(self, data: st.DataObject) -> None:
        slip = data.draw(st.sampled_from(self.slips))
        cash = sum((part.amount for part in slip.parts if part.forma_pago == CASH), Decimal(0))
        held = slip.session.cash + slip.session.forms.get(CASH, Decimal(0))
        can = (
            self.alive and slip.session is self.session and cash <= held
            and all(part.amount <= self.net[part.forma_pago] for part in slip.parts)
        )  # fmt: skip
        if slip.undone:
            void_slip(slip.row, reason="otra vez", **self.terms)
            return
        if not can:
            with pytest.raises(CorrectionRefused), transaction.atomic():
                void_slip(slip.row, reason="error", **self.terms)
            return
        void_slip(slip.row, reason="error", **self.terms)
        slip.undone = True
        for part in slip.parts:
            slip.session.add(part.forma_pago, -part.amount)
            self.net[part.forma_pago] -= part.amount
            self.paid -= part.amount

    @precondition(lambda self: self.alive)
    @rule(share=st.sampled_from([Decimal(1), Decimal("0.5"), Decimal("0.333333")]), all_lines=st.booleans())
    def give_back(self, share: Decimal, all_lines: bool) -> None:
        self.charge.refresh_from_db()
        lines = list(self.charge.lines.all())[: None if all_lines else 1]
        back = {line.pk: (line.quantity * share).quantize(Decimal("0.000001")) for line in lines}
        try:
            left = remainder(self.charge, back)
            parts = [Part(form, amount) for form, amount in suggested(self.charge, left.back).items()]
            with transaction.atomic():
                refund(
                    self.charge, back, parts, reason="no se aplicó", register=self.hospital.register,
                    key=uuid.uuid4(), **self.terms,
                )  # fmt: skip
        except CorrectionRefused:
            # Only for one of these: a closed register, an empty drawer, nothing paid, not a cent left.
            return
        assert self.session is not None
        for part in parts:
            self.session.add(part.forma_pago, -part.amount)
            self.net[part.forma_pago] -= part.amount
            self.paid -= part.amount
        self.total = left.total
        self.alive = not left.whole

    @precondition(lambda self: self.alive)
    @rule()
    def cancel(self) -> None:
        if self.paid:
            with pytest.raises(ChargeInUse):
                void(self.charge, reason="x", **self.terms)
            return
        void(self.charge, reason="x", **self.terms)
        self.alive = False

    @precondition(lambda self: self.session is not None)
    @rule(pieces=st.dictionaries(st.sampled_from(drawer.DENOMINATIONS), st.integers(0, 3)))
    def close(self, pieces: dict[str, int]) -> None:
        assert self.session is not None
        row = drawer.close_session(self.session.row, pieces=pieces, counted={}, reason="así se contó", **self.terms)
        counts = {count.forma_pago: count for count in row.counts.all()}
        assert counts[CASH].counted == sum((Decimal(face) * n for face, n in pieces.items()), Decimal(0))
        self.session.closed = self._expected(self.session)
        self.session = None

    @staticmethod
    def _expected(session: Session) -> list[tuple[str, Decimal]]:
        sums = {CASH: Decimal(0), **session.forms}
        sums[CASH] += session.cash
        return sorted((form, amount) for form, amount in sums.items() if amount)

    @invariant()
    def true(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        row = Charge.objects.get(pk=self.charge.pk)
        assert row.paid == self.paid >= 0
        assert (row.state == "open") == self.alive
        assert paid_in(row) == {f: n for f, n in self.net.items() if n}
        if self.alive:
            assert row.total == self.total >= row.paid
            assert (row.paid_at is not None) == (row.paid == row.total)
            assert row.total == row.sub_total - row.discount + row.tax
        else:
            assert row.paid == 0
            assert row.paid_at is None
        for session in self.sessions:
            now = drawer.expected(session.row)
            assert sorted((form, amount) for form, amount in now.items() if amount) == self._expected(session)
            if session.closed is not None:
                counts = session.row.counts.values_list("forma_pago", "expected")
                assert sorted(pair for pair in counts if pair[1]) == session.closed


def test_any_walk_keeps_the_money_true() -> None:
    hospital = make.hospital()
    Money.hospital = hospital
    hospital.register = CashRegister.objects.create(organization=hospital.organization, name="Caja de prueba")
    run_state_machine_as_test(
        Money,
        settings=settings(
            max_examples=14, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
