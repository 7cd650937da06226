"""Rows of a page: runs of text at one height, parted into strips; without running heads and feet."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from typing import TypeAlias

from tagger.reading.pdf.rules import Cell, Segment, cells_of
from tagger.reading.pdf.runs import NARROW, Run
from tagger.reading.text import WIDE

# In ems
SAME_ROW = 0.4  # between baselines: enough for superscripts
SAME_PLACE = 0.15  # text drawn twice to look bold
MIN_CELL_GAP = 1.2  # between texts of one row that do not belong together: cells, columns
MIN_ALIGNED_GAP = 0.9  # the same where the second stands below others: spread text has gaps as large, but not aligned
MAX_MARK_GAP = 4.0  # between the mark of a list item and its text
MIN_WORD_GAP = 0.25
NARROW_ERROR = 0.08  # of the estimated width of narrow text

MIN_AGREEING = 3  # lines that make an edge or a column
MAX_MARK_RUNS = 9  # pieces in which the mark of a list item may be drawn
MAX_STARTS = 32  # runs that may be the mark of a list item or the text behind it
EDGE_ROWS = 3  # rows at the top and the bottom of a page that may be running heads and feet
SAME_HEIGHT = 3  # whole points

NARROW_CHARACTER = re.compile("[!-~]")
BLANKS_BESIDE_NARROW = re.compile("  +(?=[!-~])|(?<=[!-~])  +")
BLANK_BESIDE_WIDE = re.compile(rf"(?<={WIDE.pattern}) (?=\S)|(?<=\S) (?={WIDE.pattern})")
PAGE = r"[\d一二三四五六七八九十百]{1,5} ?页"
PAGE_NUMBER = re.compile(rf"[-－—–_~·]+ ?\d{{1,4}} ?[-－—–_~·]+|第 ?{PAGE}(?: ?[,，/]? ?共 ?{PAGE})?")
NUMBERS = re.compile(r"\d+|(?<=第)[一二三四五六七八九十百]+(?=页)|^[ivxlc]+$|^[IVXLC]+$")
MARK = re.compile(r"[（(]?(?:\d{1,3}(?:\.\d{1,3})*|[一二三四五六七八九十]{1,4}|[a-zA-Z])[）)、.．]?|[①-⑳•·●◆■○□▪–\-]")


Rows: TypeAlias = list[list["Strip"]]  # of a page, from top to bottom, each from left to right


@dataclass(frozen=True, slots=True)
class Strip:
    """Text that stands together in one row: a visual line of a column, or a cell of a table."""

    text: str
    left: float
    right: float
    base: float
    size: float
    starts: tuple[float, ...]  # where its first runs start, behind the very first
    cell: Cell | None = None  # of a table


def rows_of_page(runs: Sequence[Run], lines: Sequence[Segment]) -> Rows:
    """The rows of a page; strips in cells of tables are rows of their own."""
    cells = cells_of([((run.left + run.right) / 2, run.base - run.size / 3) for run in runs], lines)
    in_cell: defaultdict[Cell | None, list[Run]] = defaultdict(list)
    for run, cell in zip(runs, cells, strict=True):
        in_cell[cell].append(run)
    rows = _rows_of(in_cell.pop(None, []))
    for cell, own in in_cell.items():
        rows.extend([replace(strip, cell=cell)] for row in _rows_of(own) for strip in row)
    return sorted(rows, key=lambda row: row[0].base)


def _rows_of(runs: Sequence[Run]) -> Rows:
    rows: list[list[Run]] = []
    for run in sorted(runs, key=lambda run: run.base):
        if rows and run.base - rows[-1][0].base <= SAME_ROW * max(run.size, rows[-1][0].size):
            rows[-1].append(run)
        else:
            rows.append([run])
    lefts = Counter(round(run.left) for run in runs if run.text.strip())
    aligned = frozenset(left for left, count in lefts.items() if count >= MIN_AGREEING)
    strips = (list(_strips_of(sorted(row, key=lambda run: run.left), aligned)) for row in rows)
    return [row for row in strips if row]


def _strips_of(row: Sequence[Run], aligned: frozenset[int]) -> Iterator[Strip]:
    together: list[Run] = []
    for run in row:
        if together and _is_apart(together, run, aligned):
            yield from _strip_of(together)
            together = []
        if not any(_is_double(before, run) for before in together[-3:]):
            together.append(run)
    yield from _strip_of(together)


def _is_apart(together: Sequence[Run], run: Run, aligned: frozenset[int]) -> bool:
    gap = (run.left - max(before.right for before in together[-3:])) / max(run.size, together[-1].size)
    if gap <= MIN_ALIGNED_GAP:
        return False
    text = "".join(before.text for before in together[-MAX_MARK_RUNS:]).strip()
    if len(together) <= MAX_MARK_RUNS and MARK.fullmatch(text):
        return gap > MAX_MARK_GAP
    unsure = NARROW * (len(text) - len(text.rstrip("‘’“”—…")))  # quotation marks may be narrow or wide
    return gap > unsure + (MIN_ALIGNED_GAP if round(run.left) in aligned else MIN_CELL_GAP)


def _is_double(before: Run, run: Run) -> bool:
    near = SAME_PLACE * run.size
    return before.text == run.text and abs(before.left - run.left) < near and abs(before.base - run.base) < near


def _strip_of(runs: Sequence[Run]) -> Iterator[Strip]:
    """The runs as one strip, if they hold anything."""
    seen = [run for run in runs if run.text.strip()]
    if not seen:
        return
    parts = [runs[0].text]
    for before, run in pairwise(runs):
        gap = (run.left - before.right) / run.size
        is_apart = gap > MIN_WORD_GAP and gap > MIN_WORD_GAP + NARROW_ERROR * narrow_width(before.text)
        blank = " " if is_apart or parts[-1].endswith(" ") or run.text.startswith(" ") else ""
        parts[-1] = parts[-1].rstrip(" ")
        parts.append(blank + run.text.lstrip(" "))
    sizes: Counter[float] = Counter()
    for run in seen:
        sizes[run.size] += len(run.text)
    size = sizes.most_common(1)[0][0]
    base = next(run.base for run in seen if run.size == size)
    text = BLANK_BESIDE_WIDE.sub("", BLANKS_BESIDE_NARROW.sub(" ", "".join(parts).strip()))
    starts = tuple(run.left for run in seen[1:MAX_STARTS])
    yield Strip(text, seen[0].left, max(run.right for run in seen), base, size, starts)


def narrow_width(text: str) -> float:
    """The width of the narrow characters in a text, in ems."""
    return NARROW * len(NARROW_CHARACTER.findall(text))


# Running heads and feet


def without_running_heads(pages: Sequence[Rows]) -> list[Rows]:
    """Without page numbers, and without what stands at the edge of most pages, or most odd or even ones, alike."""
    places: defaultdict[tuple[str, int], set[int]] = defaultdict(set)  # text and height → pages
    for number, rows in enumerate(pages):
        for strip in _at_edges(rows):
            places[NUMBERS.sub("#", strip.text), round(strip.base)].add(number)

    @cache
    def is_on_most_pages(text: str, height: int) -> bool:
        near = range(height - SAME_HEIGHT, height + SAME_HEIGHT + 1)
        numbers = set().union(*(places.get((text, other), ()) for other in near))
        if len(numbers) > 1 and len(numbers) * 2 > len(pages):
            return True
        odd = sum(number % 2 for number in numbers)
        half = max(odd, len(numbers) - odd)
        return half > 2 and half * 4 > len(pages)

    def is_running(strip: Strip) -> bool:
        is_number = PAGE_NUMBER.fullmatch(strip.text) is not None
        return is_number or is_on_most_pages(NUMBERS.sub("#", strip.text), round(strip.base))

    numbered = [_without_bare_number(rows, number) for number, rows in enumerate(pages, start=1)]
    return [_without(_without(rows, is_running)[::-1], is_running)[::-1] for rows in numbered]


def _at_edges(rows: Rows) -> Iterator[Strip]:
    for row in (*rows[:EDGE_ROWS], *rows[max(EDGE_ROWS, len(rows) - EDGE_ROWS) :]):
        yield from row


def _without_bare_number(rows: Rows, number: int) -> Rows:
    """Without a last row that is nothing but the number of the page."""
    is_number = len(rows) > 1 and len(rows[-1]) == 1 and rows[-1][0].text == str(number)
    return rows[:-1] if is_number else rows


def _without(rows: Rows, is_running: Callable[[Strip], bool]) -> Rows:
    """Rows without what is running in the first of them, up to a row where nothing is."""
    rest: Rows = []
    for number, row in enumerate(rows[:EDGE_ROWS]):
        kept = [strip for strip in row if not is_running(strip)]
        rest.extend([kept] if kept else [])
        if len(kept) == len(row):
            return [*rest, *rows[number + 1 :]]
    return [*rest, *rows[EDGE_ROWS:]]
