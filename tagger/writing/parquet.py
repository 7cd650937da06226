"""Parquet, for data frames and databases: one row a paragraph, with the types of `Row`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tagger.atomic import written_whole
from tagger.errors import MissingPackageError
from tagger.writing.rows import Row

if TYPE_CHECKING:
    import pyarrow as pa

ROW_GROUP_ROWS = 16_384  # some ten MB of paragraphs, all that is held in memory


def write_parquet(path: Path, rows: Iterable[Row]) -> None:
    """Write a Parquet file; it appears whole or not at all.

    Raises `OutputError` if it cannot be written, `MissingPackageError` if pyarrow is not installed.
    """
    check_package(path)
    import pyarrow as pa  # noqa: PLC0415 - large, and needed for this format only
    from pyarrow import parquet  # noqa: PLC0415

    schema, rows = _schema(), iter(rows)
    with written_whole(path) as part, parquet.ParquetWriter(part, schema, compression="zstd") as target:
        while group := [_record(row) for row in islice(rows, ROW_GROUP_ROWS)]:
            target.write_table(pa.Table.from_pylist(group, schema))


def check_package(path: Path) -> None:
    """Raise `MissingPackageError` if pyarrow is not installed."""
    if find_spec("pyarrow") is None:
        raise MissingPackageError(
            path,
            found="没有安装 pyarrow",
            expected="写 Parquet 用的软件包 pyarrow",
            advice='在本软件的文件夹里运行 pip install ".[parquet]"',
        )


def _schema() -> pa.Schema:
    """The columns are the fields of `Row`; those of body text alone may be null."""
    import pyarrow as pa  # noqa: PLC0415

    text, whole, decimal = pa.string(), pa.int64(), pa.float64()
    texts = pa.list_(pa.field("element", text, nullable=False))
    columns = {"text": text, "start": whole, "end": whole, "log_odds": decimal}
    reason = pa.struct([pa.field(name, column, nullable=False) for name, column in columns.items()])
    tagged_only = {"paragraph": whole, "theme": text, "probability": decimal}
    tagged_only |= {"second": text, "second_probability": decimal}
    always = {"file": text, "role": text, "headings": texts, "text": text, "also": texts, "uncertain": pa.bool_()}
    always |= {"reasons": pa.list_(pa.field("element", reason, nullable=False))}
    always |= {"place": text, "start": whole, "end": whole}
    types = tagged_only | always
    return pa.schema([pa.field(name, types[name], nullable=name in tagged_only) for name in Row.__slots__])


def _record(row: Row) -> dict[str, Any]:
    return {name: _value(value) for name, value in asdict(row).items()}


def _value(value: Any) -> Any:
    """The value as pyarrow takes it; a lone surrogate cannot be written, it becomes “?”."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, tuple):
        return [_value(each) for each in value]
    if isinstance(value, dict):
        return {name: _value(each) for name, each in value.items()}
    return value
