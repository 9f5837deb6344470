"""What an adapter has to read in a document: whose it is, and whether an answer is a stamp of it.
Not here: the full proof of a stamp (cfdi/timbre.py, used by documents/ before anything is believed)."""

from __future__ import annotations

from dataclasses import dataclass

from emite.cfdi import timbre
from emite.cfdi import xml as cfdi_xml


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
        root = cfdi_xml.parse(document)
        emisor = root.find("{*}Emisor")
        return cls(
            rfc="" if emisor is None else emisor.get("Rfc", ""),
            serie=root.get("Serie", ""),
            folio=root.get("Folio", ""),
            sello=root.get("Sello", ""),
        )


def carries_stamp_of(answer: bytes, sealed: bytes) -> bool:
    """Whether `answer` is a CFDI with our seal and a timbre whose SelloCFD is that seal."""
    ours = Identity.of(sealed).sello
    try:
        root = cfdi_xml.parse(answer)
        stamp = timbre.read(root)
    except (cfdi_xml.XmlRefused, timbre.StampInvalid):
        return False
    return stamp is not None and ours != "" and root.get("Sello") == ours and stamp.sello_cfd == ours
