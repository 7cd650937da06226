"""Which settings, and how many labels: quick trainings, judged by documents left out.

Each trial trains on four fifths of the documents and is judged by one fifth (where labels are few, by each fifth in
turn), from text alone, without sentences and without leaving weak terms out; where labels are many, only some of the
documents teach. That is a small part of the work of a full training. As trials differ by chance too, the settings that
were given are kept unless others are better by more than one standard error (the one-standard-error rule of Breiman et
al. 1984, "Classification and Regression Trees"); it comes from a paired bootstrap over documents.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from joblib import Parallel, delayed

from tagger.learning.calibration import LeftOut, calibrate
from tagger.learning.data import TrainingData
from tagger.learning.examples import Examples, choose_terms
from tagger.learning.intervals import drawn_macro_f1, macro_f1
from tagger.learning.labels import document_hash
from tagger.learning.settings import Settings
from tagger.learning.training import fit, prepare
from tagger.learning.vocabulary import all_variants
from tagger.model import Doubles, Model, Weights
from tagger.terms import Flags, Integers, TermScan, compile_terms

Progress = Callable[[str], None]

INVERSE_REGULARISATIONS = (2.0, 8.0)
RATIO_POWERS = (0.25, 0.75)
BALANCES = (0.25, 0.75)
FEW = 2000  # labels; with fewer, all folds are left out in turn, and rarer terms are tried
FEW_TERMS = ((2, 4), (2, 8))  # in so many paragraphs must stand a word, a run of characters
MIN_LEAD = 0.003  # of macro-F1: trials teach with less than training does, which shifts the best settings a little
MANY = 12_000  # labels that teach in a trial, at most
EIGHTHS = (1, 2, 4, 8)  # of the documents, for the learning curve


@dataclass(frozen=True, slots=True)
class Trial:
    """Settings and how they did on the documents left out; `lead` is what they are ahead of the first ones."""

    settings: Settings
    macro_f1: float
    lead: float
    standard_error: float  # of the lead

    @property
    def better(self) -> bool:
        """Whether the lead is more than chance gives, and worth it."""
        return self.lead > max(self.standard_error, MIN_LEAD)


@dataclass(frozen=True, slots=True)
class Search:
    """All trials, the settings that were given first, and the settings to train with."""

    trials: tuple[Trial, ...]
    settings: Settings


@dataclass(frozen=True, slots=True)
class Size:
    """A point of a learning curve: so many labels teach, and this is how well."""

    labels: int
    macro_f1: float


@dataclass(frozen=True, slots=True)
class Prepared:
    """Labels as examples. `judged` says which are judged by: those of the folds that are left out in turn."""

    scan: TermScan
    examples: Examples
    folds: tuple[int, ...]
    judged: Flags
    eighths: Integers  # a number from 0 to 7 for each, the same for all of a document

    @property
    def enough(self) -> Flags:
        """All, or as many eighths of the documents as make no more than `MANY`."""
        sizes = np.cumsum(np.bincount(self.eighths, minlength=8))
        last = int(np.searchsorted(sizes, MANY, side="right")) - 1
        return np.isin(self.eighths, range(max(0, last) + 1))

    def taught(self, fold: int) -> Flags:
        """Which examples teach when a fold is left out."""
        taught: Flags = self.examples.folds != fold
        return taught


def grid(settings: Settings, labels: int) -> list[Settings]:
    """What is tried: the settings given, then their neighbours, most of them one step away."""
    points = [
        *(replace(settings, inverse_regularisation=each) for each in INVERSE_REGULARISATIONS),
        *(replace(settings, ratio_power=each) for each in RATIO_POWERS),
        *(replace(settings, balance=each) for each in BALANCES),
    ]
    if labels < FEW:
        points += [replace(settings, min_word_labels=words, min_gram_labels=grams) for words, grams in FEW_TERMS]
    return list(dict.fromkeys([settings, *points]))


def search(data: TrainingData, settings: Settings | None = None, *, progress: Progress) -> Search:
    """Try the settings of a small grid, several at once; without enough labels none. Deterministic."""
    settings = settings or Settings()
    points = grid(settings, len(data.labels))
    progress(f"试 {len(points)} 组设置")
    kinds = {(point.min_word_labels, point.min_gram_labels): point for point in points}
    prepared = {terms: _prepare(data, point) for terms, point in kinds.items()}
    examples = [prepared[point.min_word_labels, point.min_gram_labels] for point in points]
    gold = [label for label, judged in zip(data.labels, examples[0].judged, strict=True) if judged]
    if not gold or not all(_teaches(each, each.enough) for each in examples):
        return Search((), settings)
    names = examples[0].examples.names
    answers = _answers([(each, point, each.enough) for each, point in zip(examples, points, strict=True)])
    drawn = [drawn_macro_f1(gold, given, names) for given in answers]
    scores = [macro_f1(gold, given, names) for given in answers]
    trials = tuple(
        Trial(point, score, lead=score - scores[0], standard_error=float(np.std(each - drawn[0])))
        for point, score, each in zip(points, scores, drawn, strict=True)
    )
    better = [trial for trial in trials if trial.better]
    return Search(trials, max(better, key=lambda trial: trial.lead).settings if better else settings)


def learning_curve(data: TrainingData, settings: Settings | None = None, *, progress: Progress) -> tuple[Size, ...]:
    """How well an eighth, a quarter, half and all of the documents teach; terms are those of all. Deterministic."""
    settings = settings or Settings()
    prepared = _prepare(data, settings)
    gold = [label for label, judged in zip(data.labels, prepared.judged, strict=True) if judged]
    progress(f"用 {len(EIGHTHS)} 种数量的标注各训练一次")
    chosen = [rows for number in EIGHTHS if _teaches(prepared, rows := prepared.eighths < number)]
    if not gold or not chosen:
        return ()
    answers = _answers([(prepared, settings, rows) for rows in chosen])
    return tuple(
        Size(int(rows.sum()), macro_f1(gold, given, prepared.examples.names))
        for rows, given in zip(chosen, answers, strict=True)
    )


def _teaches(prepared: Prepared, rows: Flags) -> bool:
    """Whether all themes are among some rows whichever fold is left out."""
    themes = (set(prepared.examples.themes[rows & prepared.taught(fold)]) for fold in prepared.folds)
    return all(each == set(prepared.examples.names) for each in themes)


def _prepare(data: TrainingData, settings: Settings) -> Prepared:
    terms, _ = choose_terms(data.labels, data.lexicon, settings)
    scan = TermScan(compile_terms(terms, all_variants()))
    examples = prepare(data.labels, scan, terms, [theme.name for theme in data.themes], settings)
    examples = examples.where(np.arange(len(examples.folds)) < len(data.labels))  # without sentences
    folds = tuple(range(settings.folds)) if len(data.labels) < FEW else (0,)
    eighths = [document_hash(replace(label, source="")) // 2**8 % 8 for label in data.labels]
    judged = np.isin(examples.folds, folds) & np.array([not label.weak for label in data.labels])
    return Prepared(scan, examples, folds, judged, np.array(eighths, np.int32))


def _answers(trials: Sequence[tuple[Prepared, Settings, Flags]]) -> list[list[str]]:
    """The most probable theme of each paragraph left out, when only some rows of the others teach; for each trial."""
    rounds = [(number, fold) for number, (prepared, _, _) in enumerate(trials) for fold in prepared.folds]
    parts = (
        (prepared.examples.where(rows & prepared.taught(fold)), settings)
        for number, fold in rounds
        for prepared, settings, rows in (trials[number],)
    )
    log_odds = [np.zeros((len(prepared.judged), len(prepared.examples.names))) for prepared, _, _ in trials]
    fitted = Parallel(n_jobs=-1)(delayed(_fit)(part, settings) for part, settings in parts)
    for (number, fold), weights in zip(rounds, fitted, strict=True):
        prepared = trials[number][0]
        inside = prepared.judged & (prepared.examples.folds == fold)
        model = Model(prepared.scan, weights)
        log_odds[number][inside] = model.score_counts(prepared.examples.where(inside).term_counts())
    return [_most_probable(prepared, scores) for (prepared, _, _), scores in zip(trials, log_odds, strict=True)]


def _fit(examples: Examples, settings: Settings) -> Weights:
    return fit(examples, replace(settings, left_out_terms=0.0), Parallel(n_jobs=1))


def _most_probable(prepared: Prepared, log_odds: Doubles) -> list[str]:
    left_out = LeftOut(log_odds, np.zeros_like(log_odds)).where(prepared.judged)
    probabilities = calibrate(left_out, prepared.examples.where(prepared.judged)).probabilities(left_out)
    return [prepared.examples.names[column] for column in probabilities.argmax(axis=1)]
