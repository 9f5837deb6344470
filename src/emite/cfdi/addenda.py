"""What a receiver wants beside the CFDI (Addenda): its own XML, after the stamp and outside seal and stamp.

A template is one XML element; `{total}` and the like in its texts and attributes become the CFDI's own values.
Source: Anexo 20, nodo Addenda: it may be added after the CFDI is certified and is no part of its validation.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from lxml import etree

from emite.cfdi.xml import CFDI, TFD, XmlRefused, parse

MOST: Final = 8_000
_NAME: Final = re.compile(r"\{([a-z_]+)\}")
_END: Final = b"</cfdi:Comprobante>"

#: name: where it stands in the CFDI.
VALUES: Final[Mapping[str, str]] = {
    "serie": "Serie", "folio": "Folio", "fecha": "Fecha", "subtotal": "SubTotal", "descuento": "Descuento",
    "total": "Total", "moneda": "Moneda", "metodo_pago": "MetodoPago", "forma_pago": "FormaPago",
    "uuid": "TimbreFiscalDigital/UUID", "fecha_timbrado": "TimbreFiscalDigital/FechaTimbrado",
    "rfc_emisor": "Emisor/Rfc", "nombre_emisor": "Emisor/Nombre",
    "rfc_receptor": "Receptor/Rfc", "nombre_receptor": "Receptor/Nombre",
}  # fmt: skip


class AddendaRefused(ValueError):
    """The template cannot be an Addenda. `message` says why, in Spanish."""

    def __init__(self, message: str) -> None:
        self.message = message
        super().__init__(message)


def require(template: str) -> None:
    """Raises AddendaRefused when it is no single XML element, speaks in SAT's names, or asks for what no CFDI has."""
    if len(template) > MOST:
        raise AddendaRefused(f"La addenda puede tener a lo más {MOST:,} letras.")
    try:
        root = parse(template.strip().encode())
    except XmlRefused as error:
        raise AddendaRefused(f"Escriba un solo elemento XML. {error.message}") from None
    for element in root.iter(etree.Element):
        if element.tag.startswith((f"{{{CFDI}}}", f"{{{TFD}}}")):
            raise AddendaRefused("Escriba solo lo que va dentro de cfdi:Addenda, sin elementos del SAT.")
    asked: list[str] = []
    for element in root.iter(etree.Element):
        for text in (element.text, element.tail, *element.attrib.values()):
            asked += _NAME.findall(text or "")
    if unknown := [name for name in asked if name not in VALUES]:
        known = ", ".join(f"{{{name}}}" for name in VALUES)
        raise AddendaRefused(f"No hay un dato {{{unknown[0]}}}. Los que hay: {known}.")


def appended(stamped: bytes, template: str) -> bytes:
    """The stamped CFDI with its Addenda; every other byte stays as the PAC gave it. Raises AddendaRefused."""
    require(template)
    root = parse(stamped, max_bytes=len(stamped), max_nodes=len(stamped))
    if root.find(f"{{{CFDI}}}Addenda") is not None or not stamped.rstrip().endswith(_END):
        return stamped  # the PAC's own: it is not ours to take apart
    values = dict(_values(root))
    own = parse(template.strip().encode())
    _replace(own, lambda name: values.get(name, ""))
    before, end, after = stamped.rpartition(_END)
    return b"".join((before, b"<cfdi:Addenda>", etree.tostring(own, encoding="UTF-8"), b"</cfdi:Addenda>", end, after))


def _values(root: etree._Element) -> Iterator[tuple[str, str]]:
    for name, place in VALUES.items():
        node, _, attribute = place.rpartition("/")
        namespace = TFD if node == "TimbreFiscalDigital" else CFDI
        found = root.find(f".//{{{namespace}}}{node}") if node else root
        yield name, "" if found is None else found.get(attribute, "")


def _replace(root: etree._Element, value: Callable[[str], str]) -> None:
    """Only in texts and attributes, by the tree: what is put in can never become markup."""

    def said(text: str) -> str:
        return _NAME.sub(lambda found: value(found[1]), text)

    for element in root.iter(etree.Element):
        for name, text in element.attrib.items():
            element.set(name, said(str(text)))
        element.text = said(element.text) if element.text else element.text
        if element is not root and element.tail:
            element.tail = said(element.tail)
