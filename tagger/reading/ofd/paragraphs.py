"""The paragraphs of an OFD document: lines put together again, also over the foot of a page."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from tagger.reading.ofd.lines import Line
from tagger.reading.text import WIDE

MIN_LINES = 8  # on a page, to tell the edges of its text; pages with less have those of the document
SAME_SIZE = 0.12  # share by which the sizes of lines of one paragraph differ at most
MAX_HANGING = 0.05  # share of lines that may hang out beyond the right edge
USUAL_DISTANCE = 2.0  # of lines, where there is but one

# In units of the character size
INDENT = 1.2  # of the first line of a paragraph, from the left edge of the text
SHORT = 2.5  # a line that ends so far from the right edge ends a paragraph: no character more would do so
PARAGRAPH_GAP = 1.6  # in usual line distances
MIN_COLUMN = 12  # of text; what is narrower is a list of short lines, each by itself (a line of GB/T 9704 has 28)


def paragraphs_of(pages: Iterable[Sequence[Line]]) -> Iterator[str]:
    """The paragraphs of all pages; one may go on over the foot of a page."""
    lines_of_pages = [lines for lines in pages if lines]
    if not lines_of_pages:
        return
    distance = _distance(lines_of_pages)
    common = _Edges.of([line for lines in lines_of_pages for line in lines])
    paragraph: list[Line] = []
    before = common  # the edges of the last line
    for lines in lines_of_pages:
        edges = _Edges.of(lines) if len(lines) >= MIN_LINES else common
        for number, line in enumerate(lines):
            is_near = number == 0 or line.y - lines[number - 1].y <= PARAGRAPH_GAP * distance * line.size
            if paragraph and not (is_near and edges.goes_on(line) and before.is_full(paragraph[-1], line)):
                yield _joined(paragraph)
                paragraph = []
            paragraph.append(line)
            before = edges
    yield _joined(paragraph)


def _joined(lines: Sequence[Line]) -> str:
    """The lines of a paragraph as one: Chinese without a blank, words of narrow letters with one."""
    parts = [lines[0].text]
    for above, below in pairwise(lines):
        is_wide = WIDE.match(above.text[-1]) or WIDE.match(below.text[0])
        parts.append(below.text if is_wide else f" {below.text}")
    return "".join(parts)


def _distance(lines_of_pages: Iterable[Sequence[Line]]) -> float:
    """The usual distance between lines, in their size."""
    distances = [(line.y - before.y) / line.size for lines in lines_of_pages for before, line in pairwise(lines)]
    return median(distances) if distances else USUAL_DISTANCE


@dataclass(frozen=True, slots=True)
class _Edges:
    """Where the text of a page begins and ends from left to right; it never ends if no line is broken at its end."""

    left: float
    right: float

    @classmethod
    def of(cls, lines: Sequence[Line]) -> _Edges:
        """The edges that most of the text keeps to."""
        size = median(line.size for line in lines for _ in range(min(len(line.text), 50)))
        body = [line for line in lines if abs(line.size - size) <= SAME_SIZE * size] or lines
        rights = sorted(line.right for line in body)
        right = rights[int((1 - MAX_HANGING) * (len(rights) - 1))]
        left = min(line.left for line in body if right - line.right <= SHORT * size)
        return cls(left, right if right - left >= MIN_COLUMN * size else math.inf)

    def goes_on(self, line: Line) -> bool:
        """Whether a line begins at the edge, as those do that go on a paragraph."""
        return line.left - self.left <= INDENT * line.size

    def is_full(self, line: Line, following: Line) -> bool:
        """Whether a line reaches the other edge, and what follows is set in the same size."""
        same_size = abs(line.size - following.size) <= SAME_SIZE * line.size
        return same_size and self.right - line.right <= SHORT * line.size
