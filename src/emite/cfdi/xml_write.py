"""Writing XML by hand: tags with escaped attributes, and a plain answer when a text cannot be written in XML.

By hand because a tree built node by node costs twice as much as text that libxml2 then reads.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from emite.cfdi.faults import CfdiInvalid, Fault

Attributes = Mapping[str, str | None]

_SPECIAL: Final = re.compile('[&<>"\t\n\r\x00-\x1f\ud800-\udfff\ufffe\uffff]')
_UNWRITABLE: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_ENTITIES: Final = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"}
)


class Writer:
    """Collects the text of a document. Attributes whose value is None are left out."""

    __slots__ = ("_parts",)

    def __init__(self) -> None:
        self._parts: list[str] = []

    def start(self, name: str, attributes: Attributes | None = None) -> None:
        """An opening tag. Raises CfdiInvalid for a character that XML cannot carry."""
        self._parts.append(f"{_tag(name, attributes)}>" if attributes else f"<{name}>")

    def end(self, name: str) -> None:
        """A closing tag."""
        self._parts.append(f"</{name}>")

    def empty(self, name: str, attributes: Attributes) -> None:
        """A tag without content. Raises CfdiInvalid like `start`."""
        self._parts.append(f"{_tag(name, attributes)}/>")

    def written(self, text: str) -> None:
        """What is XML already: its caller escaped it."""
        self._parts.append(text)

    def text(self) -> str:
        """All that was written."""
        return "".join(self._parts)


def writable(name: str, value: str) -> None:
    """Raises CfdiInvalid, naming the field, when `value` has a character that XML cannot carry."""
    if _UNWRITABLE.search(value):
        message = f"El campo «{name}» tiene caracteres que no van en un CFDI: bórrelos y escríbalo otra vez."
        raise CfdiInvalid([Fault("EMI001", message, f"//@{name}")])


def attribute(key: str, value: str) -> str:
    """An attribute with its blank before it. Raises CfdiInvalid for a character that XML cannot carry."""
    if not value.isalnum() and _SPECIAL.search(value):
        writable(key, value)
        value = value.translate(_ENTITIES)
    return f' {key}="{value}"'


def _tag(name: str, attributes: Attributes) -> str:
    tag = f"<{name}"
    for key, value in attributes.items():
        if value is not None:
            tag += attribute(key, value)
    return tag
