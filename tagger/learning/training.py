"""Training: labels → term counts → TF-IDF → one logistic regression a theme → calibration → rule → a model folder.

What is decided on the answers is decided on documents left out: the labels are cut into folds by document (by whole
sources where these are named), and the log-odds of each paragraph come from a model that saw none of its document. On
these log-odds the probabilities are calibrated, the thresholds set and the figures taken; the model that is saved is
then fitted on all labels. Locked documents (see `labels.is_locked`) take no part in this: they judge the saved model.
"""

from __future__ import annotations

import importlib.metadata
import itertools
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from joblib import Parallel, delayed
from scipy.sparse import diags
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import normalize

from tagger.artifact import Artifact, check_place, save_artifact
from tagger.decision import Rule, decide
from tagger.errors import LabelError
from tagger.learning.calibration import LeftOut, calibrate, cross_fitted_tags, rule_of
from tagger.learning.data import TrainingData
from tagger.learning.evaluation import Figures, evaluate
from tagger.learning.examples import Examples, choose_terms, count_examples, sentences_of
from tagger.learning.settings import Settings
from tagger.learning.vocabulary import all_variants
from tagger.model import Doubles, Model, Weights
from tagger.records import Label, Tag
from tagger.terms import TermScan, Trie, compile_terms
from tagger.themes import OUR_THEMES, Theme

Progress: TypeAlias = Callable[[str], None]

TRAINING_PACKAGES = ("jieba", "numpy", "opencc", "scikit-learn", "scipy")


@dataclass(frozen=True, slots=True)
class Trained:
    """A trained model, and what it says of each label that it was judged by, from models that did not see it."""

    model: Model
    rule: Rule
    themes: tuple[Theme, ...]
    terms: tuple[str, ...]
    words: Trie  # that explanations are told in
    judged: tuple[Label, ...]
    tags: tuple[Tag, ...]
    bare_tags: tuple[Tag, ...]  # the same without the headings

    def figures(self, locked: Sequence[Label] = ()) -> dict[str, Figures]:
        """Figures on documents left out: of labels with text, of these without their headings, and of pooled counts.

        And those of the model itself on locked documents.
        """
        with_text = [label.counts is None for label in self.judged]
        groups = {
            "text": _figures(self.judged, self.tags, with_text),
            "bare": _figures(self.judged, self.bare_tags, with_text),
            "counts": _figures(self.judged, self.tags, [not each for each in with_text]),
            "locked": _figures(locked, self.tags_of(locked), [True] * len(locked)),
        }
        return {name: figures for name, figures in groups.items() if figures}

    def tags_of(self, labels: Sequence[Label]) -> list[Tag]:
        """What the model itself says of labels with text."""
        log_odds = self.model.log_odds([label.text for label in labels], [label.path for label in labels])
        return decide(self.model.themes, log_odds, self.model.probabilities(log_odds), self.rule)


def _figures(labels: Sequence[Label], tags: Sequence[Tag], chosen: Sequence[bool]) -> Figures | None:
    """Figures on some of the labels; None if there are none."""
    pairs = list(itertools.compress(zip(labels, tags, strict=True), chosen))
    return evaluate([(label.theme, label.also) for label, _ in pairs], [tag for _, tag in pairs]) if pairs else None


def train(
    labels: Sequence[Label],
    lexicon: Mapping[str, str],
    *,
    themes: Sequence[Theme] = OUR_THEMES,
    settings: Settings,
    progress: Progress,
) -> Trained:
    """Train a model on all labels given. Deterministic; `progress` receives Chinese lines.

    Raises `LabelError` if some theme would be without labels when documents are left out.
    """
    terms, words = choose_terms(labels, lexicon, settings)
    progress(f"{len(labels)} 段标注，选定词表 {len(terms)} 个词和字串")
    scan = TermScan(compile_terms(terms, all_variants()))
    examples = prepare(labels, scan, terms, [theme.name for theme in themes], settings)
    _check_enough(examples, settings)
    sentences = len(examples.folds) - len(labels)
    judged = np.array([not label.weak for label in labels] + [False] * sentences)
    with Parallel(n_jobs=-1) as workers:
        left_out = leave_out(scan, examples, [label.path for label in labels], settings, workers, progress).where(
            judged
        )
        progress("用全部标注训练")
        weights = fit(examples, settings, workers)
    progress("校准概率，定下“不确定”和次要主题的界线")
    gold = examples.where(judged)
    calibration = calibrate(left_out, gold)
    kept = np.flatnonzero(weights.idf)
    terms = [terms[number] for number in kept]
    weights = replace(
        weights,
        idf=weights.idf[kept],
        coefficients=weights.coefficients[kept],
        context=np.array(calibration.context),
        scale=calibration.scale,
        offset=calibration.offset,
    )
    tags, bare_tags = cross_fitted_tags(left_out, gold, settings)
    return Trained(
        model=Model(TermScan(compile_terms(terms, all_variants())), weights),
        rule=rule_of(calibration, left_out, gold, settings),
        themes=tuple(themes),
        terms=tuple(terms),
        words=compile_terms(words, all_variants()),
        judged=tuple(label for label in labels if not label.weak),
        tags=tags,
        bare_tags=bare_tags,
    )


def _check_enough(examples: Examples, settings: Settings) -> None:
    """Every theme must still be there whichever fold is left out."""
    for fold in range(settings.folds):
        missing = [theme for theme in examples.names if theme not in examples.themes[examples.folds != fold]]
        if missing:
            raise LabelError(
                "标注",
                found=f"文件太少：留出一份之后没有{'、'.join(missing)}的标注",
                expected=f"每个主题的标注都来自多份文件（document 各不相同，至少 {settings.folds * 2} 份）",
                advice="补充标注再试",
            )


def prepare(
    labels: Sequence[Label], scan: TermScan, terms: Sequence[str], names: Sequence[str], settings: Settings
) -> Examples:
    """The labels as examples, and after them the sentences of longer ones with little weight."""
    sentences = [sentence for label in labels for sentence in sentences_of(label)]
    weights = [settings.weight(label) for label in labels]
    weights += [settings.sentence_weight * settings.weight(sentence) for sentence in sentences]
    return count_examples(scan, terms, [*labels, *sentences], weights, names=names, folds=settings.folds)


def leave_out(
    scan: TermScan,
    examples: Examples,
    paths: Sequence[Sequence[str]],
    settings: Settings,
    workers: Parallel,
    progress: Progress,
) -> LeftOut:
    """Score each example by a model that saw nothing of its document; `paths` are the headings of the first ones."""
    shape = len(examples.folds), len(examples.names)
    text, context = np.zeros(shape), np.zeros(shape)
    for fold in range(settings.folds):
        progress(f"留出第 {fold + 1}/{settings.folds} 份文件，用其余的训练")
        left_out = examples.folds == fold
        model = Model(scan, fit(examples.where(~left_out), settings, workers))
        text[left_out] = model.score_counts(examples.where(left_out).term_counts())
        with_path = np.flatnonzero(left_out[: len(paths)])
        context[with_path] = model.context_log_odds([paths[row] for row in with_path.tolist()])
    return LeftOut(text, context)


def fit(examples: Examples, settings: Settings, workers: Parallel) -> Weights:
    """Fit one logistic regression a theme, this theme against the rest; not calibrated yet.

    Done twice: what turns out to say little in the first round is left out of the second, idf and coefficients 0.
    """
    first = _fit_terms(examples, np.ones(examples.counts.shape[1], bool), settings, workers)
    if not settings.left_out_terms:
        return first  # a second round would be the same
    strength = np.abs(first.coefficients).max(axis=1)
    return _fit_terms(examples, strength >= np.quantile(strength, settings.left_out_terms), settings, workers)


def _fit_terms(examples: Examples, terms: npt.NDArray[np.bool_], settings: Settings, workers: Parallel) -> Weights:
    """Fit on some of the terms; the others get 0."""
    counts = examples.counts[:, terms]
    idf = TfidfTransformer().fit(counts).idf_ ** settings.idf_power
    sublinear = TfidfTransformer(use_idf=False, sublinear_tf=True, norm=None).fit_transform(counts)
    features = normalize(sublinear @ diags(idf))
    fitted = workers(
        delayed(_fit_theme)(
            features, examples.themes == theme, examples.secondary[:, column], examples.weights, settings
        )
        for column, theme in enumerate(examples.names)
    )
    all_idf, coefficients = np.zeros(len(terms)), np.zeros((len(terms), len(examples.names)))
    all_idf[terms] = idf
    coefficients[terms] = np.column_stack([of_theme for of_theme, _ in fitted]).round(4)
    return Weights(
        themes=examples.names,
        idf=all_idf.astype(np.float32),
        coefficients=coefficients.astype(np.float32),
        bias=np.array([bias for _, bias in fitted]).round(4),
        context=np.zeros(()),
        scale=np.ones(len(examples.names)),
        offset=np.zeros(len(examples.names)),
    )


def _fit_theme(
    features: Any,
    primary: npt.NDArray[np.bool_],
    secondary: npt.NDArray[np.bool_],
    weights: Doubles,
    settings: Settings,
) -> tuple[Doubles, float]:
    """Coefficients (terms,) and bias of one theme against the rest.

    The features are first scaled by naive-Bayes log-count ratios (NBSVM: Wang and Manning 2012, "Baselines and
    Bigrams"), which favours terms that tell the theme apart; the scale then becomes part of the coefficients.
    """
    present = primary | secondary
    weights = np.where(secondary, weights * settings.also_weight, weights)
    ratio = np.log(_share(features[present], settings) / _share(features[~present], settings))
    emphasis = np.abs(ratio) ** settings.ratio_power
    balance = (weights[~present].sum() / weights[present].sum()) ** settings.balance
    model = LogisticRegression(
        C=settings.inverse_regularisation, solver="liblinear", tol=1e-3, random_state=settings.seed
    )
    model.fit(features @ diags(emphasis), present, sample_weight=np.where(present, weights * balance, weights))
    return model.coef_[0] * emphasis, float(model.intercept_[0])


def _share(features: Any, settings: Settings) -> Doubles:
    """The share of each term in some texts, smoothed."""
    total = np.asarray(features.sum(axis=0)).ravel() + settings.smoothing
    share: Doubles = total / total.sum()
    return share


def train_model(
    data: TrainingData, out: str | Path, *, settings: Settings | None = None, progress: Progress
) -> Trained:
    """Train on gathered data and save the model as `out`, with its figures, those on locked documents among them.

    Raises `LabelError` for too few labels, `OutputError` if the model cannot be written.
    """
    settings = settings or Settings()
    check_place(Path(out))
    trained = train(data.labels, data.lexicon, themes=data.themes, settings=settings, progress=progress)
    figures = trained.figures(data.locked)
    facts = {
        "data": data.files,
        "labels": dict(sorted(Counter(label.theme for label in data.labels).items())),
        "figures": {name: each.as_record() for name, each in figures.items()},
        "settings": asdict(settings),
        "versions": {name: importlib.metadata.version(name) for name in TRAINING_PACKAGES},
    }
    artifact = Artifact(trained.model, trained.rule, trained.themes, facts)
    save_artifact(out, artifact, words=trained.words, terms=trained.terms)
    return trained
