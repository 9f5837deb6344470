"""CLABE: eighteen digits of a Mexican bank account, the last of which checks the others; the first three are its bank.

The rule of the check digit (weights 3, 7, 1) is the CLABE's own. The names are those of the participants of Banco de
México's SPEI (docs/sat/clabe.md), as people know them: they help to read a number and nothing is refused for them.
"""

from __future__ import annotations

import re
from itertools import cycle
from typing import Final

BANKS: Final = {
    "002": "Banamex", "006": "Bancomext", "009": "Banobras", "012": "BBVA México", "014": "Santander",
    "019": "Banjército", "021": "HSBC", "030": "BanBajío", "036": "Inbursa", "042": "Mifel", "044": "Scotiabank",
    "058": "Banregio", "059": "Invex", "060": "Bansí", "062": "Afirme", "072": "Banorte", "106": "Bank of America",
    "108": "MUFG", "110": "JP Morgan", "112": "Monex", "113": "Ve por Más", "124": "Citi México", "127": "Banco Azteca",
    "128": "Kapital", "129": "Barclays", "130": "Compartamos", "132": "Multiva", "133": "Actinver",
    "135": "Nacional Financiera", "136": "Intercam", "137": "BanCoppel", "138": "Ualá", "140": "Consubanco",
    "141": "Volkswagen Bank", "143": "CIBanco", "145": "Banco Base", "147": "Bankaool", "148": "PagaTodo",
    "150": "Inmobiliario Mexicano", "151": "Fundación Donde", "152": "Bancrea", "154": "Covalto", "155": "ICBC",
    "156": "Sabadell", "157": "Shinhan", "158": "Mizuho", "159": "Bank of China", "160": "Banco S3",
    "166": "Banco del Bienestar", "167": "Hey Banco", "168": "Hipotecaria Federal", "170": "Revolut",
    "600": "Monex Casa de Bolsa", "601": "GBM", "602": "Masari", "605": "Value", "608": "Vector", "616": "Finamex",
    "617": "Valmex", "620": "Profuturo", "630": "Intercam Casa de Bolsa", "631": "CI Casa de Bolsa", "634": "Fincomún",
    "638": "Nu México", "646": "STP", "652": "Credicapital", "653": "Kuspit", "656": "Unagra", "659": "ASP Integra OPC",
    "661": "Klar", "670": "Libertad", "677": "Caja Popular Mexicana", "680": "Cristóbal Colón",
    "683": "Caja de Telefonistas", "684": "Transfer", "685": "FIRA", "688": "Crediclub", "699": "Fondeadora",
    "703": "Tesored", "706": "Arcus", "710": "NVIO", "715": "Cashi", "720": "MexPago", "721": "albo",
    "722": "Mercado Pago", "723": "Cuenca", "728": "Spin by OXXO", "729": "Dep y Pag Dig", "730": "Clip",
    "732": "Peibo", "734": "Finco Pay",
}  # fmt: skip


class ClabeInvalid(ValueError):
    """It is no CLABE; the message says what is wrong, for people."""


def parse(typed: str) -> str:
    """The eighteen digits, without the blanks and hyphens that people write. Raises ClabeInvalid."""
    number = re.sub(r"[\s-]+", "", typed)
    if not re.fullmatch(r"[0-9]+", number):
        raise ClabeInvalid("La CLABE lleva sólo números.")
    if len(number) != 18:
        raise ClabeInvalid(f"La CLABE tiene 18 números y escribió {len(number)}.")
    if check_digit(number[:17]) != number[17]:
        raise ClabeInvalid("La CLABE tiene un número equivocado: su último dígito no corresponde. Revísela.")
    return number


def check_digit(first: str) -> str:
    """The eighteenth digit of these seventeen."""
    weighed = sum(int(digit) * weight % 10 for digit, weight in zip(first, cycle((3, 7, 1)), strict=False))
    return str(-weighed % 10)


def bank_of(clabe: str) -> str:
    """Its bank by name; empty for one that is not in the table."""
    return BANKS.get(clabe[:3], "")
