"""Statistics: the same figures as counting by hand, from every format, without holding the rows."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import tempfile
import tracemalloc
from collections import Counter
from operator import itemgetter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_writing_html import HOSTILE, Page
from test_writing_html import run as run_page

from tagger import Tagger, cli
from tagger.batch import Options, Progress, inputs_at, planned, run
from tagger.batch.stats import statistics
from tagger.cli import stats
from tagger.errors import InputError, UsageError
from tagger.themes import OTHER, OUR_THEMES, Theme
from tagger.writing.collection import Tally
from tagger.writing.stats import Grouping, Statistics, stats_csv, stats_page

PARTY, LAW = "支部换届全部完成，发展党员三名。", "普法小分队进村宣讲十二次。"
REPORTS = {
    "2022/甲.txt": f"某乡工作总结\n一、党建\n{PARTY}\n二、法治\n{LAW}\n{LAW}\n",
    "乙.txt": f"某乡2023年工作总结\n一、党建\n{PARTY}\n",
    "2022/丙.txt": f"某乡工作总结\n一、党建\n{PARTY}\n某乡人民政府\n2024年1月5日\n",
    "空.txt": "某乡工作总结\n",
}


def ignore(_: Progress) -> None:
    pass


@pytest.fixture(autouse=True)
def _command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "COMMANDS", tuple(dict.fromkeys((*cli.COMMANDS, stats))))


@pytest.fixture
def out(tmp_path: Path, tagger: Tagger) -> Path:
    """Results of four documents and a table."""
    for name, text in REPORTS.items():
        path = tmp_path / "材料" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    rows = [{"地区": ["东", "西"][number % 2], "正文": [PARTY, LAW, LAW][number % 3]} for number in range(30)]
    table = tmp_path / "表.jsonl"
    table.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    inputs = inputs_at([tmp_path / "材料", table])
    run(planned(inputs, tmp_path / "结果", tagger, Options(extras=["parquet"])), on_progress=ignore)
    return tmp_path / "结果"


def figures(found: Statistics) -> dict[str, dict[str, tuple[int, dict[str | None, int]]]]:
    return {
        grouping.title: {name: (tally.files, dict(tally.themes)) for name, tally in grouping.lines()}
        for grouping in found.groupings
    }


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".parquet"])
def test_files_folders_and_years(out: Path, tmp_path: Path, suffix: str) -> None:
    found = statistics([out / f"paragraphs{suffix}"], ["file", "folder", "year"])
    material = tmp_path / "材料"
    first, second, third = {"党建": 1, "法治": 2}, {"党建": 1}, {"党建": 1}
    assert figures(found) == {
        "文件": {
            str(material / "2022/甲.txt"): (1, first),
            str(material / "2022/丙.txt"): (1, third),
            str(material / "乙.txt"): (1, second),
            str(material / "空.txt"): (1, {}),
        },
        "文件夹": {str(material / "2022"): (2, {"党建": 2, "法治": 2}), str(material): (2, {"党建": 1})},
        "年份": {"2022": (1, first), "2023": (1, second), "2024": (1, third), "年份不明": (1, {})},
    }
    assert (found.total.files, found.total.themes) == (4, Counter({"党建": 3, "法治": 2}))
    assert [(each.name, each.colour) for each in found.themes] == [(each.name, each.colour) for each in OUR_THEMES]
    rows = [json.loads(line) for line in (out / "paragraphs.jsonl").read_text("utf-8").splitlines()]
    assert found.total.uncertain == sum(row["uncertain"] for row in rows)


def test_a_folder_is_its_documents_once_and_its_tables(out: Path) -> None:
    found = statistics([out], ["地区", "file"])
    assert found.total.files == 5
    assert found.total.themes == Counter({"党建": 13, "法治": 22})
    assert figures(found)["地区"] == {
        "东": (1, {"党建": 5, "法治": 10}),
        "西": (1, {"党建": 5, "法治": 10}),
        "（空）": (3, {"党建": 3, "法治": 2}),
    }
    assert str(out / "表.标注.jsonl") in figures(found)["文件"]


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_tables_of_any_format(tmp_path: Path, tagger: Tagger, suffix: str) -> None:
    path = tmp_path / f"表{suffix}"
    rows = [{"地区": "东", "正文": [PARTY, LAW, LAW][number % 3]} for number in range(30)]
    if suffix == ".parquet":
        pa = pytest.importorskip("pyarrow")
        pytest.importorskip("pyarrow.parquet").write_table(pa.Table.from_pylist(rows), path)
    else:
        lines = (f"{row['地区']},{row['正文']}" for row in rows)
        path.write_text("地区,正文\n" + "\n".join(lines), encoding="utf-8")
    layout = Options().layout
    options = Options(layout=type(layout)(prefix="t_"))
    run(planned(inputs_at([path]), tmp_path / "out", tagger, options), on_progress=ignore)
    found = statistics([tmp_path / "out" / f"表.标注{suffix}"], ["地区"], prefix="t_")
    assert figures(found) == {"地区": {"东": (1, {"党建": 10, "法治": 20})}}
    with pytest.raises(InputError, match="没有“theme”这一列.*--prefix"):
        statistics([tmp_path / "out"], ["地区"])


def test_what_gives_no_statistics(out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="没有“县”这一列。应为：file、folder、year"):
        statistics([out], ["县"])
    with pytest.raises(InputError, match="没有标注结果"):
        statistics([tmp_path / "材料"], ["year"])
    for name in ("没有.jsonl", "没有.csv", "没有.parquet"):
        with pytest.raises(InputError, match="没有这个文件"):
            statistics([tmp_path / name], ["year"])
    with pytest.raises(InputError, match="没有这个文件或文件夹"):
        statistics([tmp_path / "没有"], ["year"])
    with pytest.raises(InputError, match="不是标注结果"):
        statistics([out / "run.json"], ["year"])
    for name in ("坏.csv", "坏.parquet"):
        (tmp_path / name).write_bytes(b"theme\n\xff\xff")
        with pytest.raises(InputError, match="可能已损坏"):
            statistics([tmp_path / name], ["year"])
    (tmp_path / "空.jsonl").write_text('{"theme": null}\n', encoding="utf-8")
    with pytest.raises(InputError, match="没有标注过的段落"):
        statistics([tmp_path / "空.jsonl"], ["year"])
    (tmp_path / "paragraphs.jsonl").write_text('{"theme": "法治"}\n', encoding="utf-8")
    with pytest.raises(InputError, match="分不出文件"):
        statistics([tmp_path / "paragraphs.jsonl"], ["folder"])
    monkeypatch.setattr("tagger.batch.stats.MAX_GROUPS", 1)
    for by in ("地区", "file"):
        with pytest.raises(UsageError, match="1 组以上"):
            statistics([out], [by])


def test_long_cells(root: Path, tmp_path: Path) -> None:
    path = tmp_path / "表.标注.csv"
    path.write_text(f"text,theme,uncertain\n{'字' * 200_000},法治,\n", encoding="utf-8")
    command = [sys.executable, "-m", "tagger", "stats", str(path)]  # a process that has loaded nothing else
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(root)}, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()


def test_lines_that_are_no_objects_and_other_encodings(tmp_path: Path) -> None:
    path = tmp_path / "表.标注.jsonl"
    rows = '{"text": "\\ud800", "theme": "法治"}\n{"t\n[1]\n\n{"text": "字", "theme": "财政", "区": ["东", 1]}\n'
    for encoding in ("utf-8", "gb18030"):
        path.write_text(rows, encoding=encoding)
        found = statistics([path], ["区"])
        assert figures(found) == {"区": {"东、1": (1, {"财政": 1}), "（空）": (1, {"法治": 1})}}
        assert [theme.name for theme in found.themes] == ["法治", "财政"]


def test_themes_come_in_the_order_of_the_model(out: Path) -> None:
    log = json.loads((out / "run.json").read_text("utf-8"))
    log["theme_colours"] = dict.fromkeys((OTHER, "法治", "党建"), "#123456")
    (out / "run.json").write_text(json.dumps(log), encoding="utf-8")
    found = statistics([out], ["year"])
    assert [(theme.name, theme.colour) for theme in found.themes] == [
        *[("法治", "#123456"), ("党建", "#123456")],
        (OTHER, "#123456"),
    ]


@given(st.lists(st.tuples(st.sampled_from("甲乙"), st.sampled_from(["法治", "党建", None])), max_size=30))
def test_counts_are_those_of_the_rows(rows: list[tuple[str, str | None]]) -> None:
    rows = [*sorted(rows, key=itemgetter(0)), ("丙", "法治")]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x.jsonl")
        lines = (json.dumps({"file": file, "theme": theme}) for file, theme in rows)
        path.write_text("\n".join(lines), encoding="utf-8")
        found = statistics([path], ["file"])
    for name, tally in found.groupings[0].lines():
        assert tally.themes == Counter(theme for file, theme in rows if theme and file == name)
    assert found.total.files == len({file for file, _ in rows})


def test_memory_stays_flat(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    line = json.dumps({"file": "甲", "role": "body", "text": "字" * 200, "theme": "法治", "uncertain": False}) + "\n"
    path.write_text(line * 20_000, encoding="utf-8")
    tracemalloc.start()
    try:
        found = statistics([path], ["year", "folder"])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found.total.themes.total() == 20_000
    assert peak < 2**22 < path.stat().st_size


# What is written


def test_the_command(out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table, page = tmp_path / "统计.csv", tmp_path / "统计.html"
    arguments = ["stats", str(out), "--by", "year，地区,year", "--csv", str(table), "--html", str(page)]
    assert cli.main(arguments) == 0
    said = capsys.readouterr().out
    assert "主题占比，按年份" in said
    assert "合计" in said
    rows = list(csv.DictReader(table.read_text("utf-8-sig").splitlines()))
    assert [(row["分组"], row["名称"]) for row in rows][:2] == [("全部", ""), ("年份", "2022")]
    assert (rows[1]["段落"], rows[1]["党建"], rows[1]["法治占比"]) == ("3", "1", "0.6667")
    assert "http" not in page.read_text("utf-8").replace("http-equiv", "")
    assert cli.main(["stats", str(out), "--by", "year,,"]) == 2
    assert cli.main(["stats", str(out), "--csv", str(out / "run.json" / "x.csv")]) == 2


def test_the_terminal_shows_the_first_lines(
    out: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stats, "MOST_SHOWN", 2)
    assert cli.main(["stats", str(out), "--by", "file"]) == 0
    assert "还有 3 行没有显示" in capsys.readouterr().out


def made(*names: str, themes: tuple[Theme, ...] = OUR_THEMES) -> Statistics:
    tally = Tally(2, Counter({theme.name: number + 1 for number, theme in enumerate(themes)}), 3)
    return Statistics(tally, [Grouping("年份", dict.fromkeys(names, tally) | {"空": Tally(1)})], list(themes))


@pytest.mark.parametrize("names", [("2022", "2023"), tuple(map(str, range(2000, 2030))), ("一",)])
def test_columns_of_a_plot_reach_from_bottom_to_top(names: tuple[str, ...]) -> None:
    page = Page(stats_page(made(*names), source="结果"))
    heights: Counter[str | None] = Counter()
    for rect in page.of("rect"):
        if rect["x"] and "." in rect["x"]:
            heights[rect["x"]] += float(rect["height"] or 0)  # type: ignore[assignment]
    assert len(heights) == len(names)
    assert all(abs(height - 260) < 1 for height in heights.values())
    assert len(page.of("section", **{"class": "card"})) == 2


def test_many_groups_have_no_plot_and_a_table_that_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tagger.writing.stats.MOST_LINES", 50)
    content = stats_page(made(*(f"文件{number}" for number in range(60))), source="结果")
    assert 'class="plot"' not in content
    assert "另有 11 行没有列出" in content


def test_lines_are_filtered_by_name_and_nothing_is_stopped(tmp_path: Path) -> None:
    script = """words.value = "2022"; words.dispatchEvent(new Event("input")); apply();
        return [lines.filter(each => each.node.offsetParent).map(each => each.name), state.textContent,
                getComputedStyle(document.querySelector(".plot rect")).fill]"""
    (shown, said, colour), stopped = run_page(stats_page(made("2022", "2023"), source="结果"), script, tmp_path)
    assert shown == ["2022"]
    assert said == "显示 1 行，共 3 行"
    assert colour == "rgb(179, 38, 30)"
    assert stopped == []


def test_hostile_names_stay_text() -> None:
    themes = (Theme(HOSTILE, "#FFFF00", HOSTILE), Theme(OTHER, "#111111", ""))
    found = made(HOSTILE, HOSTILE * 2, themes=themes)
    found.groupings.append(Grouping(HOSTILE, found.groupings[0].tallies))
    page = Page(stats_page(found, source=HOSTILE))
    assert len(page.of("script")) == 1
    assert not page.of("img")
    for name, attributes in page.elements:
        assert not [key for key in attributes if key.startswith("on") or key in {"style", "src"}], name
    assert "'=1+1" in stats_csv(made("=1+1"))
    stats_csv(made(HOSTILE)).encode()
