"""The complement Pagos 2.0 as data: what a type P document carries. Computes nothing.

Every amount arrives ready and is written as it is (source of the shape: SAT's Pagos20.xsd).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class TrasladoDR:
    """A tax charged on the part of a document that a payment settles. Exento carries neither rate nor importe."""

    base: Decimal
    impuesto: str
    tipo_factor: str
    tasa_o_cuota: Decimal | None = None
    importe: Decimal | None = None


@dataclass(frozen=True, slots=True)
class RetencionDR:
    """A tax withheld on the part of a document that a payment settles."""

    base: Decimal
    impuesto: str
    tipo_factor: str
    tasa_o_cuota: Decimal
    importe: Decimal


@dataclass(frozen=True, slots=True)
class DoctoRelacionado:
    """The part of one invoice that a payment settles, in the invoice's currency. `equivalencia` is 1 if the same."""

    uuid: str
    moneda: str
    equivalencia: Decimal | None
    parcialidad: int
    saldo_anterior: Decimal
    pagado: Decimal
    saldo_insoluto: Decimal
    objeto_imp: str
    serie: str | None = None
    folio: str | None = None
    traslados: tuple[TrasladoDR, ...] = ()
    retenciones: tuple[RetencionDR, ...] = ()


@dataclass(frozen=True, slots=True)
class TrasladoP:
    """The sum of the traslados of one tax, factor and rate over the documents of a payment."""

    base: Decimal
    impuesto: str
    tipo_factor: str
    tasa_o_cuota: Decimal | None = None
    importe: Decimal | None = None


@dataclass(frozen=True, slots=True)
class RetencionP:
    """The sum of the retenciones of one tax over the documents of a payment, whatever their rates."""

    impuesto: str
    importe: Decimal


@dataclass(frozen=True, slots=True)
class Pago:
    """One payment received. `fecha` is local time without zone; `tipo_cambio` is 1 for MXN."""

    fecha: datetime
    forma_pago: str
    moneda: str
    monto: Decimal
    documentos: tuple[DoctoRelacionado, ...]
    tipo_cambio: Decimal | None = Decimal(1)
    num_operacion: str | None = None
    rfc_emisor_cta_ord: str | None = None
    nom_banco_ord_ext: str | None = None
    cta_ordenante: str | None = None
    rfc_emisor_cta_ben: str | None = None
    cta_beneficiario: str | None = None
    traslados: tuple[TrasladoP, ...] = ()
    retenciones: tuple[RetencionP, ...] = ()


@dataclass(frozen=True, slots=True)
class PagosTotales:
    """The node Totales, in MXN with 2 decimals. None means that the attribute is not written."""

    monto_total_pagos: Decimal
    retenciones_iva: Decimal | None = None
    retenciones_isr: Decimal | None = None
    retenciones_ieps: Decimal | None = None
    base_iva16: Decimal | None = None
    impuesto_iva16: Decimal | None = None
    base_iva8: Decimal | None = None
    impuesto_iva8: Decimal | None = None
    base_iva0: Decimal | None = None
    impuesto_iva0: Decimal | None = None
    base_iva_exento: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Pagos:
    """The complement: its totals and one node per payment."""

    totales: PagosTotales
    pagos: tuple[Pago, ...]
