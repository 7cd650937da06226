"""CSV and its kin: rows stay as they are, byte for byte, where the separator is a comma, and tag cells are put behind.

The output is always UTF-8 with commas; the byte order mark in `header` is for Excel. Where a row ends is decided by
Python's csv module in its strict mode, and found faster where quotes stand as they should: at the edges of cells.
"""

from __future__ import annotations

import codecs
import contextlib
import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from itertools import islice

import numpy as np
import numpy.typing as npt

from tagger.errors import InputError
from tagger.records import Reason
from tagger.tables.columns import Rows, Style, check_names, names, tagged
from tagger.tables.lines import (
    SAMPLE_BYTES,
    TOO_LONG,
    RowEnds,
    bad_bytes,
    content_of,
    cut,
    encoding_of,
    is_too_long,
    opened,
    shadow,
    width,
)
from tagger.tables.records import (
    MAX_CHARACTERS,
    TEXT_NAMES,
    Layout,
    Piece,
    PieceResult,
    Table,
    chosen,
    heading_path,
    unfit,
)
from tagger.tagging import Tagger
from tagger.writing.csv import harmless

SEPARATORS = (",", "\t", ";", "|")  # at a tie the first counts
NO_SEPARATOR = "\x1f"  # for a table with one column: stands in no text
SNIFFED_ROWS = 50
SNIFFED_BYTES = 2**16
MARK = codecs.BOM_UTF8
SPECIAL = re.compile('[",\r\n]')
BROKEN = "引号不成对，或换行没有用引号括起"


def table_at(path: str, layout: Layout) -> Table:
    """What is known of a table from its header."""
    with opened(path) as file:
        encoding, start = encoding_of(file)
        table = Table(path, "csv", "", layout.headings, (), encoding=encoding, start=start)
        file.seek(start)
        content = file.read(SAMPLE_BYTES)
    table = replace(table, newline=_newline(shadow(content, table)))
    table = replace(table, separator=_separator(content.decode(encoding, "ignore")[:SNIFFED_BYTES]))
    unit, line = width(encoding), 1
    for first, end, sound in _extents(shadow(content, table), table, whole=True):
        row = content[first * unit : end * unit]
        line += max(1, shadow(row, table).count(_line_feed(table)))
        cells = _cells(table, row) if sound else None
        if cells is None:
            raise no_header(path, "第一行不是列名，或编码不明")
        if any(cells):
            return with_columns(replace(table, start=start + end * unit, line=line), cells, layout)
    raise no_header(path, "里面没有数据")


def no_header(path: str, found: str) -> InputError:
    """The error for a table without column names."""
    return InputError(path, found=found, expected="一行列名，下面每段一行", advice="检查是不是选错了文件")


def with_columns(table: Table, cells: list[str], layout: Layout) -> Table:
    """A table whose header has these cells. Raises `InputError` and `UsageError` as `pieces` does."""
    check_names(table.path, cells, layout)
    text = chosen(table.path, cells, layout.text, TEXT_NAMES)
    headings = None if layout.headings is None else chosen(table.path, cells, layout.headings, ())
    return replace(table, columns=tuple(cells), text=text, headings=headings)


def _newline(units: bytes) -> str:
    if b"\n" not in units:
        return "\r" if b"\r" in units else "\n"
    return "\r\n" if units[: units.find(b"\n")].endswith(b"\r") else "\n"


def _line_feed(table: Table) -> bytes:
    return b"\r" if table.newline == "\r" else b"\n"


def _separator(sample: str) -> str:
    """The separator that gives most of the first rows as many cells as the header, more than one."""
    fits = {separator: _fit(sample, separator) for separator in SEPARATORS}
    best = max(SEPARATORS, key=lambda separator: fits[separator])
    return best if fits[best] > (0, 0) else NO_SEPARATOR


def _fit(sample: str, separator: str) -> tuple[float, int]:
    rows: list[list[str]] = []
    with contextlib.suppress(csv.Error):  # a wrong separator may well end in one
        rows.extend(islice(filter(any, csv.reader(io.StringIO(sample, newline=""), delimiter=separator)), SNIFFED_ROWS))
    if not rows or len(rows[0]) == 1:
        return (0, 0)
    return sum(len(row) == len(rows[0]) for row in rows) / len(rows), len(rows[0])


def header(table: Table, layout: Layout) -> bytes:
    """The names of all columns."""
    return MARK + front(table.columns) + b"," + front(map(harmless, names(layout).values())) + style(table).end


# Where rows end


def pieces(table: Table) -> Iterator[Piece]:
    """The pieces of a table."""
    return cut(table, partial(_row_end, table))


def _row_end(table: Table, units: bytes, wanted: RowEnds) -> int:
    if b'"' not in units:
        line_feed = _line_feed(table)
        end = (units.find(line_feed) if wanted.first else units.rfind(line_feed)) + 1
        return len(units) if wanted.whole and not end else end
    ends = _row_ends(units, table)
    if ends is not None and (len(ends) or not wanted.whole):
        return int(ends[0 if wanted.first else -1]) if len(ends) else 0
    sound = (end for _, end, _ in _extents(units, table, whole=wanted.whole))
    return next(sound, 0) if wanted.first else max(sound, default=0)


def _row_ends(units: bytes, table: Table) -> npt.NDArray[np.int64] | None:
    """The ends of all rows, if quotes stand at the edges of cells only, or doubled within; else None.

    Then a line end belongs to a cell if, and only if, the number of quotes before it is odd. Bare carriage returns, or
    line feeds in a table whose lines end with those, would end rows too; if there are any, it is None.
    """
    codes = np.frombuffer(units, np.uint8)
    returns = np.flatnonzero(codes == ord("\r")) if b"\r" in units else np.empty(0, np.int64)
    if b"\n" in units if table.newline == "\r" else (_at(codes, returns + 1) != ord("\n")).any():
        return None
    line_ends = np.flatnonzero(codes == _line_feed(table)[0])
    quotes = np.flatnonzero(codes == ord('"'))
    if not len(quotes):
        return line_ends + 1
    edge = np.zeros(256, np.bool_)
    edge[[ord(table.separator), ord('"'), ord("\r"), ord("\n")]] = True
    if not (edge[_at(codes, quotes[::2] - 1)].all() and edge[_at(codes, quotes[1::2] + 1)].all()):
        return None
    outside = np.searchsorted(quotes, line_ends) % 2 == 0
    return np.asarray(line_ends[outside] + 1)


def _at(codes: npt.NDArray[np.uint8], places: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
    """What stands at places, those before and behind the whole aside."""
    return codes[places[(places >= 0) & (places < len(codes))]]


def _extents(units: bytes, table: Table, *, whole: bool) -> Iterator[tuple[int, int, bool]]:
    """Start and end of each row, and whether it is sound; of a broken row only the first line is taken.

    If these are not the `whole` rest of the table, what is not ended yet is left for the next piece.
    """
    *ended, rest = units.decode("latin-1").split(_line_feed(table).decode())
    lines = [line + _line_feed(table).decode() for line in ended] + [rest] * bool(rest)
    position = start = 0
    while position < len(lines):
        reader = csv.reader(map(lines.__getitem__, range(position, len(lines))), delimiter=table.separator, strict=True)
        done = 0
        try:
            for _ in reader:
                end = start + sum(map(len, lines[position + done : position + reader.line_num]))
                done = reader.line_num
                if end == len(units) and not whole and not units.endswith(_line_feed(table)):
                    return
                yield start, end, True
                start = end
            position = len(lines)
        except csv.Error:
            position += done
            if not whole and position + reader.line_num - done >= len(lines):
                return
            end = start + len(lines[position])
            yield start, end, False
            start, position = end, position + 1


# Rows


def tag_piece(piece: Piece, layout: Layout, tagger: Tagger) -> PieceResult:
    """The rows of a piece with their tags; empty lines are left out."""
    table = piece.table
    if is_too_long(piece):
        rows = Rows()
        rows.fail(_empty_front(table), piece.line, TOO_LONG)
    else:
        content = content_of(piece)
        rows = _quickly(piece, content) or _one_by_one(piece, content)
    return tagged(table.path, rows, style(table), layout, tagger)


def _quickly(piece: Piece, content: bytes) -> Rows | None:
    """The rows if every one is sound, as nearly always; else None."""
    table = piece.table
    try:
        if _is_ours(table):
            fronts = _raw_fronts(content, table)
            cells = [_split(line) for line in fronts]
        else:
            cells = list(_reader(content.decode(table.encoding), table))
            fronts = list(map(front, cells))
    except (UnicodeDecodeError, csv.Error):
        return None
    if set(map(len, cells)) != {len(table.columns)}:
        return None
    column = table.columns.index(table.text)
    rows = Rows(fronts, [row[column] for row in cells], _headings(table, cells))
    if max(map(len, rows.texts)) > MAX_CHARACTERS:
        _fail_unfit(rows, piece)
    return rows


def _fail_unfit(rows: Rows, piece: Piece) -> None:
    """Take the texts away that cannot be tagged, and say where they stand."""
    line_feed = _line_feed(piece.table)
    for row, text in enumerate(rows.texts):
        if (why := unfit(text)) is not None:
            line = piece.line + row + sum(front.count(line_feed) for front in rows.fronts[:row])
            rows.texts[row], rows.failed[row] = "", (line, why)


def _split(line: bytes) -> list[str]:
    """The cells of one row whose separator is a comma; it has no line end outside of quotes."""
    if b'"' not in line:
        return line.decode().split(",")
    return next(csv.reader((line.decode(),), strict=True))


def _raw_fronts(content: bytes, table: Table) -> list[bytes]:
    """The bytes of each row without its line end; none if they cannot be told."""
    ends = _row_ends(content, table)
    if ends is None or content.endswith(b"\r"):
        return []
    codes = np.frombuffer(content, np.uint8)
    line_feeds = ends - 1
    stops = line_feeds - ((line_feeds > 0) & (codes[line_feeds - 1] == ord("\r")))
    starts, limits = [0, *ends.tolist()], stops.tolist()
    if starts[-1] == len(content):
        starts.pop()
    else:
        limits.append(len(content))
    return [content[start:stop] for start, stop in zip(starts, limits, strict=True)]


def _is_ours(table: Table) -> bool:
    """Whether rows can stay byte for byte as they are."""
    return table.encoding == "utf-8" and table.separator == "," and table.newline != "\r"


def _headings(table: Table, cells: Iterable[list[str]]) -> list[tuple[str, ...]] | None:
    if table.headings is None:
        return None
    column = table.columns.index(table.headings)
    return [heading_path(row[column]) or () for row in cells]


def _one_by_one(piece: Piece, content: bytes) -> Rows:
    """The rows with each looked at by itself."""
    table, unit = piece.table, width(piece.table.encoding)
    column, wanted = table.columns.index(table.text), len(table.columns)
    rows = Rows(headings=None if table.headings is None else [])
    units = shadow(content, table)
    line = piece.line
    for start, end, sound in _extents(units, table, whole=True):
        row = content[start * unit : end * unit]
        cells = _cells(table, row) if sound else []
        if cells is None:
            rows.fail(_empty_front(table), line, bad_bytes(table.encoding))
        elif not sound:
            rows.fail(_empty_front(table), line, BROKEN)
        elif len(cells) < wanted and cells:
            padded = [*cells, *[""] * (wanted - len(cells))]
            rows.fail(front(padded), line, f"只有 {len(cells)} 格，列名有 {wanted} 个")
        elif any(cells[wanted:]):
            rows.fail(front(cells[:wanted]), line, f"有 {len(cells)} 格，列名只有 {wanted} 个；多出的没有留下")
        elif cells:
            raw = row.rstrip(b"\r\n") if _is_ours(table) and len(cells) == wanted else front(cells[:wanted])
            why = unfit(cells[column])
            if why is not None:
                rows.fail(raw, line, why)
            else:
                paths = _headings(table, [cells])
                rows.add(raw, cells[column], paths[0] if paths else ())
        line += units.count(_line_feed(table), start, end)
    return rows


def _cells(table: Table, row: bytes) -> list[str] | None:
    """The cells of a sound row; none if it is empty, None if it has bytes that its encoding does not have."""
    try:
        return next(_reader(row.decode(table.encoding), table), [])
    except UnicodeDecodeError:
        return None


def _reader(text: str, table: Table) -> Iterator[list[str]]:
    """A strict reader; where lines end with line feeds, a bare carriage return outside of quotes is an error."""
    lines = io.StringIO(text, newline="" if table.newline == "\r" else "\n")
    return csv.reader(lines, delimiter=table.separator, strict=True)


# Cells as we write them


def style(table: Table) -> Style:
    """How tag columns are written."""
    return Style(lambda _: b",", _value, b"\n" if table.newline == "\n" else b"\r\n")


def _value(value: object) -> bytes:
    """A tag as a cell, as our own CSV files have it."""
    match value:
        case None | False:
            text = ""
        case True:
            text = "不确定"
        case tuple() if any(isinstance(each, Reason) for each in value):
            text = "；".join(f"{each.text} {each.log_odds:+.2f}" for each in value)
        case tuple():
            text = "、".join(value)
        case _:
            text = str(value)
    return front([harmless(text)])


def front(cells: Iterable[str]) -> bytes:
    """Cells side by side, in quotes where they need them."""
    quoted = ('"' + cell.replace('"', '""') + '"' if SPECIAL.search(cell) else cell for cell in cells)
    return ",".join(quoted).encode()


def _empty_front(table: Table) -> bytes:
    return b"," * (len(table.columns) - 1)
