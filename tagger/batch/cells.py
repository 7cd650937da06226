"""The cells of some columns of what a run wrote, row by row: nothing else is held, however large the file."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from tagger.errors import InputError, MissingPackageError
from tagger.tables.lines import encoding_of, opened

if TYPE_CHECKING:
    from pyarrow.parquet import ParquetFile

_loads: Callable[[bytes], Any] = json.loads
try:
    import orjson  # three times as fast

    _loads = orjson.loads
except ModuleNotFoundError:
    pass

BATCH_ROWS = 8192
LOOKED_AT = 100  # lines among which there must be an object, to know the columns of


def columns_of(path: Path) -> list[str]:
    """The columns of a file, or of a folder of Parquet files. Raises `InputError` if it is none that a run wrote."""
    return _reader(path).columns(path)


def cells(path: Path, columns: Sequence[str]) -> Iterator[Sequence[Any]]:
    """For each row what stands in these columns; None where there is no such column. Raises `InputError` on damage."""
    return _reader(path).cells(path, columns)


class _Lines:
    """JSON Lines. A line that is no object was a row that could not be tagged, and is passed by."""

    def columns(self, path: Path) -> list[str]:
        objects = islice(self._objects(path), LOOKED_AT)
        return list(dict.fromkeys(name for each in objects for name in each))

    def cells(self, path: Path, columns: Sequence[str]) -> Iterator[Sequence[Any]]:
        for record in self._objects(path):
            get = record.get
            yield [get(name) for name in columns]

    def _objects(self, path: Path) -> Iterator[Mapping[str, Any]]:
        with opened(path) as file:
            encoding, start = encoding_of(file)
            file.seek(start)
            for line in file if encoding == "utf-8" else _recoded(file, encoding):
                record = _object(line)
                if isinstance(record, dict):
                    yield record


def _recoded(file: BinaryIO, encoding: str) -> Iterator[bytes]:
    with io.TextIOWrapper(file, encoding, errors="backslashreplace", newline="\n") as lines:
        for line in lines:
            yield line.encode()


def _object(line: bytes) -> Any:
    try:
        return _loads(line)
    except ValueError:
        pass
    try:
        return json.loads(line)  # which takes lone surrogates, too
    except (ValueError, RecursionError):
        return None


class _Cells:
    """CSV."""

    def columns(self, path: Path) -> list[str]:
        return next(self._rows(path), [])

    def cells(self, path: Path, columns: Sequence[str]) -> Iterator[Sequence[Any]]:
        rows = self._rows(path)
        names = next(rows, [])
        places = [names.index(name) if name in names else -1 for name in columns]
        for row in rows:
            row.append("")  # where a column is missing, or a cell
            yield [row[place] or None if place < len(row) else None for place in places]

    def _rows(self, path: Path) -> Iterator[list[str]]:
        try:
            with opened(path) as file, io.TextIOWrapper(file, "utf-8-sig", newline="") as lines:
                yield from csv.reader(lines)
        except (UnicodeDecodeError, csv.Error) as error:
            raise _damaged(path) from error


class _Table:
    """Parquet, a file or a folder of files."""

    def columns(self, path: Path) -> list[str]:
        with _parquet(next(_parts(path))) as file:
            return list(file.schema_arrow.names)

    def cells(self, path: Path, columns: Sequence[str]) -> Iterator[Sequence[Any]]:
        for part in _parts(path):
            with _parquet(part) as file:
                there = [name for name in columns if name in file.schema_arrow.names]
                for batch in file.iter_batches(BATCH_ROWS, columns=there, use_threads=False):
                    found = {name: batch.column(name).to_pylist() for name in there}
                    nothing = [None] * batch.num_rows
                    yield from zip(*(found.get(name, nothing) for name in columns), strict=True)


def _parts(path: Path) -> Iterator[Path]:
    parts = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
    if not parts:
        raise _damaged(path)
    return iter(parts)


@contextmanager
def _parquet(path: Path) -> Iterator[ParquetFile]:
    try:
        import pyarrow as pa  # noqa: PLC0415 - large, and needed for this format only
        from pyarrow.parquet import ParquetFile  # noqa: PLC0415
    except ModuleNotFoundError as error:
        found, advice = f"没有安装 {error.name}", '在本软件的文件夹里运行 pip install ".[parquet]"'
        raise MissingPackageError(path, found=found, expected="软件包 pyarrow", advice=advice) from error
    with opened(path) as content:
        try:
            with ParquetFile(content, pre_buffer=False) as file:
                yield file
        except (pa.ArrowException, OSError) as error:
            raise _damaged(path) from error


READERS: Mapping[str, _Lines | _Cells | _Table] = {".jsonl": _Lines(), ".csv": _Cells(), ".parquet": _Table()}


def _reader(path: Path) -> _Lines | _Cells | _Table:
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        found, expected = "不是标注结果", "结果文件夹，或其中的 paragraphs.jsonl、名称.标注.csv 等"
        raise InputError(path, found=found, expected=expected, advice="换一个再试")
    return reader


def _damaged(path: Path) -> InputError:
    return InputError(path, found="读不出来，可能已损坏", expected="标注时写的文件", advice="重新标注")
