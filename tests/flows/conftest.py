"""The ground of the browser tests: chromium once, the application and a sandbox PAC behind it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.pac.sandbox import RunningSandbox

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.flows.browsing import Site
    from tests.make import Hospital

# Playwright keeps an event loop in this thread; the rows of the tests are read in the same one.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    from tests.flows.browsing import launch

    with sync_playwright() as playwright:
        running = launch(playwright)
        yield running
        running.close()


@pytest.fixture
def site(transactional_db: None) -> Iterator[Site]:
    from tests.flows.browsing import Site

    running = Site()
    running.start()
    yield running
    running.stop()


@pytest.fixture
def hospital(sandbox: RunningSandbox, settings: object, transactional_db: None) -> Iterator[Hospital]:
    from tests import make

    where = "Av. Álvaro Obregón 121, Roma Norte, Ciudad de México"
    with make.behind(sandbox, settings, address=where, support_hours="lunes a sábado de 8:00 a 20:00") as made:
        yield made
