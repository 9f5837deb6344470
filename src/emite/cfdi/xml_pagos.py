"""The complement Pagos 2.0 as XML. Writes what `pagos.py` holds; computes nothing."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from lxml import etree

from emite.cfdi import money
from emite.cfdi.pagos import DoctoRelacionado, Pago, Pagos, PagosTotales
from emite.cfdi.xml_write import add

PAGO20: Final = "http://www.sat.gob.mx/Pagos20"
_P: Final = f"{{{PAGO20}}}"


def add_pagos(complemento: etree._Element, pagos: Pagos) -> None:
    """Appends the node Pagos to a cfdi:Complemento."""
    node = _add(complemento, "Pagos", {"Version": "2.0"})
    _add(node, "Totales", _totales(pagos.totales))
    for pago in pagos.pagos:
        _add_pago(node, pago)


def _totales(t: PagosTotales) -> dict[str, str | None]:
    return {
        "TotalRetencionesIVA": _mxn(t.retenciones_iva),
        "TotalRetencionesISR": _mxn(t.retenciones_isr),
        "TotalRetencionesIEPS": _mxn(t.retenciones_ieps),
        "TotalTrasladosBaseIVA16": _mxn(t.base_iva16),
        "TotalTrasladosImpuestoIVA16": _mxn(t.impuesto_iva16),
        "TotalTrasladosBaseIVA8": _mxn(t.base_iva8),
        "TotalTrasladosImpuestoIVA8": _mxn(t.impuesto_iva8),
        "TotalTrasladosBaseIVA0": _mxn(t.base_iva0),
        "TotalTrasladosImpuestoIVA0": _mxn(t.impuesto_iva0),
        "TotalTrasladosBaseIVAExento": _mxn(t.base_iva_exento),
        "MontoTotalPagos": _mxn(t.monto_total_pagos),
    }


def _add_pago(pagos: etree._Element, p: Pago) -> None:
    attributes = {
        "FechaPago": p.fecha.isoformat(timespec="seconds"),
        "FormaDePagoP": p.forma_pago,
        "MonedaP": p.moneda,
        "TipoCambioP": _plain(p.tipo_cambio),
        "Monto": _plain(p.monto),
        "NumOperacion": p.num_operacion,
        "RfcEmisorCtaOrd": p.rfc_emisor_cta_ord,
        "NomBancoOrdExt": p.nom_banco_ord_ext,
        "CtaOrdenante": p.cta_ordenante,
        "RfcEmisorCtaBen": p.rfc_emisor_cta_ben,
        "CtaBeneficiario": p.cta_beneficiario,
    }
    node = _add(pagos, "Pago", attributes)
    for documento in p.documentos:
        _add_documento(node, documento)
    if p.retenciones or p.traslados:
        taxes = _add(node, "ImpuestosP", {})
        if p.retenciones:
            group = _add(taxes, "RetencionesP", {})
            for withheld in p.retenciones:
                _add(group, "RetencionP", {"ImpuestoP": withheld.impuesto, "ImporteP": _plain(withheld.importe)})
        if p.traslados:
            group = _add(taxes, "TrasladosP", {})
            for tax in p.traslados:
                _add(
                    group,
                    "TrasladoP",
                    _tax("P", tax.base, tax.impuesto, tax.tipo_factor, tax.tasa_o_cuota, tax.importe),
                )


def _add_documento(pago: etree._Element, d: DoctoRelacionado) -> None:
    attributes = {
        "IdDocumento": d.uuid,
        "Serie": d.serie,
        "Folio": d.folio,
        "MonedaDR": d.moneda,
        "EquivalenciaDR": _plain(d.equivalencia),
        "NumParcialidad": str(d.parcialidad),
        "ImpSaldoAnt": _plain(d.saldo_anterior),
        "ImpPagado": _plain(d.pagado),
        "ImpSaldoInsoluto": _plain(d.saldo_insoluto),
        "ObjetoImpDR": d.objeto_imp,
    }
    node = _add(pago, "DoctoRelacionado", attributes)
    if d.retenciones or d.traslados:
        taxes = _add(node, "ImpuestosDR", {})
        for plural, singular, rows in (
            ("RetencionesDR", "RetencionDR", d.retenciones),
            ("TrasladosDR", "TrasladoDR", d.traslados),
        ):
            if rows:
                group = _add(taxes, plural, {})
                for tax in rows:
                    row = _tax("DR", tax.base, tax.impuesto, tax.tipo_factor, tax.tasa_o_cuota, tax.importe)
                    _add(group, singular, row)


def _tax(
    suffix: str, base: Decimal, impuesto: str, tipo_factor: str, tasa_o_cuota: Decimal | None, importe: Decimal | None
) -> dict[str, str | None]:
    return {
        f"Base{suffix}": money.text(base),
        f"Impuesto{suffix}": impuesto,
        f"TipoFactor{suffix}": tipo_factor,
        f"TasaOCuota{suffix}": None if tasa_o_cuota is None else money.text(tasa_o_cuota, 6),
        f"Importe{suffix}": _plain(importe),
    }


def _plain(value: Decimal | None) -> str | None:
    return None if value is None else money.text(value)


def _mxn(value: Decimal | None) -> str | None:
    return None if value is None else money.text(value, 2)


def _add(parent: etree._Element, name: str, attributes: dict[str, str | None]) -> etree._Element:
    present = {key: value for key, value in attributes.items() if value is not None}
    return add(parent, _P + name, present)
