"""The dashboard in chromium, desktop and phone: charts, their tables, a download."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest
from django.test import Client
from playwright.sync_api import expect

from tests.flows.browsing import DESKTOP, PHONE, browsing

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.flows.browsing import Site
    from tests.make import Hospital

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_figures_are_seen_and_taken_away(browser: Browser, site: Site, hospital: Hospital) -> None:
    from emite.invoices.issuing import Request, issue
    from emite.invoices.stamping import drive
    from tests import make

    for number in range(9):
        charge = make.paid_charge(hospital, now=make.now() - dt.timedelta(days=number % 5))
        if number % 3:
            document = issue(
                charge, Request(make.receptor()), channel="portal" if number % 2 else "desk", user=hospital.biller,
                now=make.now(), idempotency_key=f"api:{number}" if number == 4 else str(charge.pk),
            )  # fmt: skip
            drive(document.pk, owner="flow:1", clock=make.now)
    client = Client()
    client.force_login(hospital.biller)
    cookie = next(iter(client.cookies.values()))
    with browsing(browser, DESKTOP) as watched:
        page = watched.page
        page.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": site.url}])
        watched.go(f"{site.url}/caja/tablero/")
        watched.light()
        expect(page.get_by_role("table")).to_have_count(3)
        watched.looks_right("tablero-1280")
        page.set_viewport_size(PHONE)  # type: ignore[arg-type]
        expect(page.get_by_role("heading", name="Facturado por vía")).to_be_visible()
        watched.looks_right("tablero-390")
        with page.expect_download() as taken:
            page.get_by_role("link", name="Excel de Facturado por vía").click()
        assert taken.value.suggested_filename.endswith(".xlsx")
    with browsing(browser, DESKTOP, javascript=False) as watched:
        watched.page.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": site.url}])
        watched.go(f"{site.url}/caja/tablero/")
        expect(watched.page.get_by_role("table")).to_have_count(3)
        watched.looks_right("tablero-sin-scripts")


@pytest.mark.parametrize(("size", "name"), [(DESKTOP, "1280"), (PHONE, "390")])
def test_a_file_of_remisiones_comes_in_and_its_tickets_are_printed(
    browser: Browser, site: Site, hospital: Hospital, size: dict[str, int], name: str
) -> None:
    from tests.web.desk.staff import item

    item(hospital.organization)
    head = "folio_externo,paciente,codigo,cantidad,forma_pago,pagado\n"
    wrong, good = (head + f"HIS-1,Ana Torres,URG-01,{count},04,2146\nHIS-2,,URG-01,2,,\n" for count in ("uno", "1"))
    client = Client()
    client.force_login(hospital.biller)
    cookie = next(iter(client.cookies.values()))

    def send(text: str, button: str) -> None:
        page.set_input_files("[name=archivo]", {"name": "r.csv", "mimeType": "text/csv", "buffer": text.encode()})
        page.get_by_role("button", name=button).click()

    with browsing(browser, size) as watched:
        page = watched.page
        page.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": site.url}])
        watched.go(f"{site.url}/caja/")
        page.get_by_role("link", name="Importar CSV").click()
        send(wrong, "Revisar sin importar")
        expect(page.get_by_role("cell", name="cantidad: «uno» no es una cantidad")).to_be_visible()
        watched.looks_right(f"importar-errores-{name}")
        send(good, "Revisar sin importar")
        expect(page.get_by_text("todavía no se importa nada")).to_be_visible()
        watched.looks_right(f"importar-revisado-{name}")
        send(good, "Importar todo")
        expect(page.get_by_text("Remisiones importadas: 2.")).to_be_visible()
        watched.looks_right(f"importar-tickets-{name}")
        page.get_by_role("button", name="Imprimir 2 tickets").click()
        expect(page.get_by_role("img", name="Código QR")).to_have_count(2)
        watched.looks_right(f"importar-hojas-{name}")
        watched.go(f"{site.url}/ayuda/caja/")
        expect(page.get_by_role("heading", name="Si otro sistema ya cobró")).to_be_visible()
        watched.looks_right(f"guia-{name}")
