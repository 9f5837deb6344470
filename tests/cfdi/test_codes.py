"""Catalogues: membership, labels, places, and which keys go together."""

from __future__ import annotations

from decimal import Decimal

import pytest

from emite.cfdi import codes
from emite.cfdi.codes import tables
from emite.cfdi.codes.labels import LabelFile


@pytest.mark.parametrize(
    ("catalogue", "key"),
    [
        ("c_ClaveProdServ", "85121600"),
        ("c_ClaveProdServ", "01010101"),
        ("c_ClaveUnidad", "E48"),
        ("c_CodigoPostal", "06700"),
        ("c_FormaPago", "99"),
        ("c_RegimenFiscal", "626"),
        ("c_UsoCFDI", "D01"),
        ("c_ObjetoImp", "08"),
        ("CartaPorte/c_Estaciones", "A0007"),
    ],
)
def test_keys_in_force(catalogue: str, key: str) -> None:
    assert codes.contains(catalogue, key)


@pytest.mark.parametrize(
    ("catalogue", "legacy"),
    [
        ("c_FormaPago", "07 09 10 11 16 98"),
        ("c_RegimenFiscal", "609 628 629 630"),
        ("c_UsoCFDI", "P01"),
        ("c_TipoRelacion", "08 09"),
        ("c_ClaveProdServ", "85121500 85000000 51000000 42000000"),
        ("c_CodigoPostal", "00001 6700 067000"),
        ("c_ClaveUnidad", "e48 Dx"),
    ],
)
def test_keys_that_no_longer_count_or_never_did(catalogue: str, legacy: str) -> None:
    assert [key for key in legacy.split() if codes.contains(catalogue, key)] == []


def test_an_unknown_catalogue_is_an_error_of_the_program() -> None:
    with pytest.raises(KeyError):
        codes.keys("c_Nada")


def test_labels_are_spanish_and_only_of_keys_in_force() -> None:
    assert codes.label("c_UsoCFDI", "D01") == "Honorarios médicos, dentales y gastos hospitalarios"
    assert codes.label("c_RegimenFiscal", "612") == "Personas Físicas con Actividades Empresariales y Profesionales"
    assert codes.label("c_FormaPago", "28") == "Tarjeta de débito"
    assert codes.label("c_UsoCFDI", "P01") is None
    assert codes.label("c_ClaveProdServ", "85121500") is None


def test_every_label_is_found_by_its_key() -> None:
    rows = dict(codes.labels("c_ClaveProdServ"))
    assert len(rows) > 52_000
    assert all(codes.label("c_ClaveProdServ", key) == text for key, text in rows.items())


@pytest.mark.parametrize("key", ["", "0", "a", "aa", "b", "zz"])
def test_label_files_of_any_size_answer(key: str) -> None:
    assert LabelFile(b"").get(key) is None
    assert LabelFile(b"a\tuno\n").get(key) == ("uno" if key == "a" else None)
    expected = {"a": "uno", "b": "dos", "zz": "tres"}
    assert LabelFile(b"a\tuno\nb\tdos\nzz\ttres\n").get(key) == expected.get(key)


def test_places() -> None:
    assert codes.place("06700") == ("CMX", "015", "06", "Tiempo del Centro")
    for cp in ("00001", "", "6700", "067000", "abcde", "０6700"):
        assert codes.place(cp) is None


def test_places_and_postal_codes_agree() -> None:
    placed = {f"{number:05d}" for number in range(100_000) if codes.place(f"{number:05d}")}
    assert placed == codes.keys("c_CodigoPostal")


def test_typed_tables_name_only_keys_in_force() -> None:
    assert set(tables.REGIMENES) == codes.keys("c_RegimenFiscal")
    assert set(tables.USOS) == codes.keys("c_UsoCFDI")
    assert set(tables.ACCOUNTS) < codes.keys("c_FormaPago")


def test_regimenes_of_each_person() -> None:
    assert "605" in codes.regimenes("F")
    assert "605" not in codes.regimenes("M")
    assert {"610", "626"} == set(codes.regimenes("F")) & set(codes.regimenes("M"))


@pytest.mark.parametrize(
    ("person", "regimen", "likely", "not_offered"),
    [
        ("F", "605", "D01", "G03"),
        ("F", "612", "D01", "CN01"),
        ("F", "616", "S01", "D01"),
        ("F", "626", "G03", "D01"),
        ("F", "621", "G03", "D01"),
        ("F", "610", "S01", "G03"),
        ("M", "601", "G03", "D01"),
        ("M", "603", "G03", "CP01"),
    ],
)
def test_usos_that_each_receptor_may_choose(person: codes.Person, regimen: str, likely: str, not_offered: str) -> None:
    usos = codes.usos(person, regimen)
    assert usos[0] == likely
    assert not_offered not in usos
    assert all(codes.uso_allowed(uso, person, regimen) for uso in usos)


def test_no_uso_for_a_regimen_of_the_other_person() -> None:
    assert codes.usos("M", "612") == []
    assert codes.usos("F", "601") == []


def test_every_receptor_has_a_uso() -> None:
    for person in ("F", "M"):
        for regimen in codes.regimenes(person):
            assert "S01" in codes.usos(person, regimen)


@pytest.mark.parametrize(
    ("impuesto", "factor", "rate", "kind", "allowed"),
    [
        ("002", "Tasa", "0.160000", "traslado", True),
        ("002", "Tasa", "0.080000", "traslado", True),
        ("002", "Tasa", "0.000000", "traslado", True),
        ("002", "Tasa", "0.110000", "traslado", False),
        ("002", "Tasa", "0.106667", "retencion", True),
        ("002", "Tasa", "0.160001", "retencion", False),
        ("001", "Tasa", "0.100000", "retencion", True),
        ("001", "Tasa", "0.100000", "traslado", False),
        ("001", "Tasa", "0.350001", "retencion", False),
        ("003", "Tasa", "0.265000", "retencion", True),
        ("003", "Tasa", "0.030000", "retencion", False),
        ("003", "Cuota", "59.144900", "traslado", True),
        ("002", "Cuota", "0.160000", "traslado", False),
    ],
)
def test_rates(impuesto: str, factor: str, rate: str, kind: codes.Kind, allowed: bool) -> None:
    assert codes.rate_allowed(impuesto, factor, Decimal(rate), kind) is allowed


def test_accounts_by_form_of_payment() -> None:
    transfer = codes.account_patterns("03")
    assert transfer is not None
    assert transfer.ordenante is not None
    assert transfer.ordenante.fullmatch("012345678901234567")
    assert transfer.beneficiario is not None
    assert not transfer.beneficiario.fullmatch("0123456789012345")
    assert codes.account_patterns("01") is None


def test_decimals_of_currencies() -> None:
    assert [codes.decimals_of(key) for key in ("MXN", "USD", "JPY", "XXX", "ZZZ")] == [2, 2, 0, 0, 2]
