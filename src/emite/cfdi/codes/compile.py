"""The build step `emite sat-data`: turns the files of the installed satcfdi package into `cfdi/sat_data/`.

Reads files and never runs that package's code. Schemas and sheets: `compile_schemas.py`. Reading: `__init__.py`.
"""

from __future__ import annotations

import base64
import fcntl
import importlib.metadata
import importlib.util
import io
import json
import os
import pickle
import shutil
import sqlite3
import sys
import tempfile
import zipfile
from array import array
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from emite.cfdi.codes import FOLDER
from emite.cfdi.codes.compile_schemas import copy_schemas, copy_sheets, enumerations
from emite.cfdi.codes.tables import LEGACY

FORMAT: Final = 2  # raise it when the files below change shape: the next `emite sat-data` rebuilds
_VERSION: Final = "version.txt"
_TABLE: Final = "C756_"  # satcfdi's prefix of the tables of the CFDI 4.0 catalogues
# Catalogues whose labels are worth reading; the code of a place is in places.bin.
_LABELLED: Final = [
    "c_ClaveProdServ",
    "c_ClaveUnidad",
    "c_UsoCFDI",
    "c_RegimenFiscal",
    "c_FormaPago",
    "c_MetodoPago",
    "c_Moneda",
    "c_TipoDeComprobante",
    "c_TipoRelacion",
    "c_Impuesto",
    "c_ObjetoImp",
    "c_Exportacion",
    "c_Periodicidad",
    "c_Meses",
    "c_Pais",
    "c_Estado",
]


class SourceMissing(RuntimeError):
    """The package that carries SAT's files is not installed."""

    def __init__(self) -> None:
        super().__init__("Falta el paquete «satcfdi», que trae los catálogos del SAT: instale requirements/sat.txt.")


class _Values(pickle.Unpickler):
    """Reads plain values only: any class named in the file is refused, so a changed file cannot run code."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in (("datetime", "date"), ("datetime", "datetime"), ("decimal", "Decimal")):
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"{module}.{name} does not belong in a catalogue")


def main(folder: Path = FOLDER) -> bool:
    """Compiles SAT's files into `folder`; True if it wrote, False if they were already those of this version.

    The new folder is made beside the old one and takes its place at the end: a reader or a crash never meets half of
    it. Two runs at once wait for each other. Raises SourceMissing.
    """
    source = _source()
    version = f"satcfdi {importlib.metadata.version('satcfdi')}, formato {FORMAT}"
    with _alone(folder.parent):
        if _version_of(folder) == version:
            return False
        fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            fresh.chmod(0o755)
            _write(source, fresh)
            (fresh / _VERSION).write_text(version, "utf-8")
            _swap(fresh, folder)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    return True


def _source() -> Path:
    spec = importlib.util.find_spec("satcfdi")  # a top-level name: looked up, not executed
    if spec is None or not spec.submodule_search_locations:
        raise SourceMissing
    return Path(spec.submodule_search_locations[0])


def _version_of(folder: Path) -> str | None:
    try:
        return (folder / _VERSION).read_text("utf-8")
    except FileNotFoundError:
        return None


@contextmanager
def _alone(parent: Path) -> Iterator[None]:
    descriptor = os.open(parent, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _swap(fresh: Path, folder: Path) -> None:
    old = folder.with_name(f".{folder.name}-{os.getpid()}-old")
    if folder.exists():
        folder.rename(old)
    fresh.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def _write(source: Path, target: Path) -> None:
    sat = source / "transform" / "schemas" / "www.sat.gob.mx" / "sitio_internet" / "cfd"
    catalogues = enumerations(sat / "catalogos" / "catCFDI.xsd")
    with closing(_open(source / "catalogs" / "catalogs.db")) as database:
        _write_keys(catalogues, target / "keys")
        _write_labels(database, catalogues, target / "labels")
        _write_places(database, catalogues["c_CodigoPostal"], target)
        decimals = {key: value[1] for key, value in _rows(database, "c_Moneda").items()}
    (target / "decimals.json").write_text(json.dumps(decimals, sort_keys=True), "utf-8")
    for name, values in copy_schemas(sat, target / "xsd").items():
        _write_lines(target / "keys" / f"{name.replace('/', '.')}.txt", values)
    copy_sheets(sat, target / "xslt")
    _write_certificates(source / "transform" / "CertsProd.zip", target / "certificates.json")


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(str(path))}?mode=ro&immutable=1", uri=True)


def _rows(database: sqlite3.Connection, catalogue: str) -> dict[str, Any]:
    rows = database.execute(f'SELECT key, value FROM "{_TABLE}{catalogue}"')  # noqa: S608 - a name from this file
    return {_Values(io.BytesIO(key)).load(): _Values(io.BytesIO(value)).load() for key, value in rows}


def _write_lines(path: Path, lines: Iterator[str] | frozenset[str]) -> None:
    path.write_text("\n".join(sorted(lines)), "utf-8")


def _write_keys(catalogues: Mapping[str, frozenset[str]], folder: Path) -> None:
    folder.mkdir()
    for name, values in catalogues.items():
        _write_lines(folder / f"{name}.txt", values - LEGACY.get(name, frozenset()))


def _write_labels(database: sqlite3.Connection, catalogues: Mapping[str, frozenset[str]], folder: Path) -> None:
    folder.mkdir()
    for name in _LABELLED:
        valid = catalogues[name] - LEGACY.get(name, frozenset())
        texts = {
            key: " ".join(_label_of(name, value).split())
            for key, value in _rows(database, name).items()
            if key in valid
        }
        lines = (f"{key}\t{text}\n" for key, text in sorted(texts.items(), key=lambda item: item[0].encode()))
        (folder / f"{name}.txt").write_text("".join(lines), "utf-8")


def _label_of(name: str, value: Any) -> str:
    if name == "c_Moneda":
        return str(value[0])
    return str(value[1]) if name == "c_Estado" else str(value)


def _write_places(database: sqlite3.Connection, valid: frozenset[str], target: Path) -> None:
    # One 16-bit number per possible postal code (0: there is none) points into the list of distinct places.
    index = array("H", bytes(2 * 100_000))
    places: dict[tuple[str, ...], int] = {}
    for cp, (estado, municipio, localidad, _border, huso) in sorted(_rows(database, "c_CodigoPostal").items()):
        if cp in valid:
            place = (estado, municipio, localidad, huso)
            index[int(cp)] = places.setdefault(place, len(places) + 1)
    missing = [cp for cp in valid if not index[int(cp)]]
    if missing:
        raise ValueError(f"SAT's schema has postal codes that its catalogue does not place: {sorted(missing)[:5]}")
    (target / "places.bin").write_bytes(index.tobytes())
    (target / "places.json").write_text(json.dumps(list(places), ensure_ascii=False), "utf-8")


def _write_certificates(archive: Path, path: Path) -> None:
    with zipfile.ZipFile(archive) as files:
        names = sorted(name for name in files.namelist() if name.endswith(".cer"))
        certificates = {name: base64.b64encode(files.read(name)).decode() for name in names}
    path.write_text(json.dumps(certificates, indent=1), "utf-8")


def command() -> int:
    """`emite sat-data` for a person: says what it did."""
    try:
        written = main()
    except SourceMissing as missing:
        print(missing, file=sys.stderr)
        return 1
    print("Catálogos del SAT preparados." if written else "Los catálogos del SAT ya estaban al día.")
    return 0


if __name__ == "__main__":
    sys.exit(command())
