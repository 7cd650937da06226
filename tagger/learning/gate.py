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

from tagger.learning.evaluation import Figures, evaluate
from tagger.learning.intervals import drawn_macro_f1
from tagger.records import Label, Tag
from tagger.tagging import Tagger

MAX_DROP = 0.01  # of macro-F1
MAX_THEME_DROP = 0.05  # of the F1 of one theme
MIN_SUPPORT = 20  # labelled paragraphs of a theme below which its F1 says little
MIN_PARAGRAPHS = 50  # and in all
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
    names = [theme.name for theme in new.themes]
    old_f1, new_f1 = (drawn_macro_f1(locked, [tag.theme for tag in given], names) for given in tags)
    tail = (1 - INTERVAL) / 2
    low, high = np.quantile(new_f1 - old_f1, [tail, 1 - tail])
    interval = float(low), float(high)
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
