"""CSV that Excel opens right: UTF-8 with a byte order mark, lists joined, no cell that Excel would run as a formula."""

from __future__ import annotations

import csv
from typing import IO

from tagger.writing.rows import Row

ENCODING = "utf-8-sig"
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def write_header(target: IO[str]) -> None:
    """Write the column names."""
    csv.writer(target).writerow(Row.__slots__)


def write_row(target: IO[str], row: Row) -> None:
    """Write one row as a line."""
    cells = {name: getattr(row, name) for name in Row.__slots__}
    cells["headings"] = " / ".join(row.headings)
    cells["also"] = "、".join(row.also)
    cells["uncertain"] = "不确定" if row.uncertain else ""
    cells["reasons"] = "；".join(f"{each.text} {each.log_odds:+.2f}" for each in row.reasons)
    csv.writer(target).writerow(harmless(cell) if isinstance(cell, str) else cell for cell in cells.values())


def harmless(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula, and that can be written."""
    if not cell.isprintable():
        cell = cell.encode("utf-8", "replace").decode("utf-8")  # a lone surrogate cannot be written; it becomes “?”
    return "'" + cell if cell.startswith(FORMULA_STARTS) else cell
