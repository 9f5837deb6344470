"""Days, keys and moments of a global's periods: month ends, weeks across years, clocks that change."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emite.cfdi import codes
from emite.invoices import periods

D = dt.date


@pytest.mark.parametrize(
    ("kind", "day", "first", "last", "meses", "words"),
    [
        ("01", D(2026, 11, 22), D(2026, 11, 22), D(2026, 11, 22), "11", "22 de noviembre de 2026"),
        ("02", D(2026, 11, 22), D(2026, 11, 16), D(2026, 11, 22), "11", "16 al 22 de noviembre de 2026"),
        ("02", D(2026, 12, 31), D(2026, 12, 28), D(2027, 1, 3), "01", "28 de diciembre de 2026 al 3 de enero de 2027"),
        ("03", D(2026, 2, 15), D(2026, 2, 1), D(2026, 2, 15), "02", "1 al 15 de febrero de 2026"),
        ("03", D(2028, 2, 16), D(2028, 2, 16), D(2028, 2, 29), "02", "16 al 29 de febrero de 2028"),
        ("04", D(2026, 12, 31), D(2026, 12, 1), D(2026, 12, 31), "12", "diciembre de 2026"),
        ("05", D(2026, 2, 1), D(2026, 1, 1), D(2026, 2, 28), "13", "enero y febrero de 2026"),
        ("05", D(2026, 11, 30), D(2026, 11, 1), D(2026, 12, 31), "18", "noviembre y diciembre de 2026"),
    ],
)
def test_days_and_keys(kind: str, day: D, first: D, last: D, meses: str, words: str) -> None:
    period = periods.containing(kind, day)
    assert (period.first, period.last, period.meses, period.anio) == (first, last, meses, last.year)
    assert str(period) == words
    assert codes.contains("c_Periodicidad", kind)
    assert codes.contains("c_Meses", meses)


@given(st.sampled_from(sorted(periods.NAMES)), st.dates(D(2020, 1, 1), D(2040, 12, 31)))
def test_every_day_is_in_one_period_and_periods_touch(kind: str, day: dt.date) -> None:
    period = periods.containing(kind, day)
    assert period.first <= day <= period.last
    assert periods.containing(kind, period.first) == period == periods.containing(kind, period.last)
    before = period.before()
    assert before.last + dt.timedelta(days=1) == period.first
    assert (period.meses in {str(m) for m in range(13, 19)}) == (kind == periods.BIMESTRAL)


def test_days_end_by_the_clocks_of_the_organization() -> None:
    day = periods.containing("01", D(2026, 11, 22))
    mexico = day.bounds(ZoneInfo("America/Mexico_City"))
    assert mexico == (dt.datetime(2026, 11, 22, 6, tzinfo=dt.UTC), dt.datetime(2026, 11, 23, 6, tzinfo=dt.UTC))
    assert day.bounds(ZoneInfo("America/Cancun"))[0] == dt.datetime(2026, 11, 22, 5, tzinfo=dt.UTC)


@pytest.mark.parametrize(("day", "hours"), [(D(2026, 3, 8), 23), (D(2026, 11, 1), 25), (D(2026, 7, 1), 24)])
def test_days_on_which_tijuana_changes_its_clocks(day: dt.date, hours: int) -> None:
    start, end = periods.containing("01", day).bounds(ZoneInfo("America/Tijuana"))
    assert end - start == dt.timedelta(hours=hours)
    assert end == periods.containing("01", day + dt.timedelta(days=1)).bounds(ZoneInfo("America/Tijuana"))[0]


def test_bimesters_are_only_for_621() -> None:
    assert "05" not in periods.allowed("601")
    assert "05" in periods.allowed("621")
    with pytest.raises(ValueError, match="06"):
        periods.containing("06", D(2026, 1, 1))
