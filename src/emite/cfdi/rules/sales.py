"""The rules on the amounts of each Concepto, for the many sales of a factura global at once.

What sales of one shape share is asked of one of them (`seal_sales`), and the sums by `rules.check`; here is what is
left: CFDI40166, CFDI40168, CFDI40169, CFDI40174 and CFDI40180. Cantidad is 1 and ValorUnitario is Importe, so that
CFDI40167 holds for every amount; none of them is missing and all have two decimals.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from emite.cfdi import money
from emite.cfdi.rules.conceptos import broken_limits
from emite.cfdi.rules.numbers import amount
from emite.cfdi.sales import DESCUENTO, IMPORTE, PER_TAX, TAXES, Alike, Sales, Shape, cents
from emite.cfdi.taxes import Treatment

#: Rates have six decimals.
_WHOLE: Final = 1_000_000


def amounts_hold(conceptos: Sales) -> bool:
    """False when some sale breaks a rule on its amounts; `rules.check` says which, and why."""
    return all(_hold(shape, alike) for shape, alike in conceptos.shapes.items())


def _hold(shape: Shape, alike: Alike) -> bool:
    importes = cents(alike.columns[IMPORTE])
    if not all(importes):
        return False
    if shape.with_descuento and any(
        descuento > importe for descuento, importe in zip(cents(alike.columns[DESCUENTO]), importes, strict=True)
    ):
        return False
    for at, name in enumerate(shape.taxes):
        bases, taxes = alike.columns[TAXES + PER_TAX * at + 1 :][:2]
        rate = Treatment(name).rate
        if not all(cents(bases)) or not (rate is None or _taxed(bases, rate, taxes)):
            return False
    return True


def _taxed(bases: Sequence[str], rate: Decimal, taxes: Sequence[str]) -> bool:
    """Every tax is within SAT's limits of its base by the rate."""
    parts = int(rate.scaleb(6))
    return all(
        # A product that is rounded to cents is within them, whatever the base's own rounding hid.
        2 * abs(tax * _WHOLE - base * parts) <= _WHOLE or _in_limits(bases[at], rate, taxes[at])
        for at, (base, tax) in enumerate(zip(cents(bases), cents(taxes), strict=True))
    )


def _in_limits(base: str, rate: Decimal, tax: str) -> bool:
    first, importe = amount(base), amount(tax)
    return first is not None and importe is not None and broken_limits(first, rate, money.ZERO, importe) is None
