"""What an adapter has to read in a document: whose it is, and whether an answer is a stamp of it.
Not here: the full proof of a stamp (cfdi/timbre.py, used by documents/ before anything is believed)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from emite.cfdi import timbre
from emite.cfdi import xml as cfdi_xml

if TYPE_CHECKING:
    from lxml import etree


MAX_BYTES: Final = 8_000_000
MAX_NODES: Final = 400_000
"""Wider than for what strangers send: a factura global has thousands of conceptos."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Issuer, serie and folio: how a PAC that keeps no key finds a document."""

    rfc: str
    serie: str
    folio: str
    sello: str

    @classmethod
    def of(cls, document: bytes) -> Identity:
        """Read from a CFDI of ours, sealed or stamped. Raises `XmlRefused` when it isn't one."""
        root = parse(document)
        emisor = root.find("{*}Emisor")
        return cls(
            rfc="" if emisor is None else emisor.get("Rfc", ""),
            serie=root.get("Serie", ""),
            folio=root.get("Folio", ""),
            sello=root.get("Sello", ""),
        )


def parse(document: bytes) -> etree._Element:
    """A document of ours or a PAC's. Raises `XmlRefused`."""
    return cfdi_xml.parse(document, max_bytes=MAX_BYTES, max_nodes=MAX_NODES)


def carries_stamp_of(answer: bytes, sealed: bytes) -> bool:
    """Whether `answer` is a CFDI with our seal and a timbre whose SelloCFD is that seal."""
    ours = Identity.of(sealed).sello
    try:
        root = parse(answer)
        stamp = timbre.read(root)
    except (cfdi_xml.XmlRefused, timbre.StampInvalid):
        return False
    return stamp is not None and ours != "" and root.get("Sello") == ours and stamp.sello_cfd == ours
