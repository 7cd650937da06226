"""Learning on a small scale: labels, counts, vocabulary, training, figures."""

from __future__ import annotations

import gzip
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score

from tagger import THEMES, Tag, Tagger
from tagger.errors import LabelError
from tagger.learning.counts import MIN_PARAGRAPHS, count_labels, write_counts
from tagger.learning.data import gather_data
from tagger.learning.evaluation import also_from, calibration_error, certain_from, evaluate
from tagger.learning.examples import choose_terms, count_examples
from tagger.learning.labels import is_locked, read_labels
from tagger.learning.settings import Settings
from tagger.learning.training import train, train_model
from tagger.learning.vocabulary import Cutter, all_variants, gram_frequencies, read_lexicon
from tagger.records import Label
from tagger.terms import TermScan, compile_terms

COUNTED_FIELDS = {"source", "document", "kind", "theme", "also", "unsure", "weak", "counts"}
SMALL = Settings(min_word_labels=2, min_gram_labels=3, folds=3)


def label_file(folder: Path, *records: object) -> Path:
    path = folder / "labels.jsonl"
    path.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records), encoding="utf-8")
    return path


def test_labels_are_read_and_other_lines_of_the_document_passed_over(tmp_path: Path) -> None:
    path = label_file(
        tmp_path,
        {"document": "甲", "role": "title", "text": "总结"},
        {
            "document": "甲",
            "role": "body",
            "headings": ["一、党建"],
            "text": "发展党员。",
            "theme": "党建",
            "also": ["作风"],
        },
    )
    expected = Label("发展党员。", "党建", ("作风",), document="甲", title="总结", headings=("一、党建",))
    assert read_labels([path]) == [expected]
    assert expected.path == ("总结", "一、党建")


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"text": "字", "theme": "党务"}, "主题是 '党务'"),
        ({"text": " ", "theme": "党建"}, "没有正文"),
        ({"theme": "党建"}, "没有正文"),
        ({"text": "字", "theme": "党建", "also": ["党建"]}, "次要主题"),
        ({"text": "字", "theme": "党建", "also": ["其他"]}, "次要主题"),
        ({"text": "字", "theme": "党建", "also": [["作风"]]}, "also 是"),
        ({"text": "字", "theme": "党建", "headings": "一、党建"}, "headings 是"),
        ({"text": "字", "theme": "党建", "counts": {"党": -3}}, "词频有误"),
        ({"counts": "abc", "theme": "党建"}, "词频有误"),
        (["不是对象"], "不是 JSON 对象"),
    ],
)
def test_a_bad_label_is_named_with_its_line(tmp_path: Path, record: object, message: str) -> None:
    path = label_file(tmp_path, {"text": "好", "theme": "其他"}, record)
    with pytest.raises(LabelError, match=message) as raised:
        read_labels([path])
    assert f"{path}:2" in str(raised.value)


def test_contradicting_labels_name_both_places(tmp_path: Path) -> None:
    path = label_file(tmp_path, {"text": "同一段", "theme": "党建"}, {"text": "同一段", "theme": "作风"})
    with pytest.raises(LabelError, match=r"labels\.jsonl:2：与 .*labels\.jsonl:1 是同一段文字"):
        read_labels([path])


def test_unreadable_label_files(tmp_path: Path) -> None:
    with pytest.raises(LabelError, match="读不了"):
        read_labels([tmp_path / "无.jsonl"])
    (tmp_path / "坏.jsonl").write_text("{", encoding="utf-8")
    with pytest.raises(LabelError, match="不是 JSON"):
        read_labels([tmp_path / "坏.jsonl"])
    for content in (b"no gzip", gzip.compress(b'{"text": "x", "theme": "y"}' * 99)[:30]):
        (tmp_path / "坏.jsonl.gz").write_bytes(content)
        with pytest.raises(LabelError, match="读不了"):
            read_labels([tmp_path / "坏.jsonl.gz"])
    (tmp_path / "记事本.jsonl").write_bytes(b"\xef\xbb\xbf" + '{"text": "字", "theme": "党建"}'.encode())
    assert len(read_labels([tmp_path / "记事本.jsonl"])) == 1


def test_counts_replace_text_and_survive_write_and_read(tmp_path: Path, small_labels: list[Label]) -> None:
    counted = count_labels(small_labels[:200], {"三会一课": "党建"})
    assert all(not label.text and not label.headings and label.counts for label in counted)
    first, second = tmp_path / "a.jsonl.gz", tmp_path / "b.jsonl.gz"
    write_counts(first, counted)
    write_counts(second, counted)
    assert first.read_bytes() == second.read_bytes()
    assert [replace(label, source="") for label in read_labels([first])] == counted
    frequency: dict[str, int] = {}
    for label in counted:
        for term in label.counts or {}:
            frequency[term] = frequency.get(term, 0) + 1
    assert min(frequency.values()) >= MIN_PARAGRAPHS
    records = [json.loads(line) for line in gzip.decompress(first.read_bytes()).decode().splitlines()]
    assert all(set(record) == COUNTED_FIELDS for record in records)


def test_text_and_counts_of_the_same_labels_give_the_same_matrix(small_labels: list[Label]) -> None:
    labels = small_labels[:150]
    counted = count_labels(labels, {})
    known = set().union(*(label.counts or {} for label in counted))
    scan = TermScan(compile_terms(sorted(known), all_variants()))
    weights = [1.0] * len(labels)
    one = count_examples(scan, sorted(known), labels, weights, names=THEMES, folds=3)
    other = count_examples(scan, sorted(known), counted, weights, names=THEMES, folds=3)
    assert (one.counts != other.counts).nnz == 0
    assert one.folds.tolist() == other.folds.tolist()


def test_documents_and_sources_are_never_split(small_labels: list[Label]) -> None:
    labels = [*small_labels[:100], *(replace(label, source="一个来源") for label in small_labels[100:150])]
    labels.append(replace(small_labels[150], weak=True))
    scan = TermScan(compile_terms(["的"], {}))
    folds = count_examples(scan, ["的"], labels, [1.0] * len(labels), names=THEMES, folds=3).folds
    fold_of: dict[str, int] = {}
    for label, fold in zip(labels, folds, strict=True):
        assert fold_of.setdefault(label.source or label.document, fold) == fold


def test_terms_are_frequent_and_words_are_known(small_labels: list[Label], root: Path) -> None:
    lexicon = read_lexicon(root / "training_data" / "lexicon.tsv")
    terms, words = choose_terms(small_labels, lexicon, Settings(min_word_labels=3, min_gram_labels=5))
    assert len(set(terms)) == len(terms)
    assert {"党员", "三会一课"} <= set(words)
    assert {"党员", "三会一课"} <= set(terms)
    assert all(sum(term in label.text for label in small_labels) >= 2 for term in terms[::50])


def test_the_lexicon_keeps_terms_of_art_whole(tmp_path: Path) -> None:
    assert "软弱涣散党组织" in Cutter(["软弱涣散党组织"]).words("整顿软弱涣散党组织")
    (tmp_path / "lexicon.tsv").write_text("三会一课 党建\n", encoding="utf-8")
    with pytest.raises(LabelError, match="lexicon.tsv:1"):
        read_lexicon(tmp_path / "lexicon.tsv")


@given(st.lists(st.text(alphabet="党建a1，", max_size=8), max_size=5))
def test_grams_are_counted_once_a_text(texts: list[str]) -> None:
    for gram, count in gram_frequencies(texts, 2).items():
        assert count == sum(gram in text for text in texts)


def test_training_is_deterministic_and_its_model_tags(small_labels: list[Label], tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    label_file(
        data, *({"document": x.document, "text": x.text, "theme": x.theme, "also": list(x.also)} for x in small_labels)
    )
    said: list[str] = []
    for name in ("a", "b"):
        figures = train_model(gather_data([data]), tmp_path / name, settings=SMALL, progress=said.append).figures()
    for part in (tmp_path / "a").iterdir():
        assert part.read_bytes() == (tmp_path / "b" / part.name).read_bytes()
    assert any("留出第 1/3 份文件" in line for line in said)
    assert figures["text"].macro_f1 > 0.5
    assert figures["text"].paragraphs == len([label for label in small_labels if not is_locked(label)])
    assert str(Tagger.load(tmp_path / "a").tag("党支部发展党员，落实三会一课。")) == "党建"
    shutil.rmtree(tmp_path / "a")


def test_weak_labels_teach_but_do_not_judge(small_labels: list[Label]) -> None:
    weak = [replace(label, weak=True, document=f"弱 {label.document}") for label in small_labels[:50]]
    trained = train([*small_labels, *weak], {}, settings=SMALL, progress=lambda line: None)
    assert len(trained.judged) == len(trained.tags) == len(small_labels)


def test_labels_that_cannot_be_left_out_by_document_are_refused(small_labels: list[Label]) -> None:
    one_document = [replace(label, document="只有一份") for label in small_labels]
    with pytest.raises(LabelError, match="文件太少"):
        train(one_document, {}, settings=SMALL, progress=lambda line: None)
    two_themes = [label for label in small_labels if label.theme in ("党建", "其他")]
    with pytest.raises(LabelError, match="法治"):
        train(two_themes, {}, settings=SMALL, progress=lambda line: None)


def test_an_empty_folder_of_labels(tmp_path: Path) -> None:
    with pytest.raises(LabelError, match="没有标注文件"):
        gather_data([tmp_path])


def tag_of(theme: str, probability: float = 0.9, also: tuple[str, ...] = (), *, uncertain: bool = False) -> Tag:
    return Tag(theme, also, probability, uncertain, THEMES, (0.0,) * 6, (0.0,) * 6)


@given(st.lists(st.tuples(st.sampled_from(THEMES), st.sampled_from(THEMES)), min_size=1, max_size=40))
def test_figures_equal_scikit_learns(pairs: list[tuple[str, str]]) -> None:
    gold, given_themes = [a for a, _ in pairs], [b for _, b in pairs]
    figures = evaluate([(theme, ()) for theme in gold], [tag_of(theme) for theme in given_themes])
    present = sorted(set(gold))
    assert figures.accuracy == pytest.approx(accuracy_score(gold, given_themes))
    assert figures.macro_f1 == pytest.approx(
        f1_score(gold, given_themes, labels=present, average="macro", zero_division=0)
    )


def test_relaxed_certain_and_secondary_figures() -> None:
    gold = [("党建", ("作风",)), ("法治", ()), ("治理", ("法治",))]
    tags = [tag_of("作风", also=("党建",)), tag_of("法治", also=("治理",)), tag_of("其他", uncertain=True)]
    figures = evaluate(gold, tags)
    assert figures.relaxed_accuracy == pytest.approx(2 / 3)
    assert (figures.certain_share, figures.certain_accuracy) == (pytest.approx(2 / 3), 0.5)
    assert (figures.also_precision, figures.also_recall) == (0.5, 0.5)
    assert json.loads(json.dumps(figures.as_record()))["themes"]["党建"]["support"] == 1
    with pytest.raises(ValueError, match="nothing"):
        evaluate([], [])


def test_thresholds_keep_their_promise() -> None:
    probabilities = np.linspace(1, 0.5, 100)
    right = np.array([True] * 60 + [False] * 40)
    threshold = certain_from(probabilities, right, promise=0.95)
    assert right[probabilities >= threshold].mean() >= 0.95
    assert (probabilities >= threshold).sum() == 61  # 60 of 63 would do, but by chance as easily not
    assert certain_from(probabilities, ~right, promise=0.95) > 1
    assert also_from(np.array([3.0, 2.0, 1.0]), np.array([True, True, False])) == 2.0
    assert also_from(np.array([3.0]), np.array([False])) > 1e6
    assert calibration_error([0.95, 0.95], [True, True]) == pytest.approx(0.05)


def test_a_file_given_twice_counts_once_and_titles_stay_with_their_documents(tmp_path: Path) -> None:
    path = label_file(
        tmp_path,
        {"role": "title", "text": "没有文件名的"},
        {"text": "甲段", "theme": "党建"},
        {"document": "甲", "role": "title", "text": "总结"},
        {"document": "甲", "text": "乙段", "theme": "法治"},
    )
    (tmp_path / "另").mkdir()
    other = shutil.copy(path, tmp_path / "另" / "labels.jsonl")
    assert [label.title for label in read_labels([path])] == ["", "总结"]
    data = gather_data([path, path, tmp_path])
    assert len(data.labels) + len(data.locked) == 2
    assert sorted(gather_data([path, other]).files) == sorted([path.as_posix(), Path(other).as_posix()])


def test_weak_labels_of_locked_documents_are_not_trained_on(tmp_path: Path) -> None:
    locked = next(name for name in map(str, range(99)) if is_locked(Label("x", "其他", document=name)))
    path = label_file(
        tmp_path,
        {"document": locked, "text": "甲段", "theme": "党建"},
        {"document": locked, "text": "乙段", "theme": "法治", "weak": True},
    )
    data = gather_data([path])
    assert [label.text for label in data.locked] == ["甲段"]
    assert not data.labels
