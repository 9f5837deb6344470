"""A register closed while a payment is in flight, over two real connections; and what the database itself refuses."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from emite.charges import drawer
from emite.charges.allowing import NotAllowed
from emite.charges.collecting import Part, PaymentRefused, largest_form, pay
from emite.charges.correcting import NeedsCreditNote, refund, void_slip
from emite.charges.drawer import Drawer, DrawerRefused
from emite.charges.models import Charge, ChargeLine, CollectingPolicy, Payment, PaymentSlip, RegisterSession
from emite.invoices.issuing import Request, issue
from tests import make


def beside(act: Callable[[], object]) -> tuple[threading.Thread, list[object]]:
    """Something done over another connection; what came of it."""
    came: list[object] = []

    def run() -> None:
        try:
            came.append(act())
        except (PaymentRefused, DrawerRefused) as refused:
            came.append(refused)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread, came


def waits(thread: threading.Thread) -> bool:
    thread.join(0.3)
    return thread.is_alive()


@pytest.mark.django_db(transaction=True)
def test_a_payment_in_flight_is_in_the_corte_or_is_refused() -> None:
    hospital = make.hospital()
    session = RegisterSession.objects.get(register=hospital.register)
    charge = make.charge(hospital)
    terms: dict[str, Any] = {"user": hospital.cashier, "now": make.now()}

    def close() -> RegisterSession:
        return drawer.close_session(session, pieces={"500": 1}, counted={"04": charge.total}, reason="", **terms)

    def take(amount: Decimal) -> PaymentSlip:
        part = Part("04", amount)
        return pay(charge, [part], register=hospital.register, drawer=Drawer.NEEDED, **terms)

    with transaction.atomic():
        take(charge.total)
        closing, closed = beside(close)
        assert waits(closing)
    closing.join(20)
    assert isinstance(closed[0], RegisterSession)
    assert session.counts.get(forma_pago="04").expected == charge.total

    charge = make.charge(hospital)
    session = drawer.open_session(hospital.register, fund=Decimal(500), **terms)
    with transaction.atomic():
        drawer.close_session(session, pieces={"500": 1}, counted={}, reason="", **terms)
        paying, paid = beside(lambda: take(charge.total))
        assert waits(paying)
    paying.join(20)
    assert isinstance(paid[0], PaymentRefused)
    assert "cerrada" in paid[0].message
    assert not session.slips.exists()
    assert Charge.objects.get(pk=charge.pk).paid == 0


@pytest.mark.django_db
def test_the_database_refuses_what_code_might_forget() -> None:
    hospital = make.hospital()
    session = RegisterSession.objects.get(register=hospital.register)
    charge = make.paid_charge(hospital)
    slip = charge.slips.get()
    terms: dict[str, Any] = {"user": hospital.admin, "now": make.now()}
    drawer.close_session(session, pieces={"500": 1}, counted={"04": charge.total}, reason="", **terms)

    slip.pk, slip.number = uuid.uuid4(), 99
    wrong: list[Callable[[], object]] = [
        lambda: slip.save(force_insert=True),  # into a closed session
        lambda: RegisterSession.objects.filter(pk=session.pk).update(reason="otro"),
        lambda: PaymentSlip.objects.filter(charge=charge).update(amount=1),
        lambda: Payment.objects.filter(charge=charge).delete(),
        lambda: ChargeLine.charged.filter(charge=charge).update(unit_price=1),
        lambda: RegisterSession.objects.create(
            organization=hospital.organization, register=hospital.web_register, number=98, fund=0,
            opened_by=hospital.admin, opened_at=make.now(),
        ),
        lambda: _unbalanced(charge),
    ]  # fmt: skip
    for act in wrong:
        with pytest.raises(IntegrityError), transaction.atomic():
            act()


def _unbalanced(charge: Charge) -> None:
    Charge.objects.filter(pk=charge.pk).update(paid=1, paid_at=None)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


@pytest.mark.django_db
def test_the_portals_register_is_never_opened_and_a_closed_one_takes_no_money() -> None:
    hospital = make.hospital()
    terms: dict[str, Any] = {"user": hospital.cashier, "now": make.now()}
    with pytest.raises(DrawerRefused, match="no se abre"):
        drawer.open_session(hospital.web_register, fund=Decimal(0), **terms)
    session = RegisterSession.objects.get(register=hospital.register)
    with pytest.raises(drawer.Differs) as differs:
        drawer.close_session(session, pieces={}, counted={}, reason="", **terms)
    assert differs.value.differences == {"01": Decimal(-500)}
    drawer.close_session(session, pieces={}, counted={}, reason="Se robaron el fondo", **terms)
    assert session.counts.get().difference == -500

    charge = make.charge(hospital)
    parts = [Part("01", charge.total)]
    with pytest.raises(PaymentRefused, match="cerrada"):
        pay(charge, parts, register=hospital.register, drawer=Drawer.NEEDED, **terms)
    assert pay(charge, parts, register=hospital.register, **terms).session is None  # another system's
    CollectingPolicy.objects.create(organization=hospital.organization, needs_open_register=False)
    assert pay(make.charge(hospital), parts, register=hospital.register, drawer=Drawer.NEEDED, **terms).session is None


@pytest.mark.django_db
def test_a_refund_leaves_what_is_invoiced_and_a_cashier_has_a_limit() -> None:
    hospital = make.hospital()
    lines = [make.line(quantity=Decimal(3), discount=Decimal(30)), make.line(unit_price=Decimal(2000))]
    charge = make.charge(hospital, lines)
    terms: dict[str, Any] = {"register": hospital.register, "now": make.now()}
    pay(charge, [Part("04", Decimal(3000)), Part("01", charge.total - 3000)], user=hospital.cashier, **terms)
    first, second = charge.lines.all()
    whole = {first.pk: first.quantity, second.pk: second.quantity}
    with pytest.raises(NotAllowed, match="administrador o un facturador"):
        refund(charge, whole, [], reason="x", user=hospital.cashier, key=uuid.uuid4(), **terms)

    back = {first.pk: Decimal(1)}
    made = refund(
        charge, back, [Part("04", Decimal("1148.40"))], reason="no se hizo", user=hospital.cashier, key=uuid.uuid4(),
        **terms,
    )  # fmt: skip
    assert made.amount == Decimal("1148.40")  # (1000 - 10) and its IVA
    charge.refresh_from_db()
    kept = charge.lines.get(pk=first.pk)
    assert (kept.quantity, kept.discount, charge.total) == (2, 20, Decimal("4616.80"))
    assert charge.is_paid
    assert charge.paid_at is not None
    assert largest_form(charge) == "01"

    document = issue(
        charge, Request(make.receptor()), channel="desk", user=hospital.biller, now=make.now(), idempotency_key="k"
    )  # fmt: skip
    assert document.total == charge.total
    with pytest.raises(NeedsCreditNote):
        refund(charge, back, [], reason="x", user=hospital.admin, key=uuid.uuid4(), **terms)
    with pytest.raises(NeedsCreditNote):
        void_slip(charge.slips.get(), reason="x", user=hospital.admin, now=make.now())
