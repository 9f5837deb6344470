"""Takes the pictures of the README and of the guides from a demo of its own: `make pictures`.

Starts the demo in a folder that it throws away, walks it as a patient, a cashier, a biller and an administrator, and
leaves small WebP files in docs/guia/img and the two PNG files of the README in docs/imagenes.
"""

from __future__ import annotations

import datetime as dt
import io
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from emite.ops.demo import free_port
from emite.ops.roads import PATIENT
from tests.flows.browsing import DESKTOP, PHONE, launch

DOCS = Path(__file__).parents[2] / "docs"
FOLDER, README = DOCS / "guia" / "img", DOCS / "imagenes"
#: Days of a hospital, so that lists and charts have something to show.
REMISIONES = "folio_externo,paciente,codigo,cantidad,forma_pago,pagado\n" + "".join(
    f"HIS-{number},{name},{code},{count},{form},{paid}\n"
    for number, (name, code, count, form, paid) in enumerate(
        (
            ("Rosa Mejía Cruz", "CON-02", 1, "04", "1102.00"),
            ("Iván Solano Paz", "URG-01", 1, "28", "2146.00"),
            ("Elena Duarte Gil", "HAB-01", 2, "03", "5568.00"),
            ("Tomás Arce Luna", "LAB-10", 3, "01", "974.40"),
            ("Nora Vidal Ríos", "RX-03", 1, "", ""),
        ),
        1041,
    )
)


def main() -> None:
    for folder in (FOLDER, README):
        folder.mkdir(parents=True, exist_ok=True)
    with demo() as (site, code), sync_playwright() as playwright:
        browser = launch(playwright)
        phone = browser.new_context(viewport=PHONE, device_scale_factor=1.5, locale="es-MX").new_page()
        _patient(phone, site, code)
        _biller(_person(browser, site, "factura"), site)
        _cashier(_person(browser, site, "caja"), site)
        _administrator(_person(browser, site, "admin"), site)
        browser.close()
    sizes = [path.stat().st_size for path in FOLDER.iterdir()]
    print(f"{len(sizes)} imágenes en {FOLDER}, {sum(sizes) // 1024} KB.")


@contextmanager
def demo() -> Iterator[tuple[str, str]]:
    """Its address and the code of the ticket that is waiting for its patient."""
    data = tempfile.mkdtemp(prefix="emite-pictures-", dir="/tmp" if Path("/tmp").is_dir() else None)
    port = free_port()
    running = subprocess.Popen(
        [sys.executable, "-m", "emite", "demo", "--port", str(port)],
        env=os.environ | {"EMITE_DATA": data}, stdout=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        assert running.stdout
        for line in running.stdout:
            found = re.search(r"código +([0-9A-Z-]{19})", line)
            if found:
                break
        else:
            raise RuntimeError("the demo did not start")
        yield f"http://127.0.0.1:{port}", found[1]
    finally:
        running.send_signal(signal.SIGTERM)
        running.wait(60)
        shutil.rmtree(data, ignore_errors=True)


def _keep(page: Page, name: str) -> None:
    page.wait_for_load_state("networkidle")
    picture = Image.open(io.BytesIO(page.screenshot(caret="initial")))
    picture.save(FOLDER / f"{name}.webp", quality=78, method=6)


def _patient(page: Page, site: str, code: str) -> None:
    page.goto(f"{site}/f/san-telmo/")
    _keep(page, "paciente-codigo")
    page.goto(f"{site}/q/san-telmo/{code.replace('-', '')}")
    page.screenshot(path=README / "portal.png")
    _keep(page, "paciente-cargo")
    page.goto(f"{site}/f/san-telmo/datos/")
    for name, value in PATIENT.items():
        field = page.locator(f"[name={name}]")
        if name in ("regimen_fiscal", "uso_cfdi"):
            field.select_option(value)
        else:
            field.fill(value)
            field.blur()
        page.wait_for_load_state("networkidle")
    page.evaluate("window.scrollTo(0, 0)")
    _keep(page, "paciente-datos")
    page.get_by_role("button", name="Generar factura").click()
    page.wait_for_selector("a[href$='/factura/xml']", timeout=60_000)
    _keep(page, "paciente-factura")


def _person(browser: Browser, site: str, who: str) -> Page:
    page = browser.new_context(viewport=DESKTOP, locale="es-MX").new_page()
    page.goto(f"{site}/entrar/")
    page.fill("[name=email]", f"{who}@santelmo.demo")
    page.fill("[name=password]", "remision-demo")
    page.keyboard.press("Enter")
    page.wait_for_url("**/caja/**")
    return page


def _biller(page: Page, site: str) -> None:
    file = {"name": "remisiones.csv", "mimeType": "text/csv", "buffer": REMISIONES.encode()}
    page.goto(f"{site}/caja/remisiones/importar/")
    page.set_input_files("[name=archivo]", files=[file])  # type: ignore[list-item]
    page.get_by_role("button", name="Revisar sin importar").click()
    page.wait_for_selector("#revision")
    _keep(page, "caja-importar")
    page.set_input_files("[name=archivo]", files=[file])  # type: ignore[list-item]
    page.get_by_role("button", name="Importar todo").click()
    page.wait_for_url("**/tickets/**")
    page.goto(f"{site}/caja/?ver=por-facturar")
    page.locator("a.cover").first.click()
    page.get_by_role("link", name="Facturar en caja").click()
    _keep(page, "caja-facturar")
    page.goto(f"{site}/caja/tablero/")
    _keep(page, "cierre-tablero")
    page.goto(f"{site}/caja/cierre/")
    page.fill("main input[type=date]", dt.date.today().isoformat())
    page.get_by_role("button", name="Ver").click()
    _keep(page, "cierre-global")


def _cashier(page: Page, site: str) -> None:
    _keep(page, "caja-inicio")
    page.goto(f"{site}/caja/remisiones/nueva/")
    page.locator("button[name=accion][value^=elegir]").first.click()
    page.wait_for_load_state("networkidle")
    page.fill("[name=patient_name]", "Luis Prado Vega")
    _keep(page, "caja-nueva")
    page.keyboard.press("Enter")
    page.wait_for_selector("[name=forma_pago]")
    _keep(page, "caja-cobrar")
    page.goto(f"{site}/caja/?ver=facturadas")
    page.locator("a.cover").first.click()
    page.wait_for_load_state("networkidle")
    page.screenshot(path=README / "caja.png", caret="initial")
    page.get_by_role("button", name=re.compile("mprimir ticket")).first.click()
    _keep(page, "caja-ticket")
    page.goto(f"{site}/caja/cortes/")
    page.get_by_role("link", name=re.compile("Hacer corte|Contar")).first.click()
    _keep(page, "caja-corte")


def _administrator(page: Page, site: str) -> None:
    pages = (
        ("lista", "configuracion/"), ("emisor", "emisor/"), ("personas", "configuracion/personas/"),
        ("cajas", "cajas/"), ("mejoras", "mejoras/"), ("vinculo", "configuracion/vinculo/"),
    )  # fmt: skip
    for name, address in pages:
        page.goto(f"{site}/caja/{address}")
        _keep(page, f"configuracion-{name}")


if __name__ == "__main__":
    main()
