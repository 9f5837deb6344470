"""A table of plain values and its two ways to a spreadsheet: CSV by lines, XLSX in constant memory."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import IO

import xlsxwriter

from emite.sheets import comma
from emite.sheets.comma import Cell


@dataclass(frozen=True, slots=True)
class Table:
    """Rows are read once."""

    title: str
    columns: Sequence[str]
    rows: Iterable[Sequence[Cell]]


def csv_lines(table: Table) -> Iterator[str]:
    yield comma.MARK + comma.line(table.columns)
    for row in table.rows:
        yield comma.line(row)


class Sheet:
    """An XLSX being written to `file`, row after row. Text is text: nothing in it is a formula or a link."""

    def __init__(self, file: IO[bytes], title: str, columns: Sequence[str]) -> None:
        # Rows go to a temporary file as they come; the workbook is put together at the end.
        self._book = xlsxwriter.Workbook(file, {"constant_memory": True})
        self._sheet = self._book.add_worksheet(title[:31])
        self._money = self._book.add_format({"num_format": "#,##0.00"})
        self._day = self._book.add_format({"num_format": "yyyy-mm-dd"})
        self._sheet.set_column(0, max(0, len(columns) - 1), 18)
        self._sheet.freeze_panes(1, 0)
        bold = self._book.add_format({"bold": True})
        for place, name in enumerate(columns):
            self._sheet.write_string(0, place, name, bold)
        self._next = 1

    def add(self, row: Sequence[Cell]) -> None:
        for place, cell in enumerate(row):
            if isinstance(cell, Decimal):
                self._sheet.write_number(self._next, place, cell, self._money)
            elif isinstance(cell, int | float):
                self._sheet.write_number(self._next, place, cell)
            elif isinstance(cell, dt.date):
                self._sheet.write_datetime(self._next, place, cell, self._day)
            elif cell is not None:
                self._sheet.write_string(self._next, place, cell)
        self._next += 1

    def close(self) -> None:
        self._book.close()


def xlsx(table: Table, file: IO[bytes]) -> None:
    sheet = Sheet(file, table.title, table.columns)
    for row in table.rows:
        sheet.add(row)
    sheet.close()
