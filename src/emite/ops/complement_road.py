"""The road from the invoice to the insurer until "Complemento Cargado": received, approved, paid, complemented.

It goes on where `practice_roads.insurer_invoice` ends. How a road is walked and told is in `roads`.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from emite.cfdi.xml import parse
from emite.cfdi.xml_pagos_read import read_pagos
from emite.ops.practice_roads import CONTROL_NUMBER, PHYSICIAN
from emite.ops.roads import PATIENCE_SECONDS, Ground, Steps, await_link, file_of, log_in, save, told
from emite.ops.visiting import Lost, Page, Visitor

INSURER_USER = "cuentas@laceiba.demo"
_INVOICES = "/consultorio/finanzas/facturacion/facturas/"


def complement(ground: Ground, out: Path) -> dict[str, Any]:
    """The insurer approves and pays; the physician sees PAGADO and generates the complement, which it receives."""
    steps, insurer, physician = Steps(), Visitor(ground.site), Visitor(ground.site)
    log_in(insurer, INSURER_USER, ground.password, home="/aseguradora")
    page = insurer.get(_await_row(insurer, "/aseguradora/bandeja/?ver=todas", CONTROL_NUMBER, "").link("/facturas/"))
    steps.done("bandeja")
    page = insurer.submit(page, {}, has="reason", button=("accion", "aprobar"))
    steps.done("aprobada")
    page = insurer.get("/aseguradora/pagos/registrar/")
    invoice = page.tree.xpath("//input[@name='factura']/@value")
    if not invoice:
        raise Lost(f"la aseguradora no tiene qué pagar: {page.text[:500]}")
    page = insurer.submit(page, {"factura": str(invoice[0]), "operation": "TRF-0001"}, has="key")
    if page.status != 200 or "Se registró el pago" not in page.text:
        raise Lost(f"el pago no se registró ({page.status}): {page.text[:500]}")
    steps.done("pago")
    log_in(physician, PHYSICIAN, ground.password, home="/consultorio/")
    page = _await_row(physician, _INVOICES, CONTROL_NUMBER, "PAGADO")
    page = physician.get(page.link("/complementos/facturas/"))
    leads = page.tree.xpath("//a[contains(., 'Generar complemento de Pago')]/@href")
    if not leads:
        raise Lost(f"el pago no pide su complemento: {page.text[:500]}")
    page = physician.get(str(leads[0]))
    steps.done("vista")
    address = page.url
    page = physician.submit_form(page, _generating(page), {})
    page = await_link(physician, address, "/complemento.xml", "el complemento no se timbró")
    steps.done("timbre")
    xml = file_of(physician, page.link("/complemento.xml"), "application/xml")
    pagos = read_pagos(parse(xml))
    if pagos is None or any(each.saldo_insoluto for pago in pagos.pagos for each in pago.documentos):
        raise Lost("complemento.xml: no deja la factura en ceros")
    save(out / "complemento.xml", xml)
    save(out / "complemento.pdf", file_of(physician, page.link("/complemento.pdf"), "application/pdf"))
    steps.done("archivos")
    _await_row(physician, _INVOICES, CONTROL_NUMBER, "Complemento Cargado")
    steps.done("cargado")
    return {"complemento": told(xml, "complemento.xml", steps, ground)}


def _await_row(visitor: Visitor, address: str, name: str, words: str) -> Page:
    """The list at this address, once the row of that name says these words."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        page = visitor.get(address)
        rows = ["".join(row.itertext()) for row in page.tree.xpath("//tbody/tr")]
        if any(name in row and words in row for row in rows):
            return page
        if time.monotonic() > deadline:
            raise Lost(f"{address}: {name} no llegó a «{words}»: {page.text[:500]}")
        time.sleep(0.2)


def _generating(page: Page) -> Any:
    for form in page.tree.forms:
        if (form.get("action") or "").endswith("/generar/"):
            return form
    raise Lost(f"{page.url}: no hay botón «Generar complemento de Pago»: {page.text[:300]}")
