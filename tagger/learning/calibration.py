"""Calibration: what is decided on the answers, decided on documents that the model did not see.

The log-odds of left-out examples give the weight of the headings, the probabilities, the thresholds and the figures.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import log_softmax

from tagger.decision import Rule, decide
from tagger.learning.evaluation import also_from, certain_from
from tagger.learning.examples import Examples
from tagger.learning.settings import Settings
from tagger.model import Doubles, calibrated
from tagger.records import Tag

PENALTY = 1e-4  # keeps scale near 1, offset and context near 0 where data are few


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Log-odds of examples from models that saw nothing of their documents; all arrays of shape (examples, themes)."""

    text: Doubles
    context: Doubles  # of title and nearest heading, not yet weighted

    def where(self, rows: npt.NDArray[np.bool_]) -> LeftOut:
        """The chosen rows."""
        return LeftOut(self.text[rows], self.context[rows])

    def without_context(self) -> LeftOut:
        """As if no paragraph had headings."""
        return LeftOut(self.text, np.zeros_like(self.context))


@dataclass(frozen=True, slots=True)
class Calibration:
    """What turns log-odds into probabilities (see `tagger.model`)."""

    context: float
    scale: Doubles  # (themes,)
    offset: Doubles  # (themes,)

    def log_odds(self, left_out: LeftOut) -> Doubles:
        """Log-odds of texts with what their headings add."""
        return left_out.text + self.context * left_out.context

    def probabilities(self, left_out: LeftOut) -> Doubles:
        """The probability of each theme to be the primary one."""
        return calibrated(self.log_odds(left_out), self.scale, self.offset)


def calibrate(left_out: LeftOut, examples: Examples) -> Calibration:
    """The calibration that makes the right primary themes of left-out examples most likely.

    Scale and offset come from the texts alone, and only then the weight of the headings: what a text without headings
    gets does not depend on how much headings help others.
    """
    picked = np.arange(len(left_out.text)), np.array([examples.names.index(theme) for theme in examples.themes])

    def unlikely(log_odds: Doubles, scale: Doubles, offset: Doubles) -> float:
        return -float(log_softmax(log_odds * scale + offset, axis=1)[picked].mean())

    def loss_of_texts(parameters: Doubles) -> float:
        scale, offset = np.split(parameters, 2)
        penalty = PENALTY * (np.square(scale - 1).sum() + np.square(offset).sum())
        return unlikely(left_out.text, scale, offset) + float(penalty)

    width = len(examples.names)
    start = np.concatenate([np.ones(width), np.zeros(width)])
    scale, offset = np.split(minimize(loss_of_texts, start, method="L-BFGS-B").x.round(4), 2)

    def loss_of_context(context: Doubles) -> float:
        return unlikely(left_out.text + context * left_out.context, scale, offset) + PENALTY * float(context @ context)

    context = minimize(loss_of_context, np.zeros(1), method="L-BFGS-B").x.round(4)
    return Calibration(float(context[0]), scale, offset)


def rule_of(calibration: Calibration, left_out: LeftOut, examples: Examples, settings: Settings) -> Rule:
    """The threshold for 不确定 that keeps the promise on left-out examples, and those for secondary themes.

    The promise is kept for each kind of text: ours with headings, ours without, and pooled ones.
    """
    names, own = np.array(examples.names), ~examples.pooled
    certain = max(
        certain_from(probabilities.max(axis=1), right, promise=settings.promise, margin=settings.margin)
        for some, rows in ((left_out, examples.pooled), (left_out, own), (left_out.without_context(), own))
        if rows.any()
        for probabilities in (calibration.probabilities(some.where(rows)),)
        for right in (names[probabilities.argmax(axis=1)] == examples.themes[rows],)
    )
    log_odds = calibration.log_odds(left_out)
    also = []
    for column, theme in enumerate(examples.names):
        others = examples.themes != theme
        also.append(also_from(log_odds[others, column], examples.secondary[others, column]))
    return Rule(round(certain, 4), tuple(round(each, 4) for each in also))


def cross_fitted_tags(
    left_out: LeftOut, examples: Examples, settings: Settings
) -> tuple[tuple[Tag, ...], tuple[Tag, ...]]:
    """Tags of left-out examples, with their headings and without; calibration and rule come from other documents."""
    tags: list[Tag] = []
    bare_tags: list[Tag] = []
    rows: list[int] = []
    for fold in range(settings.folds):
        inside = examples.folds == fold
        if not inside.any():
            continue
        rest = left_out.where(~inside), examples.where(~inside)
        calibration = calibrate(*rest)
        rule = rule_of(calibration, *rest, settings)
        rows += np.flatnonzero(inside).tolist()
        here = left_out.where(inside)
        bare = here.without_context()
        tags += decide(examples.names, calibration.log_odds(here), calibration.probabilities(here), rule)
        bare_tags += decide(examples.names, calibration.log_odds(bare), calibration.probabilities(bare), rule)
    order = np.argsort(rows).tolist()
    return tuple(tags[place] for place in order), tuple(bare_tags[place] for place in order)
