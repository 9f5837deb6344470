"""The dashboard in chromium, desktop and phone: charts, their tables, a download."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest
from django.test import Client
from playwright.sync_api import expect

from tests.flows.browsing import DESKTOP, PHONE, browsing

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.flows.browsing import Site
    from tests.make import Hospital

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_figures_are_seen_and_taken_away(browser: Browser, site: Site, hospital: Hospital) -> None:
    from emite.invoices.issuing import Request, issue
    from emite.invoices.stamping import drive
    from tests import make

    for number in range(9):
        charge = make.paid_charge(hospital, now=make.now() - dt.timedelta(days=number % 5))
        if number % 3:
            document = issue(
                charge, Request(make.receptor()), channel="portal" if number % 2 else "desk", user=hospital.biller,
                now=make.now(), idempotency_key=f"api:{number}" if number == 4 else str(charge.pk),
            )  # fmt: skip
            drive(document.pk, owner="flow:1", clock=make.now)
    client = Client()
    client.force_login(hospital.biller)
    cookie = next(iter(client.cookies.values()))
    with browsing(browser, DESKTOP) as watched:
        page = watched.page
        page.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": site.url}])
        watched.go(f"{site.url}/caja/tablero/")
        watched.light()
        expect(page.get_by_role("table")).to_have_count(3)
        watched.looks_right("tablero-1280")
        page.set_viewport_size(PHONE)  # type: ignore[arg-type]
        expect(page.get_by_role("heading", name="Facturado por vía")).to_be_visible()
        watched.looks_right("tablero-390")
        with page.expect_download() as taken:
            page.get_by_role("link", name="Excel de Facturado por vía").click()
        assert taken.value.suggested_filename.endswith(".xlsx")
