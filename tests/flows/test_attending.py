"""What the portal cannot finish, in chromium: a patient asks for help and the desk goes on. Phone and desktop."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest
from django.test import Client
from playwright.sync_api import expect

from emite.accounts.models import User
from emite.invoices import requests, stamping
from emite.invoices.issuing import Request, issue
from tests import make
from tests.flows.browsing import DESKTOP, PHONE, browsing

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from emite.documents.models import FiscalDocument
    from tests.flows.browsing import Site, Watched
    from tests.make import Hospital
    from tests.pac.sandbox import RunningSandbox

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def enter(watched: Watched, site: Site, user: User) -> None:
    """With a session of that person."""
    client = Client()
    client.force_login(user)
    cookie = next(iter(client.cookies.values()))
    watched.page.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": site.url}])


def ask_portal(of: Hospital, *, days: float = 0, **receptor: str) -> FiscalDocument:
    charge, now = make.paid_charge(of), make.now()
    document = issue(
        charge, Request(make.receptor(**receptor), email="ana@correo.test"), channel="portal", user=of.biller, now=now,
        idempotency_key=str(charge.pk),
    )  # fmt: skip
    for moment in (now, now + dt.timedelta(days=days)):
        stamping.drive(document.pk, owner="flow:1", clock=lambda moment=moment: moment)  # type: ignore[misc]
    return document


@pytest.mark.parametrize(
    ("size", "name"), [pytest.param(PHONE, "390", id="phone"), pytest.param(DESKTOP, "1280", id="desktop")]
)
def test_from_a_request_for_help_to_its_invoice(
    browser: Browser, site: Site, hospital: Hospital, sandbox: RunningSandbox, size: dict[str, int], name: str
) -> None:
    late = make.paid_charge(hospital, now=make.now() - dt.timedelta(days=20))
    ask_portal(hospital)
    ask_portal(hospital, nombre="INGRID XODAR GIMENEZ")
    sandbox.next("cut_before")
    sandbox.control("faults", faults={"error_before": 1.0}, op="lookup", seed=1)
    held = ask_portal(hospital, days=4)
    with browsing(browser, size) as watched:
        page = watched.page
        page.set_default_timeout(15_000)
        watched.go(f"{site.url}/q/{hospital.organization.slug}/{make.code(late)}")
        expect(page.get_by_text("Puedes seguir pidiéndola")).to_be_visible()
        watched.looks_right(f"ayuda-vencido-{name}")
        page.get_by_role("link", name="Solicitar ayuda").click()
        watched.go(page.url)
        watched.light()
        page.get_by_role("button", name="Enviar mi solicitud").click()
        expect(page.locator(".summary")).to_contain_text("Déjanos un teléfono o un correo")
        watched.looks_right(f"ayuda-error-{name}")
        page.get_by_label("Teléfono").fill("55 1234 5678")
        page.get_by_label("Nombre o razón social").fill("INGRID XODAR JIMENEZ")
        page.get_by_label("Algo más").fill("Por la tarde, por favor")
        page.get_by_role("button", name="Enviar mi solicitud").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Ya tenemos tu solicitud")
        watched.looks_right(f"ayuda-anotada-{name}")

        enter(watched, site, hospital.biller)
        page.goto(f"{site.url}/caja/solicitudes/")
        expect(page.get_by_role("navigation", name="Secciones")).to_contain_text("3 por atender")
        watched.looks_right(f"solicitudes-{name}")
        page.get_by_role("link", name="Revisar").first.click()
        expect(page.get_by_text("El PAC la muestra timbrada")).to_be_visible()
        watched.looks_right(f"revisar-{name}")
        page.get_by_label("Motivo").fill("La pidió en otra caja")
        page.get_by_role("button", name="Descartarla cuando se compruebe").click()
        expect(page.get_by_text("Se pidió descartarla el")).to_be_visible()
        watched.looks_right(f"revisar-descartar-{name}")
        page.goto(f"{site.url}/caja/portal/")
        watched.looks_right(f"facturas-portal-{name}")
        page.goto(f"{site.url}/caja/solicitudes/")
        page.get_by_role("link", name=f"Facturar {late.folio}").click()
        expect(page.get_by_label("Nombre o razón social")).to_have_value("INGRID XODAR JIMENEZ")

        enter(watched, site, hospital.admin)
        page.goto(f"{site.url}/caja/pac/")
        expect(page.get_by_role("heading", level=1)).to_contain_text("Proveedor de certificación")
        watched.looks_right(f"pac-{name}")
    held.refresh_from_db()
    assert held.discard_asked_at is not None
    assert requests.count(hospital.organization.pk, make.now()) == 3
