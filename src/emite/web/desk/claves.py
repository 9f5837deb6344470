"""SAT's keys offered in a row of a new remisión: what the words typed may mean, each one a button that puts the key."""

from __future__ import annotations

import re

from emite.lookup import Entry, search

CATALOGUES = {"clave_prod_serv": "c_ClaveProdServ", "clave_unidad": "c_ClaveUnidad"}
_FIELD = re.compile(r"l\d{1,2}-(clave_prod_serv|clave_unidad)", re.ASCII)


def offered(field: str, typed: str) -> list[Entry]:
    """Entries for what was typed in a row's field; none when it is a key already, or another field."""
    match = _FIELD.fullmatch(field)
    if match is None:
        return []
    entries = search(CATALOGUES[match[1]], typed[:100])
    return [] if entries and entries[0].key == typed.strip().upper() else entries


def picked(action: str) -> tuple[str, str] | None:
    """The field and the key of a button that was pressed; None for any other action."""
    field, equals, key = action.partition("=")
    return (field, key[:8]) if equals and _FIELD.fullmatch(field) else None
