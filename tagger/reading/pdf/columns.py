"""Columns: the rows of a page as blocks, which share margins and are read one after the other."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter

from tagger.reading.pdf.rows import MIN_AGREEING, Rows, Strip
from tagger.reading.pdf.rules import NEAR, Cell

# In ems
MIN_COLUMN = 8.0  # width of text in columns; cells of tables are narrower
MIN_GUTTER = 0.8  # blank between columns

MAX_SPLITS = 3  # of a page into left and right, and of these again
MAX_EDGES = 12  # at which most lines start: those that are tried
MIN_MATES_SHARE = 0.5  # of the lines of the shorter side: those with a line beside them
MIN_CROSSING_SHARE = 0.2  # as many lines with one beside them must there be as of those that cross the gap


@dataclass(frozen=True, slots=True)
class Block:
    """Strips in reading order that share margins. `kind` says which column of the page it is; "" is all of it."""

    strips: tuple[Strip, ...]
    kind: str


def blocks_of(rows: Rows) -> list[Block]:
    """The blocks of a page: its columns, and each cell of a table where the table begins."""
    strips = [strip for row in rows for strip in row]
    of_cell: defaultdict[Cell, list[Strip]] = defaultdict(list)
    for strip in strips:
        if strip.cell is not None:
            of_cell[strip.cell].append(strip)
    cells = sorted(of_cell)
    blocks: list[Block] = []
    free: list[Strip] = []
    for strip in strips:
        if strip.cell is None:
            free.append(strip)
        elif cells and strip.cell >= cells[0]:  # the first that is met of a table
            blocks += _columns_of(free, kind="")
            free = []
            bottom = cells[0].bottom
            while cells and cells[0].top <= bottom + NEAR:
                cell = cells.pop(0)
                bottom = max(bottom, cell.bottom)
                blocks.append(Block(tuple(of_cell[cell]), "cell"))
    return blocks + _columns_of(free, kind="")


def _columns_of(strips: Sequence[Strip], kind: str) -> list[Block]:
    """The blocks of a part of a page: what spans all columns, then the columns below it from left to right, and so on.

    `strips` stand in the order of rows.
    """
    gutter = _gutter(strips) if len(kind) < MAX_SPLITS else None
    if gutter is None:
        return [Block(tuple(strips), kind)] if strips else []
    blocks: list[Block] = []
    spanning: list[Strip] = []
    left: list[Strip] = []
    right: list[Strip] = []

    def close() -> None:
        nonlocal spanning
        if left and right:
            blocks.extend([Block(tuple(spanning), kind)] if spanning else [])
            blocks.extend(_columns_of(left, kind + "l"))
            blocks.extend(_columns_of(right, kind + "r"))
            spanning = []
        else:
            spanning += left + right
        left.clear()
        right.clear()

    for strip in strips:
        if strip.right <= gutter:
            left.append(strip)
        elif strip.left >= gutter:
            right.append(strip)
        else:
            close()
            spanning.append(strip)
    close()
    return blocks + ([Block(tuple(spanning), kind)] if spanning else [])


def _gutter(strips: Sequence[Strip]) -> float | None:
    """Where the gap between two columns lies: left of an edge where lines start that have others beside them."""
    edges: Counter[float] = Counter(round(strip.left / strip.size) * strip.size for strip in strips)
    tried = [edge for edge, count in edges.most_common(MAX_EDGES) if count >= MIN_AGREEING - 1]
    found = [pair for edge in tried if (pair := _beside(strips, edge)) is not None]
    return max(found, key=itemgetter(0))[1] if found else None


def _beside(strips: Sequence[Strip], edge: float) -> tuple[int, float] | None:
    """How many lines right of an edge have one left of it beside them, and where the gap is; None if not columns."""
    right = [strip for strip in strips if strip.left >= edge - strip.size]
    limit = min((strip.left for strip in right), default=edge)
    left = [strip for strip in strips if strip.right <= limit - MIN_GUTTER * strip.size]
    if any(len(side) < MIN_AGREEING or _mean_width(side) < MIN_COLUMN for side in (left, right)):
        return None
    mates = _mates(left, right)
    crossing = len(strips) - len(left) - len(right)
    fewest = max(MIN_AGREEING, MIN_MATES_SHARE * min(len(left), len(right)), MIN_CROSSING_SHARE * crossing)
    return None if mates < fewest else (mates, limit - 0.1)


def _mean_width(side: Sequence[Strip]) -> float:
    """In ems."""
    return sum(strip.right - strip.left for strip in side) / sum(strip.size for strip in side)


def _mates(left: Sequence[Strip], right: Sequence[Strip]) -> int:
    """How many lines of the right side have one of the left beside them."""
    heights = sorted(strip.base for strip in left)
    mates, place = 0, 0
    for strip in right:  # both in order of height
        while place < len(heights) - 1 and abs(heights[place + 1] - strip.base) <= abs(heights[place] - strip.base):
            place += 1
        mates += abs(heights[place] - strip.base) <= strip.size
    return mates
