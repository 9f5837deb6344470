"""Does a CFDI obey SAT's XSD? The slim schemas compiled once, and the long lists looked up as sets.

What the schema cannot say is in `rules/`; the schemas are made slim by `codes/compile_schemas.py`.
"""

from __future__ import annotations

import json
import threading
from copy import deepcopy
from functools import cache
from typing import Any, Final, Literal, NamedTuple

from lxml import etree

from emite.cfdi import codes
from emite.cfdi.faults import Fault, Severity
from emite.cfdi.schema_words import is_owned, owner_fault, place_of, translate
from emite.cfdi.xml import CFDI, TFD
from emite.cfdi.xml_pagos import PAGO20

MOST_FAULTS: Final = 200  # of the schema, in one document: more would only bury the first ones

_C: Final = f"{{{CFDI}}}"
_XS: Final = "{http://www.w3.org/2001/XMLSchema}"
_FOLDER: Final = codes.FOLDER / "xsd"
_CORE: Final = frozenset({PAGO20, TFD})
_SEAL: Final = frozenset({"Sello", "NoCertificado", "Certificado"})
# libxml2's errors are kept by the schema object, so each thread has its own.
_compiled = threading.local()

_Door = Literal["core", "all"]


class _Governed(NamedTuple):
    """An attribute whose values are one of the long lists, in the element that ends with `path`."""

    path: tuple[str, ...]
    attribute: str
    catalogue: str


def validate(root: etree._Element) -> list[Fault]:
    """What is wrong with a cfdi:Comprobante by SAT's XSD, every complement included; empty when nothing is.

    Code 301, or the code of the CFDI40xxx rule that owns the attribute. The Addenda is not looked at, a complement that
    no schema of ours describes is an AVISO (EMI120), and while Sello is empty so may be the other two that sealing
    writes. The tree is not changed.
    """
    if root.tag != f"{_C}Comprobante":
        return [Fault("301", "El documento no es un CFDI 4.0: su raíz debe ser cfdi:Comprobante.", "/")]
    complements = _complements(root)
    namespaces = {str(etree.QName(node).namespace or "") for node in complements}
    unknown = [node for node in complements if (etree.QName(node).namespace or "") not in _namespaces()]
    faults = [_unknown_complement(node) for node in unknown]
    tree = root
    if unknown or root.find(f"{_C}Addenda") is not None:
        tree = _without_strange(root)
    door: _Door = "core" if namespaces <= _CORE else "all"
    seen: set[tuple[str, str]] = set()
    for fault in (*_by_schema(tree, door), *_by_lists(tree, namespaces)):
        if (fault.code, fault.xpath) not in seen:
            seen.add((fault.code, fault.xpath))
            faults.append(fault)
    return faults[:MOST_FAULTS]


def _by_schema(tree: etree._Element, door: _Door) -> list[Fault]:
    schema = _schema(door)
    if schema.validate(tree):
        return []
    unsealed = not tree.get("Sello", "-").strip()
    faults = []
    marked: set[str] = set()
    log: Any = schema.error_log  # its stub does not say that it can be iterated
    for error in log:
        fault = translate(tree, error)
        if fault.xpath in marked and "/@" in fault.xpath:
            continue  # the same attribute breaks a length and a pattern: once is enough
        marked.add(fault.xpath)
        if unsealed and fault.xpath.rpartition("/cfdi:Comprobante/@")[2] in _SEAL:
            continue
        faults.append(fault)
        if len(faults) == MOST_FAULTS:
            break
    return faults


def _by_lists(tree: etree._Element, namespaces: set[str]) -> list[Fault]:
    faults = []
    table = _governed()
    tags = [tag for tag in table if tag.partition("}")[0][1:] in namespaces or tag.startswith(_C)]
    for node in tree.iter(*tags):
        for path, attribute, catalogue in table[str(node.tag)]:
            value = node.get(attribute)
            if value is None or codes.contains(catalogue, value) or codes.contains(catalogue, " ".join(value.split())):
                continue
            if _path_of(node, len(path)) == path:
                faults.append(_not_listed(node, attribute, value))
                if len(faults) == MOST_FAULTS:
                    return faults
    return faults


def _not_listed(node: etree._Element, attribute: str, value: str) -> Fault:
    xpath = f"{place_of(node)}/@{attribute}"
    if is_owned(xpath):
        return owner_fault(xpath, attribute, value)
    shown = value if len(value) <= 40 else value[:40] + "…"
    return Fault("301", f"El campo {attribute} tiene «{shown}», que no está en el catálogo del SAT: corríjalo.", xpath)


def _path_of(node: etree._Element, length: int) -> tuple[str, ...]:
    names: list[str] = []
    step: etree._Element | None = node
    while step is not None and len(names) < length:
        names.append(etree.QName(step).localname)
        step = step.getparent()
    return tuple(reversed(names))


def _complements(root: etree._Element) -> list[etree._Element]:
    return [
        node
        for holder in root.iter(f"{_C}Complemento", f"{_C}ComplementoConcepto")
        for node in holder.iterchildren(tag=etree.Element)
    ]


def _unknown_complement(node: etree._Element) -> Fault:
    name = etree.QName(node)
    return Fault(
        "EMI120",
        f"No se revisó el complemento {name.localname} ({name.namespace or 'sin espacio de nombres'}): "
        "no es de los que el SAT publica para CFDI 4.0.",
        place_of(node),
        Severity.AVISO,
    )


def _without_strange(root: etree._Element) -> etree._Element:
    """A copy without the Addenda and without the complements that no schema describes."""
    tree = deepcopy(root)
    for addenda in tree.findall(f"{_C}Addenda"):
        tree.remove(addenda)
    for node in _complements(tree):
        holder = node.getparent()
        if (etree.QName(node).namespace or "") not in _namespaces() and holder is not None:
            holder.remove(node)
            above = holder.getparent()
            if not len(holder) and holder.tag == f"{_C}ComplementoConcepto" and above is not None:
                above.remove(holder)
    return tree


def _schema(door: _Door) -> etree.XMLSchema:
    schemas: dict[str, etree.XMLSchema] | None = getattr(_compiled, "schemas", None)
    if schemas is None:
        schemas = _compiled.schemas = {}
    if door not in schemas:
        path = _FOLDER / f"{door}.xsd"
        if not path.exists():
            raise codes.SatDataMissing
        schemas[door] = etree.XMLSchema(etree.parse(path, etree.XMLParser(no_network=True)))
    return schemas[door]


@cache
def _namespaces() -> frozenset[str]:
    """The namespaces that the schemas describe."""
    path = _FOLDER / "all.xsd"
    if not path.exists():
        raise codes.SatDataMissing
    root = etree.parse(path, etree.XMLParser(no_network=True)).getroot()
    return frozenset(str(node.get("namespace")) for node in root.iter(f"{_XS}import"))


@cache
def _governed() -> dict[str, tuple[_Governed, ...]]:
    """The attributes with a long list, by the tag of their element."""
    table: dict[str, tuple[_Governed, ...]] = {}
    for row in json.loads((_FOLDER / "stripped.json").read_text("utf-8")):
        tag = f"{{{row['namespace']}}}{row['path'][-1]}"
        found = _Governed(tuple(row["path"]), row["attribute"], row["catalogue"])
        table[tag] = (*table.get(tag, ()), found)
    return table
