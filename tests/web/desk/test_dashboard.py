"""The dashboard's figures, its downloads, and the accountant's month."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from emite.charges.correcting import void_slip
from emite.charges.models import Charge
from emite.documents.models import FiscalDocument, State
from emite.invoices import stamping
from emite.invoices.issuing import Request, issue
from emite.ops import export
from emite.reports.figures import Period, by_day, pending, roads
from emite.sheets.tables import Table, csv_lines, xlsx
from tests import make
from tests.make import Hospital
from tests.web.desk.staff import Person, audited, said

pytestmark = pytest.mark.django_db


def invoiced(hospital: Hospital, channel: str, key: str = "") -> FiscalDocument:
    charge = make.paid_charge(hospital)
    return issue(
        charge, Request(make.receptor()), channel=channel, user=hospital.biller, now=make.now(),
        idempotency_key=key or str(charge.pk),
    )  # fmt: skip


def stamped(hospital: Hospital, channel: str, key: str = "") -> FiscalDocument:
    document = invoiced(hospital, channel, key)
    stamping.drive(document.pk, owner="test:1", clock=make.now)
    document.refresh_from_db()
    assert document.state == State.STAMPED, document.last_text
    return document


def days_ago(charge: Charge, days: int) -> None:
    moment = charge.issued_at - dt.timedelta(days=days)
    day = charge.organization.local_date(moment)
    Charge.objects.filter(pk=charge.pk).update(issued_at=moment, issued_on=day)


def test_the_page_says_what_happened_in_few_queries(hospital: Hospital, cashier: Person) -> None:
    for _ in range(3):
        make.paid_charge(hospital)
    make.charge(hospital)  # owed: nobody may invoice it yet
    refused = invoiced(hospital, "portal")
    FiscalDocument.objects.filter(pk=refused.pk).update(state=State.REJECTED, last_code="CFDI40145")
    make.paid_charge(make.hospital())

    with CaptureQueriesContext(connection) as before:
        page = cashier.get("dashboard")
    text = said(page)

    assert page.status_code == 200
    assert "Vence en 2 o 3 días 3 $3,480.00 Total 3 $3,480.00" in text
    assert "El nombre no es el que el SAT tiene para ese RFC 1 $1,160.00" in text
    assert "4 $4,640.00 Total 4 $4,640.00" in text  # four payments today
    assert page.content.count(b"<rect") == 1 + 1 + 30
    assert b"style=" not in page.content
    for _ in range(5):
        make.paid_charge(hospital)
    with CaptureQueriesContext(connection) as after:
        cashier.get("dashboard")
    assert len(after) == len(before)


def test_an_undone_payment_came_in_on_no_day(hospital: Hospital) -> None:
    today = hospital.organization.local_date(make.now())
    kept, mistaken = make.paid_charge(hospital), make.paid_charge(hospital)
    void_slip(mistaken.slips.get(), reason="cobro doble", user=hospital.admin, now=make.now())

    (day,) = by_day(Period(hospital.organization, today, today))

    assert (day.count, day.total) == (1, kept.total)


def test_what_the_portal_gives_up_soon_stands_apart(hospital: Hospital) -> None:
    for days in (0, 2, 3, 9):
        days_ago(make.paid_charge(hospital), days)
    today = hospital.organization.local_date(make.now())
    period = Period(hospital.organization, today - dt.timedelta(days=29), today)

    assert [(line.label, line.count) for line in pending(period, today)] == [
        ("Vence hoy", 1), ("Vence mañana", 1), ("Vence en 2 o 3 días", 1), ("Fuera de plazo", 1),
    ]  # fmt: skip
    other = Period(hospital.organization, period.since, today, hospital.web_register.pk)
    assert pending(other, today) == []
    assert sum(line.total for line in by_day(other)) == 0


def test_a_spreadsheet_runs_nothing_of_it(tmp_path: Path) -> None:
    rows: list[Any] = [["=1+1", 2, Decimal("3.50")], ["@x", None, None], ["http://x.example", 1, Decimal(1)]]
    table = Table("Cobrado por día", ("Día", "Pagos", "Importe"), rows)

    text = "".join(csv_lines(table))
    assert text.startswith("\ufeff")
    assert list(csv.reader(io.StringIO(text[1:])))[1:] == [
        ["'=1+1", "2", "3.50"], ["'@x", "", ""], ["http://x.example", "1", "1"],
    ]  # fmt: skip
    file = io.BytesIO()
    xlsx(table, file)
    with zipfile.ZipFile(file) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
    assert "=1+1" in sheet
    assert "<f>" not in sheet
    assert "hyperlink" not in sheet
    assert re.search(r"<v>3\.50?</v>", sheet)


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_each_table_is_taken_away(hospital: Hospital, cashier: Person, kind: str) -> None:
    make.paid_charge(hospital)
    for name in ("por-facturar", "vias", "rechazos", "dias"):
        response = cashier.get("figures", name, kind)
        body = b"".join(response.streaming_content)
        assert response["Content-Disposition"].startswith("attachment")
        assert body.startswith(b"PK" if kind == "xlsx" else "\ufeff".encode()), name
    assert cashier.get("figures", "otra", kind).status_code == 404


@pytest.mark.django_db(transaction=True)
def test_the_accountants_month(issuing: Hospital, tmp_path: Path) -> None:
    mine = [stamped(issuing, "portal"), stamped(issuing, "desk", "api:1")]
    doubtful = invoiced(issuing, "desk")
    person = Person(issuing.admin)
    today = issuing.organization.local_date(make.now())

    response = person.client.get(reverse("desk:month", args=[issuing.issuer.pk]), {"mes": f"{today:%Y-%m}"})
    body = b"".join(response.streaming_content)

    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert archive.testzip() is None
        names = {str(document.uuid).upper() for document in mine}
        assert set(archive.namelist()) == {"indice.csv", "indice.xlsx"} | {
            f"{kind}/{name}.{kind}" for name in names for kind in ("xml", "pdf")
        }
        rows = list(csv.DictReader(io.StringIO(archive.read("indice.csv").decode("utf-8-sig"))))
    assert {row["Folio fiscal"]: row["Vía"] for row in rows} == {
        str(mine[0].uuid).upper(): "Portal", str(mine[1].uuid).upper(): "API", "": "Caja",
    }  # fmt: skip
    assert [row["Impuestos trasladados"] for row in rows] == ["160.00", "160.00", ""]
    assert rows[-1]["Estado"] == doubtful.get_state_display()
    assert "puede haberse timbrado" in rows[-1]["Nota"]
    assert [event.after for event in audited(issuing.organization, "month.export")] == [{"month": f"{today:%Y-%m}"}]
    period = Period(issuing.organization, today, today)
    assert [(line.label, line.count) for line in roads(period)] == [("Portal", 1), ("API", 1)]
    assert person.client.get(reverse("desk:month", args=[issuing.issuer.pk]), {"mes": "2026-13"}).status_code == 404

    (written,) = export.write(today.replace(day=1), issuing.organization.slug, tmp_path / "mes")
    with zipfile.ZipFile(written) as archive:
        assert len(archive.namelist()) == 6
    assert list((tmp_path / "mes").glob("*.part")) == []
