"""JSON Lines: one object a paragraph, for programs; what is written can be read back whole."""

from __future__ import annotations

import json
from collections.abc import Iterator
from operator import attrgetter
from pathlib import Path
from typing import IO

from tagger.errors import InputError
from tagger.records import Reason
from tagger.writing.rows import Row

ENCODING = "utf-8"
NAMES, REASON_NAMES = Row.__slots__, Reason.__slots__
VALUES, REASON_VALUES = attrgetter(*NAMES), attrgetter(*REASON_NAMES)


def write_header(target: IO[str]) -> None:
    """JSON Lines have no header."""


def write_row(target: IO[str], row: Row) -> None:
    """Write one row as a line."""
    record = dict(zip(NAMES, VALUES(row), strict=True))
    record["reasons"] = [dict(zip(REASON_NAMES, REASON_VALUES(reason), strict=True)) for reason in row.reasons]
    line = json.dumps(record, ensure_ascii=False)
    if not line.isprintable():  # it may hold lone surrogates, which JSON escapes
        line = line.encode(ENCODING, "backslashreplace").decode(ENCODING)
    target.write(line + "\n")


def read_rows(path: str | Path) -> Iterator[Row]:
    """The rows of a file, in their order. Raises `InputError` if it cannot be read or a line is no row."""
    try:
        with Path(path).open(encoding=ENCODING, newline="\n") as lines:
            for number, line in enumerate(lines, start=1):
                yield _row(f"{path} 第 {number} 行", line)
    except (OSError, UnicodeDecodeError) as error:
        found = f"读不出来（{getattr(error, 'strerror', None) or error}）"
        raise InputError(path, found=found, expected="标注时写的 paragraphs.jsonl", advice="重新标注") from error


def _row(subject: str, line: str) -> Row:
    try:
        record = json.loads(line)
        lists = {name: tuple(record[name]) for name in ("headings", "also")}
        reasons = tuple(Reason(**each) for each in record["reasons"])
        return Row(**record | lists | {"reasons": reasons})
    except (ValueError, TypeError, KeyError) as error:
        expected = "标注时写的 paragraphs.jsonl 里的一行"
        raise InputError(subject, found="缺列、多列或写坏了", expected=expected, advice="重新标注") from error
