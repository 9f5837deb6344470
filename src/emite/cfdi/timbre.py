"""The stamp (TimbreFiscalDigital 1.1): reading it, proving that it is a true stamp of our document, and making one.

Asking a PAC for it is in `pac/`; making one is for the sandbox PAC and for tests, with an authority of no fiscal value.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from lxml import etree

from emite.cfdi.cadena import cadena_tfd
from emite.cfdi.certificates import Certificate
from emite.cfdi.xml import CFDI, MAX_BYTES, MAX_NODES, SCHEMA_LOCATION, TFD, XSI, XmlRefused, date_text, parse, to_bytes

_TAG: Final = f"{{{TFD}}}TimbreFiscalDigital"
_COMPLEMENTO: Final = f"{{{CFDI}}}Complemento"
_LOCATION: Final = f"{TFD} http://www.sat.gob.mx/sitio_internet/cfd/TimbreFiscalDigital/TimbreFiscalDigitalv11.xsd"
_UUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


class StampInvalid(Exception):
    """What came back is not a true stamp of our document. `reason` is for the log and the operator."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class Timbre:
    """A TFD 1.1. `uuid` in capitals; `fecha_timbrado` as written, without zone (PACs write Central time)."""

    uuid: str
    fecha_timbrado: datetime
    rfc_prov_certif: str
    leyenda: str | None
    sello_cfd: str
    no_certificado_sat: str
    sello_sat: str


def read(root: etree._Element) -> Timbre | None:
    """The stamp of a CFDI; None when it has none. Raises StampInvalid for several, misplaced or incomplete ones."""
    nodes = list(root.iter(_TAG))
    if not nodes:
        return None
    if len(nodes) > 1:
        raise StampInvalid("the document carries more than one TimbreFiscalDigital")
    parent = nodes[0].getparent()
    if parent is None or parent.tag != _COMPLEMENTO or parent.getparent() is not root:
        raise StampInvalid("the TimbreFiscalDigital is not in the document's Complemento")
    return _read_node(nodes[0])


def verify_stamp(stamped: bytes, sealed: bytes, sat_certificates: Mapping[str, Certificate]) -> Timbre:
    """Proves that `stamped` is our `sealed` document with a true stamp, and gives the stamp. Raises StampInvalid.

    One TFD; its SelloCFD is our seal; SelloSAT verifies with the certificate of that number in `sat_certificates`; and
    without the TFD the document is ours byte by byte in exclusive C14N. Blank text between nodes, comments and the
    root's xsi:schemaLocation do not count: some PACs rewrite them and none of the three is fiscal data.
    """
    ours = _parsed(sealed, len(sealed))
    theirs = _parsed(stamped, len(sealed))
    stamp = read(theirs)
    if stamp is None:
        raise StampInvalid("the answer carries no TimbreFiscalDigital")
    sello = ours.get("Sello", "")
    if not sello or stamp.sello_cfd != sello:
        raise StampInvalid("SelloCFD is not the seal of our document")
    certificate = sat_certificates.get(stamp.no_certificado_sat)
    if certificate is None:
        raise StampInvalid(f"no trusted stamp certificate has the number {stamp.no_certificado_sat}")
    node = next(theirs.iter(_TAG))
    if not verifies(node, certificate):
        raise StampInvalid("SelloSAT does not verify with its certificate")
    if without_stamp(theirs) != without_stamp(ours):
        raise StampInvalid("the stamped document is not ours: something besides the stamp differs")
    return stamp


def verifies(tfd: etree._Element, certificate: Certificate) -> bool:
    """True when SelloSAT of a TimbreFiscalDigital node is the seal of its cadena by `certificate`."""
    try:
        signature = base64.b64decode("".join(tfd.get("SelloSAT", "").split()), validate=True)
    except (binascii.Error, ValueError):
        return False
    return certificate.verifies(signature, cadena_tfd(tfd).encode())


def build(
    *,
    uuid: str,
    fecha_timbrado: datetime,
    rfc_prov_certif: str,
    sello_cfd: str,
    no_certificado_sat: str,
    sign: Callable[[bytes], bytes],
    leyenda: str | None = None,
) -> Timbre:
    """A stamp whose SelloSAT is `sign` of its cadena. Raises ValueError for a UUID or date that no TFD can carry."""
    if _UUID.fullmatch(uuid) is None:
        raise ValueError("not a UUID")
    unsigned = Timbre(uuid.upper(), fecha_timbrado, rfc_prov_certif, leyenda, sello_cfd, no_certificado_sat, "")
    cadena = cadena_tfd(_node(etree.Element(_COMPLEMENTO), unsigned))
    return replace(unsigned, sello_sat=base64.b64encode(sign(cadena.encode())).decode())


def attach(sealed_xml: bytes, timbre: Timbre) -> bytes:
    """The sealed document with the stamp in its Complemento, everything else as it was."""
    root = _parsed(sealed_xml, len(sealed_xml))
    complemento = root.find(_COMPLEMENTO)
    if complemento is None:
        complemento = etree.Element(_COMPLEMENTO)
        addenda = root.find(f"{{{CFDI}}}Addenda")
        root.insert(len(root) if addenda is None else root.index(addenda), complemento)
    _node(complemento, timbre)
    return to_bytes(root)


def _parsed(data: bytes, ours: int) -> etree._Element:
    # A global invoice is larger than what a stranger may send: the bounds follow the size of our own document.
    try:
        return parse(data, max_bytes=max(MAX_BYTES, 2 * ours), max_nodes=max(MAX_NODES, ours // 20))
    except XmlRefused as refused:
        raise StampInvalid(f"the document cannot be read: {refused.message}") from None


def _read_node(node: etree._Element) -> Timbre:
    attributes = {str(name): str(value).strip() for name, value in node.items()}
    try:
        stamp = Timbre(
            uuid=attributes["UUID"].upper(),
            fecha_timbrado=datetime.fromisoformat(attributes["FechaTimbrado"]),
            rfc_prov_certif=attributes["RfcProvCertif"],
            leyenda=attributes.get("Leyenda"),
            sello_cfd=attributes["SelloCFD"],
            no_certificado_sat=attributes["NoCertificadoSAT"],
            sello_sat=attributes["SelloSAT"],
        )
    except (KeyError, ValueError) as error:
        raise StampInvalid(f"the TimbreFiscalDigital is incomplete: {error}") from None
    if attributes.get("Version") != "1.1" or _UUID.fullmatch(stamp.uuid) is None:
        raise StampInvalid("the TimbreFiscalDigital is not of version 1.1 or has no UUID")
    if stamp.fecha_timbrado.tzinfo is not None:
        raise StampInvalid("FechaTimbrado carries a zone")
    return stamp


def _node(complemento: etree._Element, stamp: Timbre) -> etree._Element:
    node = etree.SubElement(complemento, _TAG, nsmap={"tfd": TFD, "xsi": XSI})
    attributes = {
        SCHEMA_LOCATION: _LOCATION,
        "Version": "1.1",
        "UUID": stamp.uuid,
        "FechaTimbrado": date_text(stamp.fecha_timbrado),
        "RfcProvCertif": stamp.rfc_prov_certif,
        "Leyenda": stamp.leyenda,
        "SelloCFD": stamp.sello_cfd,
        "NoCertificadoSAT": stamp.no_certificado_sat,
        "SelloSAT": stamp.sello_sat,
    }
    for name, value in attributes.items():
        if value is not None:
            node.set(name, value)
    return node


def detach(stamped: bytes) -> bytes:
    """The document as it was sealed: without its stamp, and without the Complemento that only held it."""
    root = _parsed(stamped, len(stamped))
    _strip(root)
    return to_bytes(root)


def without_stamp(root: etree._Element) -> bytes:
    """What of a document is fiscal besides its stamp, in one form; changes the tree."""
    _strip(root)
    for node in root.iter(etree.Element):
        if node.text is not None and not node.text.strip():
            node.text = None
        if node.tail is not None and not node.tail.strip():
            node.tail = None
    if SCHEMA_LOCATION in root.attrib:
        del root.attrib[SCHEMA_LOCATION]
    return etree.tostring(root, method="c14n", exclusive=True, with_comments=False)


def _strip(root: etree._Element) -> None:
    for node in list(root.iter(_TAG)):
        parent = node.getparent()
        assert parent is not None  # `read` has placed it in a Complemento
        parent.remove(node)
        if len(parent) == 0 and not parent.attrib:
            root.remove(parent)
