"""What a line of a charge may be: whatever its CFDI can carry and its row can hold, and nothing else."""

from __future__ import annotations

from decimal import Decimal

import pytest

from emite.charges.pricing import LineRefused, check_line
from tests import make


@pytest.mark.parametrize("field", ["description", "code"])
@pytest.mark.parametrize("strange", ["|", "\x01", "\x1b", "\ufffe", "\ud800"])
def test_what_no_cfdi_can_carry_is_refused_before_it_is_charged(field: str, strange: str) -> None:
    with pytest.raises(LineRefused) as refused:
        check_line(3, make.line(**{field: f"A{strange}B"}))
    assert (refused.value.field, refused.value.position) == (field, 3)


@pytest.mark.parametrize("text", ["Gasa 10×10 «estéril» & ñandú", "dos\nlíneas", "emoji \U0001f600"])
def test_what_xml_can_carry_is_not(text: str) -> None:
    check_line(1, make.line(description=text))


def test_an_amount_that_its_row_cannot_hold_is_refused() -> None:
    check_line(1, make.line(quantity=Decimal(1000), unit_price=Decimal(999_999_999)))
    with pytest.raises(LineRefused) as refused:
        check_line(1, make.line(quantity=Decimal(10_000), unit_price=Decimal(100_000_000)))
    assert refused.value.field == "unit_price"
