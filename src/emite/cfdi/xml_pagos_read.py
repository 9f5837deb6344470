"""The complement Pagos 2.0 of a document back into `pagos.Pagos`, and the taxes of an invoice that others made."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from lxml import etree

from emite.cfdi.cobranza import Group, added
from emite.cfdi.pagos import DoctoRelacionado, Pago, Pagos, PagosTotales, RetencionDR, RetencionP, TrasladoDR, TrasladoP
from emite.cfdi.xml import CFDI
from emite.cfdi.xml_pagos import PAGO20

_C, _P = f"{{{CFDI}}}", f"{{{PAGO20}}}"


def read_pagos(root: etree._Element) -> Pagos | None:
    """The complement of a document that the schema admits; None when it has none. Raises ValueError otherwise."""
    node = root.find(f"{_C}Complemento/{_P}Pagos")
    if node is None:
        return None
    try:
        return Pagos(_totales(node), tuple(_pago(child) for child in node.iterchildren(f"{_P}Pago")))
    except (KeyError, ArithmeticError, TypeError) as error:
        raise ValueError(f"not a complement of Pagos 2.0: {error}") from error


def groups_in(root: etree._Element) -> tuple[Group, ...]:
    """The bases of an invoice by tax, factor and rate, as its Conceptos say them. For what the schema admits."""
    found = []
    for line in root.iterfind(f"{_C}Conceptos/{_C}Concepto/{_C}Impuestos"):
        for tax in line.iterfind(f"{_C}Traslados/{_C}Traslado"):
            rate = tax.get("TasaOCuota")
            factor, tasa = _written(tax, "TipoFactor"), None if rate is None else Decimal(rate)
            found.append(Group("traslado", _written(tax, "Impuesto"), factor, tasa, Decimal(_written(tax, "Base"))))
        for tax in line.iterfind(f"{_C}Retenciones/{_C}Retencion"):
            tasa = Decimal(_written(tax, "TasaOCuota"))
            found.append(
                Group(
                    "retencion",
                    _written(tax, "Impuesto"),
                    _written(tax, "TipoFactor"),
                    tasa,
                    Decimal(_written(tax, "Base")),
                )
            )
    return added(found)


def _totales(node: etree._Element) -> PagosTotales:
    found = node.find(f"{_P}Totales")
    if found is None:
        raise KeyError("Totales")
    return PagosTotales(
        monto_total_pagos=Decimal(_written(found, "MontoTotalPagos")),
        retenciones_iva=_decimal(found.get("TotalRetencionesIVA")),
        retenciones_isr=_decimal(found.get("TotalRetencionesISR")),
        retenciones_ieps=_decimal(found.get("TotalRetencionesIEPS")),
        base_iva16=_decimal(found.get("TotalTrasladosBaseIVA16")),
        impuesto_iva16=_decimal(found.get("TotalTrasladosImpuestoIVA16")),
        base_iva8=_decimal(found.get("TotalTrasladosBaseIVA8")),
        impuesto_iva8=_decimal(found.get("TotalTrasladosImpuestoIVA8")),
        base_iva0=_decimal(found.get("TotalTrasladosBaseIVA0")),
        impuesto_iva0=_decimal(found.get("TotalTrasladosImpuestoIVA0")),
        base_iva_exento=_decimal(found.get("TotalTrasladosBaseIVAExento")),
    )


def _pago(node: etree._Element) -> Pago:
    taxes = f"{_P}ImpuestosP/{_P}"
    return Pago(
        fecha=datetime.fromisoformat(_written(node, "FechaPago")),
        forma_pago=_written(node, "FormaDePagoP"),
        moneda=_written(node, "MonedaP"),
        monto=Decimal(_written(node, "Monto")),
        tipo_cambio=_decimal(node.get("TipoCambioP")),
        documentos=tuple(_documento(child) for child in node.iterchildren(f"{_P}DoctoRelacionado")),
        num_operacion=node.get("NumOperacion"),
        rfc_emisor_cta_ord=node.get("RfcEmisorCtaOrd"),
        nom_banco_ord_ext=node.get("NomBancoOrdExt"),
        cta_ordenante=node.get("CtaOrdenante"),
        rfc_emisor_cta_ben=node.get("RfcEmisorCtaBen"),
        cta_beneficiario=node.get("CtaBeneficiario"),
        traslados=tuple(
            TrasladoP(
                Decimal(_written(tax, "BaseP")), _written(tax, "ImpuestoP"), _written(tax, "TipoFactorP"),
                _decimal(tax.get("TasaOCuotaP")), _decimal(tax.get("ImporteP")),
            )
            for tax in node.iterfind(f"{taxes}TrasladosP/{_P}TrasladoP")
        ),
        retenciones=tuple(
            RetencionP(_written(tax, "ImpuestoP"), Decimal(_written(tax, "ImporteP")))
            for tax in node.iterfind(f"{taxes}RetencionesP/{_P}RetencionP")
        ),
    )  # fmt: skip


def _documento(node: etree._Element) -> DoctoRelacionado:
    taxes = f"{_P}ImpuestosDR/{_P}"
    return DoctoRelacionado(
        uuid=_written(node, "IdDocumento").upper(),
        moneda=_written(node, "MonedaDR"),
        equivalencia=_decimal(node.get("EquivalenciaDR")),
        parcialidad=int(_written(node, "NumParcialidad")),
        saldo_anterior=Decimal(_written(node, "ImpSaldoAnt")),
        pagado=Decimal(_written(node, "ImpPagado")),
        saldo_insoluto=Decimal(_written(node, "ImpSaldoInsoluto")),
        objeto_imp=_written(node, "ObjetoImpDR"),
        serie=node.get("Serie"),
        folio=node.get("Folio"),
        traslados=tuple(
            TrasladoDR(
                Decimal(_written(tax, "BaseDR")), _written(tax, "ImpuestoDR"), _written(tax, "TipoFactorDR"),
                _decimal(tax.get("TasaOCuotaDR")), _decimal(tax.get("ImporteDR")),
            )
            for tax in node.iterfind(f"{taxes}TrasladosDR/{_P}TrasladoDR")
        ),
        retenciones=tuple(
            RetencionDR(
                Decimal(_written(tax, "BaseDR")), _written(tax, "ImpuestoDR"), _written(tax, "TipoFactorDR"),
                Decimal(_written(tax, "TasaOCuotaDR")), Decimal(_written(tax, "ImporteDR")),
            )
            for tax in node.iterfind(f"{taxes}RetencionesDR/{_P}RetencionDR")
        ),
    )  # fmt: skip


def _written(node: etree._Element, name: str) -> str:
    value = node.get(name)
    if value is None:
        raise KeyError(name)
    return value


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
