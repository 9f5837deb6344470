"""The cash of a credit note: out of the drawer with the stamp, never for a refused one, and by whom it may be."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from emite.charges import drawer
from emite.charges.allowing import NotAllowed
from emite.charges.models import CashMovement, CollectingPolicy, RegisterSession
from emite.credits import paying_out
from emite.credits.crediting import CreditRefused, ask
from emite.credits.models import CreditNote
from emite.documents.models import State
from emite.organizations.models import Membership
from tests import make
from tests.credits.stands import drive, invoiced, sound, wanted
from tests.pac.sandbox import RunningSandbox

pytestmark = pytest.mark.django_db(transaction=True)

D = Decimal


@pytest.fixture
def hospital(sandbox: RunningSandbox, settings: object) -> Iterator[make.Hospital]:
    with make.behind(sandbox, settings) as made:
        yield made
    sound(made)


@pytest.fixture
def session(hospital: make.Hospital) -> RegisterSession:
    return RegisterSession.objects.get(register=hospital.register)


def cash(hospital: make.Hospital, amount: str = "200.00", key: str = "cash") -> CreditNote:
    return ask(
        invoiced(hospital), wanted(forma_pago="01", amount=D(amount)), user=hospital.biller, now=make.now(),
        idempotency_key=key, register=hospital.register,
    )  # fmt: skip


def test_cash_leaves_with_the_stamp_and_once(hospital: make.Hospital, session: RegisterSession) -> None:
    note = cash(hospital)
    assert drawer.cash_expected(session) == D("500.00")
    drive(note.document_id)
    drive(note.document_id)
    assert drawer.cash_expected(session) == D("300.00")
    assert CashMovement.objects.get().by == hospital.biller
    note.refresh_from_db()
    with pytest.raises(IntegrityError, match="given once"), transaction.atomic():
        CreditNote.objects.filter(pk=note.pk).update(paid_out_at=None)
    assert not paying_out.owed(hospital.organization.pk).exists()
    with pytest.raises(CreditRefused, match="tanto efectivo"):
        cash(hospital, "300.01", key="more")


def test_nothing_leaves_for_a_note_that_dies(
    hospital: make.Hospital, session: RegisterSession, sandbox: RunningSandbox
) -> None:
    note = cash(hospital)
    sandbox.control("lco", without_obligations=[hospital.issuer.rfc])
    try:
        assert drive(note.document_id).state == State.REJECTED
    finally:
        sandbox.control("lco", without_obligations=[])
    assert drawer.cash_expected(session) == D("500.00")
    with pytest.raises(IntegrityError, match="not stamped"), transaction.atomic():
        CreditNote.objects.filter(pk=note.pk).update(paid_out_at=make.now())


def test_a_drawer_closed_meanwhile_leaves_it_to_a_person(hospital: make.Hospital, session: RegisterSession) -> None:
    note = cash(hospital)
    terms = {"user": hospital.cashier, "now": make.now()}
    drawer.close_session(session, pieces={"500": 1}, counted={"04": D("1160.00")}, reason="otra", **terms)
    drive(note.document_id)
    assert list(paying_out.owed(hospital.organization.pk)) == [note]
    give = {"register": hospital.register, "user": hospital.biller, "now": make.now()}
    with pytest.raises(drawer.DrawerRefused, match="ábrala"):
        paying_out.hand_over(hospital.organization.pk, note.pk, **give)
    again = drawer.open_session(hospital.register, fund=D("200.00"), **terms)
    for _ in range(2):
        paying_out.hand_over(hospital.organization.pk, note.pk, **give)
    assert drawer.cash_expected(again) == 0


def test_a_cashier_credits_up_to_the_limit(hospital: make.Hospital) -> None:
    Membership.objects.filter(user=hospital.cashier).update(can_issue=True)
    CollectingPolicy.objects.create(organization=hospital.organization, free_limit=D("1000.00"))
    charge = invoiced(hospital)
    with pytest.raises(NotAllowed, match="administrador o un facturador"):
        ask(charge, wanted(amount=D("1000.01")), user=hospital.cashier, now=make.now(), idempotency_key="much")
    assert not CreditNote.objects.exists()
    ask(charge, wanted(amount=D("100.00")), user=hospital.cashier, now=make.now(), idempotency_key="little")
