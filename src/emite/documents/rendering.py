"""The printed representation of a stamped document, always drawn again from its XML; and its draft before that.

How a page looks lives in `typeset`; what must stand on it in `cfdi.representation`.
"""

from __future__ import annotations

from emite.cfdi.addenda import appended
from emite.cfdi.comprobante import Comprobante
from emite.cfdi.representation import draft_representation, representation
from emite.cfdi.xml import build, parse
from emite.documents.models import Addenda, FiscalDocument, StampedXml
from emite.organizations.models import Organization
from emite.typeset import Branding, InvoicePrint, typesetter


def stamped_xml(document: FiscalDocument) -> bytes:
    """The CFDI as the PAC returned it. Raises StampedXml.DoesNotExist before it is stamped."""
    row = StampedXml.objects.only("xml").get(organization_id=document.organization_id, document_id=document.pk)
    return bytes(row.xml)


def delivered_xml(document: FiscalDocument) -> bytes:
    """The same as its receiver gets it: with the Addenda that it asked for, if any."""
    xml = stamped_xml(document)
    asked = Addenda.objects.filter(organization_id=document.organization_id, document_id=document.pk).first()
    return xml if asked is None else appended(xml, asked.template)


def pdf_of(document: FiscalDocument) -> bytes:
    """PDF/A-3 of a stamped document, with its XML attached."""
    return pdf_of_xml(stamped_xml(document), document.organization)


def pdf_of_xml(xml: bytes, organization: Organization) -> bytes:
    """The same of a CFDI whose bytes were proved when they were stored: it may be larger than a stranger's."""
    root = parse(xml, max_bytes=len(xml), max_nodes=len(xml))
    return typesetter().invoice(InvoicePrint(representation(root), branding(organization)), xml)


def draft_pdf(comprobante: Comprobante, organization: Organization) -> bytes:
    """The page of an invoice that nobody has asked for yet, marked as a draft without value."""
    data = InvoicePrint(draft_representation(build(comprobante)), branding(organization), draft=True)
    return typesetter().draft(data)


def branding(organization: Organization) -> Branding:
    """The organization's face on paper."""
    return Branding(
        name=organization.name,
        accent=organization.accent,
        logo=bytes(organization.logo) if organization.logo else None,
        address=organization.address,
        contact=" · ".join(part for part in (organization.support_phone, organization.support_email) if part),
    )
