"""Every border that a clock or a calendar has: midnights of five zones, both changes of the hour, months, years, the
72 hours of a Fecha, business days and the month of the annual return. Pure functions: no database, no clock."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from emite.cfdi import plazos
from emite.cfdi.plazos import Why
from emite.cfdi.zones import local_now, moment_of, zone_of
from emite.charges.models import Charge
from emite.documents import machine
from emite.documents.machine import Facts
from emite.documents.models import State
from emite.invoices import periods
from emite.organizations.models import Organization

D = dt.date
UTC, HOUR, SECOND = dt.UTC, dt.timedelta(hours=1), dt.timedelta(seconds=1)
#: A postal code of each of SAT's zones, and Ciudad Juárez, where SAT and the law differ.
CENTRO, PACIFICO, NOROESTE, SURESTE, FRONTERA, JUAREZ = "06700", "82000", "22000", "77500", "88500", "32000"
EVERYWHERE = (CENTRO, PACIFICO, NOROESTE, SURESTE, FRONTERA, JUAREZ)
#: The municipalities that change their clocks with the United States: hours before UTC in winter.
BORDER = {NOROESTE: 8, FRONTERA: 6, JUAREZ: 7}
MOMENTS = st.datetimes(dt.datetime(2024, 1, 1), dt.datetime(2036, 1, 1), timezones=st.just(UTC))


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=UTC)


# The wall clock of a Fecha


@given(MOMENTS, st.sampled_from(EVERYWHERE))
@example(at("2026-11-01T09:30"), NOROESTE)
@example(at("2026-11-01T07:30"), FRONTERA)
@example(at("2026-11-01T08:30"), JUAREZ)
@example(at("2026-03-08T10:00"), NOROESTE)
def test_a_fecha_is_never_read_as_later_than_it_was_written(now: dt.datetime, cp: str) -> None:
    """Read back it is that second, or an hour earlier where the clock repeats it: never in the future, never lost."""
    written = now.replace(microsecond=0)
    read = moment_of(local_now(now, cp), cp)
    assert read in (written, written - HOUR)
    if cp not in BORDER:
        assert read == written


@pytest.mark.parametrize(("cp", "winter"), BORDER.items())
def test_the_border_jumps_in_march_and_repeats_in_november(cp: str, winter: int) -> None:
    jump = dt.datetime(2026, 3, 8, 2 + winter, tzinfo=UTC)
    assert local_now(jump - SECOND, cp) == dt.datetime(2026, 3, 8, 1, 59, 59)
    assert local_now(jump, cp) == dt.datetime(2026, 3, 8, 3)
    assert moment_of(dt.datetime(2026, 3, 8, 3), cp) == jump
    back = dt.datetime(2026, 11, 1, 1 + winter, tzinfo=UTC)
    assert local_now(back - SECOND, cp) == dt.datetime(2026, 11, 1, 1, 59, 59)
    assert local_now(back, cp) == dt.datetime(2026, 11, 1, 1)
    assert moment_of(dt.datetime(2026, 11, 1, 1), cp) == back - HOUR
    assert moment_of(dt.datetime(2026, 11, 1, 2), cp) == back + HOUR


@pytest.mark.parametrize("cp", [CENTRO, PACIFICO, SURESTE])
def test_the_rest_of_the_country_has_one_clock_all_year(cp: str) -> None:
    offsets = {zone_of(cp).utcoffset(dt.datetime(2026, month, 15)) for month in range(1, 13)}
    assert len(offsets) == 1


def test_the_country_ends_its_year_at_five_moments() -> None:
    ends = {cp: moment_of(dt.datetime(2027, 1, 1), cp) for cp in EVERYWHERE}
    assert {cp: ends[cp].hour for cp in EVERYWHERE} == {
        SURESTE: 5, CENTRO: 6, FRONTERA: 6, PACIFICO: 7, JUAREZ: 7, NOROESTE: 8,
    }  # fmt: skip
    for cp, end in ends.items():
        assert local_now(end - SECOND, cp) == dt.datetime(2026, 12, 31, 23, 59, 59)
        assert local_now(end, cp) == dt.datetime(2027, 1, 1)


# The 72 hours of a Fecha


def facts(fecha: dt.datetime) -> Facts:
    return Facts(
        fecha=fecha, in_doubt=False, first_sent_at=None, last_sent_at=None, not_found=0, lookups=0, attempts=0,
        last_code="",
    )  # fmt: skip


@pytest.mark.parametrize("cp", EVERYWHERE)
@pytest.mark.parametrize("sealed", ["2026-02-27T05:59:30", "2026-03-07T06:00", "2026-10-31T05:10", "2026-12-30T07:00"])
def test_a_fecha_ages_by_real_hours_over_every_border(cp: str, sealed: str) -> None:
    """Month end, both changes of the hour and year end: the wall clock says an hour more or less, the age does not."""
    fecha = moment_of(local_now(at(sealed), cp), cp)
    edge = fecha + machine.GIVE_UP
    assert machine.before_send(facts(fecha), edge - SECOND) is None
    dated_again = machine.before_send(facts(fecha), edge)
    assert dated_again is not None
    assert dated_again.state == State.DRAFT
    # Nor does a PAC that subtracts wall clocks find more than 72 hours in what is sent at the last moment.
    assert local_now(edge - SECOND, cp) - local_now(fecha, cp) < 72 * HOUR


# Periods of a global, and the days of the portal


@given(MOMENTS, st.sampled_from(sorted(periods.NAMES)), st.sampled_from(EVERYWHERE))
@example(at("2026-03-08T09:59:59"), "01", NOROESTE)
@example(at("2026-11-01T06:30"), "02", FRONTERA)
@example(at("2027-01-01T05:30"), "04", CENTRO)
@example(at("2027-01-01T05:30"), "04", SURESTE)
def test_every_moment_is_in_one_period_and_none_between_two(now: dt.datetime, kind: str, cp: str) -> None:
    zone = zone_of(cp)
    period = periods.containing(kind, now.astimezone(zone).date())
    start, end = period.bounds(zone)
    assert start <= now < end
    assert period.before().bounds(zone)[1] == start
    wall = [each.astimezone(zone).time() for each in (start, end)]
    assert wall == [dt.time(), dt.time()]


def test_one_sale_of_new_years_eve_is_of_another_year_in_cancun() -> None:
    paid = at("2027-01-01T05:30")
    months = {
        cp: periods.containing("04", paid.astimezone(zone_of(cp)).date()) for cp in (CENTRO, NOROESTE, SURESTE)
    }  # fmt: skip
    assert [(each.meses, each.anio) for each in months.values()] == [("12", 2026), ("12", 2026), ("01", 2027)]
    week = periods.containing("02", D(2026, 12, 31))
    assert (week.first, week.last, week.meses, week.anio) == (D(2026, 12, 28), D(2027, 1, 3), "01", 2027)


@pytest.mark.parametrize(("month", "hours"), [((2026, 3), 743), ((2026, 11), 721), ((2028, 2), 696), ((2026, 7), 744)])
def test_a_month_of_tijuana_has_its_own_hours(month: tuple[int, int], hours: int) -> None:
    start, end = periods.containing("04", D(*month, 10)).bounds(ZoneInfo("America/Tijuana"))
    assert (end - start) == hours * HOUR


@pytest.mark.parametrize("cp", EVERYWHERE)
@pytest.mark.parametrize(("days", "issued"), [(0, D(2026, 12, 31)), (1, D(2026, 10, 31)), (2, D(2026, 3, 6))])
def test_the_portal_closes_at_a_midnight_of_the_hospital(cp: str, days: int, issued: D) -> None:
    charge = Charge(organization=Organization(postal_code=cp, portal_days=days), issued_on=issued)
    last = issued + dt.timedelta(days=days)
    midnight = moment_of(dt.datetime.combine(last + dt.timedelta(days=1), dt.time()), cp)
    assert charge.portal_is_open(midnight - SECOND)
    assert not charge.portal_is_open(midnight)


# Business days and the month of the annual return


@given(st.dates(D(2024, 1, 1), D(2040, 12, 31)))
@example(D(2026, 12, 30))
@example(D(2026, 1, 30))  # the Monday after is Constitution Day
@example(D(2030, 9, 27))  # a handover of the executive is in between
def test_the_receptor_has_exactly_three_business_days(asked: D) -> None:
    last = plazos.accept_by(asked)
    between = [asked + dt.timedelta(days=n) for n in range(1, (last - asked).days + 1)]
    assert sum(map(plazos.is_business_day, between)) == plazos.DAYS_TO_ACCEPT
    assert plazos.is_business_day(last)
    assert 3 <= (last - asked).days <= 8


@pytest.mark.parametrize(
    ("issued", "free", "must"),
    [
        (D(2026, 11, 20), D(2026, 11, 23), D(2026, 11, 24)),  # a Friday
        (D(2026, 1, 30), D(2026, 2, 3), D(2026, 2, 4)),  # before a long weekend
        (D(2026, 12, 31), D(2027, 1, 4), D(2027, 1, 5)),  # over the year's end
        (D(2028, 2, 28), D(2028, 2, 29), D(2028, 3, 1)),  # a leap day counts
        (D(2024, 9, 30), D(2024, 10, 2), D(2024, 10, 3)),  # the executive is handed over
    ],
)
def test_without_acceptance_until_the_business_day_that_follows(issued: D, free: D, must: D) -> None:
    def why(today: D) -> Why:
        return plazos.acceptance(
            tipo="I", total=plazos.SMALL + 1, receptor_rfc="XIA190128J61", issued_on=issued, today=today,
            refused_before=False,
        ).why  # fmt: skip

    assert (why(free), why(must)) == (Why.NEXT_DAY, Why.MUST)


@given(st.dates(D(2024, 1, 1), D(2040, 12, 31)), st.sampled_from(["HST150101AA6", "MAOL880314Q75"]))
@example(D(2027, 12, 31), "HST150101AA6")
@example(D(2028, 2, 29), "MAOL880314Q75")
def test_the_last_day_to_cancel_is_the_last_of_the_month_of_the_return(issued: D, rfc: str) -> None:
    last = plazos.last_day(issued, rfc)
    assert (last.year, last.month) == (issued.year + 1, 3 if len(rfc) == 12 else 4)
    assert (last + dt.timedelta(days=1)).day == 1


@pytest.mark.parametrize(
    ("rfc", "regimen", "meses", "last"),
    [
        ("BUGR850927W29", "626", "02", D(2028, 2, 29)),
        ("BUGR850927W29", "626", "12", D(2028, 12, 31)),
        ("BUGR850927W29", "612", "02", None),
        ("SST980412QZA", "626", "02", None),
        ("BUGR850927W29", "626", "13", None),
    ],
)
def test_the_global_of_a_resico_has_its_own_month(rfc: str, regimen: str, meses: str, last: D | None) -> None:
    assert plazos.resico_global_day(rfc_emisor=rfc, regimen=regimen, meses=meses, anio=2028) == last


@given(st.dates(D(2024, 1, 1), D(2040, 12, 31)))
@example(D(2026, 12, 31))
def test_a_complement_is_due_on_the_fifth_of_the_month_that_follows(paid: D) -> None:
    due = plazos.complement_due(paid)
    assert due.day == plazos.COMPLEMENT_DAY
    assert (due.year * 12 + due.month) - (paid.year * 12 + paid.month) == 1
