"""Part of the build step: SAT's XSD without its longest lists, and SAT's sheets for the cadena original.

A list of 50,000 values in an XSD is read one by one for every attribute, and printed whole in an error; it is taken out
here and kept as a set, with the places it governs. `tests/cfdi/test_sat_data.py` shows that nothing is lost.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from lxml import etree

LONGEST: Final = 1_000  # an enumeration with more values than this becomes a set
_XS: Final = "{http://www.w3.org/2001/XMLSchema}"
_XSL: Final = "{http://www.w3.org/1999/XSL/Transform}"
_SHEET: Final = Path("4/cadenaoriginal_4_0/cadenaoriginal_4_0.xslt")
_TFD_SHEET: Final = Path("TimbreFiscalDigital/cadenaoriginal_TFD_1_1.xslt")
_CORE: Final = (Path("4/cfdv40.xsd"), Path("Pagos/Pagos20.xsd"), Path("TimbreFiscalDigital/TimbreFiscalDigitalv11.xsd"))


def enumerations(schema: Path) -> dict[str, frozenset[str]]:
    """The values of every named enumeration of one of SAT's catalogue schemas."""
    root = _parse(schema)
    return {
        str(kind.get("name")): frozenset(str(value.get("value")) for value in kind.iter(f"{_XS}enumeration"))
        for kind in root.iterchildren(f"{_XS}simpleType")
    }


def copy_schemas(sat: Path, target: Path) -> dict[str, frozenset[str]]:
    """Writes the slim XSDs with two doors, `core.xsd` (CFDI, Pagos, TFD) and `all.xsd` (every complement of CFDI 4.0).

    Also `stripped.json`: which attributes must be looked up in which set. Returns the sets that are not in catCFDI.xsd,
    named by their folder ("CartaPorte/c_Estaciones").
    """
    complements = [*_CORE, *(path for path in _complement_schemas(sat) if path not in _CORE)]
    roots = {path: _parse(sat / path) for path in _with_imports(sat, complements)}
    stripped: dict[tuple[str, str], str] = {}
    sets: dict[str, frozenset[str]] = {}
    for path, root in roots.items():
        for name, values in _strip(root):
            catalogue = name if path.name == "catCFDI.xsd" else f"{path.parent.name}/{name}"
            stripped[str(root.get("targetNamespace")), name] = catalogue
            if path.name != "catCFDI.xsd":
                sets[catalogue] = values
        _write(root, target / path)
    _write_door(target / "core.xsd", roots, _CORE)
    _write_door(target / "all.xsd", roots, complements)
    governed = [row for path in complements for row in _governed(roots[path], stripped)]
    (target / "stripped.json").write_text(json.dumps(governed, ensure_ascii=False, indent=1), "utf-8")
    return sets


def copy_sheets(sat: Path, target: Path) -> None:
    """Writes SAT's sheets for both cadenas with the files they include, in the same folders."""
    for sheet in (_SHEET, _TFD_SHEET):
        root = _parse(sat / sheet)
        _write(root, target / sheet)
        for path in _included(sheet, root):
            _write(_parse(sat / path), target / path)


def _parse(path: Path) -> etree._Element:
    return etree.parse(path, etree.XMLParser(no_network=True, resolve_entities=False)).getroot()


def _write(root: etree._Element, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(etree.tostring(root, encoding="UTF-8", xml_declaration=True))


def _relative(base: Path, reference: str) -> Path:
    parts: list[str] = []
    for part in (base.parent / reference).parts:
        if part == "..":
            parts.pop()
        elif part != ".":
            parts.append(part)
    return Path(*parts)


def _included(sheet: Path, root: etree._Element) -> list[Path]:
    return [_relative(sheet, str(node.get("href"))) for node in root.iter(f"{_XSL}include", f"{_XSL}import")]


def _complement_schemas(sat: Path) -> Iterator[Path]:
    """The XSD of every complement whose cadena SAT's sheet knows: its neighbour, or one folder up."""
    for sheet in _included(_SHEET, _parse(sat / _SHEET)):
        beside = sheet.with_suffix(".xsd")
        for candidate in (beside, beside.parent.parent / beside.name):
            if (sat / candidate).exists():
                yield candidate
                break


def _with_imports(sat: Path, paths: list[Path]) -> list[Path]:
    found: list[Path] = []
    pending = list(reversed(paths))
    while pending:
        path = pending.pop()
        if path not in found:
            found.append(path)
            for node in _parse(sat / path).iter(f"{_XS}import", f"{_XS}include"):
                if location := node.get("schemaLocation"):
                    pending.append(_relative(path, location))
    return found


def _strip(root: etree._Element) -> Iterator[tuple[str, frozenset[str]]]:
    for kind in root.iterchildren(f"{_XS}simpleType"):
        values = list(kind.iter(f"{_XS}enumeration"))
        if len(values) > LONGEST:
            yield str(kind.get("name")), frozenset(str(value.get("value")) for value in values)
            for value in values:
                parent = value.getparent()
                assert parent is not None  # an enumeration is always inside its restriction
                parent.remove(value)


def _governed(root: etree._Element, stripped: dict[tuple[str, str], str]) -> Iterator[dict[str, object]]:
    for attribute in root.iter(f"{_XS}attribute"):
        prefix, _, name = (attribute.get("type") or "").rpartition(":")
        catalogue = stripped.get((attribute.nsmap.get(prefix or None, ""), name))
        if catalogue is not None:
            elements = [str(node.get("name")) for node in attribute.iterancestors(f"{_XS}element")]
            yield {
                "namespace": root.get("targetNamespace"),
                "path": elements[::-1],
                "attribute": attribute.get("name"),
                "catalogue": catalogue,
            }


def _write_door(path: Path, roots: dict[Path, etree._Element], schemas: tuple[Path, ...] | list[Path]) -> None:
    door = etree.Element(f"{_XS}schema", nsmap={"xs": _XS[1:-1]})
    for schema in schemas:
        namespace = str(roots[schema].get("targetNamespace"))
        etree.SubElement(door, f"{_XS}import", namespace=namespace, schemaLocation=schema.as_posix())
    _write(door, path)
