"""Everything that is printed: the PDF of a CFDI, tickets, payment slips, QR codes.

Knows nothing of tenants, models or requests: it gets plain data (`data.py`) and returns bytes.
"""

from emite.typeset.data import (
    Amount,
    Branding,
    InvoicePrint,
    Invoicing,
    Paper,
    SlipPrint,
    TicketLine,
    TicketPrint,
    Venue,
)
from emite.typeset.printing import Typesetter, invoice_pdf, slip_pdf, ticket_pdf, typesetter
from emite.typeset.process import TypesetFailed
from emite.typeset.qr import qr_png, qr_svg

__all__ = [
    "Amount",
    "Branding",
    "InvoicePrint",
    "Invoicing",
    "Paper",
    "SlipPrint",
    "TicketLine",
    "TicketPrint",
    "TypesetFailed",
    "Typesetter",
    "Venue",
    "invoice_pdf",
    "qr_png",
    "qr_svg",
    "slip_pdf",
    "ticket_pdf",
    "typesetter",
]
