"""The payer's side in chromium: an invoice arrives, is reviewed, rejected or approved, paid, and its supplier knows."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from emite.care.models import InsurerInvoice
from emite.cfdi.xml import parse
from emite.reviews.models import ReceivedCredit, ReceivedInvoice, SaidPayment
from emite.settlements import staging
from tests import make
from tests import practice as stand
from tests.flows.browsing import DESKTOP, PHONE, browsing
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
def test_from_the_inbox_to_the_payment(
    browser: Browser, site: Site, practice: Practice, size: dict[str, int], name: str, javascript: bool
) -> None:
    payer = accounted(practice)
    for number in ("LC-0001", "LC-0002", "LC-0003"):
        stand.stamped(stand.registered(practice, stand.service(practice), number=number), practice)
    go_on()
    with browsing(browser, size, javascript=javascript) as watched:
        page = watched.page
        page.set_default_timeout(15_000)
        enter(watched, site, payer.reviewer)
        watched.go(f"{site.url}/aseguradora/")
        watched.looks_right(f"bandeja-{name}")
        watched.light()
        page.get_by_role("link", name="LC-0001").click()
        expect(page.get_by_role("region", name="Validación")).to_contain_text("están en orden")
        page.get_by_role("button", name="Preguntar al SAT ahora").click()
        expect(page.get_by_role("status")).to_contain_text("El SAT dice: Vigente")
        page.get_by_role("button", name="En revisión").click()
        page.get_by_role("button", name="Rechazar").click()
        expect(page.get_by_role("alert")).to_contain_text("Escriba el motivo")
        page.get_by_label("Motivo del rechazo").fill("Falta el número de siniestro")
        watched.looks_right(f"dictamen-{name}")
        page.get_by_role("button", name="Rechazar").click()
        expect(page.get_by_text("Rechazada.", exact=True)).to_be_visible()
        page.get_by_role("link", name="Bandeja").first.click()
        page.get_by_role("checkbox", name="LC-0002").check()
        page.get_by_role("button", name="Aprobar").click()
        expect(page.get_by_role("status")).to_contain_text("Se aprobó la factura LC-0002")
        page.get_by_role("link", name="LC-0003").click()
        page.get_by_role("button", name="Aprobar").click()
        page.get_by_label("Pago programado").fill((make.now() + dt.timedelta(days=9)).date().isoformat())
        page.get_by_role("button", name="Guardar la fecha").click()
        expect(page.get_by_role("status")).to_contain_text("Se guardó la fecha de pago")
        with page.expect_download() as waiting:
            page.get_by_role("link", name="XML").click()
        assert parse(waiting.value.path().read_bytes()).get("Folio") == "LC-0003"
        go_on()
        labels = {each.control_number: staging.label_of(each) for each in InsurerInvoice.objects.all()}
        assert labels == {"LC-0001": "Rechazada", "LC-0002": "Aprobada", "LC-0003": "Aprobada"}

    with browsing(browser, size, javascript=javascript) as watched:
        page = watched.page
        page.set_default_timeout(15_000)
        enter(watched, site, payer.treasurer)
        watched.go(f"{site.url}/aseguradora/pagos/")
        page.get_by_role("link", name="Registrar pago").click()
        page.get_by_label("Se paga de la factura LC-0003").fill("20.00")
        page.get_by_label("Referencia de la transferencia").fill("SPEI 4410")
        watched.looks_right(f"pagar-{name}")
        page.get_by_role("button", name="Registrar pago").click()
        expect(page.get_by_role("status")).to_contain_text("Se registró el pago de $740.00")
        watched.looks_right(f"pagos-{name}")
        page.get_by_role("link", name="Antigüedad").click()
        watched.looks_right(f"antiguedad-{name}")
        watched.go(f"{site.url}/aseguradora/pagos/archivo/")
        watched.looks_right(f"archivo-{name}")
        go_on()
        labels = {each.control_number: staging.label_of(each) for each in InsurerInvoice.objects.all()}
        assert labels == {"LC-0001": "Rechazada", "LC-0002": "PAGADO", "LC-0003": "Pagado parcial"}
        paid, partly = (ReceivedInvoice.objects.get(control_number=number) for number in ("LC-0002", "LC-0003"))
        of: dict[str, Any] = {"organization": payer.organization, "received_at": make.now()}
        ReceivedCredit.objects.create(invoice=paid, uuid=uuid.uuid4(), total=Decimal(50), xml=b"<x/>", **of)
        SaidPayment.objects.create(
            invoice=partly, share=uuid.uuid4(), amount=Decimal(100), paid_at=make.now(), operation="SPEI 77", **of
        )
        watched.go(f"{site.url}/aseguradora/facturas/{paid.pk}/")
        expect(page.get_by_text("Se pagaron $50.00 de más")).to_be_visible()
        expect(page.get_by_role("heading", name="Programar el pago")).to_have_count(0)
        watched.looks_right(f"pagada-{name}")
        ReceivedInvoice.objects.filter(pk=partly.pk).update(sat_process="En proceso")
        watched.go(f"{site.url}/aseguradora/facturas/{partly.pk}/")
        expect(page.get_by_role("listitem").filter(has_text="SPEI 77")).to_contain_text("Registrado por su emisor")
        expect(page.get_by_role("region", name="Validación")).to_contain_text("En cancelación ante el SAT")
        watched.looks_right(f"en-cancelacion-{name}")
        watched.go(f"{site.url}/aseguradora/pagos/registrar/")
        expect(page.get_by_text("De 1 factura el SAT no ha dicho hace poco")).to_be_visible()
        watched.looks_right(f"pagar-con-duda-{name}")
        watched.go(f"{site.url}/aseguradora/bandeja/?ver=todas")
        watched.looks_right(f"bandeja-todas-{name}")
