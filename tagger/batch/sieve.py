"""Only the chosen rows and columns of rows that are written already, in whatever format."""

from __future__ import annotations

import codecs
import csv
import io
import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from tagger.atomic import written_whole
from tagger.batch.selection import NUMBERS, TAGS, TRUTHS, Selection

LISTS = ("also",)


def sifted(
    content: bytes, suffix: str, selection: Selection, columns: Sequence[str], called: Mapping[str, str]
) -> tuple[bytes, int]:
    """What is left of some rows whose columns are `columns`, and how many rows that is.

    `called` says what the tag columns are called here.
    """
    sift = {".jsonl": _sifted_lines, ".csv": _sifted_cells, ".parquet": _sifted_table}[suffix]
    return sift(content, selection, columns, called)


def sifted_header(content: bytes, selection: Selection) -> bytes:
    """What is left of the line that stands above the rows of CSV; other formats have none."""
    if not content or not selection.columns:
        return content
    columns = next(csv.reader([content.decode("utf-8-sig")]))
    return _sifted_cells(content, Selection((), selection.columns), columns, {})[0]


def _sifted_lines(
    content: bytes, selection: Selection, _: Sequence[str], called: Mapping[str, str]
) -> tuple[bytes, int]:
    kept: list[bytes] = []
    for line in content.split(b"\n")[:-1]:
        record = json.loads(line)
        if selection.keeps(partial(_cell, record, called)):
            kept.append(_with_columns(record, selection.columns) if selection.columns else line)
    return b"".join(line + b"\n" for line in kept), len(kept)


def _with_columns(record: Mapping[str, object], columns: Sequence[str]) -> bytes:
    chosen = {name: record[name] for name in columns if name in record}
    return json.dumps(chosen, ensure_ascii=False).encode("utf-8", "backslashreplace")


def _cell(record: Mapping[str, object], called: Mapping[str, str], name: str) -> object:
    return record.get(called[name])


def _sifted_cells(
    content: bytes, selection: Selection, columns: Sequence[str], called: Mapping[str, str]
) -> tuple[bytes, int]:
    target = io.StringIO(newline="")
    writer = csv.writer(target, lineterminator="\r\n" if content.endswith(b"\r\n") else "\n")
    places = _places(columns, selection.columns)
    count = 0
    for cells in csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")):
        record = dict(zip(columns, cells, strict=True))
        if selection.keeps(partial(_value, record, called)):
            writer.writerow([cells[place] for place in places])
            count += 1
    mark = codecs.BOM_UTF8 if content.startswith(codecs.BOM_UTF8) else b""
    return mark + target.getvalue().encode(), count


def _places(columns: Sequence[str], wanted: Sequence[str]) -> list[int]:
    """Where the wanted columns stand, or all; a table may have two of one name, and the first is taken for it."""
    return [columns.index(name) for name in wanted] if wanted else list(range(len(columns)))


def _value(record: Mapping[str, str], called: Mapping[str, str], name: str) -> object:
    """What a tag cell of CSV says."""
    cell = record[called[name]]
    if name in NUMBERS:
        return float(cell) if cell else None
    if name in LISTS:
        return tuple(cell.split("、"))
    return bool(cell) if name in TRUTHS else cell or None


def _sifted_table(
    content: bytes, selection: Selection, columns: Sequence[str], called: Mapping[str, str]
) -> tuple[bytes, int]:
    import pyarrow as pa  # noqa: PLC0415 - large, and needed for this format only
    from pyarrow import parquet  # noqa: PLC0415

    with parquet.ParquetFile(pa.BufferReader(content)) as file:  # unlike `read_table`, it bears two columns of one name
        table = file.read()
    if selection.conditions:
        rows = table.select(_places(columns, [called[name] for name in TAGS])).to_pylist()
        table = table.filter(pa.array([selection.keeps(partial(_cell, row, called)) for row in rows], pa.bool_()))
    table = table.select(_places(columns, selection.columns))
    target = io.BytesIO()
    parquet.write_table(table, target, compression="zstd")
    return target.getvalue(), table.num_rows


def keep_columns(path: Path, columns: Sequence[str]) -> None:
    """Write a Parquet file anew with these columns only, in this order; some rows at a time."""
    import pyarrow as pa  # noqa: PLC0415
    from pyarrow import parquet  # noqa: PLC0415

    with parquet.ParquetFile(path) as whole, written_whole(path) as beside:
        schema = pa.schema([whole.schema_arrow.field(name) for name in columns])
        with parquet.ParquetWriter(beside, schema, compression="zstd") as target:
            for number in range(whole.num_row_groups):
                target.write_table(whole.read_row_group(number, list(columns)).select(list(columns)))
