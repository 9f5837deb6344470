"""Finanzas › Facturación › Complementos: W25 to W28. What they do is written once, in `web.complements`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from emite.web import complement_life, complements
from emite.web.complements import Place
from emite.web.practice.access import StaffRequest, practice
from emite.web.practice.filters import filters_of
from emite.web.practice.finance import context_of

_AT = "consultorio/finanzas/facturacion/complementos/"


def _context(request: StaffRequest) -> dict[str, Any]:
    return context_of(request, "complementos", filters=replace(filters_of(request), asked=False))


_PLACE = Place("practice", "practice/base.html", _context)
addresses = [
    *complements.addresses(_PLACE, _AT, practice),
    *complement_life.addresses(_PLACE, _AT, practice),
]
