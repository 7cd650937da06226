from __future__ import annotations

import csv
import io
import json
import pickle
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import openpyxl
import pyarrow as pa
import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from tagger import tables
from tagger.decision import Rule, decide, runner_up
from tagger.errors import FormatError, InputError, MissingPackageError, TaggerError, UsageError
from tagger.model import calibrated
from tagger.records import Reason
from tagger.tables import Layout, columns, lines
from tagger.tables import jsonl as jsonl_tables
from tagger.tables import parquet as parquet_tables
from tagger.tables import records as nouns
from tagger.tagging import Tagger
from tagger.themes import OTHER

LAW, PARTY = "开展普法宣传，推进依法行政，规范行政执法。", "支部换届，发展党员三名，落实“三会一课”。"
LAYOUT = Layout()
HEADER = ["编号", "标题", "正文", "年份"]
ROWS = [
    ["007", "一、党建 / （一）支部", PARTY, "2024"],
    ["008", "", '他说“好”,\r\n又说"行"；a|b\tc;d', ""],
    ["=1+1", "二、法治", "", "2025"],
    ["010", "", LAW, "2026"],
]
TAGS = ["theme", "also", "probability", "uncertain", "second", "second_probability"]


@pytest.fixture
def save(tmp_path: Path) -> Callable[[str, str | bytes], Path]:
    def save(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return save


Save = Callable[[str, str | bytes], Path]


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "PIECE_BYTES", 64)
    monkeypatch.setattr(parquet_tables, "PIECE_BYTES", 64)


def csv_text(rows: Iterable[Iterable[object]], separator: str = ",", **options: Any) -> str:
    target = io.StringIO(newline="")
    csv.writer(target, delimiter=separator, **options).writerows(rows)
    return target.getvalue()


def jsonl_text(items: Iterable[object]) -> str:
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in items)


def run(path: Path, tagger: Tagger, layout: Layout = LAYOUT) -> tuple[bytes, list[tables.PieceResult]]:
    """The whole output of a table and what became of its pieces, which also travel to other processes and back."""
    results = [
        tables.tag_piece(pickle.loads(pickle.dumps(each)), layout, tagger)  # noqa: S301
        for each in tables.pieces(path, layout)
    ]
    return tables.header(path, layout) + b"".join(each.content for each in results), results


def csv_rows(path: Path, tagger: Tagger, layout: Layout = LAYOUT) -> list[list[str]]:
    content, results = run(path, tagger, layout)
    assert content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True))
    assert sum(each.rows for each in results) == len(rows) - 1
    return rows


def jsonl_rows(path: Path, tagger: Tagger, layout: Layout = LAYOUT) -> list[dict[str, Any]]:
    content, results = run(path, tagger, layout)
    rows = [json.loads(line) for line in content.decode().split("\n")[:-1]]
    assert sum(each.rows for each in results) == len(rows)
    return rows


def failures(path: Path, tagger: Tagger, layout: Layout = LAYOUT) -> list[tuple[str, str]]:
    told = [each for result in run(path, tagger, layout)[1] for each in result.failures]
    return [(place.removeprefix(str(path)), reason) for place, reason in told]


def expected(tagger: Tagger, text: str, headings: tuple[str, ...] = ()) -> dict[str, Any]:
    """The tag columns, the slow way."""
    tag = tagger.tag(text, headings)
    second = max((score for score in tag.scores if score.theme != tag.theme), key=lambda score: score.probability)
    values = [tag.theme, list(tag.also), round(tag.probability, 4), tag.uncertain]
    return dict(zip(TAGS, [*values, second.theme, round(second.probability, 4)], strict=True))


def cells(tags: dict[str, Any]) -> list[str]:
    special = {"also": "、".join(tags["also"]), "uncertain": "不确定" if tags["uncertain"] else ""}
    return [str(value) for value in (tags | special).values()]


# What is a table


def test_tables_are_known_by_their_names(tmp_path: Path) -> None:
    for name in ("a.csv", "A.CSV", "a.tsv", "a.jsonl", "a.xlsx", "a.parquet"):
        assert tables.is_table(tmp_path / name), name
    for name in ("a.docx", "a.txt", "a.json", "csv"):
        assert not tables.is_table(name), name
    suffixes = [tables.suffix_of(f"没有.{suffix}") for suffix in ("csv", "tsv", "jsonl", "xlsx", "parquet")]
    assert suffixes == [".csv", ".csv", ".jsonl", ".csv", ".parquet"]


def test_importing_tables_loads_nothing_heavy(root: Path) -> None:
    script = f"import sys; sys.path.insert(0, {str(root)!r}); import tagger.tables; print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert not {"pyarrow", "openpyxl", "orjson", "tagger.tables.csv", "lxml"} & set(found)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100), "旧版或加密的 Excel"),
        ("a.pdf", b"%PDF-1.7", "不认识的表格格式（.pdf）"),
        ("a.xlsx", b"no zip", "不是 .xlsx 表格，或已损坏"),
        ("a.parquet", b"no parquet", "不是 .parquet 表格"),
    ],
)
def test_files_that_are_no_tables(save: Save, name: str, content: bytes, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        tables.pieces(save(name, content), LAYOUT)


def test_paths_that_do_not_serve(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="没有这个文件"):
        tables.pieces(tmp_path / "无.csv", LAYOUT)
    with pytest.raises(InputError, match="打不开"):
        tables.header(tmp_path, LAYOUT)


# Columns


def test_columns_are_found_or_named(save: Save, tagger: Tagger) -> None:
    path = save("a.csv", f"Content , 题目,说明\n{LAW},乙,{PARTY}\n")
    assert csv_rows(path, tagger) == [
        ["Content ", " 题目", "说明", *TAGS],
        [LAW, "乙", PARTY, *cells(expected(tagger, LAW))],
    ]
    assert csv_rows(path, tagger, Layout(text="说明", headings="题目"))[1][3:] == cells(
        expected(tagger, PARTY, ("乙",))
    )
    for layout in (Layout(text="无"), Layout(headings="无")):
        with pytest.raises(InputError, match="没有叫“无”的列；表里的列有：Content 、 题目、说明"):
            tables.pieces(path, layout)
    with pytest.raises(InputError, match="看不出哪一列是正文；表里的列有：甲、乙"):
        tables.pieces(save("b.csv", "甲,乙\n1,2\n"), LAYOUT)
    with pytest.raises(InputError, match="有同名的列“正文”"):
        tables.pieces(save("c.csv", "正文,正文\n1,2\n"), LAYOUT)


def test_a_column_called_as_one_of_ours_needs_a_prefix(save: Save, tagger: Tagger) -> None:
    table = pa.table({"text": [LAW], "theme": ["旧"]})
    parquet.write_table(table, target := io.BytesIO())
    for name, content in (
        ("a.csv", f"text,theme\n{LAW},旧\n"),
        ("a.jsonl", jsonl_text([{"text": LAW, "theme": "旧"}])),
        ("a.xlsx", excel(("表", [["text", "theme"], [LAW, "旧"]]))),
        ("a.parquet", target.getvalue()),
    ):
        path = save(name, content)
        with pytest.raises(UsageError, match="表里已有名为 theme 的列.*--prefix"):
            tables.pieces(path, LAYOUT)
        layout = Layout(prefix="标注_")
        output = run(path, tagger, layout)[0]
        if name == "a.parquet":
            assert parquet.read_table(io.BytesIO(output)).column_names == [
                "text",
                "theme",
                *["标注_" + each for each in TAGS],
            ]
        else:
            assert "标注_second_probability" in output.decode()
    with pytest.raises(UsageError, match="名为 reasons 的列"):
        tables.pieces(save("b.csv", "text,reasons\n甲,乙\n"), Layout(reasons=True))
    assert tables.pieces(save("b.csv", "text,reasons\n甲,乙\n"), LAYOUT)


@pytest.mark.parametrize("reasons", [False, True])
def test_tags_are_those_of_the_tagger(
    save: Save,
    tagger: Tagger,
    documents: list[dict[str, Any]],
    reasons: bool,  # noqa: FBT001
) -> None:
    some = [each for each in documents if each["role"] == "body"][: 40 if reasons else 1500]
    path = save("a.jsonl", jsonl_text({"text": each["text"], "headings": each["headings"]} for each in some))
    layout = Layout(headings="headings", reasons=reasons)
    rows = jsonl_rows(path, tagger, layout)
    for each, row in zip(some, rows, strict=True):
        found = {name: row[name] for name in TAGS}
        assert found == expected(tagger, each["text"], tuple(each["headings"]))
        assert list(row) == ["text", "headings", *TAGS, *["reasons"] * reasons]
        assert all(row["text"][each["start"] : each["end"]] == each["text"] for each in row.get("reasons", []))
    assert not reasons or any(row["reasons"] for row in rows)
    (result,) = run(path, tagger, layout)[1]
    assert result.themes.total() == len(rows)
    assert result.uncertain == sum(row["uncertain"] for row in rows)


def test_many_secondary_themes_stand_as_the_decision_says() -> None:
    random = np.random.default_rng(7)
    log_odds = random.normal(size=(500, 6))
    probabilities = calibrated(log_odds, np.ones(6), np.zeros(6))
    rule = Rule(0.5, (0.1, -0.3, 0.0, 0.4, 0.2, 0.0))
    themes = (*"甲乙丙丁戊", OTHER)
    model = SimpleNamespace(themes=themes, log_odds=lambda *_: log_odds, probabilities=lambda _: probabilities.copy())
    found = columns.tags_of(SimpleNamespace(model=model, rule=rule), ["普法"] * 500, None)  # type: ignore[arg-type]
    wanted = decide(themes, log_odds, probabilities, rule)
    assert [found.alsos[number] for number in found.also] == [tag.also for tag in wanted]
    assert [found.themes[number] for number in found.theme] == [tag.theme for tag in wanted]
    assert found.uncertain.tolist() == [tag.uncertain for tag in wanted]
    assert max(map(len, found.alsos)) > 2


# CSV


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "gb18030"])
@pytest.mark.parametrize("separator", list(",;\t|"))
def test_csv_in_every_encoding_with_every_separator(save: Save, tagger: Tagger, encoding: str, separator: str) -> None:
    wanted = [HEADER + TAGS, *[row + cells(expected(tagger, row[2])) for row in ROWS]]
    for options in ({}, {"quoting": csv.QUOTE_ALL}, {"lineterminator": "\n"}):
        path = save("a.csv", csv_text([HEADER, *ROWS], separator, **options).encode(encoding))
        assert csv_rows(path, tagger) == wanted
        assert len(list(tables.pieces(path, LAYOUT))) > 1
        assert not failures(path, tagger)


def test_csv_rows_stay_byte_for_byte(save: Save, tagger: Tagger) -> None:
    lines = ['"编号",正文,"x"', f'007,{PARTY},"="', f'"8","{LAW}", b ', '9,"他说""好"",\n行",']
    content, _ = run(save("a.csv", "\n".join(lines)), tagger)
    rows = content.decode("utf-8-sig").split("\n")
    rows[3:5] = ["\n".join(rows[3:5])]
    assert rows[0] == "编号,正文,x," + ",".join(TAGS)
    assert [row.startswith(line + ",") for row, line in zip(rows[1:], lines[1:], strict=False)] == [True] * 3
    assert rows[4:] == [""]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_one_column_and_any_line_end(save: Save, tagger: Tagger, end: str) -> None:
    path = save("a.csv", end.join(["", "正文", "一,二；三", "", '"四', '五"', ""]))
    assert [row[0] for row in csv_rows(path, tagger)] == ["正文", "一,二；三", f"四{end}五"]
    assert not failures(path, tagger)


def test_cells_that_we_add_start_no_formula(save: Save, tagger: Tagger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tagger, "strongest_reasons", lambda *_: [(reason_of("=1+1"), reason_of("@a,b"))])
    path = save("a.csv", "id,text\n=2+2,普法\n")
    rows = csv_rows(path, tagger, Layout(prefix="=", reasons=True))
    assert rows[0][2] == "'=theme"
    assert rows[1][0] == "=2+2"
    assert rows[1][-1] == "'=1+1 +1.00；@a,b +1.00"


def reason_of(text: str) -> Reason:
    return Reason(text, 0, len(text), 1.0)


GOOD = "编号,正文\n1,甲\n"


@pytest.mark.parametrize(
    ("content", "told", "ids"),
    [
        (GOOD + "2\n3,丙\n", [(3, "只有 1 格")], ["1", "2", "3"]),
        (GOOD + "2,乙,丙\n3,丙\n", [(3, "有 3 格，列名只有 2 个")], ["1", "2", "3"]),
        (GOOD + "2,乙,,\n3,丙\n", [], ["1", "2", "3"]),
        (GOOD + '2,"乙\n丙"\n3,"丁"戊\n4,己\n', [(5, "引号不成对")], ["1", "2", "", "4"]),
        (GOOD + '2,"乙\n3,丙\n4,丁\n', [(3, "引号不成对")], ["1", "", "3", "4"]),
        (GOOD + '2,"乙\n3,"丙"\n4,丁\n', [(3, "引号不成对")], ["1", "", "3", "4"]),
        (GOOD + '2,5"管\n3,丙\n', [], ["1", "2", "3"]),
        (GOOD + "2,乙\r丙\n3,丙\n", [(3, "引号不成对，或换行")], ["1", "", "3"]),
        (GOOD.encode() * 3 + "2,党".encode() + b"\xff\n3,a\n", [(7, "有不合 UTF-8 编码")], [*"1编1编1", "", "3"]),
        (GOOD.encode("gb18030") * 3 + b"2,\xb5\xff\n3,a\n", [(7, "有不合 GB18030 编码")], [*"1编1编1", "", "3"]),
        (GOOD.encode("utf-16") + b"2\x00,\x00\x00\xd8,\x00\n\x00", [(3, "有不合 UTF-16-LE 编码")], ["1", ""]),
        (GOOD + f"2,{'长' * 131_073}\n3,丙\n", [(3, "正文有 131073 字")], ["1", "2", "3"]),
        (GOOD + "2,a\0b\n3,丙\n", [], ["1", "2", "3"]),
    ],
)
@pytest.mark.parametrize("piece_bytes", [1, 16, 2**22])
def test_a_broken_row_is_told_and_the_others_are_tagged(  # noqa: PLR0913, PLR0917
    save: Save,
    tagger: Tagger,
    monkeypatch: pytest.MonkeyPatch,
    content: str | bytes,
    told: list[tuple[int, str]],
    ids: list[str],
    piece_bytes: int,
) -> None:
    monkeypatch.setattr(lines, "PIECE_BYTES", piece_bytes)
    path = save("a.csv", content)
    rows = csv_rows(path, tagger)
    assert [row[0][:1] for row in rows[1:]] == ids
    assert {len(row) for row in rows} == {8}
    found = failures(path, tagger)
    assert [place for place, _ in found] == [f":第 {line} 行" for line, _ in told]
    assert all(why in reason for (_, reason), (_, why) in zip(found, told, strict=True))
    assert [row[0] for row in rows[1:] if not row[2]] == [row[0] for row in rows[1:] if row[2:] == [""] * 6]
    assert sum(not row[2] for row in rows) == len(told)


def test_an_open_quote_does_not_swallow_the_table(save: Save, tagger: Tagger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "PIECE_BYTES", 256)
    monkeypatch.setattr(lines, "MAX_ROW_BYTES", 1024)
    for quoted in ("", '"'):
        rest = "".join(f"{number},{quoted}段落{quoted}\n" for number in range(2, 500))
        path = save("a.csv", f'编号,正文\n1,"甲\n{rest}')
        assert [place for place, _ in failures(path, tagger)] == [":第 2 行"]
        assert [row[0] for row in csv_rows(path, tagger)[2:]] == [str(number) for number in range(2, 500)]


def test_csv_without_rows(save: Save, tagger: Tagger) -> None:
    path = save("a.csv", "编号,正文\n")
    assert csv_rows(path, tagger) == [["编号", "正文", *TAGS]]
    for content, message in (("", "没有数据"), ("\n\n", "没有数据"), ('"正文,\n', "第一行不是列名")):
        with pytest.raises(InputError, match=message):
            tables.header(save("a.csv", content), LAYOUT)


CELL = st.text(st.sampled_from('",\n\r|党a '), max_size=6)


@settings(max_examples=60)
@given(
    st.lists(st.tuples(CELL, CELL), min_size=1, max_size=8), st.integers(1, 40), st.sampled_from(",|"), st.booleans()
)
def test_any_cells_survive_csv(
    tagger: Tagger,
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[Any],
    size: int,
    separator: str,
    all_quoted: bool,  # noqa: FBT001
) -> None:
    path = tmp_path_factory.getbasetemp() / "任意.csv"
    quoting = csv.QUOTE_ALL if all_quoted else csv.QUOTE_MINIMAL
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "PIECE_BYTES", size)
        for encoding in ("utf-8", "gb18030"):
            path.write_bytes(csv_text([("正文", "编号"), *rows], separator, quoting=quoting).encode(encoding))
            assert [tuple(row[:2]) for row in csv_rows(path, tagger)[1:]] == rows
            assert not failures(path, tagger)


@settings(max_examples=150)
@given(st.text(st.sampled_from('"",,\n\n\r党a'), max_size=40), st.integers(1, 30))
def test_pieces_do_not_change_what_any_csv_gives(
    tagger: Tagger, tmp_path_factory: pytest.TempPathFactory, text: str, size: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "切.csv"
    path.write_bytes(("正文,编号\n" + text).encode())
    whole = run(path, tagger)
    assert b"".join(path.read_bytes()[p.start : p.end] for p in tables.pieces(path, LAYOUT)) == text.encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "PIECE_BYTES", size)
        content, results = run(path, tagger)
    assert content == whole[0]
    assert [each for result in results for each in result.failures] == [e for r in whole[1] for e in r.failures]


# JSON Lines


def test_jsonl_lines_stay_byte_for_byte(save: Save, tagger: Tagger) -> None:
    lines = [f'{{"id":1, "text" : "{LAW}","n":1.50}}', '{"text":"\\u666e\\u6cd5","m":{"a":[1,null]},"e":{}}']
    content, (result,) = run(save("a.jsonl", "\n".join(lines)), tagger)
    rows = content.decode().splitlines()
    assert [row.startswith(line[:-1] + ',"theme":') for row, line in zip(rows, lines, strict=True)] == [True, True]
    assert (result.rows, result.failures) == (2, [])
    crlf, _ = run(save("a.jsonl", "\r\n".join(lines) + "\r\n"), tagger)
    assert crlf == content


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "gb18030"])
def test_jsonl_in_every_encoding(save: Save, tagger: Tagger, encoding: str) -> None:
    items = [{"id": number, "text": text, "x": "\u2028\x85"} for number, text in enumerate([LAW, "", PARTY] * 3)]
    path = save("a.jsonl", jsonl_text(items).replace("\n", "\n\n").encode(encoding))
    assert jsonl_rows(path, tagger) == [record | expected(tagger, str(record["text"])) for record in items]
    assert len(list(tables.pieces(path, LAYOUT))) > 1


@pytest.mark.parametrize("piece_bytes", [1, 100, 2**22])
@pytest.mark.parametrize("fast", [True, False])
def test_broken_lines_are_told_and_the_others_are_tagged(
    save: Save,
    tagger: Tagger,
    monkeypatch: pytest.MonkeyPatch,
    piece_bytes: int,
    fast: bool,  # noqa: FBT001
) -> None:
    monkeypatch.setattr(lines, "PIECE_BYTES", piece_bytes)
    if not fast:
        monkeypatch.setattr(jsonl_tables, "_fast_loads", lambda line: json.loads(line.decode()))
    good = json.dumps({"id": 1, "text": LAW}).encode()
    bad = [
        (b'{"text": ', "不是完整的 JSON"),
        (b'{"text": "\xff"}', "有不合 UTF-8 编码"),
        (b'["' + LAW.encode() + b'"]', "不是 JSON 对象"),
        (b"[" * 20_000, "不是完整的 JSON"),
        (b'{"text": ' + b"9" * 9999 + b"}", ""),
        (b'{"text": null, "id": 7}', "正文是空值"),
        (b'{"text": 7, "id": 7}', "正文不是文字"),
        (b'{"id": 7}', "没有“text”这一项"),
        (b"{}", "没有“text”这一项"),
        (b'{"text": "a", "theme": 1, "id": 7}', "这一行另有名为 theme 的项"),
        (json.dumps({"text": "长" * 131_073, "id": 7}).encode(), "正文有 131073 字"),
    ]
    path = save("a.jsonl", b"".join(good + b"\n" + line + b"\n" for line, _ in bad))
    found = failures(path, tagger)
    assert [place for place, _ in found] == [f":第 {2 * number} 行" for number in range(1, len(bad) + 1)]
    assert all(why in reason for (_, reason), (_, why) in zip(found, bad, strict=True)), found
    rows = jsonl_rows(path, tagger)
    assert rows[::2] == [{"id": 1, "text": LAW} | expected(tagger, LAW)] * len(bad)
    for row, (line, _) in zip(rows[1::2], bad, strict=True):
        assert [row[name] for name in TAGS] == [None] * 6
        assert row.get("id") == (7 if b'"id"' in line else None)


def test_what_json_itself_writes_is_read(save: Save, tagger: Tagger) -> None:
    record = {"text": "普法\ud800", "x": [float("inf")], "n": 10**30}
    path = save("a.jsonl", json.dumps(record) + "\n")
    assert jsonl_rows(path, tagger) == [record | expected(tagger, str(record["text"]))]


def test_headings_in_jsonl(save: Save, tagger: Tagger) -> None:
    values = [["一、", "（一）"], "一、 / （一）", None, [], 7, ["a", 1]]
    layout = Layout(headings="h")
    for chosen in (values[:4], values):
        path = save("a.jsonl", jsonl_text({"text": LAW, "h": value} for value in chosen))
        rows = jsonl_rows(path, tagger, layout)
        with_path, without = expected(tagger, LAW, ("一、", "（一）")), expected(tagger, LAW)
        assert [{name: row[name] for name in TAGS} for row in rows[:4]] == [with_path] * 2 + [without] * 2
        assert failures(path, tagger, layout) == [
            (f":第 {line} 行", "“h”这一项不是文字，也不是文字的列表") for line in range(5, len(chosen) + 1)
        ]


def test_lines_that_are_too_long_are_not_read(save: Save, tagger: Tagger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "PIECE_BYTES", 100)
    monkeypatch.setattr(lines, "MAX_ROW_BYTES", 1000)
    items = [{"text": "长" * 5000}, {"text": LAW}, {"text": "长" * 5000}, {"text": PARTY}, {"text": "长" * 5000}]
    path = save("a.jsonl", jsonl_text(items))
    rows = jsonl_rows(path, tagger)
    assert [row["text"] for row in rows] == [None, LAW, None, PARTY, None]
    assert [place for place, _ in failures(path, tagger)] == [":第 1 行", ":第 3 行", ":第 5 行"]
    path = save("a.csv", csv_text([["正文", "x"], *[[record["text"], 1] for record in items]]))
    assert [row[0] for row in csv_rows(path, tagger)] == ["正文", "", LAW, "", PARTY, ""]


def test_jsonl_that_holds_no_table(save: Save) -> None:
    for content in ("", "\n", "[1]\n", "text\n"):
        with pytest.raises(InputError, match="里面没有一行是 JSON 对象"):
            tables.pieces(save("a.jsonl", content), LAYOUT)


def test_very_many_failures_are_summed_up(save: Save, tagger: Tagger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nouns, "MAX_FAILURES", 3)
    path = save("a.jsonl", jsonl_text([{"text": LAW}] + [{"text": None}] * 9))
    assert failures(path, tagger)[2:] == [(":第 4 行", "正文是空值"), (":第 5–10 行", "其中还有 6 行未能标注")]


def test_a_file_that_shrinks_or_grows(save: Save, tagger: Tagger) -> None:
    path = save("a.jsonl", jsonl_text([{"text": LAW}] * 3))
    found = tables.pieces(path, LAYOUT)
    piece = next(found)
    path.write_bytes(path.read_bytes() + b'{"text"')
    assert tables.tag_piece(piece, LAYOUT, tagger).rows == 3
    assert list(found) == []
    path.write_bytes(b"")
    with pytest.raises(InputError, match="变短了"):
        tables.tag_piece(piece, LAYOUT, tagger)


# Excel


def excel(*sheets: tuple[str, list[list[object]]]) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets:
        page = book.create_sheet(title)
        for row in rows:
            page.append(row)
    book.save(target := io.BytesIO())
    return target.getvalue()


def test_excel_becomes_csv(save: Save, tagger: Tagger) -> None:
    when = datetime(2024, 5, 6)  # noqa: DTZ001 - Excel knows no zones
    table: list[list[object]] = [[], ["编号", None, "内容", "日期"], [7, "-1", LAW, when], [], [8.5, True, 2024]]
    path = save("a.xlsx", excel(("表一", table), ("表二", [["content"], ["乙_x000D_\n丙"]])))
    assert [row[:4] for row in csv_rows(path, tagger)] == [
        ["编号", "", "内容", "日期"],
        ["7", "'-1", LAW, "2024-05-06"],
        ["8.5", "TRUE", "2024", ""],
    ]
    assert csv_rows(path, tagger)[1][4:] == cells(expected(tagger, LAW))
    assert csv_rows(path, tagger, Layout(sheet="表二"))[1][0] == "乙\r\n丙"
    with pytest.raises(InputError, match="没有工作表“表三”；有的是：表一、表二"):
        tables.pieces(path, Layout(sheet="表三"))


def test_excel_rows_that_do_not_fit_are_told(save: Save, tagger: Tagger) -> None:
    path = save("a.xlsx", excel(("表", [["正文", "上级"], [LAW, "一、"], [PARTY, None, "多"], ["长" * 32_767, 1]])))
    assert failures(path, tagger) == [(":第 3 行", "有 3 格，列名只有 2 个；多出的没有留下")]
    assert csv_rows(path, tagger)[2] == [PARTY, *[""] * 7]
    layout = Layout(headings="上级")
    assert csv_rows(path, tagger, layout)[1][2:] == cells(expected(tagger, LAW, ("一、",)))


def test_excel_that_is_wrong_about_its_size_or_has_huge_gaps(save: Save, tagger: Tagger) -> None:
    content = excel(("表", [["正文", "序"], [LAW, 1], [PARTY, 2]]))
    for old, new in ((b'ref="A1:B3"', b'ref="A1:A2"'), (b'<row r="3">', b'<row r="1999999999">')):
        with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(target := io.BytesIO(), "w") as changed:
            for name in source.namelist():
                changed.writestr(name, source.read(name).replace(old, new))
        assert csv_rows(save("a.xlsx", target.getvalue()), tagger)[1][:2] == [LAW, "1"]


def test_excel_files_that_do_not_serve(save: Save, monkeypatch: pytest.MonkeyPatch) -> None:
    with xlsxwriter.Workbook(target := io.BytesIO()) as book:
        chart = book.add_chart({"type": "line"})
        chart.add_series({"values": "=图!$A$1:$A$2"})
        book.add_chartsheet("图").set_chart(chart)
    with zipfile.ZipFile(other := io.BytesIO(), "w") as archive:
        archive.writestr("word/document.xml", "<x/>")
    for content, message in (
        (target.getvalue(), "没有工作表"),
        (other.getvalue(), "不是 Excel 表格"),
        (b"PK\x03\x04 broken", "Excel 文件已损坏"),
        (excel(("表", [])), "里面没有数据"),
    ):
        with pytest.raises(InputError, match=message):
            tables.pieces(save("a.xlsx", content), LAYOUT)
    path = save("a.xlsx", excel(("表", [["正文"], ["甲"]])))
    for limit in ("MAX_HELD_BYTES", "MAX_SHEET_BYTES"):
        with monkeypatch.context() as patch:
            patch.setattr(f"tagger.tables.xlsx.{limit}", 10)
            with pytest.raises(InputError, match="不超过"):
                tables.pieces(path, LAYOUT)


# Parquet and Arrow


def parquet_bytes(table: pa.Table, **options: Any) -> bytes:
    parquet.write_table(table, target := io.BytesIO(), **options)
    return target.getvalue()


def arrow_table(rows: int) -> pa.Table:
    texts = [LAW, PARTY, "", None, "长" * 131_073]
    return pa.table(
        {
            "id": pa.array([None, *range(rows - 1)], pa.int16()),
            "段落": [texts[row % 5] if row < 10 else f"{LAW}{row}" for row in range(rows)],
            "kind": pa.array(["甲"] * rows).dictionary_encode(),
            "tags": [["a", None], None] * (rows // 2),
            "when": pa.array([datetime(2024, 5, 6)] * rows, pa.timestamp("us", "Asia/Shanghai")),  # noqa: DTZ001
        }
    ).replace_schema_metadata({"wer": "wir"})


@pytest.mark.parametrize("compression", ["snappy", "zstd", "none", {"id": "gzip", "段落": "lz4"}])
def test_parquet_keeps_columns_types_and_compression(save: Save, tagger: Tagger, compression: Any) -> None:
    table = arrow_table(100)
    path = save("a.parquet", parquet_bytes(table, compression=compression, row_group_size=30))
    (piece,) = tables.pieces(path, LAYOUT)
    result = tables.tag_piece(piece, LAYOUT, tagger)
    file = parquet.ParquetFile(io.BytesIO(result.content))
    found = file.read()
    assert found.select(table.column_names).equals(table)
    assert found.schema.metadata[b"wer"] == b"wir"
    assert found.column_names == table.column_names + TAGS
    before, after = (
        parquet.ParquetFile(io.BytesIO(each)).metadata.row_group(0) for each in (path.read_bytes(), result.content)
    )
    for number in range(before.num_columns):
        assert before.column(number).compression == after.column(number).compression
    rows = found.select(TAGS).to_pylist()
    assert rows[:3] == [expected(tagger, text) for text in (LAW, PARTY, "")]
    assert [row for row, tags in enumerate(rows) if tags == dict.fromkeys(TAGS)] == [3, 4, 8, 9]
    assert [(place, why[:5]) for place, why in failures(path, tagger)] == [
        (":第 4 行", "正文是空值"),
        (":第 5 行", "正文有 1"),
        (":第 9 行", "正文是空值"),
        (":第 10 行", "正文有 1"),
    ]
    assert result.themes.total() == 96


@pytest.mark.parametrize("group", [3, 7, 40, 100])
def test_parquet_pieces_are_row_groups_or_parts_of_them(
    save: Save, tagger: Tagger, monkeypatch: pytest.MonkeyPatch, group: int
) -> None:
    monkeypatch.setattr(parquet_tables, "PIECE_BYTES", 1500)
    monkeypatch.setattr(parquet_tables, "BATCH_ROWS", 4)
    monkeypatch.setattr(parquet_tables, "GROUP_BYTES", 300)
    table = pa.table({"id": range(100), "text": [f"{LAW}{number}" for number in range(100)]})
    path = save("a.parquet", parquet_bytes(table, row_group_size=group, compression="none", use_dictionary=False))
    pieces = list(tables.pieces(path, LAYOUT))
    assert 3 < len(pieces) < 34
    assert [piece.start for piece in pieces] == [0, *[piece.end for piece in pieces[:-1]]]
    results = [tables.tag_piece(piece, LAYOUT, tagger) for piece in pieces]
    assert [each.rows for each in results] == [piece.end - piece.start for piece in pieces]
    found = pa.concat_tables([parquet.read_table(io.BytesIO(each.content)) for each in results])
    assert found["id"].to_pylist() == list(range(100))
    assert found.select(TAGS).to_pylist() == [expected(tagger, text) for text in table["text"].to_pylist()]


def test_parquet_without_rows(save: Save, tagger: Tagger) -> None:
    path = save("a.parquet", parquet_bytes(pa.table({"text": pa.array([], pa.string())})))
    (piece,) = tables.pieces(path, LAYOUT)
    assert parquet.read_table(io.BytesIO(tables.tag_piece(piece, LAYOUT, tagger).content)).column_names == [
        "text",
        *TAGS,
    ]


def test_parquet_text_of_every_type(save: Save, tagger: Tagger) -> None:
    kinds = [pa.string(), pa.large_string(), pa.binary(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())]
    for kind in kinds:
        table = pa.table({"text": pa.array([LAW, PARTY]).cast(kind)})
        found = parquet.read_table(io.BytesIO(run(save("a.parquet", parquet_bytes(table)), tagger)[0]))
        assert found.select(TAGS).to_pylist() == [expected(tagger, LAW), expected(tagger, PARTY)], kind
    with pytest.raises(InputError, match="“text”这一列不是文字，是 int64"):
        tables.pieces(save("a.parquet", parquet_bytes(pa.table({"text": [1]}))), LAYOUT)


def test_parquet_with_bytes_that_are_no_text(save: Save, tagger: Tagger) -> None:
    for kind in (pa.string(), pa.binary()):
        table = pa.table({"text": pa.array([LAW.encode(), b"\xff\xfe"]).view(kind)})
        path = save("a.parquet", parquet_bytes(table))
        assert failures(path, tagger) == [(":第 2 行", "有不合 UTF-8 编码的字节")]
        found = parquet.read_table(io.BytesIO(run(path, tagger)[0]))
        assert found["text"].cast(pa.binary()).to_pylist() == [LAW.encode(), b"\xff\xfe"]


def test_reasons_and_headings_in_parquet(save: Save, tagger: Tagger) -> None:
    table = pa.table({"text": [LAW, PARTY, None], "h": [["一、法治"], None, []], "x": ["甲"] * 3})
    path = save("a.parquet", parquet_bytes(table, compression={"text": "zstd", "x": "gzip", "h": "zstd"}))
    layout = Layout(headings="h", reasons=True)
    found = parquet.read_table(io.BytesIO(run(path, tagger, layout)[0])).to_pylist()
    assert {name: found[0][name] for name in TAGS} == expected(tagger, LAW, ("一、法治",))
    assert found[0]["reasons"][0].keys() == {"text", "start", "end", "log_odds"}
    assert found[2]["reasons"] is None
    saved = save("b.jsonl", jsonl_text([{"text": LAW, "h": ["一、法治"]}]))
    assert jsonl_rows(saved, tagger, layout)[0]["reasons"] == found[0]["reasons"]


def test_arrow_batches(tagger: Tagger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_tables, "BATCH_ROWS", 3)
    table = arrow_table(100).slice(0, 10)
    tagged = pa.Table.from_batches(tables.tag_batches(iter(table.to_batches(4)), LAYOUT, tagger))
    assert tagged.select(table.column_names).equals(table)
    assert tagged.select(TAGS).to_pylist()[:2] == [expected(tagger, LAW), expected(tagger, PARTY)]
    assert tagged["theme"].null_count == 4
    assert list(tables.tag_batches(iter(()), LAYOUT, tagger)) == []
    empty = list(
        tables.tag_batches(iter(table.slice(0, 0).to_batches() or [table.to_batches()[0].slice(0, 0)]), LAYOUT, tagger)
    )
    assert [batch.num_rows for batch in empty] == [0]


# Packages, damage


@pytest.mark.parametrize(("package", "name"), [("openpyxl", "a.xlsx"), ("pyarrow.parquet", "a.parquet")])
def test_without_the_package_it_says_what_to_install(
    save: Save, monkeypatch: pytest.MonkeyPatch, package: str, name: str
) -> None:
    path = save(name, excel(("表", [["正文"]])) if name == "a.xlsx" else b"PAR1")
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingPackageError, match="pip install"):
        tables.pieces(path, LAYOUT)


SAMPLES = {
    "a.csv": csv_text([HEADER, *ROWS]).encode(),
    "b.csv": csv_text([HEADER, *ROWS]).encode("utf-16"),
    "a.jsonl": b'{"text": "\xe7\x94\xb2", "n": [1, {"a": null}]}\n' * 3,
    "a.xlsx": excel(("表", [["正文", "序"], ["甲", 1], ["乙", 2]])),
    "a.parquet": parquet_bytes(pa.table({"text": ["甲", "乙"] * 50, "n": list(range(100))})),
}


@settings(max_examples=150)
@given(st.sampled_from(sorted(SAMPLES)), st.data())
def test_a_spoilt_table_is_tagged_or_refused(
    tagger: Tagger, tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject
) -> None:
    content = bytearray(SAMPLES[name])
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / f"坏{name}"
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))] if data.draw(st.booleans()) else content)
    try:
        run(path, tagger)
    except TaggerError as error:
        assert "请" in str(error)


def test_the_second_theme_at_a_tie_is_the_same_everywhere() -> None:
    themes, odds = ("乙", "甲", OTHER, "丙"), np.array([[1.0, 1.0, 0.0, 1.0], [0.0, 0.0, 0.0, 0.0]])
    model = SimpleNamespace(themes=themes, log_odds=lambda *_: odds, probabilities=lambda _: np.exp(odds) / 9)
    rule = Rule(0.5, (9.0,) * 4)
    tags = columns.tags_of(SimpleNamespace(model=model, rule=rule), ["", ""], None)  # type: ignore[arg-type]
    ours = [runner_up(each)[0] for each in decide(themes, odds, np.exp(odds) / 9, rule)]
    assert ours == [themes[number] for number in tags.second] == ["甲", "甲"]
