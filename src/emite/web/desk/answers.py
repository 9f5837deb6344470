"""Cancelaciones por aceptar at the desk. What they do is written once, in `web.answers`."""

from __future__ import annotations

from typing import Any

from emite.web import answers
from emite.web.access import StaffRequest, staff
from emite.web.complements import Place


def _context(request: StaffRequest) -> dict[str, Any]:
    return {"organization": request.organization, "membership": request.membership, "section": "solicitudes"}


addresses = answers.addresses(Place("desk", "desk/base.html", _context), "caja/cancelaciones-por-aceptar/", staff)
