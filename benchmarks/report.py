"""The one table at the end of a run: what each benchmark measured, beside its floor, its peer and its target."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

#: Where a benchmark that is run with others leaves its rows.
KEPT_IN = "EMITE_BENCH_ROWS"


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. `floor` is the least that the work could cost on this machine, `peer` what another program takes.

    The target is in the unit of `ours`, or of its ratio to the floor when `of_ratio`.
    """

    what: str
    ours: float
    unit: str
    target: float
    floor: float | None = None
    floor_name: str = ""
    peer: float | None = None
    of_ratio: bool = False
    at_least: bool = False

    @property
    def ratio(self) -> float | None:
        return self.ours / self.floor if self.floor else None

    @property
    def is_met(self) -> bool:
        judged = self.ratio if self.of_ratio else self.ours
        assert judged is not None
        return judged >= self.target if self.at_least else judged <= self.target


def keep(*rows: Row) -> None:
    """Leave rows for the table, when this benchmark is one of several."""
    if kept := os.environ.get(KEPT_IN):
        with Path(kept).open("a") as file:
            file.writelines(json.dumps(asdict(row)) + "\n" for row in rows)


def kept(path: Path) -> list[Row]:
    return [Row(**json.loads(line)) for line in path.read_text().splitlines()]


def table(rows: Iterable[Row]) -> list[str]:
    """The rows as text."""
    lines = [f"{'what':<46}{'ours':>14}{'floor':>10}{'ratio':>8}{'peer':>9}   target"]
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        words = f"{'>=' if row.at_least else '<='} {row.target:g} {'x floor' if row.of_ratio else row.unit}"
        floor, peer = _figure(row.floor), _figure(row.peer)
        lines.append(
            f"{row.what:<46}{_figure(row.ours):>8} {row.unit:<5}{floor:>10}{ratio:>8}{peer:>9}"
            f"   {words:<16}{'met' if row.is_met else 'NOT MET'}{f'  (floor: {row.floor_name})' if floor else ''}"
        )
    return lines


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}" if value < 1 else f"{value:.1f}" if value < 100 else f"{value:,.0f}"
