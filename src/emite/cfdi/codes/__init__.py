"""SAT's catalogues: is a key valid, what does it mean, and which keys go together.

The data is compiled by `compile.py` into `cfdi/sat_data/`; nothing here writes it. Each catalogue loads on first use.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from emite.cfdi.codes.labels import LabelFile
from emite.cfdi.codes.tables import ACCOUNTS, LIKELY_USO, RATES, REGIMENES, USOS, AccountPatterns, Kind, Person

__all__ = [
    "FOLDER",
    "AccountPatterns",
    "Kind",
    "Person",
    "Place",
    "SatDataMissing",
    "account_patterns",
    "contains",
    "decimals_of",
    "keys",
    "label",
    "labels",
    "place",
    "rate_allowed",
    "regimen_admits",
    "regimenes",
    "uso_allowed",
    "usos",
]

FOLDER: Final = Path(__file__).parent.parent / "sat_data"


class SatDataMissing(RuntimeError):
    """SAT's catalogues have not been compiled in this installation."""

    def __init__(self) -> None:
        super().__init__("Faltan los catálogos del SAT en esta instalación: ejecute «emite sat-data».")


class Place(NamedTuple):
    """Where a postal code is, in SAT's keys. `municipio` and `localidad` are empty where SAT gives none."""

    estado: str
    municipio: str
    localidad: str
    huso: str


@cache
def keys(catalogue: str) -> frozenset[str]:
    """Every valid key of `catalogue` ("c_ClaveProdServ"), legacy ones left out. Raises KeyError for an unknown one.

    A complement's catalogue carries its folder: "CartaPorte/c_Estaciones".
    """
    path = FOLDER / "keys" / f"{catalogue.replace('/', '.')}.txt"
    try:
        return frozenset(path.read_text("utf-8").split("\n"))
    except FileNotFoundError:
        if not (FOLDER / "version.txt").exists():
            raise SatDataMissing from None
        raise KeyError(catalogue) from None


def contains(catalogue: str, key: str) -> bool:
    """True when SAT's catalogue has that key in force."""
    return key in keys(catalogue)


@cache
def _label_file(catalogue: str) -> LabelFile:
    try:
        return LabelFile((FOLDER / "labels" / f"{catalogue}.txt").read_bytes())
    except FileNotFoundError:
        if not (FOLDER / "version.txt").exists():
            raise SatDataMissing from None
        raise KeyError(catalogue) from None


def label(catalogue: str, key: str) -> str | None:
    """SAT's text for a key, in Spanish; None when the key is not in force or SAT's table has no text for it."""
    return _label_file(catalogue).get(key)


def labels(catalogue: str) -> Iterator[tuple[str, str]]:
    """Every (key, text) of a catalogue, by key: for search indexes and lists of choices."""
    return _label_file(catalogue).items()


@cache
def _currency_decimals() -> dict[str, int]:
    try:
        return dict(json.loads((FOLDER / "decimals.json").read_text("utf-8")))
    except FileNotFoundError:
        raise SatDataMissing from None


def decimals_of(moneda: str) -> int:
    """How many decimals the amounts of a currency have (c_Moneda); 2 for a key that SAT does not know."""
    if moneda == "MXN":
        return 2
    return _currency_decimals().get(moneda, 2)


@cache
def _places() -> tuple[memoryview, tuple[Place, ...]]:
    try:
        index = memoryview((FOLDER / "places.bin").read_bytes()).cast("H")
        rows = json.loads((FOLDER / "places.json").read_text("utf-8"))
    except FileNotFoundError:
        raise SatDataMissing from None
    return index, tuple(Place(*row) for row in rows)


def place(cp: str) -> Place | None:
    """Where a postal code is (c_CodigoPostal); None when SAT's catalogue does not have it."""
    if len(cp) != 5 or not (cp.isascii() and cp.isdigit()):
        return None
    index, places = _places()
    found = index[int(cp)]
    return places[found - 1] if found else None


def regimenes(person: Person) -> list[str]:
    """The régimenes fiscales that a persona física ("F") or moral ("M") can have."""
    return [regimen for regimen, persons in REGIMENES.items() if person in persons]


def regimen_admits(regimen: str, person: Person) -> bool:
    """True when a person of that kind can have that régimen (CFDI40141, CFDI40158)."""
    return person in REGIMENES.get(regimen, "")


def uso_allowed(uso: str, person: Person, regimen: str) -> bool:
    """True when a receptor of that kind and régimen may use that uso (CFDI40161)."""
    persons, admitted = USOS.get(uso, ("", frozenset()))
    return person in persons and regimen in admitted


def usos(person: Person, regimen: str) -> list[str]:
    """The usos a receptor may choose, the likely one first; empty when that person cannot have that régimen.

    CP01 and CN01 are left out: they belong to types P and N, never to a choice. G02 stays: a refund may need it.
    """
    if not regimen_admits(regimen, person):
        return []
    likely = LIKELY_USO.get((person, regimen), "G03")
    allowed = [uso for uso in USOS if uso not in ("CP01", "CN01") and uso_allowed(uso, person, regimen)]
    return sorted(allowed, key=lambda uso: uso != likely)


def rate_allowed(impuesto: str, factor: str, tasa: Decimal, kind: Kind) -> bool:
    """True when c_TasaOCuota has that rate, fixed or in a range, for that tax and side (CFDI40179, CFDI40185)."""
    return any(
        rate.impuesto == impuesto and rate.factor == factor and kind in rate.kinds and rate.low <= tasa <= rate.high
        for rate in RATES
    )


def account_patterns(forma_pago: str) -> AccountPatterns | None:
    """The shapes that accounts may have in a payment of that form; None when the form admits no accounts."""
    return ACCOUNTS.get(forma_pago)
