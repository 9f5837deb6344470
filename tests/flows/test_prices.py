"""Prices and counter invoices in chromium: keys found by misspelt words, a file that names its rows, a preview."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.flows.browsing import DESKTOP, PHONE, browsing
from tests.flows.test_closing import PASSWORD, log_in

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.flows.browsing import Site
    from tests.make import Hospital

pytestmark = [pytest.mark.browser, pytest.mark.slow]
BAD = "codigo,descripcion,clave_sat,unidad,iva,precio\nCON-01,Consulta,85121502,E48,,950\n"


@pytest.mark.parametrize(("size", "name"), [(PHONE, "390"), (DESKTOP, "1280")], ids=["phone", "desktop"])
def test_prices_and_several_remisiones(
    browser: Browser, site: Site, hospital: Hospital, size: dict[str, int], name: str
) -> None:
    from tests import make

    hospital.admin.set_password(PASSWORD)
    hospital.admin.save()
    charges = [make.paid_charge(hospital, forma_pago=form) for form in ("04", "01")]
    with browsing(browser, size) as watched:
        page: Any = watched.page
        log_in(watched, site, hospital.admin.email)

        watched.go(f"{site.url}/caja/precios/nuevo/")
        page.fill("[name=code]", "CON-01")
        page.fill("[name=description]", "Consulta médica")
        page.fill("[name=unit_price]", "950")
        page.select_option("[name=treatment]", "exento")
        page.fill("[name=clave_unidad]", "E48")
        page.locator("[name=clave_prod_serv]").press_sequentially("consulta medca")
        expect(page.locator(".proposal").first).to_be_visible()
        watched.looks_right(f"prices-item-{name}")
        page.get_by_role("button", name="85121502").click()
        page.get_by_role("button", name="Guardar", exact=True).last.click()
        expect(page.get_by_role("heading", name="Lista de precios")).to_be_visible()
        watched.looks_right(f"prices-{name}")

        watched.go(f"{site.url}/caja/precios/importar/")
        page.set_input_files("[name=archivo]", {"name": "lista.csv", "mimeType": "text/csv", "buffer": BAD.encode()})
        page.get_by_role("button", name="Revisar sin cambiar nada").click()
        expect(page.get_by_text("escriba 16, 8, 0, exento")).to_be_visible()
        watched.looks_right(f"prices-import-{name}")

        watched.go(f"{site.url}/caja/facturar/varias/")
        for charge in charges:
            page.get_by_label(charge.folio).check()
        watched.looks_right(f"several-{name}")
        page.get_by_role("button", name="Facturar las elegidas").click()
        expect(page.get_by_text("Conviene una factura por cada forma de pago")).to_be_visible()
        page.get_by_label("Extranjero sin RFC").check()
        expect(page.get_by_label("País de residencia fiscal")).to_be_visible()
        page.fill("[name=nombre]", "JANE DOE")
        page.select_option("[name=pais]", "USA")
        watched.looks_right(f"several-form-{name}")
        watched.weigh_anew()
        page.get_by_role("button", name="Vista previa").click()
        expect(page.get_by_role("heading", name="nada se ha timbrado")).to_be_visible()
        watched.looks_right(f"several-preview-{name}")
        watched.light()
