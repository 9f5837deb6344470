"""The typeface of everything printed (Source Sans 3, OFL), where its files are and which characters it draws.

What is done with a character it does not draw is decided in `legible.py`.
"""

from __future__ import annotations

import importlib.util
import struct
from functools import cache
from pathlib import Path

PACKAGE = "fontpkg_source_sans_3"
UPRIGHT = "SourceSans3[wght].ttf"


def folder() -> Path:
    """The folder that holds the font files. Raises RuntimeError when the package is not installed."""
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise RuntimeError(f"the package {PACKAGE} that carries the typeface is not installed")
    return Path(found.origin).parent / "files"


@cache
def drawable() -> frozenset[int]:
    """The code points for which the upright face has a glyph."""
    return frozenset(_code_points((folder() / UPRIGHT).read_bytes()))


def _code_points(font: bytes) -> set[int]:
    """Code points of a TrueType font, from the format 12 subtable of its `cmap` (OpenType 1.9, cmap)."""
    table = _table(font, b"cmap")
    (subtables,) = struct.unpack_from(">H", table, 2)
    for index in range(subtables):
        (offset,) = struct.unpack_from(">I", table, 4 + 8 * index + 4)
        (form,) = struct.unpack_from(">H", table, offset)
        if form == 12:
            return set(_groups(table, offset))
    raise RuntimeError("the typeface has no Unicode character map")


def _groups(table: bytes, offset: int) -> list[int]:
    (count,) = struct.unpack_from(">I", table, offset + 12)
    found: list[int] = []
    for index in range(count):
        first, last, _glyph = struct.unpack_from(">III", table, offset + 16 + 12 * index)
        found.extend(range(first, last + 1))
    return found


def _table(font: bytes, tag: bytes) -> bytes:
    (tables,) = struct.unpack_from(">H", font, 4)
    for index in range(tables):
        name, _checksum, offset, length = struct.unpack_from(">4sIII", font, 12 + 16 * index)
        if name == tag:
            return font[offset : offset + length]
    raise RuntimeError(f"the typeface has no table {tag.decode()}")
