"""Pieces: the lines of a document without the empty ones and page numbers, those cut by a hard line break joined."""

from __future__ import annotations

import collections
import itertools
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tagger.outline.endings import CLAUSE_ENDS, is_finished
from tagger.outline.forms import form_of
from tagger.outline.litter import clean, is_page_number, may_hold_litter, raw_index
from tagger.outline.marks import Mark, mark_of
from tagger.records import Source

WIDE = re.compile(r"[\u2018-\u2026\u2e80-\u9fff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef]")  # no blank beside these
INDENT = re.compile(r"[ \t\u3000\xa0]{2}|\u3000|\t")
NUMBERED = re.compile(  # a line like this is no continuation
    r"[（(]?[\d一二三四五六七八九十]{1,3}(?:[）)、]|[.．](?!\d))|第[一二三四五六七八九十百\d]+[条章节款]|[①-⑳]|[•·●◆■]"
)
MIN_WRAP, MIN_WIDE_WRAP, MAX_WRAP = 28, 40, 120  # half-width columns of the lines of a hard-wrapped text
WRAP_SLACK = 5  # columns that may lack at the end of a full line
MARK_INSIDE = re.compile("[，。；,]")  # running text has marks in most of its lines, a table has not
MIN_FULL, FULL_TO_LONGER = 2, 5  # full lines that show that a text is hard-wrapped, and as many for each longer line
MAX_LINES_TO_FULL = 5  # if they are narrow, as many of all lines must be full


class Piece(NamedTuple):  # a tuple, since it is made for every line
    """A line, or several that a hard line break had cut: a clean text, and where its lines stand in the source."""

    text: str
    lines: tuple[tuple[int, int], ...]
    level: int | None = None
    place: str = ""
    mark: Mark | None = None

    @property
    def start(self) -> int:
        """Where it begins in the source."""
        return self.lines[0][0]

    @property
    def end(self) -> int:
        """Where it ends in the source."""
        return self.lines[-1][1]

    def part(self, source: str, start: int, end: int) -> Piece:
        """The part `text[start:end]` as a piece of its own."""
        text = self.text[start:end].strip()
        start = self.text.index(text, start)
        first, last = self._position(source, start), self._position(source, start + len(text) - 1) + 1
        lines = tuple([(max(a, first), min(b, last)) for a, b in self.lines if a < last and first < b])
        return Piece(text, lines, self.level, self.place)

    def _position(self, source: str, index: int) -> int:
        """Where character `index` of the text stands in the source."""
        if self.end - self.start == len(self.text):  # nothing was cleaned away
            return self.start + index
        before = ""
        for start, end in self.lines:
            line = clean(source[start:end])
            index -= len(_gap(before, line))
            if index < len(line):
                return start + raw_index(source[start:end], line, index)
            index -= len(line)
            before = line
        return self.end


def pieces_of(source: Source) -> Iterator[Piece]:
    """The pieces of a document, in order."""
    width = _wrap_width(source)
    indents = width is not None and sum(bool(INDENT.match(source.text, line.start)) for line in source.lines) > 1
    has_litter = may_hold_litter(source.text)
    open_lines: list[Piece] = []
    raw_before = ""
    for line in source.lines:
        raw = source.text[line.start : line.end]
        text = clean(raw) if has_litter else " ".join(raw.split())
        if not text or is_page_number(text):
            continue
        start, end = line.start, line.end
        if len(raw) != len(text):
            start, end = start + raw_index(raw, text, 0), start + raw_index(raw, text, len(text) - 1) + 1
        piece = Piece(text, ((start, end),), line.level, line.place, mark_of(text))
        is_open = _is_full(raw_before, width, indents=indents)
        if open_lines and not (is_open and _may_go_on(open_lines[-1], piece) and not INDENT.match(raw)):
            yield _joined(open_lines)
            open_lines = []
        open_lines.append(piece)
        raw_before = raw
    if open_lines:
        yield _joined(open_lines)


def _joined(lines: Sequence[Piece]) -> Piece:
    """The lines of one paragraph as one piece."""
    if len(lines) == 1:
        return lines[0]
    text = lines[0].text
    for before, after in itertools.pairwise(lines):
        text += _gap(before.text, after.text) + after.text
    return lines[0]._replace(text=text, lines=tuple([line.lines[0] for line in lines]))


def _gap(before: str, after: str) -> str:
    """What stands between the two halves of a cut line: nothing in Chinese, a blank between words of narrow letters."""
    return " " if before and not (WIDE.match(before[-1]) or WIDE.match(after[0])) else ""


def _columns(text: str) -> int:
    """Width of a text in half-width columns."""
    return len(text) + len(WIDE.findall(text))


def _wrap_width(source: Source) -> int | None:
    """The width, in columns, at which the lines of a hard-wrapped text end; None if they are whole paragraphs."""
    lines = [line for line in source.lines if not line.place]
    short = [source.text[line.start : line.end].rstrip() for line in lines if line.end - line.start <= MAX_WRAP]
    longer = len(lines) - len(short)
    if longer * FULL_TO_LONGER > len(short):
        return None
    cut_lines = [text for text in short if not is_finished(text) and MARK_INSIDE.search(text)]
    if len(cut_lines) < MIN_FULL:
        return None
    cut = collections.Counter(map(_columns, cut_lines))
    for width, count in sorted(collections.Counter(map(_columns, short)).items(), reverse=True):
        full = sum(cut[width - lack] for lack in range(WRAP_SLACK + 1))
        is_wide = width >= MIN_WIDE_WRAP or full * MAX_LINES_TO_FULL >= len(lines)
        if width >= MIN_WRAP and full >= max(MIN_FULL, longer * FULL_TO_LONGER) and is_wide:
            return width
        longer += count
    return None


def _is_full(raw: str, width: int | None, *, indents: bool) -> bool:
    """Whether a line is so long, and ends so, that its paragraph may go on on the next one."""
    text = raw.rstrip()
    if width is None:
        return text.endswith(CLAUSE_ENDS) and _columns(text) >= MIN_WRAP
    return _columns(text) >= width - (WRAP_SLACK if indents or not is_finished(text) else 1)


def _is_whole(text: str) -> bool:
    """Whether a line is a whole form that lacks nothing, such as a date; a list of names may go on."""
    is_closed = text.endswith(("）", ")")) or not any(map(text.count, "，、,。"))
    return is_closed and form_of(text) is not None


def _begins_form(before: str, text: str) -> bool:
    """Whether a line is a form of its own: a date or a number, or any other below a finished one."""
    form = form_of(text)
    return form in ("date", "number") or (form is not None and is_finished(before))


def _may_go_on(before: Piece, after: Piece) -> bool:
    """Whether two lines may be of one paragraph: same place, no headings, no number."""
    is_text = before.level is None and after.level is None
    is_new = NUMBERED.match(after.text) or _is_whole(before.text) or _begins_form(before.text, after.text)
    return is_text and before.place == after.place and not is_new
