"""The streams of a Word file, and what the header of the main one says of them ([MS-DOC] 2.5, FIB)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

DAMAGE = (IndexError, OSError, RuntimeError, TypeError, ValueError, struct.error)  # raised on broken containers

# Places in the header. Those of parts (from STYLES on) hold offset and size in the table stream
MAGIC, VERSION, FLAGS, MAIN_CHARACTERS = 0, 2, 10, 76  # [wIdent, nFib, -, ccpText]
STYLES, PIECES = 0xA2, 0x1A2  # [STSH, Clx]
RUN_PAGES, PARAGRAPH_PAGES = 0xFA, 0x102  # [PlcBteChpx, PlcBtePapx]
LISTS, LIST_OVERRIDES = 0x2E2, 0x2EA  # [PlfLst, PlfLfo]
ENCRYPTED, SECOND_TABLE = 0x100, 0x200  # flags


@dataclass(frozen=True, slots=True)
class Streams:
    """Text and pages of properties are in `main`, what leads to them in `table`; `data` holds the rest."""

    main: bytes
    table: bytes
    data: bytes

    def number(self, kind: str, place: int) -> int:
        """A number of the header."""
        return number(kind, self.main, place)

    def part(self, place: int) -> bytes:
        """The part of the table stream that the header names at `place`."""
        size = self.number("I", place + 4)
        part = self.from_part(place)[:size]
        if len(part) < size:
            raise ValueError("a part ends beyond the table stream")
        return part

    def from_part(self, place: int) -> bytes:
        """The table stream from the part on that the header names at `place`."""
        return self.table[self.number("I", place) :]


def number(kind: str, data: bytes, place: int) -> int:
    """A little-endian number, its kind as in `struct`."""
    found: int = struct.unpack_from("<" + kind, data, place)[0]
    return found
