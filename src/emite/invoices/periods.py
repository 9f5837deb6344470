"""The periods of a factura global: which days they hold, how SAT names them, when they begin and end.

Pure: no rows, no clock. Sources: c_Periodicidad, c_Meses; CFDI40131-40136; RMF 2.7.1.21.
"""

from __future__ import annotations

import calendar
import datetime as dt
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

DIARIA: Final = "01"
SEMANAL: Final = "02"
QUINCENAL: Final = "03"
MENSUAL: Final = "04"
BIMESTRAL: Final = "05"
NAMES: Final = {
    DIARIA: "Diaria",
    SEMANAL: "Semanal",
    QUINCENAL: "Quincenal",
    MENSUAL: "Mensual",
    BIMESTRAL: "Bimestral",
}
#: The only régimen that may use BIMESTRAL (CFDI40132).
REGIMEN_BIMESTRAL: Final = "621"
MONTHS: Final = (
    "enero", "febrero", "marzo", "abril", "mayo", "junio",
    "julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre",
)  # fmt: skip
_DAY: Final = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """Whole calendar days, both ends included."""

    first: dt.date
    last: dt.date
    periodicidad: str

    @property
    def meses(self) -> str:
        """c_Meses: the month in which the period ends, or its bimester (13-18)."""
        if self.periodicidad == BIMESTRAL:
            return str(12 + self.last.month // 2)
        return f"{self.last.month:02d}"

    @property
    def anio(self) -> int:
        return self.last.year

    def bounds(self, zone: ZoneInfo) -> tuple[dt.datetime, dt.datetime]:
        """The moments (UTC) of its first midnight and of the midnight after it, by the clocks of `zone`."""
        return _midnight(self.first, zone), _midnight(self.last + _DAY, zone)

    def before(self) -> Period:
        """The period that ends the day before this one begins."""
        return containing(self.periodicidad, self.first - _DAY)

    def __str__(self) -> str:
        """In words: "22 de noviembre de 2026", "noviembre de 2026", "1 al 15 de noviembre de 2026"."""
        last, year = self.last, self.last.year
        match self.periodicidad:
            case "01":
                return f"{last.day} de {MONTHS[last.month - 1]} de {year}"
            case "04":
                return f"{MONTHS[last.month - 1]} de {year}"
            case "05":
                return f"{MONTHS[self.first.month - 1]} y {MONTHS[last.month - 1]} de {year}"
        start = str(self.first.day)
        if self.first.month != last.month:
            start += f" de {MONTHS[self.first.month - 1]}"
        if self.first.year != year:
            start += f" de {self.first.year}"
        return f"{start} al {last.day} de {MONTHS[last.month - 1]} de {year}"


def containing(periodicidad: str, day: dt.date) -> Period:
    """The period of that kind that holds `day`. Weeks begin on Monday. Raises ValueError for an unknown kind."""
    match periodicidad:
        case "01":
            return Period(day, day, periodicidad)
        case "02":
            first = day - dt.timedelta(days=day.weekday())
            return Period(first, first + dt.timedelta(days=6), periodicidad)
        case "03" if day.day <= 15:
            return Period(day.replace(day=1), day.replace(day=15), periodicidad)
        case "03":
            return Period(day.replace(day=16), _end_of_month(day), periodicidad)
        case "04":
            return Period(day.replace(day=1), _end_of_month(day), periodicidad)
        case "05":
            odd = day.month - (day.month + 1) % 2
            first = day.replace(month=odd, day=1)
            return Period(first, _end_of_month(first.replace(month=odd + 1)), periodicidad)
    raise ValueError(f"c_Periodicidad has no {periodicidad!r}")


def allowed(regimen_fiscal: str) -> tuple[str, ...]:
    """The kinds that an issuer of this régimen may use."""
    return tuple(key for key in NAMES if key != BIMESTRAL or regimen_fiscal == REGIMEN_BIMESTRAL)


def _end_of_month(day: dt.date) -> dt.date:
    return day.replace(day=calendar.monthrange(day.year, day.month)[1])


def _midnight(day: dt.date, zone: ZoneInfo) -> dt.datetime:
    return dt.datetime.combine(day, dt.time.min, tzinfo=zone).astimezone(dt.UTC)
