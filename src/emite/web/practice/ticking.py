"""Boxes of a list of many pages, ticked in one form: with "Seleccionar todos" on, all of the list but those unticked.

`lleva` are those of other pages, `visto` those that this page shows and `antes` what "Seleccionar todos" was when it
was shown: without a script nothing else tells a box that was unticked from one of another page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from django.http import QueryDict

Key = TypeVar("Key")


@dataclass(frozen=True, slots=True)
class Ticked(Generic[Key]):
    """What is ticked: with `everything` all of the list but `keys`, else `keys` alone."""

    everything: bool
    keys: frozenset[Key]

    def has(self, key: Key) -> bool:
        return (key in self.keys) != self.everything


def ticked(form: QueryDict, read: Callable[[Iterable[str]], set[Key]]) -> Ticked[Key]:
    """When only "Seleccionar todos" has changed, the ticks of before mean nothing; a script that ticks says it too."""
    carried, shown = read(form.get("lleva", "").split(",")), read(form.getlist("visto"))
    marked = read(form.getlist("servicio")) & shown
    before, everything = form.get("antes") == "todos", "todos" in form
    if everything != before:
        return Ticked(everything, frozenset())
    return Ticked(everything, frozenset((carried - shown) | (shown - marked if everything else marked)))
