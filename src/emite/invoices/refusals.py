"""Why charges cannot be invoiced as they are, or together."""

from __future__ import annotations

from typing import Final

#: What the staff is told of deposits.
ANTICIPOS: Final = {
    "anticipo_alone": "Un anticipo, o una cuenta con anticipo aplicado, se factura sola: quítela de la lista.",
    "anticipo_on_credit": "Un anticipo se factura por lo que ya se recibió: cóbrelo primero, no se factura a crédito.",
    "anticipo_uninvoiced": "El anticipo de esta cuenta ya no tiene factura propia: factúrelo primero.",
}


class NotInvoiceable(Exception):
    """The charges cannot be invoiced as they are. `reason` is one of: void, unpaid, paid, issuers, too_many; of
    deposits: anticipo_alone, anticipo_on_credit, anticipo_uninvoiced."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)
