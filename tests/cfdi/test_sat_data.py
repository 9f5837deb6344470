"""The build step: what it writes, that it writes once, and that slim schemas with sets judge as SAT's full ones."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
from lxml import etree

from emite.cfdi import codes, schema
from emite.cfdi.codes import compile as sat_data
from emite.cfdi.xml import CFDI, build, parse, to_bytes
from tests.cfdi import make
from tests.golden.oracles import full_schemas


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sat") / "sat_data"
    assert sat_data.main(folder)
    return folder


def _tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_it_gives_what_the_package_has(compiled: Path) -> None:
    package = {name: data for name, data in _tree(codes.FOLDER).items() if not name.startswith("search/")}
    assert _tree(compiled) == package  # the search index beside it is lookup's


def test_a_second_run_writes_nothing(compiled: Path) -> None:
    before = os.stat(compiled / "version.txt").st_mtime_ns
    assert not sat_data.main(compiled)
    assert os.stat(compiled / "version.txt").st_mtime_ns == before
    assert [path.name for path in compiled.parent.iterdir()] == ["sat_data"]


def test_another_version_is_replaced_whole(compiled: Path, tmp_path: Path) -> None:
    folder = tmp_path / "sat_data"
    folder.mkdir()
    (folder / "version.txt").write_text("satcfdi 1, formato 0")
    (folder / "left over").write_text("x")
    assert sat_data.main(folder)
    assert _tree(folder) == _tree(compiled)
    assert [path.name for path in tmp_path.iterdir()] == ["sat_data"]


def test_a_failure_leaves_the_old_data(compiled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "sat_data"
    folder.mkdir()
    (folder / "version.txt").write_text("old")

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(sat_data, "copy_sheets", fail)
    with pytest.raises(OSError, match="disk full"):
        sat_data.main(folder)
    assert [path.name for path in tmp_path.iterdir()] == ["sat_data"]
    assert (folder / "version.txt").read_text() == "old"


def test_without_the_source_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def nothing(name: str) -> None:
        assert name == "satcfdi"

    monkeypatch.setattr("importlib.util.find_spec", nothing)
    assert sat_data.command() == 1
    assert "satcfdi" in capsys.readouterr().err


def test_the_command_says_that_nothing_was_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert sat_data.command() == 0
    assert "ya estaban al día" in capsys.readouterr().out


def test_catalogues_with_code_in_them_are_refused() -> None:
    import io

    class Evil:
        def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
            return os.system, ("true",)

    with pytest.raises(pickle.UnpicklingError, match="does not belong"):
        sat_data._Values(io.BytesIO(pickle.dumps(Evil()))).load()


def test_missing_data_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codes, "FOLDER", tmp_path)
    codes.keys.cache_clear()
    codes._label_file.cache_clear()
    try:
        for ask in (lambda: codes.keys("c_UsoCFDI"), lambda: codes.label("c_UsoCFDI", "D01")):
            with pytest.raises(codes.SatDataMissing, match="emite sat-data"):
                ask()
    finally:
        codes.keys.cache_clear()
        codes._label_file.cache_clear()


def test_no_schema_keeps_a_long_list_nor_points_outside() -> None:
    xs = "{http://www.w3.org/2001/XMLSchema}"
    for path in (codes.FOLDER / "xsd").rglob("*.xsd"):
        root = etree.parse(path).getroot()
        for kind in root.iter(f"{xs}simpleType"):
            assert sum(1 for _ in kind.iter(f"{xs}enumeration")) <= 1_000
        for node in root.iter(f"{xs}import", f"{xs}include"):
            location = node.get("schemaLocation")
            assert location is not None
            assert (path.parent / location).exists()


def test_schemas_load_without_network() -> None:
    for door in ("core.xsd", "all.xsd"):
        etree.XMLSchema(etree.parse(codes.FOLDER / "xsd" / door, etree.XMLParser(no_network=True)))


def _put(xpath: str, name: str, value: str) -> Callable[[etree._Element], None]:
    def spoil(root: etree._Element) -> None:
        found = root.xpath(xpath, namespaces={"c": CFDI})
        assert isinstance(found, list)
        node = found[0]
        assert isinstance(node, etree._Element)
        node.set(name, value)

    return spoil


def _nothing(root: etree._Element) -> None:
    """The document as it is."""


SPOILS = [
    _nothing,
    _put("/c:Comprobante", "LugarExpedicion", "00001"),
    _put("/c:Comprobante", "LugarExpedicion", " 06700 "),
    _put("/c:Comprobante", "FormaPago", "07"),
    _put("/c:Comprobante", "Moneda", "MNX"),
    _put("/c:Comprobante", "Total", "1160.0000001"),
    _put("/c:Comprobante", "Sello", ""),
    _put("/c:Comprobante", "Nada", "x"),
    _put("//c:Concepto", "ClaveProdServ", "85121500"),
    _put("//c:Concepto", "ClaveProdServ", ""),
    _put("//c:Concepto", "ClaveUnidad", "e48"),
    _put("//c:Concepto", "Descripcion", "a|b"),
    _put("//c:Concepto", "Cantidad", "0"),
    _put("//c:Traslado", "TasaOCuota", "0.1600000"),
    _put("//c:Receptor", "UsoCFDI", "P01"),
    _put("//c:Receptor", "Rfc", "misc491214b86"),
    _put("//c:Emisor", "RegimenFiscal", "609"),
]


@pytest.mark.parametrize("spoil", SPOILS, ids=range(len(SPOILS)))
def test_slim_schemas_and_sets_judge_as_the_full_ones(spoil: Callable[[etree._Element], None]) -> None:
    root = parse(make.sealed().xml)
    spoil(root)
    root = parse(to_bytes(root))
    assert (schema.validate(root) == []) == full_schemas().validate(root)


def test_a_payment_obeys_the_full_schemas_too() -> None:
    root = parse(make.sealed(make.pago()).xml)
    assert full_schemas().validate(root)
    assert schema.validate(root) == []
    assert build(make.pago()) is not None
