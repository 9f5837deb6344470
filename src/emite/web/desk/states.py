"""In which words and tone the desk says how a charge stands: its money, and its invoice.

The facts are those of `charges` and `documents`; nothing is decided here.
"""

from __future__ import annotations

from dataclasses import dataclass

from emite.charges.models import Charge
from emite.documents.models import FiscalDocument, State


@dataclass(frozen=True, slots=True)
class Badge:
    """A word and its tone, as the badges of the design name them: good, accent, cost, wrong or none."""

    text: str
    tone: str


NOT_INVOICED = Badge("Sin factura", "")
IN_GLOBAL = Badge("En global", "good")

_DOCUMENT = {
    State.DRAFT: Badge("En proceso", "accent"),
    State.SEALED: Badge("En proceso", "accent"),
    State.SENDING: Badge("En proceso", "accent"),
    State.UNKNOWN: Badge("En duda", "cost"),
    State.HELD: Badge("Detenida", "wrong"),
    State.STAMPED: Badge("Facturada", "good"),
    State.REJECTED: Badge("Rechazada", "wrong"),
    State.CANCELLED: Badge("Cancelada", ""),
    State.VOID: Badge("Descartada", ""),
}


def kind_words(document: FiscalDocument) -> str:
    """What a document is, where no remisión says it."""
    if document.kind == FiscalDocument.Kind.EGRESO:
        return "Nota de crédito"
    if document.kind == FiscalDocument.Kind.PAGO:
        return "Complemento de pago"
    if document.channel == FiscalDocument.Channel.GLOBAL:
        return "Factura global"
    if document.channel == FiscalDocument.Channel.INSURER:
        return "Factura a aseguradora"
    return "Factura que sustituye a otra"


def money_badge(charge: Charge) -> Badge:
    """Void, paid, partly paid or owed."""
    if charge.state == Charge.State.VOID:
        return Badge("Cancelada", "")
    if charge.is_paid:
        return Badge("Pagada", "good")
    if charge.paid:
        return Badge(f"Debe ${charge.owed:,.2f}", "cost")
    return Badge("Por cobrar", "cost")


def invoice_badge(document: FiscalDocument | None) -> Badge:
    """The state of the document that invoices a charge, or of the last that tried."""
    if document and document.channel == FiscalDocument.Channel.GLOBAL and document.state == State.STAMPED:
        return IN_GLOBAL
    return _DOCUMENT[State(document.state)] if document else NOT_INVOICED
