"""The month's end in chromium, phone and desktop: what enters, what stays out, close it by keyboard, take the files."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.flows.browsing import DESKTOP, PHONE, Watched, browsing, working

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.flows.browsing import Site
    from tests.make import Hospital

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PASSWORD = "una clave de prueba larga"


@contextmanager
def closing_too() -> Iterator[None]:
    """A worker that also builds what is being closed."""
    over = threading.Event()

    def build() -> None:
        from django.db import connections
        from django.utils import timezone

        from emite.invoices import closing

        while not over.wait(0.1):
            for pk in closing.due(now=timezone.now(), limit=5):
                closing.run(pk, owner="flow:2", clock=timezone.now)
        connections.close_all()

    thread = threading.Thread(target=build, daemon=True)
    thread.start()
    try:
        with working():
            yield
    finally:
        over.set()
        thread.join(30)


def log_in(watched: Watched, site: Site, email: str) -> None:
    page = watched.page
    watched.go(f"{site.url}/entrar/")
    page.wait_for_selector("input:focus")
    page.keyboard.type(email)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    with page.expect_navigation(url="**/caja/", wait_until="networkidle"):
        page.keyboard.press("Enter")


@pytest.mark.parametrize(("size", "name"), [(PHONE, "390"), (DESKTOP, "1280")], ids=["phone", "desktop"])
def test_the_administrator_closes_the_day(
    browser: Browser, site: Site, hospital: Hospital, size: dict[str, int], name: str
) -> None:
    from tests import make

    hospital.admin.set_password(PASSWORD)
    hospital.admin.save()
    for _ in range(3):
        make.paid_charge(hospital)
    make.charge(hospital)
    with browsing(browser, size) as watched:
        page: Any = watched.page
        log_in(watched, site, hospital.admin.email)
        watched.go(f"{site.url}/caja/cierre/?tipo=01")
        watched.looks_right(f"closing-{name}")
        watched.light()
        button = page.get_by_role("button", name="Cerrar y emitir la factura global")
        button.focus()
        with page.expect_navigation(url=re.compile(r"/caja/cierre/[0-9a-f-]{36}/$"), wait_until="domcontentloaded"):
            page.keyboard.press("Enter")
        watched.looks_right(f"closing-moving-{name}")
        with closing_too():
            link = page.get_by_role("link", name=re.compile("^XML"))
            expect(link).to_be_visible(timeout=60_000)
        watched.looks_right(f"closing-done-{name}")
        with page.expect_download() as download:
            link.click()
        assert download.value.suggested_filename.endswith(".xml")
        watched.go(f"{site.url}/caja/cierre/?tipo=01")
        expect(page.get_by_text("Periodo cerrado: no falta nada")).to_be_visible()
        watched.looks_right(f"closing-closed-{name}")
