"""From a CFDI's representation to the text of its printed page. How it looks is in templates/invoice.typ.

What must be shown is `cfdi.representation`'s list (RMF 2.7.1.7, CFF 29-A); nothing of it is left out here.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from emite.cfdi.representation import Fiscal, Line, Representation, Tax
from emite.typeset import payment_page
from emite.typeset.columns import less, named, spaced, width
from emite.typeset.data import InvoicePrint
from emite.typeset.legible import Exact, pieces
from emite.typeset.written import day, moment, number, pesos, quantity

# Characters of a seal on one line: what 148 mm hold at 5.2 pt, with room for a line of wide letters.
SEAL_LINE = 150
NO_VALUE = "SIN VALOR FISCAL"
DRAFT = "BORRADOR - SIN VALIDEZ FISCAL"


def invoice_page(data: InvoicePrint) -> dict[str, Any]:
    """The page's data but for its `brand`. Raises ValueError for a type that this page cannot show."""
    cfdi = data.representation
    if cfdi.tipo.key not in {"I", "E", "P"}:
        raise ValueError(f"this page shows a CFDI of type I, E or P, not {cfdi.tipo.key}")
    number_text = "-".join(part for part in (cfdi.serie, cfdi.folio) if part)
    title = f"{cfdi.title} {number_text}".strip()
    paid = payment_page.parts(cfdi) if cfdi.tipo.key == "P" else None
    lines, columns = (paid.lines, paid.columns) if paid else _lines(cfdi.lines)
    return {
        "document": _document(cfdi, f"{title} · {data.branding.name}"),
        "attachments": [] if data.draft else [_attachment(cfdi)],
        "page": _page(data, title),
        "head": {"title": cfdi.title, "lines": _head(cfdi, number_text, data.cancelled_at)},
        "issuer": _issuer(cfdi),
        "receptor": _receptor(cfdi),
        "facts": paid.facts if paid else _facts(cfdi),
        "columns": columns,
        "lines": lines,
        "notes": [*(paid.notes if paid else []), *_notes(cfdi)],
        "totals": paid.totals if paid else _totals(cfdi),
        "total": paid.total if paid else [_in_currency("Total", cfdi), pesos(Decimal(cfdi.totals.total))],
        "fiscal": None if data.draft else _fiscal(cfdi.fiscal),
    }


def _attachment(cfdi: Representation) -> dict[str, str]:
    return {"file": Exact(f"{cfdi.fiscal.uuid}.xml"), "mime": "text/xml", "description": "CFDI 4.0 timbrado (XML)"}


def stamped_at(cfdi: Representation) -> datetime:
    """When it was stamped, as the stamp says it, without zone."""
    return datetime.fromisoformat(cfdi.fiscal.fecha_timbrado)


def _document(cfdi: Representation, title: str) -> dict[str, Any]:
    at = stamped_at(cfdi)
    date = {name: getattr(at, name) for name in ("year", "month", "day", "hour", "minute", "second")}
    return {"title": title, "author": cfdi.emisor.nombre, "date": date}


def _page(data: InvoicePrint, title: str) -> dict[str, Any]:
    fiscal = data.representation.fiscal
    mark = None
    if data.draft:
        mark = {"text": DRAFT, "color": "#eceff2"}
        return {"running": [f"{data.branding.name} · {title}", DRAFT, fiscal.legend], "mark": mark}
    if data.cancelled_at is not None:
        mark = {"text": "CANCELADO", "color": "#f6d5d2"}
    elif "SIN VALOR" in (fiscal.leyenda or "").upper():
        mark = {"text": NO_VALUE, "color": "#eceff2"}
    return {
        "running": [f"{data.branding.name} · {title}", Exact(f"Folio fiscal {fiscal.uuid}"), fiscal.legend],
        "mark": mark,
    }


def _head(cfdi: Representation, number_text: str, cancelled_at: datetime | None) -> list[list[str]]:
    issued = moment(datetime.fromisoformat(cfdi.fecha), seconds=True)
    lines = [["Folio", number_text]] if number_text else []
    lines += [["Emisión", issued], ["Lugar de expedición", f"C.P. {cfdi.lugar_expedicion}"]]
    if cancelled_at is not None:
        lines.append(["Cancelado", day(cancelled_at)])
    return lines


def _issuer(cfdi: Representation) -> dict[str, Any]:
    lines = [["Régimen fiscal", named(cfdi.emisor.regimen_fiscal)]]
    return {"role": "Emisor", "name": cfdi.emisor.nombre, "rfc": cfdi.emisor.rfc, "lines": lines}


def _receptor(cfdi: Representation) -> dict[str, Any]:
    who = cfdi.receptor
    lines = [
        ["Domicilio fiscal", f"C.P. {who.domicilio_fiscal}"],
        ["Régimen fiscal", named(who.regimen_fiscal)],
        ["Uso del CFDI", named(who.uso_cfdi)],
    ]
    if who.residencia_fiscal is not None:
        lines.append(["Residencia fiscal", named(who.residencia_fiscal)])
    if who.num_reg_id_trib:
        lines.append(["Registro tributario", who.num_reg_id_trib])
    return {"role": "Receptor", "name": who.nombre, "rfc": who.rfc, "lines": lines}


def _facts(cfdi: Representation) -> list[list[str]]:
    moneda = named(cfdi.moneda)
    if cfdi.tipo_cambio and cfdi.moneda.key != "MXN":
        moneda += f", tipo de cambio {number(Decimal(cfdi.tipo_cambio), decimals=4)}"
    facts = [["Moneda", moneda], ["Exportación", named(cfdi.exportacion)]]
    if cfdi.metodo_pago is not None:
        facts.insert(0, ["Método de pago", named(cfdi.metodo_pago)])
    if cfdi.forma_pago is not None:
        facts.insert(0, ["Forma de pago", named(cfdi.forma_pago)])
    return facts


def _lines(lines: Iterable[Line]) -> tuple[list[list[str]], list[list[Any]]]:
    """The cells of each line (the second is the quiet text under the description) and the columns."""
    lines = tuple(lines)
    discounts = any(line.descuento for line in lines)
    rows = [
        [
            quantity(Decimal(line.cantidad)),
            line.descripcion,
            _detail(line),
            number(Decimal(line.valor_unitario)),
            *([number(Decimal(line.descuento)) if line.descuento else ""] if discounts else []),
            number(Decimal(line.importe)),
        ]
        for line in lines
    ]
    amounts = ["Precio unitario", *(["Descuento"] if discounts else []), "Importe"]
    widths = [width(name, [row[index] for row in rows]) for index, name in enumerate(amounts, start=3)]
    first = width("Cantidad", [row[0] for row in rows])
    columns: list[list[Any]] = [["Cantidad", first, "left"], ["Descripción", None, "left"]]
    columns += [[name, width, "right"] for name, width in zip(amounts, widths, strict=True)]
    return rows, columns


def _detail(line: Line) -> str:
    taxes = [spaced(tax.label) for tax in line.taxes] or [line.objeto_imp.label.rstrip(".")]
    unit = line.unidad or line.clave_unidad.label
    parts = [
        f"{unit} ({line.clave_unidad.key})" if unit else line.clave_unidad.key,
        f"Clave {line.clave_prod_serv.key}",
        *taxes,
    ]
    if line.no_identificacion:
        parts.append(f"No. {line.no_identificacion}")
    return "  ·  ".join(part for part in parts if part)


def _notes(cfdi: Representation) -> list[list[Any]]:
    """Name and texts (one per line) of what stands beside the totals."""
    notes: list[list[Any]] = [["Total con letra", [cfdi.totals.total_in_words]]]
    if cfdi.condiciones_de_pago:
        notes.append(["Condiciones de pago", [cfdi.condiciones_de_pago]])
    if cfdi.informacion_global is not None:
        period = cfdi.informacion_global
        months = f"{named(period.meses)} de {period.anio}"
        notes.append(["Periodo de la factura global", [f"{named(period.periodicidad)}, {months}"]])
    for relation in cfdi.relacionados:
        notes.append([f"CFDI relacionados: {named(relation.tipo)}", [Exact(uuid) for uuid in relation.uuids]])
    return notes


def _totals(cfdi: Representation) -> list[list[str]]:
    sums = cfdi.totals
    rows = [["Subtotal", "", pesos(Decimal(sums.sub_total))]]
    if sums.descuento:
        rows.append(["Descuento", "", less(sums.descuento)])
    for tax in sums.traslados:
        base = f"sobre {pesos(Decimal(tax.base))}" if tax.base else ""
        rows.append([spaced(tax.label), base, pesos(Decimal(tax.importe)) if tax.importe else "—"])
    for tax in sums.retenciones:
        label, rates = _withheld(tax, cfdi.lines)
        rows.append([label, rates, less(tax.importe or "0")])
    return rows


def _withheld(tax: Tax, lines: Iterable[Line]) -> tuple[str, str]:
    """The label of a withheld tax and its rates: the summary of a CFDI has none, its lines have."""
    same = (other for line in lines for other in line.taxes if other.retenido and other.impuesto == tax.impuesto)
    labels = sorted({other.label for other in same})
    if len(labels) == 1:
        return spaced(labels[0]), ""
    return spaced(tax.label), spaced(", ".join(label.removeprefix(tax.label).strip() for label in labels))


def _fiscal(fiscal: Fiscal) -> dict[str, Any]:
    certified = moment(datetime.fromisoformat(fiscal.fecha_timbrado), seconds=True)
    facts: list[tuple[str, str, bool]] = [  # the last: is it a key that somebody compares?
        ("Folio fiscal", Exact(fiscal.uuid), True),
        ("Fecha y hora de certificación", certified, False),
        ("RFC del proveedor de certificación", fiscal.rfc_prov_certif, True),
        ("No. de serie del CSD del emisor", Exact(fiscal.no_certificado), True),
        ("No. de serie del certificado del SAT", Exact(fiscal.no_certificado_sat), True),
    ]
    if fiscal.leyenda:
        facts.append(("Leyenda del timbre", fiscal.leyenda, False))
    seals = [
        ["Sello digital del CFDI", fiscal.sello],
        ["Sello digital del SAT", fiscal.sello_sat],
        ["Cadena original del complemento de certificación digital del SAT", fiscal.cadena_tfd],
    ]
    return {
        "heading": "Timbre fiscal digital",
        "qr-alt": Exact(f"Código QR para verificar en el SAT el folio fiscal {fiscal.uuid}"),
        "facts": facts,
        "seals": [[name, [Exact(part) for part in pieces(text, SEAL_LINE)]] for name, text in seals],
    }


def _in_currency(word: str, cfdi: Representation) -> str:
    return word if cfdi.moneda.key == "MXN" else f"{word} {cfdi.moneda.key}"
