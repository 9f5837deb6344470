"""After the invoice, in chromium: a credit note at the desk, and a ticket of the factura global in the portal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from emite.credits.models import CreditNote, LateRequest
from tests import make
from tests.credits.stands import drive, finish, in_global, invoiced
from tests.flows.browsing import DESKTOP, PHONE, browsing
from tests.flows.test_attending import enter

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.flows.browsing import Site
    from tests.make import Hospital

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.mark.parametrize(
    ("size", "name"), [pytest.param(PHONE, "390", id="phone"), pytest.param(DESKTOP, "1280", id="desktop")]
)
def test_what_is_given_back_and_what_is_asked_for_late(
    browser: Browser, site: Site, hospital: Hospital, size: dict[str, int], name: str
) -> None:
    charge, (late,) = invoiced(hospital), in_global(hospital)
    with browsing(browser, size) as watched:
        page = watched.page
        page.set_default_timeout(15_000)
        enter(watched, site, hospital.biller)
        watched.go(f"{site.url}/caja/remisiones/{charge.pk}/")
        page.get_by_role("link", name="Nota de crédito").click()
        page.get_by_label("Motivo").select_option("devolucion")
        page.get_by_label("Cuánto se acredita").select_option("importe")
        page.get_by_label("Cantidad con IVA").fill("2000")
        page.get_by_label("Qué pasó").fill("Estudio que no se hizo")
        page.get_by_role("button", name="Ver lo que verá el SAT").click()
        expect(page.locator(".summary")).to_contain_text("hasta $1,160.00")
        watched.looks_right(f"nota-error-{name}")
        page.get_by_label("Cantidad con IVA").fill("116")
        page.get_by_label("Cantidad con IVA").press("Enter")
        watched.looks_right(f"nota-revisar-{name}")
        page.get_by_role("button", name="Generar nota de crédito por $116.00").click()
        expect(page.get_by_text("Nota de crédito solicitada")).to_be_visible()
        drive(CreditNote.objects.get().document_id)
        watched.go(f"{site.url}/caja/remisiones/{charge.pk}/")
        expect(page.get_by_role("link", name="PDF de la nota de crédito")).to_be_visible()
        watched.looks_right(f"nota-lista-{name}")

        watched.go(f"{site.url}/caja/remisiones/{late.pk}/")
        expect(page.get_by_role("link", name="Facturar al cliente (ya está en la global)")).to_be_visible()
        watched.looks_right(f"en-global-{name}")
        watched.go(f"{site.url}/q/{hospital.organization.slug}/{make.code(late)}")
        watched.go(f"{site.url}/f/{hospital.organization.slug}/datos/")
        page.get_by_label("RFC").fill("XOJI740919U48")
        watched.answered("/datos/opciones/", lambda: page.get_by_label("RFC").press("Tab"))
        page.get_by_label("Nombre o razón social").fill("INGRID XODAR JIMENEZ")
        page.get_by_label("Código postal").fill("76028")
        page.locator("#regimen_fiscal").evaluate("one => { one.value = '' }")  # so that choosing is a change
        watched.answered("/datos/opciones/", lambda: page.locator("#regimen_fiscal").select_option("605"))
        page.locator("#uso_cfdi").select_option("D01")
        page.get_by_role("button", name="Generar factura").click()
        expect(page.get_by_text("primero se saca de ahí")).to_be_visible()
        watched.looks_right(f"saliendo-{name}")
        finish(LateRequest.objects.get())
        expect(page.get_by_role("link", name="PDF")).to_be_visible()
