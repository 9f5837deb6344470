"""The set-up as the hospital's own paper tells it, in chromium: activation, billing user, link, register, days."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.flows.browsing import DESKTOP, PHONE, Watched, browsing

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from emite.accounts.models import User
    from tests.flows.browsing import Site
    from tests.make import Hospital
    from tests.pac.sandbox import RunningSandbox

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PASSWORD = "una clave de prueba larga"


@pytest.fixture
def bare(sandbox: RunningSandbox, settings: object, transactional_db: None) -> Hospital:
    """San Telmo with its certificate and nothing of its portal."""
    from emite.charges.models import CashRegister
    from tests import make

    settings.PAC_TRUST_DIR = sandbox.trust_dir  # type: ignore[attr-defined]
    made = make.hospital(authority=sandbox.authority, pac_url=sandbox.url, linked=False, portal_days=None)
    CashRegister.objects.filter(web_invoicing=True).update(active=False)
    for person in (made.admin, made.biller):
        person.set_password(PASSWORD)
        person.save()
    return made


def log_in(watched: Watched, site: Site, person: User, to: str = "**/caja/") -> None:
    page = watched.page
    watched.go(f"{site.url}/entrar/")
    page.get_by_label("Correo electrónico").fill(person.email)
    page.get_by_label("Contraseña").fill(PASSWORD)
    with page.expect_navigation(url=to, wait_until="networkidle"):
        page.keyboard.press("Enter")


def press(watched: Watched, name: str) -> None:
    button = watched.page.get_by_role("button", name=name)
    button.focus()
    with watched.page.expect_navigation(wait_until="networkidle"):
        watched.page.keyboard.press("Enter")


def test_c3_the_portal_is_off_until_the_administrator_asks_and_support_activates_it(
    browser: Browser, site: Site, bare: Hospital
) -> None:
    from emite.organizations import portal
    from tests import make
    from tests.accounts.test_second_step import digits

    oscar = make.user("Oscar", is_operator=True)
    oscar.set_password(PASSWORD)
    oscar.save()
    with browsing(browser, PHONE) as watched:
        watched.go(f"{site.url}/q/{bare.organization.slug}/{make.code(make.paid_charge(bare))}")
        expect(watched.page.get_by_text("Por ahora este hospital no factura en línea")).to_be_visible()
    with browsing(browser, PHONE) as watched:
        log_in(watched, site, bare.admin)
        watched.go(f"{site.url}/caja/configuracion/")
        watched.looks_right("setup-list-390")
        watched.light()
        watched.page.get_by_role("link", name="Falta activar el portal").click()
        watched.page.get_by_label("Mensaje para soporte").fill("Ya firmamos el contrato.")
        watched.looks_right("setup-activation-390")
        press(watched, "Solicitar activación")
        expect(watched.page.get_by_role("heading", level=1)).to_contain_text("Por aprobar")
    with browsing(browser, DESKTOP) as watched:
        page = watched.page
        log_in(watched, site, oscar, "**/entrar/segundo-paso/**")
        watched.looks_right("second-step-1280")
        page.get_by_label("Código").fill(digits(oscar, make.now()))
        press(watched, "Activar")
        watched.looks_right("recovery-codes-1280")
        page.get_by_role("link", name="Ya los guardé").click()
        watched.looks_right("support-home-1280")
        page.get_by_role("link", name="Hospital San Telmo").click()
        watched.looks_right("support-activation-1280")
        press(watched, "Aprobar")
        expect(page.get_by_role("heading", level=1)).to_contain_text("Activa")
        watched.go(f"{site.url}/soporte/organizaciones/")
        watched.looks_right("support-organizations-1280")
    assert portal.state_of(bare.organization) is portal.PortalState.NOT_LINKED


def test_c4_c5_the_billing_user_logs_in_once_with_the_organization_id_and_the_portal_is_linked(
    browser: Browser, site: Site, bare: Hospital
) -> None:
    from emite.organizations import portal
    from emite.organizations.models import PortalLink
    from tests import make

    make.link(bare.organization, bare.admin, bare.biller)
    portal.revoke_link(bare.organization, by=bare.admin, now=make.now())
    with browsing(browser, PHONE) as watched:
        page = watched.page
        log_in(watched, site, bare.biller)
        page.get_by_role("link", name="Vínculo").click()
        expect(page.get_by_label("Id de la organización")).to_have_value(str(bare.organization.pk))
        page.get_by_label("Su contraseña").fill(PASSWORD)
        watched.looks_right("setup-link-390")
        press(watched, "Vincular el portal")
        expect(page.get_by_text("Vínculo hecho")).to_be_visible()
        watched.looks_right("setup-linked-390")
    assert PortalLink.objects.get(revoked_at=None).user_id == bare.biller.pk
    with browsing(browser, DESKTOP) as watched:
        page = watched.page
        log_in(watched, site, bare.admin)
        watched.go(f"{site.url}/caja/configuracion/personas/")
        watched.looks_right("setup-people-1280")
        page.get_by_role("link", name="Berta").click()
        page.get_by_label("Puede emitir facturas").uncheck()
        watched.looks_right("setup-person-1280")
        press(watched, "Guardar cambios")
        watched.go(f"{site.url}/caja/configuracion/vinculo/")
        expect(page.get_by_role("heading", level=1)).to_contain_text("Detenido")
        watched.looks_right("setup-link-1280")
        press(watched, "Quitar el vínculo")
        expect(page.get_by_role("heading", level=1)).to_contain_text("Sin vincular")
        watched.go(f"{site.url}/caja/configuracion/bitacora/")
        press(watched, "Verificar cadena")
        expect(page.get_by_text("La cadena está completa")).to_be_visible()
        watched.looks_right("setup-log-1280")


def test_c6_c7_a_register_for_web_invoicing_and_the_days_after_the_remision(
    browser: Browser, site: Site, bare: Hospital
) -> None:
    from emite.charges.models import CashRegister
    from tests import make

    make.link(bare.organization, bare.admin, bare.biller)
    charge = make.paid_charge(bare)
    with browsing(browser, DESKTOP) as watched:
        page = watched.page
        log_in(watched, site, bare.admin)
        watched.go(f"{site.url}/caja/cajas/")
        page.get_by_label("Nombre").fill("Facturación en línea")
        page.get_by_label("Facturación web").check()
        press(watched, "Agregar caja")
        watched.go(f"{site.url}/caja/mejoras/")
        expect(page.get_by_role("heading", name="Portal de facturación")).to_contain_text("Apagado")
        page.get_by_label("Días para facturar en línea").fill("3")
        page.get_by_label(re.compile("^S01")).uncheck()
        page.get_by_label(re.compile("^D10")).uncheck()
        press(watched, "Guardar cambios")
        expect(page.get_by_role("alert")).to_contain_text("agregue S01")
        watched.looks_right("setup-enhancements-error-1280")
        page.get_by_label(re.compile("^S01")).check()
        press(watched, "Guardar cambios")
        expect(page.get_by_role("heading", name="Portal de facturación")).to_contain_text("Encendido")
        watched.looks_right("setup-enhancements-1280")
        watched.go(f"{site.url}/caja/configuracion/")
        watched.looks_right("setup-list-1280")
    with browsing(browser, PHONE) as watched:
        watched.go(f"{site.url}/q/{bare.organization.slug}/{make.code(charge)}")
        expect(watched.page.get_by_role("link", name="Continuar con mis datos")).to_be_visible()
    made = CashRegister.objects.get(web_invoicing=True, active=True)
    assert made.name == "Facturación en línea"
    bare.organization.refresh_from_db()
    assert bare.organization.portal_days == 3
    assert "D10" not in (bare.organization.usos_offered or [])
