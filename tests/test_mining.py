"""Labels from headings: rules, what they are worth, and the label file that comes out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_queue import run

from tagger.errors import LabelError, UsageError
from tagger.learning.intervals import wilson
from tagger.learning.labels import read_labels, read_lines
from tagger.learning.mining import (
    MIN_FIRED,
    Measured,
    Rule,
    measure,
    mine,
    our_rules,
    read_rules,
    speaking,
    write_mined,
)
from tagger.records import Label, Source
from tagger.themes import THEMES

BODY = "全年共开展各项活动十二次，取得了较好的效果。"


def rules_of(tmp_path: Path, *lines: str) -> list[Rule]:
    path = tmp_path / "规则.tsv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return read_rules(path, THEMES)


@pytest.fixture
def rules(tmp_path: Path) -> list[Rule]:
    return rules_of(
        tmp_path, "# 说明", "", "粮食|种植\t乡村振兴\t种养", "普法\t法治\t", "党建\t党建\t", "问题\t不标\t查摆"
    )


def test_a_rule_file_is_read(rules: list[Rule]) -> None:
    assert [(rule.pattern.pattern, rule.theme, rule.note) for rule in rules][:2] == [
        ("粮食|种植", "乡村振兴", "种养"),
        ("普法", "法治", ""),
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("粮食", "主题是 ''"),
        ("粮食\t农业", "主题是 '农业'"),
        ("粮(食\t乡村振兴", "不是正则表达式"),
        ("粮食|\t乡村振兴", "什么标题都符合"),
        ("普法\t法治\n普法\t法治", "与前面一条重复"),
    ],
)
def test_a_bad_rule_is_named_with_its_line(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(LabelError, match=message) as raised:
        rules_of(tmp_path, "# 说明", line)
    assert "规则.tsv:" in str(raised.value)


def test_a_rule_file_that_says_nothing_or_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(LabelError, match="没有规则"):
        rules_of(tmp_path, "# 说明")
    with pytest.raises(LabelError, match="读不了"):
        read_rules(tmp_path / "没有.tsv", THEMES)


def test_the_innermost_heading_that_speaks_decides(rules: list[Rule]) -> None:
    def theme(*headings: str) -> str:
        return next((rule.theme for rule in speaking(headings, rules)), "")

    assert theme("一、抓党建", "（二）粮食种植") == "乡村振兴"
    assert theme("一、抓党建", "（二）其他工作") == "党建"
    assert theme("党建促普法") == ""
    assert theme("一、抓党建", "（三）存在的问题") == ""
    assert theme("一、概况") == theme() == ""


def test_rules_are_measured_on_labels(rules: list[Rule]) -> None:
    label = Label(BODY, "乡村振兴", headings=("粮食生产",))
    labels = [label] * 9 + [replace(label, theme="其他"), replace(label, weak=True, theme="党建")]
    measured = {each.rule.pattern.pattern: each for each in measure(rules, labels)}
    assert "问题" not in measured
    grain = measured["粮食|种植"]
    assert (grain.fired, grain.right, grain.precision) == (10, 9, 0.9)
    assert grain.passes(0.9)
    assert not grain.passes(0.95)
    assert not Measured(rules[0], MIN_FIRED - 1, MIN_FIRED - 1).passes(0.5)
    assert measured["普法"].precision == 0


def test_wilson_is_what_the_books_say() -> None:
    assert wilson(9, 10) == pytest.approx((0.5958, 0.9821), abs=1e-4)
    assert wilson(0, 0) == (0.0, 1.0)


@given(st.integers(0, 500), st.integers(0, 500))
def test_wilson_holds_the_share(hits: int, misses: int) -> None:
    low, high = wilson(hits, hits + misses)
    assert 0 <= low <= high <= 1
    if hits + misses:
        assert low - 1e-12 <= hits / (hits + misses) <= high + 1e-12


def test_paragraphs_under_speaking_headings_become_weak_labels(
    rules: list[Rule], make_source: Callable[..., Source], tmp_path: Path
) -> None:
    lines = ["一、粮食生产", BODY, "二、普法宣传", BODY + "另一段。", "三、党建工作", BODY + "又一段。"]
    source = make_source(*lines, "四、粮食", BODY[:-1] + "！", levels={0: 1, 2: 1, 4: 1, 6: 1})
    passed = [rule for rule in rules if rule.theme != "党建"]
    mined = list(mine([source], rules, passed, labelled=[BODY + "另一段。"]))
    assert [(each.paragraph.text, each.theme) for each in mined] == [(BODY, "乡村振兴"), (BODY[:-1] + "！", "乡村振兴")]
    write_mined(tmp_path / "弱.jsonl", mined)
    labels = read_labels([tmp_path / "弱.jsonl"])
    assert all(label.weak and label.labeller == "标题规则" and label.document == "测试" for label in labels)
    assert [record["rule"] for _, record in read_lines(tmp_path / "弱.jsonl")] == [["粮食|种植"]] * 2


def test_a_text_under_headings_of_two_themes_is_left_out(rules: list[Rule], make_source: Callable[..., Source]) -> None:
    source = make_source("一、粮食生产", BODY, "二、普法宣传", BODY, levels={0: 1, 2: 1})
    assert list(mine([source], rules, rules)) == []


def test_our_rules_hold_on_documents_that_did_not_choose_them(root: Path) -> None:
    """Rules that pass on half of the documents are right on the other half, a little below what was asked for."""
    rules = read_rules(our_rules(), THEMES)
    labels = read_labels([root / "training_data" / "documents.jsonl"])
    halves = [[label for label in labels if sum(label.document.encode()) % 2 == half] for half in (0, 1)]
    fired = right = 0
    for choosing, judging in (halves, halves[::-1]):
        passed = {each.rule for each in measure(rules, choosing) if each.passes(0.9)}
        assert passed
        for label in judging:
            for rule in passed.intersection(speaking(label.headings, rules)):
                fired += 1
                right += rule.theme == label.theme
    assert fired > 150
    assert right / fired > 0.85


def test_every_theme_has_a_rule_that_passes(root: Path) -> None:
    measured = measure(read_rules(our_rules(), THEMES), read_labels([root / "training_data" / "documents.jsonl"]))
    assert {each.rule.theme for each in measured if each.passes(0.9)} == set(THEMES)


def test_the_command(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "弱.jsonl"
    assert run("mine", str(root / "examples"), "--out", str(out)) == 0
    assert read_labels([out])
    assert "整行删去" in capsys.readouterr().out
    for bad in ("0", "两成", "1.5"):
        with pytest.raises(UsageError, match="0 到 1 之间"):
            run("mine", str(root / "examples"), "--out", str(out), "--precision", bad)
