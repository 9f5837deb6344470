"""The two parts of a service: what the patient pays and what the payer does. They always sum to the fee.

Pure. Amounts are pesos with cents before IVA, which each part's own CFDI adds by the treatment of its code.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from emite.cfdi import money


@dataclass(frozen=True, slots=True)
class Plan:
    """What a contract leaves to the patient, in the order in which it is taken: deductible, copay, then coinsurance."""

    deductible: Decimal = Decimal(0)
    copay: Decimal = Decimal(0)
    #: Per cent of what is left after the other two.
    coinsurance: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Split:
    patient: Decimal
    payer: Decimal


def split(fee: Decimal, plan: Plan) -> Split:
    """The parts of a fee. Neither is ever negative; the cent that a percentage cannot halve is the patient's."""
    deductible = min(fee, plan.deductible)
    copay = min(fee - deductible, plan.copay)
    rest = fee - deductible - copay
    share = money.half_up(money.times(rest, plan.coinsurance) / 100, 2)
    patient = deductible + copay + min(rest, share)
    return Split(patient=patient, payer=fee - patient)
