"""W19-W24 in chromium: the copay found by name and date, paid in two forms, its ticket, "Si" and "No", its invoice."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from django.core import mail
from playwright.sync_api import expect

from emite.charges.charging import code_of
from emite.charges.models import CashRegister, Charge
from emite.documents.models import FiscalDocument
from tests import make
from tests import practice as stand
from tests.flows.browsing import PHONE, browsing
from tests.flows.test_attending import enter

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.flows.browsing import Site
    from tests.pac.sandbox import RunningSandbox
    from tests.practice import Practice

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def practice(sandbox: RunningSandbox, settings: object, transactional_db: None) -> Iterator[Practice]:
    with stand.behind(sandbox, settings, portal_days=30) as made:
        make.link(made.organization, made.admin, made.admin)
        CashRegister.objects.create(organization=made.organization, name="Consultorio")
        CashRegister.objects.create(organization=made.organization, name="Portal", web_invoicing=True)
        yield made


def test_the_copay_click_by_click(browser: Browser, site: Site, practice: Practice) -> None:
    service = stand.service(practice, copay=Decimal("250.00"))
    stand.service(practice, patient_name="Benito Otra Vez", copay=Decimal("100.00"))
    with browsing(browser, PHONE) as watched:
        page = watched.page
        page.set_default_timeout(15_000)
        enter(watched, site, practice.admin)
        watched.go(f"{site.url}/consultorio/")
        page.get_by_role("link", name="Finanzas").click()
        page.get_by_role("link", name="Cobros").click()
        expect(page.get_by_role("heading", name="Búsqueda de Servicios a cobrar")).to_be_visible()
        page.get_by_label("Paciente").fill("torres ana")
        page.get_by_label("Fecha").fill(service.rendered_on.isoformat())
        page.get_by_role("button", name="Buscar").click()
        expect(page.get_by_text("Benito Otra Vez")).to_have_count(0)
        watched.looks_right("cobros-390")
        page.get_by_role("link", name="$ Pagar Servicio").click()
        expect(page.get_by_label("Monto de pago")).to_have_value("250.00")
        page.get_by_label("Forma de pago").first.select_option("Efectivo")
        page.get_by_label("Cantidad").first.fill("100")
        page.get_by_role("button", name="Pagar").click()
        expect(page.locator(".summary")).to_contain_text("deben ser iguales")
        page.locator("summary", has_text="Pagar en varias formas").click()
        page.get_by_label("Forma de pago 2").select_option("Tarjeta de débito")
        page.get_by_label("Cantidad 2").fill("150")
        page.get_by_label("Efectivo recibido").fill("200")
        watched.looks_right("pagar-servicio-390")
        page.get_by_role("button", name="Pagar").click()
        expect(page.get_by_role("heading", name="Imprimir Ticket")).to_be_visible()
        expect(page.get_by_text("$100.00 de cambio")).to_be_visible()
        charge = Charge.objects.get(kind=Charge.Kind.COPAGO)
        expect(page.locator(".paper .link")).to_contain_text(f"/f/{practice.organization.slug}")
        expect(page.locator(".paper .qr svg")).to_be_visible()
        expect(page.locator(".paper")).not_to_contain_text("Torres")
        watched.looks_right("imprimir-ticket-390")
        page.get_by_role("link", name="Cerrar").click()
        page.get_by_role("button", name="Si", exact=True).click()
        expect(page.locator(".summary")).to_contain_text("Escriba un correo")
        page.get_by_label("Correo electrónico del paciente").fill("ana@ejemplo.mx")
        watched.looks_right("ticket-correo-390")
        page.get_by_role("button", name="Si", exact=True).click()
        expect(page.get_by_text("El ticket salió por correo")).to_be_visible()
        assert "/q/" in mail.outbox[-1].body
        # The other one, without mail.
        page.get_by_role("link", name="$ Pagar Servicio").click()
        page.get_by_label("Forma de pago").first.select_option("Efectivo")
        page.get_by_role("button", name="Pagar").click()
        page.get_by_role("link", name="Cerrar").click()
        sent = len(mail.outbox)
        page.get_by_role("button", name="No", exact=True).click()
        expect(page.get_by_text("No hay copagos por cobrar")).to_be_visible()
        assert len(mail.outbox) == sent
        # The patient's side: what the QR of the ticket opens.
        watched.go(f"{site.url}/q/{practice.organization.slug}/{code_of(charge).replace('-', '')}")
        expect(page.get_by_text("$250.00").first).to_be_visible()
        expect(page.get_by_text("Copago: Consulta de seguimiento").first).to_be_visible()
    charge.refresh_from_db()
    assert (charge.total, charge.paid, charge.prints) == (Decimal("250.00"), Decimal("250.00"), 1)
    assert not FiscalDocument.objects.exists()
