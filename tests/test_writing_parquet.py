"""Parquet: what is written is what a data frame gets."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path

import pytest
from test_writing_rows import make_line, make_row

from tagger.errors import MissingPackageError, OutputError
from tagger.writing import parquet as writing
from tagger.writing.parquet import write_parquet
from tagger.writing.rows import Row

parquet = pytest.importorskip("pyarrow.parquet")
TITLE = make_line("title", "述职报告")


def record(row: Row) -> dict[str, object]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(row).items()}


def test_rows_come_back(tmp_path: Path) -> None:
    rows = [make_row(1), TITLE, make_row(2)]
    write_parquet(tmp_path / "新" / "a.parquet", iter(rows))
    assert [path.name for path in (tmp_path / "新").iterdir()] == ["a.parquet"]
    table = parquet.read_table(tmp_path / "新" / "a.parquet")
    assert table.column_names == list(Row.__slots__)
    assert table.to_pylist() == [record(row) for row in rows]


def test_the_schema_is_the_same_whatever_the_rows_hold(tmp_path: Path) -> None:
    for name, rows in {"full": [make_row()], "bare": [TITLE], "none": []}.items():
        write_parquet(tmp_path / name, rows)
    schemas = [parquet.read_schema(tmp_path / name) for name in ("full", "bare", "none")]
    assert schemas[0].equals(schemas[1], check_metadata=True)
    assert schemas[0].equals(schemas[2], check_metadata=True)
    assert str(schemas[0].field("reasons").type) == (
        "list<element: struct<text: string not null, start: int64 not null, end: int64 not null, "
        "log_odds: double not null> not null>"
    )
    nullable = {field.name for field in schemas[0] if field.nullable}
    assert nullable == {name for name in Row.__slots__ if getattr(TITLE, name) is None}


def test_rows_are_written_in_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "ROW_GROUP_ROWS", 2)
    write_parquet(tmp_path / "a.parquet", map(make_row, range(1, 6)))
    file = parquet.ParquetFile(tmp_path / "a.parquet")
    assert file.num_row_groups == 3
    assert file.read(["paragraph"])["paragraph"].to_pylist() == [1, 2, 3, 4, 5]


def test_a_lone_surrogate_becomes_a_question_mark(tmp_path: Path) -> None:
    write_parquet(tmp_path / "a.parquet", [make_row(1, "坏\ud800字")])
    assert parquet.read_table(tmp_path / "a.parquet")["text"].to_pylist() == ["坏?字"]


def test_an_interruption_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(b"old")
    with pytest.raises(ZeroDivisionError):
        write_parquet(path, (make_row(1 // number) for number in (1, 0)))
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "文件").write_text("x", encoding="utf-8")
    with pytest.raises(OutputError, match="写不进去"):
        write_parquet(tmp_path / "文件" / "a.parquet", [make_row()])


def test_without_pyarrow_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingPackageError, match=r"pyarrow.*\.\[parquet\]"):
        write_parquet(tmp_path / "a.parquet", [make_row()])
    assert not list(tmp_path.iterdir())
