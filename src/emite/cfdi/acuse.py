"""SAT's acuse of a cancellation request: read strictly, its digest checked, and made for the sandbox.

SAT signs it with a secret of its own (HMAC-SHA512): nobody else can verify that part. What can be: that it is whole
(its digest), that it speaks of our RFC and of exactly what we asked. Whether a CFDI is cancelled is never read here:
201 means "received", and only SAT's status service says the rest.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from xml.sax.saxutils import escape

from lxml import etree

from emite.cfdi.cancelacion import C14N, CANCELA, DSIG, take_out
from emite.cfdi.xml import XmlRefused, date_text, parse

XPATH: Final = "http://www.w3.org/TR/1999/REC-xpath-19991116"
HMAC_SHA512: Final = "http://www.w3.org/2001/04/xmldsig-more#hmac-sha512"
SHA512: Final = "http://www.w3.org/2001/04/xmlenc#sha512"
RECEIVED: Final = "201"
"""The request was received. Not yet cancelled."""
_WITHOUT_SIGNATURE: Final = "not(ancestor-or-self::*[local-name()='Signature'])"
BEFORE: Final = "202"
"""It was asked for before, or is cancelled already."""


class AcuseInvalid(ValueError):
    """The bytes are not the acuse of this request. `reason` is for the log and the operator."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class Acuse:
    """What SAT acknowledged: `codes` is EstatusUUID by UUID (capitals). `fecha` is SAT's local time."""

    rfc_emisor: str
    fecha: datetime
    codes: Mapping[str, str]


def read(data: bytes, *, rfc_emisor: str, uuids: frozenset[str]) -> Acuse:
    """The acuse of a request of this issuer for exactly these UUIDs (capitals). Raises AcuseInvalid."""
    try:
        root = parse(data)
    except XmlRefused as refused:
        raise AcuseInvalid(refused.message) from None
    if etree.QName(root).localname != "Acuse" or etree.QName(root).namespace not in (CANCELA, None):
        raise AcuseInvalid("the document is no Acuse")
    if root.get("RfcEmisor") != rfc_emisor:
        raise AcuseInvalid("the acuse is of another issuer")
    codes = codes_of(root)
    if frozenset(codes) != uuids:
        raise AcuseInvalid("the acuse does not speak of what was asked")
    try:
        fecha = datetime.fromisoformat(root.get("Fecha", "")[:19])
    except ValueError:
        raise AcuseInvalid("the acuse has no date") from None
    require_whole(root)
    return Acuse(rfc_emisor, fecha, codes)


def build(acuse: Acuse, secret: bytes) -> bytes:
    """An acuse as SAT makes it, signed with a secret of nobody: for the sandbox and for tests."""
    folios = "".join(
        f"<Folios><UUID>{escape(uuid)}</UUID><EstatusUUID>{escape(code)}</EstatusUUID></Folios>"
        for uuid, code in acuse.codes.items()
    )
    head = f'<Acuse xmlns="{CANCELA}" Fecha="{date_text(acuse.fecha)}" RfcEmisor="{escape(acuse.rfc_emisor)}">'
    return sealed(f"{head}{folios}</Acuse>", secret)


def sealed(document: str, secret: bytes) -> bytes:
    """An acuse with SAT's seal at its end. `document` is what C14N would write, in one line."""
    digest = base64.b64encode(hashlib.sha512(document.encode()).digest()).decode()
    signed_info = (
        f'<SignedInfo xmlns="{DSIG}"><CanonicalizationMethod Algorithm="{C14N}"></CanonicalizationMethod>'
        f'<SignatureMethod Algorithm="{HMAC_SHA512}"></SignatureMethod><Reference URI=""><Transforms>'
        f'<Transform Algorithm="{XPATH}"><XPath>{_WITHOUT_SIGNATURE}</XPath></Transform></Transforms>'
        f'<DigestMethod Algorithm="{SHA512}"></DigestMethod><DigestValue>{digest}</DigestValue>'
        "</Reference></SignedInfo>"
    )
    value = base64.b64encode(hmac.new(secret, signed_info.encode(), hashlib.sha512).digest()).decode()
    inner, mark, name = document.rpartition("</")
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n{inner}<Signature xmlns="{DSIG}" Id="SelloSAT">{signed_info}'
        f"<SignatureValue>{value}</SignatureValue></Signature>{mark}{name}"
    ).encode()


def codes_of(root: etree._Element) -> dict[str, str]:
    """SAT repeats the pair UUID and EstatusUUID, inside one Folios or in several."""
    codes: dict[str, str] = {}
    uuid = ""
    for folios in (node for node in root.iterchildren(etree.Element) if etree.QName(node).localname == "Folios"):
        for node in folios.iterchildren(etree.Element):
            text = (node.text or "").strip()
            match etree.QName(node).localname:
                case "UUID":
                    uuid = text.upper()
                case "EstatusUUID":
                    if not uuid or uuid in codes or not text.isdigit():
                        raise AcuseInvalid("the acuse has a code without its folio")
                    codes[uuid], uuid = text, ""
    if uuid:
        raise AcuseInvalid("the acuse has a folio without its code")
    return codes


def require_whole(root: etree._Element) -> None:
    """Raise AcuseInvalid unless SAT's seal is there and its digest holds; takes the seal out."""
    signatures = root.findall(f"{{{DSIG}}}Signature")
    if len(signatures) != 1 or signatures[0].get("Id") != "SelloSAT":
        raise AcuseInvalid("the acuse does not carry SAT's seal")
    signature = signatures[0]
    method = signature.find(f".//{{{DSIG}}}DigestMethod")
    told = "".join(signature.findtext(f".//{{{DSIG}}}DigestValue", "").split())
    if method is None or method.get("Algorithm") != SHA512 or not signature.findtext(f"{{{DSIG}}}SignatureValue"):
        raise AcuseInvalid("the acuse is not sealed as SAT does")
    take_out(root, signature)
    canonical = etree.tostring(root, method="c14n", exclusive=False, with_comments=False)
    if base64.b64encode(hashlib.sha512(canonical).digest()).decode() != told:
        raise AcuseInvalid("the acuse was changed after SAT sealed it")
