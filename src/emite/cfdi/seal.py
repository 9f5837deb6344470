"""Sealing a Comprobante with a CSD, and checking the seal of any CFDI 4.0.

Stamps are in `timbre.py`. A document is sealed once and its bytes are kept: to seal again is to make another invoice.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from lxml import etree

from emite.cfdi.cadena import cadena_by_xslt, cadena_original
from emite.cfdi.certificates import Certificate, Csd
from emite.cfdi.comprobante import Comprobante
from emite.cfdi.faults import Fault
from emite.cfdi.xml import CFDI, build, to_bytes
from emite.cfdi.zones import moment_of

_ROOT: Final = "/cfdi:Comprobante"


@dataclass(frozen=True, slots=True)
class Sealed:
    """A sealed document: the bytes to keep and send, the seal, the text that it signs, and the tree of the bytes."""

    xml: bytes
    sello: str
    cadena: str
    root: etree._Element


def seal(c: Comprobante, csd: Csd) -> Sealed:
    """Builds, signs and writes a document. The same document and CSD always give the same bytes.

    Raises CfdiInvalid for text that XML cannot carry. Whether the document obeys SAT and the CSD is the issuer's is
    asked before, by `rules.check` and `csd.open_pair`.
    """
    return seal_tree(build(c), csd)


def seal_tree(root: etree._Element, csd: Csd) -> Sealed:
    """Seals a tree that `xml.build` made, in place."""
    name_certificate(root, csd)
    cadena = cadena_original(root)
    sello = base64.b64encode(csd.sign(cadena.encode())).decode()
    root.set("Sello", sello)
    return Sealed(to_bytes(root), sello, cadena, root)


def name_certificate(root: etree._Element, csd: Csd) -> None:
    """Writes whose seal is to come, in place."""
    root.set("NoCertificado", csd.certificate.no_certificado)
    root.set("Certificado", csd.certificate.base64)


def verify(root: etree._Element, cadena: str | None = None) -> list[Fault]:
    """What is wrong with the seal of a CFDI 4.0 and with the certificate it carries; empty when nothing is.

    CFDI40106 the certificate, EMI003 its number, 303 its RFC, 305 its validity at Fecha, 306 its kind, 302 the seal
    (which the matrix calls CFDI40102). Revocation and LCO are known to the PAC alone (304, 402); who issued the
    certificate is asked by `check.py`. `cadena` is the document's, where `root` has but some of its conceptos.
    """
    certificate = certificate_of(root)
    if certificate is None:
        message = "El certificado no se puede leer: debe ser el .cer del emisor en base64."
        return [Fault("CFDI40106", message, f"{_ROOT}/@Certificado")]
    faults = [*_about_certificate(root, certificate)]
    if not _seal_verifies(root, certificate, cadena):
        message = "El sello no corresponde al documento: se modificó ya sellado o la llave es otra (CFDI40102)."
        faults.append(Fault("302", message, f"{_ROOT}/@Sello"))
    return faults


def certificate_of(root: etree._Element) -> Certificate | None:
    """The certificate that a CFDI carries, or None when it cannot be read."""
    try:
        return Certificate.from_base64(root.get("Certificado", ""))
    except ValueError:
        return None


def _seal_verifies(root: etree._Element, certificate: Certificate, cadena: str | None) -> bool:
    try:
        signature = base64.b64decode("".join(root.get("Sello", "").split()), validate=True)
    except (binascii.Error, ValueError):
        return False
    # SAT's own sheet and not the walk: what a stranger sends may have a complement or a shape that only it reads.
    return certificate.verifies(signature, (cadena or cadena_by_xslt(root)).encode())


def _about_certificate(root: etree._Element, certificate: Certificate) -> list[Fault]:
    faults = []
    if root.get("NoCertificado", "").strip() != certificate.no_certificado:
        message = f"NoCertificado no es el del certificado que trae el documento ({certificate.no_certificado})."
        faults.append(Fault("EMI003", message, f"{_ROOT}/@NoCertificado"))
    emisor = root.find(f"{{{CFDI}}}Emisor")
    rfc = "" if emisor is None else emisor.get("Rfc", "").strip()
    if rfc != certificate.rfc:
        message = f"El sello es de {certificate.rfc} y el emisor es {rfc}: selle con el CSD del emisor."
        faults.append(Fault("303", message, f"{_ROOT}/cfdi:Emisor/@Rfc"))
    if not certificate.is_csd:
        message = "El certificado no es un CSD (parece una e.firma): selle con un certificado de sello digital."
        faults.append(Fault("306", message, f"{_ROOT}/@Certificado"))
    if not _valid_at_fecha(root, certificate):
        since, until = certificate.not_before, certificate.not_after
        message = f"La fecha del documento está fuera de la vigencia del CSD ({since:%d/%m/%Y} a {until:%d/%m/%Y})."
        faults.append(Fault("305", message, f"{_ROOT}/@Fecha"))
    return faults


def _valid_at_fecha(root: etree._Element, certificate: Certificate) -> bool:
    try:
        fecha = datetime.fromisoformat(root.get("Fecha", "").strip()).replace(tzinfo=None)
    except ValueError:
        return True  # CFDI40101 says what is wrong with it
    try:
        return certificate.valid_at(moment_of(fecha, root.get("LugarExpedicion", "")))
    except ValueError:  # CFDI40126 says that there is no such place; judge by the widest reading of its clock
        moment = fecha.replace(tzinfo=UTC)
        return any(certificate.valid_at(moment + timedelta(hours=hours)) for hours in (5, 8))
