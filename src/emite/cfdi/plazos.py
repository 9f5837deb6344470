"""Time and consent in cancellations: business days, whether the receptor must accept and until when, the last day.

Pure dates of the taxpayer's calendar; zones are the caller's. What SAT's service says (`EsCancelable`) wins over what
is computed here, which is for telling a person beforehand. Sources: docs/sat/cancelacion.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final

from emite.cfdi.rfc import EXTRANJERO, PUBLICO_EN_GENERAL

#: RMF 2026 2.7.1.34: without acceptance up to this total, in pesos.
SMALL: Final = Decimal("1000.00")
#: RMF 2026 2.7.1.34: business days in which the receptor answers; silence accepts.
DAYS_TO_ACCEPT: Final = 3
#: CFF 29-A, in force 2026: the month in which the annual return of the year of issue is due, by persona.
LAST_MONTH: Final = {"moral": 3, "fisica": 4}
#: CFF 12: days that do not count, besides Saturdays and Sundays. (month, day) each year.
FIXED_HOLIDAYS: Final = frozenset({(1, 1), (5, 1), (5, 5), (9, 16), (12, 25)})
#: CFF 12: (month, which Monday).
MONDAYS: Final = frozenset({(2, 1), (3, 3), (11, 3)})
#: CFF 12, Constitution 83: the federal executive is handed over on 1 October each six years, from 2024.
HANDOVER: Final = (2024, 10, 1, 6)


class Why(StrEnum):
    """Why the receptor need not accept, or why it must."""

    SMALL = "small"
    EGRESO = "egreso"
    GENERIC = "generic"
    FOREIGN = "foreign"
    NEXT_DAY = "next_day"
    MUST = "must"
    AGAIN = "again"
    """It refused once: a second request has no silence that accepts."""


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Whether the receptor must accept. `silence_accepts` is False after a refusal."""

    needed: bool
    why: Why

    @property
    def silence_accepts(self) -> bool:
        """Whether no answer in three business days counts as yes."""
        return self.needed and self.why is not Why.AGAIN


def is_business_day(day: date) -> bool:
    """By CFF 12. SAT's vacations (RMF 2.1.6) are announced year by year and are not known here."""
    if day.weekday() >= 5 or (day.month, day.day) in FIXED_HOLIDAYS:
        return False
    if day.weekday() == 0 and (day.month, (day.day + 6) // 7) in MONDAYS:
        return False
    year, month, number, every = HANDOVER
    return not ((day.month, day.day) == (month, number) and day.year >= year and (day.year - year) % every == 0)


def business_days_after(day: date, count: int) -> date:
    """The `count`-th business day after `day`."""
    while count:
        day += timedelta(days=1)
        count -= is_business_day(day)
    return day


def acceptance(
    *, tipo: str, total: Decimal, receptor_rfc: str, issued_on: date, today: date, refused_before: bool
) -> Acceptance:
    """Who must agree if the cancellation is asked for today (RMF 2026 2.7.1.34 and 2.7.1.35)."""
    if tipo == "E":
        return Acceptance(False, Why.EGRESO)
    if receptor_rfc == PUBLICO_EN_GENERAL:
        return Acceptance(False, Why.GENERIC)
    if receptor_rfc == EXTRANJERO:
        return Acceptance(False, Why.FOREIGN)
    if tipo != "P" and total <= SMALL:
        return Acceptance(False, Why.SMALL)
    if today <= business_days_after(issued_on, 1):
        return Acceptance(False, Why.NEXT_DAY)
    return Acceptance(True, Why.AGAIN if refused_before else Why.MUST)


def accept_by(asked_on: date) -> date:
    """The last day on which the receptor may say no."""
    return business_days_after(asked_on, DAYS_TO_ACCEPT)


def last_day(issued_on: date, rfc_emisor: str) -> date:
    """The last day on which a CFDI of that day may be cancelled: the end of the month of the annual return."""
    month = LAST_MONTH["moral" if len(rfc_emisor) == 12 else "fisica"]
    return date(issued_on.year + 1, month + 1, 1) - timedelta(days=1)


#: Régimen Simplificado de Confianza.
RESICO: Final = "626"
#: c_Meses: the keys after these are of two months, which only RIF had.
MONTHS: Final = 12


def resico_global_day(*, rfc_emisor: str, regimen: str, meses: str, anio: int) -> date | None:
    """The last day on which the factura global of a persona física in RESICO may be cancelled: the end of the month
    that it is of (LISR 113-G, V; RMF 2026 3.13.29 is lenient). None for everybody else."""
    if regimen != RESICO or len(rfc_emisor) != 13 or not 1 <= int(meses) <= MONTHS:
        return None
    month = int(meses)
    return date(anio + month // 12, month % 12 + 1, 1) - timedelta(days=1)


#: RMF 2026 2.7.1.32: the natural day of the month after a payment by which its complement is issued.
COMPLEMENT_DAY: Final = 5


def complement_due(paid_on: date) -> date:
    """The last day on which the complement of a payment of that day is in time."""
    after = date(paid_on.year + paid_on.month // 12, paid_on.month % 12 + 1, 1)
    return after.replace(day=COMPLEMENT_DAY)
