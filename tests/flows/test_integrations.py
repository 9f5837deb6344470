"""The pages for other systems in chromium: a key and a webhook are made, and the API is read, on phone and desktop."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests import make
from tests.flows.browsing import DESKTOP, PHONE, browsing

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.flows.browsing import Site
    from tests.make import Hospital

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PASSWORD = "una clave de prueba larga"


@pytest.mark.parametrize(
    ("size", "name"), [pytest.param(PHONE, "390", id="phone"), pytest.param(DESKTOP, "1280", id="desktop")]
)
def test_keys_webhooks_and_documentation(
    browser: Browser, site: Site, hospital: Hospital, size: dict[str, int], name: str
) -> None:
    hospital.admin.set_password(PASSWORD)
    hospital.admin.save()
    with browsing(browser, size) as watched:
        page = watched.page
        page.set_default_timeout(15_000)
        watched.go(f"{site.url}/entrar/?siguiente=/caja/integraciones/")
        page.fill("[name=email]", hospital.admin.email)
        page.fill("[name=password]", PASSWORD)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("Integraciones")
        watched.looks_right(f"integraciones-vacio-{name}")

        page.get_by_label("Para qué sistema es").fill("Sistema de urgencias")
        page.get_by_label("A nombre de quién").select_option(str(hospital.biller.pk))
        page.get_by_label("Consultar remisiones").check()
        page.get_by_role("button", name="Crear llave").click()
        expect(page.locator("#secreto")).to_contain_text("emite_")
        watched.looks_right(f"integraciones-llave-{name}")

        page.get_by_label("Dirección de su sistema").fill("http://sin-cifrar.mx/")
        page.get_by_label("Una factura se timbró").check()
        page.get_by_role("button", name="Agregar dirección").click()
        expect(page.locator("#avisos ~ * .field-error, .summary").first).to_be_visible()
        watched.looks_right(f"integraciones-error-{name}")
        page.get_by_label("Dirección de su sistema").fill("https://his.ejemplo.mx/avisos")
        page.get_by_label("Una remisión quedó pagada").check()
        page.get_by_role("button", name="Agregar dirección").click()
        expect(page.locator("#secreto")).to_contain_text("whsec_")
        make.paid_charge(hospital)
        page.goto(f"{site.url}/caja/integraciones/")
        expect(page.get_by_role("button", name="Enviar otra vez")).to_be_visible()
        watched.looks_right(f"integraciones-avisos-{name}")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth + 1")

        page.goto(f"{site.url}/api/v1/docs")
        expect(page.get_by_role("heading", level=1)).to_contain_text("API de emite")
        watched.looks_right(f"api-{name}")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth + 1")
