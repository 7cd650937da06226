"""What is said of runs of characters, paragraphs and styles: properties ([MS-DOC] 2.6), a code [Sprm] and an operand.

Those of runs and paragraphs stand in pages of 512 bytes [FKP], found by the place of their text in the main stream.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections import ChainMap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

from tagger.reading.ole.streams import DAMAGE, PARAGRAPH_PAGES, RUN_PAGES, STYLES, Streams, number

Properties: TypeAlias = Mapping[int, bytes]
Run: TypeAlias = tuple[int, int, bytes]  # first byte in the main stream, end, and what is said of the text between

# Of characters: sprmCFRMarkDel, sprmCFVanish, sprmCSymbol
DELETED, HIDDEN, SYMBOL = 0x0800, 0x083C, 0x6A09
# Of paragraphs: sprmPFInTable, sprmPFTtp, sprmPFInnerTtp; sprmPOutLvl, sprmPIlfo, sprmPIlvl, sprmPHugePapx
IN_TABLE, ROW_END, INNER_ROW_END = 0x2416, 0x2417, 0x244C
OUTLINE, LIST, LIST_DEPTH, ELSEWHERE = 0x2640, 0x460B, 0x260A, 0x6646
IS_TITLE = -1  # our own: paragraphs of this style are the title
OPERAND_BYTES = (1, 1, 2, 4, 2, 2, 0, 3)  # by the upper three bits of the code; 0: the first byte tells
TABLE_DEFINITIONS = frozenset({0xD606, 0xD608})  # of these the first two tell

PAGE_BYTES = 512
RUN_BYTES, PARAGRAPH_BYTES = 1, 13  # of an entry of a page
PARAGRAPH_STYLE = 1  # kind of style
TITLE_STYLE, HEADING_STYLES = 62, range(1, 10)  # numbers of built-in styles [sti]
NO_STYLE = 0xFFF
MAX_STYLE_DEPTH = 32  # Word allows 10 styles, each based on the next


def value(properties: Properties, code: int) -> int:
    """A property as a number, 0 if nothing is said."""
    return int.from_bytes(properties.get(code, b""), "little")


def _unpacked(packed: bytes) -> dict[int, bytes]:
    """The properties in a list of code, operand, code, operand, …; the last of a code counts."""
    properties: dict[int, bytes] = {}
    place = 0
    while place + 2 < len(packed):
        code = number("H", packed, place)
        place += 2
        size = OPERAND_BYTES[code >> 13] or 1 + packed[place]
        if code in TABLE_DEFINITIONS:
            size = 1 + int.from_bytes(packed[place : place + 2], "little")
        properties[code] = packed[place : place + size]
        place += size
    return properties


# Pages


def _runs(streams: Streams, pages: int, entry_bytes: int) -> list[Run]:
    """The runs (of characters or paragraphs) that a table of pages leads to, by their place.

    Those that are empty or reach into another are no runs.
    """
    runs: list[Run] = []
    for run in sorted(_runs_of_pages(streams.main, streams.part(pages), entry_bytes)):
        if run[0] < run[1] and (not runs or runs[-1][1] <= run[0]):
            runs.append(run)
    return runs


def _runs_of_pages(main: bytes, table: bytes, entry_bytes: int) -> Iterator[Run]:
    count = max(0, (len(table) - 4) // 8)
    if count * PAGE_BYTES > len(main):
        raise ValueError("more pages than the main stream holds")
    for packed in struct.unpack_from(f"<{count}I", table, 4 * (count + 1)) if count else ():
        start = (packed & 0x3FFFFF) * PAGE_BYTES
        page = main[start : start + PAGE_BYTES]
        entries = page[PAGE_BYTES - 1]
        bounds = struct.unpack_from(f"<{entries + 1}I", page)
        for index, (first, end) in enumerate(pairwise(bounds)):
            offset = 2 * page[4 * (entries + 1) + entry_bytes * index]
            yield first, end, page[offset:] if offset else b""


def unseen_runs(streams: Streams) -> list[Run]:
    """The runs of characters that were deleted, are hidden, or but stand in for characters of a symbol font."""
    return [run for run in _runs(streams, RUN_PAGES, RUN_BYTES) if run[2] and _is_unseen(run[2])]


def _is_unseen(entry: bytes) -> bool:
    properties = _unpacked(entry[1 : 1 + entry[0]])
    is_hidden = value(properties, HIDDEN) & 1  # else “not”, or “as the style”
    return bool(value(properties, DELETED) or is_hidden or SYMBOL in properties)


# Paragraphs and styles


@dataclass(frozen=True, slots=True)
class _Style:
    """A style: the number of the style that it is based on, and what it says itself."""

    base: int
    properties: dict[int, bytes]


class Paragraphs:
    """What is said of the paragraphs of a document."""

    def __init__(self, streams: Streams) -> None:
        self._runs = _runs(streams, PARAGRAPH_PAGES, PARAGRAPH_BYTES)
        self._data = streams.data
        try:
            self._styles = list(_styles(streams.part(STYLES)))
        except DAMAGE:  # a table that makes no sense says nothing
            self._styles = []

    def at(self, place: int) -> Properties:
        """What is said of the paragraph at a byte of the main stream: itself first, then its style and those below."""
        index = bisect_right(self._runs, place, key=lambda run: run[0]) - 1
        if index < 0 or self._runs[index][1] <= place:
            return {}
        entry = self._runs[index][2]
        if len(entry) < 4:
            return ChainMap(*_inherited(self._styles, 0))
        start, size = (1, 2 * entry[0] - 1) if entry[0] else (2, 2 * entry[1])  # [PapxInFkp]
        own = _unpacked(entry[start + 2 : start + size])
        elsewhere = value(own, ELSEWHERE)
        if elsewhere and elsewhere + 2 < len(self._data):
            end = elsewhere + 2 + number("H", self._data, elsewhere)
            own |= _unpacked(self._data[elsewhere + 2 : end])
        return ChainMap(own, *_inherited(self._styles, number("H", entry, start)))


def _inherited(styles: Sequence[_Style], key: int) -> Iterator[dict[int, bytes]]:
    """What a style says, then what the style that it is based on says, and so on."""
    for _ in range(MAX_STYLE_DEPTH):
        if key >= len(styles):
            return
        yield styles[key].properties
        key = styles[key].base


def _styles(table: bytes) -> Iterator[_Style]:
    """The styles of a document by their numbers."""
    fixed_bytes = number("H", table, 4)
    place = 2 + number("H", table, 0)
    for _ in range(number("H", table, 2)):
        size = number("H", table, place)
        yield _style(table[place + 2 : place + 2 + size], fixed_bytes) if size else _Style(NO_STYLE, {})
        place += 2 + size + size % 2


def _style(style: bytes, fixed_bytes: int) -> _Style:
    kind, base = number("H", style, 2) & 0xF, number("H", style, 2) >> 4
    if kind != PARAGRAPH_STYLE:
        return _Style(NO_STYLE, {})
    place = fixed_bytes + 2 + 2 * number("H", style, fixed_bytes) + 2  # after its name
    place += place % 2
    size = number("H", style, place)
    properties = _unpacked(style[place + 4 : place + 2 + size])
    built_in = number("H", style, 0) & 0xFFF
    if built_in in HEADING_STYLES:
        properties.setdefault(OUTLINE, bytes([built_in - 1]))
    properties[IS_TITLE] = bytes([built_in == TITLE_STYLE])
    return _Style(base, properties)
