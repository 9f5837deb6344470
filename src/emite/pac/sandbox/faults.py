"""Misbehaviour on command: which fault, if any, the next call of each operation meets.
Not here: carrying a fault out on the wire (program.py), settings that last (control.py)."""

from __future__ import annotations

import random
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

OPERATIONS: Final = (
    "stamp", "lookup", "cancel", "auth", "status", "certificates", "credits", "list", "fetch", "receipt", "pending",
    "answer",
)  # fmt: skip

BEFORE: Final = {
    "delay_before": "wait `seconds`, then work and answer as usual",
    "cut_before": "close the connection; nothing is done",
    "error_before": "answer HTTP `status` (503); nothing is done",
    "garbage_before": "answer 200 with random bytes; nothing is done",
    "html_before": "answer 200 with a web page; nothing is done",
    "unclassified_before": "answer CFDI40999; nothing is done",
    "no_credits": "answer that the account has no stamps left; nothing is done",
    "auth_expired": "forget the session and say so; nothing is done",
    "blind": "look-up only: answer that nothing was found, whatever is held",
}
AFTER: Final = {
    "delay_after": "work, then wait `seconds` before answering",
    "cut_after": "work, then close the connection without an answer",
    "error_after": "work, then answer HTTP `status` (503)",
    "garbage_after": "work, then answer 200 with random bytes",
    "html_after": "work, then answer 200 with a web page",
    "unclassified_after": "work, then answer CFDI40999",
    "half_after": "work, then send half of the answer and close",
    "drip_after": "work, then send the answer one byte every `seconds` (1)",
    "bare_after": "work, then answer without the XML (307 without XML) or without the acuse",
    "foreign_after": "work, then answer with a timbre of another document, or an acuse that was changed",
    "oversize_after": "work, then answer 9 MB",
}
KINDS: Final = {**BEFORE, **AFTER}


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault to be met by one call. `seconds` is drawn already."""

    kind: str
    seconds: float
    status: int = 503

    @property
    def is_before(self) -> bool:
        """Whether it strikes before the work is done."""
        return self.kind in BEFORE


@dataclass
class _Plan:
    operation: str
    kind: str
    left: int
    seconds: Any
    status: int


class Faults:
    """Counted plans first, in the order given; then chance, from a generator with a seed for each operation."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._plans: list[_Plan] = []
        self._chances: dict[str, list[tuple[str, float, Any, int]]] = {}
        self._dice: dict[str, random.Random] = {}
        self.met: dict[str, int] = {}

    def clear(self) -> None:
        """Behave from now on."""
        with self._lock:
            self._plans, self._chances, self._dice = [], {}, {}

    def plan(self, operation: str, kind: str, times: int = 1, seconds: Any = None, status: int = 503) -> None:
        """The next `times` calls of `operation` meet `kind`. `seconds` is a number or [from, to].

        Raises ValueError for an operation, kind or time that doesn't exist.
        """
        _check(operation, kind, seconds)
        with self._lock:
            self._plans.append(_Plan(operation, kind, times, seconds, status))

    def chance(self, operation: str, faults: Mapping[str, Any], seed: int) -> None:
        """From now on each call of `operation` meets each kind with its probability (they add up to 1 at most): a
        number, or {"p": …, "seconds": …, "status": …}. The same seed gives the same sequence."""
        chances = []
        for kind, given in faults.items():
            detail = given if isinstance(given, dict) else {"p": given}
            _check(operation, kind, detail.get("seconds"))
            chances.append((kind, float(detail["p"]), detail.get("seconds"), int(detail.get("status", 503))))
        if sum(probability for _, probability, _, _ in chances) > 1:
            raise ValueError("las probabilidades suman más de 1")
        with self._lock:
            self._chances[operation] = chances
            self._dice[operation] = random.Random(seed)

    def draw(self, operation: str) -> Fault | None:
        """The fault that this call meets."""
        with self._lock:
            fault = self._planned(operation) or self._by_chance(operation)
            if fault is not None:
                name = f"{operation}:{fault.kind}"
                self.met[name] = self.met.get(name, 0) + 1
        return fault

    def _planned(self, operation: str) -> Fault | None:
        for plan in self._plans:
            if plan.operation == operation:
                plan.left -= 1
                if plan.left <= 0:
                    self._plans.remove(plan)
                return Fault(plan.kind, _seconds(plan.seconds, random), plan.status)
        return None

    def _by_chance(self, operation: str) -> Fault | None:
        dice = self._dice.get(operation)
        if dice is None:
            return None
        thrown = dice.random()
        for kind, probability, seconds, status in self._chances[operation]:
            thrown -= probability
            if thrown < 0:
                return Fault(kind, _seconds(seconds, dice), status)
        return None


def _check(operation: str, kind: str, seconds: Any) -> None:
    if operation not in OPERATIONS:
        raise ValueError(f"operación desconocida: {operation!r}; son {', '.join(OPERATIONS)}")
    if kind not in KINDS:
        raise ValueError(f"falla desconocida: {kind!r}; son {', '.join(KINDS)}")
    if kind == "blind" and operation != "lookup":
        raise ValueError("'blind' es sólo de 'lookup'")
    bounds = seconds if isinstance(seconds, list) else [seconds, seconds]
    if seconds is not None and (len(bounds) != 2 or not all(isinstance(bound, int | float) for bound in bounds)):
        raise ValueError("'seconds' es un número o [desde, hasta]")


def _seconds(given: Any, dice: Any) -> float:
    if given is None:
        return 1.0
    if isinstance(given, list):
        return float(dice.uniform(*given))
    return float(given)
