"""The roads of a practice walked without a person: the invoice of a month's services to the insurer.

By the words of the insurers' guide and in its order. How a road is walked and told is in `roads`.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from emite.cfdi.xml import parse
from emite.ops.roads import Ground, Steps, await_link, file_of, log_in, save, told
from emite.ops.visiting import Lost, Page, Visitor

PHYSICIAN, INSURER = "doctor@consultorio.demo", "Seguros La Ceiba"
CONTROL_NUMBER = "ARRIAGA-0001"
_BILLING = "/consultorio/finanzas/facturacion"


def insurer_invoice(ground: Ground, out: Path) -> dict[str, Any]:
    """Servicios realizados, + Registrar Factura, Seleccionar todos, Terminar, Factura emite, its files."""
    steps, physician = Steps(), Visitor(ground.site)
    log_in(physician, PHYSICIAN, ground.password, home="/consultorio/")
    steps.done("entrar")
    page = physician.get(f"{_BILLING}/servicios/")
    today = dt.datetime.now(dt.UTC).date()
    asked = {"desde": (today - dt.timedelta(days=32)).isoformat(), "hasta": (today + dt.timedelta(days=1)).isoformat()}
    page = physician.get(f"{_BILLING}/servicios/?{urlencode(asked | {'aseguradora': _option(page, INSURER)})}")
    if page.status != 200 or "Monto total de servicios" not in page.text:
        raise Lost(f"no hay lista de servicios ({page.status}): {page.text[:500]}")
    steps.done("servicios")
    page = physician.submit(
        physician.get(page.link("/facturas/registrar/")), {"control": CONTROL_NUMBER}, has="control"
    )
    if page.status != 200 or not page.url.endswith("/servicios/"):
        raise Lost(f"la factura no se registró ({page.status}): {page.text[:500]}")
    steps.done("registrar")
    page = physician.submit(page, {"todos": "1"}, has="todos", button=("accion", "terminar"))
    if page.status != 200 or "Factura emite" not in page.text:
        raise Lost(f"los servicios no se eligieron ({page.status}): {page.text[:500]}")
    steps.done("elegir")
    address = page.url
    page = physician.submit_form(page, _issuing(page), {})
    page = await_link(physician, address, "/cfdi.xml", "la factura a la aseguradora no se timbró")
    steps.done("timbre")
    xml = file_of(physician, page.link("/cfdi.xml"), "application/xml")
    if parse(xml).get("Folio") != CONTROL_NUMBER:
        raise Lost("aseguradora-factura.xml: el folio no es el No de Control Interno")
    save(out / "aseguradora-factura.xml", xml)
    save(out / "aseguradora-factura.pdf", file_of(physician, page.link("/cfdi.pdf"), "application/pdf"))
    steps.done("archivos")
    return {"aseguradora-factura": told(xml, "aseguradora-factura.xml", steps, ground)}


def _option(page: Page, label: str) -> str:
    """The value behind an option of the list of insurers."""
    for option in page.tree.xpath("//select[@name='aseguradora']/option"):
        if (option.text or "").strip() == label:
            return str(option.get("value"))
    raise Lost(f"{page.url}: la lista no tiene a {label}: {page.text[:300]}")


def _issuing(page: Page) -> Any:
    for form in page.tree.forms:
        if (form.get("action") or "").endswith("/emitir/"):
            return form
    raise Lost(f"{page.url}: no hay botón «Factura emite»: {page.text[:300]}")
