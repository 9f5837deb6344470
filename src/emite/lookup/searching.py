"""The entries of a catalogue that fit what somebody typed, the likeliest first.

In order: the key itself, keys that begin so, texts with every word (as it sounds, or beginning so), texts with words
that are a typo away. A few milliseconds over 52,000 entries; nothing is kept between two searches.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Final

from emite.cfdi import codes
from emite.lookup.index import Index, opened
from emite.lookup.words import distance, pairs, stem, words

_MOST_WORDS, _MOST_LETTERS, _MOST_BEGINNINGS = 8, 40, 60
#: How much a word counts that only begins so, and how much more a text with every word.
_BEGINS: Final = 0.8
_ALL: Final = 0.35


@dataclass(frozen=True, slots=True)
class Entry:
    """A key of the catalogue and SAT's text for it."""

    key: str
    label: str


def search(catalogue: str, text: str, *, limit: int = 8) -> list[Entry]:
    """At most `limit` entries; none for less than two letters. Raises SatDataMissing."""
    index = opened(catalogue)
    typed = " ".join(text.split())[:200].upper()
    if len(typed) < 2:
        return []
    numbers = _by_key(index, typed, limit)
    if len(numbers) < limit and not typed.isdigit():
        numbers += [number for number in _by_words(index, text[:200], limit) if number not in numbers]
    found = (index.keys[number] for number in numbers[:limit])
    return [Entry(key, codes.label(catalogue, key) or "") for key in found]


def _by_key(index: Index, typed: str, limit: int) -> list[int]:
    if not typed.isalnum() or len(typed) > 8:
        return []
    exact = index.keys.place(typed)
    if exact is not None and not typed.isdigit():
        return [exact]
    # The whole family of a short beginning is looked at, so that the common ones come first.
    family = index.keys.beginning(typed, 20_000) if typed.isdigit() else []
    return heapq.nsmallest(limit, family, key=lambda number: (number != exact, -index.weights[number], number))


def _by_words(index: Index, text: str, limit: int) -> list[int]:
    asked = [word[:_MOST_LETTERS] for word in dict.fromkeys(words(text))][:_MOST_WORDS]
    if not asked:
        return []
    worth: dict[int, float] = defaultdict(float)
    hits: Counter[int] = Counter()
    whole = 0.0
    for word in asked:
        matches = _matches(index, word)
        rarity = max((_rarity(index, at) for at in matches), default=_rarity_of(index, 1))
        whole += rarity
        best: dict[int, float] = {}
        for at, quality in sorted(matches.items(), key=lambda match: match[1]):
            best.update(dict.fromkeys(index.of_stem[at], quality))
        for number, quality in best.items():
            worth[number] += rarity * quality
            hits[number] += 1

    def score(number: int) -> float:
        every = _ALL if hits[number] == len(asked) else 0.0
        brevity = 0.15 * min(hits[number] / max(index.lengths[number], 1), 1)
        return worth[number] / whole + every + brevity + index.weights[number] / 100

    # What shares only a word that says little is no answer.
    return heapq.nsmallest(
        limit,
        (number for number in worth if worth[number] >= 0.3 * whole),
        key=lambda number: (-score(number), index.lengths[number], number),
    )


def _matches(index: Index, word: str) -> dict[int, float]:
    """Stems that may be meant by a word, and how well each fits (1: the same)."""
    wanted = stem(word)
    found: dict[int, float] = {}
    exact = index.stems.place(wanted)
    if exact is not None:
        found[exact] = 1.0
    if len(wanted) >= 3:
        for at in index.stems.beginning(wanted, _MOST_BEGINNINGS):
            found.setdefault(at, _BEGINS)
    if exact is None and not word.isdigit():
        for at, quality in _near(index, wanted).items():
            found.setdefault(at, quality)
    return found


def _near(index: Index, wanted: str) -> dict[int, float]:
    """Stems that are a typo or two away."""
    most = 0 if len(wanted) < 4 else 1 if len(wanted) < 7 else 2
    if not most:
        return {}
    shared: Counter[int] = Counter()
    for pair in pairs(wanted):
        shared.update(index.stems_with(pair))
    found = {}
    for at, _count in shared.most_common(80):
        other = index.stems[at]
        away = distance(wanted, other, most)
        if away <= most:
            found[at] = 0.95 - 0.9 * away / len(wanted) - (0.1 if other[0] != wanted[0] else 0)
    return found


def _rarity(index: Index, at: int) -> float:
    return _rarity_of(index, len(index.of_stem[at]))


def _rarity_of(index: Index, entries: int) -> float:
    return math.log((len(index.keys) + 1) / (entries + 0.5))
