"""The file that a catalogue is searched in: made once by `emite sat-data`, mapped and never loaded.

Entries are numbered by their place in the catalogue. What is worth more in a hospital is `hospital`'s to say.
"""

from __future__ import annotations

import json
import mmap
import os
import sys
from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from emite.cfdi import codes
from emite.lookup.hospital import ALSO, weight
from emite.lookup.words import pairs, stem, words

CATALOGUES: Final = ("c_ClaveProdServ", "c_ClaveUnidad")
FORMAT: Final = 3  # raise it when the file or the words change: the next `emite sat-data` makes it again
_MAGIC: Final = b"emite search\n"


def build(folder: Path = codes.FOLDER) -> bool:
    """Write the index of each catalogue beside its labels; True if any was not there already."""
    version = _version(folder)
    written = False
    for catalogue in CATALOGUES:
        path = _path(folder, catalogue)
        if _head(path).get("version") != version:
            _write(path, codes.labels(catalogue), catalogue, version)
            written = True
    return written


def _version(folder: Path) -> str:
    return f"{(folder / 'version.txt').read_text('utf-8')}, búsqueda {FORMAT}, {sys.byteorder}"


def _path(folder: Path, catalogue: str) -> Path:
    return folder / "search" / f"{catalogue}.bin"


def _head(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            return dict(json.loads(file.readline())) if file.readline(len(_MAGIC)) == _MAGIC else {}
    except (FileNotFoundError, ValueError):
        return {}


def _write(path: Path, rows: Iterable[tuple[str, str]], catalogue: str, version: str) -> None:
    keys, lengths, weights = [], array("B"), array("B")
    found: dict[str, list[int]] = defaultdict(list)
    for number, (key, label) in enumerate(rows):
        stems = {stem(word) for word in words(label)}
        keys.append(key)
        lengths.append(min(len(stems), 255))
        weights.append(weight(catalogue, key))
        for each in stems | {stem(word) for word in words(ALSO.get(key, ""))}:
            found[each].append(number)
    vocabulary = sorted(found)
    grams: dict[str, list[int]] = defaultdict(list)
    for number, each in enumerate(vocabulary):
        for pair in pairs(each):
            grams[pair].append(number)
    parts = {
        **_texts("keys", keys),
        "lengths": lengths.tobytes(),
        "weights": weights.tobytes(),
        **_texts("stems", vocabulary),
        **_lists("of_stem", [found[each] for each in vocabulary]),
        **_texts("pairs", sorted(grams)),
        **_lists("of_pair", [grams[pair] for pair in sorted(grams)]),
    }
    _store(path, parts, version)


def _lists(name: str, lists: Iterable[list[int]]) -> dict[str, bytes]:
    """Lists of numbers below 65,536 one after another, and where each one ends."""
    ends, numbers = array("I"), array("H")
    for each in lists:
        numbers.extend(each)
        ends.append(len(numbers))
    return {f"{name}_ends": ends.tobytes(), name: numbers.tobytes()}


def _texts(name: str, texts: Iterable[str]) -> dict[str, bytes]:
    """Texts one after another, and where each one ends."""
    ends, content = array("I"), bytearray()
    for each in texts:
        content += each.encode()
        ends.append(len(content))
    return {f"{name}_ends": ends.tobytes(), name: bytes(content)}


def _store(path: Path, parts: dict[str, bytes], version: str) -> None:
    sizes = [[name, len(content)] for name, content in parts.items()]
    head = _MAGIC + json.dumps({"version": version, "parts": sizes}).encode() + b"\n"
    path.parent.mkdir(exist_ok=True)
    fresh = path.with_suffix(f".{os.getpid()}")
    with fresh.open("wb") as file:
        file.write(head + b"\0" * (-len(head) % 8))
        for content in parts.values():
            file.write(content + b"\0" * (-len(content) % 8))
    fresh.replace(path)


@dataclass(frozen=True, slots=True)
class Texts:
    """Sorted texts in the mapped file."""

    ends: memoryview
    content: memoryview

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, at: int) -> str:
        return str(self.content[self.ends[at - 1] if at else 0 : self.ends[at]], "utf-8")

    def place(self, wanted: str) -> int | None:
        """Where a text is, if it is there."""
        at = bisect_left(self, wanted)
        return at if at < len(self) and self[at] == wanted else None

    def beginning(self, start: str, most: int) -> list[int]:
        """Where the texts that begin so are: the first `most`."""
        at = bisect_left(self, start)
        found: list[int] = []
        while at < len(self) and len(found) < most and self[at].startswith(start):
            found.append(at)
            at += 1
        return found


@dataclass(frozen=True, slots=True)
class Lists:
    """Lists of numbers in the mapped file."""

    ends: memoryview
    numbers: memoryview

    def __getitem__(self, at: int) -> memoryview:
        return self.numbers[self.ends[at - 1] if at else 0 : self.ends[at]]


@dataclass(frozen=True, slots=True)
class Index:
    """One catalogue, ready to be searched. Its lists are pages of a file that every process shares."""

    keys: Texts
    lengths: memoryview
    weights: memoryview
    stems: Texts
    of_stem: Lists
    pairs: Texts
    of_pair: Lists

    def stems_with(self, pair: str) -> Sequence[int]:
        """The numbers of the stems that have this pair of neighbours."""
        at = self.pairs.place(pair)
        return () if at is None else self.of_pair[at]


@cache
def opened(catalogue: str) -> Index:
    """The index of a catalogue. Raises SatDataMissing when `emite sat-data` has not made it."""
    path = _path(codes.FOLDER, catalogue)
    head = _head(path)
    if not head:
        raise codes.SatDataMissing
    with path.open("rb") as file:
        mapped = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        file.readline(len(_MAGIC))
        file.readline()
        at = -(-file.tell() // 8) * 8
    parts: dict[str, memoryview] = {}
    for name, size in head["parts"]:
        parts[str(name)] = mapped[at : at + int(size)]
        at += -(-int(size) // 8) * 8
    return Index(
        keys=Texts(parts["keys_ends"].cast("I"), parts["keys"]),
        lengths=parts["lengths"],
        weights=parts["weights"],
        stems=Texts(parts["stems_ends"].cast("I"), parts["stems"]),
        of_stem=Lists(parts["of_stem_ends"].cast("I"), parts["of_stem"].cast("H")),
        pairs=Texts(parts["pairs_ends"].cast("I"), parts["pairs"]),
        of_pair=Lists(parts["of_pair_ends"].cast("I"), parts["of_pair"].cast("H")),
    )
