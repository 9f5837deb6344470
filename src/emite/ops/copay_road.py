"""The road of a copay: collected at the practice's register, and its ticket invoiced by the patient in its portal.

By the words of the insurers' guide and in its order. How a road is walked and told is in `roads`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from emite.cfdi.xml import parse
from emite.ops.practice_roads import PHYSICIAN
from emite.ops.roads import PATIENT, Ground, Steps, await_stamp, code_of, file_of, log_in, pdf_of, save, told
from emite.ops.visiting import Lost, Page, Visitor

SLUG = "consultorio-arriaga"
TREATED = "Ana Torres Luna"


def copay(ground: Ground, out: Path) -> dict[str, Any]:
    """Cobros, $ Pagar Servicio, Imprimir Ticket; then the patient follows the QR of the ticket to the invoice."""
    steps, physician = Steps(), Visitor(ground.site)
    log_in(physician, PHYSICIAN, ground.password, home="/consultorio/")
    steps.done("entrar")
    page = physician.get(f"/consultorio/finanzas/cobros/?{urlencode({'paciente': TREATED})}")
    page = physician.get(_paying(page))
    page = physician.submit(page, {"forma_1": "04"}, has="forma_1")
    if page.status != 200 or "Imprimir Ticket" not in page.text:
        raise Lost(f"el copago no se cobró ({page.status}): {page.text[:500]}")
    steps.done("pagar_servicio")
    save(out / "copago-ticket.pdf", pdf_of(physician, page))
    steps.done("ticket")

    patient = Visitor(ground.site)
    entered = patient.get(f"/q/{SLUG}/{code_of(page)}")
    if "/cargo/" not in entered.url:
        raise Lost(f"el QR no abrió el copago sino {entered.url}: {entered.text[:300]}")
    steps.done("portal_cargo")
    entered = patient.submit(patient.get(f"/f/{SLUG}/datos/"), PATIENT, has="rfc")
    if entered.status != 200 or "/factura/" not in entered.url:
        raise Lost(f"los datos del copago no se aceptaron ({entered.status}): {entered.text[:500]}")
    steps.done("portal_datos")
    await_stamp(patient, SLUG)
    steps.done("timbre")
    xml = file_of(patient, f"/f/{SLUG}/factura/xml", "application/xml")
    words = [each.get("Descripcion", "") for each in parse(xml).iterfind(".//{*}Concepto")]
    if len(words) != 1 or not words[0].startswith("Copago: "):
        raise Lost(f"copago-factura.xml: no es un copago sino {words}")
    save(out / "copago-factura.xml", xml)
    save(out / "copago-factura.pdf", file_of(patient, f"/f/{SLUG}/factura/pdf", "application/pdf"))
    steps.done("archivos")
    return {"copago-factura": told(xml, "copago-factura.xml", steps, ground)}


def _paying(page: Page) -> str:
    """Where the first "$ Pagar Servicio" leads."""
    leads = page.tree.xpath("//a[contains(., '$ Pagar Servicio')]/@href")
    if not leads:
        raise Lost(f"{page.url}: no hay copago por cobrar de {TREATED}: {page.text[:500]}")
    return str(leads[0])
