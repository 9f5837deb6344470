"""The agenda of another system as a CSV file: a row is an appointment, known by its folio there.

What a row says of the service is read as in `sheet`; here is its hour. Writing them is `agenda_importing`.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO, Final

from emite.accounts.models import User
from emite.care import sheet
from emite.care.agenda_importing import Hour, KeptHour, instant, kept_of, prepared
from emite.care.sheet import Reader, Row, check_cells, named
from emite.chargemaster.tables import read, written
from emite.organizations.models import Organization

COLUMNS: Final = ("folio_externo", "paciente", "fecha", "hora", "aseguradora", "codigo")
#: In the order of the template.
TEMPLATE: Final = (*COLUMNS, *(name for name in sheet.TEMPLATE if name not in COLUMNS))
MOST: Final = sheet.MOST
_HOUR: Final = re.compile(r"(\d{1,2}):(\d{2})(:00)?")


@dataclass(frozen=True, slots=True)
class Reading:
    """The whole file as it was understood. `fresh` are those to write, `known` how many are there already."""

    notes: tuple[str, ...]
    rows: list[Row]
    fresh: list[Hour]
    known: int

    @property
    def wrong(self) -> list[Row]:
        return [row for row in self.rows if row.errors]

    @property
    def first(self) -> dt.date:
        return min(hour.at for hour in self.fresh).date()

    @property
    def last(self) -> dt.date:
        return max(hour.at for hour in self.fresh).date()


def understand(file: BinaryIO, organization: Organization, *, user: User, now: dt.datetime) -> Reading:
    """Every row, checked. Raises TableRefused when it is no such table."""
    table = read(file, COLUMNS, optional=(*TEMPLATE, "error"), most=MOST)
    rows = [Row(line, cells) for line, cells in table.rows]
    has = kept_of(organization, [row.said("folio_externo") for row in rows])
    reader = Reader(organization)
    fresh: list[Hour] = []
    seen: dict[str, int] = {}
    known = 0
    for row in rows:
        check_cells(row, TEMPLATE, seen)
        if row.errors:
            continue
        at = _at(row, organization)
        if kept := has.get(row.said("folio_externo")):
            _compare(row, kept, at)
            known += not row.errors
        elif (one := reader.service(row)) and at is not None:
            hour = Hour(one, at)
            if named(row, partial(prepared, reader.names, hour, user=user, now=now)):
                fresh.append(hour)
    return Reading(table.notes, rows, fresh, known)


def _at(row: Row, organization: Organization) -> dt.datetime | None:
    """Day and hour where the practice is. A wrong day is told by whoever reads the rest of the row."""
    match = _HOUR.fullmatch(row.said("hora"))
    try:
        hour = dt.time(int(match[1]), int(match[2])) if match else None
    except ValueError:
        hour = None
    if hour is None:
        row.wrong("hora", "escríbala de 00:00 a 23:59, como 16:30.")
    day = sheet.date(Row(row.line, row.cells))
    if day is None or hour is None:
        return None
    at = dt.datetime.combine(day, hour, organization.zone)
    if instant(at).astimezone(organization.zone).time() != hour:
        row.wrong("hora", "ese día el reloj se adelanta y esa hora no existe: escriba otra.")
        return None
    return at


def _compare(row: Row, has: KeptHour, at: dt.datetime | None) -> None:
    """The appointment is there already and stays as it is: the row must not say another."""
    cure = "Use otro folio, o cambie la cita en la agenda."
    if at is None:
        sheet.date(row)
    elif instant(at) != has.at:
        row.wrong("fecha", f"ese folio ya está, para el {has.at.astimezone(at.tzinfo):%d/%m/%Y a las %H:%M}. {cure}")
    if row.said("codigo") != has.code:
        row.wrong("codigo", f"ese folio ya está, con el código {has.code}. {cure}")
    fee = sheet.money(row, "honorario")
    if fee is not None and fee != has.fee:
        row.wrong(
            "honorario", f"ese folio ya está, con {'el del plan' if has.fee is None else f'${has.fee:,.2f}'}. {cure}"
        )


def template() -> str:
    """The file to fill in, without rows: an example would be booked."""
    return written(TEMPLATE, [])


def errors_as_csv(reading: Reading) -> str:
    return sheet.errors_as_csv(reading.rows, TEMPLATE)
