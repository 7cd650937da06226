"""Rows: lines that are no running text, such as the rows of a table and lists of names."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence

from tagger.outline.endings import is_bare
from tagger.outline.names import signs
from tagger.outline.pieces import Piece
from tagger.records import Role

ROLL = re.compile(r"(?:(?:常务)?副 ?)?(?:组 ?长|总指挥|指挥长|主任委员)[：:].+|成 ?员(?:单位)?[：:].+")
NUMBER = re.compile(r"序号|\d{1,3}")
ENTRY = re.compile(rf"{NUMBER.pattern}|[A-H][.．、].{{1,40}}|[□☐○].{{1,40}}")  # number of a row; choice of a question
MORE = re.compile(r"\S{2,4} ?[（(].+[）)]|[^：:，。；]{2,6}[：:].{1,40}")  # goes on with a list of names
MAX_ROW = 60  # characters of a row
MAX_CELL = 16  # characters of each of its parts
MIN_FLAT_ROWS, MAX_DIGITS = 2, 3
MIN_ROWS = 3  # lines in a row of as many short parts are a table or a list of names
MIN_CELLS, MIN_CELLS_IN_HEAD = 3, 4  # short parts that make a line a row
MAX_CELLS = 12  # short bare lines in a row, a mere number among them, are a table laid flat


def is_row(pieces: Sequence[Piece], index: int, raw: str, previous: Role, *, in_head: bool) -> bool:
    """Whether a piece is a row of a table or part of a list of names; `raw` is how it stands in the source."""
    piece = pieces[index]
    if ROLL.fullmatch(piece.text):
        return True
    if len(piece.text) > MAX_ROW:
        return False
    if raw.count("\t") > bool(piece.mark) or piece.text.count("|") > 1 or ENTRY.fullmatch(piece.text):
        return True
    if previous == "cell" and (MORE.fullmatch(piece.text) or _goes_on(pieces, index)):
        return True
    if _count_cells(piece) >= (MIN_CELLS_IN_HEAD if in_head else MIN_CELLS):
        return True
    return _is_among_rows(pieces, index) or (not in_head and _is_in_flat_table(pieces, index))


def flat_table(pieces: Sequence[Piece]) -> range:
    """The cells of a table laid flat, one a line, by the numbers of its rows that come again at one distance."""
    numbers = [index for index, piece in enumerate(pieces) if len(piece.text) <= MAX_DIGITS and piece.text.isdecimal()]
    if len(numbers) < MIN_FLAT_ROWS:
        return range(0)
    first, width = numbers[0], numbers[1] - numbers[0]
    rows = next((row for row, index in enumerate(numbers) if index != first + row * width), len(numbers))
    is_counted = all(int(pieces[index].text) == row for row, index in enumerate(numbers[:rows], 1))
    is_table = rows >= MIN_FLAT_ROWS and 1 < width <= MAX_CELLS and is_counted
    return range(max(0, first - width), min(first + rows * width, len(pieces))) if is_table else range(0)


def _count_cells(piece: Piece) -> int:
    """Into how many short parts blanks cut a line that is no sentence; 0 if they are not short."""
    if " " not in piece.text or piece.text.isascii() or not is_bare(piece.text):
        return 0
    cells = piece.text.split(" ")
    is_heading = piece.mark and not cells[0].isdecimal()
    return len(cells) if 1 < max(map(len, cells)) <= MAX_CELL and not is_heading else 0


def _is_among_rows(pieces: Sequence[Piece], index: int) -> bool:
    """Whether a line is one of several in a row that blanks cut up into short parts."""
    if _count_cells(pieces[index]) < 2:
        return False
    around = pieces[max(0, index - MIN_ROWS + 1) : index + MIN_ROWS]
    runs = itertools.groupby(around, lambda piece: _count_cells(piece) >= 2)
    return any(alike and len(list(run)) >= MIN_ROWS for alike, run in runs)


def _goes_on(pieces: Sequence[Piece], index: int) -> bool:
    """Whether a line below a row is one, too: short, but no heading with text below and no name above a date."""
    below = pieces[index + 1 : index + 2]
    has_text = any(len(each.text) > MAX_CELL for each in below)
    return _is_short(pieces[index]) and not has_text and not signs(pieces, index)


def _is_in_flat_table(pieces: Sequence[Piece], index: int) -> bool:
    """Whether a line is one of several short ones in a row, with a mere number among them."""
    if not _is_short(pieces[index]):
        return False
    around = itertools.chain(_run(pieces, range(index, -1, -1)), _run(pieces, range(index + 1, len(pieces))))
    return any(NUMBER.fullmatch(piece.text) for piece in around)


def _run(pieces: Sequence[Piece], indexes: range) -> Iterator[Piece]:
    return itertools.takewhile(_is_short, (pieces[index] for index in indexes[:MAX_CELLS]))


def _is_short(piece: Piece) -> bool:
    return piece.mark is None and len(piece.text) <= MAX_CELL and is_bare(piece.text)
