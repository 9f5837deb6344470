"""Payments through the API: exact, never above what is owed, in a register that takes them."""

from __future__ import annotations

from typing import Any

import pytest

from emite.charges.models import CashRegister, Charge, PaymentSlip
from tests import make
from tests.web.api.system import System, fields, problem

pytestmark = pytest.mark.django_db


def pay(system: System, charge: str, *parts: tuple[str, str], key: str = "", **over: Any) -> Any:
    body = {"parts": [{"forma_pago": form, "amount": amount} for form, amount in parts], **over}
    return system.post(f"charges/{charge}/payments", body, key=key)


def test_parts_partial_payments_and_change(his: System, hospital: make.Hospital) -> None:
    charge = his.charge().json()["id"]

    first = pay(his, charge, ("01", "300.00"), ("04", "200.50"), cash_received="500.00")

    assert first.status_code == 201, first.content
    body = first.json()
    assert (body["payment"]["folio"], body["payment"]["amount"], body["payment"]["change"]) == (
        "PAG-000001",
        "500.50",
        "200.00",
    )
    assert body["payment"]["cash_register"] == "Caja 1"
    assert (body["charge"]["paid"], body["charge"]["owed"]) == ("500.50", "659.50")
    assert pay(his, charge, ("03", "659.50")).json()["charge"]["owed"] == "0.00"
    assert [one["amount"] for one in his.get(f"charges/{charge}/payments").json()] == ["500.50", "659.50"]
    assert PaymentSlip.objects.first().cashier == hospital.biller  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("parts", "over", "code", "field"),
    [
        ([("01", "1160.01")], {}, "payment_refused", "amount"),
        ([("01", "0")], {}, "payment_refused", "amount"),
        ([("99", "1.00")], {}, "invalid", "parts[0].forma_pago"),
        ([("01", "1.001")], {}, "invalid", "parts[0].amount"),
        ([("01", 5)], {}, "invalid", "parts[0].amount"),
        ([], {}, "invalid", "parts"),
        ([("01", "10.00")], {"cash_received": "9.99"}, "payment_refused", "cash_received"),
        ([("01", "10.00")], {"cash_register": "Caja 9"}, "invalid", "cash_register"),
        ([("01", "10.00")], {"cash_register": "Portal"}, "invalid", "cash_register"),
    ],
)
def test_refused_payments_store_nothing(
    his: System, parts: list[Any], over: dict[str, str], code: str, field: str
) -> None:
    charge = his.charge().json()["id"]

    assert fields(problem(pay(his, charge, *parts, **over), 422, code)) == [field]
    assert not PaymentSlip.objects.exists()
    assert Charge.objects.get().paid == 0


def test_several_registers_are_told_apart(his: System, hospital: make.Hospital) -> None:
    CashRegister.objects.create(organization=hospital.organization, name="Caja 2")
    charge = his.charge().json()["id"]

    assert fields(problem(pay(his, charge, ("01", "1.00")), 422, "invalid")) == ["cash_register"]
    assert pay(his, charge, ("01", "1.00"), cash_register="caja 2").json()["payment"]["cash_register"] == "Caja 2"


def test_void_charges_take_no_payment(his: System) -> None:
    charge = his.charge().json()["id"]
    his.post(f"charges/{charge}/void", {"reason": "Error"})

    problem(pay(his, charge, ("01", "1.00")), 422, "payment_refused")
