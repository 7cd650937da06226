"""The model: term counts → TF-IDF → log-odds → probability. NumPy only.

TF-IDF is scikit-learn's (sublinear term frequency, L2 norm): a term that occurs n times in a text weighs
(1 + ln n) · idf, and the weights of a text are scaled to length 1; training may raise idf to a power. One logistic
regression a theme, this theme against the rest, turns them into the log-odds that the theme is present. Vector scaling
(Guo et al. 2017, "On Calibration of Modern Neural Networks"), fitted on documents left out, turns the log-odds of all
themes into the probability of each being the primary one.

What stands above a paragraph speaks too: the title of its document and the nearest heading are scored like texts, and
one weight, learned with the calibration, says how much of that is added. Without headings nothing is added.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from tagger.terms import TermCounts, TermScan, chunks

Doubles: TypeAlias = npt.NDArray[np.float64]
Singles: TypeAlias = npt.NDArray[np.float32]

MAX_LOGARITHM = 4096  # logarithms of term frequencies up to here are looked up


@dataclass(frozen=True, slots=True)
class Weights:
    """What training found, as an artifact stores it; V terms, T themes."""

    themes: tuple[str, ...]
    idf: Singles  # (V,) inverse document frequency
    coefficients: Singles  # (V, T)
    bias: Doubles  # (T,)
    context: Doubles  # () how much the log-odds of title and nearest heading count
    scale: Doubles  # (T,) calibration: probabilities are the softmax of scale · log-odds + offset
    offset: Doubles  # (T,)


class Model:
    """Scores texts with a scan and weights.

    `rows` has a row a term: its coefficients times idf, then the square of idf, so that one look-up serves scores and
    norm.
    """

    def __init__(self, scan: TermScan, weights: Weights) -> None:
        self.scan = scan
        self.weights = weights
        self.rows = np.column_stack([weights.coefficients * weights.idf[:, None], np.square(weights.idf)])
        self._tf = np.ones(MAX_LOGARITHM, np.float32)
        self._tf[1:] += np.log(np.arange(1, MAX_LOGARITHM, dtype=np.float32))

    @property
    def themes(self) -> tuple[str, ...]:
        """The themes, in the order of all columns."""
        return self.weights.themes

    def log_odds(self, texts: Sequence[str], headings: Sequence[Sequence[str]] | None = None) -> Doubles:
        """Log-odds of each theme for each text, shape (texts, themes); with the path of headings above each, if known.

        Paths start with the title of the document or the outermost heading.
        """
        parts = [self.score_counts(self.scan.count_chunk(chunk)) for chunk in chunks(texts)]
        log_odds = np.concatenate([np.empty((0, len(self.themes))), *parts])
        if headings is not None:
            log_odds += self.weights.context * self.context_log_odds(headings)
        return log_odds

    def context_log_odds(self, headings: Sequence[Sequence[str]]) -> Doubles:
        """Log-odds, bias aside, of the outermost and the innermost of each path together, shape (paths, themes)."""
        numbers: dict[str, int] = {}
        pairs = [
            (numbers.setdefault(part, len(numbers)), row)
            for row, path in enumerate(headings)
            for part in dict.fromkeys((path[0], path[-1]) if path else ())
        ]
        scores = np.zeros((len(headings), len(self.themes)))
        if pairs:
            parts, rows = np.array(pairs).T
            np.add.at(scores, rows, (self.log_odds(list(numbers)) - self.weights.bias)[parts])
        return scores

    def score_counts(self, counts: TermCounts) -> Doubles:
        """Log-odds from term counts, shape (texts, themes)."""
        rows = self.rows.take(counts.terms, axis=0)
        repeated = np.flatnonzero(counts.counts > 1)  # few; a single occurrence weighs 1 · idf
        factors = np.repeat(self.sublinear(counts.counts.take(repeated))[:, None], rows.shape[1], axis=1)
        factors[:, -1] *= factors[:, -1]
        rows[repeated] *= factors
        sums = np.zeros((len(counts), rows.shape[1]))
        filled = np.flatnonzero(np.diff(counts.starts))
        if len(filled):
            sums[filled] = np.add.reduceat(rows, counts.starts[filled], axis=0, dtype=np.float64)
        norms = np.sqrt(np.maximum(sums[:, -1:], np.finfo(np.float32).tiny))
        scores: Doubles = sums[:, :-1] / norms + self.weights.bias
        return scores

    def sublinear(self, counts: npt.NDArray[np.int32]) -> Singles:
        """1 + ln n for each count n."""
        if counts.max(initial=0) < MAX_LOGARITHM:
            return self._tf.take(counts)
        return (1 + np.log(counts)).astype(np.float32)

    def probabilities(self, log_odds: Doubles) -> Doubles:
        """The probability of each theme to be the primary one, shape (texts, themes); rows sum to 1."""
        return calibrated(log_odds, self.weights.scale, self.weights.offset)


def calibrated(log_odds: Doubles, scale: Doubles, offset: Doubles) -> Doubles:
    """Vector scaling: the softmax of scaled and shifted log-odds, row by row."""
    scaled = log_odds * scale + offset
    scaled -= scaled.max(axis=1, keepdims=True)
    np.exp(scaled, out=scaled)
    scaled /= scaled.sum(axis=1, keepdims=True)
    return scaled
