"""The nouns of tables: how the user wants them tagged, what is known of one, its pieces, and what became of a piece."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from tagger.errors import InputError

Kind: TypeAlias = Literal["csv", "jsonl", "parquet", "xlsx"]

TEXT_NAMES = (
    "text",
    "正文",
    "内容",
    "段落",
    "content",
    "段落内容",
    "段落正文",
    "文本",
    "原文",
)  # the first found counts
HEADING_SEPARATOR = " / "  # as our own writers join them
MAX_CHARACTERS = 2**17  # no paragraph: a book has as many; scanned whole, 50 MB of text would take a gigabyte of memory
MAX_FAILURES = 1000  # told one by one of a piece; a column that is empty all the way down must not fill the memory


@dataclass(frozen=True, slots=True)
class Layout:
    """Which columns hold text and headings, and how the tag columns are named.

    Without `text` the column is found by its usual names; without `headings` there are none. `sheet` names the sheet
    of an Excel file, else it is the first. `prefix` stands before the name of each tag column; `reasons` asks for the
    words that decided, which takes longer.
    """

    text: str | None = None
    headings: str | None = None
    sheet: str | None = None
    prefix: str = ""
    reasons: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """What is known of a table before its rows are read.

    `columns` are all its columns, in order (of JSON Lines: those of the first row). The last five are for CSV and JSON
    Lines: `start` is the byte at which the rows begin and `line` the number of the line there.
    """

    path: str
    kind: Kind
    text: str
    headings: str | None
    columns: tuple[str, ...]
    encoding: str = "utf-8"
    separator: str = ""
    newline: str = "\n"
    start: int = 0
    line: int = 1


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a table that can be tagged by itself; `number` counts them from 0.

    `start` and `end` are bytes of CSV and JSON Lines, rows of Parquet; `line` is the number of the first line or row.
    """

    table: Table
    number: int
    start: int
    end: int
    line: int


@dataclass(frozen=True, slots=True)
class PieceResult:
    """The rows of a piece with their tags, as they stand in the output, and what to say of them.

    `failures` are (place, reason) of rows that have no tag; these are in the output too, with empty tag columns.
    """

    content: bytes
    rows: int
    themes: Counter[str]
    uncertain: int
    failures: list[tuple[str, str]]


def chosen(path: str, columns: Sequence[str], name: str | None, usual: Iterable[str]) -> str:
    """The column that is named, or the first that has one of the usual names, as it is written in the table.

    Raises `InputError` if there is none, or more than one of that name.
    """
    wanted = usual if name is None else (name,)
    plain = {column.strip().casefold(): column for column in reversed(columns)}
    found = next((plain[each] for each in (each.strip().casefold() for each in wanted) if each in plain), None)
    there = "、".join(columns)
    if found is None:
        what = "看不出哪一列是正文" if name is None else f"没有叫“{name}”的列"
        raise InputError(
            path,
            found=f"{what}；表里的列有：{there}",
            expected="表里有的列" if name is not None else f"名为 {'、'.join(TEXT_NAMES[:5])} 等的列",
            advice="指明正文是哪一列，或改列名",
        )
    if columns.count(found) > 1:
        advice = "改掉其中一列的名字再试"
        raise InputError(path, found=f"有同名的列“{found}”", expected="各列不同名", advice=advice)
    return found


def unfit(text: object) -> str | None:
    """Why a value cannot be tagged as a paragraph; None if it can."""
    if not isinstance(text, str):
        return "正文是空值" if text is None else "正文不是文字"
    if len(text) > MAX_CHARACTERS:
        return f"正文有 {len(text)} 字，超过 {MAX_CHARACTERS} 字，不像一段"
    return None


def heading_path(value: object) -> tuple[str, ...] | None:
    """The headings that a cell holds: a list, or text joined as our writers join them; None if it holds neither."""
    if value is None:
        return ()
    if isinstance(value, str):
        return tuple(part for part in value.split(HEADING_SEPARATOR) if part.strip())
    if isinstance(value, Sequence) and all(isinstance(each, str) for each in value):
        return tuple(value)
    return None


def told(path: str, reasons: Mapping[int, str], unit: str = "行") -> list[tuple[str, str]]:
    """Failures of a piece, by line or row number, as (place, reason); of very many, the last one says how many more."""
    numbers = sorted(reasons)
    failures = [(f"{path}:第 {number} {unit}", reasons[number]) for number in numbers[:MAX_FAILURES]]
    if len(numbers) > MAX_FAILURES:
        place = f"{path}:第 {numbers[MAX_FAILURES]}–{numbers[-1]} {unit}"
        failures.append((place, f"其中还有 {len(numbers) - MAX_FAILURES} {unit}未能标注"))
    return failures
