"""The training data: what the data card promises."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tagger import THEMES
from tagger.learning.labels import read_labels
from tagger.learning.vocabulary import read_lexicon

RUN = 20  # characters that no two paragraphs may share, set phrases aside
BLANKS_AND_MARKS = re.compile(r"[\s，。、；：！？“”‘’（）《》〔〕—…·,.;:!?()\"'%-]")


@pytest.fixture(scope="module")
def body(documents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [record for record in documents if record["role"] == "body"]


@pytest.fixture(scope="module")
def set_phrases(root: Path) -> re.Pattern[str]:
    phrases = (root / "training_data" / "set_phrases.txt").read_text("utf-8").split("\n")
    return re.compile("|".join(re.escape(phrase) for phrase in sorted(filter(None, phrases), key=len, reverse=True)))


def runs(text: str, set_phrases: re.Pattern[str]) -> Iterator[str]:
    bare = BLANKS_AND_MARKS.sub("", set_phrases.sub("\0", text))
    for place in range(len(bare) - RUN + 1):
        run = bare[place : place + RUN]
        if "\0" not in run:
            yield run


def test_enough_documents_of_many_kinds(documents: list[dict[str, Any]], body: list[dict[str, Any]]) -> None:
    assert len({record["document"] for record in documents}) >= 450
    assert len({record["kind"] for record in documents}) >= 12
    assert len({record["level"] for record in documents}) >= 9
    themes = Counter(record["theme"] for record in body)
    assert len(body) >= 6000
    assert min(themes.values()) >= 700
    assert themes["其他"] >= 1800


def test_paragraphs_are_well_formed(body: list[dict[str, Any]]) -> None:
    for record in body:
        assert 15 <= len(record["text"]) <= 600, record["text"]
        assert record["theme"] in THEMES
        assert record["text"] == record["text"].strip()


def test_no_two_paragraphs_share_a_long_run(body: list[dict[str, Any]], set_phrases: re.Pattern[str]) -> None:
    owners: dict[str, int] = {}
    shared = [
        (run, body[owners[run]]["document"], record["document"])
        for number, record in enumerate(body)
        for run in runs(record["text"], set_phrases)
        if owners.setdefault(run, number) != number
    ]
    assert not shared


def test_no_sentence_of_the_shared_real_text_is_ours(
    body: list[dict[str, Any]], set_phrases: re.Pattern[str], shared: Path
) -> None:
    ours = {run: record["document"] for record in body for run in runs(record["text"], set_phrases)}
    found = Counter[str]()
    for path in [*shared.glob("labelled/*.jsonl"), *shared.glob("eval/*.jsonl")]:
        for line in path.read_text("utf-8").splitlines():
            found.update(ours[run] for run in runs(json.loads(line)["text"], set_phrases) if run in ours)
    assert not found


def test_all_label_files_are_read_without_complaint(root: Path) -> None:
    folder = root / "training_data"
    labels = read_labels(sorted([*folder.glob("*.jsonl"), *folder.glob("*.jsonl.gz")]))
    assert all((label.counts is None) == bool(label.text) for label in labels)
    assert sum(label.counts is not None for label in labels) > 15_000


def test_the_lexicon(root: Path) -> None:
    lexicon = read_lexicon(root / "training_data" / "lexicon.tsv")
    assert len(lexicon) >= 600
    assert set(lexicon.values()) == set(THEMES)
    assert all(2 <= len(term) <= 10 for term in lexicon)
