"""The lines of an OFD page: pieces of text at one height; without running heads, feet and page numbers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise

from tagger.reading.ofd.pieces import SAME_LINE, WIDE_GAP, Piece
from tagger.reading.text import WIDE

MIN_HEADS = 3  # pages that share a line before it is a running head
SAME_PLACE = 0.2  # of the character size; text drawn twice, for boldness, is this near to itself
WORD_GAP = 0.2  # the same: between words of narrow letters
PAGE_NUMBER = re.compile(r"[-—–·\s]*(?:\d{1,4}|第\s*\d{1,4}\s*页(?:\s*[,，/]?\s*共\s*\d{1,4}\s*页)?)[-—–·\s]*")


@dataclass(frozen=True, slots=True)
class Line:
    """A line on the page."""

    text: str
    left: float
    right: float
    y: float
    size: float


def lines_of(pieces: Iterable[Piece]) -> list[Line]:
    """The lines of a page from top to bottom, without its number."""
    rows: list[list[Piece]] = []
    for piece in sorted(pieces, key=lambda piece: (piece.y, piece.left)):
        if rows and piece.y - rows[-1][0].y <= SAME_LINE * min(piece.size, rows[-1][0].size):
            rows[-1].append(piece)
        else:
            rows.append([piece])
    lines = [line for line in map(_line, rows) if line.text]
    if lines and PAGE_NUMBER.fullmatch(lines[-1].text):
        lines.pop()
    return lines


def _line(row: Sequence[Piece]) -> Line:
    pieces: list[Piece] = []
    for piece in sorted(row, key=lambda piece: piece.left):
        if not any(_is_same(piece, before) for before in islice(reversed(pieces), 3)):
            pieces.append(piece)
    parts = [pieces[0].text]
    for before, piece in pairwise(pieces):
        gap = (piece.left - before.right) / piece.size
        narrow = not WIDE.match(before.text[-1]) and not WIDE.match(piece.text[0])
        parts.append((" " if gap > (WORD_GAP if narrow else WIDE_GAP) else "") + piece.text)
    right = max(piece.right for piece in pieces)
    size = max(pieces, key=lambda piece: len(piece.text)).size
    return Line("".join(parts).strip(), pieces[0].left, right, pieces[0].y, size)


def _is_same(piece: Piece, before: Piece) -> bool:
    """Whether text is drawn a second time in its place, as some do for boldness or shadow."""
    return piece.text == before.text and piece.left - before.left < SAME_PLACE * piece.size


def without_running_heads(pages: Sequence[list[Line]]) -> Iterator[list[Line]]:
    """The pages without first and last lines that most of them share, numbers aside."""
    firsts = Counter(_without_digits(lines[0]) for lines in pages if lines)
    lasts = Counter(_without_digits(lines[-1]) for lines in pages if lines)
    enough = max(MIN_HEADS, len(pages) // 2 + 1)
    for lines in pages:
        kept = lines[1:] if lines and firsts[_without_digits(lines[0])] >= enough else lines
        yield kept[:-1] if kept and lasts[_without_digits(kept[-1])] >= enough else kept


def _without_digits(line: Line) -> str:
    return re.sub(r"[\d\s]+", "", line.text)
