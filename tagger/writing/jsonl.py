"""JSON Lines: one object a paragraph, for programs."""

from __future__ import annotations

import json
from typing import IO

from tagger.writing.rows import Row

ENCODING = "utf-8"


def write_header(target: IO[str]) -> None:
    """JSON Lines have no header."""


def write_row(target: IO[str], row: Row) -> None:
    """Write one row as a line."""
    record = {name: getattr(row, name) for name in Row.__slots__}
    record["reasons"] = [{"text": each.text, "log_odds": round(each.log_odds, 3)} for each in row.reasons]
    line = json.dumps(record, ensure_ascii=False)
    target.write(line.encode(ENCODING, "backslashreplace").decode(ENCODING) + "\n")  # JSON escapes lone surrogates
