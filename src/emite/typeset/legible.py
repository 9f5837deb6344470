"""Text as it can be printed: anything that anybody typed becomes text that PDF/A accepts and that stays on the page.

PDF/A refuses a page with a character that its fonts do not draw, and one emoji must not cost a patient the PDF: such
a character is printed as a white square. The XML that travels inside the PDF keeps what was really written.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import Any

from emite.typeset import fonts

UNKNOWN = "□"
# A run without spaces that is longer than this may not fit its column, on letter paper and on a strip of 80 mm.
LONGEST_RUN = 32
LONGEST_RUN_ON_STRIP = 24
_PIECE = 8
_RUN = re.compile(r"\S+")
_STACKED_MARKS = re.compile(r"([\u0300-\u036f]{2})[\u0300-\u036f]+")
_BREAK = "\u200b"


class Exact(str):
    """Text that must come out of the page as it went in, for copying: a UUID, a seal, a link. Never broken."""

    __slots__ = ()


class _Printable(dict[int, str]):
    """What to print for a code point, found once for each."""

    def __missing__(self, point: int) -> str:
        self[point] = printed = _printed(point)
        return printed


def _printed(point: int) -> str:
    char = chr(point)
    category = unicodedata.category(char)
    if char.isspace():
        return "\u00a0" if char in "\u00a0\u202f" else " "
    if category in {"Cc", "Cf"} or 0xFE00 <= point <= 0xFE0F:
        return ""  # controls, direction overrides, joiners, variation selectors: nothing to see, much to hide behind
    if category in {"Cs", "Co", "Cn"} or point not in fonts.drawable():
        return UNKNOWN
    return char


@cache
def _printable() -> _Printable:
    return _Printable()


def legible(text: str, longest: int = LONGEST_RUN) -> str:
    """`text` with only characters that the typeface draws, on one line; runs over `longest` may be broken anywhere.

    Break opportunities are zero-width spaces, so an Exact gets none.
    """
    if text.isascii() and text.isprintable() and "  " not in text:
        clean = text
    else:
        clean = unicodedata.normalize("NFC", text).translate(_printable())
        clean = _STACKED_MARKS.sub(r"\1", re.sub(" +", " ", clean))
    if isinstance(text, Exact) or len(clean) <= longest:
        return clean
    return _RUN.sub(lambda run: _breakable(run.group(), longest), clean)


def _breakable(run: str, longest: int) -> str:
    return run if len(run) <= longest else _BREAK.join(pieces(run, _PIECE))


def legible_all(value: Any, longest: int = LONGEST_RUN) -> Any:
    """`value` (dicts, lists, tuples and scalars as JSON has them) with every text in it legible; keys are ours."""
    if isinstance(value, str):
        return legible(value, longest)
    if isinstance(value, dict):
        return {key: legible_all(item, longest) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [legible_all(item, longest) for item in value]
    return value


def pieces(text: str, length: int) -> list[str]:
    """`text` cut every `length` characters; the last piece is the rest. An empty text has no pieces."""
    return [text[start : start + length] for start in range(0, len(text), length)]
