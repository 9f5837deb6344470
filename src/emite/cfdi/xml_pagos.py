"""The complement Pagos 2.0 as XML. Writes what `pagos.py` holds; computes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from emite.cfdi import money
from emite.cfdi.pagos import DoctoRelacionado, Pago, Pagos, PagosTotales, RetencionDR, TrasladoDR, TrasladoP
from emite.cfdi.xml_write import Attributes, Writer

PAGO20: Final = "http://www.sat.gob.mx/Pagos20"


def write_pagos(w: Writer, pagos: Pagos) -> None:
    """Writes the node Pagos; the root declares its namespace."""
    w.start("pago20:Pagos", {"Version": "2.0"})
    w.empty("pago20:Totales", _totales(pagos.totales))
    for pago in pagos.pagos:
        _write_pago(w, pago)
    w.end("pago20:Pagos")


def _totales(t: PagosTotales) -> Attributes:
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


def _write_pago(w: Writer, p: Pago) -> None:
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
    w.start("pago20:Pago", attributes)
    for documento in p.documentos:
        _write_documento(w, documento)
    if p.retenciones or p.traslados:
        w.start("pago20:ImpuestosP")
        if p.retenciones:
            w.start("pago20:RetencionesP")
            for held in p.retenciones:
                w.empty("pago20:RetencionP", {"ImpuestoP": held.impuesto, "ImporteP": _plain(held.importe)})
            w.end("pago20:RetencionesP")
        _write_taxes(w, "Traslado", "P", p.traslados)
        w.end("pago20:ImpuestosP")
    w.end("pago20:Pago")


def _write_documento(w: Writer, d: DoctoRelacionado) -> None:
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
    w.start("pago20:DoctoRelacionado", attributes)
    if d.retenciones or d.traslados:
        w.start("pago20:ImpuestosDR")
        _write_taxes(w, "Retencion", "DR", d.retenciones)
        _write_taxes(w, "Traslado", "DR", d.traslados)
        w.end("pago20:ImpuestosDR")
    w.end("pago20:DoctoRelacionado")


def _write_taxes(w: Writer, name: str, suffix: str, taxes: Sequence[TrasladoDR | RetencionDR | TrasladoP]) -> None:
    if not taxes:
        return
    plural = f"pago20:{name}{'es' if name == 'Retencion' else 's'}{suffix}"
    w.start(plural)
    for tax in taxes:
        attributes = {
            f"Base{suffix}": _plain(tax.base),
            f"Impuesto{suffix}": tax.impuesto,
            f"TipoFactor{suffix}": tax.tipo_factor,
            f"TasaOCuota{suffix}": None if tax.tasa_o_cuota is None else money.text(tax.tasa_o_cuota, 6),
            f"Importe{suffix}": _plain(tax.importe),
        }
        w.empty(f"pago20:{name}{suffix}", attributes)
    w.end(plural)


def _plain(value: Decimal | None) -> str | None:
    return None if value is None else money.text(value)


def _mxn(value: Decimal | None) -> str | None:
    return None if value is None else money.text(value, 2)
