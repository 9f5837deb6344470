"""What a person is told of a cancellation turns at midnight of the place of issue, and the last day is of its year."""

from __future__ import annotations

import datetime as dt

import pytest

from emite.cancellations.requesting import outlook
from emite.documents.models import FiscalDocument
from emite.issuers.models import Issuer
from emite.organizations.models import Organization

pytestmark = pytest.mark.django_db

PM, PF = "HST150101AA6", "MAOL880314Q75"


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


def stamped(rfc: str, cp: str, when: str) -> FiscalDocument:
    return FiscalDocument(
        organization=Organization(), issuer=Issuer(rfc=rfc, lugar_expedicion="06700"), kind="I", total=5000,
        content={"lugar_expedicion": cp}, receptor_rfc="XIA190128J61", stamped_at=at(when),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("rfc", "cp", "last", "midnight"),
    [
        # Stamped half an hour before midnight in Mexico City, half an hour after it in Cancún.
        (PM, "06700", dt.date(2027, 3, 31), "2027-04-01T06:00"),
        (PM, "77500", dt.date(2028, 3, 31), "2028-04-01T05:00"),
        (PF, "82000", dt.date(2027, 4, 30), "2027-05-01T07:00"),
        (PF, "22000", dt.date(2027, 4, 30), "2027-05-01T07:00"),  # in Tijuana it is summer by then
        (PM, "88500", dt.date(2027, 3, 31), "2027-04-01T05:00"),
    ],
)
def test_the_deadline_ends_at_a_local_midnight(rfc: str, cp: str, last: dt.date, midnight: str) -> None:
    document, second = stamped(rfc, cp, "2027-01-01T05:30"), dt.timedelta(seconds=1)
    before, after = outlook(document, at(midnight) - second), outlook(document, at(midnight))
    assert (before.last_day, before.past) == (last, False)
    assert (after.last_day, after.past) == (last, True)


def test_the_three_days_begin_on_the_day_that_it_is_asked_where_it_was_issued() -> None:
    document = stamped(PM, "22000", "2026-11-02T18:00")
    eve, day = outlook(document, at("2026-12-31T07:59:59")), outlook(document, at("2026-12-31T08:00"))
    assert (eve.accept_by, day.accept_by) == (dt.date(2027, 1, 5), dt.date(2027, 1, 6))
