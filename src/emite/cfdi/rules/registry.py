"""How a rule is declared: one small function with SAT's code, the node it looks at and the attribute it points to.

The functions are in the modules beside this one; running them over a document is `__init__.py`'s work.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Literal, NamedTuple, TypeVar

# What a rule looks at. "documento" runs once; the others once per node, and also receive that node.
Each = Literal[
    "documento", "relacion", "concepto", "traslado", "retencion", "tercero", "aduana", "parte", "parte_aduana",
    "resumen_traslado", "resumen_retencion",
    "pagos", "pago", "docto", "retencion_dr", "traslado_dr", "retencion_p", "traslado_p",
]  # fmt: skip

# What of its node a rule reads: all of it, or only what many nodes share (keys, and which attributes are there).
Reads = Literal["all", "kind"]

Finding = str | None  # what to tell the person, or None when the rule holds
RuleFunction = Callable[..., Finding]
_F = TypeVar("_F", bound=Callable[..., Finding])


class Aviso(str):
    """A finding that no PAC would refuse: it becomes a fault of severity AVISO."""

    __slots__ = ()


class Rule(NamedTuple):
    """A rule ready to run. `at` is the fault's xpath: whole for a document, what follows the node for the others."""

    code: str
    each: Each
    at: str
    function: RuleFunction
    reads: Reads


_declared: Final[list[Rule]] = []


def rule(code: str, *, each: Each = "documento", at: str = "", reads: Reads = "all") -> Callable[[_F], _F]:
    """Declares the function below it as the rule `code`. Its docstring states what must hold.

    One that reads but the kind of a concept or of its taxes is asked once for all concepts alike.
    """

    def declare(function: _F) -> _F:
        _declared.append(Rule(code, each, at, function, reads))
        return function

    return declare


def declared() -> tuple[Rule, ...]:
    """Every rule of the modules imported so far, in the order they are written."""
    return tuple(_declared)


def rules_for(each: Each, *reads: Reads) -> tuple[tuple[str, str, Callable[..., Any]], ...]:
    """The rules of one kind of node as plain tuples (code, at, function): the loops over them are hot."""
    return tuple(
        (found.code, found.at, found.function)
        for found in _declared
        if found.each == each and (not reads or found.reads in reads)
    )
