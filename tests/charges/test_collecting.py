"""Payments: exact, never above what is owed, and one form is one payment."""

from __future__ import annotations

from decimal import Decimal

import pytest

from emite.charges.collecting import Part, PaymentRefused, largest_form, pay
from emite.charges.models import Payment, PaymentSlip
from tests import make

pytestmark = pytest.mark.django_db


def test_the_same_form_twice_is_one_payment_and_never_another_charges() -> None:
    hospital = make.hospital()
    one, two = make.charge(hospital), make.charge(hospital)
    terms = {"register": hospital.register, "user": hospital.cashier, "now": make.now(), "idempotency_key": "form"}
    parts = [Part("04", one.total)]

    first = pay(one, parts, **terms)  # type: ignore[arg-type]
    assert pay(one, parts, **terms) == first  # type: ignore[arg-type]
    with pytest.raises(PaymentRefused, match="otra remisión"):
        pay(two, parts, **terms)  # type: ignore[arg-type]

    assert PaymentSlip.objects.count() == 1
    two.refresh_from_db()
    assert two.paid == 0


@pytest.mark.parametrize(
    ("forma_pago", "amount", "field"),
    [("04", "1160.01", "amount"), ("04", "0", "amount"), ("04", "-5", "amount"), ("04", "1.005", "amount"),
     ("99", "1160.00", "forma_pago")],
)  # fmt: skip
def test_what_cannot_be_paid_is_refused(forma_pago: str, amount: str, field: str) -> None:
    hospital = make.hospital()
    with pytest.raises(PaymentRefused) as refused:
        pay(
            make.charge(hospital), [Part(forma_pago, Decimal(amount))], register=hospital.register,
            user=hospital.cashier, now=make.now(),
        )  # fmt: skip
    assert refused.value.field == field
    assert not Payment.objects.exists()


def test_the_register_of_the_portal_takes_no_money() -> None:
    hospital = make.hospital()
    with pytest.raises(PaymentRefused) as refused:
        pay(
            make.charge(hospital), [Part("01", Decimal(1))], register=hospital.web_register, user=hospital.cashier,
            now=make.now(),
        )  # fmt: skip
    assert refused.value.field == "register"


def test_the_form_of_the_largest_amount_is_stated_and_the_earliest_of_equals() -> None:
    hospital = make.hospital()
    charge = make.charge(hospital)
    for forma_pago, amount in (("01", "300"), ("28", "430"), ("04", "300"), ("01", "130")):
        pay(
            charge, [Part(forma_pago, Decimal(amount))], register=hospital.register, user=hospital.cashier,
            now=make.now(),
        )  # fmt: skip
    assert charge.is_paid
    assert largest_form(charge) == "01"
