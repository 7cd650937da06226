"""The scan against a scan that a child could check."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagger.terms import CHUNK_CHARACTERS, TermScan, chunks, compile_terms, fold, width_and_case

ALPHABET = "党建设法治乡村aＡA１1 ，\0\n𠮷😀\ud800"
term = st.text(alphabet="党建设法治乡村a1,", min_size=1, max_size=5)
vocabulary = st.lists(term, min_size=1, max_size=30, unique=True)
text = st.text(alphabet=st.one_of(st.sampled_from(ALPHABET), st.characters()), max_size=60)


def naive_counts(terms: list[str], text: str) -> dict[int, int]:
    """How often each term stands in a text, overlapping, by looking at every place."""
    folded = fold(text, width_and_case())
    found = {}
    for number, term in enumerate(terms):
        count = sum(folded.startswith(term, place) for place in range(len(folded)))
        if count:
            found[number] = count
    return found


def scan_counts(scan: TermScan, texts: list[str]) -> list[dict[int, int]]:
    counts = scan.count(texts)
    assert counts.width == scan.trie.size
    assert len(counts) == len(texts)
    return [
        dict(zip(counts.terms[a:b].tolist(), counts.counts[a:b].tolist(), strict=True))
        for a, b in zip(counts.starts[:-1].tolist(), counts.starts[1:].tolist(), strict=True)
    ]


@given(vocabulary, st.lists(text, max_size=6))
def test_counts_what_a_naive_scan_counts(terms: list[str], texts: list[str]) -> None:
    scan = TermScan(compile_terms(terms, width_and_case()))
    assert scan_counts(scan, texts) == [naive_counts(terms, each) for each in texts]


@given(vocabulary, text)
def test_finds_each_occurrence_where_it_stands(terms: list[str], text: str) -> None:
    scan = TermScan(compile_terms(terms, width_and_case()))
    starts, ends, numbers = scan.find(text)
    folded = fold(text, width_and_case())
    assert [folded[a:b] for a, b in zip(starts, ends, strict=True)] == [terms[number] for number in numbers]
    assert len(starts) == sum(naive_counts(terms, text).values())


@settings(max_examples=20, deadline=None)
@given(st.data())
def test_a_large_vocabulary_of_long_terms(data: st.DataObject) -> None:
    random = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    characters = np.array(list("一二三四五六七八九十百千万亿"))
    terms = sorted({"".join(random.choice(characters, random.integers(1, 9))) for _ in range(800)})
    texts = ["".join(random.choice(characters, 300)) for _ in range(5)]
    scan = TermScan(compile_terms(terms, {}))
    assert scan_counts(scan, texts) == [naive_counts(terms, each) for each in texts]


def test_case_width_and_given_variants_count_as_one() -> None:
    scan = TermScan(compile_terms(["ai党"], width_and_case() | {"黨": "党"}))
    assert scan_counts(scan, ["AI黨", "ａｉ党", "Ａi黨", "a i党"]) == [{0: 1}, {0: 1}, {0: 1}, {}]


def test_no_texts_and_no_terms() -> None:
    assert scan_counts(TermScan(compile_terms(["党"], {})), []) == []
    assert scan_counts(TermScan(compile_terms([], {})), ["党", ""]) == [{}, {}]


def test_terms_do_not_reach_across_texts() -> None:
    scan = TermScan(compile_terms(["党建", "建设"], {}))
    assert scan_counts(scan, ["党", "建", "设"]) == [{}, {}, {}]


def test_chunks_keep_all_texts_in_order() -> None:
    texts = ["长" * (CHUNK_CHARACTERS // 3)] * 10 + ["短"] * 70_000
    parts = list(chunks(texts))
    assert [text for part in parts for text in part] == texts
    assert max(map(len, parts)) <= 0xFFFF
    assert len(parts) > 4


def test_too_many_terms_are_refused() -> None:
    terms = [chr(0x4E00 + first) + chr(0x4E00 + second) for first in range(300) for second in range(300)]
    with pytest.raises(ValueError, match="90000 terms"):
        compile_terms(terms, {})
