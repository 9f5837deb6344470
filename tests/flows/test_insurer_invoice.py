"""W9-W18 in chromium, by the labels and in the order of the insurers' guide, until it is stamped and listed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from emite.cfdi.xml import parse
from tests import practice as stand
from tests.flows.browsing import DESKTOP, PHONE, browsing, working
from tests.flows.test_attending import enter
from tests.payer import accounted, go_on

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.flows.browsing import Site
    from tests.pac.sandbox import RunningSandbox
    from tests.practice import Practice

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def practice(sandbox: RunningSandbox, settings: object, transactional_db: None) -> Iterator[Practice]:
    with stand.behind(sandbox, settings) as made:
        yield made


@pytest.mark.parametrize(
    ("size", "name", "javascript"),
    [
        pytest.param(DESKTOP, "1280", True, id="desktop"),
        pytest.param(PHONE, "390", False, id="phone without scripts"),
    ],
)
def test_the_guide_click_by_click(
    browser: Browser, site: Site, practice: Practice, size: dict[str, int], name: str, javascript: bool
) -> None:
    for number in range(3):
        stand.service(practice, "800.00", rendered_on=stand.today(practice) - dt.timedelta(days=number))
    left_out = stand.service(practice, "99.00", patient_name="Benito Otra Vez")
    with browsing(browser, size, javascript=javascript) as watched, working():
        page = watched.page
        page.set_default_timeout(15_000)
        enter(watched, site, practice.admin)
        watched.go(f"{site.url}/consultorio/")
        page.get_by_role("link", name="Finanzas").click()
        page.get_by_role("link", name="Facturación").click()
        page.get_by_role("link", name="Servicios realizados").click()
        since = (stand.today(practice) - dt.timedelta(days=20)).isoformat()
        page.get_by_role("group", name="Fecha del periodo a buscar").get_by_label("Del").fill(since)
        page.get_by_label("Aseguradora").select_option("Seguros La Ceiba")
        page.get_by_role("button", name="Buscar").click()
        expect(page.get_by_role("region", name="Monto total de servicios")).to_contain_text("$2,499.00")
        watched.looks_right(f"servicios-{name}")
        watched.go(page.url)
        watched.light()
        page.get_by_role("navigation", name="Facturación").get_by_role("link", name="Facturación").click()
        page.get_by_role("link", name="+ Registrar Factura").click()
        page.get_by_label("Emisor").select_option(label="CACX7605101P8 XOCHILT CASAS CHAVEZ")
        expect(page.get_by_label("Receptor")).to_have_value(str(practice.payer.pk))
        expect(page.get_by_label("Servicios del")).to_have_value(since)
        page.get_by_role("button", name="Registrar").click()
        expect(page.locator(".summary")).to_contain_text("Escriba el No de Control Interno")
        watched.looks_right(f"registrar-{name}")
        page.get_by_label("No de Control Interno").fill("LC-0001")
        page.get_by_label("Fecha de factura").fill(stand.today(practice).isoformat())
        page.get_by_role("button", name="Registrar").click()
        page.get_by_label("Método de pago").select_option("Pago en parcialidades")
        page.get_by_label("Forma de pago").select_option("Por definir")
        page.get_by_label("Tipo de servicio").select_option("Médico")
        page.get_by_label("Seleccionar todos").check()
        if not javascript:
            page.get_by_role("button", name="Actualizar").click()
        expect(page.locator("#cuanto")).to_have_text("$2,499.00")
        page.get_by_role("checkbox", name=left_out.patient_name).uncheck()
        if not javascript:
            page.get_by_role("button", name="Actualizar").click()
        expect(page.locator("#cuanto")).to_have_text("$2,400.00")
        watched.looks_right(f"elegir-{name}")
        page.get_by_role("button", name="Terminar").click()
        summary = page.get_by_role("region", name="Resumen")
        for said in ("$2,400.00", "Exento", "−$240.00", "$2,160.00"):
            expect(summary).to_contain_text(said)
        expect(page.get_by_role("link", name="Cargar XML Externo")).to_be_visible()
        watched.looks_right(f"resumen-{name}")
        page.get_by_role("button", name="Factura emite").click()
        if not javascript:
            for _ in range(100):
                if page.get_by_role("link", name="Descargar XML").is_visible():
                    break
                page.reload()
        with page.expect_download() as waiting:
            page.get_by_role("link", name="Descargar XML").click()
        root = parse(waiting.value.path().read_bytes())
        assert (root.get("Folio"), root.get("SubTotal"), root.get("MetodoPago")) == ("LC-0001", "2400.00", "PPD")
        page.get_by_label("Correo electrónico").fill("cuentas@laceiba.test")
        page.get_by_role("button", name="Enviar a correo electrónico").click()
        expect(page.get_by_text("a cuentas@laceiba.test")).to_be_visible()
        watched.looks_right(f"timbrada-{name}")
        page.get_by_role("link", name="Cerrar").click()
        row = page.get_by_role("row", name="LC-0001")
        expect(row).to_contain_text("Timbrada")
        accounted(practice)
        go_on()  # the worker brings it to the insurer's inbox
        page.reload()
        expect(row).to_contain_text("Aceptada|Aseguradora|Administradora")
        watched.looks_right(f"facturas-{name}")
