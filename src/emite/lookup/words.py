"""How a Spanish word sounds: what two spellings of it have in common, and how far two words are apart.

Written for finding, never for showing: "hospitalisación" and "Hospitalización" give the same stem.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

#: Words that tell no two texts apart.
EMPTY: Final = frozenset(
    {"a", "al", "con", "de", "del", "e", "el", "en", "es", "la", "las", "lo", "los", "o", "para", "por", "que", "se"}
    | {"sin", "su", "sus", "u", "un", "una", "unas", "unos", "y"}
)
_WORD: Final = re.compile(r"[a-z0-9]+")
#: In order: each rule sees what the former left.
_SOUNDS: Final = tuple(
    (re.compile(pattern), instead)
    for pattern, instead in (
        (r"^ps(?=[aeiou])", "s"),  # psiquiatra, siquiatra
        (r"ph", "f"),
        (r"sc(?=[ei])", "s"),
        (r"c(?=[ei])|z", "s"),
        (r"ch", "+"),
        (r"qu(?=[ei])|[cq]", "k"),
        (r"g(?=[ei])", "j"),
        (r"gu(?=[ei])", "g"),
        (r"ll", "y"),
        (r"v", "b"),
        (r"w", "u"),
        (r"n(?=[bp])", "m"),
        (r"h", ""),
        (r"(.)\1+", r"\1"),
    )
)


def plain(text: str) -> str:
    """Lower case, without accents."""
    decomposed = unicodedata.normalize("NFD", text.casefold())
    return "".join(char for char in decomposed if not unicodedata.combining(char))


def words(text: str) -> list[str]:
    """The words of a text that tell something; all of them when none does."""
    every = _WORD.findall(plain(text))
    return [word for word in every if word not in EMPTY] or every


def sound(word: str) -> str:
    """A plain word as it sounds in Mexico."""
    for pattern, instead in _SOUNDS:
        word = pattern.sub(instead, word)
    return word


def stem(word: str) -> str:
    """The sound of a plain word without its plural and its gender: "medicas" and "médico" are one."""
    if word.isdigit() or len(word) < 4:
        return sound(word)
    if len(word) > 4:
        word = word.removesuffix("s")
    # The last vowel decides how the consonant before it sounds, so it goes after that.
    heard = sound(word)
    return heard[:-1] if len(heard) > 4 and heard[-1] in "aeo" else heard


def pairs(stemmed: str) -> set[str]:
    """The pairs of neighbours in a stem, its two ends included: two spellings of a word share most of them."""
    framed = f"^{stemmed}$"
    return {framed[at : at + 2] for at in range(len(framed) - 1)}


def distance(one: str, two: str, most: int) -> int:
    """Letters to add, drop, change or swap with their neighbour between two words; `most` + 1 when it is more."""
    if abs(len(one) - len(two)) > most:
        return most + 1
    before: list[int] = []
    row = list(range(len(two) + 1))
    for i, left in enumerate(one, 1):
        earlier, before, row = before, row, [i]
        for j, right in enumerate(two, 1):
            cost = min(before[j] + 1, row[-1] + 1, before[j - 1] + (left != right))
            if i > 1 and j > 1 and left == two[j - 2] and one[i - 2] == right:
                cost = min(cost, earlier[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
    return row[-1]
