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
            tipo=_at(root, "TipoDeComprobante"),
            fecha=datetime.fromisoformat(_at(root, "Fecha")),
            lugar_expedicion=_at(root, "LugarExpedicion"),
            emisor=_emisor(_one(root, "Emisor")),
            receptor=_receptor(_one(root, "Receptor")),
            conceptos=tuple(_concepto(node) for node in _one(root, "Conceptos")),
            forma_pago=root.get("FormaPago"),
            metodo_pago=root.get("MetodoPago"),
            serie=root.get("Serie"),
            folio=root.get("Folio"),
            moneda=_at(root, "Moneda"),
            tipo_cambio=_optional(root, "TipoCambio"),
            exportacion=_at(root, "Exportacion"),
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
    copy = etree.fromstring(etree.tostring(root))  # our own tree
    for name in _SEAL:
        copy.attrib.pop(name, "")
    return without_stamp(copy)


def _one(node: etree._Element, name: str) -> etree._Element:
    found = node.find(f"{_C}{name}")
    if found is None:
        raise KeyError(name)
    return found


def _emisor(node: etree._Element) -> Emisor:
    return Emisor(rfc=_at(node, "Rfc"), nombre=_at(node, "Nombre"), regimen_fiscal=_at(node, "RegimenFiscal"))


def _receptor(node: etree._Element) -> Receptor:
    return Receptor(
        rfc=_at(node, "Rfc"),
        nombre=_at(node, "Nombre"),
        domicilio_fiscal=_at(node, "DomicilioFiscalReceptor"),
        regimen_fiscal=_at(node, "RegimenFiscalReceptor"),
        uso_cfdi=_at(node, "UsoCFDI"),
        residencia_fiscal=node.get("ResidenciaFiscal"),
        num_reg_id_trib=node.get("NumRegIdTrib"),
    )


def _concepto(node: etree._Element) -> Concepto:
    return Concepto(
        clave_prod_serv=_at(node, "ClaveProdServ"),
        cantidad=Decimal(_at(node, "Cantidad")),
        clave_unidad=_at(node, "ClaveUnidad"),
        descripcion=_at(node, "Descripcion"),
        valor_unitario=Decimal(_at(node, "ValorUnitario")),
        importe=Decimal(_at(node, "Importe")),
        objeto_imp=_at(node, "ObjetoImp"),
        descuento=_optional(node, "Descuento"),
        no_identificacion=node.get("NoIdentificacion"),
        unidad=node.get("Unidad"),
        traslados=tuple(
            Traslado(
                base=Decimal(_at(tax, "Base")),
                impuesto=_at(tax, "Impuesto"),
                tipo_factor=_at(tax, "TipoFactor"),
                tasa_o_cuota=_optional(tax, "TasaOCuota"),
                importe=_optional(tax, "Importe"),
            )
            for tax in node.findall(f"{_C}Impuestos/{_C}Traslados/{_C}Traslado")
        ),
        retenciones=tuple(
            Retencion(
                base=Decimal(_at(tax, "Base")),
                impuesto=_at(tax, "Impuesto"),
                tipo_factor=_at(tax, "TipoFactor"),
                tasa_o_cuota=Decimal(_at(tax, "TasaOCuota")),
                importe=Decimal(_at(tax, "Importe")),
            )
            for tax in node.findall(f"{_C}Impuestos/{_C}Retenciones/{_C}Retencion")
        ),
    )


def _global(node: etree._Element | None) -> InformacionGlobal | None:
    if node is None:
        return None
    return InformacionGlobal(_at(node, "Periodicidad"), _at(node, "Meses"), int(_at(node, "Año")))


def _related(node: etree._Element) -> Relacionados:
    return Relacionados(_at(node, "TipoRelacion"), tuple(_at(each, "UUID") for each in node))


def _at(node: etree._Element, name: str) -> str:
    value = node.get(name)
    if value is None:
        raise KeyError(name)
    return value


def _optional(node: etree._Element, name: str) -> Decimal | None:
    text = node.get(name)
    return None if text is None else Decimal(text)
