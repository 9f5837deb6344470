"""Is an uploaded file a picture that a page and a PDF can carry? Looks at its bytes, never at its name."""

from __future__ import annotations

import struct

#: A page of the portal weighs 60 KB at most, logo and all, on a telephone that pays for each.
MAX_BYTES = 20_000
MAX_SIDE = 4_000
_PNG = b"\x89PNG\r\n\x1a\n"
#: Start-of-frame markers of JPEG (ISO/IEC 10918-1, table B.1), where the size is written.
_FRAMES = frozenset({0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF})


class LogoRefused(Exception):
    """The file cannot be the logo; the message says why and what to bring."""

    def __init__(self, message: str) -> None:
        self.message = message
        super().__init__(message)


def check_logo(data: bytes) -> str:
    """The type of a PNG or JPEG ("image/png", "image/jpeg"). Raises LogoRefused."""
    if not data:
        raise LogoRefused("El archivo está vacío: elija otro.")
    if len(data) > MAX_BYTES:
        raise LogoRefused(
            f"El logo pesa {len(data) // 1000} KB y el máximo son {MAX_BYTES // 1000} KB: guárdelo más pequeño."
        )
    if data.startswith(_PNG):
        kind, size = "image/png", _png_size(data)
    elif data.startswith(b"\xff\xd8\xff"):
        kind, size = "image/jpeg", _jpeg_size(data)
    else:
        raise LogoRefused("El logo debe ser una imagen PNG o JPEG. Si es otra cosa, ábralo y guárdelo como PNG.")
    if size is None:
        raise LogoRefused("La imagen está dañada: vuelva a guardarla como PNG.")
    if not all(1 <= side <= MAX_SIDE for side in size):
        raise LogoRefused(f"La imagen mide {size[0]} por {size[1]} puntos: use una de {MAX_SIDE} o menos por lado.")
    return kind


def _png_size(data: bytes) -> tuple[int, int] | None:
    """Width and height from the first chunk, which must be IHDR (ISO/IEC 15948, 11.2.2)."""
    if len(data) < 33 or data[12:16] != b"IHDR" or not data.rstrip(b"\x00").endswith(b"IEND\xaeB`\x82"):
        return None
    width, height = struct.unpack(">II", data[16:24])
    return width, height


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Width and height from the frame header, walking segment by segment."""
    place = 2
    while place + 9 < len(data) and data[place] == 0xFF:
        marker = data[place + 1]
        if marker in _FRAMES:
            height, width = struct.unpack(">HH", data[place + 5 : place + 9])
            return width, height
        place += 2 + int.from_bytes(data[place + 2 : place + 4])
    return None
