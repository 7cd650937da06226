"""Runs of text: what the operators of a page (ISO 32000-1, 9.4) show, and where, in the signs that a reader would type.

pypdf carries out the operators; what is visible to us between them is here.
"""

from __future__ import annotations

import math
import re
import time
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pypdf import PageObject

from tagger.reading.limits import Limits, check_text, too_large
from tagger.reading.pdf.rules import DRAWING, Drawing, Point, Segment

MAX_COORDINATE = 1e6  # points; the largest page that PDF allows has 14,400
MAX_SLANT = 0.2  # of a baseline; more is a watermark
GAP = re.compile("\ufdd0(-?[0-9]+)\ufdd1 ?")  # how `_mark_gaps` writes a gap, in thousandths of an em
MIN_MARKED_GAP = 300

NARROW = 0.5  # mean width of a narrow character, in ems
THIN = re.compile(r"[ ijlftrI.,:;'!|()\[\]-]")  # about 0.3 em in most fonts for letters
CAPITAL = re.compile(r"[A-HJ-Zmw]")  # about 0.67 em

PLAIN = {  # what to write for signs that only look right, or cannot be seen
    **dict.fromkeys("\uf06c\uf06e\uf075\uf09f\uf0a7\uf0b7\uf0d8", "•"),  # bullets of symbol fonts
    **dict.fromkeys("\n\r\t\v\f\xa0\u2028\u2029", " "),
    **dict.fromkeys("\xad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\0", ""),
    # some fonts name the glyphs of these characters by the radicals that look the same
    **dict(
        zip(
            "⺁⺠⻄⻅⻆⻉⻋⻓⻔⻘⻙⻚⻛⻜⻝⻢⻣⻤⻥⻦⻨⻩⻬⻮⻰⻳",
            "厂民西见角贝车长门青韦页风飞食马骨鬼鱼鸟麦黄齐齿龙龟",
            strict=True,
        )
    ),
}
NOT_PLAIN = re.compile(f"[{''.join(PLAIN)}\u2f00-\u2fd5\uf900-\ufaff\ufb00-\ufb06]")  # the ranges: by Unicode's tables


@dataclass(frozen=True, slots=True)
class Run:
    """Text drawn at one place. `base` is the height of its baseline, counted downwards."""

    text: str
    left: float
    right: float
    base: float
    size: float
    quarter: int  # direction of reading, in quarter turns from left to right


def runs_of(page: PageObject, watch: Watch) -> tuple[list[Run], list[Segment]]:
    """The runs of a page that stand in the direction of most of its text, and its lines, turned upright."""
    runs, drawing = watch.begin_page()
    page.extract_text(visitor_operand_before=watch.before, visitor_text=watch.text)
    directions: Counter[int] = Counter()
    for run in runs:
        directions[run.quarter] += len(run.text.strip())
    if not any(directions.values()):
        return [], []
    main = directions.most_common(1)[0][0]
    lines = [(_turned(start, main), _turned(end, main)) for start, end in drawing.segments]
    return [run for run in runs if run.quarter == main], lines


class Watch:
    """Looks at the clock, and at how much a page draws, before each of its operators.

    Forms within a page swallow the error, and the next operator raises it again.
    """

    def __init__(self, name: str, most: Limits) -> None:
        self.name, self.most = name, most
        self.deadline = time.monotonic() + most.seconds
        self.begin_page()

    def begin_page(self) -> tuple[list[Run], Drawing]:
        """What comes now is of another page, and goes into these."""
        self.runs: list[Run] = []
        self.drawing = Drawing()
        return self.runs, self.drawing

    def before(self, operator: Any, operands: Any, matrix: Any, _text_matrix: Any) -> None:
        """Check, mark gaps in shown text, and keep lines that are drawn."""
        if time.monotonic() > self.deadline:
            raise too_large(self.name, f"太复杂，{self.most.seconds} 秒没有读完", "普通篇幅的 PDF")
        if len(self.runs) > self.most.lines:
            check_text(self.name, 0, len(self.runs))
        if operator == b"TJ" and operands and isinstance(operands[0], list):
            _mark_gaps(operands[0])
        elif operator in DRAWING:
            self.drawing.take(operator, operands, matrix)

    def text(self, text: str, matrix: list[float], text_matrix: list[float], _font: Any, font_size: float) -> None:
        """Keep a shown text."""
        if text:
            self.runs.extend(_placed(text, _product(text_matrix, matrix), font_size))


def _mark_gaps(items: list[Any]) -> None:
    """Write the larger gaps within a shown text into it, where pypdf would only give a blank.

    Where a font lacks a character (often a quotation mark), a producer leaves a gap for it and draws it from another
    font before or after the rest: only with the gaps known do all pieces come into their order.
    """
    marked: list[Any] = []
    for item in items:
        if isinstance(item, (int, float)) and MIN_MARKED_GAP <= abs(item) < MAX_COORDINATE:
            marked.append(f"\ufdd0{-round(item)}\ufdd1")
        marked.append(item)
    items[:] = marked


def _product(m: Sequence[float], n: Sequence[float]) -> tuple[float, ...]:
    """The matrix that applies `m` and then `n`."""
    return (
        m[0] * n[0] + m[1] * n[2],
        m[0] * n[1] + m[1] * n[3],
        m[2] * n[0] + m[3] * n[2],
        m[2] * n[1] + m[3] * n[3],
        m[4] * n[0] + m[5] * n[2] + n[4],
        m[4] * n[1] + m[5] * n[3] + n[5],
    )


def _turned(point: Point, quarter: int) -> Point:
    """A point so that text of this direction runs from left to right; y is counted downwards."""
    x, y = point
    return ((x, -y), (y, x), (-x, y), (-y, -x))[quarter]


def _placed(text: str, matrix: tuple[float, ...], font_size: float) -> Iterator[Run]:
    """A shown text as runs in upright coordinates, parted at its gaps; none if it is aslant or nowhere on a page."""
    a, b, c, d, x, y = matrix
    size, stretch = abs(font_size) * math.hypot(c, d), abs(font_size) * math.hypot(a, b)
    is_sane = all(abs(number) < MAX_COORDINATE for number in (x, y, size, stretch))  # also false for "not a number"
    if not is_sane or not size > 0 or min(abs(a), abs(b)) > MAX_SLANT * max(abs(a), abs(b)):
        return
    if font_size < 0:
        a, b = -a, -b
    quarter = (0 if a > 0 else 2) if abs(a) > abs(b) else (1 if b > 0 else 3)
    left, base = _turned((x, y), quarter)
    pieces = GAP.split(text)  # text, gap, text, gap, text
    for piece, gap in zip(pieces[::2], [*pieces[1::2], "0"], strict=True):
        shown = readable(piece)
        seen = shown.strip()
        ems = width(shown)
        if seen:  # an indent may be made of blanks
            indent = width(shown[: shown.index(seen)]) if shown[0] != seen[0] else 0
            start = left + indent * stretch
            end = start + (ems if len(seen) == len(shown) else width(seen)) * stretch
            yield Run(shown, start, end, base, size, quarter)
        elif shown:
            yield Run(shown, left, left, base, size, quarter)
        left += (ems + int(gap) / 1000) * stretch


def readable(text: str) -> str:
    """With the usual character for each of its doubles, and without what cannot be seen."""
    return NOT_PLAIN.sub(_plain, text)


def _plain(found: re.Match[str]) -> str:
    plain = PLAIN.get(found[0])
    return unicodedata.normalize("NFKC", found[0]) if plain is None else plain


def width(text: str) -> float:
    """In ems, nearly. Quotation marks and dashes are wide among Chinese characters and narrow elsewhere."""
    kinds = "".join(map(unicodedata.east_asian_width, text))
    wide = kinds.count("W") + kinds.count("F")
    if wide == len(text):
        return wide
    narrow = NARROW * len(text) - 0.2 * len(THIN.findall(text)) + 0.17 * len(CAPITAL.findall(text))
    return narrow + (1 - NARROW) * (wide + kinds.count("A") if wide else 0)
