"""What others say of a sealed document: SAT's full XSD, SAT's sheet by libxslt and by Saxon, and openssl."""

from __future__ import annotations

import base64
import importlib.util
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from lxml import etree
from saxonche import PySaxonProcessor, PyXslt30Processor

from emite.cfdi.certificates import Certificate
from emite.cfdi.codes import FOLDER

SHEET = FOLDER / "xslt" / "4" / "cadenaoriginal_4_0" / "cadenaoriginal_4_0.xslt"
# Two of SAT's sheets have a template for "/"; XSLT takes the last, and Saxon would say so for each document.
_QUIET_SHEET = f"""
<xsl:stylesheet xmlns:xsl="http://www.w3.org/1999/XSL/Transform" version="3.0">
  <xsl:include href="{SHEET.as_uri()}"/>
  <xsl:output method="text"/>
  <xsl:mode on-multiple-match="use-last" warning-on-multiple-match="no"/>
</xsl:stylesheet>"""


class Saxon:
    """SAT's sheet compiled once by Saxon."""

    def __init__(self, processor: PySaxonProcessor) -> None:
        self._processor = processor
        compiler: PyXslt30Processor = processor.new_xslt30_processor()
        self._executable = compiler.compile_stylesheet(stylesheet_text=_QUIET_SHEET)

    def cadena(self, xml: bytes) -> str:
        """The cadena original of a document."""
        node = self._processor.parse_xml(xml_text=xml.decode())
        return str(self._executable.transform_to_string(xdm_node=node))


@contextmanager
def saxon() -> Iterator[Saxon]:
    """A Saxon that ends with the block."""
    with PySaxonProcessor(license=False) as processor:
        yield Saxon(processor)


@cache
def full_schemas() -> etree.XMLSchema:
    """SAT's schemas with all their enumerations, as satcfdi's package carries them."""
    spec = importlib.util.find_spec("satcfdi")
    assert spec is not None
    assert spec.submodule_search_locations
    folder = Path(spec.submodule_search_locations[0]) / "transform/schemas/www.sat.gob.mx/sitio_internet/cfd"
    files = ("4/cfdv40.xsd", "Pagos/Pagos20.xsd", "TimbreFiscalDigital/TimbreFiscalDigitalv11.xsd")
    door = etree.Element("{http://www.w3.org/2001/XMLSchema}schema")
    for file in files:
        namespace = etree.parse(folder / file).getroot().get("targetNamespace", "")
        location = (folder / file).as_uri()
        etree.SubElement(door, "{http://www.w3.org/2001/XMLSchema}import", namespace=namespace, schemaLocation=location)
    return etree.XMLSchema(door)


def openssl_verifies(certificate: Certificate, sello: str, cadena: str, folder: Path) -> bool:
    """Whether `openssl dgst -verify` accepts the seal."""
    key = folder / f"{certificate.no_certificado}.pem"
    if not key.exists():
        key.write_bytes(certificate.public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    signature = folder / "signature"
    signature.write_bytes(base64.b64decode(sello))
    command = ["openssl", "dgst", "-sha256", "-verify", str(key), "-signature", str(signature)]
    return subprocess.run(command, input=cadena.encode(), capture_output=True).stdout == b"Verified OK\n"
