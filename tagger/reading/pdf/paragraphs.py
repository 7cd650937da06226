"""Paragraphs: the lines of blocks put together again, across columns and pages."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from tagger.reading.pdf.columns import Block
from tagger.reading.pdf.rows import MIN_AGREEING, NARROW_ERROR, Strip, narrow_width
from tagger.reading.pdf.rules import Cell
from tagger.reading.pdf.runs import width
from tagger.reading.text import WIDE

# In ems
EDGE = 0.6  # within which lines end at the same margin
OUTER_EDGE = 1.5  # the same for the line that ends last: punctuation may hang out
MIN_INDENT = 0.8
MIN_CENTRED_INDENT = 2.5  # more than the indent of a paragraph
MAX_OFF_CENTRE = 2.0
SHORT_SLACK = 1.0  # for widths that are estimates
MAX_MARK = 6.0  # width of the mark of a list item with the gap behind it
SAME_START = 0.3  # between lines that start one below the other
MIN_STEP = 0.5  # between lines; less is a line beside another
USUAL_STEP = 0.9  # the least that is counted

MAX_BEYOND_EDGE = 0.1  # share of lines that may lie beyond an edge
LARGER_GAP = 1.3  # times the usual distance of lines
OTHER_SIZE = 1.1

NO_LINE_START = frozenset("，。、；：！？”’）》〉】〕」』…—·％%,.;:!?)]}")
NO_LINE_END = frozenset("“‘（《〈【〔「『([{")
CUT_WORD, LOWER_START = re.compile(r"[A-Za-z]-$"), re.compile(r"[a-z]")
NARROW_END, NARROW_START = re.compile(r"[!-'*-~)]$"), re.compile(r"[!-~]")
LETTERS_END, LETTERS_START = re.compile(r"[A-Za-z][,.;:)]*$"), re.compile(r"\(?[A-Za-z]")


@dataclass(frozen=True, slots=True)
class _Margins:
    """The edges of a block, and what is usual in it."""

    left: float
    right: float
    pitch: float  # usual distance of lines
    size: float  # usual size of text


def paragraphs_of(blocks: Sequence[Block]) -> Iterator[str]:
    """The paragraphs of all blocks; one may go on in the next block."""
    longest = {block.kind: block for block in sorted(blocks, key=lambda block: len(block.strips))}
    usual = {kind: _margins_of(block.strips, None) for kind, block in longest.items()}
    paragraph: list[Strip] = []
    before = _Margins(0, 0, 0, 0)  # of the last line of the paragraph
    for block in blocks:
        margins = _margins_of(block.strips, usual[block.kind])
        cell = block.strips[0].cell
        if cell is not None:
            margins = _margins_of_cell(block.strips, cell, margins)
        for above, strip in zip((None, *block.strips), block.strips, strict=False):
            if paragraph and (
                paragraph[-1].cell != cell or _starts_paragraph(paragraph, strip, above, before, margins)
            ):
                yield joined(paragraph)
                paragraph = []
            paragraph.append(strip)
            before = margins
    if paragraph:
        yield joined(paragraph)


def _margins_of(strips: Sequence[Strip], usual: _Margins | None) -> _Margins:
    """The edges of a block: where several lines agree on them, else those that are usual for blocks of its kind."""
    size = sorted(strip.size for strip in strips)[len(strips) // 2]
    left, left_agrees = _edge(sorted(strip.left for strip in strips), size)
    negative, right_agrees = _edge(sorted(-strip.right for strip in strips), size)
    right = -negative
    if usual is not None:
        outermost = max(strip.right for strip in strips)
        if abs(left - usual.left) < EDGE * size or not left_agrees:
            left = usual.left
        if abs(outermost - usual.right) < OUTER_EDGE * size or not right_agrees:
            right = usual.right
    steps = sorted(
        below.base - above.base
        for above, below in pairwise(strips)
        if below.base - above.base > USUAL_STEP * below.size and _same_size(above, below)
    )
    few = len(steps) < 2 * MIN_AGREEING
    pitch = usual.pitch if few and usual is not None else steps[len(steps) // 7] if steps else math.inf
    return _Margins(left, right, pitch, size)


def _margins_of_cell(strips: Sequence[Strip], cell: Cell, margins: _Margins) -> _Margins:
    """The edges of a cell within its lines: the same blank on both sides, so that text may be centred."""
    blank = min(min(strip.left - cell.left, cell.right - strip.right) for strip in strips)
    return replace(margins, left=cell.left + blank, right=cell.right - blank)


def _edge(sorted_places: Sequence[float], size: float) -> tuple[float, bool]:
    """The outermost place on which several lines agree, beyond which are few; else the outermost at all, and False."""
    few = 1 + int(MAX_BEYOND_EDGE * len(sorted_places))
    for number, place in enumerate(sorted_places[: 1 - MIN_AGREEING][:few]):
        if sorted_places[number + MIN_AGREEING - 1] - place < EDGE * size:
            return place, True
    return sorted_places[0], False


def _same_size(one: Strip, other: Strip) -> bool:
    return max(one.size, other.size) < OTHER_SIZE * min(one.size, other.size)


def _starts_paragraph(
    paragraph: Sequence[Strip], strip: Strip, above: Strip | None, before: _Margins, margins: _Margins
) -> bool:
    """Whether `strip` starts a paragraph; `above` is the line before it in its block, None at the top."""
    last = paragraph[-1]
    if not _same_size(last, strip) or _is_short(last, strip, before):
        return True
    if above is not None:
        step = strip.base - above.base
        if strip.right <= above.left and above.left - margins.left > MIN_CENTRED_INDENT * above.size:  # another cell
            return True
        if step < MIN_STEP * strip.size or step > LARGER_GAP * margins.pitch * max(1.0, strip.size / margins.size):
            return True
    indent = (strip.left - margins.left) / strip.size
    return indent > MIN_INDENT and not _hangs(paragraph, strip) and not _is_centred(last, strip, before, margins)


def _is_short(strip: Strip, following: Strip, margins: _Margins) -> bool:
    """Whether the first word of the following line would have found room in this one."""
    room = margins.right - strip.right
    slack = SHORT_SLACK * strip.size + NARROW_ERROR * narrow_width(strip.text) * strip.size
    return room > width(_first_word(following.text)) * strip.size + slack


def _first_word(text: str) -> str:
    """What cannot be parted by a line end: a word or number or a character, with the punctuation around it."""
    end = 0
    while end < len(text) - 1 and text[end] in NO_LINE_END:
        end += 1
    if WIDE.match(text, end):
        end += 1
    else:
        while end < len(text) and text[end] != " " and not WIDE.match(text, end):
            end += 1
    while end < len(text) and text[end] in NO_LINE_START:
        end += 1
    return text[:end]


def _hangs(paragraph: Sequence[Strip], strip: Strip) -> bool:
    """Whether a line stands below the text of a list item, right of its mark."""
    near = SAME_START * strip.size
    first = paragraph[0]
    if len(paragraph) > 1:
        return abs(paragraph[-1].left - strip.left) < near and _hangs(paragraph[:1], strip)
    starts = [start for start in first.starts if start - first.left < MAX_MARK * first.size]
    return strip.left > first.left and any(abs(start - strip.left) < near for start in starts)


def _is_centred(last: Strip, strip: Strip, before: _Margins, margins: _Margins) -> bool:
    """Whether a line goes on in the middle below a full one, as the titles of several lines do."""

    def off_centre(line: Strip, page: _Margins) -> float:
        return abs(line.left - page.left - (page.right - line.right)) / line.size

    wide = (strip.left - margins.left) / strip.size > MIN_CENTRED_INDENT or strip.cell is not None
    return wide and max(off_centre(strip, margins), off_centre(last, before)) < MAX_OFF_CENTRE


def joined(strips: Sequence[Strip]) -> str:
    """The lines of a paragraph as one: Chinese without a blank, words of letters with one or, if cut, whole again."""
    parts = [strips[0].text]
    for above, below in pairwise(strips):
        if CUT_WORD.search(above.text) and LOWER_START.match(below.text):
            parts[-1] = parts[-1][:-1]
        elif NARROW_END.search(above.text) and NARROW_START.match(below.text):
            parts.append(" " if LETTERS_END.search(above.text) or LETTERS_START.match(below.text) else "")
        parts.append(below.text)
    return "".join(parts)
