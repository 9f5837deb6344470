"""SAT's large catalogues, found by what people type: keys, Spanish words, typos. No tenant, no database."""

from emite.lookup.searching import Entry, search

__all__ = ["Entry", "search"]
