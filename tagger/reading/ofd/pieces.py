"""The pieces of text of an OFD page (GB/T 33190, 11: text objects): characters, and where they stand."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest

from tagger.reading.package import Element
from tagger.reading.text import WIDE

OFD = "{*}"  # producers differ in the year of the namespace http://www.ofdspec.org/2016
USUAL_SIZE = 3.5  # mm, where none is given
OBLIQUE = 0.1  # of a turned baseline: a watermark

SAME_LINE = 0.5  # of the character size; pieces whose baselines are not farther apart stand on one line
WIDE_GAP = 1.0  # the same: between columns, or a label and what is filled in


@dataclass(frozen=True, slots=True)
class Piece:
    """Characters that follow one another on the page: where they begin and end, their baseline and size, in mm."""

    text: str
    left: float
    right: float
    y: float
    size: float


def pieces_of(part: Element) -> Iterator[Piece]:
    """The visible pieces of a page or template, in the order of the file."""
    for layer in part.iterfind(f"{OFD}Content/{OFD}Layer"):
        for text_object in layer.iterfind(f".//{OFD}TextObject"):
            if text_object.get("Visible", "true").lower() not in ("false", "0"):
                yield from _pieces_in(text_object)


def _pieces_in(text_object: Element) -> Iterator[Piece]:
    boundary = numbers_of(text_object.get("Boundary"))
    a, b, c, d, e, f = numbers_of(text_object.get("CTM")) or (1, 0, 0, 1, 0, 0)
    if len(boundary) != 4 or (abs(a) > OBLIQUE < abs(b)):
        return
    # A matrix of 5 makes text of size 1 one of 5; in text turned by 90° the scale stands in b and c
    across, down = math.hypot(a, b) or 1, math.hypot(c, d) or 1
    spelled = text_object.get("Size") or text_object.get("size")  # easyofd writes it small
    size = abs(_number(spelled, USUAL_SIZE)) * down
    width = abs(_number(text_object.get("HScale"), 1)) * size / down * across
    if size <= 0:
        return
    x, y = 0.0, 0.0
    for code in text_object.iterfind(f".//{OFD}TextCode"):
        x, y = _number(code.get("X"), x), _number(code.get("Y"), y)  # where nothing is said, the last is meant
        start = Piece("", boundary[0] + a * x + c * y + e, 0, boundary[1] + b * x + d * y + f, size)
        yield from _placed(code, start, width, (across, down))


def _placed(code: Element, at: Piece, width: float, scale: tuple[float, float]) -> Iterator[Piece]:
    """The characters of a `TextCode` from a place on as pieces, cut where the text goes on in a new line."""
    text = "".join(code.itertext())
    if len(text.splitlines()) > 1 or text != text.strip("\r\n\t"):
        text = " ".join(text.split())  # someone has laid out the XML nicely
    steps = [scale[0] * step for step in _steps(code.get("DeltaX"), len(text) - 1)]
    falls = [scale[1] * step for step in _steps(code.get("DeltaY"), len(text) - 1)]
    stands = bool(falls) and not any(steps)  # one character below the other
    piece, start, x, y = "", at.left, at.left, at.y
    for character, step, fall in zip_longest(text, steps, falls):
        own = width * (1 if WIDE.match(character) else 0.5)
        piece += character
        end = x + own
        x += (0 if stands else own) if step is None else step
        if not stands and x < end - own and abs(fall or 0) > SAME_LINE * at.size:
            yield Piece(piece, start, end, y, at.size)
            piece, start = "", x
            y += fall or 0
        elif x - end > WIDE_GAP * at.size and character != " ":
            piece += " "
    if piece.strip():
        yield Piece(piece.rstrip(), start, max(start, end), y, at.size)


def _steps(text: str | None, count: int) -> list[float]:
    """The offsets between `count` + 1 characters; `g 3 4.2` stands for three times 4.2."""
    steps: list[float] = []
    words = iter((text or "").split())
    for word in words:
        if len(steps) >= count:
            break
        if word == "g":
            times, step = next(words, "0"), next(words, "0")
            steps.extend(numbers_of(step) * min(count - len(steps), int(times)))
        else:
            steps.extend(numbers_of(word))
    return steps


def _number(text: str | None, default: float) -> float:
    return next(iter(numbers_of(text)), default)


def numbers_of(text: str | None) -> list[float]:
    """The numbers that an attribute or element holds."""
    numbers = [float(each) for each in (text or "").split()]
    if not all(map(math.isfinite, numbers)):
        raise ValueError("a number without end")
    return numbers
