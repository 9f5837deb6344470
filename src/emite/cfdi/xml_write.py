"""Adding nodes to a CFDI's tree, with a plain answer when a text cannot be written in XML."""

from __future__ import annotations

import re
from collections.abc import Mapping

from lxml import etree

from emite.cfdi.faults import CfdiInvalid, Fault

_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def add(parent: etree._Element, tag: str, attributes: dict[str, str]) -> etree._Element:
    """A new last child with those attributes, in order. Raises CfdiInvalid for a character that XML cannot carry."""
    try:
        return etree.SubElement(parent, tag, attributes)
    except ValueError:
        raise _refusal(attributes) from None


def put(node: etree._Element, attributes: Mapping[str, str]) -> None:
    """Sets attributes on a node, in their order. Raises CfdiInvalid like `add`."""
    try:
        for name, value in attributes.items():
            node.set(name, value)
    except ValueError:
        raise _refusal(attributes) from None


def _refusal(attributes: Mapping[str, str]) -> Exception:
    for name, value in attributes.items():
        if _UNWRITABLE.search(value):
            message = f"El campo «{name}» tiene caracteres que no van en un CFDI: bórrelos y escríbalo otra vez."
            return CfdiInvalid([Fault("EMI001", message, f"//@{name}")])
    return ValueError("the writer refused an attribute that looks writable")
