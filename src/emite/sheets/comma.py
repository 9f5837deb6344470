"""CSV as a spreadsheet takes it: UTF-8 with its mark, and nothing in it that would run."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Iterable
from decimal import Decimal
from typing import Final

Cell = str | int | float | Decimal | dt.date | None

#: Without it Excel takes UTF-8 for Windows' own alphabet.
MARK: Final = "\ufeff"
#: A spreadsheet would run what begins so.
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def line(cells: Iterable[Cell]) -> str:
    """One row. Text that a spreadsheet would run is shown instead; a number keeps its sign."""
    written = io.StringIO()
    csv.writer(written).writerow(_text(cell) for cell in cells)
    return written.getvalue()


def _text(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, str):
        return f"'{cell}" if cell.startswith(FORMULA) else cell
    return cell.isoformat() if isinstance(cell, dt.date) else str(cell)
