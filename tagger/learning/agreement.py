"""How far two labellers agree: Cohen's kappa with its uncertainty, theme by theme, and where they differ."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tagger.learning.labelling import Answer, Item, Key, Record, answer_of, answers, item_of, key_of, labeller_of
from tagger.model import Doubles
from tagger.themes import OTHER

RESAMPLES = 2_000
SEED = 20_250_101  # the same interval at each call
INTERVAL = (2.5, 97.5)  # per cent: a 95 % interval


@dataclass(frozen=True, slots=True)
class Kappa:
    """Cohen's kappa and its 95 % bootstrap interval (paragraphs are drawn); None where it is not defined."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class ThemeAgreement:
    """One theme against all others: how often each labeller gave it, how often both did."""

    kappa: Kappa
    first: int
    second: int
    both: int


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A paragraph to which two labellers gave different primary themes."""

    item: Item
    first: Answer
    second: Answer


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two labellers on the paragraphs that both have labelled."""

    first: str
    second: str
    paragraphs: int
    blind: int  # paragraphs that at least one of them labelled blind
    same: int  # paragraphs with the same primary theme
    also_differs: int  # of these, those whose secondary themes differ
    kappa: Kappa
    themes: Mapping[str, ThemeAgreement]
    disagreements: tuple[Disagreement, ...]


def agreements(lines: Iterable[tuple[str, dict[str, Any]]]) -> list[Agreement]:
    """One entry for each two labellers with paragraphs in common, from the lines of label files.

    Lines without a labeller, those taken back and adjudications do not count.
    """
    by_labeller: dict[str, dict[Key, Record]] = {}
    for record in answers(lines):
        if labeller_of(record):
            by_labeller.setdefault(labeller_of(record), {})[key_of(record)] = record
    pairs = itertools.combinations(sorted(by_labeller), 2)
    found = (_agreement(first, second, by_labeller[first], by_labeller[second]) for first, second in pairs)
    return [each for each in found if each is not None]


def _agreement(first: str, second: str, ones: Mapping[Key, Record], others: Mapping[Key, Record]) -> Agreement | None:
    common = [key for key in ones if key in others]
    if not common:
        return None
    pairs = [(answer_of(ones[key]), answer_of(others[key])) for key in common]
    agreed = [(one, other) for one, other in pairs if one.theme == other.theme]
    themes = _in_order([theme for pair in pairs for theme in (pair[0].theme, pair[1].theme)])
    table = confusion([(one.theme, other.theme) for one, other in pairs], themes)
    resampled = _resampled(table)
    return Agreement(
        first=first,
        second=second,
        paragraphs=len(common),
        blind=sum(bool(ones[key].get("blind") or others[key].get("blind")) for key in common),
        same=len(agreed),
        also_differs=sum(set(one.also) != set(other.also) for one, other in agreed),
        kappa=_kappa(table, resampled),
        themes={
            theme: ThemeAgreement(
                kappa=_kappa(*(_one_against_rest(each, number) for each in (table, resampled))),
                first=int(table[number].sum()),
                second=int(table[:, number].sum()),
                both=int(table[number, number]),
            )
            for number, theme in enumerate(themes)
        },
        disagreements=tuple(
            Disagreement(item_of(ones[key]), one, other)
            for key, (one, other) in zip(common, pairs, strict=True)
            if one.theme != other.theme
        ),
    )


def _in_order(themes: Sequence[str]) -> list[str]:
    """Each theme once, the frequent ones first, 其他 last."""
    counts = Counter(themes)
    return sorted(counts, key=lambda theme: (theme == OTHER, -counts[theme], theme))


def confusion(pairs: Iterable[tuple[str, str]], themes: Sequence[str]) -> npt.NDArray[np.int64]:
    """How often the first labeller gave the theme of the row and the second that of the column."""
    number = {theme: place for place, theme in enumerate(themes)}
    table = np.zeros((len(themes), len(themes)), np.int64)
    for one, other in pairs:
        table[number[one], number[other]] += 1
    return table


def kappas(tables: npt.NDArray[np.int64]) -> Doubles:
    """Cohen's kappa of each confusion table, shape (…, themes, themes); NaN where both always gave one same theme."""
    total = tables.sum(axis=(-2, -1))
    observed = np.trace(tables, axis1=-2, axis2=-1) / total
    expected = (tables.sum(axis=-1) * tables.sum(axis=-2)).sum(axis=-1) / np.square(total)
    kappa = np.full(total.shape, np.nan)
    np.divide(observed - expected, 1 - expected, out=kappa, where=expected < 1)
    return kappa


def _resampled(table: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Tables of as many paragraphs, drawn with replacement: each cell is drawn as often as it is filled."""
    total = table.sum()
    drawn = np.random.default_rng(SEED).multinomial(total, table.ravel() / total, size=RESAMPLES)
    return drawn.reshape(RESAMPLES, *table.shape)


def _one_against_rest(tables: npt.NDArray[np.int64], number: int) -> npt.NDArray[np.int64]:
    """The tables of one theme against all others, shape (…, 2, 2)."""
    both = tables[..., number, number]
    first, second = tables[..., number, :].sum(axis=-1), tables[..., :, number].sum(axis=-1)
    neither = tables.sum(axis=(-2, -1)) - first - second + both
    return np.stack([np.stack([both, first - both], -1), np.stack([second - both, neither], -1)], -2)


def _kappa(table: npt.NDArray[np.int64], resampled: npt.NDArray[np.int64]) -> Kappa:
    value = float(kappas(table))
    drawn = kappas(resampled)
    drawn = drawn[~np.isnan(drawn)]
    if np.isnan(value) or not len(drawn):
        return Kappa(None, None, None)
    low, high = np.percentile(drawn, INTERVAL).tolist()
    return Kappa(value, low, high)
