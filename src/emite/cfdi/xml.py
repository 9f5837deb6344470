"""CFDI as XML: the strict reader, the builder and the deterministic writer.

Seals are put in by `seal.py`, stamps by `timbre.py`; whether a document obeys SAT is for `schema.py` and `rules/`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Final

from lxml import etree

from emite.cfdi import money
from emite.cfdi.codes import decimals_of
from emite.cfdi.comprobante import Comprobante, Concepto, Retencion, SummaryTraslado, Totals, Traslado
from emite.cfdi.xml_pagos import PAGO20, write_pagos
from emite.cfdi.xml_write import Attributes, Writer, attribute

CFDI: Final = "http://www.sat.gob.mx/cfd/4"
TFD: Final = "http://www.sat.gob.mx/TimbreFiscalDigital"
XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"
SCHEMA_LOCATION: Final = f"{{{XSI}}}schemaLocation"
MAX_BYTES: Final = 2_000_000
MAX_NODES: Final = 20_000

_LOCATION: Final = f"{CFDI} http://www.sat.gob.mx/sitio_internet/cfd/4/cfdv40.xsd"
_PAGO20_LOCATION: Final = f" {PAGO20} http://www.sat.gob.mx/sitio_internet/cfd/Pagos/Pagos20.xsd"
_DECLARATION: Final = b'<?xml version="1.0" encoding="UTF-8"?>\n'
_PARSER: Final = etree.XMLParser(
    resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, recover=False, remove_pis=True
)
_ENCODING = re.compile(r"<\?xml[^>]*?\sencoding\s*=\s*[\"']([^\"']*)[\"']")


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
    try:
        return etree.fromstring(data, _PARSER)
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


def build(c: Comprobante, totals: Totals | None = None) -> etree._Element:
    """The XML of a Comprobante, with Sello, NoCertificado and Certificado empty: `seal.seal` fills them.

    `totals` are written in place of its own, when its conceptos are but some of those of the document.
    Raises CfdiInvalid when a text has characters that XML cannot carry, and ValueError or TypeError for what no
    caller may send: an amount that is not a Decimal, a Fecha with zone or with fractions of a second.
    """
    totals = totals or c.totals
    places = None if c.tipo in ("P", "T") else decimals_of(c.moneda)
    w = Writer()
    w.start("cfdi:Comprobante", _head(c, totals, places))
    if (period := c.informacion_global) is not None:
        meses = {"Periodicidad": period.periodicidad, "Meses": period.meses, "Año": str(period.anio)}
        w.empty("cfdi:InformacionGlobal", meses)
    for related in c.relacionados:
        w.start("cfdi:CfdiRelacionados", {"TipoRelacion": related.tipo_relacion})
        for uuid in related.uuids:
            w.empty("cfdi:CfdiRelacionado", {"UUID": uuid})
        w.end("cfdi:CfdiRelacionados")
    emisor = {"Rfc": c.emisor.rfc, "Nombre": c.emisor.nombre, "RegimenFiscal": c.emisor.regimen_fiscal}
    w.empty("cfdi:Emisor", emisor)
    w.empty("cfdi:Receptor", _receptor(c))
    w.start("cfdi:Conceptos")
    for concepto in c.conceptos:
        w.written(concepto_text(concepto))
    w.end("cfdi:Conceptos")
    if totals.traslados or totals.retenciones:
        _write_summary(w, totals, places)
    if c.pagos is not None:
        w.start("cfdi:Complemento")
        write_pagos(w, c.pagos)
        w.end("cfdi:Complemento")
    w.end("cfdi:Comprobante")
    return etree.fromstring(w.text().encode(), _PARSER)  # bytes: libxml2 reads them sooner than text


def date_text(moment: datetime) -> str:
    """AAAA-MM-DDThh:mm:ss, as SAT's t_FechaH wants it. Raises ValueError for a zone or for fractions of a second."""
    if moment.tzinfo is not None or moment.microsecond:
        raise ValueError("a CFDI's date is local time in whole seconds, without zone")
    return moment.isoformat(timespec="seconds")


def _head(c: Comprobante, totals: Totals, places: int | None) -> Attributes:
    return {
        "xmlns:cfdi": CFDI,
        "xmlns:xsi": XSI,
        "xmlns:pago20": None if c.pagos is None else PAGO20,
        "xsi:schemaLocation": _LOCATION if c.pagos is None else _LOCATION + _PAGO20_LOCATION,
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


def _receptor(c: Comprobante) -> Attributes:
    return {
        "Rfc": c.receptor.rfc,
        "Nombre": c.receptor.nombre,
        "DomicilioFiscalReceptor": c.receptor.domicilio_fiscal,
        "ResidenciaFiscal": c.receptor.residencia_fiscal,
        "NumRegIdTrib": c.receptor.num_reg_id_trib,
        "RegimenFiscalReceptor": c.receptor.regimen_fiscal,
        "UsoCFDI": c.receptor.uso_cfdi,
    }


def concepto_text(c: Concepto) -> str:
    """The cfdi:Concepto as it stands in a document. Raises CfdiInvalid like `build`."""
    # By hand and not by a mapping: a month's global has a hundred thousand. An amount has nothing to escape.
    identity = "" if c.no_identificacion is None else attribute("NoIdentificacion", c.no_identificacion)
    unidad = "" if c.unidad is None else attribute("Unidad", c.unidad)
    descuento = "" if c.descuento is None else f' Descuento="{money.text(c.descuento)}"'
    importe = money.text(c.importe)
    unit = importe if c.valor_unitario is c.importe else money.text(c.valor_unitario)
    inside = ""
    if c.traslados or c.retenciones:
        traslados = _taxes("Traslados", "Traslado", c.traslados)
        retenciones = _taxes("Retenciones", "Retencion", c.retenciones)
        inside = f"<cfdi:Impuestos>{traslados}{retenciones}</cfdi:Impuestos>"
    return (
        f"<cfdi:Concepto{attribute('ClaveProdServ', c.clave_prod_serv)}{identity}"
        f' Cantidad="{money.text(c.cantidad)}"{attribute("ClaveUnidad", c.clave_unidad)}{unidad}'
        f'{attribute("Descripcion", c.descripcion)} ValorUnitario="{unit}" Importe="{importe}"{descuento}'
        f"{attribute('ObjetoImp', c.objeto_imp)}" + (f">{inside}</cfdi:Concepto>" if inside else "/>")
    )


def _taxes(
    plural: str, singular: str, taxes: Sequence[Traslado | Retencion | SummaryTraslado], places: int | None = None
) -> str:
    if not taxes:
        return ""
    nodes = ""
    for tax in taxes:
        rate = "" if tax.tasa_o_cuota is None else f' TasaOCuota="{_rate_text(tax.tasa_o_cuota)}"'
        importe = "" if tax.importe is None else f' Importe="{money.text(tax.importe, places)}"'
        nodes += (
            f'<cfdi:{singular} Base="{money.text(tax.base, places)}"{attribute("Impuesto", tax.impuesto)}'
            f"{attribute('TipoFactor', tax.tipo_factor)}{rate}{importe}/>"
        )
    return f"<cfdi:{plural}>{nodes}</cfdi:{plural}>"


@lru_cache(64)
def _rate_text(rate: Decimal) -> str:
    return money.text(rate, 6)


def _write_summary(w: Writer, totals: Totals, places: int | None) -> None:
    # The order is the opposite of a concepto's: here Retenciones come first (cfdv40.xsd).
    sums = {
        "TotalImpuestosRetenidos": _optional(totals.total_retenidos, places),
        "TotalImpuestosTrasladados": _optional(totals.total_trasladados, places),
    }
    w.start("cfdi:Impuestos", sums)
    if totals.retenciones:
        w.start("cfdi:Retenciones")
        for held in totals.retenciones:
            w.empty("cfdi:Retencion", {"Impuesto": held.impuesto, "Importe": money.text(held.importe, places)})
        w.end("cfdi:Retenciones")
    w.written(_taxes("Traslados", "Traslado", totals.traslados, places))
    w.end("cfdi:Impuestos")


def _optional(value: Decimal | None, places: int | None = None) -> str | None:
    return None if value is None else money.text(value, places)
