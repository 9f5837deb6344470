"""The small tables of SAT's catalogues that no installed package carries, typed from SAT's own workbook.

Source: SAT, "Catálogos CFDI 4.0" (catCFDI_V_4), sheets c_RegimenFiscal, c_UsoCFDI, c_TasaOCuota and c_FormaPago, as
published in August 2026. The big catalogues are compiled by `compile.py`. See docs/sat/uso-y-regimen.md.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

Person = Literal["F", "M"]
Kind = Literal["traslado", "retencion"]

# régimen -> the persons it is for: F persona física, M persona moral.
REGIMENES: Final[dict[str, str]] = {
    "601": "M",
    "603": "M",
    "605": "F",
    "606": "F",
    "607": "F",
    "608": "F",
    "610": "FM",
    "611": "F",
    "612": "F",
    "614": "F",
    "615": "F",
    "616": "F",
    "620": "M",
    "621": "F",
    "622": "M",
    "623": "M",
    "624": "M",
    "625": "F",
    "626": "FM",
}

_BUSINESS = frozenset(["601", "603", "606", "612", "620", "621", "622", "623", "624", "625", "626"])
_PERSONAL = frozenset(["605", "606", "607", "608", "611", "612", "614", "615", "625"])
_ANY = frozenset(REGIMENES)

# uso -> (persons, régimenes of the receptor that admit it): rule CFDI40161.
USOS: Final[dict[str, tuple[str, frozenset[str]]]] = {
    "G01": ("FM", _BUSINESS),
    "G02": ("FM", _BUSINESS | {"616"}),
    "G03": ("FM", _BUSINESS),
    **{f"I0{number}": ("FM", _BUSINESS) for number in range(1, 9)},
    **{f"D{number:02d}": ("F", _PERSONAL) for number in range(1, 11)},
    "S01": ("FM", _ANY),
    "CP01": ("FM", _ANY),
    "CN01": ("F", frozenset({"605"})),
}

# Keys that SAT's XSD still lists but its catalogue no longer does: valid by the schema, refused by the rules.
LEGACY: Final[dict[str, frozenset[str]]] = {
    "c_FormaPago": frozenset({"07", "09", "10", "11", "16", "98"}),
    "c_RegimenFiscal": frozenset({"609", "628", "629", "630"}),
    "c_UsoCFDI": frozenset({"P01"}),
    "c_TipoRelacion": frozenset({"08", "09"}),
}


@dataclass(frozen=True, slots=True)
class Rate:
    """A row of c_TasaOCuota: a fixed rate (`low` = `high`) or a range, and on which side it may be used."""

    impuesto: str
    factor: str
    low: Decimal
    high: Decimal
    kinds: frozenset[Kind]


_BOTH: Final[frozenset[Kind]] = frozenset({"traslado", "retencion"})
_TRASLADO: Final[frozenset[Kind]] = frozenset({"traslado"})
_RETENCION: Final[frozenset[Kind]] = frozenset({"retencion"})


def _fixed(impuesto: str, rates: str, kinds: frozenset[Kind]) -> tuple[Rate, ...]:
    return tuple(Rate(impuesto, "Tasa", Decimal(rate), Decimal(rate), kinds) for rate in rates.split())


RATES: Final[tuple[Rate, ...]] = (
    *_fixed("002", "0.160000 0.000000 0.080000", _TRASLADO),
    Rate("002", "Tasa", Decimal(0), Decimal("0.160000"), _RETENCION),
    Rate("001", "Tasa", Decimal(0), Decimal("0.350000"), _RETENCION),
    *_fixed(
        "003",
        "0.265000 0.300000 0.530000 0.500000 1.600000 0.304000 0.250000 0.090000 0.080000 0.070000 0.060000",
        _BOTH,
    ),
    *_fixed("003", "0.030000 0.000000", _TRASLADO),
    Rate("003", "Cuota", Decimal(0), Decimal("66.506200"), _BOTH),
)


@dataclass(frozen=True, slots=True)
class AccountPatterns:
    """What c_FormaPago says of the accounts of a payment. None: that account must not be given."""

    ordenante: re.Pattern[str] | None
    beneficiario: re.Pattern[str] | None


_ANY_ACCOUNT = r"[0-9]{10,11}|[0-9]{15,16}|[0-9]{18}|[A-Z0-9_]{10,50}"


def _accounts(ordenante: str, beneficiario: str | None) -> AccountPatterns:
    return AccountPatterns(re.compile(ordenante), None if beneficiario is None else re.compile(beneficiario))


# Forms of payment with bank accounts; every other form admits none (CRP20224-20228).
ACCOUNTS: Final[dict[str, AccountPatterns]] = {
    "02": _accounts(r"[0-9]{11}|[0-9]{18}", _ANY_ACCOUNT),
    "03": _accounts(r"[0-9]{10}|[0-9]{16}|[0-9]{18}", r"[0-9]{10}|[0-9]{18}"),
    "04": _accounts(r"[0-9]{16}", _ANY_ACCOUNT),
    "05": _accounts(_ANY_ACCOUNT, _ANY_ACCOUNT),
    "06": _accounts(r"[0-9]{10}", None),
    "28": _accounts(r"[0-9]{16}", _ANY_ACCOUNT),
    "29": _accounts(r"[0-9]{15,16}", _ANY_ACCOUNT),
}

# The uso that a person of that régimen most likely wants from a hospital or a physician; the rest in SAT's order.
LIKELY_USO: Final[dict[tuple[Person, str], str]] = {
    **{("F", regimen): "D01" for regimen in _PERSONAL},
    ("F", "616"): "S01",
    ("F", "610"): "S01",
    ("M", "610"): "S01",
}
