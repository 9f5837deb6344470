"""Patient and payer: their parts sum to the fee whatever the plan says, and neither is ever negative."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emite.care.splitting import Plan, Split, split

pesos = st.decimals(min_value=0, max_value=Decimal("99999999.99"), places=2)
percent = st.decimals(min_value=0, max_value=100, places=2)


@given(fee=pesos, deductible=pesos, copay=pesos, coinsurance=percent)
def test_the_parts_always_sum_to_the_fee(
    fee: Decimal, deductible: Decimal, copay: Decimal, coinsurance: Decimal
) -> None:
    parts = split(fee, Plan(deductible, copay, coinsurance))
    assert parts.patient + parts.payer == fee
    assert parts.patient >= 0
    assert parts.payer >= 0
    for part in (parts.patient, parts.payer):
        assert part == part.quantize(Decimal("0.01"))


@pytest.mark.parametrize(
    ("fee", "plan", "patient"),
    [
        ("1000.00", Plan(), "0.00"),
        ("1000.00", Plan(copay=Decimal(200)), "200.00"),
        ("150.00", Plan(copay=Decimal(200)), "150.00"),
        ("1000.00", Plan(coinsurance=Decimal(10)), "100.00"),
        # The deductible first, then the copay, then a tenth of the other 700.
        ("1000.00", Plan(Decimal(100), Decimal(200), Decimal(10)), "370.00"),
        ("0.01", Plan(coinsurance=Decimal(50)), "0.01"),
        ("1000.00", Plan(coinsurance=Decimal(100)), "1000.00"),
    ],
)
def test_deductible_then_copay_then_coinsurance(fee: str, plan: Plan, patient: str) -> None:
    assert split(Decimal(fee), plan) == Split(Decimal(patient), Decimal(fee) - Decimal(patient))
