"""Services and their copays: entered by contract and tariff, corrected while free, collected at most once."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from emite.audit.models import AuditEvent
from emite.care import copays, rendering
from emite.care.models import CareService, Contract, Tariff
from emite.care.rendering import Rendered, ServiceRefused
from emite.charges.collecting import Part, PaymentRefused, pay
from emite.charges.models import CashRegister, Charge
from tests import make
from tests import practice as stand
from tests.practice import Practice

pytestmark = pytest.mark.django_db


@pytest.fixture
def practice() -> Practice:
    return stand.practice()


def plan(of: Practice, **over: Any) -> Contract:
    fields = {"name": "Plan Plata", "copay": Decimal(150), "coinsurance": Decimal(10)} | over
    return Contract.objects.create(organization=of.organization, payer=of.payer, issuer=of.issuer, **fields)


def rendered(of: Practice, **over: Any) -> Rendered:
    fields: dict[str, Any] = {
        "issuer": of.issuer,
        "physician": of.physician,
        "payer": of.payer,
        "patient_name": "  Ana   Torres Luna ",
        "rendered_on": stand.today(of),
        "code": "99213",
        "fee": Decimal("800.00"),
    }
    return Rendered(**(fields | over))


def enter(of: Practice, **over: Any) -> CareService:
    return rendering.enter(of.organization, rendered(of, **over), user=of.admin, now=make.now())


def test_the_contract_splits_and_its_tariff_is_the_fee(practice: Practice) -> None:
    contract = plan(practice)
    Tariff.objects.create(
        organization=practice.organization, contract=contract, system="cpt4", code="99213", fee=Decimal("1150.00")
    )
    made = enter(practice, contract=contract, fee=None)
    made.refresh_from_db()
    assert (made.fee, made.patient_part, made.payer_part) == (Decimal(1150), Decimal(250), Decimal(900))
    assert made.patient_name == "Ana Torres Luna"
    event = AuditEvent.objects.get(action="care.enter")
    assert "Ana" not in str(event.after)


@pytest.mark.parametrize(
    ("over", "field"),
    [
        ({"patient_name": " "}, "patient_name"),
        ({"patient_name": "Ana|Torres"}, "patient_name"),
        ({"code": "99 213"}, "code"),
        ({"fee": None}, "fee"),
        ({"fee": Decimal("0.00")}, "fee"),
        ({"fee": Decimal("10.001")}, "fee"),
        ({"patient_part": Decimal("800.01")}, "patient_part"),
        ({"patient_part": Decimal("-1")}, "patient_part"),
        ({"rendered_on": dt.date(2099, 1, 1)}, "rendered_on"),
        ({"rendered_on": dt.date(1999, 1, 1)}, "rendered_on"),
        ({"system": "otro"}, "system"),
    ],
)
def test_what_cannot_be_is_refused_by_its_field(practice: Practice, over: dict[str, Any], field: str) -> None:
    with pytest.raises(ServiceRefused) as refused:
        enter(practice, **over)
    assert refused.value.field == field
    assert not CareService.objects.exists()


def test_of_another_practice_nothing_is_taken_and_readers_enter_nothing(practice: Practice) -> None:
    other = stand.practice()
    for over in ({"payer": other.payer}, {"physician": other.physician}, {"issuer": other.issuer}):
        with pytest.raises(ServiceRefused):
            enter(practice, **over)
    with pytest.raises(ServiceRefused, match="consulta"):
        rendering.enter(practice.organization, rendered(practice), user=practice.reader, now=make.now())
    assert not CareService.objects.exists()


def test_what_an_invoice_holds_stays_and_what_is_free_may_change(practice: Practice) -> None:
    held, free = stand.service(practice), stand.service(practice)
    stand.registered(practice, held)
    with pytest.raises(ServiceRefused, match="A-100"):
        rendering.change(held, rendered(practice), user=practice.admin, now=make.now())
    changed = rendering.change(free, rendered(practice, fee=Decimal(950)), user=practice.admin, now=make.now())
    assert changed.payer_part == Decimal(950)
    done = rendering.void(free, reason="No llegó", user=practice.admin, now=make.now())
    assert done.state == CareService.State.VOID
    assert not copays.collectable(practice.organization).filter(pk=free.pk).exists()


def test_a_copay_is_one_charge_of_the_patients_part_and_leaves_the_list_when_paid(practice: Practice) -> None:
    service = stand.service(practice, copay=Decimal("250.00"))
    register = CashRegister.objects.create(organization=practice.organization, name="Consultorio")
    first, again = (copays.charge_of(service, user=practice.admin, now=make.now()) for _ in range(2))
    assert first == again
    assert (first.kind, first.total, first.lines.get().clave_prod_serv) == (
        Charge.Kind.COPAGO, Decimal("250.00"), "85121600",
    )  # fmt: skip
    with pytest.raises(PaymentRefused):
        pay(first, [Part("01", Decimal("250.01"))], register=register, user=practice.admin, now=make.now())
    found = copays.collectable(practice.organization, patient="torres ana", on=service.rendered_on)
    pay(first, [Part("01", Decimal(100))], register=register, user=practice.admin, now=make.now())
    assert found.get() == service
    pay(first, [Part("04", Decimal(150))], register=register, user=practice.admin, now=make.now())
    assert not found.all()
    with pytest.raises(ServiceRefused, match="ya se cobró"):
        rendering.void(service, reason="Error", user=practice.admin, now=make.now())


def test_the_database_keeps_a_copay_within_its_part(practice: Practice) -> None:
    service = stand.service(practice, copay=Decimal("250.00"))
    copays.charge_of(service, user=practice.admin, now=make.now())
    with pytest.raises(IntegrityError, match="copay"), transaction.atomic():
        CareService.objects.filter(pk=service.pk).update(patient_part=Decimal(1), payer_part=Decimal(1049))


def test_an_unlinked_code_is_told_before_anything_is_collected(practice: Practice) -> None:
    service = stand.service(practice, code="90834")
    with pytest.raises(copays.NotLinked, match="90834"):
        copays.charge_of(service, user=practice.admin, now=make.now())
    assert not Charge.objects.exists()
