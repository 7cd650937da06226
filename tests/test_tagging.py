"""The front door: any text gets an answer, one by one or many at once."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tagger
from tagger import THEMES, Tagger
from tagger.decision import Rule, decide
from tagger.reasons import strongest
from tagger.tagging import default_tagger

STRANGE = {
    "empty": "",
    "blank": " \n\t　",
    "one character": "党",
    "emoji": "😀👍🏽🇨🇳",
    "NUL": "a\0b\0",
    "lone surrogate": "党\ud800建",
    "English": "The quarterly report shows steady growth in revenue.",
    "punctuation": "。。。，，！",
}


@pytest.mark.parametrize("text", STRANGE.values(), ids=STRANGE.keys())
def test_strange_text_is_answered(text: str) -> None:
    tag = tagger.tag(text)
    assert tag.theme in THEMES
    assert sum(score.probability for score in tag.scores) == pytest.approx(1)
    if "党" not in text:
        assert tag.theme == "其他"
    assert len(tagger.explain(text)) == len(THEMES)
    assert tagger.tag_document(text).model_id


def test_ten_megabytes() -> None:
    text = "组建普法小分队，开展法治宣传，发放资料七千余份。" * 150_000
    assert len(text.encode()) > 10 * 2**20
    assert tagger.tag(text).theme == "法治"
    assert len(tagger.tag_document(text).paragraphs) == 1


def test_traditional_and_full_width_text_is_read() -> None:
    plain = tagger.tag("党支部开展主题党日，严格执行三会一课制度，发展党员3名。")
    assert tagger.tag("黨支部開展主題黨日，嚴格執行三會一課制度，發展黨員3名。").scores == plain.scores
    assert tagger.tag("党支部开展主题党日，严格执行三会一课制度，发展党员３名。").scores == plain.scores


@pytest.mark.parametrize(("wrong", "kind"), [(b"abc", "bytes"), (None, "NoneType"), (3, "int")])
def test_what_is_no_text_is_refused_with_help(wrong: object, kind: str) -> None:
    for call in (tagger.tag, tagger.explain, tagger.tag_document, lambda text: tagger.tag_batch([text])):
        with pytest.raises(TypeError, match=kind):
            call(wrong)  # type: ignore[operator]
    with pytest.raises(TypeError, match="一组文本"):
        tagger.tag_batch("一段文字")


@given(st.lists(st.text(max_size=80), max_size=8), st.randoms(use_true_random=False))
def test_a_batch_gives_the_tags_of_its_texts_in_any_order(texts: list[str], shuffler: random.Random) -> None:
    each = [tagger.tag(text) for text in texts]
    assert tagger.tag_batch(texts) == each
    order = list(range(len(texts)))
    shuffler.shuffle(order)
    assert tagger.tag_batch([texts[index] for index in order]) == [each[index] for index in order]


def test_headings_speak_where_the_text_does_not() -> None:
    text = "成立工作专班，逐项明确责任人和完成时限，每月调度一次。"
    path = ("某县法治政府建设工作要点", "三、普法宣传")
    probabilities = [
        {score.theme: score.probability for score in tagger.tag(text, some).scores}["法治"]
        for some in ((), path[:1], path)
    ]
    assert probabilities == sorted(probabilities)
    assert probabilities[2] > 2 * probabilities[0]
    assert tagger.tag(text, ["", "　"]) == tagger.tag(text) == tagger.tag(text, ())
    assert tagger.tag_batch([text, text], [path, ()]) == [tagger.tag(text, path), tagger.tag(text)]
    with pytest.raises(TypeError, match="标题路径要的是一组文本"):
        tagger.tag(text, "一、普法宣传")
    with pytest.raises(ValueError, match="2 段文字、1 条标题路径"):
        tagger.tag_batch([text, text], [path])


def test_a_document_is_tagged_with_its_title_and_headings() -> None:
    text = "成立工作专班，逐项明确责任人和完成时限，每月调度一次。"
    document = tagger.tag_document(f"某县法治政府建设\n工作要点\n一、普法宣传\n{text}\n")
    assert [each.paragraph.role for each in document.paragraphs] == ["title", "title", "heading", "body"]
    assert document.paragraphs[-1].tag == tagger.tag(text, ("某县法治政府建设工作要点", "一、普法宣传"))


@given(st.text(max_size=60), st.lists(st.text(max_size=12), max_size=3))
def test_explanations_replay_with_headings(text: str, path: list[str]) -> None:
    tag = tagger.tag(text, path)
    for explanation, score in zip(tagger.explain(text, path), tag.scores, strict=True):
        assert explanation.score == score
        told = explanation.bias + explanation.context + sum(reason.log_odds for reason in explanation.reasons)
        assert told == pytest.approx(score.log_odds, abs=2e-5)


@given(st.lists(st.text(max_size=80), max_size=8))
def test_reasons_of_many_texts_are_those_of_each(texts: list[str]) -> None:
    themes = [tag.theme for tag in tagger.tag_batch(texts)]
    many = default_tagger().strongest_reasons(texts, themes)
    assert len(many) == len(texts)
    for text, theme, reasons in zip(texts, themes, many, strict=True):
        expected = strongest(tagger.explain(text)[THEMES.index(theme)])
        assert [(each.text, each.start) for each in reasons] == [(each.text, each.start) for each in expected]
        assert [each.log_odds for each in reasons] == pytest.approx([each.log_odds for each in expected])


def test_a_generator_is_a_batch_too() -> None:
    assert [str(tag) for tag in tagger.tag_batch(text for text in ["开展普法宣传", "发展党员三名"])] == ["法治", "党建"]


@given(
    st.lists(st.lists(st.floats(-6, 6), min_size=6, max_size=6), min_size=1, max_size=5),
    st.floats(-3, 3),
    st.floats(0, 2),
)
def test_raising_a_threshold_never_adds_a_tag(rows: list[list[float]], threshold: float, rise: float) -> None:
    import numpy as np

    log_odds = np.array(rows)
    probabilities = np.exp(log_odds) / np.exp(log_odds).sum(axis=1, keepdims=True)
    low = decide(THEMES, log_odds, probabilities, Rule(0.5, (threshold,) * 6))
    high = decide(THEMES, log_odds, probabilities, Rule(min(1, 0.5 + rise), (threshold + rise,) * 6))
    for before, after in zip(low, high, strict=True):
        assert set(after.also) <= set(before.also)
        assert after.uncertain >= before.uncertain
        assert before.theme not in before.also
        assert "其他" not in before.also


def test_a_document_keeps_its_text_and_tags_only_its_body(tmp_path: Path) -> None:
    path = tmp_path / "总结.txt"
    path.write_bytes(
        "某乡年度总结\n一、党建\n支部换届全部完成，发展党员三名。\n某乡人民政府\n2023年1月5日".encode("gb18030")
    )
    document = tagger.tag_file(path)
    assert document.source.name == str(path)
    assert [each.tag and each.tag.theme for each in document.paragraphs] == [None, None, "党建", None, None]
    assert document.paragraphs[2].paragraph.headings == ("一、党建",)
    for each in document.paragraphs:
        assert document.source.text[each.paragraph.start : each.paragraph.end] == each.paragraph.text


def test_one_default_model() -> None:
    assert default_tagger() is default_tagger()
    assert default_tagger().model_id == Tagger.load().model_id
