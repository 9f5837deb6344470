"""What the pages of a CFDI share: how a key is named, a withheld amount is written, and how wide a column is."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from emite.cfdi.representation import Labelled
from emite.typeset.written import MINUS, pesos

# Widths in mm: a figure and a comma, point or space at 8.6 pt, a letter of a title at 6.8 pt, the gap before a column.
_FIGURE, _POINT, _LETTER, _GAP = 1.52, 0.78, 1.2, 5.0


def named(value: Labelled) -> str:
    return f"{value.key} {value.label}".strip()


def spaced(label: str) -> str:
    return label.replace(" %", "\u00a0%")


def less(amount: str) -> str:
    value = Decimal(amount)
    return f"{MINUS}{pesos(value)}" if value else pesos(value)


def width(title: str, figures: Iterable[str]) -> float:
    """Millimetres of a column: as wide as its title or its longest figures, and the gap."""
    widest = max((sum(_POINT if char in ",. " else _FIGURE for char in text) for text in figures), default=0.0)
    return round(max(widest, _LETTER * len(title)) + _GAP, 1)
