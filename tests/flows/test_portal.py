"""A patient in a browser: a phone and a desk, with JavaScript and without."""

from __future__ import annotations

import datetime as dt
import time
from decimal import Decimal

import pytest
from playwright.sync_api import Browser, expect

from emite.cfdi.taxes import Treatment
from emite.charges.allocating import live_document
from emite.charges.charging import void
from emite.charges.collecting import Part, pay
from emite.charges.models import Charge
from emite.documents.models import FiscalDocument
from emite.invoices.issuing import Request, issue
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

    def write(name: str) -> None:
        page.locator(f"#{name}").fill(data[name])
        page.locator(f"#{name}").blur()

    page.locator("#rfc").wait_for()
    page.wait_for_load_state("load")  # nobody types before the scripts of the page have begun
    watched.answered("opciones/", lambda: write("rfc"))
    write("nombre")
    write("domicilio_fiscal")
    if watched.javascript:
        page.locator("#regimen_fiscal").evaluate("one => { one.value = '' }")  # so that choosing is a change
    watched.answered("opciones/", lambda: page.locator("#regimen_fiscal").select_option(data["regimen_fiscal"]))
    page.locator("#uso_cfdi").select_option(data["uso_cfdi"])


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
        watched.weigh_anew()
        page.get_by_role("button", name="Continuar").click()
        expect(page.get_by_role("heading", name="Tu cargo")).to_be_visible()
        check("2-cargo")
        watched.weigh_anew()
        page.get_by_role("link", name="Continuar con mis datos").click()
        expect(page.get_by_role("heading", name="Tus datos")).to_be_visible()
        page.wait_for_load_state("networkidle")
        check("3-datos")
        fill(watched)
        watched.shot(f"3-datos-llenos-{tag}")
        watched.weigh_anew()
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


def stamped(hospital: make.Hospital, charge: Charge) -> None:
    """Invoiced at another place, by somebody else."""
    issue(
        charge,
        Request(make.receptor()),
        channel="desk",
        user=hospital.biller,
        now=make.now(),
        idempotency_key=f"desk-{charge.pk}"[:64],
    )
    with working():
        for _ in range(100):
            document = live_document(charge)
            if document is not None and document.is_settled:
                return
            time.sleep(0.1)
    pytest.fail("the worker stamped nothing")


@SIZES
def test_pages_beside_the_road(browser: Browser, site: Site, hospital: make.Hospital, size: dict[str, int]) -> None:
    """Every other page that a patient may meet: light, accessible, under the strict policy."""
    portal = f"{site.url}/f/{hospital.organization.slug}/"
    tag = size["width"]
    with browsing(browser, size) as watched:
        page = watched.page

        def scan(charge: Charge) -> None:
            watched.go(f"{site.url}/q/{hospital.organization.slug}/{make.code(charge)}")

        def check(name: str, heading: str) -> None:
            expect(page.get_by_role("heading", name=heading, level=1)).to_be_visible()
            watched.light()
            watched.looks_right(f"{name}-{tag}")

        watched.go(f"{site.url}/q/{hospital.organization.slug}/{make.code(make.charge(make.hospital()))}")
        check("e-codigo-malo", "Factura tu ticket")
        watched.go(f"{site.url}/f/no-existe/")
        check("e-no-existe", "Esta página no existe")

        owed = make.charge(hospital)
        pay(owed, [Part("01", Decimal("500.00"))], register=hospital.register, user=hospital.cashier, now=make.now())
        scan(owed)
        check("e-por-liquidar", "Tu cargo")
        voided = make.charge(hospital)
        void(voided, reason="Duplicada", user=hospital.admin, now=make.now())
        scan(voided)
        check("e-cancelado", "Este cargo se canceló")
        scan(make.paid_charge(hospital, now=make.now() - dt.timedelta(days=30)))
        check("e-vencido", "Tu factura se hace en caja")

        cash = make.paid_charge(hospital, forma_pago="01")
        scan(cash)
        check("e-efectivo", "Tu cargo")
        page.get_by_role("link", name="Continuar con mis datos").click()
        page.locator("#rfc").fill("XOJI740919")
        page.locator("#nombre").fill("ingrid | xodar")
        watched.weigh_anew()
        page.get_by_role("button", name="Generar factura por").click()
        expect(page.locator(".summary")).to_be_focused()
        check("e-errores", "Tus datos")
        fill(watched, rfc="IIA040805DZ4", nombre="Clínica del Ángel SA de CV", domicilio_fiscal="62661",
             regimen_fiscal="601", uso_cfdi="G03")  # fmt: skip
        watched.weigh_anew()
        page.get_by_role("button", name="Generar factura por").click()
        expect(page.get_by_role("heading", name="¿Está bien así?")).to_be_visible()
        check("e-revisa", "Tus datos")
        fill(watched, rfc="OITA9511306R5", nombre="Aurora Ortiz", domicilio_fiscal="22000")
        page.get_by_role("button", name="Generar factura por").click()
        with working():
            expect(page.get_by_role("heading", name="El SAT no aceptó la factura")).to_be_visible(timeout=15_000)
        watched.go(page.url)
        check("e-rechazada", "Tus datos")
        expect(page.locator("#nombre")).to_have_attribute("aria-invalid", "true")

        invoiced = make.paid_charge(hospital)
        stamped(hospital, invoiced)
        scan(invoiced)
        check("e-facturado", "Este cargo ya se facturó")
        page.locator("#rfc").fill("XOJI740919U48")
        watched.weigh_anew()
        page.get_by_role("button", name="Ver y descargar la factura").click()
        check("e-abierta", "Tu factura está lista")

        raced = make.paid_charge(hospital)
        scan(raced)
        page.get_by_role("link", name="Continuar con mis datos").click()
        fill(watched)
        stamped(hospital, raced)
        watched.weigh_anew()
        page.get_by_role("button", name="Generar factura por").click()
        check("e-perdio", "Este cargo ya se facturó")
        page.goto(portal)


def test_a_slow_stamp_lets_people_go(browser: Browser, site: Site, hospital: make.Hospital) -> None:
    charge = make.paid_charge(hospital)
    with browsing(browser, PHONE) as watched:
        page = watched.page
        watched.go(f"{site.url}/q/{hospital.organization.slug}/{make.code(charge)}")
        page.get_by_role("link", name="Continuar con mis datos").click()
        fill(watched)
        page.get_by_role("button", name="Generar factura por").click()
        expect(page.get_by_role("heading", name="Tu factura está en proceso")).to_be_visible(timeout=12_000)
        page.get_by_text("No quiero esperar").click()
        page.locator("#email").fill("ana@example.com")
        page.wait_for_timeout(6000)  # a poll later, what is being typed is still there
        expect(page.locator("#email")).to_have_value("ana@example.com")
        watched.looks_right("4-en-proceso-390")
        page.get_by_role("button", name="Enviar a este correo").click()
        expect(page.get_by_text("La mandamos a a…@example.com")).to_be_visible()
        page.goto("about:blank")
        watched.go(f"{site.url}/q/{hospital.organization.slug}/{make.code(charge)}")
        with working():
            expect(page.get_by_role("heading", name="Tu factura está lista")).to_be_visible(timeout=20_000)


def test_help_of_the_scripts(browser: Browser, site: Site, hospital: make.Hospital) -> None:
    """Grouping while typing, lists that follow, one press that counts once, a road for the keyboard alone."""
    charge = make.paid_charge(hospital)
    code = make.code(charge)
    with browsing(browser, PHONE) as watched:
        page = watched.page
        watched.go(f"{site.url}/f/{hospital.organization.slug}/")
        field = page.locator("[name=codigo]")
        field.press_sequentially(code[:6].lower())
        expect(field).to_have_value(f"{code[:4]}-{code[4:6]}")
        field.press_sequentially(f" {code[6:]}")
        expect(field).to_have_value("-".join(code[start : start + 4] for start in range(0, 16, 4)))
        field.press("Enter")
        expect(page).to_have_url(f"{site.url}/f/{hospital.organization.slug}/cargo/")
        assert page.request.get(page.url).headers["referrer-policy"] == "same-origin"
        page.get_by_role("link", name="Continuar con mis datos").press("Enter")

        page.locator("#rfc").press_sequentially("xoji740919u48")
        page.keyboard.press("Tab")
        expect(page.get_by_text("RFC de una persona física")).to_be_visible()
        expect(page.locator("#nombre")).to_be_focused()
        keys = page.locator("#regimen_fiscal option").evaluate_all("all => all.map(one => one.value)")
        assert keys[1:4] == ["605", "612", "626"]
        assert "601" not in keys
        page.locator("#regimen_fiscal").select_option("616")
        expect(page.locator("#uso_cfdi")).to_have_value("S01")
        expect(page.get_by_text("el SAT no permite deducir gastos médicos personales")).to_be_visible()
        watched.answered("/opciones/", lambda: page.locator("#regimen_fiscal").select_option("605"))
        expect(page.locator("#uso_cfdi option").first).to_have_attribute("value", "D01")
        page.locator("#uso_cfdi").select_option("D01")
        expect(page.get_by_text("Para tu declaración anual: médicos")).to_be_visible()
        page.locator("#nombre").fill("INGRID XODAR JIMENEZ")
        page.locator("#domicilio_fiscal").fill("76028")
        page.get_by_role("button", name="Generar factura por").dblclick()
        expect(page).to_have_url(f"{site.url}/f/{hospital.organization.slug}/factura/")
        assert FiscalDocument.objects.count() == 1
        assert watched.wrong == []
