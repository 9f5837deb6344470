"""SAT's keys of products and services that fit some words: those of health first.

A linear look through SAT's own texts (52,000 of them, some 40 ms): asked only while a free line is being written.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from emite.cfdi import codes

CATALOGUE = "c_ClaveProdServ"
#: Health services, medicines, medical equipment, hygiene: what a hospital looks for.
_OURS = ("851", "51", "42", "41", "531", "901")


def search_claves(text: str, *, limit: int = 25) -> list[tuple[str, str]]:
    """(key, SAT's text): keys that start with the digits typed, or texts that have every word typed."""
    words = tuple(_plain(text).split()[:6])
    if not words or len("".join(words)) < 3:
        return []
    return list(_search(words)[:limit])


@lru_cache(maxsize=256)
def _search(words: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    found = []
    if len(words) == 1 and words[0].isdigit():
        found = [(key, text) for key, text in codes.labels(CATALOGUE) if key.startswith(words[0])]
    else:
        for key, text in codes.labels(CATALOGUE):
            plain = _plain(text)
            if all(word in plain for word in words):
                found.append((key, text))
    found.sort(key=lambda pair: (not pair[0].startswith(_OURS), len(pair[1]), pair[0]))
    return tuple(found[:50])


def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFD", text.casefold())
    return "".join(char for char in decomposed if not unicodedata.combining(char))
