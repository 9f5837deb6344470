"""A patient in a browser: a phone and a desk, with JavaScript and without."""

from __future__ import annotations

from decimal import Decimal

import pytest
from playwright.sync_api import Browser, expect

from emite.cfdi.taxes import Treatment
from emite.charges.models import Charge
from tests import make
from tests.flows.browsing import DESKTOP, PHONE, Site, Watched, browsing, working

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SIZES = pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["390", "1280"])


def long_charge(hospital: make.Hospital, **over: object) -> Charge:
    lines = [
        make.line(),
        make.line(description="Habitación estándar, día", quantity=Decimal(2), unit_price=Decimal("1850.00")),
        make.line(description="Paracetamol 500 mg, caja con 20 tabletas", treatment=Treatment.IVA0,
                  unit_price=Decimal("48.50"), clave_prod_serv="51142001", clave_unidad="H87"),
        make.line(description="Biometría hemática completa", unit_price=Decimal("310.00")),
        make.line(description="Radiografía de tórax, dos proyecciones", unit_price=Decimal("620.00")),
        make.line(description="Material de curación", quantity=Decimal("3"), unit_price=Decimal("75.25")),
        make.line(description="Aplicación de medicamento", unit_price=Decimal("90.00"), discount=Decimal("15.00")),
    ]  # fmt: skip
    return make.paid_charge(hospital, lines, **over)  # type: ignore[arg-type]


def fill(watched: Watched, **over: str) -> None:
    data = {
        "rfc": "XOJI740919U48",
        "nombre": "Ingrid Xodar Jiménez".replace("é", "e"),
        "domicilio_fiscal": "76028",
        "regimen_fiscal": "605",
        "uso_cfdi": "D01",
    } | over
    page = watched.page
    for name in ("rfc", "nombre", "domicilio_fiscal"):
        page.locator(f"#{name}").fill(data[name])
        page.locator(f"#{name}").blur()
    page.wait_for_load_state("networkidle")
    page.locator("#regimen_fiscal").select_option(data["regimen_fiscal"])
    page.wait_for_load_state("networkidle")
    page.locator("#uso_cfdi").select_option(data["uso_cfdi"])
    page.wait_for_load_state("networkidle")


@SIZES
@pytest.mark.parametrize("javascript", [True, False], ids=["js", "nojs"])
def test_the_road(
    browser: Browser, site: Site, hospital: make.Hospital, size: dict[str, int], javascript: bool
) -> None:
    charge = long_charge(hospital)
    portal = f"{site.url}/f/{hospital.organization.slug}/"
    tag = f"{size['width']}{'' if javascript else '-nojs'}"
    with browsing(browser, size, javascript=javascript) as watched:
        page = watched.page

        def check(name: str) -> None:
            watched.light()
            if javascript:
                watched.looks_right(f"{name}-{tag}")
            else:
                watched.shot(f"{name}-{tag}")

        watched.go(portal)
        check("1-codigo")
        page.locator("[name=codigo]").press_sequentially(make.code(charge).lower())
        watched.weight = 0
        page.get_by_role("button", name="Continuar").click()
        expect(page.get_by_role("heading", name="Tu cargo")).to_be_visible()
        check("2-cargo")
        watched.weight = 0
        page.get_by_role("link", name="Continuar con mis datos").click()
        expect(page.get_by_role("heading", name="Tus datos")).to_be_visible()
        page.wait_for_load_state("networkidle")
        check("3-datos")
        fill(watched)
        watched.shot(f"3-datos-llenos-{tag}")
        watched.weight = 0
        page.get_by_role("button", name="Generar factura por").click()
        expect(page.get_by_role("heading", name="Estamos haciendo tu factura")).to_be_visible()
        check("4-avance")
        with working():
            expect(page.get_by_role("heading", name="Tu factura está lista")).to_be_visible(timeout=15_000)
        watched.go(page.url)
        check("5-lista")
        for name, start in (("Descargar PDF", b"%PDF"), ("Descargar XML", b"<?xml")):
            with page.expect_download() as download:
                page.get_by_role("link", name=name).click()
            with open(download.value.path(), "rb") as file:
                assert file.read(5).startswith(start)
        page.get_by_role("button", name="Terminar").last.click()
        expect(page.get_by_text("Ya no queda nada tuyo")).to_be_visible()
        page.goto(portal + "factura/")
        expect(page.get_by_text("Tu visita terminó")).to_be_visible()
        assert watched.wrong == []
