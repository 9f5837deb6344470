"""Path B of SAT's guide: the account's lines with the deposits that paid some of it as their discount, no egreso after.

The discount is before tax and what a deposit paid has its tax inside, so it is spread over the lines that are taxed as
the deposit was, and what the cents leave open is settled on one of them: the CFDI comes to the charge less the
deposits, exactly. Source: Guía de llenado del Anexo 20, Apéndice 6, B.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Final

from emite.cfdi import anticipos, money
from emite.cfdi.egresos import CannotSplit
from emite.cfdi.taxes import Treatment
from emite.charges.charging import input_of
from emite.charges.collecting import ANTICIPO, paid_in
from emite.charges.finding import lines_of
from emite.charges.models import AnticipoApplication, Charge
from emite.charges.pricing import LineInput, conceptos, totals
from emite.invoices.deposits import applied_to
from emite.organizations.models import Organization

_SIX: Final = 6
_STEP: Final = Decimal("0.000001")
#: How far from the plain division the cents can be: each of three sums of a CFDI is rounded to one.
_NEAR: Final = 50_000


def applies(organization: Organization, paid: Mapping[str, Decimal]) -> bool:
    """Whether an account paid so is invoiced by its remnant: only where something besides deposits was paid."""
    by_choice = organization.anticipo_road == Organization.AnticipoRoad.REMNANT
    return by_choice and ANTICIPO in paid and any(form != ANTICIPO for form in paid)


def to_invoice(charges: Sequence[Charge]) -> Decimal:
    """What one invoice of these charges comes to. Asks the database only where remnants are invoiced."""
    total = money.total(each.total for each in charges)
    organization = charges[0].organization
    if organization.anticipo_road != Organization.AnticipoRoad.REMNANT:
        return total
    if not applies(organization, paid_in(*charges)):
        return total
    lines = [input_of(line) for charge in charges for line in lines_of(charge)]
    try:
        return totals(conceptos(lessened(lines, taken_by(applied_to(charges))))).total
    except CannotSplit:
        return total


def taken_by(applied: Sequence[AnticipoApplication]) -> dict[Treatment, Decimal]:
    """What deposits paid, taxes included, by how their one line is taxed."""
    sums: dict[Treatment, Decimal] = {}
    for each in applied:
        treatment = Treatment(each.deposit.lines.all()[0].treatment)
        sums[treatment] = sums.get(treatment, money.ZERO) + each.amount
    return sums


def lessened(lines: Sequence[LineInput], taken: Mapping[Treatment, Decimal]) -> list[LineInput]:
    """The lines as they are invoiced: each says that it is a remnant, and its discount has its part of the deposits.

    Raises CannotSplit where they do not reach, or no discount comes to that very cent (path A does).
    """
    found = [replace(line, description=anticipos.as_remnant(line.description)) for line in lines]
    wanted = totals(conceptos(found)).total
    for treatment, amount in taken.items():
        wanted -= amount
        found = _spread(found, treatment, amount, wanted)
    return found


def _spread(lines: Sequence[LineInput], treatment: Treatment, amount: Decimal, wanted: Decimal) -> list[LineInput]:
    room = [_base(line) if line.treatment == treatment else money.ZERO for line in lines]
    whole = money.total(room)
    net = min(money.over(amount, 1 + (treatment.rate or money.ZERO), _SIX), whole)
    if not whole or net <= 0:
        raise CannotSplit("no line is taxed as the deposit was")
    parts = [min(money.half_up(money.over(money.times(each, net), whole, 20), _SIX), each) for each in room]
    rest = net - money.total(parts)
    for place in sorted(range(len(parts)), key=lambda each: room[each] - parts[each], reverse=True):
        moved = max(min(rest, room[place] - parts[place]), -parts[place])
        parts[place], rest = parts[place] + moved, rest - moved
    widest = max(range(len(parts)), key=lambda each: room[each])

    def made(steps: int) -> list[LineInput]:
        more = [*parts]
        more[widest] += steps * _STEP
        return [
            replace(line, discount=line.discount + part) if part else line
            for line, part in zip(lines, more, strict=True)
        ]

    # The total falls by a cent at a time while the discount grows: the first step that comes to it is found by halves.
    low = max(-_NEAR, -int(parts[widest] / _STEP))
    high = min(_NEAR, int((room[widest] - parts[widest]) / _STEP))
    if totals(conceptos(made(0))).total == wanted:
        return made(0)
    while low < high:
        middle = (low + high) // 2
        if totals(conceptos(made(middle))).total <= wanted:
            high = middle
        else:
            low = middle + 1
    if totals(conceptos(made(low))).total != wanted:
        raise CannotSplit(f"no discount of these lines comes to {wanted}")
    return made(low)


def _base(line: LineInput) -> Decimal:
    return money.half_up(money.times(line.quantity, line.unit_price), _SIX) - line.discount
