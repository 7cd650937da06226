"""Training: labels → term counts → TF-IDF → one logistic regression a theme → calibration → rule → a model folder.

What is decided on the answers is decided on documents left out: the labels are cut into folds by document (by whole
sources where these are named), and the log-odds of each paragraph come from a model that saw none of its document. On
these log-odds the probabilities are calibrated, the thresholds set and the figures taken; the model that is saved is
then fitted on all labels.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from joblib import Parallel, delayed
from scipy.optimize import minimize
from scipy.sparse import diags
from scipy.special import log_softmax
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import normalize

from tagger.artifact import check_place, save_artifact
from tagger.decision import Rule, decide
from tagger.errors import LabelError
from tagger.learning.evaluation import Figures, also_from, certain_from, evaluate
from tagger.learning.examples import NEVER, Examples, choose_terms, count_examples, sentences_of
from tagger.learning.labels import read_labels
from tagger.learning.vocabulary import all_variants, read_lexicon
from tagger.model import Doubles, Model, Weights, calibrated
from tagger.records import Label, Tag
from tagger.terms import TermScan, Trie, compile_terms
from tagger.themes import THEMES

Progress: TypeAlias = Callable[[str], None]

CALIBRATION_PENALTY = 1e-4  # keeps scale near 1 and offset near 0 where data are few
TRAINING_PACKAGES = ("jieba", "numpy", "opencc", "scikit-learn", "scipy")


@dataclass(frozen=True, slots=True)
class Settings:
    """What training does not find by itself. The values were chosen with benchmarks/accuracy.py."""

    min_word_labels: int = 4  # a word becomes a term if it stands in so many labelled paragraphs
    min_gram_labels: int = 12  # a run of one or two characters if in so many
    left_out_terms: float = 0.5  # share of the terms, the weakest, that the model does without
    idf_power: float = 2.0  # emphasis on rare terms
    ratio_power: float = 0.5  # naive-Bayes emphasis on terms that tell a theme apart; 0: none, 1: NBSVM's
    smoothing: float = 0.1  # of the naive-Bayes ratios
    inverse_regularisation: float = 4.0
    balance: float = 0.5  # 0: each paragraph counts the same; 1: each theme
    also_weight: float = 0.2  # of a paragraph in learning its secondary themes
    text_weight: float = 1.5  # of a paragraph whose text we have, against one of which we have counts
    unsure_weight: float = 0.5
    sentence_weight: float = 0.1  # of each sentence of a longer paragraph, against the paragraph
    weak_weight: float = 0.05
    promise: float = 0.95  # share of certain tags that must be right on documents left out, ours and pooled ones alike
    margin: float = 0.01  # asked for above the promise, for documents that differ from all of ours
    folds: int = 5

    def weight(self, label: Label) -> float:
        """How much a label counts in training."""
        trust = self.weak_weight if label.weak else self.unsure_weight if label.unsure else 1.0
        return trust * (self.text_weight if label.counts is None else 1.0)


@dataclass(frozen=True, slots=True)
class Trained:
    """A trained model, and what it says of each label that it was judged by, from models that did not see it."""

    model: Model
    rule: Rule
    terms: tuple[str, ...]
    words: Trie  # that explanations are told in
    judged: tuple[Label, ...]
    tags: tuple[Tag, ...]

    def figures(self) -> dict[str, Figures]:
        """Figures on documents left out: of labels with text, and of pooled labels with counts."""
        groups: dict[str, list[tuple[Label, Tag]]] = {}
        for label, tag in zip(self.judged, self.tags, strict=True):
            groups.setdefault("text" if label.counts is None else "counts", []).append((label, tag))
        return {
            name: evaluate([(label.theme, label.also) for label, _ in pairs], [tag for _, tag in pairs])
            for name, pairs in groups.items()
        }


def train(labels: Sequence[Label], lexicon: Mapping[str, str], *, settings: Settings, progress: Progress) -> Trained:
    """Train a model. Deterministic; `progress` receives Chinese lines.

    Raises `LabelError` if some theme would be without labels when documents are left out.
    """
    terms, words = choose_terms(
        labels, lexicon, min_word_labels=settings.min_word_labels, min_gram_labels=settings.min_gram_labels
    )
    progress(f"{len(labels)} 段标注，选定词表 {len(terms)} 个词和字串")
    scan = TermScan(compile_terms(terms, all_variants()))
    examples = prepare(labels, scan, terms, settings)
    _check_enough(examples, settings)
    judged = (np.arange(len(examples.folds)) < len(labels)) & (examples.folds != NEVER)
    with Parallel(n_jobs=-1) as workers:
        log_odds = left_out_log_odds(scan, examples, settings, workers, progress)[judged]
        progress("用全部标注训练")
        weights = fit(examples, settings, workers)
    progress("校准概率，定下“不确定”和次要主题的界线")
    gold = examples.where(judged)
    scale, offset = calibrate(log_odds, gold)
    kept = np.flatnonzero(weights.idf)
    terms = [terms[number] for number in kept]
    weights = replace(
        weights, idf=weights.idf[kept], coefficients=weights.coefficients[kept], scale=scale, offset=offset
    )
    return Trained(
        model=Model(TermScan(compile_terms(terms, all_variants())), weights),
        rule=_rule(log_odds, calibrated(log_odds, scale, offset), gold, settings),
        terms=tuple(terms),
        words=compile_terms(words, all_variants()),
        judged=tuple(label for label in labels if not label.weak),
        tags=_cross_fitted_tags(log_odds, gold, settings),
    )


def _check_enough(examples: Examples, settings: Settings) -> None:
    """Every theme must still be there whichever fold is left out."""
    for fold in range(settings.folds):
        missing = [theme for theme in THEMES if theme not in examples.themes[examples.folds != fold]]
        if missing:
            raise LabelError(
                "标注",
                found=f"文件太少：留出一份之后没有{'、'.join(missing)}的标注",
                expected=f"每个主题的标注都来自多份文件（document 各不相同，至少 {settings.folds * 2} 份）",
                advice="补充标注再试",
            )


def prepare(labels: Sequence[Label], scan: TermScan, terms: Sequence[str], settings: Settings) -> Examples:
    """The labels as examples, and after them the sentences of longer ones with little weight."""
    sentences = [sentence for label in labels for sentence in sentences_of(label)]
    weights = [settings.weight(label) for label in labels]
    weights += [settings.sentence_weight * settings.weight(sentence) for sentence in sentences]
    return count_examples(scan, terms, [*labels, *sentences], weights, folds=settings.folds)


def left_out_log_odds(
    scan: TermScan, examples: Examples, settings: Settings, workers: Parallel, progress: Progress
) -> Doubles:
    """Log-odds of each example from a model that saw nothing of its document, shape (examples, themes)."""
    log_odds = np.zeros((len(examples.folds), len(THEMES)))
    for fold in range(settings.folds):
        progress(f"留出第 {fold + 1}/{settings.folds} 份文件，用其余的训练")
        left_out = examples.folds == fold
        weights = fit(examples.where(~left_out), settings, workers)
        log_odds[left_out] = Model(scan, weights).score_counts(examples.where(left_out).term_counts())
    return log_odds


def fit(examples: Examples, settings: Settings, workers: Parallel) -> Weights:
    """Fit one logistic regression a theme, this theme against the rest; not calibrated yet.

    Done twice: what turns out to say little in the first round is left out of the second, idf and coefficients 0.
    """
    everything = np.ones(examples.counts.shape[1], bool)
    strength = np.abs(_fit_terms(examples, everything, settings, workers).coefficients).max(axis=1)
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
        for column, theme in enumerate(THEMES)
    )
    all_idf, coefficients = np.zeros(len(terms)), np.zeros((len(terms), len(THEMES)))
    all_idf[terms] = idf
    coefficients[terms] = np.column_stack([of_theme for of_theme, _ in fitted]).round(4)
    return Weights(
        themes=THEMES,
        idf=all_idf.astype(np.float32),
        coefficients=coefficients.astype(np.float32),
        bias=np.array([bias for _, bias in fitted]).round(4),
        scale=np.ones(len(THEMES)),
        offset=np.zeros(len(THEMES)),
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
    model = LogisticRegression(C=settings.inverse_regularisation, solver="liblinear", tol=1e-3, random_state=0)
    model.fit(features @ diags(emphasis), present, sample_weight=np.where(present, weights * balance, weights))
    return model.coef_[0] * emphasis, float(model.intercept_[0])


def _share(features: Any, settings: Settings) -> Doubles:
    """The share of each term in some texts, smoothed."""
    total = np.asarray(features.sum(axis=0)).ravel() + settings.smoothing
    share: Doubles = total / total.sum()
    return share


def calibrate(log_odds: Doubles, examples: Examples) -> tuple[Doubles, Doubles]:
    """Scale and offset of each theme that make the right primary themes of left-out examples most likely."""
    picked = np.arange(len(log_odds)), np.array([THEMES.index(theme) for theme in examples.themes])

    def loss(parameters: Doubles) -> float:
        scale, offset = np.split(parameters, 2)
        likelihood = log_softmax(log_odds * scale + offset, axis=1)[picked].mean()
        return float(CALIBRATION_PENALTY * (np.square(scale - 1).sum() + np.square(offset).sum()) - likelihood)

    start = np.concatenate([np.ones(len(THEMES)), np.zeros(len(THEMES))])
    scale, offset = np.split(minimize(loss, start, method="L-BFGS-B").x, 2)
    return scale.round(4), offset.round(4)


def _rule(log_odds: Doubles, probabilities: Doubles, examples: Examples, settings: Settings) -> Rule:
    """The threshold for 不确定 that keeps the promise on left-out examples, and those for secondary themes."""
    right = np.array(THEMES)[probabilities.argmax(axis=1)] == examples.themes
    probability = probabilities.max(axis=1)
    certain = max(
        certain_from(probability[group], right[group], promise=settings.promise + settings.margin)
        for group in (examples.pooled, ~examples.pooled)
        if group.any()
    )
    also = []
    for column, theme in enumerate(THEMES):
        others = examples.themes != theme
        also.append(also_from(log_odds[others, column], examples.secondary[others, column]))
    return Rule(round(certain, 4), tuple(round(each, 4) for each in also))


def _cross_fitted_tags(log_odds: Doubles, examples: Examples, settings: Settings) -> tuple[Tag, ...]:
    """Tags of left-out examples; calibration and rule too come from other documents."""
    tags: dict[int, Tag] = {}
    for fold in range(settings.folds):
        inside = examples.folds == fold
        if not inside.any():
            continue
        others = examples.where(~inside)
        scale, offset = calibrate(log_odds[~inside], others)
        rule = _rule(log_odds[~inside], calibrated(log_odds[~inside], scale, offset), others, settings)
        decided = decide(THEMES, log_odds[inside], calibrated(log_odds[inside], scale, offset), rule)
        tags.update(zip(np.flatnonzero(inside).tolist(), decided, strict=True))
    return tuple(tags[row] for row in range(len(log_odds)))


def train_folder(data: Path, out: Path, *, settings: Settings | None = None, progress: Progress) -> Trained:
    """Train on a folder of labels (`*.jsonl`, `*.jsonl.gz`) with a `lexicon.tsv`; save the model as `out`.

    Raises `LabelError` for bad labels, `OutputError` if the model cannot be written.
    """
    settings = settings or Settings()
    check_place(out)
    files = sorted([*data.glob("*.jsonl"), *data.glob("*.jsonl.gz")])
    if not files:
        raise LabelError(data, found="没有标注文件", expected="*.jsonl 或 *.jsonl.gz", advice="换一个文件夹")
    lexicon = data / "lexicon.tsv"
    trained = train(
        read_labels(files), read_lexicon(lexicon) if lexicon.exists() else {}, settings=settings, progress=progress
    )
    facts = {
        "data": {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files},
        "figures": {name: figures.as_record() for name, figures in trained.figures().items()},
        "settings": asdict(settings),
        "versions": {name: importlib.metadata.version(name) for name in TRAINING_PACKAGES},
    }
    save_artifact(out, model=trained.model, rule=trained.rule, words=trained.words, terms=trained.terms, facts=facts)
    return trained
