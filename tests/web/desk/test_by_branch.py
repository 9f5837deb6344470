"""Where people look, a branch can be chosen, and only where there are branches."""

from __future__ import annotations

import csv
import datetime as dt
import io
import zipfile

import pytest
from django.urls import reverse

from emite.invoices.issuing import Request, issue
from emite.invoices.models import Closing
from emite.organizations import branches
from emite.reports.month import Month, zipped
from tests import make
from tests.make import Hospital
from tests.web.desk.staff import Person, said

pytestmark = pytest.mark.django_db


def test_lists_figures_and_files_by_branch(hospital: Hospital, admin: Person) -> None:
    pages = ("home", "portal_invoices", "dashboard", "closing")
    assert not any("ucursal" in said(admin.get(page)) for page in pages)
    north, south, twin = (
        branches.add(hospital.organization, name, place, user=hospital.admin, now=make.now())
        for name, place in (("Norte", "22000"), ("Caribe", "77500"), ("Caribe 2", "77500"))
    )
    sold = {each: make.paid_charge(hospital, branch=each) for each in (north, south, twin, None)}
    for charge in sold.values():
        issue(charge, Request(make.receptor()), channel="portal", user=hospital.biller, now=make.now(),
              idempotency_key=str(charge.pk))  # fmt: skip
    for each, charge in sold.items():
        asked = f"?sucursal={each.pk if each else 'emisor'}"
        for page in ("home", "portal_invoices"):
            shown = admin.client.get(reverse(f"desk:{page}") + asked).content.decode()
            assert [other.folio in shown for other in sold.values()] == [other is charge for other in sold.values()]
        assert "Total 1 $1,160.00" in said(admin.client.get(reverse("desk:dashboard") + asked))
        rows = b"".join(admin.client.get(reverse("desk:figures", args=["dias", "csv"]) + asked).streaming_content)
        assert rows.count(b",1,1160.00") == 1
        (row,) = csv.DictReader(
            io.StringIO(admin.client.get(reverse("desk:portal_csv") + asked).content.decode("utf-8-sig"))
        )
        assert (row["Remisión"], row["Sucursal"]) == (charge.folio, each.name if each else "")
    bad = admin.client.get(reverse("desk:home") + "?sucursal=otra")
    assert all(charge.folio in bad.content.decode() for charge in sold.values())

    month = Month(hospital.issuer, hospital.organization.local_date(make.now()).replace(day=1))
    with zipfile.ZipFile(io.BytesIO(b"".join(zipped(month)))) as archive:
        index = list(csv.DictReader(io.StringIO(archive.read("indice.csv").decode("utf-8-sig"))))
    assert sorted(row["Sucursal"] for row in index) == ["", "Caribe", "Caribe 2", "Norte"]


def test_the_months_end_of_each_place_has_the_names_of_its_branches(hospital: Hospital, admin: Person) -> None:
    for name, place in (("Norte", "22000"), ("Caribe", "77500"), ("Caribe 2", "77500")):
        branches.add(hospital.organization, name, place, user=hospital.admin, now=make.now())
    page = admin.client.get(reverse("desk:closing") + "?lugar=77500").content.decode()
    assert '<option value="77500" selected>Caribe / Caribe 2 (C.P. 77500)' in page
    assert "Emisor (C.P. 06700)" in page
    ends = make.now() - dt.timedelta(hours=2)
    stopped = Closing.objects.create(
        organization=hospital.organization, issuer=hospital.issuer, lugar_expedicion="22000", periodicidad="04",
        first_day=ends.date().replace(day=1), last_day=ends.date(), starts_at=ends - dt.timedelta(days=20),
        ends_at=ends, state=Closing.State.STOPPED, asked_at=ends, allocated=1,
    )  # fmt: skip
    assert "Falta la factura global" in said(admin.get("home"))
    assert f"{stopped.period}, Norte" in said(admin.get("home"))
    progress = admin.get("closing_progress", stopped.pk).content.decode()
    assert 'name="lugar" value="22000"' in progress
