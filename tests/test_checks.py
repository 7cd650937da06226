"""What a person should look at: checks of labels, likely errors, quick trials."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagger import Tag
from tagger.learning.checks import (
    MIN_DOCUMENTS,
    MIN_LABELS,
    Finding,
    Severity,
    check_answers,
    check_files,
    check_labels,
    likely_errors,
)
from tagger.learning.data import TrainingData, gather_data
from tagger.learning.intervals import DRAWS, drawn_f1, drawn_macro_f1, drawn_sums, interval, macro_f1
from tagger.learning.labels import read_labels
from tagger.learning.search import Search, Trial, grid, learning_curve, search
from tagger.learning.settings import Settings
from tagger.learning.training import train
from tagger.records import Label
from tagger.themes import read_themes

NAMES = ("党建", "法治", "其他")
LONG = "县里组织普法小分队进村入户宣讲，当面解答土地流转、婚姻家庭等问题六百多个。"


@pytest.fixture(autouse=True, scope="module")
def alone() -> Iterator[None]:
    """No further processes, which would take longer to start than such small trainings take."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOKY_MAX_CPU_COUNT", "1")
        yield


def label_file(folder: Path, *records: dict[str, object]) -> Path:
    path = folder / "标注.jsonl"
    path.write_text("".join(json.dumps(each, ensure_ascii=False) + "\n" for each in records), encoding="utf-8")
    return path


def kinds(findings: Sequence[Finding]) -> list[str]:
    return [finding.kind for finding in findings]


def test_all_bad_themes_and_contradictions_are_named_with_their_lines(tmp_path: Path) -> None:
    path = label_file(
        tmp_path,
        {"document": "甲", "text": LONG, "theme": "法治"},
        {"document": "甲", "role": "heading", "text": "一、普法"},
        {"document": "甲", "text": "另一段", "theme": "法制"},
        {"document": "甲", "text": "又一段", "theme": "法治", "also": ["党务"]},
        {"document": "甲", "text": LONG, "theme": "党建"},
    )
    findings = check_files([path], NAMES)
    assert kinds(findings) == ["不认识的主题", "不认识的主题", "标注矛盾"]
    assert [finding.place for finding in findings] == [f"{path}:3", f"{path}:4", f"{path}:5"]
    assert f"与 {path}:1 是同一段文字" in str(findings[-1])
    assert {finding.severity for finding in findings} == {Severity.ERROR}


def test_every_label_is_found_again_in_its_file(root: Path, tmp_path: Path) -> None:
    path = root / "examples" / "own_themes" / "labels.jsonl"
    names = [theme.name for theme in read_themes(path.with_name("themes.toml"))]
    lines = path.read_text("utf-8").splitlines()
    for label in read_labels([path], names):
        assert json.loads(lines[int(label.place.rpartition(":")[2]) - 1])["text"] == label.text
    counted = label_file(tmp_path, {"counts": {"排查": 2}, "theme": "其他"})
    assert read_labels([counted], names)[0].place == f"{counted}:1"


def test_near_duplicates_count_only_across_documents() -> None:
    labels = [
        Label(LONG, "法治", document="甲"),
        Label(LONG.replace("六百", "七百"), "法治", document="甲"),
        Label(LONG.replace("六百", "三百"), "法治", document="乙"),
        Label(f"{LONG}效果好。", "党建", document="丙"),
        Label("各乡镇人民政府：", "其他", document="甲"),
        Label("各乡镇人民政府：", "其他", document="乙"),
    ]
    labels = placed(labels)
    found = [each for each in check_labels(labels, NAMES) if each.kind == "几乎相同的段落"]
    assert [finding.place for finding in found] == ["标注.jsonl:3", "标注.jsonl:4"]
    assert "与 标注.jsonl:1 几乎相同" in found[0].message
    assert "那里标为法治，这里标为党建" in found[1].message


def test_themes_with_few_labels_or_documents() -> None:
    labels = [Label(f"普法{row}", "法治", document=f"文件{row % MIN_DOCUMENTS}") for row in range(MIN_LABELS)]
    labels += [Label(f"党员{row}", "党建", document="只有一份") for row in range(MIN_LABELS - 1)]
    labels += [Label(f"弱{row}", "其他", weak=True) for row in range(MIN_LABELS)]
    findings = check_labels(labels, NAMES)
    assert [(each.kind, each.place, each.severity) for each in findings] == [
        ("标注太少", "党建", Severity.HINT),
        ("文件太少", "党建", Severity.HINT),
        ("没有标注", "其他", Severity.ERROR),
    ]


@st.composite
def answers(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Labels of a few classes, some of them wrong, and what a model says."""
    chance = np.random.default_rng(draw(st.integers(0, 10_000)))
    classes, count = draw(st.integers(2, 6)), draw(st.integers(20, 200))
    right = np.concatenate([np.arange(classes), chance.integers(classes, size=count - classes)])
    probabilities = chance.dirichlet(np.full(classes, 0.5), size=count)
    probabilities[np.arange(count), right] += 1.2
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    labelled = np.where(chance.random(count) < 0.15, chance.integers(classes, size=count), right)
    labelled[:classes] = np.arange(classes)  # cleanlab wants every class
    return labelled, probabilities


@settings(max_examples=25)
@given(answers())
def test_likely_errors_are_those_that_cleanlab_finds(case: tuple[np.ndarray, np.ndarray]) -> None:
    oracle = pytest.importorskip("cleanlab.filter", reason="cleanlab 没有安装，它只用来核对（pip install cleanlab）")
    labelled, probabilities = case
    expected = oracle.find_label_issues(
        labelled,
        probabilities,
        filter_by="confident_learning",
        return_indices_ranked_by="self_confidence",
        n_jobs=1,
    )
    assert [row for row, _ in likely_errors(labelled, probabilities)] == expected.tolist()


def test_likely_errors_name_the_place_and_what_the_model_says() -> None:
    def tag(*probabilities: float) -> Tag:
        theme = NAMES[int(np.argmax(probabilities))]
        probability = max(probabilities)
        return Tag(theme, (), probability, probability < 0.5, NAMES, (0.0,) * 3, probabilities)

    labels = [
        Label(f"{LONG}{row}", theme, also)
        for row, (theme, also) in enumerate(
            [("党建", ()), ("法治", ()), ("党建", ()), ("其他", ()), ("党建", ("法治",))]
        )
    ]
    tags = [tag(0.9, 0.05, 0.05), tag(0.1, 0.8, 0.1), tag(0.05, 0.9, 0.05), tag(0.1, 0.1, 0.8), tag(0.1, 0.85, 0.05)]
    labels = placed(labels)
    found = check_answers(labels, tags)
    assert [finding.place for finding in found] == ["标注.jsonl:3"]
    assert "标为党建，模型认为是法治（90%，党建 5%）：“县里组织普法" in found[0].message
    assert check_answers([], []) == []


def test_planted_errors_come_first(small_labels: list[Label]) -> None:
    chance = random.Random(0)
    labels = small_labels[:500]
    wrong = set(chance.sample(range(len(labels)), 25))
    themes = sorted({label.theme for label in labels})
    spoilt = [
        replace(label, theme=chance.choice([each for each in themes if each != label.theme]), also=(), place=str(row))
        if row in wrong
        else replace(label, place=str(row))
        for row, label in enumerate(labels)
    ]
    small = Settings(min_word_labels=2, min_gram_labels=3, folds=3)
    trained = train(spoilt, {}, settings=small, progress=lambda line: None)
    found = [int(each.place) for each in check_answers(trained.judged, trained.tags)]
    assert len(wrong & set(found[:50])) > 12  # by chance it would be two or three


def placed(labels: list[Label]) -> list[Label]:
    """As if they stood in a file."""
    return [replace(label, place=f"标注.jsonl:{row}") for row, label in enumerate(labels, start=1)]


def labelled(*pairs: tuple[str, str]) -> list[Label]:
    return [Label(f"第{row}段", theme, document=document) for row, (theme, document) in enumerate(pairs)]


def test_documents_are_drawn_whole() -> None:
    labels = labelled(("党建", "甲"), ("法治", "甲"), ("法治", "乙"))
    sums = drawn_sums(labels, [[1, 1], [1, 0], [1, 0]])
    assert sums.shape == (DRAWS, 2)
    assert set(map(tuple, sums.tolist())) <= {(4, 2), (3, 1), (2, 0)}
    assert np.array_equal(sums, drawn_sums(labels, [[1, 1], [1, 0], [1, 0]]))


def test_drawn_figures_lie_around_the_figure() -> None:
    chance = random.Random(0)
    labels = labelled(*((chance.choice(NAMES), f"文件{chance.randrange(40)}") for _ in range(400)))
    given_themes = [label.theme if chance.random() < 0.8 else "其他" for label in labels]
    low, high = interval(drawn_macro_f1(labels, given_themes, NAMES))
    assert low < macro_f1(labels, given_themes, NAMES) < high < low + 0.2
    assert drawn_f1(labels, given_themes, NAMES).shape == (DRAWS, 3)
    perfect = interval(drawn_macro_f1(labels, [label.theme for label in labels], NAMES))
    assert perfect == (1, 1)


@pytest.fixture(scope="module")
def own(root: Path) -> TrainingData:
    folder = root / "examples" / "own_themes"
    return gather_data([folder], read_themes(folder / "themes.toml"))


def test_the_search_keeps_what_was_given_unless_others_are_clearly_better(own: TrainingData) -> None:
    first = search(own, progress=lambda line: None)
    assert first.trials[0].settings == Settings()
    assert first.trials[0].lead == 0
    assert not Trial(Settings(), 0.8, lead=0.02, standard_error=0.03).better
    assert not Trial(Settings(), 0.8, lead=0.002, standard_error=0.001).better
    better = [trial for trial in first.trials if trial.better]
    assert first.settings == max(better, key=lambda trial: trial.lead).settings
    assert first.settings.min_word_labels == 2  # so few labels teach more when rarer terms count
    assert len(grid(Settings(), 30_000)) == 7


def test_too_few_labels_are_not_searched(own: TrainingData) -> None:
    few = replace(own, labels=tuple(label for label in own.labels if label.document < "06"))
    for data in (replace(own, labels=own.labels[:3]), few):
        assert search(data, progress=lambda line: None) == Search((), Settings())
        assert learning_curve(data, progress=lambda line: None) == ()


def test_more_labels_teach_more(own: TrainingData) -> None:
    curve = learning_curve(own, progress=lambda line: None)
    assert [size.labels for size in curve] == sorted(size.labels for size in curve)
    assert curve[-1].labels == len(own.labels)
    assert curve[-1].macro_f1 > curve[0].macro_f1
