"""An insurer without an account, in chromium: its answer with its evidence, one transfer that was short by a glosa,
and the credit note of that."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from emite.settlements import following
from tests import make
from tests import practice as stand
from tests.flows.browsing import DESKTOP, PHONE, browsing, working
from tests.flows.test_attending import enter

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.flows.browsing import Site
    from tests.pac.sandbox import RunningSandbox
    from tests.practice import Practice

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def practice(sandbox: RunningSandbox, settings: object, transactional_db: None) -> Iterator[Practice]:
    with stand.behind(sandbox, settings) as made:
        for number, amount in (("A-1", "800.00"), ("A-2", "1000.00")):
            invoice = stand.registered(made, stand.service(made, amount), number=number)
            following.after(stand.stamped(invoice, made).pk, now=make.now())
        yield made


@pytest.mark.parametrize(
    ("size", "name", "javascript"),
    [
        pytest.param(DESKTOP, "1280", True, id="desktop"),
        pytest.param(PHONE, "390", False, id="phone without scripts"),
    ],
)
def test_answer_and_transfer(
    browser: Browser, site: Site, practice: Practice, size: dict[str, int], name: str, javascript: bool
) -> None:
    with browsing(browser, size, javascript=javascript) as watched, working():
        page = watched.page
        enter(watched, site, practice.admin)
        watched.go(f"{site.url}/consultorio/finanzas/facturacion/facturas/")
        page.get_by_role("link", name="A-1", exact=True).click()
        page.get_by_role("link", name="Registrar respuesta de la aseguradora").click()
        page.get_by_role("button", name="Registrar respuesta").click()
        expect(page.locator(".summary")).to_contain_text("Escriba una nota o elija un archivo")
        page.get_by_label("Qué dijo").select_option("La aprobó")
        page.get_by_label("Nota").fill("Lo confirmó Laura por teléfono")
        watched.looks_right(f"respuesta-{name}")
        page.get_by_role("button", name="Registrar respuesta").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("Aprobada")

        watched.go(f"{site.url}/consultorio/finanzas/facturacion/facturas/")
        page.get_by_role("link", name="Registrar pago").click()
        page.get_by_label("Monto de la transferencia").fill("1,570.00")
        page.get_by_label("Referencia").fill("SPEI 881")
        page.get_by_label("Pegar folios").fill("A-1\nA-2 850.00")
        page.get_by_role("button", name="Revisar").click()
        expect(page.locator("tfoot")).to_contain_text("Cuadra con la transferencia")
        page.get_by_label("Por qué faltó en A-2").select_option("Glosa")
        page.get_by_label("Nota").fill("Estado de cuenta de hoy")
        watched.looks_right(f"registrar-pago-{name}")
        page.get_by_role("button", name="Registrar pago").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Pago de $1,570.00")
        expect(page.get_by_role("row", name="A-2")).to_contain_text("Glosa")
        watched.looks_right(f"pago-registrado-{name}")
        watched.go(page.url)
        watched.light()

        page.get_by_role("link", name="Nota de crédito por glosa de A-2").click()
        expect(page.get_by_label("Cantidad glosada")).to_have_value("50.00")
        page.get_by_role("button", name="Ver lo que verá el SAT").last.click()
        expect(page.locator(".summary")).to_contain_text("Escriba qué glosó la aseguradora")
        page.get_by_label("Qué glosó la aseguradora").fill("Tarifa mayor que la pactada")
        page.get_by_role("button", name="Ver lo que verá el SAT").last.click()
        seen = page.get_by_role("region", name="Lo que verá el SAT")
        for said in ("$55.56", "−$5.56", "$50.00", "G02"):
            expect(seen).to_contain_text(said)
        watched.looks_right(f"glosa-{name}")
        page.get_by_role("button", name="Generar nota de crédito por $50.00").click()
        notes = page.get_by_role("region", name="Notas de crédito por glosa")
        for _ in range(100):
            if "Timbrada" in notes.inner_text():
                break
            page.reload()
        expect(notes).to_contain_text("Timbrada")
        with page.expect_download() as waiting:
            notes.get_by_role("link", name="PDF").click()
        assert waiting.value.path().read_bytes().startswith(b"%PDF")
        watched.looks_right(f"glosa-timbrada-{name}")
        page.get_by_role("link", name="Sustituir").click()
        expect(page.locator(".summary")).to_contain_text("La factura ya dice lo mismo")
        watched.looks_right(f"sustituir-{name}")
        page.get_by_role("link", name="Volver").click()
        page.get_by_role("link", name="Cancelar ante el SAT", exact=True).click()
        expect(page.get_by_text("Todavía no se puede cancelar")).to_be_visible()
        watched.looks_right(f"cancelar-con-nota-{name}")
        page.get_by_role("link", name=re.compile(r"^Nota de crédito C\d")).click()
        watched.looks_right(f"cancelar-nota-{name}")
        page.get_by_role("button", name="Pedir la cancelación").click()
        expect(page.get_by_text("Se vuelve a deber cuando diga")).to_be_visible()


@pytest.mark.parametrize(
    ("size", "name", "javascript"),
    [
        pytest.param(DESKTOP, "1280", True, id="desktop"),
        pytest.param(PHONE, "390", False, id="phone without scripts"),
    ],
)
def test_a_transfer_in_dollars_and_its_complement(
    browser: Browser, site: Site, practice: Practice, size: dict[str, int], name: str, javascript: bool
) -> None:
    with browsing(browser, size, javascript=javascript) as watched, working():
        page = watched.page
        enter(watched, site, practice.admin)
        watched.go(f"{site.url}/consultorio/finanzas/pagos/registrar/")
        page.get_by_label("Monto de la transferencia").fill("93.36")
        page.get_by_text("Llegó en otra moneda").click()
        page.get_by_label("Moneda").select_option("USD")
        page.get_by_label("Pegar folios").fill("A-1\nA-2")
        page.get_by_label("Nota").fill("Estado de cuenta en dólares")
        page.get_by_role("button", name="Registrar pago").click()
        expect(page.locator(".summary")).to_contain_text("cuántos pesos vale un USD")
        page.get_by_label("Tipo de cambio").fill("17.3512")
        page.get_by_role("button", name="Revisar").click()
        expect(page.locator("tfoot")).to_contain_text("Cuadra con la transferencia")
        watched.looks_right(f"registrar-pago-en-dolares-{name}")
        page.get_by_role("button", name="Registrar pago").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Pago de $93.36 USD")
        watched.looks_right(f"pago-en-dolares-{name}")
        page.get_by_role("link", name="Generar complemento de Pago").click()
        expect(page.get_by_role("region", name="Vista previa")).to_contain_text("$1,619.91")
        watched.looks_right(f"complemento-en-dolares-{name}")
        page.get_by_role("button", name="Generar complemento de Pago").click()
        for _ in range(100):
            if page.get_by_role("link", name="Descargar PDF").count():
                break
            page.reload()
        with page.expect_download() as waiting:
            page.get_by_role("link", name="Descargar PDF").click()
        assert waiting.value.path().read_bytes().startswith(b"%PDF")
        with page.expect_download() as waiting:
            page.get_by_role("link", name="Descargar XML").click()
        told = waiting.value.path().read_text()
        assert 'MonedaP="USD"' in told
        assert 'TipoCambioP="17.3512' in told
