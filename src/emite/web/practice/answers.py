"""Finanzas › Facturación › Por aceptar. What they do is written once, in `web.answers`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from emite.web import answers
from emite.web.complements import Place
from emite.web.practice.access import StaffRequest, practice
from emite.web.practice.filters import filters_of
from emite.web.practice.finance import context_of


def _context(request: StaffRequest) -> dict[str, Any]:
    return context_of(request, "por-aceptar", filters=replace(filters_of(request), asked=False))


addresses = answers.addresses(
    Place("practice", "practice/base.html", _context),
    "consultorio/finanzas/facturacion/cancelaciones-por-aceptar/",
    practice,
)
