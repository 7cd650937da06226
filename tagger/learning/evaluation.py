"""How good the tags are: gold labels and predictions in, figures out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from tagger.learning.intervals import wilson
from tagger.records import Label, Tag

Doubles: TypeAlias = npt.NDArray[np.float64]
Flags: TypeAlias = npt.NDArray[np.bool_]

SETS = {  # what a model is judged by, as a manifest names it and as people read it
    "text": "留出的文件（有原文的标注）",
    "bare": "同上，不看标题",
    "counts": "留出的来源（只有词频的标注）",
    "locked": "锁定的文件（从不训练）",
}
BINS = 10  # of equal width, for the calibration error
NEVER_CERTAIN = 1.01  # a probability that no tag reaches
NEVER_ALSO = 1e9  # log-odds that no theme reaches
BOUND = 1.0  # standard errors that the share of right certain tags must keep from the promise
MIN_CERTAIN = 20  # tags; a promise kept by fewer is no evidence


@dataclass(frozen=True, slots=True)
class ThemeFigures:
    """Precision, recall, F1 and support of one theme."""

    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True, slots=True)
class Figures:
    """What a set of labelled paragraphs says about their tags."""

    paragraphs: int
    macro_f1: float  # mean F1 over the themes that occur
    accuracy: float  # share with the right primary theme
    relaxed_accuracy: float  # primary theme right, or one of the label's secondary themes
    calibration_error: float  # expected calibration error of Tag.probability
    certain_share: float  # share not marked uncertain
    certain_accuracy: float  # accuracy among these; 1 if there are none
    also_precision: float  # secondary themes given that the label has (as primary or secondary)
    also_recall: float  # secondary themes of the labels that the tag has (as primary or secondary)
    themes: Mapping[str, ThemeFigures]

    def as_record(self) -> dict[str, object]:
        """The figures as plain values for a manifest, rounded to four places."""
        figures: dict[str, object] = {
            name: round(value, 4) if isinstance(value := getattr(self, name), float) else value
            for name in self.__slots__
            if name != "themes"
        }
        figures["themes"] = {
            theme: {
                "precision": round(each.precision, 4),
                "recall": round(each.recall, 4),
                "f1": round(each.f1, 4),
                "support": each.support,
            }
            for theme, each in self.themes.items()
        }
        return figures


def evaluate(gold: Sequence[tuple[str, tuple[str, ...]]], tags: Sequence[Tag]) -> Figures:
    """Compare tags with labels, each given as (primary theme, secondary themes). Raises `ValueError` on no labels."""
    if not gold:
        raise ValueError("nothing to evaluate")
    right = np.array([theme == tag.theme for (theme, _), tag in zip(gold, tags, strict=True)])
    relaxed = [tag.theme == theme or tag.theme in also for (theme, also), tag in zip(gold, tags, strict=True)]
    certain = np.array([not tag.uncertain for tag in tags])
    themes = {
        theme: _theme_figures([primary == theme for primary, _ in gold], [tag.theme == theme for tag in tags])
        for theme in tags[0].themes
    }
    given = [theme in (primary, *also) for (primary, also), tag in zip(gold, tags, strict=True) for theme in tag.also]
    wanted = [theme in (tag.theme, *tag.also) for (_, also), tag in zip(gold, tags, strict=True) for theme in also]
    return Figures(
        paragraphs=len(gold),
        macro_f1=float(np.mean([each.f1 for each in themes.values() if each.support])),
        accuracy=float(right.mean()),
        relaxed_accuracy=float(np.mean(relaxed)),
        calibration_error=calibration_error([tag.probability for tag in tags], right.tolist()),
        certain_share=float(certain.mean()),
        certain_accuracy=float(right[certain].mean()) if certain.any() else 1.0,
        also_precision=float(np.mean(given)) if given else 1.0,
        also_recall=float(np.mean(wanted)) if wanted else 1.0,
        themes=themes,
    )


def _theme_figures(is_gold: Sequence[bool], is_given: Sequence[bool]) -> ThemeFigures:
    hits = sum(map(min, is_gold, is_given))
    precision = hits / sum(is_given) if any(is_given) else 0.0
    recall = hits / sum(is_gold) if any(is_gold) else 0.0
    f1 = 2 * precision * recall / (precision + recall) if hits else 0.0
    return ThemeFigures(precision, recall, f1, sum(is_gold))


def calibration_error(probabilities: Sequence[float], right: Sequence[bool]) -> float:
    """Expected calibration error (Naeini et al. 2015) in ten bins of equal width."""
    probability, hit = np.array(probabilities), np.array(right, dtype=float)
    bins = np.minimum((probability * BINS).astype(int), BINS - 1)
    gaps = [abs((hit - probability)[bins == each].sum()) for each in range(BINS)]
    return float(sum(gaps) / len(hit))


def certain_from(probabilities: Doubles, right: Flags, *, promise: float, margin: float = 0.0) -> float:
    """The lowest probability from which on at least the promised share of tags was right; above 1 if there is none.

    A margin above the promise is asked for, and that the share be so high not by chance alone: its lower bound
    keeps the promise too.
    """
    order = np.argsort(-probabilities, kind="stable")
    given = np.arange(1, len(order) + 1)
    hits = np.cumsum(right[order])
    at_least, _ = wilson(hits, given, deviations=BOUND)
    kept = np.flatnonzero((hits / given >= promise + margin) & (at_least >= promise) & (given >= MIN_CERTAIN))
    return float(probabilities[order[kept[-1]]]) if len(kept) else NEVER_CERTAIN


def also_from(log_odds: Doubles, present: Flags) -> float:
    """The log-odds from which on a theme is present, chosen for the best F1; `NEVER_ALSO` if it never is."""
    if not present.any():
        return NEVER_ALSO
    order = np.argsort(-log_odds, kind="stable")
    f1 = 2 * np.cumsum(present[order]) / (np.arange(1, len(order) + 1) + present.sum())
    return float(log_odds[order[int(f1.argmax())]])


def confusions(labels: Sequence[Label], tags: Sequence[Tag]) -> Counter[tuple[str, str]]:
    """How often each theme was taken for each other one: (right, given) → paragraphs."""
    pairs = ((label.theme, tag.theme) for label, tag in zip(labels, tags, strict=True))
    return Counter(pair for pair in pairs if pair[0] != pair[1])


def accuracy_by(
    labels: Sequence[Label], tags: Sequence[Tag], key: Callable[[Label], Hashable]
) -> dict[Hashable, tuple[int, float]]:
    """Paragraphs and accuracy for each value of `key`, the most frequent first."""
    groups: dict[Hashable, list[bool]] = {}
    for label, tag in zip(labels, tags, strict=True):
        groups.setdefault(key(label), []).append(label.theme == tag.theme)
    ranked = sorted(groups.items(), key=lambda group: -len(group[1]))
    return {group: (len(hits), sum(hits) / len(hits)) for group, hits in ranked}
