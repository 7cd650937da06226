"""The text of a Word file: pieces all over the main stream, in the order of the piece table ([MS-DOC] 2.4.1)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from tagger.reading.ole.streams import MAIN_CHARACTERS, PIECES, Streams, number

PROPERTIES, TABLE = 1, 2  # what a part of the Clx is [Prc, Pcdt]
IS_NARROW, PLACE = 0x40000000, 0x3FFFFFFF  # [FcCompressed]
CP1252 = {code: found for code in range(256) if (found := bytes([code]).decode("cp1252", "ignore"))}


@dataclass(frozen=True, slots=True)
class Piece:
    """Characters `start` to `end` of the text, from byte `place` of the main stream on, `width` bytes each."""

    start: int
    end: int
    place: int
    width: int

    def place_of(self, character: int) -> int:
        """The byte of the main stream where a character of this piece stands."""
        return self.place + (character - self.start) * self.width

    def character_at(self, place: int) -> int:
        """The character that stands at a byte of the main stream, or the end of the piece that is nearer to it."""
        return min(self.end, self.start + max(0, place - self.place) // self.width)

    def text(self, main: bytes) -> str:
        """The characters: UTF-16 units, one a character, so that their places can be told."""
        raw = main[self.place : self.place_of(self.end)]
        if len(raw) < (self.end - self.start) * self.width:
            raise ValueError("a piece ends beyond the main stream")
        if self.width == 1:
            return raw.decode("latin-1").translate(CP1252)
        return "".join(map(chr, struct.unpack(f"<{len(raw) // 2}H", raw)))


def pieces_of(streams: Streams) -> Iterator[Piece]:
    """The pieces of the main text, in order; notes, headers and the like, which follow it, are left out."""
    table = streams.part(PIECES)
    place = 0
    while table[place] == PROPERTIES:  # left by a fast save
        place += 3 + number("H", table, place + 1)
    count = (number("I", table, place + 1) - 4) // 12
    bounds = struct.unpack_from(f"<{count + 1}I", table, place + 5)
    length = streams.number("I", MAIN_CHARACTERS)
    if table[place] != TABLE or list(bounds) != sorted(bounds) or not length <= bounds[-1] <= len(streams.main):
        raise ValueError("no sound piece table")
    descriptions = place + 5 + 4 * len(bounds)
    for index, (start, end) in enumerate(pairwise(bounds)):
        packed = number("I", table, descriptions + 8 * index + 2)
        if start < length:
            width = 1 if packed & IS_NARROW else 2
            yield Piece(start, min(end, length), (packed & PLACE) // (3 - width), width)
