"""Folios pasted from a payer's statement: one invoice per line, with or without what was paid of it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

MOST_LINES: Final = 500
LONGEST_LINE: Final = 200
_AMOUNT: Final = re.compile(
    r"(?P<name>.*?\S)[\s,;|]+\$?\s*(?P<amount>\d{1,3}(?:,\d{3})+(?:\.\d{1,2})?|\d{1,15}(?:\.\d{1,2})?)", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Pasted:
    """What the lines name: key of each invoice and what was paid of it (None: all that is owed), and what is wrong."""

    amounts: dict[str, Decimal | None] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def index(names: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    """From each name, as it may be written, to the keys that bear it. names: (name, key)."""
    found: dict[str, set[str]] = {}
    for name, key in names:
        if plain := _plain(name):
            found.setdefault(plain, set()).add(key)
    return found


def read(text: str, known: Mapping[str, set[str]]) -> Pasted:
    """Match each line with one invoice. known: as `index` gives it. Problems are in Spanish and name the line."""
    found = Pasted()
    lines = [line.strip() for line in text.splitlines()]
    if len(lines) > MOST_LINES:
        found.problems.append(f"Son {len(lines):,} renglones: pegue a lo más {MOST_LINES}.")
        return found
    for number, line in enumerate(lines, start=1):
        if line:
            _take(line[:LONGEST_LINE], number, known, found)
    return found


def _take(line: str, number: int, known: Mapping[str, set[str]], found: Pasted) -> None:
    name, amount = line, None
    if _plain(line) not in known and (match := _AMOUNT.fullmatch(line)):
        name, amount = match["name"], Decimal(match["amount"].replace(",", ""))
    keys = known.get(_plain(name), set())
    shown = name if len(name) <= 60 else name[:60] + "…"
    if not keys:
        found.problems.append(f"Renglón {number}: «{shown}» no es una factura por cobrar de esta aseguradora.")
    elif len(keys) > 1:
        found.problems.append(f"Renglón {number}: hay varias facturas «{shown}»: péguelo con su folio fiscal.")
    elif (key := next(iter(keys))) in found.amounts:
        found.problems.append(f"Renglón {number}: «{shown}» ya está en otro renglón.")
    else:
        found.amounts[key] = amount


def _plain(name: str) -> str:
    """Case, blanks and hyphens do not tell two folios apart for whoever writes a statement."""
    return re.sub(r"[\s\-]+", "", name).strip("\ufeff\"'").casefold()
