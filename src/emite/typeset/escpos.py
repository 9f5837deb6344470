"""A ticket, a slip or a note as the bytes of a thermal printer: ESC/POS, for rolls of 58 and 80 mm.

Takes the same page data as the PDF and the browser. Commands as in Epson's ESC/POS reference; the QR is the printer's
own (GS ( k), so that it comes out sharp. What anybody typed never becomes a command: controls are left out.
"""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, Literal

Width = Literal[58, 80]

#: Characters of font A in a line.
COLUMNS: dict[Width, int] = {58: 32, 80: 48}
#: Dots of a module of the QR: the link fills half of the roll.
_MODULE: dict[Width, int] = {58: 5, 80: 6}
#: PC858, Western Europe with the euro: character table 19.
_TABLE, _CODEC = 19, "cp858"
_INSTEAD = str.maketrans(
    {"−": "-", "–": "-", "—": "-", "…": "...", "“": '"', "”": '"', "‘": "'", "’": "'", "•": "·",
     "\u00a0": " ", "\u202f": " ", "\u200b": ""}
)  # fmt: skip

_START = b"\x1b@" + b"\x1bt" + bytes([_TABLE])
_LEFT, _CENTRE = b"\x1ba\x00", b"\x1ba\x01"
_BOLD, _PLAIN = b"\x1bE\x01", b"\x1bE\x00"
_TALL, _USUAL = b"\x1d!\x01", b"\x1d!\x00"
#: Feed to the knife and cut, leaving a point.
_CUT = b"\x1bd\x03" + b"\x1dVB\x00"


def paper(page: Mapping[str, Any], brand: str, *, width: Width, url: str | None = None) -> bytes:
    """The whole strip, cut at the end. `page` as `ticket_page`, `slip_page` or `note_page` make it."""
    columns = COLUMNS[width]
    out = [_START, _CENTRE, _BOLD, _TALL, *_wrapped(brand, columns), _USUAL, _PLAIN]
    for line in page["venue"]:
        out += _wrapped(line, columns)
    out += [_rule(columns), _BOLD, *_wrapped(page["head"]["title"], columns)]
    if page["reprint"]:
        out += _wrapped(page["reprint"], columns)
    out += [_PLAIN, _LEFT]
    for label, value in page["head"]["lines"]:
        out += _row(label, value, columns)
    out += [_rule(columns), *_money(page, columns)]
    if "way" in page:
        out += _way(page["way"], columns, url, _MODULE[width])
    return b"".join(out) + _CUT


def _money(page: Mapping[str, Any], columns: int) -> list[bytes]:
    out: list[bytes] = []
    for description, detail, amount in page["lines"]:
        out += _row(description, amount, columns)
        if detail:
            out += [_encoded("  " + piece) + b"\n" for piece in textwrap.wrap(_plain(detail), columns - 2)]
    if page["lines"]:
        out.append(_rule(columns))
    for row in page["sums"]:
        out += _detailed(row, columns)
    label, amount = page["total"]
    out += [_BOLD, _TALL, *_row(label, amount, columns), _USUAL, _PLAIN]
    for row in (*page["payments"], *page.get("account", ())):
        out += _detailed(row, columns)
    if page["owed"]:
        label, amount = page["owed"]
        out += [_BOLD, *_row(label, amount, columns), _PLAIN]
    if page.get("settled"):
        out += [_BOLD, *_wrapped(page["settled"], columns), _PLAIN]
    return out


def _way(way: Mapping[str, Any], columns: int, url: str | None, module: int) -> list[bytes]:
    out = [_rule(columns), _CENTRE, _BOLD, *_wrapped(way["heading"], columns), _PLAIN]
    if way["when"]:
        out += _wrapped(way["when"], columns)
    if way["link"]:
        out += _wrapped(way["link"], columns)
    if way["has-code"]:
        out += [*_wrapped("Código", columns), _BOLD, _TALL, *_wrapped(way["code"], columns), _USUAL, _PLAIN]
    if url:
        out += [b"\n", qr(url, module=module), b"\n"]
    if way["desk"]:
        out += _wrapped(way["desk"], columns)
    return [*out, _LEFT]


def qr(text: str, *, module: int) -> bytes:
    """A QR code of model 2 that the printer draws, correction Q: thermal paper fades and creases."""
    data = text.encode("ascii")
    return (
        _k(b"\x31\x41\x32\x00") + _k(b"\x31\x43" + bytes([module])) + _k(b"\x31\x45\x32")
        + _k(b"\x31\x50\x30" + data) + _k(b"\x31\x51\x30")
    )  # fmt: skip


def _k(body: bytes) -> bytes:
    """GS ( k with its length, low byte first."""
    return b"\x1d(k" + len(body).to_bytes(2, "little") + body


def _detailed(row: Sequence[str], columns: int) -> list[bytes]:
    label, detail, amount = row
    return _row(f"{label} {detail}" if detail else label, amount, columns)


def _row(label: str, value: str, columns: int) -> list[bytes]:
    """The label at the left, over as many lines as it needs; the value at the right of the last."""
    label, value = _plain(label), _plain(value)
    pieces = textwrap.wrap(label, columns) or [""]
    if len(pieces[-1]) + 1 + len(value) > columns:
        pieces.append("")
    if len(value) > columns:
        return [_encoded(piece) + b"\n" for piece in (*pieces[:-1], *textwrap.wrap(value, columns))]
    last = pieces.pop()
    lines = [*pieces, last + " " * (columns - len(last) - len(value)) + value]
    return [_encoded(line) + b"\n" for line in lines]


def _wrapped(text: str, columns: int) -> list[bytes]:
    return [_encoded(piece) + b"\n" for piece in textwrap.wrap(_plain(text), columns)]


def _rule(columns: int) -> bytes:
    return b"-" * columns + b"\n"


def _plain(text: str) -> str:
    """Text of one byte a character, so that what is counted is what is printed; without controls."""
    return "".join(_character(each) for each in unicodedata.normalize("NFC", text).translate(_INSTEAD))


def _character(each: str) -> str:
    if each.isspace():
        return " "
    if unicodedata.category(each).startswith("C"):
        return ""
    try:
        each.encode(_CODEC)
    except UnicodeEncodeError:
        bare = unicodedata.normalize("NFKD", each).encode("ascii", "ignore").decode()
        return bare or "?"
    return each


def _encoded(text: str) -> bytes:
    return text.encode(_CODEC)
