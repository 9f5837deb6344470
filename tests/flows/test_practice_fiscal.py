"""W1-W8 in chromium: from the arrow by the name to the first linked service, with what is told on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from emite.chargemaster import linking
from emite.issuers import manifest
from tests import make
from tests import practice as stand
from tests.flows.browsing import DESKTOP, browsing
from tests.flows.test_attending import enter

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.flows.browsing import Site
    from tests.pac.sandbox import RunningSandbox

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PASSWORD = "la del SAT 9"


def test_fiscal_data_and_links_click_by_click(
    browser: Browser, site: Site, sandbox: RunningSandbox, settings: object
) -> None:
    settings.PAC_TRUST_DIR = sandbox.trust_dir  # type: ignore[attr-defined]
    practice = stand.practice(accepts=False)
    stand.service(practice, code="99202", description="Consulta")
    issuer = practice.issuer
    now = make.now()
    cer, key = sandbox.authority.issue(
        kind="CSD", rfc=issuer.rfc, nombre=issuer.nombre, password=PASSWORD, not_before=now.replace(year=2025),
        not_after=now.replace(year=2029),
    )  # fmt: skip
    files = [
        {"name": "llave.cer", "mimeType": "application/octet-stream", "buffer": cer},
        {"name": "llave.key", "mimeType": "application/octet-stream", "buffer": key},
    ]
    with browsing(browser, DESKTOP) as watched:
        page = watched.page
        page.set_default_timeout(15_000)
        enter(watched, site, practice.admin)
        watched.go(f"{site.url}/consultorio/")
        # W1: the arrow by the name, the gear, Datos fiscales, the RFC.
        page.locator("summary", has_text="Xochilt").click()
        page.get_by_role("link", name="Configuración general").click()
        watched.looks_right("consultorio-configuracion-1280")
        page.get_by_role("navigation", name="Configuración general").get_by_role("link", name="Datos fiscales").click()
        expect(page.get_by_text("Falta el certificado vigente")).to_be_visible()
        page.get_by_role("link", name=issuer.rfc).click()
        # W2: fiscal address and banks.
        page.get_by_label("Calle").fill("")
        page.get_by_role("button", name="Guardar datos fiscales").click()
        expect(page.locator(".summary")).to_contain_text("Escriba la calle")
        page.get_by_label("Calle").fill("Positos")
        page.get_by_role("button", name="Guardar datos fiscales").click()
        expect(page.get_by_text("Datos fiscales guardados")).to_be_visible()
        page.get_by_label("CLABE").fill("002010077777777772")
        page.get_by_label("Titular").fill("Xóchilt Casas")
        page.get_by_role("button", name="Agregar cuenta").click()
        expect(page.locator(".summary")).to_contain_text("número equivocado")
        page.get_by_label("CLABE").fill("002010077777777771")
        page.get_by_role("button", name="Agregar cuenta").click()
        expect(page.get_by_role("region", name="Datos bancarios")).to_contain_text("Banamex")
        watched.looks_right("consultorio-datos-fiscales-1280")
        # W3: the tab "Llave"; a wrong password is told, the right one loads, and its end is shown.
        page.get_by_role("link", name="Llave").click()
        for typed, said in (("otra", "contraseña"), (PASSWORD, "cargado")):
            page.get_by_label("Certificado (.cer)").set_input_files(files[:1])  # type: ignore[arg-type]
            page.get_by_label("Llave privada (.key)").set_input_files(files[1:])  # type: ignore[arg-type]
            page.get_by_label("Contraseña de la llave privada").fill(typed)
            page.get_by_role("button", name="Cargar llave").click()
            expect(page.locator(".summary, .notice-success").filter(has_text=said).first).to_be_visible()
        assert PASSWORD not in page.content()
        expect(page.get_by_text("Vigente")).to_be_visible()
        assert manifest.missing(issuer, make.now()) != []
        page.get_by_role("button", name="Aceptar Manifiesto").click()
        expect(page.get_by_role("alert")).to_be_visible()
        page.get_by_label("Acepto el Manifiesto").check()
        page.get_by_role("button", name="Aceptar Manifiesto").click()
        expect(page.get_by_text("Aceptado por Xochilt")).to_be_visible()
        watched.looks_right("consultorio-llave-1280")
        assert manifest.missing(issuer, make.now()) == []
        # W4-W7: CPT4, the code first in its list, its key by words, accept.
        tabs = page.get_by_role("navigation", name="Configuración general")
        tabs.get_by_role("link", name="Vinculación de servicios").click()
        expect(page.get_by_role("heading", name="Servicios sin vincular")).to_be_visible()
        page.get_by_label("Sistema de códigos").select_option("CPT4")
        page.get_by_role("searchbox", name="Código").fill("99202")
        page.get_by_role("button", name="Buscar").click()
        first = page.get_by_role("group", name="Códigos").get_by_role("row").nth(1)
        expect(first).to_contain_text("99202")
        watched.looks_right("consultorio-vinculacion-1280")
        first.get_by_role("link", name="Vincular").click()
        page.get_by_label("Clave SAT").fill("consulta atención primaria")
        page.get_by_role("button", name="Buscar clave SAT").click()
        page.get_by_role("button", name="85121502").click()
        expect(page.get_by_label("Clave SAT")).to_have_value("85121502")
        page.get_by_role("button", name="Aceptar").last.click()
        expect(page.locator(".summary")).to_contain_text("tratamiento de IVA")
        page.get_by_label("Tratamiento de IVA").select_option("Exento de IVA")
        watched.looks_right("consultorio-vincular-1280")
        page.get_by_role("button", name="Aceptar").last.click()
        expect(page.get_by_text("99202 quedó vinculado con 85121502")).to_be_visible()
    found = linking.link_of(issuer, "cpt4", "99202", stand.today(practice))
    assert found is not None
    assert (found.clave_prod_serv, found.treatment) == ("85121502", "exento")
