"""Takes the pictures of the README from a running demo.

make demo, and in another terminal: .venv/bin/python -m tests.flows.pictures CODE
"""

from __future__ import annotations

import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from emite.ops.roads import PATIENT
from tests.flows.browsing import DESKTOP, PHONE, launch

FOLDER = Path(__file__).parents[2] / "docs" / "imagenes"


def main(code: str, site: str = "http://127.0.0.1:8000") -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = launch(playwright)
        phone = browser.new_context(viewport=PHONE, device_scale_factor=1.5).new_page()
        _patient(phone, site, code)
        desktop = browser.new_context(viewport=DESKTOP).new_page()
        _desk(desktop, site)
        browser.close()


def _patient(page: Page, site: str, code: str) -> None:
    page.goto(f"{site}/q/san-telmo/{code.replace('-', '')}")
    page.screenshot(path=FOLDER / "portal.png")
    page.goto(f"{site}/f/san-telmo/datos/")
    for name, value in PATIENT.items():
        field = page.locator(f"[name={name}]")
        if name in ("regimen_fiscal", "uso_cfdi"):
            field.select_option(value)
        else:
            field.fill(value)
            field.blur()
        page.wait_for_load_state("networkidle")
    page.get_by_role("button", name="Generar factura").click()
    page.wait_for_selector("a[href$='/factura/xml']", timeout=60_000)


def _desk(page: Page, site: str) -> None:
    page.goto(f"{site}/entrar/")
    page.fill("[name=email]", "caja@santelmo.demo")
    page.fill("[name=password]", "remision-demo")
    page.keyboard.press("Enter")
    page.wait_for_url("**/caja/**")
    page.locator("a[href*='/caja/remisiones/']:has-text('REM-')").first.click()
    page.screenshot(path=FOLDER / "caja.png")


if __name__ == "__main__":
    main(*sys.argv[1:])
