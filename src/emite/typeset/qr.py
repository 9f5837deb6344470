"""QR codes (ISO/IEC 18004) as SVG and PNG. What they say, and where they are printed, is decided elsewhere."""

from __future__ import annotations

import re
import struct
import zlib
from typing import Any, Literal

import zxingcpp

Correction = Literal["L", "M", "Q", "H"]
# ISO/IEC 18004 asks for four modules of white on every side.
QUIET_ZONE = 4
_DARK = re.compile(rb"\x00+")


def _modules(text: str, ec: Correction) -> list[bytes]:
    """One bytes object per row, one byte per module: 0 is dark, 255 is light."""
    code = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode, ec_level=ec)
    image: Any = code.to_image(scale=1, add_quiet_zones=False)  # a buffer of one byte per pixel, untyped in the wheel
    flat, (_height, width) = bytes(memoryview(image).cast("B")), image.shape
    return [flat[start : start + width] for start in range(0, len(flat), width)]


def qr_svg(text: str, *, ec: Correction = "M", quiet_zone: int = QUIET_ZONE) -> str:
    """A square SVG that scales to any size; it has no width of its own. Raises ValueError when `text` does not fit."""
    rows = _modules(text, ec)
    side = len(rows) + 2 * quiet_zone
    path = "".join(
        f"M{run.start() + quiet_zone} {y}h{run.end() - run.start()}v1h-{run.end() - run.start()}z"
        for y, row in enumerate(rows, start=quiet_zone)
        for run in _DARK.finditer(row)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}" shape-rendering="crispEdges">'
        f'<path fill="#fff" d="M0 0h{side}v{side}H0z"/><path d="{path}"/></svg>'
    )


def qr_png(text: str, px: int, *, ec: Correction = "M") -> bytes:
    """A square PNG (1 bit, quiet zone included) whose side is the largest whole multiple of a module within `px`.

    Raises ValueError when `px` is smaller than the code has modules, or `text` does not fit a code.
    """
    rows = _modules(text, ec)
    modules = len(rows) + 2 * QUIET_ZONE
    scale = px // modules
    if scale < 1:
        raise ValueError(f"a code of {modules} modules does not fit {px} pixels")
    side = modules * scale
    margin, blank = b"1" * (QUIET_ZONE * scale), _bits(b"1" * side)
    lines = [blank] * (QUIET_ZONE * scale)
    for row in rows:
        drawn = b"".join((b"1" if module else b"0") * scale for module in row)
        lines += [_bits(margin + drawn + margin)] * scale
    lines += [blank] * (QUIET_ZONE * scale)
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    data = zlib.compress(b"".join(b"\x00" + line for line in lines), 9)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def _bits(digits: bytes) -> bytes:
    width = (len(digits) + 7) // 8
    return int(digits.ljust(width * 8, b"1"), 2).to_bytes(width, "big")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
