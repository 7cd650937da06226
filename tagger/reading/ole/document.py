"""A Word document: its text, which characters of it are shown, and its paragraphs as lines with number and place."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import compress, islice

from tagger.reading.limits import check_text
from tagger.reading.ole.lists import Numbers
from tagger.reading.ole.pieces import Piece, pieces_of
from tagger.reading.ole.properties import (
    IN_TABLE,
    INNER_ROW_END,
    IS_TITLE,
    OUTLINE,
    ROW_END,
    Paragraphs,
    Properties,
    Run,
    unseen_runs,
    value,
)
from tagger.reading.ole.streams import Streams
from tagger.reading.styles import TITLE_LEVEL
from tagger.reading.transcript import TableCursor, Transcript
from tagger.records import Source

CELL_END = "\x07"
PARAGRAPH_END = re.compile("[\r\f\x07]")  # \f: a new page or section
FIELD_MARK = re.compile("[\x13-\x15]")
FIELD_BEGIN, FIELD_RESULT = "\x13", "\x14"
CHARACTERS: Mapping[int, str | None] = {  # what special characters look like; pictures, notes and the like are nothing
    **dict.fromkeys(range(0x20)),
    0x09: "\t",
    0x0B: "\n",
    0x0E: "\n",
    0x1E: "-",
}
NO_OUTLINE = 9  # the outline level of body text


def source_of(name: str, streams: Streams) -> Source:
    """The main text, paragraph by paragraph. Raises `InputError` if it is too long, `DAMAGE` if it makes no sense."""
    pieces = list(pieces_of(streams))
    check_text(name, pieces[-1].end if pieces else 0)
    text = "".join(piece.text(streams.main) for piece in pieces)
    shown = bytearray(b"\1" * len(text))
    _hide_unseen(shown, text, pieces, unseen_runs(streams))
    _hide_field_codes(shown, text)
    paragraphs, numbers = Paragraphs(streams), Numbers(streams)
    transcript, tables = Transcript(), TableCursor()
    for start, end in _paragraphs(text, shown):
        properties = paragraphs.at(_place_of(pieces, end)) if end < len(text) else {}
        ends_cell = text[end : end + 1] == CELL_END
        if ends_cell or value(properties, IN_TABLE):
            tables.enter()
        else:
            tables.leave()
        if value(properties, ROW_END):
            tables.end_row()
        elif not value(properties, INNER_ROW_END):
            line = _joined("".join(compress(text[start:end], shown[start:end])).translate(CHARACTERS))
            number = numbers.next(properties) if line.strip() else ""
            transcript.add(number + line, _level(properties), tables.place)
            check_text(name, transcript.length, len(transcript.lines))  # numbers can be long
            if ends_cell:
                tables.end_cell()
    return transcript.source(name)


# What is not shown


def _hide_unseen(shown: bytearray, text: str, pieces: Sequence[Piece], unseen: Sequence[Run]) -> None:
    """Hide runs of characters, but never the end of a paragraph."""
    ends = [end for _, end, _ in unseen]
    for piece in pieces:
        last = piece.place_of(piece.end)
        for start, end, _ in islice(unseen, bisect_right(ends, piece.place), None):
            if start >= last:
                break
            for character in range(piece.character_at(start), piece.character_at(end)):
                shown[character] = bool(PARAGRAPH_END.match(text, character))


def _hide_field_codes(shown: bytearray, text: str) -> None:
    """Of a field (begin, code, mark, result, end) show the result only; a mark without its fellows is nothing."""
    fields: list[list[int]] = []  # open fields: begin, and the marks before their results
    codes: list[tuple[int, int]] = []
    for mark in FIELD_MARK.finditer(text):
        if mark[0] == FIELD_BEGIN:
            fields.append([mark.start()])
        elif fields and mark[0] == FIELD_RESULT:
            fields[-1].append(mark.start())
        elif fields:
            begin, *results = fields.pop()
            codes.append((begin, results[0] if results else mark.start()))
    hidden = 0
    for begin, end in sorted(codes):  # they nest: what is hidden already is not hidden again
        if end > hidden:
            start = max(begin, hidden)
            shown[start:end] = bytes(end - start)
            hidden = end


# Paragraphs


def _paragraphs(text: str, shown: bytearray) -> Iterator[tuple[int, int]]:
    """Where each paragraph begins, and the character that ends it."""
    start = 0
    for mark in PARAGRAPH_END.finditer(text):
        if shown[mark.start()]:
            yield start, mark.start()
            start = mark.end()
    if start < len(text):
        yield start, len(text)


def _place_of(pieces: Sequence[Piece], character: int) -> int:
    """The byte of the main stream where a character stands."""
    return pieces[bisect_right(pieces, character, key=lambda piece: piece.start) - 1].place_of(character)


def _joined(units: str) -> str:
    """UTF-16 units as characters: joins the halves of 😀."""
    return units.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def _level(properties: Properties) -> int | None:
    if value(properties, IS_TITLE):
        return TITLE_LEVEL
    outline = value(properties, OUTLINE) if OUTLINE in properties else NO_OUTLINE
    return outline + 1 if outline < NO_OUTLINE else None
