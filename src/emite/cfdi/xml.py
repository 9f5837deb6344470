"""CFDI as XML: the strict reader, the builder and the deterministic writer.

Seals are put in by `seal.py`, stamps by `timbre.py`; whether a document obeys SAT is for `schema.py` and `rules/`.
"""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from typing import Final

from lxml import etree

from emite.cfdi import money
from emite.cfdi.codes import decimals_of
from emite.cfdi.comprobante import Comprobante, Concepto, Retencion, Totals, Traslado
from emite.cfdi.xml_pagos import PAGO20, add_pagos
from emite.cfdi.xml_write import add, put

CFDI: Final = "http://www.sat.gob.mx/cfd/4"
TFD: Final = "http://www.sat.gob.mx/TimbreFiscalDigital"
XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"
SCHEMA_LOCATION: Final = f"{{{XSI}}}schemaLocation"
MAX_BYTES: Final = 2_000_000
MAX_NODES: Final = 20_000

_C: Final = f"{{{CFDI}}}"
_NAMESPACES: Final = {"cfdi": CFDI, "xsi": XSI}
_LOCATION: Final = f"{CFDI} http://www.sat.gob.mx/sitio_internet/cfd/4/cfdv40.xsd"
_PAGO20_LOCATION: Final = f" {PAGO20} http://www.sat.gob.mx/sitio_internet/cfd/Pagos/Pagos20.xsd"
_DECLARATION: Final = b'<?xml version="1.0" encoding="UTF-8"?>\n'
_ENCODING = re.compile(r"<\?xml[^>]*?\sencoding\s*=\s*[\"']([^\"']*)[\"']")

_Attributes = dict[str, str]


class XmlRefused(ValueError):
    """The bytes are not XML that this program is willing to read. `message` says why, in Spanish."""

    def __init__(self, message: str) -> None:
        self.message = message
        super().__init__(message)


def parse(data: bytes, *, max_bytes: int = MAX_BYTES, max_nodes: int = MAX_NODES) -> etree._Element:
    """Reads XML that a stranger sent, and refuses whatever a CFDI never has. Raises XmlRefused.

    UTF-8 only (so a document type cannot hide in another encoding), no document type, no entities, no repairs, at most
    `max_bytes` bytes and `max_nodes` nodes, and no deeper than libxml2's own bound (256 levels).
    """
    if len(data) > max_bytes:
        raise XmlRefused(f"El archivo es demasiado grande: el máximo son {max_bytes:,} bytes.")
    _require_plain_prolog(_decoded(data))
    # Counted before parsing: a million empty elements would already have cost their memory afterwards.
    if data.count(b"<") - data.count(b"</") > max_nodes:
        raise XmlRefused(f"El archivo tiene demasiados elementos: el máximo son {max_nodes:,}.")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, recover=False, remove_pis=True
    )
    try:
        return etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise XmlRefused(_syntax_message(error)) from None


def _decoded(data: bytes) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise XmlRefused("El archivo no está escrito en UTF-8, como debe estarlo un CFDI.") from None
    if "\0" in text[:200]:
        raise XmlRefused("El archivo no está escrito en UTF-8, como debe estarlo un CFDI.")
    declared = _ENCODING.match(text)
    if declared and declared[1].lower() not in ("utf-8", "utf8"):
        raise XmlRefused(f"El archivo dice estar en «{declared[1][:20]}»: un CFDI se escribe en UTF-8.")
    return text


def _require_plain_prolog(text: str) -> None:
    """Only the declaration, comments and spaces may come before the root: a document type can be nowhere else."""
    place = 0
    while True:
        while text[place : place + 1].isspace():
            place += 1
        for start, end in (("<?", "?>"), ("<!--", "-->")):
            if text.startswith(start, place):
                closed = text.find(end, place + len(start))
                if closed < 0:
                    raise XmlRefused("El archivo no es XML: está incompleto.")
                place = closed + len(end)
                break
        else:
            break
    if text.startswith("<!", place):
        raise XmlRefused("El archivo trae una definición de tipo de documento (DOCTYPE), que un CFDI no lleva.")
    if not text.startswith("<", place):
        raise XmlRefused("El archivo está vacío." if place >= len(text) else "El archivo no es XML.")


def _syntax_message(error: etree.XMLSyntaxError) -> str:
    line, column = error.position
    return f"El archivo no es XML bien formado (línea {line}, columna {column})."


def to_bytes(root: etree._Element) -> bytes:
    """The document as bytes: UTF-8 with its declaration; the same tree always gives the same bytes."""
    return _DECLARATION + etree.tostring(root, encoding="UTF-8", xml_declaration=False)


def build(c: Comprobante) -> etree._Element:
    """The XML of a Comprobante, with Sello, NoCertificado and Certificado empty: `seal.seal` fills them.

    Raises CfdiInvalid when a text has characters that XML cannot carry, and ValueError or TypeError for what no
    caller may send: an amount that is not a Decimal, a Fecha with zone or with fractions of a second.
    """
    totals = c.totals
    places = None if c.tipo in ("P", "T") else decimals_of(c.moneda)
    namespaces = _NAMESPACES if c.pagos is None else {**_NAMESPACES, "pago20": PAGO20}
    root = etree.Element(f"{_C}Comprobante", nsmap=namespaces)
    put(root, _head(c, totals, places))
    if (information := c.informacion_global) is not None:
        node = {"Periodicidad": information.periodicidad, "Meses": information.meses, "Año": str(information.anio)}
        _add(root, "InformacionGlobal", node)
    for related in c.relacionados:
        relation = _add(root, "CfdiRelacionados", {"TipoRelacion": related.tipo_relacion})
        for uuid in related.uuids:
            _add(relation, "CfdiRelacionado", {"UUID": uuid})
    emisor = {"Rfc": c.emisor.rfc, "Nombre": c.emisor.nombre, "RegimenFiscal": c.emisor.regimen_fiscal}
    _add(root, "Emisor", emisor)
    _add(root, "Receptor", _receptor(c))
    conceptos = etree.SubElement(root, f"{_C}Conceptos")
    for concepto in c.conceptos:
        _add_concepto(conceptos, concepto)
    if totals.traslados or totals.retenciones:
        _add_summary(root, totals, places)
    if c.pagos is not None:
        add_pagos(etree.SubElement(root, f"{_C}Complemento"), c.pagos)
    return root


def date_text(moment: datetime) -> str:
    """AAAA-MM-DDThh:mm:ss, as SAT's t_FechaH wants it. Raises ValueError for a zone or for fractions of a second."""
    if moment.tzinfo is not None or moment.microsecond:
        raise ValueError("a CFDI's date is local time in whole seconds, without zone")
    return moment.isoformat(timespec="seconds")


def _head(c: Comprobante, totals: Totals, places: int | None) -> _Attributes:
    head = {
        SCHEMA_LOCATION: _LOCATION if c.pagos is None else _LOCATION + _PAGO20_LOCATION,
        "Version": "4.0",
        "Serie": c.serie,
        "Folio": c.folio,
        "Fecha": date_text(c.fecha),
        "Sello": "",
        "FormaPago": c.forma_pago,
        "NoCertificado": "",
        "Certificado": "",
        "CondicionesDePago": c.condiciones_de_pago,
        "SubTotal": money.text(totals.sub_total, places),
        "Descuento": _optional(totals.descuento, places),
        "Moneda": c.moneda,
        "TipoCambio": _optional(c.tipo_cambio),
        "Total": money.text(totals.total, places),
        "TipoDeComprobante": c.tipo,
        "Exportacion": c.exportacion,
        "MetodoPago": c.metodo_pago,
        "LugarExpedicion": c.lugar_expedicion,
    }
    return {name: value for name, value in head.items() if value is not None}


def _receptor(c: Comprobante) -> _Attributes:
    receptor = {
        "Rfc": c.receptor.rfc,
        "Nombre": c.receptor.nombre,
        "DomicilioFiscalReceptor": c.receptor.domicilio_fiscal,
        "ResidenciaFiscal": c.receptor.residencia_fiscal,
        "NumRegIdTrib": c.receptor.num_reg_id_trib,
        "RegimenFiscalReceptor": c.receptor.regimen_fiscal,
        "UsoCFDI": c.receptor.uso_cfdi,
    }
    return {name: value for name, value in receptor.items() if value is not None}


def _add_concepto(conceptos: etree._Element, c: Concepto) -> None:
    attributes = {"ClaveProdServ": c.clave_prod_serv}
    if c.no_identificacion is not None:
        attributes["NoIdentificacion"] = c.no_identificacion
    attributes["Cantidad"] = money.text(c.cantidad)
    attributes["ClaveUnidad"] = c.clave_unidad
    if c.unidad is not None:
        attributes["Unidad"] = c.unidad
    attributes["Descripcion"] = c.descripcion
    attributes["ValorUnitario"] = money.text(c.valor_unitario)
    attributes["Importe"] = money.text(c.importe)
    if c.descuento is not None:
        attributes["Descuento"] = money.text(c.descuento)
    attributes["ObjetoImp"] = c.objeto_imp
    node = _add(conceptos, "Concepto", attributes)
    if c.traslados or c.retenciones:
        taxes = etree.SubElement(node, f"{_C}Impuestos")
        _add_taxes(taxes, "Traslados", "Traslado", c.traslados)
        _add_taxes(taxes, "Retenciones", "Retencion", c.retenciones)


def _add_taxes(
    node: etree._Element, plural: str, singular: str, taxes: tuple[Traslado, ...] | tuple[Retencion, ...]
) -> None:
    if not taxes:
        return
    group = etree.SubElement(node, f"{_C}{plural}")
    for tax in taxes:
        attributes = {"Base": money.text(tax.base), "Impuesto": tax.impuesto, "TipoFactor": tax.tipo_factor}
        if tax.tasa_o_cuota is not None:
            attributes["TasaOCuota"] = money.text(tax.tasa_o_cuota, 6)
        if tax.importe is not None:
            attributes["Importe"] = money.text(tax.importe)
        _add(group, singular, attributes)


def _add_summary(root: etree._Element, totals: Totals, places: int | None) -> None:
    # The order is the opposite of a concepto's: here Retenciones come first (cfdv40.xsd).
    summary = etree.SubElement(root, f"{_C}Impuestos")
    if totals.total_retenidos is not None:
        summary.set("TotalImpuestosRetenidos", money.text(totals.total_retenidos, places))
    if totals.total_trasladados is not None:
        summary.set("TotalImpuestosTrasladados", money.text(totals.total_trasladados, places))
    if totals.retenciones:
        group = etree.SubElement(summary, f"{_C}Retenciones")
        for withheld in totals.retenciones:
            _add(group, "Retencion", {"Impuesto": withheld.impuesto, "Importe": money.text(withheld.importe, places)})
    if totals.traslados:
        group = etree.SubElement(summary, f"{_C}Traslados")
        for tax in totals.traslados:
            attributes = {
                "Base": money.text(tax.base, places),
                "Impuesto": tax.impuesto,
                "TipoFactor": tax.tipo_factor,
            }
            if tax.tasa_o_cuota is not None:
                attributes["TasaOCuota"] = money.text(tax.tasa_o_cuota, 6)
            if tax.importe is not None:
                attributes["Importe"] = money.text(tax.importe, places)
            _add(group, "Traslado", attributes)


def _optional(value: Decimal | None, places: int | None = None) -> str | None:
    return None if value is None else money.text(value, places)


def _add(parent: etree._Element, name: str, attributes: _Attributes) -> etree._Element:
    return add(parent, _C + name, attributes)
