"""The page of a received invoice, under the name of whoever issued it and not of its reader."""

from __future__ import annotations

from emite.cfdi.representation import Representation, representation
from emite.cfdi.xml import parse
from emite.reviews.models import ReceivedInvoice
from emite.typeset import Branding, InvoicePrint, typesetter


def read(invoice: ReceivedInvoice) -> Representation:
    """What its print shows. Its bytes were proved when it arrived, so they may be larger than a stranger's."""
    xml = bytes(invoice.xml)
    return representation(parse(xml, max_bytes=len(xml), max_nodes=len(xml)))


def pdf_of(invoice: ReceivedInvoice) -> bytes:
    """PDF/A-3 with its XML attached. Raises TypesetFailed."""
    return typesetter().invoice(InvoicePrint(read(invoice), Branding(invoice.supplier_name)), bytes(invoice.xml))
