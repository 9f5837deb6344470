"""The desk's first page: what the search box understands, filters, pages, few queries, what needs somebody."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from emite.charges import patient_words
from emite.charges.charging import void
from emite.charges.collecting import Part, pay
from emite.charges.models import Charge
from emite.database import tenancy
from emite.invoices.issuing import Request, issue
from emite.web.desk.searching import Filters, matching, read_day, search
from tests import make
from tests.make import Hospital
from tests.web.desk.staff import Person, said

pytestmark = pytest.mark.django_db
TODAY = dt.date(2026, 11, 22)


def found(hospital: Hospital, text: str) -> set[str]:
    today = hospital.organization.local_date(make.now())
    return {charge.folio for charge in matching(hospital.organization, text, today)}


def test_search_box_understands_what_people_type(hospital: Hospital) -> None:
    one = make.paid_charge(hospital, patient_name="María Núñez Ávila")
    two = make.charge(hospital, [make.line(unit_price=Decimal("1234.50"))], patient_name="Juan Pérez")
    make.charge(make.hospital(), patient_name="María Núñez Ávila")

    assert found(hospital, "maria nunez") == {one.folio}
    assert found(hospital, "NÚÑEZ maría") == {one.folio}
    assert found(hospital, one.folio) == {one.folio}
    assert found(hospital, "ma nu") == set()
    assert "al menos tres letras" in said(Person(hospital.cashier).get("home", q="Lu"))
    assert found(hospital, "rem 2") == {two.folio}
    assert found(hospital, "2") == {two.folio}
    assert found(hospital, "$1,432.02") == {two.folio}
    assert found(hospital, "1160") == {one.folio}
    assert found(hospital, one.slips.get().folio) == {one.folio}
    assert found(hospital, make.code(two).lower()) == {two.folio}
    assert found(hospital, "hoy") == {one.folio, two.folio}
    assert found(hospital, "ayer") == set()
    assert found(hospital, "100%") == set()
    assert found(hospital, "maría_núñez") == set()
    assert found(hospital, "'; DROP TABLE charges_charge; --") == set()


def test_a_misspelt_name_and_a_card_find_the_charge(hospital: Hospital) -> None:
    one = make.charge(hospital, patient_name="Guadalupe Hernández Ibáñez")
    two = make.charge(hospital, patient_name="José Luis García")
    pay(
        two, [Part("04", Decimal(160), last4="0427"), Part("01", Decimal(1000))], register=hospital.register,
        user=hospital.cashier, now=make.now(),
    )  # fmt: skip
    assert patient_words.read_new(make.now()) == 6
    other = make.hospital()  # whose patient with the very letters nobody else may be offered
    make.charge(other, patient_name="Ernandes Garsia")
    patient_words.read_new(make.now())
    today = hospital.organization.local_date(make.now())

    def page(text: str) -> tuple[list[str], bool]:
        shown = search(hospital.organization, Filters(text=text), today)
        return [row.charge.folio for row in shown.rows], shown.nearly

    assert page("ernandes ibanes") == ([one.folio], True)
    assert page("garsia") == ([two.folio], True)
    assert page("hernandez") == ([one.folio], False)
    assert page("0427") == page("***0427") == ([two.folio], False)
    assert page("zzzz") == ([], False)


@pytest.mark.parametrize("text", ["garcia luis", "$1,160.00", "4242", "22/11/2026", "REM-000123", "garsia"])
def test_no_search_reads_the_whole_table(hospital: Hospital, text: str) -> None:
    """The planner may use any index, and would rather not read a table from end to end: it never has to.

    Counted by the database itself, also what its function reads.
    """
    make.paid_charge(hospital)
    today = hospital.organization.local_date(make.now())
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        before = _scans(cursor)
        search(hospital.organization, Filters(text=text), today)
        after = _scans(cursor)
    assert after["whole"] == before["whole"]
    assert after["index"] > before["index"]


def _scans(cursor: Any) -> dict[str, int]:
    cursor.execute(
        "SELECT coalesce(sum(seq_scan), 0), coalesce(sum(idx_scan), 0) FROM pg_stat_xact_user_tables "
        "WHERE relname LIKE 'charges_%'"
    )
    return dict(zip(("whole", "index"), cursor.fetchone(), strict=True))


def test_nobody_finds_a_name_of_another_organization(hospital: Hospital) -> None:
    make.charge(hospital, patient_name="Guadalupe Hernández")
    ask = "SELECT count(*) FROM charges_found(%s, ARRAY['%%guadalupe%%'], '{}', NULL, 0.4, NULL, NULL, 9)"
    with connection.cursor() as cursor:
        for scope, seen in ((hospital.organization.pk, 1), (make.hospital().organization.pk, 0)):
            with tenancy.organization(scope):
                cursor.execute(ask, [hospital.organization.pk])
                assert cursor.fetchone() == (seen,)


def test_search_by_who_received_the_invoice(hospital: Hospital) -> None:
    charge = make.paid_charge(hospital)
    issue(
        charge, Request(make.receptor()), channel="desk", user=hospital.biller, now=make.now(), idempotency_key="k"
    )  # fmt: skip

    assert found(hospital, "xoji740919u48") == {charge.folio}


@pytest.mark.parametrize(
    ("typed", "day"),
    [
        ("2026-11-02", dt.date(2026, 11, 2)),
        ("2/11/2026", dt.date(2026, 11, 2)),
        ("02/11", dt.date(2026, 11, 2)),
        ("2 nov", dt.date(2026, 11, 2)),
        ("2 de noviembre de 2026", dt.date(2026, 11, 2)),
        ("28 dic", dt.date(2025, 12, 28)),
        ("2/11/26", dt.date(2026, 11, 2)),
        ("31/02/2026", None),
        ("31/12/9999", None),
        ("0001-01-01", None),
        ("99/99", None),
        ("nov", None),
    ],
)
def test_days_as_people_write_them(typed: str, day: dt.date | None) -> None:
    assert read_day(typed, TODAY) == day


def test_filters_and_pages(hospital: Hospital) -> None:
    start = make.now() - dt.timedelta(hours=2)
    charges = [make.charge(hospital, now=start + dt.timedelta(seconds=number)) for number in range(53)]
    void(charges[0], user=hospital.cashier, reason="x", now=make.now())
    make.paid_charge(hospital)
    today = hospital.organization.local_date(make.now())

    def page(**query: str) -> list[str]:
        filters = Filters.read(query, today)
        return [row.charge.folio for row in search(hospital.organization, filters, today).rows]

    first = search(hospital.organization, Filters.read({}, today), today)
    assert len(first.rows) == 50
    query = dict(part.split("=") for part in first.older.removeprefix("?").split("&"))
    from urllib.parse import unquote

    second = page(**{name: unquote(value) for name, value in query.items()})
    assert len(second) == 4
    assert not set(second) & {row.charge.folio for row in first.rows}
    assert page(ver="canceladas") == [charges[0].folio]
    assert len(page(ver="por-facturar")) == 1
    assert page(hasta="2020-01-01") == []
    assert Filters.read({"desde": "mañana"}, today).problems
    assert page(antes="basura", ver="nada") != []


def test_a_page_costs_the_same_whatever_it_lists(hospital: Hospital, cashier: Person) -> None:
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert cashier.get("home").status_code == 200
        return len(captured)

    make.paid_charge(hospital)
    few = queries()
    for number in range(15):
        charge = make.paid_charge(hospital)
        issue(
            charge, Request(make.receptor()), channel="desk", user=hospital.biller, now=make.now(),
            idempotency_key=str(number),
        )  # fmt: skip
    many = queries()

    assert many == few
    assert many <= 20


def test_what_needs_somebody_comes_first(hospital: Hospital, cashier: Person) -> None:
    from emite.charges.allocating import release

    stuck, refused = make.paid_charge(hospital), make.paid_charge(hospital)
    old = make.now() - dt.timedelta(minutes=20)
    for number, charge in enumerate((stuck, refused)):
        document = issue(
            charge, Request(make.receptor()), channel="portal", user=hospital.biller, now=old,
            idempotency_key=str(number),
        )  # fmt: skip
    document.state, document.last_code, document.last_text, document.next_at = (
        "rejected",
        "CFDI40145",
        "El nombre no",
        None,
    )
    document.save()
    release(document, now=make.now())

    page = said(cashier.get("home"))

    needs = page[page.index("Necesita a alguien") : page.index("Todas")]
    assert stuck.folio in needs
    assert f"{refused.folio}" in needs
    assert "CFDI40145" in needs
    assert "Falta el certificado" in needs
    assert "Necesita a alguien" not in said(cashier.get("home", q="x"))


def test_another_organization_sees_nothing(hospital: Hospital) -> None:
    charge = make.charge(hospital, patient_name="Ana Secreta")
    stranger = Person(make.hospital().cashier)

    for query in ({}, {"q": "Ana"}, {"q": make.code(charge)}, {"q": charge.folio}):
        assert "Ana Secreta" not in said(stranger.get("home", **query))
    assert Charge.objects.count() == 1
