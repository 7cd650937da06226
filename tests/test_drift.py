"""Drift: verdicts in words, years, and new set phrases."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from test_queue import TEXTS, run

from tagger import Tagger
from tagger.errors import UsageError
from tagger.learning.drift import (
    USUAL_UNKNOWN,
    Usual,
    cut,
    in_words,
    measure,
    new_phrases,
    surprise,
    usual_of,
)
from tagger.learning.queue import known_to
from tagger.records import Label, TaggedDocument


@pytest.fixture
def document_of(tagger: Tagger) -> Callable[..., TaggedDocument]:
    def make(*texts: str, name: str = "文件") -> TaggedDocument:
        return tagger.tag_document("\n".join(texts), name=name)

    return make


def usual(tagger: Tagger, uncertain: float = 0.3) -> Usual:
    themes = tagger.model.themes
    return Usual(USUAL_UNKNOWN, uncertain, {theme: 1 / len(themes) for theme in themes})


def test_what_is_usual_comes_from_the_manifest(root: Path, tagger: Tagger) -> None:
    manifest = json.loads((root / "models" / "default" / "manifest.json").read_text("utf-8"))
    found = usual_of(manifest)
    assert sum(found.themes.values()) == pytest.approx(1)
    assert set(found.themes) == set(tagger.model.themes)
    assert 0.1 < found.uncertain < 0.5
    assert usual_of({**manifest, "unknown_share": 0.2}).unknown == 0.2


def test_documents_like_ours_are_said_to_be_alike(tagger: Tagger, document_of: Callable[..., TaggedDocument]) -> None:
    drift = measure([document_of(*TEXTS)], known_to(tagger), usual(tagger))
    assert (drift.documents, drift.paragraphs) == (1, 6)
    assert drift.verdict == "与训练材料相近"
    assert sum(drift.themes.values()) == pytest.approx(1)


def test_other_texts_are_said_to_be_very_different(tagger: Tagger, document_of: Callable[..., TaggedDocument]) -> None:
    strange = "彳亍龘靐，纛爨麤鑫鱻羴犇骉猋，饕餮魍魉魑魅。" * 2
    drift = measure([document_of(strange, strange + "了")], known_to(tagger), usual(tagger))
    assert drift.verdict == "很不同"
    assert "很高（超过 15% 算有些不同；超过 25% 算很不同）" in in_words(drift.findings[0])


def test_one_theme_alone_is_somewhat_different(tagger: Tagger, document_of: Callable[..., TaggedDocument]) -> None:
    drift = measure([document_of(*[TEXTS[0]] * 3)], known_to(tagger), usual(tagger))
    assert drift.findings[2].found == pytest.approx(5 / 6)
    assert drift.verdict == "有些不同"


def test_a_few_uncertain_paragraphs_prove_nothing(tagger: Tagger, document_of: Callable[..., TaggedDocument]) -> None:
    one = document_of(TEXTS[0])
    doubtful = tuple(
        replace(each, tag=each.tag and replace(each.tag, uncertain=True)) for each in document_of(TEXTS[0]).paragraphs
    )
    few = measure([replace(one, paragraphs=doubtful)], known_to(tagger), usual(tagger))
    many = measure([replace(one, paragraphs=doubtful * 40)], known_to(tagger), usual(tagger))
    assert few.findings[1].found == many.findings[1].found == 1
    assert few.findings[1].level == 0
    assert many.findings[1].level == 2


def test_unknown_characters_are_shares_of_the_chinese_ones(
    document_of: Callable[..., TaggedDocument], tagger: Tagger
) -> None:
    rare = "𪚥龘靐齉爩鱻麤灪爨癵" + "0123456789" * 99
    drift = measure([document_of("工作" * 50 + "。", rare + "。")], known_to(tagger), usual(tagger))
    assert drift.findings[0].found < 0.2


def test_no_documents(tagger: Tagger) -> None:
    drift = measure([], known_to(tagger), usual(tagger))
    assert (drift.paragraphs, drift.verdict, drift.years) == (0, "与训练材料相近", ())


def test_documents_are_told_by_year(tagger: Tagger, document_of: Callable[..., TaggedDocument]) -> None:
    documents = [document_of(TEXTS[0], name=name) for name in ("2023.txt", "无年.txt", "2021.txt", "2023-2.txt")]
    years = measure(documents, known_to(tagger), usual(tagger)).years
    assert [(each.year, each.documents) for each in years] == [(2021, 1), (2023, 2), (None, 1)]
    assert years[0].themes["党建"] == 1


def test_new_phrases_are_found_and_old_ones_are_not() -> None:
    training = [Label(f"第{number}次会议研究基层减负工作，部署下一步措施。", "作风") for number in range(50)]
    texts = [f"第{number}组推行网格吹哨部门报到机制，抓好基层减负工作。" for number in range(8)]
    phrases = new_phrases(texts, cut(texts), training, number=10)
    assert phrases
    assert any("网格吹哨部门报到" in phrase.text for phrase in phrases)
    assert all((phrase.paragraphs, phrase.in_training) == (8, 0) for phrase in phrases)
    assert not any(phrase.text in "基层减负工作" for phrase in phrases)
    assert new_phrases([], [], training, number=10) == []


def test_counts_give_an_upper_bound() -> None:
    texts = [f"第{number}，推行网格吹哨机制。" for number in range(8)]
    known = Label("", "治理", counts={"推行": 1, "行网": 1, "网格": 1, "格吹": 1, "吹哨": 1, "哨机": 1, "机制": 1})
    assert new_phrases(texts, cut(texts), [Label("别的事情都照常办理。", "其他")] * 50, number=5)
    assert new_phrases(texts, cut(texts), [known] * 50, number=5) == []


def test_surprise_is_dunnings() -> None:
    expected = 2 * (10 * math.log(10 / 5) + 90 * math.log(90 / 95) + 0 + 100 * math.log(100 / 95))
    assert surprise(10, 100, 0, 100) == pytest.approx(expected)
    assert surprise(5, 100, 50, 1000) == pytest.approx(0)


def test_the_command(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("drift", str(root / "examples"), "--out", str(tmp_path / "队列.jsonl")) == 0
    out = capsys.readouterr().out
    assert "与训练材料相近" in out
    assert "接下来先标什么" in out
    assert "2021 年" in out
    assert len((tmp_path / "队列.jsonl").read_text("utf-8").splitlines()) == 50
    (tmp_path / "空.txt").write_text("关于某事的通知\n", encoding="utf-8")
    with pytest.raises(UsageError, match="没有读到正文"):
        run("drift", str(tmp_path / "空.txt"))
