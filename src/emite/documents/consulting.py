"""Ask SAT how a CFDI stands: ours by its row, anybody's by its XML or its printed expression. Changes nothing.

Network, through the issuer's PAC account; never call it in a transaction. What an answer entails is the caller's.
"""

from __future__ import annotations

import datetime as dt
import uuid

from emite.cfdi import check
from emite.cfdi.money import text
from emite.cfdi.timbre import read
from emite.cfdi.xml import parse
from emite.documents.models import FiscalDocument, StampedXml
from emite.issuers.connecting import adapter, keyless
from emite.issuers.models import PacAccount
from emite.pac.port import Evidence, StatusAnswer, StatusQuery, StatusUnknown

#: SAT may not know a CFDI for so long after its stamp: until then "No Encontrado" says nothing.
SAT_LAG = dt.timedelta(hours=72)


def sat_status_of(expression: StatusQuery, organization_id: uuid.UUID) -> StatusAnswer:
    """SAT's word on any CFDI, asked in the name of an organization. Never raises for what SAT or the network does.

    Without the account's password, so that any process may ask.
    """
    account = PacAccount.objects.filter(organization_id=organization_id, active=True).first()
    if account is None:
        return StatusUnknown("la organización no tiene una cuenta de PAC en uso", Evidence(None, None, b"", None, 0))
    return keyless(account).status(expression)


def ask_sat(document: FiscalDocument) -> StatusAnswer:
    """SAT's word on a stamped document of ours."""
    return adapter(account_of(document)).status(query_of(document))


def account_of(document: FiscalDocument) -> PacAccount:
    """Through whom it is asked and cancelled: any PAC may, so the issuer's present one, else the stamping one."""
    rows = PacAccount.objects.filter(
        organization_id=document.organization_id, issuer_id=document.issuer_id, active=True
    )
    return rows.first() or document.pac_account


def query_of(document: FiscalDocument) -> StatusQuery:
    """What SAT is asked of a document of ours, read from the CFDI itself."""
    stored = StampedXml.objects.only("xml").get(organization_id=document.organization_id, document_id=document.pk)
    xml = bytes(stored.xml)
    sello = parse(xml, max_bytes=len(xml), max_nodes=len(xml)).get("Sello", "")
    return StatusQuery(
        emisor=document.issuer.rfc,
        receptor=document.receptor_rfc,
        total=text(document.total, 2),
        uuid=str(document.uuid).upper(),
        last8=sello[-8:],
    )


def query_of_xml(xml: bytes) -> StatusQuery | None:
    """What SAT is asked of a CFDI that somebody else stamped; None for one without timbre. Raises XmlRefused."""
    root = parse(xml, max_bytes=check.MAX_BYTES, max_nodes=check.MAX_NODES)
    timbre = read(root)
    emisor, receptor = root.find("{*}Emisor"), root.find("{*}Receptor")
    if timbre is None or emisor is None or receptor is None:
        return None
    return StatusQuery(
        emisor=emisor.get("Rfc", ""),
        receptor=receptor.get("Rfc", ""),
        total=root.get("Total", ""),
        uuid=timbre.uuid.upper(),
        last8=root.get("Sello", "")[-8:],
    )
