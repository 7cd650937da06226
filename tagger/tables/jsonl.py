"""JSON Lines: each line stays as it is, byte for byte, and the tag columns are put in before its closing brace."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from operator import itemgetter
from typing import Any

from tagger.errors import InputError
from tagger.records import Reason
from tagger.tables.columns import Rows, Style, check_names, names, reason_record, tagged
from tagger.tables.lines import (
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

_fast_loads: Callable[[bytes], Any]
try:
    import orjson  # three times as fast

    _fast_loads = orjson.loads
except ModuleNotFoundError:

    def _fast_loads(line: bytes) -> Any:
        return json.loads(line.decode("utf-8"))  # json itself lets broken bytes pass


FIRST, LAST = itemgetter(0), itemgetter(-1)
FIRST_PIECES, FIRST_ROWS = 16, 1000  # among which there must be a row with a text column


class _UnreadableError(Exception):
    """Why a line is no JSON object. The line is told and the next one is read."""


def table_at(path: str, layout: Layout) -> Table:
    """What is known of a table from its first rows: the columns are those of the first row that has text."""
    with opened(path) as file:
        encoding, start = encoding_of(file)
    table = Table(path, "jsonl", "", layout.headings, (), encoding=encoding, start=start)
    first = [tuple(record) for record in itertools.islice(_records(table), FIRST_ROWS)]
    if not first:
        found, expected = "里面没有一行是 JSON 对象", "一行一个 JSON 对象，如 {…}"
        raise InputError(path, found=found, expected=expected, advice="检查是不是选错了文件，或按这个格式另存")
    wanted = {name.strip().casefold() for name in ((layout.text,) if layout.text is not None else TEXT_NAMES)}
    with_text = (each for each in first if wanted & {name.strip().casefold() for name in each})
    columns = next(with_text, first[0])
    check_names(path, columns, layout)
    return replace(table, columns=columns, text=chosen(path, columns, layout.text, TEXT_NAMES))


def _records(table: Table) -> Iterator[Mapping[str, object]]:
    """The objects of the lines that can be read."""
    for piece in itertools.islice(pieces(table), FIRST_PIECES):
        for line in [] if is_too_long(piece) else _lines(table, content_of(piece)):
            try:
                yield _record(table, line)
            except _UnreadableError:
                continue


def pieces(table: Table) -> Iterator[Piece]:
    """The pieces of a table."""
    return cut(table, _row_end)


def _row_end(units: bytes, wanted: RowEnds) -> int:
    end = (units.find(b"\n") if wanted.first else units.rfind(b"\n")) + 1
    return len(units) if wanted.whole and not end else end


def header(table: Table, layout: Layout) -> bytes:
    """JSON Lines have no header."""
    del table, layout
    return b""


def tag_piece(piece: Piece, layout: Layout, tagger: Tagger) -> PieceResult:
    """The lines of a piece with their tags; empty lines are left out."""
    table = piece.table
    if is_too_long(piece):
        rows = Rows()
        rows.fail(_without_columns(table), piece.line, TOO_LONG)
    else:
        content = content_of(piece)
        rows = _quickly(table, content, layout) or _one_by_one(piece, content, layout)
    return tagged(table.path, rows, STYLE, layout, tagger)


def _quickly(table: Table, content: bytes, layout: Layout) -> Rows | None:
    """The rows if every line is sound, from brace to brace, as nearly always; else None."""
    own = frozenset(names(layout).values())
    try:
        lines = _in_utf8(table, content).split(b"\n")
        if not lines[-1]:
            lines.pop()
        if set(map(FIRST, lines)) | set(map(LAST, lines)) != {ord("{"), ord("}")}:
            return None
        records = (record for record in map(_fast_loads, lines) if own.isdisjoint(record))
        if table.headings is None:
            texts, headings = [record[table.text] for record in records], None
        else:
            cells = [(record[table.text], heading_path(record.get(table.headings))) for record in records]
            texts, headings = [text for text, _ in cells], [path for _, path in cells if path is not None]
    except (TypeError, ValueError, LookupError, AttributeError, RecursionError):
        return None
    if not len(texts) == len(lines) == len(lines if headings is None else headings):
        return None
    if set(map(type, texts)) != {str} or max(map(len, texts)) > MAX_CHARACTERS:
        return None
    return Rows([line[:-1] for line in lines], texts, headings)


def _in_utf8(table: Table, content: bytes) -> bytes:
    """The bytes of lines in UTF-8, each ended by one line feed. Raises `UnicodeDecodeError`."""
    if table.encoding != "utf-8":
        content = content.decode(table.encoding).encode()
    return content.replace(b"\r\n", b"\n") if b"\r" in content else content


def _one_by_one(piece: Piece, content: bytes, layout: Layout) -> Rows:
    """The rows with each line looked at by itself."""
    table, own = piece.table, names(layout).values()
    rows = Rows(headings=None if table.headings is None else [])
    for number, line in enumerate(_lines(table, content), start=piece.line):
        if line is not None and not line.strip():
            continue
        try:
            record = _record(table, line)
        except _UnreadableError as error:
            rows.fail(_without_columns(table), number, str(error))
            continue
        front = line.strip()[:-1] if line and record else _without_columns(table)
        path = heading_path(record.get(table.headings)) if table.headings is not None else ()
        taken = [name for name in own if name in record]
        if taken:
            others = {name: value for name, value in record.items() if name not in taken}
            rows.fail(STYLE.value(others)[:-1], number, f"这一行另有名为 {'、'.join(taken)} 的项，没有留下")
        elif table.text not in record:
            rows.fail(front, number, f"没有“{table.text}”这一项")
        elif (why := unfit(record[table.text])) is not None:
            rows.fail(front, number, why)
        elif path is None:
            rows.fail(front, number, f"“{table.headings}”这一项不是文字，也不是文字的列表")
        else:
            rows.add(front, record[table.text], path)
    return rows


def _lines(table: Table, content: bytes) -> Iterator[bytes | None]:
    """The lines in UTF-8; None for one with bytes that its encoding does not have."""
    start, unit = 0, width(table.encoding)
    for line in shadow(content, table).split(b"\n"):
        end = start + len(line) * unit
        try:
            yield content[start:end] if table.encoding == "utf-8" else _in_utf8(table, content[start:end])
        except UnicodeDecodeError:
            yield None
        start = end + unit


def _record(table: Table, line: bytes | None) -> dict[str, Any]:
    if line is None:
        raise _UnreadableError(bad_bytes(table.encoding))
    try:
        record = _loads(line)
    except UnicodeDecodeError as error:
        raise _UnreadableError(bad_bytes(table.encoding)) from error
    except (ValueError, RecursionError) as error:
        raise _UnreadableError("不是完整的 JSON") from error
    if not isinstance(record, dict):
        raise _UnreadableError("不是 JSON 对象")
    return record


def _loads(line: bytes) -> Any:
    try:
        return _fast_loads(line)
    except ValueError:  # orjson takes neither NaN nor half a surrogate pair, which json itself writes and reads
        return json.loads(line.decode("utf-8"))


def _without_columns(table: Table) -> bytes:
    """What stands for a line that cannot be written again."""
    return STYLE.value({table.text: None})[:-1]


def _value(value: object) -> bytes:
    if isinstance(value, tuple):
        value = [reason_record(each) if isinstance(each, Reason) else each for each in value]
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace")  # half a pair as JSON writes it


STYLE = Style(lambda name: b"," + _value(name) + b":", _value, b"}\n")
