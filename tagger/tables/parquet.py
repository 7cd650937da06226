"""Parquet, and Arrow record batches from wherever: columns pass as they are, tag columns are put behind.

A piece is a run of rows; its output is a whole small Parquet file, compressed as the input.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tagger.errors import InputError, MissingPackageError
from tagger.records import Reason
from tagger.tables.columns import NAMES, STEPS, Tags, check_names, counted, names, reason_record, reasons_of, tags_of
from tagger.tables.lines import bad_bytes, opened
from tagger.tables.records import (
    MAX_CHARACTERS,
    TEXT_NAMES,
    Layout,
    Piece,
    PieceResult,
    Table,
    chosen,
    heading_path,
    told,
    unfit,
)
from tagger.tagging import Tagger

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow.parquet import FileMetaData, ParquetFile

PIECE_BYTES = 2**26  # before compression: enough rows for a file that is worth its footer
GROUP_BYTES = 2**25  # of a row group that we write
BATCH_BYTES = 2**23  # tagged at once,
BATCH_ROWS = 2**14  # but no more rows than this
BUFFER_BYTES = 2**20  # columns are read by as much, not whole


LEAVES = {name: (name,) for name in NAMES} | {  # the columns within a column, as Parquet calls them
    "also": ("also.list.element",),
    "reasons": tuple(f"reasons.list.element.{each.name}" for each in fields(Reason)),
}


def table_at(path: str, layout: Layout) -> Table:
    """What is known of a table from its schema."""
    with _opened(path) as file:
        return _table(path, file.schema_arrow, layout)


def _table(path: str, schema: pa.Schema, layout: Layout) -> Table:
    columns = tuple(schema.names)
    check_names(path, columns, layout)
    text = chosen(path, columns, layout.text, TEXT_NAMES)
    headings = None if layout.headings is None else chosen(path, columns, layout.headings, ())
    _check_type(path, text, schema.field(text).type)
    return Table(path, "parquet", text, headings, columns)


def _check_type(path: str, name: str, kind: pa.DataType) -> None:
    import pyarrow as pa  # noqa: PLC0415

    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    like_text = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    like_bytes = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view)
    if not any(is_kind(kind) for is_kind in like_text + like_bytes):
        raise InputError(path, found=f"“{name}”这一列不是文字，是 {kind}", expected="文字列", advice="指明正文是哪一列")


@contextmanager
def _opened(path: str) -> Iterator[ParquetFile]:
    """A Parquet file, read by pages. What pyarrow says of a damaged one becomes an `InputError`."""
    try:
        import pyarrow as pa  # noqa: PLC0415 - large, and needed for this format only
        from pyarrow.parquet import ParquetFile  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise MissingPackageError(
            path,
            found=f"没有安装 {error.name}",
            expected="读 Parquet 用的软件包 pyarrow",
            advice='在本软件的文件夹里运行 pip install ".[parquet]"',
        ) from error
    with opened(path) as content:
        try:
            file = ParquetFile(content, buffer_size=BUFFER_BYTES, pre_buffer=False)
        except Exception as error:  # on damage pyarrow raises nearly anything
            raise _damaged(path) from error
        with file:
            try:
                yield file
            except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
                raise _damaged(path) from error


def _damaged(path: str) -> InputError:
    found, advice = "Parquet 文件已损坏，或用了不支持的压缩", "用原来的软件另存一份再试"
    return InputError(path, found=found, expected="完整的 Parquet 文件", advice=advice)


def header(table: Table, layout: Layout) -> bytes:
    """Each piece is a file with its own header."""
    del table, layout
    return b""


def pieces(table: Table) -> Iterator[Piece]:
    """Runs of rows of about `PIECE_BYTES`; small row groups are taken together, large ones cut. At least one piece."""
    with _opened(table.path) as file:
        metadata = file.metadata
    ends = list(_piece_ends(metadata)) or [0]
    for number, (start, end) in enumerate(zip([0, *ends], ends, strict=False)):
        yield Piece(table, number, start, end, start + 1)


def _piece_ends(metadata: FileMetaData) -> Iterator[int]:
    row = size = 0
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        if size and size + group.total_byte_size > PIECE_BYTES:
            yield row
            size = 0
        rows, parts = group.num_rows, -(-group.total_byte_size // PIECE_BYTES)
        for part in range(1, parts):
            yield row + rows * part // parts
        size = size + group.total_byte_size if parts <= 1 else PIECE_BYTES
        row += rows
    if row:
        yield row


def tag_piece(piece: Piece, layout: Layout, tagger: Tagger) -> PieceResult:
    """The rows of a piece with their tags, as a Parquet file."""
    import pyarrow as pa  # noqa: PLC0415
    from pyarrow import parquet  # noqa: PLC0415

    themes: Counter[str] = Counter()
    uncertain, row = 0, piece.line
    failed: dict[int, str] = {}
    target = io.BytesIO()
    with _opened(piece.table.path) as file:
        schema = _with_tags(file.schema_arrow, layout)
        with parquet.ParquetWriter(target, schema, compression=_compression(file.metadata, layout)) as writer:
            waiting: list[pa.RecordBatch] = []
            for batch in _batches(file, piece):
                tagged = _tag(batch, piece.table, layout, tagger)
                waiting.append(tagged.batch)
                themes.update(tagged.themes)
                uncertain += tagged.uncertain
                failed |= {row + where: why for where, why in tagged.failed.items()}
                row += batch.num_rows
                if sum(each.nbytes for each in waiting) >= GROUP_BYTES:
                    writer.write_table(pa.Table.from_batches(waiting, schema))
                    waiting = []
            if waiting or row == piece.line:
                writer.write_table(pa.Table.from_batches(waiting, schema))
    return PieceResult(target.getvalue(), row - piece.line, themes, uncertain, told(piece.table.path, failed))


def tag_batches(batches: Iterable[pa.RecordBatch], layout: Layout, tagger: Tagger) -> Iterator[pa.RecordBatch]:
    """Record batches with tag columns behind the others; a row that cannot be tagged has null there.

    The columns of text and headings are found in the first batch. Raises as `table_at` does.
    """
    table = None
    for batch in batches:
        if table is None:
            table = _table("表格", batch.schema, layout)
        for start in range(0, max(1, batch.num_rows), BATCH_ROWS):
            yield _tag(batch.slice(start, BATCH_ROWS), table, layout, tagger).batch


def _batches(file: ParquetFile, piece: Piece) -> Iterator[pa.RecordBatch]:
    """The rows of a piece, from the row groups that hold some of them."""
    groups: list[int] = []
    first = row = 0
    for number in range(file.metadata.num_row_groups):
        rows = file.metadata.row_group(number).num_rows
        if row < piece.end and row + rows > piece.start:
            first = first if groups else row
            groups.append(number)
        row += rows
    if not groups:
        return
    size = sum(file.metadata.row_group(number).total_byte_size for number in groups)
    rows = sum(file.metadata.row_group(number).num_rows for number in groups)
    wanted = max(1, min(BATCH_ROWS, rows * BATCH_BYTES // max(1, size)))
    row = first
    for batch in file.iter_batches(wanted, row_groups=groups, use_threads=False):
        start, end = max(0, piece.start - row), min(batch.num_rows, piece.end - row)
        if start < end:
            yield batch.slice(start, end - start)
        row += batch.num_rows
        if row >= piece.end:
            return


def _compression(metadata: FileMetaData, layout: Layout) -> str | dict[str, str]:
    """How each column of the input is compressed; tag columns are as most of them."""
    if not metadata.num_row_groups:
        return "zstd"
    group = metadata.row_group(0)
    kinds = {column.path_in_schema: column.compression for column in map(group.column, range(group.num_columns))}
    usual = Counter(kinds.values()).most_common(1)[0][0]
    ours = {path.replace(name, called, 1): usual for name, called in names(layout).items() for path in LEAVES[name]}
    return {path: "NONE" if kind == "UNCOMPRESSED" else kind for path, kind in (kinds | ours).items()}


# Tag columns as Arrow arrays


@dataclass(frozen=True, slots=True)
class _TaggedBatch:
    batch: pa.RecordBatch
    themes: Counter[str]
    uncertain: int
    failed: Mapping[int, str]


def _tag(batch: pa.RecordBatch, table: Table, layout: Layout, tagger: Tagger) -> _TaggedBatch:
    import pyarrow as pa  # noqa: PLC0415

    failed: dict[int, str] = {}
    texts = _texts(batch.column(table.text), failed)
    headings = None if table.headings is None else _headings(batch.column(table.headings), failed)
    tags = tags_of(tagger, texts, headings)
    reasons = reasons_of(tagger, texts, tags) if layout.reasons else []
    columns = [*batch.columns, *_columns(tags, reasons, np.isin(np.arange(len(texts)), list(failed)))]
    schema = _with_tags(batch.schema, layout)
    themes, uncertain = counted(tags, failed)
    return _TaggedBatch(pa.RecordBatch.from_arrays(columns[: len(schema)], schema=schema), themes, uncertain, failed)


def _texts(column: pa.Array, failed: dict[int, str]) -> list[str]:
    """The paragraphs of a column; where there is none, an empty one, and in `failed` why."""
    values = _values(column)
    if set(map(type, values)) <= {str} and max(map(len, values), default=0) <= MAX_CHARACTERS:
        return values
    texts = []
    for row, value in enumerate(values):
        try:
            text = value.decode() if isinstance(value, bytes) else value
            why = unfit(text)
        except UnicodeDecodeError:
            why = bad_bytes("utf-8")
        if why is not None:
            failed[row] = why
        texts.append("" if why is not None else text)
    return texts


def _values(column: pa.Array) -> list[Any]:
    import pyarrow as pa  # noqa: PLC0415

    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    try:
        values: list[Any] = column.to_pylist()
    except UnicodeDecodeError:  # some value is no UTF-8; they are looked at one by one
        values = column.cast(pa.large_binary()).to_pylist()
    return values


def _headings(column: pa.Array, failed: dict[int, str]) -> list[tuple[str, ...]]:
    paths = []
    for row, value in enumerate(_values(column)):
        path = heading_path(value)
        if path is None:
            failed.setdefault(row, "标题这一列不是文字，也不是文字的列表")
        paths.append(path or ())
    return paths


def _with_tags(schema: pa.Schema, layout: Layout) -> pa.Schema:
    import pyarrow as pa  # noqa: PLC0415

    text, decimal = pa.string(), pa.float64()
    reason = {"text": text, "start": pa.int64(), "end": pa.int64(), "log_odds": decimal}
    reasons = pa.struct([pa.field(name, kind, nullable=False) for name, kind in reason.items()])
    kinds = {
        "theme": text,
        "also": pa.list_(pa.field("element", text, nullable=False)),
        "probability": decimal,
        "uncertain": pa.bool_(),
        "second": text,
        "second_probability": decimal,
        "reasons": pa.list_(pa.field("element", reasons, nullable=False)),
    }
    for name, called in names(layout).items():
        schema = schema.append(pa.field(called, kinds[name]))
    return schema


def _columns(tags: Tags, reasons: Sequence[tuple[Reason, ...]], failed: npt.NDArray[np.bool_]) -> Iterator[pa.Array]:
    """The tag columns, in order; null where a row failed."""
    import pyarrow as pa  # noqa: PLC0415

    kinds = _with_tags(pa.schema([]), Layout(reasons=True))
    themes = pa.array(tags.themes, pa.string())
    yield themes.take(pa.array(tags.theme, mask=failed))
    yield pa.array(tags.alsos, kinds.field("also").type).take(pa.array(tags.also, mask=failed))
    yield pa.array(tags.probability / STEPS, mask=failed)
    yield pa.array(tags.uncertain, mask=failed)
    yield themes.take(pa.array(tags.second, mask=failed))
    yield pa.array(tags.second_probability / STEPS, mask=failed)
    told_of = [
        None if no else list(map(reason_record, each)) for no, each in zip(failed.tolist(), reasons, strict=False)
    ]
    yield pa.array(told_of, kinds.field("reasons").type)
