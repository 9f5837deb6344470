"""An organization's colour made readable: the shades that its pages use, each with the contrast that WCAG asks for.

Pure: six hexadecimal digits in, a style sheet out.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

Rgb = tuple[int, int, int]

WHITE: Rgb = (255, 255, 255)
INK: Rgb = (22, 32, 42)
#: WCAG 2.2, 1.4.3: text on its background, with a little to spare because screens are not perfect.
TEXT_CONTRAST = 4.8
STRONG_CONTRAST = 7.5


@dataclass(frozen=True, slots=True)
class Palette:
    """accent: buttons and links; strong: the same under the pointer; soft: a tint behind dark text."""

    accent: Rgb
    strong: Rgb
    soft: Rgb

    @property
    def text(self) -> str:
        """The accent as people write it."""
        return _hex(self.accent)

    def css(self) -> str:
        return (
            f":root{{--accent:{_hex(self.accent)};--accent-strong:{_hex(self.strong)};"
            f"--accent-soft:{_hex(self.soft)};--on-accent:#fff}}\n"
        )


@lru_cache(maxsize=512)
def palette(colour: str) -> Palette:
    """The shades for a colour of six hexadecimal digits: as chosen when white text is readable on it, else darker."""
    chosen: Rgb = (int(colour[0:2], 16), int(colour[2:4], 16), int(colour[4:6], 16))
    soft = _mix(chosen, WHITE, 8)
    accent = _darken_until(chosen, (WHITE, soft), TEXT_CONTRAST)
    strong = _darken_until(_mix(accent, (0, 0, 0), 78), (WHITE, soft), STRONG_CONTRAST)
    return Palette(accent, strong, soft)


def contrast(one: Rgb, other: Rgb) -> float:
    """WCAG's ratio, 1 to 21."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _darken_until(colour: Rgb, grounds: tuple[Rgb, ...], wanted: float) -> Rgb:
    for percent in range(100, -1, -2):
        candidate = _mix(colour, (0, 0, 0), percent)
        if all(contrast(candidate, ground) >= wanted for ground in grounds):
            return candidate
    return (0, 0, 0)


def _mix(colour: Rgb, other: Rgb, percent: int) -> Rgb:
    red, green, blue = ((a * percent + b * (100 - percent)) // 100 for a, b in zip(colour, other, strict=True))
    return red, green, blue


def _luminance(colour: Rgb) -> float:
    red, green, blue = (_linear(channel) for channel in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@lru_cache(maxsize=256)
def _linear(channel: int) -> float:
    share = channel / 255
    return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4


def _hex(colour: Rgb) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)
