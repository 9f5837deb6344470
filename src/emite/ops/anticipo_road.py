"""The road of a deposit: taken and invoiced at the counter, applied to an account, and the note that discounts it.

Path A of SAT's guide, as every organization has it until it chooses. How a road is walked and told is in `roads`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from emite.ops.roads import PATIENT, Ground, Steps, await_link, file_of, log_in, new_remision, pay, save, told
from emite.ops.visiting import Lost, Page, Visitor

DEPOSIT = "500.00"


def anticipo(ground: Ground, out: Path) -> dict[str, Any]:
    """Three CFDI: the deposit's, the account's related to it, and the egreso that follows by itself."""
    steps, biller = Steps(), Visitor(ground.site)
    log_in(biller, "factura@santelmo.demo", ground.password)
    typed = {"patient_name": "Ana Torres Luna", "amount": DEPOSIT, "treatment": "iva16"}
    page = biller.submit(biller.get("/caja/anticipos/nuevo/"), typed, has="treatment")
    if page.status != 200 or "Anticipo ANT-" not in page.text:
        raise Lost(f"el anticipo no se creó ({page.status}): {page.text[:500]}")
    deposit = pay(biller, page).url.partition("?")[0]
    steps.done("anticipo_cobrado")
    received = _invoiced(biller, deposit, "el anticipo")
    steps.done("anticipo_facturado")

    account = new_remision(biller).url.partition("?")[0]
    page = biller.submit(biller.get(f"{account}anticipo/"), {"amount": DEPOSIT}, has="deposit")
    if page.status != 200 or "Anticipo aplicado" not in page.text:
        raise Lost(f"el anticipo no se aplicó ({page.status}): {page.text[:500]}")
    pay(biller, page)
    steps.done("anticipo_aplicado")
    whole = _invoiced(biller, account, "la cuenta")
    steps.done("cuenta_facturada")
    page = await_link(biller, account, "/xml", "la nota del anticipo no se timbró", under="/notas-de-credito/")
    steps.done("nota")

    found = {
        "anticipo": (received, _file(biller, deposit, "pdf")),
        "anticipo-cuenta": (whole, _file(biller, account, "pdf")),
        "anticipo-nota": tuple(_of_note(biller, page, kind) for kind in ("xml", "pdf")),
    }
    for name, (xml, pdf) in found.items():
        save(out / f"{name}.xml", xml)
        save(out / f"{name}.pdf", pdf)
    steps.done("archivos")
    return {name: told(xml, f"{name}.xml", steps, ground) for name, (xml, _) in found.items()}


def _invoiced(biller: Visitor, charge: str, what: str) -> bytes:
    """Asked for at the counter, and its XML once it is stamped."""
    biller.submit(biller.get(f"{charge}factura/"), PATIENT | {"email": ""}, has="rfc")
    await_link(biller, charge, "/factura/xml", f"{what} no se timbró")
    return _file(biller, charge, "xml")


def _file(biller: Visitor, charge: str, kind: str) -> bytes:
    return file_of(biller, f"{charge}factura/{kind}", f"application/{kind}")


def _of_note(biller: Visitor, page: Page, kind: str) -> bytes:
    links = [href for href in page.tree.xpath("//a/@href") if "/notas-de-credito/" in href]
    return file_of(biller, next(href for href in links if href.endswith(f"/{kind}")), f"application/{kind}")
