"""W25-W28 in chromium, by the labels and in the order of the insurers' guide: from PAGADO to Complemento Cargado."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from emite.cfdi.xml import parse
from emite.cfdi.xml_pagos_read import read_pagos
from emite.settlements import following, paying
from emite.settlements.models import Receivable
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
        made.organization.support_email = "ayuda@consultorio.test"
        made.organization.save(update_fields=["support_email"])
        yield made


def invoiced(practice: Practice, number: str) -> Receivable:
    """A stamped invoice of 800.00, exempt, with ISR withheld: 720.00 are owed."""
    document = stand.stamped(stand.registered(practice, stand.service(practice, "800.00"), number=number), practice)
    following.after(document.pk, now=make.now())
    return Receivable.objects.get(document=document)


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
    first, second = invoiced(practice, "LC-0001"), invoiced(practice, "LC-0002")
    paying.register(
        practice.organization.pk,
        paid_at=make.now(),
        forma_pago="03",
        shares=[(first, Decimal("720.00")), (second, Decimal("300.00"))],
        amount=Decimal("1020.00"),
        user=practice.admin,
        now=make.now(),
        key="transfer",
    )
    with browsing(browser, size, javascript=javascript) as watched, working():
        page = watched.page
        page.set_default_timeout(15_000)
        enter(watched, site, practice.admin)
        watched.go(f"{site.url}/consultorio/finanzas/facturacion/facturas/")
        expect(page.get_by_role("row", name="LC-0002")).to_contain_text("Pagado parcial")
        row = page.get_by_role("row", name="LC-0001")
        expect(row).to_contain_text("PAGADO")
        row.get_by_role("link", name="Vista").click()
        expect(page.get_by_text("Quedan").first).to_be_visible()
        watched.looks_right(f"saldo-{name}")
        page.get_by_role("link", name="Generar complemento de Pago").click()
        preview = page.get_by_role("region", name="Vista previa")
        for said in ("Base exenta de IVA", "$1,133.33", "ISR retenido", "$113.33", "$1,020.00"):
            expect(preview).to_contain_text(said)
        page.get_by_label("XML del complemento").set_input_files(
            {"name": "no.xml", "mimeType": "text/xml", "buffer": b"<hola/>"}
        )
        page.get_by_role("button", name="Cargar complemento externo").click()
        expect(page.locator(".summary")).to_contain_text("no es un CFDI")
        watched.looks_right(f"vista-previa-{name}")
        page.get_by_role("button", name="Generar complemento de Pago").click()
        if not javascript:
            while not page.get_by_role("link", name="Descargar XML").is_visible():
                page.reload()
        with page.expect_download() as waiting:
            page.get_by_role("link", name="Descargar XML").click()
        pagos = read_pagos(parse(waiting.value.path().read_bytes()))
        assert pagos is not None
        assert [each.saldo_insoluto for each in pagos.pagos[0].documentos] == [Decimal(0), Decimal("420.00")]
        page.get_by_label("Correo electrónico").fill("cuentas@laceiba.test")
        page.get_by_role("button", name="Enviar a correo electrónico").click()
        expect(page.get_by_role("heading", name="¡Has finalizado el proceso de Facturación!")).to_be_visible()
        expect(page.get_by_role("link", name="ayuda@consultorio.test")).to_be_visible()
        watched.looks_right(f"cargado-{name}")
        page.get_by_role("link", name="Sustituir").click()
        expect(page.locator(".summary")).to_contain_text("El complemento ya dice lo mismo")
        watched.looks_right(f"sustituir-complemento-{name}")
        page.get_by_role("link", name="Volver").click()
        page.get_by_role("link", name="Cancelar ante el SAT").click()
        page.get_by_role("button", name="Pedir la cancelación").click()
        expect(page.locator(".summary")).to_contain_text("Elija el motivo")
        watched.looks_right(f"cancelar-complemento-{name}")
        page.get_by_role("link", name="Conservarlo").click()
        page.get_by_role("link", name="Cerrar").click()
        expect(page.get_by_text("Ningún pago espera su complemento.")).to_be_visible()
        watched.looks_right(f"complementos-{name}")
        watched.go(f"{site.url}/consultorio/finanzas/facturacion/facturas/")
        expect(page.get_by_role("row", name="LC-0001")).to_contain_text("Complemento Cargado")
        watched.light()
