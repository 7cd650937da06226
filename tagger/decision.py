"""From log-odds and probabilities to tags: primary theme, secondary themes, 其他, 不确定."""

from __future__ import annotations

import itertools
import operator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tagger.records import Tag
from tagger.themes import OTHER

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Rule:
    """The thresholds, all set at training on documents left out.

    A tag is certain from `certain_from` on: of the certain tags at least the promised share was right there. A theme
    that is not primary is secondary from the log-odds in `also_from` on, one value a theme.
    """

    certain_from: float
    also_from: tuple[float, ...]


def decide(themes: tuple[str, ...], log_odds: Doubles, probabilities: Doubles, rule: Rule) -> list[Tag]:
    """One tag a row. `log_odds` and `probabilities` have shape (texts, themes)."""
    primary = probabilities.argmax(axis=1)
    probability = probabilities.max(axis=1)
    secondary = log_odds >= np.array(rule.also_from)
    secondary[:, themes.index(OTHER)] = False
    secondary[np.arange(len(primary)), primary] = False
    also: list[tuple[str, ...]] = [()] * len(primary)
    rows = np.flatnonzero(secondary.any(axis=1))
    strongest_first = np.argsort(np.where(secondary[rows], -log_odds[rows], np.inf), axis=1).tolist()
    for row, columns, count in zip(rows.tolist(), strongest_first, secondary[rows].sum(axis=1).tolist(), strict=True):
        also[row] = tuple(themes[column] for column in columns[:count])
    return list(
        map(
            Tag,
            map(themes.__getitem__, primary.tolist()),
            also,
            probability.tolist(),
            (probability < rule.certain_from).tolist(),
            itertools.repeat(themes),
            zip(*log_odds.T.tolist(), strict=True),
            zip(*probabilities.T.tolist(), strict=True),
        )
    )


def runner_up(tag: Tag) -> tuple[str, float] | tuple[None, None]:
    """The theme that came second and its probability, at a tie the first in their order; none if there is but one."""
    others = (each for each in zip(tag.themes, tag.probabilities, strict=True) if each[0] != tag.theme)
    return max(others, key=operator.itemgetter(1), default=(None, None))
