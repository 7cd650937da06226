"""The lines that a PDF page draws (ISO 32000-1, 8.5), and the cells of tables between them.

A PDF has no tables, only text and lines. Text in a cell is what has a line on each of its four sides, and a cell with
text beside it: frames and backgrounds of pages have none.
"""

from __future__ import annotations

import contextlib
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, TypeAlias

Point: TypeAlias = tuple[float, float]
Segment: TypeAlias = tuple[Point, Point]

MAX_THICKNESS = 3.0  # points; what is filled and thicker is a background
NEAR = 2.0  # points between lines that touch
MAX_SEGMENTS = 2000  # more make a drawing; a page of a table has some hundred
MAX_WORK = 2_000_000  # lines times texts of a page: below a second
STROKES = frozenset({b"S", b"s", b"B", b"B*", b"b", b"b*"})
FILLS = frozenset({b"f", b"F", b"f*"})
STEPS = frozenset({b"m", b"l", b"h", b"re"})
ENDS = STROKES | FILLS | {b"n"}  # n: the path was for clipping
DRAWING = STEPS | ENDS


@dataclass(slots=True)
class Drawing:
    """Collects the lines of a page while its operators pass by."""

    segments: list[Segment] = field(default_factory=list)
    _paths: list[list[Point]] = field(default_factory=list)

    def take(self, operator: bytes, operands: Sequence[Any], matrix: Sequence[float]) -> None:
        """Take an operator, whatever it is; one that makes no sense draws nothing."""
        if operator in STROKES or operator in FILLS:
            for path in self._paths:
                self.segments.extend(pairwise(path) if operator in STROKES else _middle(path))
        if operator in ENDS or len(self._paths) + len(self.segments) > MAX_SEGMENTS:
            self._paths.clear()
        elif operator in STEPS:
            with contextlib.suppress(IndexError, TypeError, ValueError):
                self._add(operator, list(map(float, operands)), matrix)

    def _add(self, operator: bytes, numbers: Sequence[float], matrix: Sequence[float]) -> None:
        if operator == b"re":
            x, y, width, height = numbers
            corners = [(x, y), (x + width, y), (x + width, y + height), (x, y + height), (x, y)]
            self._paths.append([_placed(corner, matrix) for corner in corners])
        elif operator == b"m":
            self._paths.append([_placed(numbers, matrix)])
        else:
            path = self._paths[-1]
            path.append(path[0] if operator == b"h" else _placed(numbers, matrix))


def _placed(point: Sequence[float], matrix: Sequence[float]) -> Point:
    x, y = point
    a, b, c, d, e, f = matrix
    return x * a + y * c + e, x * b + y * d + f


def _middle(path: Sequence[Point]) -> Iterable[Segment]:
    """A line that is drawn as a thin area."""
    (left, right), (low, high) = ((min(numbers), max(numbers)) for numbers in zip(*path, strict=True))
    if high - low <= MAX_THICKNESS:
        yield (left, (low + high) / 2), (right, (low + high) / 2)
    elif right - left <= MAX_THICKNESS:
        yield ((left + right) / 2, low), ((left + right) / 2, high)


@dataclass(frozen=True, slots=True, order=True)
class Cell:
    """A cell, in order of reading."""

    top: float
    left: float
    bottom: float
    right: float


@dataclass(frozen=True, slots=True)
class _Rule:
    """A line from `start` to `end`, `at` a place on the other axis."""

    at: float
    start: float
    end: float


def cells_of(points: Sequence[Point], segments: Sequence[Segment]) -> list[Cell | None]:
    """The cell in which each point stands; y is counted downwards."""
    upright = [_Rule(x, *sorted((y, end_y))) for (x, y), (end_x, end_y) in segments if abs(x - end_x) < NEAR / 2]
    level = [_Rule(y, *sorted((x, end_x))) for (x, y), (end_x, end_y) in segments if abs(y - end_y) < NEAR / 2]
    is_drawing = len(segments) > MAX_SEGMENTS or (len(upright) + len(level)) * len(points) > MAX_WORK
    if is_drawing or not (upright and level):
        return [None] * len(points)
    cells = [_cell(point, upright, level) for point in points]
    in_tables = _with_neighbours({cell for cell in cells if cell is not None})
    return [cell if cell in in_tables else None for cell in cells]


def _with_neighbours(cells: Iterable[Cell]) -> set[Cell]:
    """The cells that have another on their right or left."""
    starting_at: defaultdict[float, list[Cell]] = defaultdict(list)
    for cell in cells:
        starting_at[cell.left].append(cell)
    found: set[Cell] = set()
    for cell in cells:
        near = (other for place in (-NEAR, 0, NEAR) for other in starting_at[cell.right + place])
        beside = [other for other in near if min(cell.bottom, other.bottom) - max(cell.top, other.top) > NEAR]
        found.update([cell, *beside] if beside else [])
    return found


def _cell(point: Point, upright: Iterable[_Rule], level: Iterable[_Rule]) -> Cell | None:
    x, y = point
    left, right = _around(x, [rule.at for rule in upright if rule.start - NEAR <= y <= rule.end + NEAR])
    top, bottom = _around(y, [rule.at for rule in level if rule.start - NEAR <= x <= rule.end + NEAR])
    if not all(map(math.isfinite, (top, left, bottom, right))):
        return None
    return Cell(*(round(at / NEAR) * NEAR for at in (top, left, bottom, right)))


def _around(place: float, others: Sequence[float]) -> tuple[float, float]:
    """The nearest of other places before and after one."""
    before = max((other for other in others if other <= place), default=-math.inf)
    return before, min((other for other in others if other > place), default=math.inf)
