"""Days as people write them: 22/11, 22 nov, hoy; none outside 2000-2100, where nobody's invoices are."""

from __future__ import annotations

import datetime as dt
import re

from emite.web.design.templatetags.design import MONTHS

_MONTHS = {name: number for number, name in enumerate(MONTHS, 1)}


def read_day(typed: str, today: dt.date) -> dt.date | None:
    """A day as people write it: 2026-11-22, 22/11/2026, 22/11, 22 nov, 22 nov 2026, hoy, ayer. Else None."""
    text = typed.strip().casefold()
    if text in ("hoy", "ayer"):
        return today - dt.timedelta(days=text == "ayer")
    iso = re.fullmatch(r"(\d{4})-(\d\d?)-(\d\d?)", text, re.ASCII)
    if iso:
        return _day(int(iso[1]), int(iso[2]), int(iso[3]))
    usual = re.fullmatch(r"(\d\d?)[/ -](?:de )?(\d\d?|[a-z]{3,10})\.?(?:[/ -](?:de )?(\d{4}|\d\d))?", text, re.ASCII)
    if not usual:
        return None
    month = int(usual[2]) if usual[2].isdigit() else _MONTHS.get(usual[2][:3], 0)
    if usual[3]:
        return _day(int(usual[3]) + (2000 if len(usual[3]) == 2 else 0), month, int(usual[1]))
    this_year = _day(today.year, month, int(usual[1]))
    # "28 dic" asked in January is last month, not a day to come.
    return _day(today.year - 1, month, int(usual[1])) if this_year and this_year > today else this_year


def _day(year: int, month: int, day: int) -> dt.date | None:
    if not 2000 <= year <= 2100:
        return None
    try:
        return dt.date(year, month, day)
    except ValueError:
        return None
