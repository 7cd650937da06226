"""The model: term counts → TF-IDF → log-odds → probability, and the reasons for them. NumPy only.

TF-IDF is scikit-learn's (sublinear term frequency, L2 norm): a term that occurs n times in a text weighs
(1 + ln n) · idf, and the weights of a text are scaled to length 1; training may raise idf to a power. One logistic
regression a theme, this theme against the rest, turns them into the log-odds that the theme is present. Vector scaling
(Guo et al. 2017, "On Calibration of Modern Neural Networks"), fitted on documents left out, turns the log-odds of all
themes into the probability of each being the primary one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from tagger.records import Explanation, Reason, Score
from tagger.terms import Positions, TermCounts, TermScan, chunks

Doubles: TypeAlias = npt.NDArray[np.float64]
Singles: TypeAlias = npt.NDArray[np.float32]
Found: TypeAlias = tuple[Positions, Positions, npt.NDArray[np.int32]]  # starts, ends and terms, as TermScan.find says

MAX_LOGARITHM = 4096  # logarithms of term frequencies up to here are looked up


@dataclass(frozen=True, slots=True)
class Weights:
    """What training found, as an artifact stores it; V terms, T themes."""

    themes: tuple[str, ...]
    idf: Singles  # (V,) inverse document frequency
    coefficients: Singles  # (V, T)
    bias: Doubles  # (T,)
    scale: Doubles  # (T,) calibration: probabilities are the softmax of scale · log-odds + offset
    offset: Doubles  # (T,)


class Model:
    """Scores texts with a scan and weights."""

    def __init__(self, scan: TermScan, weights: Weights) -> None:
        self.scan = scan
        self.weights = weights
        # a row a term: its coefficients times idf, then the square of idf, so that one look-up serves scores and norm
        self._rows = np.column_stack([weights.coefficients * weights.idf[:, None], np.square(weights.idf)])
        self._tf = np.ones(MAX_LOGARITHM, np.float32)
        self._tf[1:] += np.log(np.arange(1, MAX_LOGARITHM, dtype=np.float32))

    @property
    def themes(self) -> tuple[str, ...]:
        """The themes, in the order of all columns."""
        return self.weights.themes

    def log_odds(self, texts: Sequence[str]) -> Doubles:
        """Log-odds of each theme for each text, shape (texts, themes)."""
        parts = [self.score_counts(self.scan.count_chunk(chunk)) for chunk in chunks(texts)]
        return np.concatenate([np.empty((0, len(self.themes))), *parts])

    def score_counts(self, counts: TermCounts) -> Doubles:
        """Log-odds from term counts, shape (texts, themes)."""
        rows = self._rows.take(counts.terms, axis=0)
        repeated = np.flatnonzero(counts.counts > 1)  # few; a single occurrence weighs 1 · idf
        factors = np.repeat(self._sublinear(counts.counts.take(repeated))[:, None], rows.shape[1], axis=1)
        factors[:, -1] *= factors[:, -1]
        rows[repeated] *= factors
        sums = np.zeros((len(counts), rows.shape[1]))
        filled = np.flatnonzero(np.diff(counts.starts))
        if len(filled):
            sums[filled] = np.add.reduceat(rows, counts.starts[filled], axis=0, dtype=np.float64)
        norms = np.sqrt(np.maximum(sums[:, -1:], np.finfo(np.float32).tiny))
        scores: Doubles = sums[:, :-1] / norms + self.weights.bias
        return scores

    def _sublinear(self, counts: npt.NDArray[np.int32]) -> Singles:
        if counts.max(initial=0) < MAX_LOGARITHM:
            return self._tf.take(counts)
        return (1 + np.log(counts)).astype(np.float32)

    def probabilities(self, log_odds: Doubles) -> Doubles:
        """The probability of each theme to be the primary one, shape (texts, themes); rows sum to 1."""
        return calibrated(log_odds, self.weights.scale, self.weights.offset)

    def explain(self, text: str, words: TermScan, themes: Sequence[str] | None = None) -> tuple[Explanation, ...]:
        """For each theme (or some), the words of the text and what each contributes to its log-odds.

        Every occurrence of a term spreads its contribution evenly over its characters. `words` knows words and set
        phrases that a reader recognises; the text is cut into them, and the characters of each are added up.
        """
        log_odds = self.log_odds([text])
        probabilities = self.probabilities(log_odds)
        spans = list(_cut(len(text), words.find(text)))
        columns = [self.themes.index(theme) for theme in (self.themes if themes is None else themes)]
        by_character = self._contributions(len(text), self.scan.find(text), columns)
        starts = [start for start, _ in spans]
        by_span = np.add.reduceat(by_character, starts, axis=1) if spans else by_character
        explanations = []
        for column, of_theme in zip(columns, by_span.tolist(), strict=True):
            score = Score(self.themes[column], float(log_odds[0, column]), float(probabilities[0, column]))
            moved = zip(spans, of_theme, strict=True)
            reasons = tuple(Reason(text[start:end], start, end, odds) for (start, end), odds in moved if odds)
            explanations.append(Explanation(score, float(self.weights.bias[column]), reasons))
        return tuple(explanations)

    def _contributions(self, length: int, found: Found, columns: Sequence[int]) -> Doubles:
        """What each character contributes to the log-odds of some themes, shape (themes, length)."""
        starts, ends, terms = found
        distinct, which, counts = np.unique(terms, return_inverse=True, return_counts=True)
        rows = self._rows.take(distinct, axis=0).astype(np.float64)
        frequency = self._sublinear(counts.astype(np.int32)).astype(np.float64)
        norm = np.sqrt((rows[:, -1] * np.square(frequency)).sum()) or 1.0
        share = (rows[:, columns] * (frequency / counts / norm)[:, None])[which] / (ends - starts)[:, None]
        steps = [
            np.bincount(starts, of_theme, length + 1) - np.bincount(ends, of_theme, length + 1) for of_theme in share.T
        ]
        contributions: Doubles = np.cumsum(steps, axis=1)[:, :-1]
        return contributions


def calibrated(log_odds: Doubles, scale: Doubles, offset: Doubles) -> Doubles:
    """Vector scaling: the softmax of scaled and shifted log-odds, row by row."""
    scaled = log_odds * scale + offset
    scaled -= scaled.max(axis=1, keepdims=True)
    np.exp(scaled, out=scaled)
    scaled /= scaled.sum(axis=1, keepdims=True)
    return scaled


def _cut(length: int, found: Found) -> Iterator[tuple[int, int]]:
    """Cut a text into the words that were found, the longest from the left; what is in no word stands alone."""
    starts, ends, _ = found
    longest = dict(sorted(zip(starts.tolist(), ends.tolist(), strict=True)))  # the last, longest end of each start
    position = 0
    while position < length:
        end = longest.get(position, position + 1)
        yield position, end
        position = end
