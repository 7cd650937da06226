"""Other ways to learn from the same term counts, to compare the shipped one with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
from joblib import Parallel
from scipy.sparse import csr_matrix, diags
from sklearn.feature_selection import SelectKBest, chi2
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import normalize
from sklearn.svm import LinearSVC

from tagger import THEMES
from tagger.learning.examples import Examples
from tagger.learning.settings import Settings
from tagger.learning.training import fit
from tagger.model import Doubles, Model
from tagger.terms import TermScan

Scorer: TypeAlias = Callable[[Examples], Doubles]  # log-odds or other scores, shape (examples, themes)
Learner: TypeAlias = Callable[[Examples], Scorer]
Features: TypeAlias = Callable[[Any], Any]  # term counts → feature matrix
FeatureMaker: TypeAlias = Callable[[Any], Features]


def shipped(scan: TermScan, settings: Settings, workers: Parallel) -> Learner:
    """The way that `tagger.learning.training` learns."""

    def learn(examples: Examples) -> Scorer:
        model = Model(scan, fit(examples, settings, workers))
        return lambda others: model.score_counts(others.term_counts())

    return learn


def tfidf(*, pivot: float = 1.0) -> FeatureMaker:
    """Sublinear TF-IDF, idf squared; a pivot below 1 divides by that power of the length (Singhal et al. 1996)."""

    def learn(counts: Any) -> Features:
        frequency = np.bincount(counts.indices, minlength=counts.shape[1])
        idf = (np.log((1 + counts.shape[0]) / (1 + frequency)) + 1) ** 2

        def features(others: Any) -> Any:
            weights = others.copy()
            weights.data = 1 + np.log(weights.data)
            weights = weights @ diags(idf)
            if pivot == 1:
                return normalize(weights)
            lengths = np.sqrt(np.asarray(weights.multiply(weights).sum(axis=1)).ravel())
            return diags(np.maximum(lengths, 1e-9) ** -pivot) @ weights

        return features

    return learn


def bm25(counts: Any) -> Features:
    """Okapi BM25 weights (Robertson et al. 1994) with k1 = 1.2 and b = 0.75, length 1."""
    frequency = np.bincount(counts.indices, minlength=counts.shape[1])
    idf = np.log(1 + (counts.shape[0] - frequency + 0.5) / (frequency + 0.5))
    mean_length = counts.sum() / counts.shape[0]

    def features(others: Any) -> Any:
        lengths = np.asarray(others.sum(axis=1)).ravel()
        damping = np.repeat(1.2 * (0.25 + 0.75 * lengths / mean_length), np.diff(others.indptr))
        weights = csr_matrix(
            (others.data * 2.2 / (others.data + damping), others.indices, others.indptr), shape=others.shape
        )
        return normalize(weights @ diags(idf))

    return features


def one_against_the_rest(make_features: FeatureMaker, make_classifier: Callable[[], Any]) -> Learner:
    """A binary classifier a theme on the given features."""

    def learn(examples: Examples) -> Scorer:
        features = make_features(examples.counts)
        known = features(examples.counts)
        fitted = [
            make_classifier().fit(known, examples.themes == theme, sample_weight=examples.weights) for theme in THEMES
        ]
        return lambda others: np.column_stack([each.decision_function(features(others.counts)) for each in fitted])

    return learn


def logistic() -> LogisticRegression:
    """Plain logistic regression, themes half balanced by scikit-learn's class weights."""
    return LogisticRegression(C=10, solver="liblinear", tol=1e-3, class_weight="balanced", random_state=0)


def support_vectors() -> LinearSVC:
    """A linear support vector machine."""
    return LinearSVC(C=0.5, class_weight="balanced", random_state=0)


def multinomial(make_features: FeatureMaker) -> Learner:
    """One multinomial logistic regression for all themes."""

    def learn(examples: Examples) -> Scorer:
        features = make_features(examples.counts)
        model = LogisticRegression(C=10, max_iter=100, tol=1e-3, class_weight="balanced")
        model.fit(features(examples.counts), examples.themes, sample_weight=examples.weights)
        order = [list(model.classes_).index(theme) for theme in THEMES]
        return lambda others: np.asarray(model.decision_function(features(others.counts))[:, order])

    return learn


def chosen_by_chi2(make_features: FeatureMaker, terms: int) -> Learner:
    """Logistic regression on the terms with the highest chi² statistic (Yang and Pedersen 1997)."""

    def learn(examples: Examples) -> Scorer:
        best = SelectKBest(chi2, k=terms).fit(make_features(examples.counts)(examples.counts), examples.themes)
        score = one_against_the_rest(make_features, logistic)(_only(examples, best))
        return lambda others: score(_only(others, best))

    return learn


def _only(examples: Examples, best: Any) -> Examples:
    counts = best.transform(examples.counts).tocsr()
    return replace(examples, counts=counts)
