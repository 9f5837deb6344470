"""Faults: what is wrong with a CFDI, in the words a person reads.

The rules that find them live in `rules/`, `schema.py`, `seal.py` and `timbre.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How grave a fault is: an ERROR would be refused by a PAC, an AVISO would not."""

    ERROR = "ERROR"
    AVISO = "AVISO"


@dataclass(frozen=True, slots=True)
class Fault:
    """One broken rule.

    `code` is SAT's where SAT has one ("CFDI40161", "302"), `EMI…` for our own. `message` is Mexican Spanish, names
    the field and says how to cure it. `xpath` points at the node or attribute; empty when the whole document is meant.
    """

    code: str
    message: str
    xpath: str = ""
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        """The line that `emite check` prints after the file's name."""
        where = f" {self.xpath}" if self.xpath else ""
        return f"{self.severity} {self.code}{where}: {self.message}"


class CfdiInvalid(Exception):
    """A document breaks rules and cannot go on. Carries every fault found, never only the first."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults: tuple[Fault, ...] = tuple(faults)
        super().__init__("; ".join(str(fault) for fault in self.faults))
