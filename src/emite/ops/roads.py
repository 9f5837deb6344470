"""The roads walked without a person, through the real pages: what `emite demo --once` does and leaves behind.

Every step goes over HTTP as a browser without JavaScript would; documents and times land in one folder.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emite.cfdi import acuse, check, timbre
from emite.cfdi.xml import parse
from emite.ops.visiting import Lost, Page, Visitor

#: How long the road waits for the stamp before it says that something is wrong.
PATIENCE_SECONDS = 30.0
PATIENT = {
    "rfc": "XOJI740919U48",
    "nombre": "INGRID XODAR JIMENEZ",
    "domicilio_fiscal": "76028",
    "regimen_fiscal": "605",
    "uso_cfdi": "D01",
    "email": "ingrid@correo.demo",
}


@dataclass
class Steps:
    """Milliseconds of each step, in the order they happened."""

    milliseconds: dict[str, float] = field(default_factory=dict)
    _since: float = field(default_factory=time.perf_counter)

    def done(self, name: str) -> None:
        now = time.perf_counter()
        self.milliseconds[name] = round((now - self._since) * 1000, 1)
        self._since = now


@dataclass(frozen=True, slots=True)
class Ground:
    """Where the roads lie: an installation with the demo's seed."""

    site: str
    slug: str
    password: str
    trust: Path
    """Folder of the certificates of its own test authority."""


#: Walks one road, leaves its documents in a folder and says what became of each.
Road = Callable[[Ground, Path], dict[str, Any]]


def walk(ground: Ground, out: Path, more: Sequence[Road] = ()) -> bool:
    """Walk every road against a running installation; True when all ended as they should. Says why when not."""
    out.mkdir(parents=True, exist_ok=True)
    summary: dict[str, Any] = {"ok": False, "documents": {}}
    try:
        for road in (_remision, _global, _substitution, _credit_note, *more):
            summary["documents"] |= road(ground, out)
        summary["ok"] = all(document["status"] == "timbrada" for document in summary["documents"].values())
    except Lost as lost:
        summary["error"] = str(lost)
        print(f"emite demo: el camino se perdió. {lost}", flush=True)
    text = json.dumps(summary, ensure_ascii=False, indent=2)
    (out / "summary.json").write_text(text + "\n", encoding="utf-8")
    if summary["ok"]:
        print(f"Los documentos están en {out.resolve()}", flush=True)
    return bool(summary["ok"])


def _remision(ground: Ground, out: Path) -> dict[str, Any]:
    """The hospital charges on a remisión; the patient invoices it alone."""
    steps, slug = Steps(), ground.slug
    cashier = Visitor(ground.site)
    log_in(cashier, "caja@santelmo.demo", ground.password)
    steps.done("entrar")
    page = new_remision(cashier)
    charge_url = page.url.partition("?")[0]
    steps.done("remision")
    page = pay(cashier, page)
    steps.done("pago")
    ticket = _print(cashier, cashier.get(charge_url), "ticket")
    save(out / "remision-ticket.pdf", pdf_of(cashier, ticket))
    steps.done("ticket")
    slip = _print(cashier, cashier.get(charge_url), "pagos")
    save(out / "remision-pago.pdf", pdf_of(cashier, slip))
    steps.done("comprobante")

    patient = Visitor(ground.site)
    page = patient.get(f"/q/{slug}/{code_of(ticket)}")
    if "/cargo/" not in page.url:
        raise Lost(f"el QR no abrió el cargo sino {page.url}: {page.text[:300]}")
    steps.done("portal_cargo")
    page = patient.get(f"/f/{slug}/datos/")
    page = patient.submit(page, PATIENT, has="rfc")
    if page.status != 200 or "/factura/" not in page.url:
        raise Lost(f"los datos no se aceptaron ({page.status}): {page.text[:500]}")
    steps.done("portal_datos")
    await_stamp(patient, slug)
    steps.done("timbre")
    xml = file_of(patient, f"/f/{slug}/factura/xml", "application/xml")
    save(out / "remision-factura.xml", xml)
    steps.done("xml")
    save(out / "remision-factura.pdf", file_of(patient, f"/f/{slug}/factura/pdf", "application/pdf"))
    steps.done("pdf")
    return {"remision-factura": told(xml, "remision-factura.xml", steps, ground)}


def _global(ground: Ground, out: Path) -> dict[str, Any]:
    """What nobody asked an invoice for goes into the day's factura global."""
    steps = Steps()
    cashier = Visitor(ground.site)
    log_in(cashier, "caja@santelmo.demo", ground.password)
    pay(cashier, new_remision(cashier))
    steps.done("remision_pagada")
    biller = Visitor(ground.site)
    log_in(biller, "factura@santelmo.demo", ground.password)
    page = biller.submit(biller.get("/caja/cierre/?tipo=01"), {}, has="emisor")
    if page.status != 200 or not re.search(r"/caja/cierre/[0-9a-f-]{36}/", page.url):
        raise Lost(f"el periodo no se cerró ({page.status}): {page.text[:500]}")
    steps.done("cierre")
    page = _await_global(biller, page)
    steps.done("timbre")
    xml = file_of(biller, page.link("/1/xml"), "application/xml")
    save(out / "global.xml", xml)
    save(out / "global.pdf", file_of(biller, page.link("/1/pdf"), "application/pdf"))
    steps.done("archivos")
    return {"global": told(xml, "global.xml", steps, ground)}


def _substitution(ground: Ground, out: Path) -> dict[str, Any]:
    """An invoice of the counter has the wrong uso: another takes its place, and the SAT cancels the first."""
    steps, biller = Steps(), Visitor(ground.site)
    log_in(biller, "factura@santelmo.demo", ground.password)
    charge = pay(biller, new_remision(biller)).url.partition("?")[0]
    biller.submit(biller.get(f"{charge}factura/"), PATIENT | {"email": ""}, has="rfc")
    page = await_words(biller, charge, "Corregir datos", "la factura de caja no se timbró")
    wrong = file_of(biller, f"{charge}factura/xml", "application/xml")
    steps.done("factura")
    page = biller.submit(biller.get(page.link("/corregir/")), {"uso_cfdi": "S01"}, has="rfc")
    if page.status != 200 or "/cancelacion/" not in page.url:
        raise Lost(f"la sustitución no se aceptó ({page.status}): {page.text[:500]}")
    page = await_words(biller, page.url, "Sustituida", "la factura anterior no se canceló")
    steps.done("sustitucion")
    xml = file_of(biller, page.link("/sustitucion.xml"), "application/xml")
    save(out / "sustitucion.xml", xml)
    save(out / "sustitucion.pdf", file_of(biller, page.link("/sustitucion.pdf"), "application/pdf"))
    received = file_of(biller, page.link("/acuse.xml"), "application/xml")
    first = timbre.read(parse(wrong))
    assert first is not None
    try:
        acuse.read(received, rfc_emisor=_emisor(wrong), uuids=frozenset({first.uuid}))
    except acuse.AcuseInvalid as invalid:
        raise Lost(f"acuse-cancelacion.xml: {invalid.reason}") from invalid
    save(out / "acuse-cancelacion.xml", received)
    steps.done("archivos")
    return {"sustitucion": told(xml, "sustitucion.xml", steps, ground)}


def await_words(visitor: Visitor, address: str, words: str, trouble: str) -> Page:
    """The page at this address, once it says so."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while words not in (page := visitor.get(address)).text:
        if time.monotonic() > deadline:
            raise Lost(f"{trouble}: {page.text[:500]}")
        time.sleep(0.1)
    return page


def _credit_note(ground: Ground, out: Path) -> dict[str, Any]:
    """A part of what was invoiced is given back: a nota de crédito takes it from the invoice."""
    steps, biller = Steps(), Visitor(ground.site)
    log_in(biller, "factura@santelmo.demo", ground.password)
    charge = pay(biller, new_remision(biller)).url.partition("?")[0]
    biller.submit(biller.get(f"{charge}factura/"), PATIENT | {"email": ""}, has="rfc")
    page = await_link(biller, charge, "/nota-de-credito/", "la factura de caja no se timbró")
    steps.done("factura")
    wanted = {"reason": "devolucion", "how": "importe", "amount": "116.00", "explanation": "Servicio que no se prestó"}
    page = biller.submit(
        biller.get(page.link("/nota-de-credito/")), wanted, has="explanation", button=("accion", "revisar")
    )
    page = biller.submit(page, wanted, has="explanation", button=("accion", "emitir"))
    if page.status != 200 or "Nota de crédito solicitada" not in page.text:
        raise Lost(f"la nota de crédito no se aceptó ({page.status}): {page.text[:500]}")
    page = await_link(biller, charge, "/xml", "la nota de crédito no se timbró", under="/notas-de-credito/")
    steps.done("nota")
    links = [href for href in page.tree.xpath("//a/@href") if "/notas-de-credito/" in href]
    xml = file_of(biller, next(href for href in links if href.endswith("/xml")), "application/xml")
    save(out / "nota-credito.xml", xml)
    pdf = next(href for href in links if href.endswith("/pdf"))
    save(out / "nota-credito.pdf", file_of(biller, pdf, "application/pdf"))
    steps.done("archivos")
    return {"nota-credito": told(xml, "nota-credito.xml", steps, ground)}


def await_link(visitor: Visitor, address: str, ending: str, trouble: str, *, under: str = "") -> Page:
    """The page at this address, once it leads there."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        page = visitor.get(address)
        if any(href.endswith(ending) and under in href for href in page.tree.xpath("//a/@href")):
            return page
        if time.monotonic() > deadline:
            raise Lost(f"{trouble}: {page.text[:500]}")
        time.sleep(0.1)


def _await_global(biller: Visitor, page: Page) -> Page:
    """The page of a closing, once its first document is stamped."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not any("/1/xml" in href for href in page.tree.xpath("//a/@href")):
        if time.monotonic() > deadline or "Rechazada" in page.text:
            raise Lost(f"la factura global no se timbró: {page.text[:500]}")
        time.sleep(0.05)
        page = biller.get(page.url)
    return page


def log_in(visitor: Visitor, email: str, password: str, *, home: str = "/caja") -> None:
    """Enter, and be led to one's own home. Raises Lost."""
    page = visitor.submit(visitor.get("/entrar/"), {"email": email, "password": password}, has="password")
    if page.status != 200 or home not in page.url:
        raise Lost(f"no se pudo entrar como {email}: {page.text[:300]}")


def new_remision(cashier: Visitor) -> Page:
    """Two services of the price list and a patient's name."""
    page = cashier.submit(cashier.get("/caja/remisiones/nueva/"), {"l0-code": "URG-01"}, has="l0-code",
                          button=("accion", "agregar"))  # fmt: skip
    page = cashier.submit(
        page,
        {"l0-code": "URG-01", "l1-code": "FAR-21", "l1-quantity": "2", "patient_name": "Ana Torres Luna"},
        has="l1-code",
        button=("accion", "guardar"),
    )
    if page.status != 200 or not re.search(r"/caja/remisiones/[0-9a-f-]{36}/", page.url):
        raise Lost(f"la remisión no se creó ({page.status}): {page.text[:500]}")
    return page


def pay(cashier: Visitor, page: Page) -> Page:
    page = cashier.submit(page, {"forma_pago": "04"}, has="forma_pago")
    if page.status != 200 or "registrado" not in page.text:
        raise Lost(f"el pago no se registró ({page.status}): {page.text[:500]}")
    return page


def _print(cashier: Visitor, page: Page, what: str) -> Page:
    """Press the print button of the ticket or of the payment; the paper that opens."""
    for form in page.tree.forms:
        action = form.get("action") or ""
        if action.endswith("/imprimir/") and (("/pagos/" in action) == (what == "pagos")):
            return cashier.submit_form(page, form, {})
    raise Lost(f"{page.url}: no hay botón para imprimir «{what}»: {page.text[:300]}")


def pdf_of(cashier: Visitor, paper: Page) -> bytes:
    return file_of(cashier, paper.link(".pdf"), "application/pdf")


def file_of(visitor: Visitor, address: str, kind: str) -> bytes:
    page = visitor.get(address)
    if page.status != 200 or page.kind != kind:
        raise Lost(f"{address}: se esperaba {kind} y llegó {page.kind} ({page.status})")
    return page.body


def code_of(ticket: Page) -> str:
    """The code as a person reads it on the paper."""
    found = re.search(r"\b([0-9A-Z]{4}(?:[-\s][0-9A-Z]{4}){3})\b", ticket.text)
    if not found:
        raise Lost(f"el ticket no muestra el código: {ticket.text[:500]}")
    return re.sub(r"[-\s]", "", found.group(1))


def await_stamp(patient: Visitor, slug: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    page = patient.get(f"/f/{slug}/factura/")
    while time.monotonic() < deadline:
        if any("/factura/xml" in href for href in page.tree.xpath("//a/@href")):
            return
        if "/factura/" not in page.url:
            raise Lost(f"el PAC rechazó la factura: {page.text[:500]}")
        time.sleep(0.05)
        page = patient.get(f"/f/{slug}/factura/")
    raise Lost(f"la factura no se timbró en {PATIENCE_SECONDS:.0f} s: {page.text[:300]}")


def told(xml: bytes, name: str, steps: Steps, ground: Ground) -> dict[str, Any]:
    """What summary.json says of a document. Raises Lost when `emite check` finds anything in it."""
    stamp = timbre.read(parse(xml))
    authorities, signers = check.own_trust(ground.trust)
    faults = check.check_file(xml, authorities=authorities, signers=signers, now=dt.datetime.now(dt.UTC))
    if stamp is None or faults:
        raise Lost(f"{name}: {'; '.join(map(str, faults)) or 'sin timbre'}")
    return {"uuid": stamp.uuid, "status": "timbrada", "milliseconds": steps.milliseconds}


def _emisor(xml: bytes) -> str:
    emisor = parse(xml).find("{*}Emisor")
    return "" if emisor is None else emisor.get("Rfc", "")


def save(path: Path, data: bytes) -> None:
    path.write_bytes(data)
