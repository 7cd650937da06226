"""Shades of the colour of a theme: light to lay under text, and strong to write with on light or dark ground."""

from __future__ import annotations

BLACK, WHITE = "#000000", "#FFFFFF"
FILL_SHARE = 0.22  # of the colour in a light shade: tells our six themes apart, also printed grey
ENOUGH = 4.5  # contrast of text, WCAG 2.2 level AA
STEPS = 50


def light(colour: str) -> str:
    """A light shade to lay under black text; of a light colour, lighter still."""
    return _mixed(WHITE, colour, FILL_SHARE)


def readable(colour: str, ground: str) -> str:
    """The shade next to a colour (#RRGGBB) in which text can be read on the ground: darker, or lighter on dark."""
    end = WHITE if contrast(WHITE, ground) > contrast(BLACK, ground) else BLACK
    shades = (_mixed(colour, end, step / STEPS) for step in range(STEPS + 1))
    return next((shade for shade in shades if contrast(shade, ground) >= ENOUGH), end)


def contrast(one: str, other: str) -> float:
    """How far two colours stand apart in lightness, from 1 to 21, by WCAG."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _mixed(colour: str, other: str, share: float) -> str:
    pairs = zip(_parts(colour), _parts(other), strict=True)
    return "#" + "".join(f"{round(one + (two - one) * share):02X}" for one, two in pairs)


def _luminance(colour: str) -> float:
    parts = (part / 255 for part in _parts(colour))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _parts(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour.removeprefix("#")))
