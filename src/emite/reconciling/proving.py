"""Whether what a PAC gives for a folio is a true CFDI of the issuer that it is asked for."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from lxml import etree

from emite.cfdi import seal, timbre
from emite.cfdi.certificates import Certificate
from emite.cfdi.faults import Severity
from emite.cfdi.xml import XmlRefused
from emite.issuers.models import Issuer
from emite.pac import seals


class Unreadable(Exception):
    """The PAC gave something that is not a true CFDI of this issuer; the message says what."""


def verified(
    issuer: Issuer, xml: bytes, folio: uuid.UUID, signers: Mapping[str, Certificate]
) -> tuple[etree._Element, timbre.Timbre]:
    """The document and its stamp, both true and of this issuer. Raises Unreadable."""
    try:
        root = seals.parse(xml)
        stamp = timbre.verify_stamp(xml, timbre.detach(xml), signers)
    except XmlRefused as error:
        raise Unreadable(error.message) from error
    except timbre.StampInvalid as error:
        raise Unreadable(f"el timbre no se comprueba: {error.reason}") from error
    wrong = [fault for fault in seal.verify(root) if fault.severity is Severity.ERROR]
    emisor = root.find("{*}Emisor")
    if wrong:
        raise Unreadable(f"{wrong[0].code} {wrong[0].message}")
    if emisor is None or emisor.get("Rfc") != issuer.rfc:
        raise Unreadable("es de otro emisor")
    if uuid.UUID(stamp.uuid) != folio:
        raise Unreadable("el PAC dio otro folio fiscal")
    return root, stamp
