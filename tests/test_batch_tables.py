"""Tables of paragraphs through the runner: shard by shard, in order, whatever the format; and the choice of rows."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from tagger import Tagger, tables
from tagger.batch import Options, Progress, engine, inputs_at, planned, run
from tagger.errors import UsageError

SENTENCES = ("支部换届全部完成，发展党员三名。", "普法小分队进村宣讲十二次。", "今天天气很好。")
ROWS = [{"编号": number, "正文": SENTENCES[number % 3]} for number in range(3000)]


def ignore(_: Progress) -> None:
    pass


def write_table(path: Path) -> Path:
    if path.suffix == ".jsonl":
        path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in ROWS), encoding="utf-8")
    elif path.suffix == ".csv":
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, ["编号", "正文"])
            writer.writeheader()
            writer.writerows(ROWS)
    else:
        pa = pytest.importorskip("pyarrow")
        from pyarrow import parquet

        parquet.write_table(pa.Table.from_pylist(ROWS), path)
    return path


def read_table(path: Path) -> list[dict[str, object]]:
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    if path.suffix == ".csv":
        return list(csv.DictReader(path.read_text("utf-8-sig").splitlines()))
    from pyarrow import parquet

    return [row for part in sorted(path.iterdir()) for row in parquet.read_table(part).to_pylist()]


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tagger.tables.lines.PIECE_BYTES", 2**15)
    monkeypatch.setattr("tagger.tables.parquet.PIECE_BYTES", 2**10)


@pytest.fixture(params=[".jsonl", ".csv", ".parquet"])
def table(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    return write_table(tmp_path / f"表{request.param}")


def tagged(table: Path, tagger: Tagger, **options: object) -> tuple[Progress, list[dict[str, object]]]:
    out = table.parent / "out"
    done = run(planned(inputs_at([table]), out, tagger, Options(**options)), on_progress=ignore)  # type: ignore[arg-type]
    assert sorted(path.name for path in out.iterdir()) == ["run.json", f"表.标注{table.suffix}"]
    return done, read_table(out / f"表.标注{table.suffix}")


def test_rows_keep_their_order_and_columns(table: Path, tagger: Tagger) -> None:
    done, rows = tagged(table, tagger)
    assert done.shards > 2
    assert (done.counts.files, done.counts.paragraphs, done.failures) == (1, 3000, [])
    assert 0.9 < done.counts.size / table.stat().st_size <= 1
    assert [str(row["编号"]) for row in rows] == [str(row["编号"]) for row in ROWS]
    wanted = [str(tag) for tag in tagger.tag_batch(SENTENCES)]
    assert [row["theme"] for row in rows] == wanted * 1000
    assert done.counts.themes == {theme: 1000 * wanted.count(theme) for theme in wanted}


def test_chosen_rows_and_columns(table: Path, tagger: Tagger) -> None:
    theme = str(tagger.tag(SENTENCES[1]))
    done, rows = tagged(table, tagger, select=f"theme={theme},probability>0.5", columns="theme,编号")
    assert done.counts.written == len(rows) == 1000
    assert list(rows[0]) == ["theme", "编号"]
    assert [int(str(row["编号"])) % 3 for row in rows] == [1] * 1000


def test_chosen_rows_where_the_columns_have_a_prefix(table: Path, tagger: Tagger) -> None:
    _, rows = tagged(table, tagger, select="uncertain=false,also!=治理", layout=tables.Layout(prefix="标注_"))
    assert rows
    assert all(not row["标注_uncertain"] for row in rows)
    assert list(rows[0])[:3] == ["编号", "正文", "标注_theme"]


def test_a_column_that_is_not_there(table: Path, tagger: Tagger) -> None:
    with pytest.raises(UsageError, match="没有 '年份' 这一列。应为：编号、正文、theme"):
        tagged(table, tagger, columns="年份")


def test_a_folder_of_tables_and_documents(tmp_path: Path, tagger: Tagger) -> None:
    folder = tmp_path / "材料"
    for name in ("甲", "乙"):
        (folder / name).mkdir(parents=True)
        write_table(folder / name / "表.jsonl")
    (folder / "坏.csv").write_bytes(b"\x00\xff")
    (folder / "文.txt").write_text("总结\n" + SENTENCES[0], encoding="utf-8")
    inputs = inputs_at([folder], in_tables=True)
    assert [each.output for each in inputs] == ["坏.标注.csv", "表.标注.jsonl", "表.2.标注.jsonl"]
    mixed = [*inputs_at([folder / "文.txt"]), *inputs]
    for jobs in (1, 2):
        out = tmp_path / str(jobs)
        done = run(planned(mixed, out, tagger, Options()), engine=engine(jobs), on_progress=ignore)
        assert done.counts.paragraphs == 6001
        assert [Path(failure.place).name for failure in done.failures] == ["坏.csv"]
        assert sorted(path.name for path in out.iterdir()) == [
            "paragraphs.csv",
            "paragraphs.jsonl",
            "run.json",
            "表.2.标注.jsonl",
            "表.标注.jsonl",
        ]
    for path in (tmp_path / "1").glob("*标注*"):
        assert path.read_bytes() == (tmp_path / "2" / path.name).read_bytes()


def test_rows_that_cannot_be_tagged_are_reported_with_their_place(tmp_path: Path, tagger: Tagger) -> None:
    path = tmp_path / "表.jsonl"
    lines = [json.dumps(row, ensure_ascii=False).encode() for row in ROWS[:5]]
    lines[2] = b'{"\xff": 1}'
    lines[3] = b"{broken"
    path.write_bytes(b"\n".join(lines))
    done, rows = tagged(path, tagger)
    assert [failure.place.rpartition("第 ")[2] for failure in done.failures] == ["3 行", "4 行"]
    assert all(failure.reason.startswith(f"{failure.place}：") for failure in done.failures)
    assert [bool(row["theme"]) for row in rows] == [True, True, False, False, True]
    done, rows = tagged(path, tagger, select="probability>0")
    assert [row["编号"] for row in rows] == [0, 1, 4]


@pytest.mark.parametrize("options", [{"select": "probability>0"}, {"columns": "theme,编号,正文"}])
def test_two_columns_of_one_name_in_csv(tmp_path: Path, tagger: Tagger, options: dict[str, str]) -> None:
    path = tmp_path / "表.csv"
    path.write_text(f"编号,编号,正文\n1,2,{SENTENCES[0]}\n3,4,{SENTENCES[1]}\n", encoding="utf-8")
    tagged(path, tagger, **options)
    header, *rows = csv.reader((tmp_path / "out" / "表.标注.csv").read_text("utf-8-sig").splitlines())
    if "select" in options:
        assert header[:4] == ["编号", "编号", "正文", "theme"]
        assert [row[:3] for row in rows] == [["1", "2", SENTENCES[0]], ["3", "4", SENTENCES[1]]]
    else:
        assert header == ["theme", "编号", "正文"]
        assert [row[1:] for row in rows] == [["1", SENTENCES[0]], ["3", SENTENCES[1]]]


@pytest.mark.parametrize("options", [{"select": "probability>0"}, {"columns": "theme,编号,正文"}])
def test_two_columns_of_one_name_in_parquet(tmp_path: Path, tagger: Tagger, options: dict[str, str]) -> None:
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    columns = [pa.array([1, 3]), pa.array([2, 4]), pa.array(SENTENCES[:2])]
    parquet.write_table(pa.Table.from_arrays(columns, ["编号", "编号", "正文"]), tmp_path / "表.parquet")
    inputs = inputs_at([tmp_path / "表.parquet"])
    done = run(planned(inputs, tmp_path / "out", tagger, Options(**options)), on_progress=ignore)  # type: ignore[arg-type]
    assert done.failures == []
    with parquet.ParquetFile(tmp_path / "out" / "表.标注.parquet" / "part-00000.parquet") as file:
        found = file.read()
    if "select" in options:
        assert found.column_names[:4] == ["编号", "编号", "正文", "theme"]
        assert [found.column(number).to_pylist() for number in range(2)] == [[1, 3], [2, 4]]
    else:
        assert found.column_names == ["theme", "编号", "正文"]
        assert found.column(1).to_pylist() == [1, 3]


def test_chosen_lines_of_json_stay_byte_for_byte(tmp_path: Path, tagger: Tagger) -> None:
    path = tmp_path / "表.jsonl"
    line = f'{{"数": 1.10e2, "数":  12345678901234567890.0,"正文":"{SENTENCES[0]}\\u0041"'
    path.write_text(line + "}\n", encoding="utf-8")
    tagged(path, tagger, select="probability>0")
    written = (tmp_path / "out" / "表.标注.jsonl").read_text("utf-8")
    assert written.startswith(line + ',"theme":')


def test_what_breaks_the_choice_of_rows_is_a_failure_of_the_table(
    tmp_path: Path, tagger: Tagger, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_table(tmp_path / "表.jsonl")
    monkeypatch.setattr("tagger.batch.working.sifted", lambda *_: 1 / 0)
    done = run(
        planned(inputs_at([path]), tmp_path / "out", tagger, Options(select="probability>0")), on_progress=ignore
    )
    assert "ZeroDivisionError" in done.failures[0].reason
