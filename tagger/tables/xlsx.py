"""Excel: a sheet becomes CSV with the tag columns behind; text that would turn into a formula is disarmed."""

from __future__ import annotations

import re
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import date, datetime, time
from itertools import islice
from typing import BinaryIO

from tagger.errors import FormatError, InputError, MissingPackageError, TaggerError
from tagger.tables import csv
from tagger.tables.columns import Rows, tagged
from tagger.tables.lines import opened
from tagger.tables.records import Layout, Piece, PieceResult, Table, heading_path, unfit
from tagger.tagging import Tagger
from tagger.writing.csv import harmless

MAX_HELD_BYTES = 2**29  # parts of an Excel file that are held in memory, most of all its table of words
MAX_SHEET_BYTES = 2**31  # a sheet is read row by row, but nobody waits for more than that
MAX_EXCEL_ROWS = 2**20  # Excel's own limit
BLOCK_ROWS = 1000
ESCAPED = re.compile("_x(?![Dd][89A-Fa-f])([0-9A-Fa-f]{4})_")  # how Excel writes what XML cannot hold


def table_at(path: str, layout: Layout) -> Table:
    """What is known of a table from its header, which is the first row that holds anything."""
    for number, cells in sheet_rows(path, layout.sheet):
        while not cells[-1]:
            cells.pop()
        table = Table(path, "xlsx", "", layout.headings, (), separator=",", newline="\r\n", line=number + 1)
        return csv.with_columns(table, cells, layout)
    raise csv.no_header(path, "里面没有数据")


def header(table: Table, layout: Layout) -> bytes:
    """The names of all columns."""
    return csv.header(table, layout)


def pieces(table: Table) -> Iterator[Piece]:
    """One piece: the sheet stands compressed in the file and is read from its start."""
    yield Piece(table, 0, 0, MAX_EXCEL_ROWS, table.line)


def tag_piece(piece: Piece, layout: Layout, tagger: Tagger) -> PieceResult:
    """The rows of the sheet with their tags; empty rows are left out."""
    table, wanted = piece.table, len(piece.table.columns)
    column = table.columns.index(table.text)
    above = None if table.headings is None else table.columns.index(table.headings)
    rows = Rows(headings=None if above is None else [])
    for number, found in sheet_rows(table.path, layout.sheet):
        if number < piece.line:
            continue
        cells = [*found[:wanted], *[""] * (wanted - len(found))]
        front = csv.front(map(harmless, cells))
        why = unfit(cells[column])
        if any(found[wanted:]):
            rows.fail(front, number, f"有 {len(found)} 格，列名只有 {wanted} 个；多出的没有留下")
        elif why is not None:
            rows.fail(front, number, why)
        else:
            rows.add(front, cells[column], () if above is None else heading_path(cells[above]) or ())
    return tagged(table.path, rows, csv.style(table), layout, tagger)


def sheet_rows(path: str, sheet: str | None) -> Iterator[tuple[int, list[str]]]:
    """The rows that hold anything, as text, with their numbers."""
    with opened(path) as file:
        _check_archive(path, file)
        for number, cells in enumerate(_guarded(path, _cells(path, file, sheet)), start=1):
            if any(cell is not None for cell in cells):
                yield number, list(map(_text, cells))


def sheet_names(path: str) -> list[str]:
    """The names of the sheets. Raises as `sheet_rows`."""
    next(sheet_rows(path, None), None)  # what is damaged, or which package is missing, is told here
    from openpyxl import load_workbook  # noqa: PLC0415 - needed for this format only

    with warnings.catch_warnings(), opened(path) as file:
        warnings.simplefilter("ignore")  # it warns in English of what it does not know
        with closing(load_workbook(file, read_only=True, keep_links=False)) as book:
            return [page.title for page in book.worksheets]


def _check_archive(path: str, file: BinaryIO) -> None:
    try:
        with zipfile.ZipFile(file) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise _damaged(path, 0) from error
    if not any(part.filename.startswith("xl/") for part in parts):
        found, expected = "是压缩包，但不是 Excel 表格", ".csv、.jsonl、.xlsx、.parquet"
        raise FormatError(path, found=found, expected=expected, advice="解压后再试")
    for part in parts:
        limit = MAX_SHEET_BYTES if part.filename.startswith("xl/worksheets/") else MAX_HELD_BYTES
        if part.file_size > limit and part.filename.endswith((".xml", ".rels")):
            raise InputError(
                path,
                found=f"展开后有 {part.file_size // 2**20} MB",
                expected=f"不超过 {limit // 2**20} MB",
                advice="把文件分成几份，或另存为 .csv 再试",
            )
    file.seek(0)


def _cells(path: str, file: BinaryIO, sheet: str | None) -> Iterator[Sequence[object]]:
    try:
        from openpyxl import load_workbook  # noqa: PLC0415 - needed for this format only
    except ModuleNotFoundError as error:
        raise MissingPackageError(
            path,
            found=f"没有安装 {error.name}",
            expected="读 Excel 用的软件包 openpyxl",
            advice='在本软件的文件夹里运行 pip install ".[tables]"',
        ) from error
    with closing(load_workbook(file, read_only=True, data_only=True, keep_links=False)) as book:
        pages = {page.title: page for page in book.worksheets}
        name = next(iter(pages), None) if sheet is None else sheet
        if name is None or name not in pages:
            found = f"没有工作表“{sheet}”；有的是：{'、'.join(pages)}" if pages else "没有工作表"
            raise InputError(path, found=found, expected="文件里的一个工作表", advice="检查工作表的名称")
        pages[name].reset_dimensions()  # what the file says of its size is often wrong
        yield from pages[name].iter_rows(max_row=MAX_EXCEL_ROWS, values_only=True)


def _guarded(path: str, rows: Iterator[Sequence[object]]) -> Iterator[Sequence[object]]:
    """The rows, read by the block: openpyxl warns in English, and knows many ways to say that a file is damaged."""
    done = 0
    while True:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                block = list(islice(rows, BLOCK_ROWS))
            except TaggerError:
                raise
            except Exception as error:  # on damage it raises nearly anything
                raise _damaged(path, done) from error
        if not block:
            return
        yield from block
        done += len(block)


def _damaged(path: str, done: int) -> InputError:
    where = f"（在第 {done} 行以后）" if done else ""
    advice = "用 Excel 或 WPS 打开后另存一份再试"
    return InputError(path, found=f"Excel 文件已损坏{where}", expected="完整的 Excel 文件", advice=advice)


def _text(cell: object) -> str:
    """A cell as Excel itself would save it in CSV, but dates in the order of ISO 8601."""
    match cell:
        case None:
            return ""
        case str():
            return ESCAPED.sub(lambda code: chr(int(code[1], 16)), cell) if "_x" in cell else cell
        case bool():
            return str(cell).upper()
        case datetime() if cell.time() == time():
            return cell.date().isoformat()
        case datetime() | date() | time():
            return cell.isoformat(*[" "] * isinstance(cell, datetime))
        case _:
            return str(cell)
