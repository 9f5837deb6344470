"""The page of a payment complement (type P): what was paid, by whom, of which invoices, and what is still owed of each.

It has the shape of an invoice's page (`invoice_page.py`, templates/invoice.typ), with other columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from emite.cfdi.representation import PaidDocument, Payment, Representation, Tax
from emite.typeset.columns import less, named, spaced, width
from emite.typeset.written import moment, number, pesos


@dataclass(frozen=True, slots=True)
class Parts:
    """What the page of a complement has in place of an invoice's."""

    facts: list[list[str]]
    columns: list[list[Any]]
    lines: list[list[str]]
    notes: list[list[Any]]
    totals: list[list[str]]
    total: list[str]


def parts(cfdi: Representation) -> Parts:
    """The first payment stands in the strip; each one more names itself beside its documents."""
    rows = [
        _row(each, payment, several=len(cfdi.payments) > 1) for payment in cfdi.payments for each in payment.documentos
    ]
    amounts = ["Saldo anterior", "Pagado", "Saldo insoluto"]
    columns: list[list[Any]] = [["Parcialidad", width("Parcialidad", [row[0] for row in rows]), "left"]]
    columns.append(["Factura que se paga", None, "left"])
    columns += [
        [name, width(name, [row[index] for row in rows]), "right"] for index, name in enumerate(amounts, start=3)
    ]
    return Parts(
        facts=_facts(cfdi.payments[0]) if len(cfdi.payments) == 1 else [["Pagos", str(len(cfdi.payments))]],
        columns=columns,
        lines=rows,
        notes=[note for payment in cfdi.payments for note in _accounts(payment)],
        totals=[row for payment in cfdi.payments for tax in payment.taxes for row in _tax(tax)],
        total=["Monto total de pagos", pesos(Decimal(cfdi.totals.monto_pagos or "0"))],
    )


def _facts(payment: Payment) -> list[list[str]]:
    moneda = named(payment.moneda)
    if payment.moneda.key != "MXN" and payment.tipo_cambio:
        moneda += f", tipo de cambio {number(Decimal(payment.tipo_cambio), decimals=4)}"
    return [
        ["Fecha del pago", moment(datetime.fromisoformat(payment.fecha))],
        ["Forma de pago", named(payment.forma_pago)],
        ["Moneda", moneda],
        ["Monto", pesos(Decimal(payment.monto))],
    ]


def _row(document: PaidDocument, payment: Payment, *, several: bool) -> list[str]:
    name = "-".join(part for part in (document.serie, document.folio) if part)
    detail = [f"Folio fiscal {document.uuid}", f"Objeto de impuesto {named(document.objeto_imp)}"]
    if document.moneda != payment.moneda.key:
        detail.append(f"Moneda {document.moneda}, equivalencia {document.equivalencia}")
    detail += [spaced(_said(tax)) for tax in document.taxes]
    if several:
        when, form = moment(datetime.fromisoformat(payment.fecha)), named(payment.forma_pago)
        detail.append(f"Pago del {when}, {form}, {pesos(Decimal(payment.monto))} {payment.moneda.key}")
    return [
        document.parcialidad,
        f"Factura {name}".strip(),
        "  ·  ".join(detail),
        number(Decimal(document.saldo_anterior)),
        number(Decimal(document.pagado)),
        number(Decimal(document.saldo_insoluto)),
    ]


def _said(tax: Tax) -> str:
    base = f" sobre {pesos(Decimal(tax.base))}" if tax.base else ""
    return f"{tax.label}{base}" + (f": {pesos(Decimal(tax.importe))}" if tax.importe else "")


def _accounts(payment: Payment) -> list[list[Any]]:
    notes: list[list[Any]] = []
    if payment.num_operacion:
        notes.append(["Número de operación", [payment.num_operacion]])
    for name, bank, account in (
        ("Cuenta ordenante", payment.banco_ordenante, payment.cuenta_ordenante),
        ("Cuenta beneficiaria", payment.banco_beneficiario, payment.cuenta_beneficiaria),
    ):
        if bank or account:
            notes.append([name, [" ".join(part for part in (bank, account) if part)]])
    return notes


def _tax(tax: Tax) -> list[list[str]]:
    if tax.retenido:
        return [[spaced(tax.label), "", less(tax.importe or "0")]]
    base = f"sobre {pesos(Decimal(tax.base))}" if tax.base else ""
    return [[spaced(tax.label), base, pesos(Decimal(tax.importe)) if tax.importe else "—"]]
