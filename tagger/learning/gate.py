"""The gate: a new model against the one in use, on locked documents that neither was trained on.

The new model passes if it is not worse. What chance would give is told by a paired bootstrap (Efron and Tibshirani
1993; for labelled text: Koehn 2004, "Statistical Significance Tests for Machine Translation Evaluation"): both models
are judged on the same documents, drawn with replacement many times over. Documents are drawn, not paragraphs, as the
paragraphs of one document resemble each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tagger.learning.evaluation import Figures, evaluate
from tagger.learning.labels import document_hash
from tagger.records import Label, Tag
from tagger.tagging import Tagger

MAX_DROP = 0.01  # of macro-F1
MAX_THEME_DROP = 0.05  # of the F1 of one theme
MIN_SUPPORT = 20  # labelled paragraphs of a theme below which its F1 says little
MIN_PARAGRAPHS = 50  # and in all
DRAWS = 2000
INTERVAL = 0.90  # two-sided, so that a model is refused as worse with 95% confidence


@dataclass(frozen=True, slots=True)
class Change:
    """A locked paragraph whose tag changes."""

    label: Label
    old: Tag
    new: Tag


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two models on the same locked paragraphs. `reasons` speak against the new one; without any it is accepted."""

    old: Figures
    new: Figures
    interval: tuple[float, float]  # of macro-F1, new minus old
    changes: tuple[Change, ...]
    reasons: tuple[str, ...]

    @property
    def accepted(self) -> bool:
        """Whether the new model is not worse."""
        return not self.reasons


def compare(old: Tagger, new: Tagger, locked: Sequence[Label]) -> Comparison:
    """Judge two models by labels that neither has seen. Raises `ValueError` if there are none."""
    tags = [tagger.tag_batch([each.text for each in locked], [each.path for each in locked]) for tagger in (old, new)]
    gold = [(label.theme, label.also) for label in locked]
    before, after = (evaluate(gold, given) for given in tags)
    interval = _interval(locked, *tags)
    changes = (Change(*each) for each in zip(locked, *tags, strict=True))
    return Comparison(
        old=before,
        new=after,
        interval=interval,
        changes=tuple(change for change in changes if change.old.theme != change.new.theme),
        reasons=tuple(_reasons(before, after, interval)),
    )


def _reasons(old: Figures, new: Figures, interval: tuple[float, float]) -> list[str]:
    if new.paragraphs < MIN_PARAGRAPHS:
        return [f"锁定的文件只有 {new.paragraphs} 段标注，不到 {MIN_PARAGRAPHS} 段，比不出好坏"]
    reasons = []
    drop = old.macro_f1 - new.macro_f1
    if interval[1] < 0:
        reasons.append(
            f"宏平均 F1 从 {old.macro_f1:.3f} 降到 {new.macro_f1:.3f}，"
            f"差值的 {INTERVAL:.0%} 区间（{interval[0]:+.3f} 到 {interval[1]:+.3f}）都在 0 以下，不是偶然"
        )
    elif drop > MAX_DROP:
        reasons.append(f"宏平均 F1 从 {old.macro_f1:.3f} 降到 {new.macro_f1:.3f}，降幅超过 {MAX_DROP}")
    for theme, figures in new.themes.items():
        before = old.themes[theme].f1
        if figures.support >= MIN_SUPPORT and before - figures.f1 > MAX_THEME_DROP:
            reasons.append(f"{theme}的 F1 从 {before:.3f} 降到 {figures.f1:.3f}，降幅超过 {MAX_THEME_DROP}")
    return reasons


def _interval(labels: Sequence[Label], old: Sequence[Tag], new: Sequence[Tag]) -> tuple[float, float]:
    """Where the difference in macro-F1 lies, new minus old, when other documents of the kind had been locked."""
    themes = old[0].themes
    documents = np.unique([document_hash(label) for label in labels], return_inverse=True)[1]
    gold = [label.theme for label in labels]
    drawn = _draws(int(documents.max()) + 1)
    scores = []
    for tags in (old, new):
        hits, given, wanted = (
            drawn @ _by_document(documents, flags)
            for flags in (
                [[tag.theme == right == theme for theme in themes] for tag, right in zip(tags, gold, strict=True)],
                [[tag.theme == theme for theme in themes] for tag in tags],
                [[right == theme for theme in themes] for right in gold],
            )
        )
        f1 = 2 * hits / np.maximum(given + wanted, 1)
        scores.append(f1.sum(axis=1) / np.maximum((wanted > 0).sum(axis=1), 1))
    tail = (1 - INTERVAL) / 2
    low, high = np.quantile(scores[1] - scores[0], [tail, 1 - tail])
    return float(low), float(high)


def _draws(documents: int) -> npt.NDArray[np.float64]:
    """How often each document is drawn, shape (draws, documents)."""
    picked = np.random.default_rng(0).integers(documents, size=(DRAWS, documents))
    return np.stack([np.bincount(row, minlength=documents) for row in picked]).astype(np.float64)


def _by_document(documents: npt.NDArray[np.int64], flags: Sequence[Sequence[bool]]) -> npt.NDArray[np.float64]:
    """How many paragraphs of each document have each flag, shape (documents, themes)."""
    columns = np.array(flags, dtype=np.float64).T
    return np.column_stack([np.bincount(documents, column) for column in columns])
