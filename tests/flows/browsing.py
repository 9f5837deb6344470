"""Chromium against the real application: what is seen, how much it weighs, what it breaks.

A page is watched from its first byte: errors of scripts, breaches of the Content-Security-Policy, bytes on the wire.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect

PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 900}
#: gzipped, everything a page needs, nothing in the cache.
PAGE_LIMIT = 60 * 1024
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
]
WCAG = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


def chromium_path() -> str:
    """Debian's chromium, or another one that is installed."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        found = shutil.which(name)
        if found:
            return found
    pytest.fail("No hay chromium: instálelo con «apt-get install chromium» o corra `make test` como root.", False)


def launch(playwright: Playwright) -> Browser:
    """A headless chromium that calls nobody."""
    return playwright.chromium.launch(executable_path=chromium_path(), args=ARGUMENTS)


class Site(threading.Thread):
    """The application behind a threaded HTTP server on loopback."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        from django.core.handlers.wsgi import WSGIHandler
        from django.core.servers.basehttp import ThreadedWSGIServer
        from django.test.testcases import QuietWSGIRequestHandler

        self.server = ThreadedWSGIServer(("127.0.0.1", 0), QuietWSGIRequestHandler, allow_reuse_address=False)
        self.server.set_app(WSGIHandler())
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def run(self) -> None:
        self.server.serve_forever(poll_interval=0.05)

    def stop(self) -> None:
        from django.db import connections

        self.server.shutdown()
        self.server.server_close()
        self.join(10)
        connections.close_all()


class Worker(threading.Thread):
    """Drives what is due, as the real one does, until it is stopped."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.over = threading.Event()

    def run(self) -> None:
        from django.db import connections
        from django.utils import timezone

        from emite.invoices import stamping

        while not self.over.wait(0.1):
            for pk in stamping.due(now=timezone.now(), limit=10):
                stamping.drive(pk, owner="flow:1", clock=timezone.now)
        connections.close_all()

    def stop(self) -> None:
        self.over.set()
        self.join(30)


@contextmanager
def working() -> Iterator[Worker]:
    """A worker for the time of a block."""
    worker = Worker()
    worker.start()
    try:
        yield worker
    finally:
        worker.stop()


@dataclass
class Watched:
    """A page and what went wrong in it so far."""

    page: Page
    javascript: bool = True
    wrong: list[str] = field(default_factory=list)
    weight: int = 0
    asked: set[str] = field(default_factory=set)

    def answered(self, path: str, act: Callable[[], object]) -> None:
        """Do something that htmx asks the server about, and wait until its answer has been put in place."""
        if not self.javascript:
            act()
            return
        with self.page.expect_response(lambda answer: answer.url.endswith(path)):
            act()
        expect(self.page.locator(".htmx-request, .htmx-swapping, .htmx-settling")).to_have_count(0)

    def looks_right(self, name: str) -> None:
        """No violation of WCAG 2.2 AA (where scripts run), no breach of the CSP, no script error; keeps a picture."""
        self.shot(name)
        if not self.javascript:  # axe waits for ever where no script runs
            assert self.wrong == []
            return
        found = Axe().run(self.page, options=WCAG | {"resultTypes": ["violations"]})
        assert found.violations_count == 0, found.generate_report()
        assert self.wrong == []

    def shot(self, name: str) -> None:
        folder = os.environ.get("EMITE_SCREENSHOTS")
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            # "initial": hiding the caret would write a style into the page, which the CSP rightly refuses.
            self.page.screenshot(path=f"{folder}/{name}.png", full_page=True, caret="initial")

    def light(self) -> None:
        """What the last page cost on the wire, cold."""
        self.page.wait_for_load_state("networkidle")
        assert self.weight <= PAGE_LIMIT, f"{self.page.url}: {self.weight} bytes"

    def go(self, url: str) -> None:
        self.weigh_anew()
        self.page.goto(url)

    def weigh_anew(self) -> None:
        """From here on; what is still on its way was asked for by the page before."""
        self.weight = 0
        self.asked.clear()


@contextmanager
def browsing(browser: Browser, size: dict[str, int], *, javascript: bool = True) -> Iterator[Watched]:
    """A fresh profile of that size; every request is paid for, nothing comes from a cache."""
    context: BrowserContext = browser.new_context(
        viewport=size,  # type: ignore[arg-type]
        java_script_enabled=javascript,
        locale="es-MX",
        accept_downloads=True,
    )
    page = context.new_page()
    watched = Watched(page, javascript)
    page.on("pageerror", lambda error: watched.wrong.append(f"script: {error}"))

    def said(message: object) -> None:
        text = getattr(message, "text", "")
        if getattr(message, "type", "") == "error" and "the server responded with a status of" not in text:
            watched.wrong.append(f"console: {text}")

    page.on("console", said)
    protocol = context.new_cdp_session(page)
    protocol.send("Network.enable")
    protocol.send("Network.setCacheDisabled", {"cacheDisabled": True})

    def weigh(event: dict[str, Any]) -> None:
        if event["requestId"] in watched.asked:
            watched.weight += int(event["encodedDataLength"])

    protocol.on("Network.requestWillBeSent", lambda event: watched.asked.add(event["requestId"]))
    protocol.on("Network.loadingFinished", weigh)
    try:
        yield watched
    finally:
        context.close()
