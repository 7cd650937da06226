"""How far figures may be off: the bootstrap (Efron and Tibshirani 1993), with whole documents drawn.

The paragraphs of one document resemble each other, so that documents are drawn, not paragraphs.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tagger.model import Doubles
from tagger.records import Label

DRAWS = 1000
MIN_DOCUMENTS = 5  # an interval from fewer says nothing about others
INTERVAL = 0.95
CONFIDENCE_95 = 1.96  # standard deviations


def _document_of(label: Label) -> str:
    return label.document or label.text


def documents_of(labels: Sequence[Label]) -> int:
    """How many documents there are to draw."""
    return len(set(map(_document_of, labels)))


def drawn_sums(labels: Sequence[Label], flags: npt.ArrayLike) -> Doubles:
    """For each draw of documents how many of their paragraphs have each flag; flags of shape (labels, columns).

    The same labels are drawn alike in every call, so that two models can be compared draw by draw.
    """
    documents = np.unique(list(map(_document_of, labels)), return_inverse=True)[1]
    count = int(documents.max()) + 1
    columns = np.asarray(flags, dtype=np.float64).reshape(len(labels), -1).T
    by_document = np.column_stack([np.bincount(documents, column, minlength=count) for column in columns])
    random = np.random.default_rng(0)
    times = (np.bincount(random.integers(count, size=count), minlength=count) for _ in range(DRAWS))
    return np.stack([drawn @ by_document for drawn in times])


def drawn_f1(labels: Sequence[Label], given: Sequence[str], themes: Sequence[str]) -> Doubles:
    """F1 of each theme in each draw, shape (draws, themes); NaN where the theme was not drawn."""
    gold, answers = (np.array(each)[:, None] == np.array(themes) for each in ([x.theme for x in labels], given))
    hits, wanted, found = np.split(drawn_sums(labels, np.hstack([gold & answers, gold, answers])), 3, axis=1)
    return np.where(wanted > 0, 2 * hits / np.maximum(wanted + found, 1), np.nan)


def drawn_macro_f1(labels: Sequence[Label], given: Sequence[str], themes: Sequence[str]) -> Doubles:
    """Mean F1 over the themes that were drawn, draw by draw."""
    macro: Doubles = np.nanmean(drawn_f1(labels, given, themes), axis=1)
    return macro


def macro_f1(labels: Sequence[Label], given: Sequence[str], themes: Sequence[str]) -> float:
    """Mean F1 over the themes that occur."""
    gold, answers = (np.array(each)[:, None] == np.array(themes) for each in ([x.theme for x in labels], given))
    f1 = 2 * (gold & answers).sum(axis=0) / np.maximum(gold.sum(axis=0) + answers.sum(axis=0), 1)
    return float(f1[gold.any(axis=0)].mean())


def interval(drawn: Doubles) -> tuple[float, float]:
    """The middle 95 % of what was drawn."""
    tail = (1 - INTERVAL) / 2
    low, high = np.nanquantile(drawn, [tail, 1 - tail])
    return float(low), float(high)


def wilson(hits: npt.ArrayLike, trials: npt.ArrayLike, *, deviations: float = CONFIDENCE_95) -> tuple[Doubles, Doubles]:
    """The bounds of a share of hits among trials, so many standard deviations away; 0 and 1 if nothing was tried.

    Wilson 1927, "Probable Inference, the Law of Succession, and Statistical Inference".
    """
    tried = np.maximum(np.asarray(trials, dtype=np.float64), 1)
    share, spread = np.asarray(hits) / tried, deviations**2 / tried
    middle = share + spread / 2
    half = deviations * np.sqrt(share * (1 - share) / tried + spread / tried / 4)
    low, high = np.maximum(0, (middle - half) / (1 + spread)), np.minimum(1, (middle + half) / (1 + spread))
    return np.where(trials, low, 0.0), np.where(trials, high, 1.0)
