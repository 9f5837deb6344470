"""How a hospital's name, logo and colour go on a page: the part of the page data that every document shares."""

from __future__ import annotations

from typing import Any

from emite.typeset.data import Branding

WHITE = (255, 255, 255)
# WCAG 2.2, 1.4.3: text of any size against its ground.
CONTRAST = 4.5
_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpg"),
    (b"GIF8", "gif"),
)


def brand(branding: Branding, *, with_logo: bool) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The page's `brand` and the files it needs."""
    files = {}
    if with_logo and branding.logo:
        files[f"logo.{image_kind(branding.logo)}"] = branding.logo
    lines = [*branding.address.splitlines(), *branding.contact.splitlines()]
    data = {
        "name": branding.name,
        "accent": readable(branding.accent),
        "logo": next(iter(files), None),
        "contact": [line for line in lines if line.strip()],
    }
    return data, files


def image_kind(image: bytes) -> str:
    """png, jpg, gif or webp by its first bytes; svg for anything else (typst refuses it if it is not)."""
    for signature, kind in _SIGNATURES:
        if image.startswith(signature):
            return kind
    return "webp" if image[:4] == b"RIFF" and image[8:12] == b"WEBP" else "svg"


def readable(accent: str) -> str:
    """`accent` ("#rrggbb"), darkened as little as makes it readable on white paper."""
    colour = tuple(int(accent[start : start + 2], 16) for start in (1, 3, 5))
    while contrast(colour, WHITE) < CONTRAST:
        colour = tuple(part * 19 // 20 for part in colour)
    return "#" + "".join(f"{part:02x}" for part in colour)


def contrast(first: tuple[int, ...], second: tuple[int, ...]) -> float:
    """Contrast ratio of two sRGB colours (WCAG 2.2), 1 to 21."""
    lighter, darker = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: tuple[int, ...]) -> float:
    red, green, blue = (
        part / 255 / 12.92 if part / 255 <= 0.04045 else ((part / 255 + 0.055) / 1.055) ** 2.4 for part in colour
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
