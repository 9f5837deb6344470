"""The Comprobante that a CFDI's XML says: the way back from `xml.build`, for documents that were ours.

What the seal, the stamp and the sums of the XML say is not read here: `build` writes the sums again, and whoever needs
them to be the same compares (`same_document`).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Final

from lxml import etree

from emite.cfdi.comprobante import (
    Comprobante,
    Concepto,
    Emisor,
    InformacionGlobal,
    Receptor,
    Relacionados,
    Retencion,
    Traslado,
)
from emite.cfdi.timbre import without_stamp
from emite.cfdi.xml import CFDI, build
from emite.cfdi.xml_pagos_read import read_pagos

_C: Final = f"{{{CFDI}}}"
_SEAL: Final = ("Sello", "NoCertificado", "Certificado")


def comprobante(root: etree._Element) -> Comprobante:
    """What the tree of a CFDI 4.0 says. Raises ValueError when something that every CFDI has is missing."""
    try:
        return Comprobante(
            tipo=root.attrib["TipoDeComprobante"],
            fecha=datetime.fromisoformat(root.attrib["Fecha"]),
            lugar_expedicion=root.attrib["LugarExpedicion"],
            emisor=_emisor(_one(root, "Emisor")),
            receptor=_receptor(_one(root, "Receptor")),
            conceptos=tuple(_concepto(node) for node in _one(root, "Conceptos")),
            forma_pago=root.get("FormaPago"),
            metodo_pago=root.get("MetodoPago"),
            serie=root.get("Serie"),
            folio=root.get("Folio"),
            moneda=root.attrib["Moneda"],
            tipo_cambio=_optional(root, "TipoCambio"),
            exportacion=root.attrib["Exportacion"],
            condiciones_de_pago=root.get("CondicionesDePago"),
            informacion_global=_global(root.find(f"{_C}InformacionGlobal")),
            relacionados=tuple(_related(node) for node in root.findall(f"{_C}CfdiRelacionados")),
            pagos=read_pagos(root),
        )
    except (KeyError, InvalidOperation) as error:
        raise ValueError(f"not a whole CFDI 4.0: {error}") from error


def same_document(content: Comprobante, root: etree._Element) -> bool:
    """Whether `content` with the series, folio and date of `root` is that very document but for seal and stamp."""
    dated = replace(
        content,
        serie=root.get("Serie"),
        folio=root.get("Folio"),
        fecha=datetime.fromisoformat(root.get("Fecha", "")),
    )
    return _bare(build(dated)) == _bare(root)


def _bare(root: etree._Element) -> bytes:
    copy = etree.fromstring(etree.tostring(root))
    for name in _SEAL:
        copy.attrib.pop(name, None)
    return without_stamp(copy)


def _one(node: etree._Element, name: str) -> etree._Element:
    found = node.find(f"{_C}{name}")
    if found is None:
        raise KeyError(name)
    return found


def _emisor(node: etree._Element) -> Emisor:
    return Emisor(rfc=node.attrib["Rfc"], nombre=node.attrib["Nombre"], regimen_fiscal=node.attrib["RegimenFiscal"])


def _receptor(node: etree._Element) -> Receptor:
    return Receptor(
        rfc=node.attrib["Rfc"],
        nombre=node.attrib["Nombre"],
        domicilio_fiscal=node.attrib["DomicilioFiscalReceptor"],
        regimen_fiscal=node.attrib["RegimenFiscalReceptor"],
        uso_cfdi=node.attrib["UsoCFDI"],
        residencia_fiscal=node.get("ResidenciaFiscal"),
        num_reg_id_trib=node.get("NumRegIdTrib"),
    )


def _concepto(node: etree._Element) -> Concepto:
    return Concepto(
        clave_prod_serv=node.attrib["ClaveProdServ"],
        cantidad=Decimal(node.attrib["Cantidad"]),
        clave_unidad=node.attrib["ClaveUnidad"],
        descripcion=node.attrib["Descripcion"],
        valor_unitario=Decimal(node.attrib["ValorUnitario"]),
        importe=Decimal(node.attrib["Importe"]),
        objeto_imp=node.attrib["ObjetoImp"],
        descuento=_optional(node, "Descuento"),
        no_identificacion=node.get("NoIdentificacion"),
        unidad=node.get("Unidad"),
        traslados=tuple(
            Traslado(
                base=Decimal(tax.attrib["Base"]),
                impuesto=tax.attrib["Impuesto"],
                tipo_factor=tax.attrib["TipoFactor"],
                tasa_o_cuota=_optional(tax, "TasaOCuota"),
                importe=_optional(tax, "Importe"),
            )
            for tax in node.findall(f"{_C}Impuestos/{_C}Traslados/{_C}Traslado")
        ),
        retenciones=tuple(
            Retencion(
                base=Decimal(tax.attrib["Base"]),
                impuesto=tax.attrib["Impuesto"],
                tipo_factor=tax.attrib["TipoFactor"],
                tasa_o_cuota=Decimal(tax.attrib["TasaOCuota"]),
                importe=Decimal(tax.attrib["Importe"]),
            )
            for tax in node.findall(f"{_C}Impuestos/{_C}Retenciones/{_C}Retencion")
        ),
    )


def _global(node: etree._Element | None) -> InformacionGlobal | None:
    if node is None:
        return None
    return InformacionGlobal(node.attrib["Periodicidad"], node.attrib["Meses"], int(node.attrib["Año"]))


def _related(node: etree._Element) -> Relacionados:
    return Relacionados(node.attrib["TipoRelacion"], tuple(each.attrib["UUID"] for each in node))


def _optional(node: etree._Element, name: str) -> Decimal | None:
    text = node.get(name)
    return None if text is None else Decimal(text)
