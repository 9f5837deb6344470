"""After the stamp, in chromium: a payer mends its own invoice, the desk reads what differs and what it still owes."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from emite.charges.allocating import live_document
from emite.credits.models import CreditNote
from emite.invoices import issuing
from emite.organizations.models import Organization
from emite.reconciling.models import Difference
from emite.reconciling.noting import found
from tests import make
from tests.credits.stands import credit, drive, invoiced
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
def test_a_payer_mends_its_data_and_the_desk_sees_what_differs(
    browser: Browser, site: Site, hospital: Hospital, size: dict[str, int], name: str
) -> None:
    Organization.objects.update(correction_hours=24)
    charge, other = make.paid_charge(hospital), invoiced(hospital)
    asked = issuing.Request(make.receptor())
    document = issuing.issue(
        charge, asked, channel="portal", user=hospital.biller, now=make.now(), idempotency_key=f"p-{name}"
    )
    drive(document.pk)
    with browsing(browser, size) as watched:
        page = watched.page
        page.set_default_timeout(15_000)
        watched.go(f"{site.url}/q/{hospital.organization.slug}/{make.code(charge)}")
        page.get_by_label("RFC").fill("XOJI740919U48")
        page.get_by_label("RFC").press("Enter")
        watched.looks_right(f"lista-corregible-{name}")
        page.get_by_role("link", name="Hay un error en mis datos").click()
        watched.looks_right(f"corregir-{name}")
        page.get_by_role("button", name="Corregir mi factura").click()
        expect(page.locator(".summary")).to_contain_text("Es lo mismo")
        page.locator("#uso_cfdi").select_option("S01")
        page.get_by_role("button", name="Corregir mi factura").click()
        expect(page.get_by_text("Tu corrección va en camino")).to_be_visible()
        watched.looks_right(f"corrigiendo-{name}")

    note = credit(hospital, other, amount=Decimal("200.00"), forma_pago="03")
    drive(note.document_id)
    second = live_document(other)
    assert second is not None
    assert second.uuid is not None
    found(second, Difference.Kind.CANCELLED_AT_SAT, second.uuid, make.now())
    found(second, Difference.Kind.DUPLICATE, make.paid_charge(hospital).pk, make.now(), xml=b"<x/>")
    with browsing(browser, size) as watched:
        page = watched.page
        enter(watched, site, hospital.biller)
        watched.go(f"{site.url}/caja/")
        expect(page.get_by_text("no coincide").first).to_be_visible()
        watched.go(f"{site.url}/caja/conciliacion/")
        page.get_by_text("Cerrar con un motivo").first.click()
        watched.looks_right(f"conciliacion-{name}")
        page.get_by_role("button", name="Comparar ahora").click()
        expect(page.get_by_text("Se está comparando con el SAT")).to_be_visible()
    assert CreditNote.objects.count() == 1
