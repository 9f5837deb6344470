"""The request that asks SAT to cancel CFDI: written, signed with the CSD as SAT's schema demands, and verified.

What SAT answers is in `acuse.py`; who must accept and until when, in `plazos.py`. Same content, same key: same bytes.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from xml.sax.saxutils import escape

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from lxml import etree

from emite.cfdi.certificates import Certificate, Csd
from emite.cfdi.xml import XmlRefused, date_text, parse

CANCELA: Final = "http://cancelacfd.sat.gob.mx"
DSIG: Final = "http://www.w3.org/2000/09/xmldsig#"
C14N: Final = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
ENVELOPED: Final = f"{DSIG}enveloped-signature"
#: SAT's service takes no other: SHA-1 here is its choice, and protects nothing that the CSD's own seal does not.
RSA_SHA1: Final = f"{DSIG}rsa-sha1"
SHA1: Final = f"{DSIG}sha1"
MOST_FOLIOS: Final = 500
"""SAT's service takes no more in one request."""

UUID: Final = re.compile(r"[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}")
RFC: Final = re.compile(r"[A-ZÑ&]{3,4}[0-9]{6}[A-Z0-9]{3}")
_QUOTE: Final = {'"': "&quot;"}


class Motivo(StrEnum):
    """SAT's reasons for cancelling."""

    ERRORS_RELATED = "01"
    """With errors, and another CFDI takes its place."""
    ERRORS = "02"
    NOT_DONE = "03"
    IN_GLOBAL = "04"
    """A nominative operation that a factura global carried."""


class CancelacionInvalid(ValueError):
    """The request cannot be sent, or is not one. `reason` is for the log and the operator."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class Folio:
    """One CFDI to cancel. `sustitucion` is the UUID that takes its place: with motivo 01, and only then."""

    uuid: str
    motivo: str
    sustitucion: str | None = None


@dataclass(frozen=True, slots=True)
class Cancelacion:
    """A request. `fecha` is local time of the issuer, without zone, in whole seconds."""

    rfc_emisor: str
    fecha: datetime
    folios: tuple[Folio, ...]


def sign(request: Cancelacion, csd: Csd) -> bytes:
    """The signed request. Raises CancelacionInvalid for what SAT would refuse, or a certificate of somebody else."""
    _require_sound(request)
    if csd.certificate.rfc != request.rfc_emisor:
        raise CancelacionInvalid("the certificate is not the issuer's")
    return enveloped(_body(request), csd)


def verify(data: bytes) -> tuple[Cancelacion, Certificate]:
    """The request and the certificate that signed it, whoever issued that. Raises CancelacionInvalid."""
    try:
        root = parse(data)
    except XmlRefused as refused:
        raise CancelacionInvalid(refused.message) from None
    request = _read(root)
    return request, signer_of(root)


def enveloped(body: bytes, csd: Csd) -> bytes:
    """A document with the CSD's signature at its end. `body` is what C14N would write, in one line."""
    digest = base64.b64encode(hashlib.sha1(body, usedforsecurity=False).digest()).decode()
    signed_info = _signed_info(digest)
    # SAT's schema fixes SHA-1.
    signature = csd.private_key.sign(signed_info.encode(), PKCS1v15(), hashes.SHA1())
    inner, mark, name = body.rpartition(b"</")
    tail = (
        f'<Signature xmlns="{DSIG}">{signed_info.replace(f" xmlns={quoted(DSIG)}", "", 1)}'
        f"<SignatureValue>{base64.b64encode(signature).decode()}</SignatureValue>{_key_info(csd.certificate)}"
        "</Signature>"
    )
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + inner + tail.encode() + mark + name


def signer_of(root: etree._Element) -> Certificate:
    """The certificate that signed this document, whoever issued it; takes the signature out. Raises
    CancelacionInvalid."""
    signatures = root.findall(f"{{{DSIG}}}Signature")
    if len(signatures) != 1:
        raise CancelacionInvalid("there must be one signature")
    signature = signatures[0]
    certificate = _certificate(signature)
    signed_info = signature.find(f"{{{DSIG}}}SignedInfo")
    if signed_info is None or _methods(signed_info) != (C14N, RSA_SHA1, ENVELOPED, SHA1):
        raise CancelacionInvalid("the signature is not made as SAT asks")
    try:
        value = base64.b64decode("".join(signature.findtext(f"{{{DSIG}}}SignatureValue", "").split()), validate=True)
        certificate.public_key.verify(value, _canonical(signed_info), PKCS1v15(), hashes.SHA1())
    except (ValueError, InvalidSignature):
        raise CancelacionInvalid("the signature does not verify") from None
    told = "".join(signed_info.findtext(f".//{{{DSIG}}}DigestValue", "").split())
    take_out(root, signature)
    if base64.b64encode(hashlib.sha1(_canonical(root), usedforsecurity=False).digest()).decode() != told:
        raise CancelacionInvalid("the request was changed after it was signed")
    return certificate


def take_out(root: etree._Element, signature: etree._Element) -> None:
    """Without its signature, as the transform wants it: the element goes, the blank text after it stays."""
    if signature.tail:
        before = signature.getprevious()
        if before is None:
            root.text = (root.text or "") + signature.tail
        else:
            before.tail = (before.tail or "") + signature.tail
    root.remove(signature)


def _require_sound(request: Cancelacion) -> None:
    if RFC.fullmatch(request.rfc_emisor) is None:
        raise CancelacionInvalid("RfcEmisor is no RFC")
    if not 1 <= len(request.folios) <= MOST_FOLIOS:
        raise CancelacionInvalid(f"a request carries 1 to {MOST_FOLIOS} folios")
    if len({folio.uuid for folio in request.folios}) != len(request.folios):
        raise CancelacionInvalid("a folio is asked for twice")
    for folio in request.folios:
        if UUID.fullmatch(folio.uuid) is None:
            raise CancelacionInvalid("UUID is no folio fiscal in capitals")
        if folio.motivo not in set(Motivo):
            raise CancelacionInvalid(f"there is no motivo {folio.motivo!r}")
        if (folio.motivo == Motivo.ERRORS_RELATED) is not (folio.sustitucion is not None):
            raise CancelacionInvalid("FolioSustitucion goes with motivo 01, and only with it")
        if folio.sustitucion is not None and UUID.fullmatch(folio.sustitucion) is None:
            raise CancelacionInvalid("FolioSustitucion is no folio fiscal in capitals")
        if folio.sustitucion == folio.uuid:
            raise CancelacionInvalid("nothing takes its own place")


def _body(request: Cancelacion) -> bytes:
    """The request without signature, written as C14N would write it: attributes in order, no empty-element tags."""
    folios = "".join(
        f"<Folio{'' if each.sustitucion is None else f' FolioSustitucion={quoted(each.sustitucion)}'}"
        f" Motivo={quoted(each.motivo)} UUID={quoted(each.uuid)}></Folio>"
        for each in request.folios
    )
    return (
        f'<Cancelacion xmlns="{CANCELA}" Fecha="{date_text(request.fecha)}" RfcEmisor={quoted(request.rfc_emisor)}>'
        f"<Folios>{folios}</Folios></Cancelacion>"
    ).encode()


def _signed_info(digest: str) -> str:
    return (
        f'<SignedInfo xmlns="{DSIG}"><CanonicalizationMethod Algorithm="{C14N}"></CanonicalizationMethod>'
        f'<SignatureMethod Algorithm="{RSA_SHA1}"></SignatureMethod><Reference URI=""><Transforms>'
        f'<Transform Algorithm="{ENVELOPED}"></Transform></Transforms>'
        f'<DigestMethod Algorithm="{SHA1}"></DigestMethod><DigestValue>{digest}</DigestValue></Reference></SignedInfo>'
    )


def _key_info(certificate: Certificate) -> str:
    found = x509.load_der_x509_certificate(certificate.der)
    return (
        f"<KeyInfo><X509Data><X509IssuerSerial><X509IssuerName>{escape(found.issuer.rfc4514_string())}"
        f"</X509IssuerName><X509SerialNumber>{found.serial_number}</X509SerialNumber></X509IssuerSerial>"
        f"<X509Certificate>{certificate.base64}</X509Certificate></X509Data></KeyInfo>"
    )


def quoted(value: str) -> str:
    return f'"{escape(value, _QUOTE)}"'


def _read(root: etree._Element) -> Cancelacion:
    if root.tag != f"{{{CANCELA}}}Cancelacion":
        raise CancelacionInvalid("the document is no Cancelacion")
    nodes = root.findall(f"{{{CANCELA}}}Folios/{{{CANCELA}}}Folio")
    folios = tuple(
        Folio(
            node.get("UUID", "").upper(), node.get("Motivo", ""), (node.get("FolioSustitucion") or "").upper() or None
        )
        for node in nodes
    )
    try:
        fecha = datetime.fromisoformat(root.get("Fecha", ""))
    except ValueError:
        raise CancelacionInvalid("Fecha is no date") from None
    return Cancelacion(root.get("RfcEmisor", ""), fecha, folios)


def _certificate(signature: etree._Element) -> Certificate:
    try:
        return Certificate.from_base64(signature.findtext(f".//{{{DSIG}}}X509Certificate", ""))
    except ValueError:
        raise CancelacionInvalid("the signature carries no certificate") from None


def _methods(signed_info: etree._Element) -> tuple[str, ...]:
    names = ("CanonicalizationMethod", "SignatureMethod", "Transform", "DigestMethod")
    found = [signed_info.findall(f".//{{{DSIG}}}{name}") for name in names]
    uris = [node.get("URI") for node in signed_info.findall(f"{{{DSIG}}}Reference")]
    if uris != [""] or any(len(nodes) != 1 for nodes in found):
        return ()
    return tuple(nodes[0].get("Algorithm", "") for nodes in found)


def _canonical(node: etree._Element) -> bytes:
    # Alone in a document of its own: libxml2 writes xmlns="" into what it canonicalizes inside of another.
    alone = etree.fromstring(etree.tostring(node, with_tail=False))
    return etree.tostring(alone, method="c14n", exclusive=False, with_comments=False)
