"""Complements of accounts that a hospital invoiced on credit. What they do is written once, in `web.complements`."""

from __future__ import annotations

from typing import Any

from emite.web import complement_life, complements
from emite.web.access import StaffRequest, staff
from emite.web.complements import Place


def _context(request: StaffRequest) -> dict[str, Any]:
    return {"organization": request.organization, "membership": request.membership, "section": "complementos"}


_PLACE, _AT = Place("desk", "desk/base.html", _context), "caja/complementos/"
addresses = [
    *complements.addresses(_PLACE, _AT, staff),
    *complement_life.addresses(_PLACE, _AT, staff),
]
