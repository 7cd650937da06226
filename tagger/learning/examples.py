"""Labels as numbers: which terms to count, and one matrix of term counts with what is known of each row."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix, vstack

from tagger.learning.counts import LONGEST_GRAM
from tagger.learning.labels import document_hash
from tagger.learning.settings import Settings
from tagger.learning.vocabulary import gram_frequencies, word_frequencies
from tagger.model import Doubles
from tagger.records import Label
from tagger.terms import TermCounts, TermScan

MAX_TERMS = 45_000  # of a model, and words that explanations are told in; leaves room for prefixes below MAX_STATES
SENTENCE = re.compile(r"[^。；！？]+[。；！？]?")
MIN_SPLIT = 60  # characters of a paragraph that is also learned from sentence by sentence
MIN_SENTENCE = 12


@dataclass(frozen=True, slots=True)
class Examples:
    """Labels as one matrix of term counts, row by row with what is known of them."""

    names: tuple[str, ...]  # the themes, in the order of all columns
    counts: Any  # csr_matrix, (labels, terms)
    themes: npt.NDArray[np.str_]  # primary themes
    secondary: npt.NDArray[np.bool_]  # (labels, themes)
    pooled: npt.NDArray[np.bool_]  # whether only counts are known: text of another hand
    weights: Doubles  # how much each counts in training
    folds: npt.NDArray[np.int64]  # in which its document is left out

    def where(self, rows: npt.NDArray[np.bool_]) -> Examples:
        """The chosen rows."""
        columns = [each.name for each in fields(self) if each.name != "names"]
        return replace(self, **{name: getattr(self, name)[rows] for name in columns})

    def term_counts(self) -> TermCounts:
        """The counts in the form that the model scores."""
        starts, terms, counts = self.counts.indptr, self.counts.indices, self.counts.data
        width = self.counts.shape[1]
        return TermCounts(starts.astype(np.int64), terms.astype(np.int32), counts.astype(np.int32), width)


def sentences_of(label: Label) -> list[Label]:
    """The sentences of a longer paragraph, each with the label of the whole: weak teachers of what its parts say."""
    if len(label.text) < MIN_SPLIT:
        return []
    sentences = [each for each in SENTENCE.findall(label.text) if len(each) >= MIN_SENTENCE]
    return [replace(label, text=each) for each in sentences] if len(sentences) > 1 else []


def choose_terms(
    labels: Sequence[Label],
    lexicon: Mapping[str, str],
    settings: Settings,
    *,
    longest_gram: int = LONGEST_GRAM,
) -> tuple[list[str], list[str]]:
    """The terms that stand in enough labelled paragraphs, frequent ones first, and all words that stand in any."""
    texts = [label.text for label in labels]
    words, grams = word_frequencies(texts, lexicon), gram_frequencies(texts, longest_gram)
    pooled = Counter(term for label in labels for term in label.counts or ())
    dictionary = set(words) | set(lexicon) | {term for term in pooled if len(term) > LONGEST_GRAM}
    words.update(pooled)
    grams.update(pooled)
    terms = {term for term in dictionary if words[term] >= settings.min_word_labels}
    terms |= {term for term in grams if grams[term] >= settings.min_gram_labels}
    by_frequency = sorted(terms, key=lambda term: (-max(words[term], grams[term]), term))
    return by_frequency[:MAX_TERMS], sorted(dictionary, key=lambda word: (-words[word], word))[:MAX_TERMS]


def count_examples(
    scan: TermScan,
    terms: Sequence[str],
    labels: Sequence[Label],
    weights: Sequence[float],
    *,
    names: Sequence[str],
    folds: int,
) -> Examples:
    """Count the terms of each label that has a text, take over the counts of those that have none."""
    with_text = [row for row, label in enumerate(labels) if label.counts is None]
    found = scan.count([labels[row].text for row in with_text])
    own = csr_matrix((found.counts.astype(np.float64), found.terms, found.starts), shape=(len(with_text), len(terms)))
    number = {term: index for index, term in enumerate(terms)}
    with_counts = [row for row, label in enumerate(labels) if label.counts is not None]
    pooled = [
        sorted((number[term], count) for term, count in (labels[row].counts or {}).items() if term in number)
        for row in with_counts
    ]
    numbers = np.array([term for row in pooled for term, _ in row], np.int32)
    counts = np.array([count for row in pooled for _, count in row], np.float64)
    starts = np.cumsum([0, *map(len, pooled)])
    given = csr_matrix((counts, numbers, starts), shape=(len(with_counts), len(terms)))
    return Examples(
        names=tuple(names),
        counts=vstack([own, given], format="csr")[np.argsort(with_text + with_counts)],
        themes=np.array([label.theme for label in labels]),
        secondary=np.array([[theme in label.also for theme in names] for label in labels]),
        pooled=np.array([label.counts is not None for label in labels], dtype=bool),
        weights=np.array(weights),
        folds=np.array([document_hash(label) % folds for label in labels]),
    )
