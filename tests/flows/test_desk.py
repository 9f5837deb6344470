"""The cashier's road in chromium, phone and desktop, by keyboard, with and without scripts."""

from __future__ import annotations

import io
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
import zxingcpp
from PIL import Image

from tests.flows.browsing import DESKTOP, PHONE, Watched, browsing, working

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Route

    from tests.flows.browsing import Site
    from tests.make import Hospital

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PASSWORD = "una clave de prueba larga"
SIZES = [pytest.param(PHONE, "390", id="phone"), pytest.param(DESKTOP, "1280", id="desktop")]


class Keys:
    """A keyboard that counts: typing a word is one interaction, and so is a key."""

    def __init__(self, watched: Watched) -> None:
        self.page, self.count = watched.page, 0

    def press(self, key: str) -> None:
        self.count += 1
        self.page.keyboard.press(key)

    def type(self, text: str) -> None:
        self.count += 1
        self.page.keyboard.type(text)

    def press_and_land(self, key: str, address: str) -> None:
        with self.page.expect_navigation(url=address, wait_until="networkidle"):
            self.press(key)


@pytest.fixture
def staff(hospital: Hospital) -> Hospital:
    """San Telmo with a price list, and people who can log in."""
    from tests.web.desk.staff import item

    for person in (hospital.cashier, hospital.biller, hospital.admin):
        person.set_password(PASSWORD)
        person.save()
    item(hospital.organization)
    item(hospital.organization, code="CON-02", description="Consulta de especialidad", unit_price="950")
    return hospital


@pytest.fixture
def visit(browser: Browser) -> Any:
    return lambda size, **options: browsing(browser, size, **options)


def log_in(watched: Watched, site: Site, email: str) -> None:
    """By keyboard alone: the first field has the focus."""
    page = watched.page
    watched.go(f"{site.url}/entrar/")
    page.wait_for_selector("input:focus")
    page.keyboard.type(email)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    with page.expect_navigation(url="**/caja/", wait_until="networkidle"):
        page.keyboard.press("Enter")


def read_qr(picture: bytes) -> list[str]:
    return [found.text for found in zxingcpp.read_barcodes(Image.open(io.BytesIO(picture)))]


@pytest.mark.parametrize(("size", "name"), SIZES)
def test_new_cashier_prints_a_ticket_in_six_interactions(
    visit: Any, site: Site, staff: Hospital, size: dict[str, int], name: str
) -> None:
    from emite.charges.models import Charge
    from tests import make

    with visit(size) as watched:
        watched.go(f"{site.url}/entrar/")
        watched.looks_right(f"desk-{name}-1-login")
        log_in(watched, site, staff.cashier.email)
        watched.looks_right(f"desk-{name}-2-empty")
        keys = Keys(watched)

        keys.press_and_land("n", "**/nueva/")
        watched.looks_right(f"desk-{name}-3-new")
        keys.type("URG-01")
        keys.press_and_land("Enter", "**/caja/remisiones/*-*/")
        watched.looks_right(f"desk-{name}-4-charge")
        keys.press("Space")
        keys.press_and_land("Enter", "**?pago=*")
        watched.looks_right(f"desk-{name}-5-paid")
        keys.press_and_land("Enter", "**/caja/pagos/**")

        assert keys.count <= 6
        watched.looks_right(f"desk-{name}-6-slip")
        charge = Charge.objects.get()
        address = f"/q/{staff.organization.slug}/{make.code(charge)}"
        assert [code.endswith(address) for code in read_qr(watched.page.screenshot())] == [True]
        assert watched.page.evaluate("document.activeElement.textContent.trim()") == "Imprimir"


def test_by_mouse_it_takes_five_clicks(visit: Any, site: Site, staff: Hospital) -> None:
    """And by hand or finger, exact cash: new, the service, save, charge, print."""
    from emite.charges.models import Charge

    with visit(PHONE) as watched:
        page = watched.page
        log_in(watched, site, staff.cashier.email)
        clicks = ["text=Nueva remisión", ".picks button:has-text('urgencias')", ".save-bar button", "[name=exacto]",
                  "text=Imprimir comprobante"]  # fmt: skip
        for number, target in enumerate(clicks):
            with page.expect_navigation(wait_until="networkidle"):
                page.click(target)
            watched.looks_right(f"desk-390-30-mouse-{number}")
        assert len(clicks) <= 6
        assert "Comprobante de pago" in page.inner_text("main")
        assert Charge.objects.get().is_paid


@pytest.mark.parametrize(("size", "name"), SIZES)
def test_the_day_of_a_register(visit: Any, site: Site, staff: Hospital, size: dict[str, int], name: str) -> None:
    from emite.charges.models import RegisterSession
    from tests import make

    charge = make.paid_charge(staff, [make.line(quantity=Decimal(2)), make.line(description="Curación")])
    session = RegisterSession.objects.get(register=staff.register)
    slip = charge.slips.get()
    with visit(size) as watched:
        page = watched.page
        log_in(watched, site, staff.cashier.email)
        for number, address in enumerate(
            (
                "cortes/",
                f"cortes/{session.pk}/",
                f"cortes/{session.pk}/contar/",
                f"pagos/{slip.pk}/cancelar/",
                f"remisiones/{charge.pk}/devolucion/",
                f"remisiones/{charge.pk}/codigo/compartir/",
                f"remisiones/{charge.pk}/codigo/",
            ),
            31,
        ):
            watched.go(f"{site.url}/caja/{address}")
            watched.looks_right(f"desk-{name}-{number}-cash")
            assert page_fits(watched), address
        watched.go(f"{site.url}/caja/remisiones/{charge.pk}/devolucion/")
        page.fill("ul.slips input >> nth=0", "1")
        with page.expect_navigation(wait_until="networkidle"):
            page.keyboard.press("Enter")
        watched.looks_right(f"desk-{name}-38-refund")
        watched.go(f"{site.url}/caja/cortes/{session.pk}/contar/")
        page.fill("[name=p_100]", "4")
        with page.expect_navigation(wait_until="networkidle"):
            page.keyboard.press("Enter")
        watched.looks_right(f"desk-{name}-39-difference")
        page.fill("[name=reason]", "Faltó registrar un retiro")
        with page.expect_navigation(url=f"**/cortes/{session.pk}/", wait_until="networkidle"):
            page.keyboard.press("Enter")
        watched.looks_right(f"desk-{name}-40-corte")
        watched.go(f"{site.url}/caja/cortes/{session.pk}/imprimir/")
        watched.looks_right(f"desk-{name}-41-corte-paper")


@pytest.mark.parametrize("paper", ["80mm", "carta"])
def test_what_the_browser_prints_fits_and_reads_back(visit: Any, site: Site, staff: Hospital, paper: str) -> None:
    from tests import make

    charge = make.paid_charge(staff)
    with visit(DESKTOP) as watched:
        log_in(watched, site, staff.cashier.email)
        watched.go(f"{site.url}/caja/remisiones/{charge.pk}/")
        with watched.page.expect_navigation(url="**/ticket/1/", wait_until="networkidle"):
            watched.page.keyboard.press("p")
        watched.go(f"{watched.page.url}?papel={paper}")
        printed = watched.page.pdf(prefer_css_page_size=True)

    import pypdfium2

    document = pypdfium2.PdfDocument(printed)
    width = document[0].get_width() / 72 * 25.4
    assert round(width) == {"80mm": 80, "carta": 216}[paper]
    assert len(document) == 1
    text = document[0].get_textpage().get_text_bounded()
    assert make.code(charge)[:4] in text
    assert "Abrir PDF" not in text
    picture = document[0].render(scale=4).to_pil()
    # Letters in a row may pass for bars: only the square is asked for.
    codes = [found.text for found in zxingcpp.read_barcodes(picture, formats=zxingcpp.BarcodeFormat.QRCode)]
    assert [code.rsplit("/", 1)[1] for code in codes] == [make.code(charge)]


@pytest.mark.parametrize(("size", "name"), SIZES)
def test_counter_invoice_arrives_while_one_looks(
    visit: Any, site: Site, staff: Hospital, size: dict[str, int], name: str
) -> None:
    from tests import make

    charge = make.paid_charge(staff)
    with visit(size) as watched, working():
        page = watched.page
        log_in(watched, site, staff.biller.email)
        watched.go(f"{site.url}/caja/remisiones/{charge.pk}/factura/")
        page.wait_for_selector("input:focus")
        page.keyboard.type("XOJI740919U48")
        watched.answered("/opciones/", lambda: page.keyboard.press("Tab"))
        page.keyboard.type("76028")
        page.keyboard.press("Tab")
        page.keyboard.type("Ingrid Xodar Jimenez")
        watched.answered("/opciones/", lambda: page.select_option("[name=regimen_fiscal]", "605"))
        page.wait_for_selector("[name=uso_cfdi] option[value=D01]:checked", state="attached")
        watched.looks_right(f"desk-{name}-7-invoice")
        page.focus("[name=email]")
        with page.expect_navigation(url="**/#factura"):
            page.keyboard.press("Enter")
        page.wait_for_selector("#factura .badge-good")
        page.click("text=Historia de la factura")
        watched.looks_right(f"desk-{name}-8-invoiced")
        with page.expect_download() as download:
            page.click("text=XML")
        assert download.value.suggested_filename.endswith(".xml")


def test_errors_take_the_focus_and_lose_nothing(visit: Any, site: Site, staff: Hospital) -> None:
    with visit(DESKTOP) as watched:
        page = watched.page
        log_in(watched, site, staff.cashier.email)
        watched.go(f"{site.url}/caja/remisiones/nueva/")
        watched.answered("/calculo/", lambda: page.fill("[name=l0-description]", "Férula a la medida"))
        watched.answered("/calculo/", lambda: page.fill("[name=l0-unit_price]", "12,50"))
        with page.expect_navigation(wait_until="networkidle"):
            page.keyboard.press("Enter")
        watched.looks_right("desk-1280-9-errors")
        assert page.evaluate("document.activeElement.className") == "summary"
        assert page.input_value("[name=l0-description]") == "Férula a la medida"
        assert page.input_value("[name=l0-unit_price]") == "12,50"
        page.click(".summary a >> nth=0")
        assert page.evaluate("document.activeElement.name") == "l0-unit_price"


def test_a_script_that_comes_late_takes_no_field_from_who_types(visit: Any, site: Site, staff: Hospital) -> None:
    held: list[Route] = []
    with visit(PHONE) as watched:
        page = watched.page
        page.route("**/forms*.js", lambda route: held.append(route))  # noqa: PLW0108 - playwright marks what it is given
        page.goto(f"{site.url}/entrar/", wait_until="commit")
        page.get_by_label("Contraseña").fill("no es esta")
        page.get_by_role("button", name="Entrar").click(no_wait_after=True)
        page.locator(".summary").wait_for()
        page.get_by_label("Correo electrónico").fill("caja@")
        with page.expect_event("load"):
            held[-1].continue_()
        page.keyboard.type("santelmo.mx")
        assert page.get_by_label("Correo electrónico").input_value() == "caja@santelmo.mx"


def test_sums_move_as_one_types(visit: Any, site: Site, staff: Hospital) -> None:
    with visit(DESKTOP) as watched:
        page = watched.page
        log_in(watched, site, staff.cashier.email)
        watched.go(f"{site.url}/caja/remisiones/nueva/")
        page.wait_for_selector("input:focus")
        page.keyboard.type("CON-02")
        watched.answered("/calculo/?todo=1", lambda: page.keyboard.press("Tab"))
        page.wait_for_selector("text=$1,102.00")
        assert page.input_value("[name=l0-description]") == "Consulta de especialidad"
        watched.answered("/calculo/", lambda: page.fill("[name=l0-quantity]", "3"))
        page.wait_for_selector("text=$3,306.00")
        page.click("text=Agregar línea")
        page.wait_for_selector("[name=l1-code]")
        assert page.evaluate("document.activeElement.name") == "l1-code"
        page.keyboard.type("urg")
        page.wait_for_selector("#servicios option[value='URG-01']", state="attached")
        assert watched.wrong == []


def test_road_without_scripts(visit: Any, site: Site, staff: Hospital) -> None:
    with visit(PHONE, javascript=False) as watched:
        page = watched.page
        watched.go(f"{site.url}/entrar/")
        page.fill("[name=email]", staff.cashier.email)
        page.fill("[name=password]", PASSWORD)
        page.click("button:has-text('Entrar')")
        page.click("text=Nueva remisión")
        page.fill("[name=l0-code]", "con-02")
        page.click("button:has-text('Agregar línea')")
        assert page.input_value("[name=l0-unit_price]") == "950.00"
        page.fill("[name=l1-code]", "URG-01")
        page.click("button:has-text('Actualizar')")
        page.wait_for_selector("text=$3,248.00")
        page.click(".save-bar button")
        page.check("[name=forma_pago][value='04']")
        page.click("button:has-text('Registrar pago')")
        page.click("button:has-text('Imprimir comprobante')")
        assert "Comprobante de pago" in page.inner_text("main")
        watched.shot("desk-390-10-without-scripts")


@pytest.mark.parametrize(("size", "name"), SIZES)
def test_pages_of_the_administrator(visit: Any, site: Site, staff: Hospital, size: dict[str, int], name: str) -> None:
    from tests import make

    charge, owed = make.paid_charge(staff), make.charge(staff)
    with visit(size) as watched:
        log_in(watched, site, staff.admin.email)
        watched.looks_right(f"desk-{name}-11-home")
        for number, address in enumerate(
            (
                "cajas/",
                "emisor/",
                "mejoras/",
                f"remisiones/{charge.pk}/codigo/",
                f"remisiones/{charge.pk}/codigo/anular/",
                f"remisiones/{owed.pk}/cancelar/",
                "?q=nadie",
            ),
            12,
        ):
            watched.go(f"{site.url}/caja/{address}")
            watched.looks_right(f"desk-{name}-{number}-{address.split('/')[0].strip('?')}")
            assert page_fits(watched), address


def page_fits(watched: Watched) -> bool:
    """Nothing sticks out to the right."""
    return bool(watched.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def test_search_key_and_history(visit: Any, site: Site, staff: Hospital) -> None:
    from tests import make

    make.paid_charge(staff, patient_name="Ana Núñez")
    make.charge(staff, patient_name="Beto Ruiz")
    with visit(DESKTOP) as watched:
        page = watched.page
        log_in(watched, site, staff.cashier.email)
        page.keyboard.press("/")
        page.keyboard.type("nunez")
        with page.expect_navigation(url="**/caja/?q=nunez", wait_until="networkidle"):
            page.keyboard.press("Enter")
        assert "Ana Núñez" in page.inner_text("table")
        assert "Beto Ruiz" not in page.inner_text("table")
        watched.looks_right("desk-1280-19-search")
