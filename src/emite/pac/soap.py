"""SOAP 1.1 envelopes as small as a PAC needs them: one operation out, its one result back.
Not here: HTTP (http.py), what a result means (finkok.py)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape

from emite.cfdi import xml as cfdi_xml
from emite.pac.http import ANSWER_LIMIT

if TYPE_CHECKING:
    from lxml import etree

SOAP: Final = "http://schemas.xmlsoap.org/soap/envelope/"
MAX_NODES: Final = 2_000
"""A document travels as text inside of an answer, so that an answer has few nodes."""


def envelope(namespace: str, operation: str, fields: Mapping[str, str]) -> bytes:
    """The request of one operation, its fields in the order given."""
    inner = "".join(f"<op:{name}>{escape(value)}</op:{name}>" for name, value in fields.items())
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="{SOAP}" xmlns:op="{namespace}">'
        f"<soapenv:Header/><soapenv:Body><op:{operation}>{inner}</op:{operation}></soapenv:Body></soapenv:Envelope>"
    ).encode()


def result(body: bytes, operation: str, *, max_nodes: int = MAX_NODES) -> etree._Element | None:
    """`{operation}Result` of an answer; None when the body is anything else (a fault, a page, two results)."""
    try:
        root = cfdi_xml.parse(body, max_bytes=ANSWER_LIMIT, max_nodes=max_nodes)
    except cfdi_xml.XmlRefused:
        return None
    if root.tag != f"{{{SOAP}}}Envelope":
        return None
    found = root.findall(f"{{{SOAP}}}Body/{{*}}{operation}Response/{{*}}{operation}Result")
    return found[0] if len(found) == 1 else None


def text(node: etree._Element, name: str) -> str:
    """The text of a child, whatever its namespace; "" when it is absent."""
    return (node.findtext(f"{{*}}{name}") or "").strip()
