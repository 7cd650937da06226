"""Text files as tables: which encoding it is, strictly, and pieces that end where a row ends.

Rows are found in a *shadow* of the bytes, with one byte a code unit in which every ASCII character stands for itself
and nothing else does: of UTF-8 the bytes themselves, of UTF-16 and UTF-32 one byte a number.
"""

from __future__ import annotations

import codecs
import contextlib
import csv
import itertools
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO, TypeAlias

import numpy as np

from tagger.errors import InputError, reason_of
from tagger.tables.records import Piece, Table

PIECE_BYTES = 2**22  # some ten thousand paragraphs: enough for arrays to pay off, and a piece takes some 50 MB to tag
MAX_ROW_BYTES = 2**26  # a row that is longer is not even read: it would take all the memory that a run should need
SAMPLE_BYTES = 2**20
TELLING_LINES = 1000  # lines with other than ASCII that decide between UTF-8 and GB18030

MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16: its mark begins with the same two bytes
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
UNITS = {"utf-16-le": "<u2", "utf-16-be": ">u2", "utf-32-le": "<u4", "utf-32-be": ">u4"}
GB_PAIR = re.compile(rb"[\x81-\xfe][\x40-\xfe]")  # the second byte may be that of an ASCII letter or a vertical bar

csv.field_size_limit(max(csv.field_size_limit(), MAX_ROW_BYTES))  # of the whole process; 131,072 characters before


@contextlib.contextmanager
def opened(path: str | Path) -> Iterator[BinaryIO]:
    """Open a file to read its bytes. Raises `InputError` if it is not there or closed to us."""
    try:
        file = Path(path).open("rb")  # noqa: SIM115 - it is closed below
    except FileNotFoundError:
        raise InputError(path, found="没有这个文件", expected="已有的文件", advice="检查路径有没有写错") from None
    except OSError as error:
        found, advice = f"打不开（{reason_of(error)}）", "检查文件的权限，或复制一份再试"
        raise InputError(path, found=found, expected="可以读取的文件", advice=advice) from error
    with file:
        yield file


def encoding_of(file: BinaryIO) -> tuple[str, int]:
    """The encoding of a file and the bytes that its mark takes.

    By its mark or zero bytes; else UTF-8 if most lines that can tell are, for hardly a line of GB18030 is so too.
    """
    file.seek(0)
    start = file.read(SAMPLE_BYTES)
    for mark, encoding in MARKS:
        if start.startswith(mark):
            return encoding, len(mark)
    utf8 = Counter(map(_is_utf8, itertools.islice(_telling_lines(file), TELLING_LINES)))
    zeros = start.count(0)  # of UTF-16 the high halves of ASCII; elsewhere litter, if there are any
    if zeros > len(start) / 8 or (utf8[False] > utf8[True] and zeros > len(start) / 1000):
        return ("utf-16-le" if start[1::2].count(0) > start[::2].count(0) else "utf-16-be"), 0
    return ("utf-8" if utf8[True] >= utf8[False] else "gb18030"), 0


def _telling_lines(file: BinaryIO) -> Iterator[bytes]:
    """The first lines that hold other than ASCII, from the first block that has any."""
    file.seek(0)
    for block in iter(partial(file.read, SAMPLE_BYTES), b""):
        if not block.isascii():
            lines = block.split(b"\n")
            yield from (line for line in lines[: max(1, len(lines) - 1)] if not line.isascii())
            return


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def width(encoding: str) -> int:
    """Bytes of a code unit."""
    return np.dtype(UNITS[encoding]).itemsize if encoding in UNITS else 1


def shadow(content: bytes, table: Table) -> bytes:
    """One byte a code unit, in which every ASCII character stands for itself and nothing else does."""
    if table.encoding in UNITS:
        units = np.frombuffer(content, UNITS[table.encoding], len(content) // width(table.encoding))
        return np.where(units < 0x80, units, 0x80).astype(np.uint8).tobytes()
    if table.encoding == "gb18030" and table.separator == "|":
        return GB_PAIR.sub(b"\x80\x80", content)
    return content


@dataclass(frozen=True, slots=True)
class RowEnds:
    """Which end of a row is wanted: of the first row, else of the last; `whole` if nothing comes behind these bytes."""

    first: bool
    whole: bool


RowEnd: TypeAlias = Callable[[bytes, RowEnds], int]  # in a shadow; 0 if no row ends there


def cut(table: Table, row_end: RowEnd) -> Iterator[Piece]:
    """The pieces of a table: as many whole rows as `PIECE_BYTES` hold, or one row that is longer.

    The whole file is read once, which also counts its lines; what is added to it meanwhile is left out.
    """
    newline = b"\r" if table.newline == "\r" else b"\n"
    with opened(table.path) as file:
        size = os.fstat(file.fileno()).st_size
        start, line = table.start, table.line
        for number in itertools.count():
            if start >= size:
                return
            end, lines = _piece_end(file, table, start, size, row_end, newline)
            yield Piece(table, number, start, end, line)
            start, line = end, line + lines


def _piece_end(file: BinaryIO, table: Table, start: int, size: int, row_end: RowEnd, newline: bytes) -> tuple[int, int]:
    """Where a piece ends, and how many lines it has."""
    unit = width(table.encoding)
    wanted = PIECE_BYTES
    while True:
        file.seek(start)
        units = shadow(file.read(min(wanted, size - start)), table)
        whole = wanted >= size - start
        if whole and wanted == PIECE_BYTES:
            return size, _count(units, newline, len(units))
        end = row_end(units, RowEnds(first=wanted > PIECE_BYTES, whole=whole))
        if end:
            return start + end * unit, _count(units, newline, end)
        if whole or wanted >= MAX_ROW_BYTES:
            return _line_end(file, table, start, size, newline), 1
        wanted *= 4


def _count(units: bytes, newline: bytes, end: int) -> int:
    """How many line ends there are before a place; faster than `bytes.count`."""
    return int(np.count_nonzero(np.frombuffer(units, np.uint8, end) == newline[0]))


def _line_end(file: BinaryIO, table: Table, start: int, size: int, newline: bytes) -> int:
    """The end of a line of any length, looked for without holding it."""
    while start < size:
        file.seek(start)
        content = file.read(min(PIECE_BYTES, size - start))
        found = shadow(content, table).find(newline)
        if found >= 0:
            return start + (found + 1) * width(table.encoding)
        start += len(content)
    return size


def content_of(piece: Piece) -> bytes:
    """The bytes of a piece. Raises `InputError` if the file has become shorter."""
    with opened(piece.table.path) as file:
        file.seek(piece.start)
        content = file.read(piece.end - piece.start)
    if len(content) < piece.end - piece.start:
        found, advice = "标注时这个文件变短了", "等它写完后重新标注"
        raise InputError(piece.table.path, found=found, expected="标注期间不变的文件", advice=advice)
    return content


def is_too_long(piece: Piece) -> bool:
    """Whether a piece is one row that is too long to be read."""
    return piece.end - piece.start > MAX_ROW_BYTES


def bad_bytes(encoding: str) -> str:
    """What to say of bytes that no text of this encoding has."""
    return f"有不合 {encoding.upper()} 编码的字节"


TOO_LONG = f"这一行超过 {MAX_ROW_BYTES // 2**20} MB，没有读"
