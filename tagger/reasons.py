"""Reasons: which words of a text moved it towards a theme, or away from it. NumPy only.

Every occurrence of a term spreads its contribution to the log-odds evenly over its characters. The text is then cut
into words that a reader recognises, the longest from the left, and the characters of each are added up.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from tagger.model import Doubles, Model
from tagger.records import Explanation, Reason, Score
from tagger.terms import SEPARATOR, Positions, TermScan, chunks

Integers: TypeAlias = npt.NDArray[np.int64]

MAX_REASONS = 5
MIN_REASON = 0.1  # log-odds below which a word did not decide anything
NOISE = 1e-9  # of sums and differences
PLACES = 9  # decimals that decide on the order; what is equal in these stands in the order of the text


def explain(model: Model, words: TermScan, text: str, *, headings: Sequence[str] = ()) -> tuple[Explanation, ...]:
    """For each theme, the words of a text and what each contributes to its log-odds."""
    context = model.weights.context * model.context_log_odds([headings])
    log_odds = model.log_odds([text]) + context
    probabilities = model.probabilities(log_odds)
    starts, ends, _ = _cut(text, words)
    spans = list(zip(starts.tolist(), ends.tolist(), strict=True))
    explanations = []
    for column, theme in enumerate(model.themes):
        summed = _summed(model, [text], np.array([column]))
        moved = zip(spans, (summed[ends] - summed[starts]).tolist(), strict=True)
        reasons = tuple(Reason(text[start:end], start, end, odds) for (start, end), odds in moved if abs(odds) > NOISE)
        score = Score(theme, float(log_odds[0, column]), float(probabilities[0, column]))
        bias, added = float(model.weights.bias[column]), float(context[0, column])
        explanations.append(Explanation(score, bias, added, reasons))
    return tuple(explanations)


def strongest(explanation: Explanation) -> tuple[Reason, ...]:
    """The few distinct words that speak most for a theme; a word that stands several times is added up."""
    total: dict[str, Reason] = {}
    for reason in explanation.reasons:
        before = total.get(reason.text)
        log_odds = reason.log_odds + (before.log_odds if before else 0)
        first = before or reason
        total[reason.text] = Reason(reason.text, first.start, first.end, log_odds)
    speaking = [reason for reason in total.values() if reason.log_odds >= MIN_REASON and len(reason.text) > 1]
    return tuple(sorted(speaking, key=lambda reason: (-round(reason.log_odds, PLACES), reason.start))[:MAX_REASONS])


def strongest_reasons(
    model: Model, words: TermScan, texts: Sequence[str], themes: Sequence[str]
) -> list[tuple[Reason, ...]]:
    """For many texts at once, each with its theme, what `strongest` gives of their explanations."""
    if len(themes) != len(texts):
        raise ValueError(f"{len(texts)} texts and {len(themes)} themes")
    columns = np.array([model.themes.index(theme) for theme in themes], dtype=np.int64)
    reasons: list[tuple[Reason, ...]] = []
    for chunk in chunks(texts):
        reasons += _strongest_of_chunk(model, words, chunk, columns[len(reasons) : len(reasons) + len(chunk)])
    return reasons


def _strongest_of_chunk(
    model: Model, words: TermScan, texts: Sequence[str], columns: Integers
) -> list[tuple[Reason, ...]]:
    summed = _summed(model, texts, columns)
    starts, ends, numbers = _cut(SEPARATOR.join(texts), words)
    offsets = _offsets(texts)
    whole = np.flatnonzero(ends - starts > 1)
    starts, ends, numbers = starts[whole], ends[whole], numbers[whole]
    text_of = np.searchsorted(offsets, starts, side="right") - 1
    distinct, first, which = np.unique(text_of << 32 | numbers, return_index=True, return_inverse=True)
    log_odds = np.bincount(which, summed[ends] - summed[starts], minlength=len(distinct))
    speaking = np.flatnonzero(log_odds >= MIN_REASON)
    text_of, first, log_odds = text_of[first[speaking]], first[speaking], log_odds[speaking]
    order = np.lexsort((first, -log_odds.round(PLACES), text_of))
    reasons: list[list[Reason]] = [[] for _ in texts]
    places = zip(*(array[order].tolist() for array in (text_of, starts[first], ends[first], log_odds)), strict=True)
    for row, start, end, odds in places:
        if len(reasons[row]) < MAX_REASONS:
            offset = int(offsets[row])
            reasons[row].append(Reason(texts[row][start - offset : end - offset], start - offset, end - offset, odds))
    return [tuple(each) for each in reasons]


def _offsets(texts: Sequence[str]) -> Integers:
    """Where each text begins when all are joined by separators."""
    lengths = np.fromiter(map(len, texts), np.int64, len(texts)) + len(SEPARATOR)
    return np.cumsum(lengths) - lengths


def _summed(model: Model, texts: Sequence[str], columns: Integers) -> Doubles:
    """What all characters before each place of the joined texts contribute to the themes of their texts, (length + 1,).

    `columns` has the number of the theme of each text.
    """
    joined = SEPARATOR.join(texts)
    starts, ends, terms = model.scan.find(joined)
    text_of = np.searchsorted(_offsets(texts), starts, side="right") - 1
    distinct, which, counts = np.unique(text_of << 32 | terms, return_inverse=True, return_counts=True)
    term_of, row_of = distinct & 0xFFFFFFFF, distinct >> 32
    frequency = model.sublinear(counts.astype(np.int32)).astype(np.float64)
    squares = np.bincount(row_of, model.rows[term_of, -1] * np.square(frequency), minlength=len(texts))
    norms = np.sqrt(squares)[row_of]
    share = model.rows[term_of, columns[row_of]] * frequency / counts / np.where(norms, norms, 1)
    by_character = share[which] / (ends - starts)
    length = len(joined) + 1
    steps = np.bincount(starts, by_character, length) - np.bincount(ends, by_character, length)
    return np.concatenate([np.zeros(1), np.cumsum(np.cumsum(steps)[:-1])])


def _cut(text: str, words: TermScan) -> tuple[Positions, Positions, Integers]:
    """Cut a text into words, the longest from the left, and single characters: starts, ends, numbers of the words."""
    starts, ends, numbers = words.find(text)  # in order of length, so that the longest of each start is the last
    longest = np.arange(1, len(text) + 1)
    number = np.full(len(text), -1)
    longest[starts], number[starts] = ends, numbers
    following, cuts, position = longest.tolist(), [], 0
    while position < len(text):
        cuts.append(position)
        position = following[position]
    chosen = np.array(cuts, dtype=np.int64)
    return chosen, longest[chosen], number[chosen]
