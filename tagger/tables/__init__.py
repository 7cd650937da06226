"""Tables of paragraphs: CSV, JSON Lines, Excel and Parquet, tagged piece by piece, all other columns carried through.

The bytes decide on Excel and Parquet; CSV and JSON Lines, which have no mark, are known by their suffix. A piece needs
nothing but itself, so that pieces can be tagged in any process; the output is `header` and the pieces in their order.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from tagger.errors import FormatError, InputError
from tagger.tables.columns import names
from tagger.tables.lines import opened
from tagger.tables.records import Kind, Layout, Piece, PieceResult, Table
from tagger.tagging import Tagger

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "SUFFIXES",
    "Layout",
    "Piece",
    "PieceResult",
    "Table",
    "header",
    "is_table",
    "names",
    "pieces",
    "suffix_of",
    "tag_batches",
    "tag_piece",
]

KINDS: dict[str, Kind] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".tab": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".xlsx": "xlsx",
    ".parquet": "parquet",
}
SUFFIXES = frozenset(KINDS)
SUPPORTED = ".csv、.jsonl、.xlsx、.parquet"
MAGIC: dict[bytes, Kind] = {b"PK\x03\x04": "xlsx", b"PAR1": "parquet"}
OLE2_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def is_table(path: str | Path) -> bool:
    """Whether a file is called as a table; it need not be there."""
    return Path(path).suffix.lower() in SUFFIXES


def suffix_of(path: str | Path) -> str:
    """The suffix of what is made of a table; it need not be there."""
    try:
        kind = _kind(path)
    except InputError:
        kind = KINDS.get(Path(path).suffix.lower(), "csv")
    return ".csv" if kind == "xlsx" else f".{kind}"


def pieces(path: str | Path, layout: Layout) -> Iterator[Piece]:
    """The pieces of a table, found while they are asked for; the same file is always cut the same way.

    Raises at once, before the first is asked for: `InputError` if the file cannot be read or lacks a column,
    `FormatError` if it is no table, `UsageError` if it has a column that is called as a tag column, and
    `MissingPackageError` for a format whose package is not installed.
    """
    table = _table(path, layout)
    found: Iterator[Piece] = _module(table.kind).pieces(table)
    return found


def header(path: str | Path, layout: Layout) -> bytes:
    """What stands before the first piece: the column names of CSV. Raises as `pieces` does."""
    table = _table(path, layout)
    content: bytes = _module(table.kind).header(table, layout)
    return content


def tag_piece(piece: Piece, layout: Layout, tagger: Tagger) -> PieceResult:
    """Tag a piece. Raises `InputError` if the file can no longer be read or is damaged here."""
    result: PieceResult = _module(piece.table.kind).tag_piece(piece, layout, tagger)
    return result


def tag_batches(batches: Iterable[pa.RecordBatch], layout: Layout, tagger: Tagger) -> Iterator[pa.RecordBatch]:
    """Arrow record batches with tag columns behind the others; a row that cannot be tagged has null there.

    This is the function for Spark's `mapInArrow`, for Ray Data and DuckDB. The columns of text and headings are found
    in the first batch. Raises as `pieces` does, when the first batch comes.
    """
    tagged: Iterator[pa.RecordBatch] = _module("parquet").tag_batches(batches, layout, tagger)
    return tagged


def _table(path: str | Path, layout: Layout) -> Table:
    table: Table = _module(_kind(path)).table_at(str(path), layout)
    return table


def _kind(path: str | Path) -> Kind:
    with opened(path) as file:
        start = file.read(len(OLE2_MAGIC))
    suffix = Path(path).suffix.lower()
    for magic, kind in MAGIC.items():
        if start.startswith(magic):
            return kind
    if start == OLE2_MAGIC:
        found, advice = "是旧版或加密的 Excel 文件", "打开后另存为不加密的 .xlsx 再试"
        raise FormatError(path, found=found, expected=SUPPORTED, advice=advice)
    if KINDS.get(suffix) in {"csv", "jsonl"}:
        return KINDS[suffix]
    found = f"不是 {suffix} 表格，或已损坏" if suffix in KINDS else f"是不认识的表格格式（{suffix}）"
    raise FormatError(path, found=found, expected=SUPPORTED, advice="用原来的软件打开后另存一份再试")


def _module(kind: Kind) -> ModuleType:
    """The module of a format, loaded when a table of its kind comes."""
    return importlib.import_module(f"tagger.tables.{kind}")
