"""Our training for those who know scikit-learn: an estimator of texts, for grids, cross-validation and pipelines.

It learns by `training.train` and nothing else, but takes any classes and any texts, and knows no headings, no secondary
themes and no 不确定. To save a model that tags, use `training.train_model`.

>>> from sklearn.model_selection import GridSearchCV
>>> GridSearchCV(ThemeClassifier(), {"inverse_regularisation": [1, 4]})
GridSearchCV(estimator=ThemeClassifier(),
             param_grid={'inverse_regularisation': [1, 4]})
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d

from tagger.errors import LabelError
from tagger.learning.settings import Settings
from tagger.learning.training import train
from tagger.model import Doubles
from tagger.records import Label
from tagger.themes import OTHER, Theme

DEFAULTS = Settings()


class ThemeClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc] # scikit-learn has no types
    """Classifies Chinese texts as the tagger does.

    `lexicon` has terms of art that are kept whole, with anything as values; the other parameters are those of
    `settings.Settings`. After `fit` there are `classes_`, and `model_`, the `tagger.model.Model` inside. There is no
    `n_features_in_`: a text is no row of features.
    """

    def __init__(  # noqa: PLR0913 - scikit-learn wants every parameter by its name
        self,
        *,
        lexicon: Mapping[str, str] | None = None,
        min_word_labels: int = DEFAULTS.min_word_labels,
        min_gram_labels: int = DEFAULTS.min_gram_labels,
        left_out_terms: float = DEFAULTS.left_out_terms,
        idf_power: float = DEFAULTS.idf_power,
        ratio_power: float = DEFAULTS.ratio_power,
        smoothing: float = DEFAULTS.smoothing,
        inverse_regularisation: float = DEFAULTS.inverse_regularisation,
        balance: float = DEFAULTS.balance,
        sentence_weight: float = DEFAULTS.sentence_weight,
        folds: int = DEFAULTS.folds,
    ) -> None:
        self.lexicon = lexicon
        self.min_word_labels = min_word_labels
        self.min_gram_labels = min_gram_labels
        self.left_out_terms = left_out_terms
        self.idf_power = idf_power
        self.ratio_power = ratio_power
        self.smoothing = smoothing
        self.inverse_regularisation = inverse_regularisation
        self.balance = balance
        self.sentence_weight = sentence_weight
        self.folds = folds

    def fit(self, X: Iterable[str], y: Sequence[Any], groups: Sequence[Any] | None = None) -> Self:  # noqa: N803
        """Learn from texts `X` and their classes `y`.

        `groups` says which document each text is from: a document is left out whole when probabilities are calibrated.
        Without it each text is a document of its own. Raises `TypeError` if a text is no `str`, `ValueError` if there
        are fewer than two classes or too few texts.
        """
        texts, classes = _texts(X), column_or_1d(y, warn=True)
        documents = [""] * len(texts) if groups is None else [str(group) for group in column_or_1d(groups)]
        if not len(texts) == len(classes) == len(documents):
            raise ValueError(f"有 {len(texts)} 段文字、{len(classes)} 个类别、{len(documents)} 个分组；应当一样多")
        check_classification_targets(classes)
        self.classes_, numbers = np.unique(classes, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError("只有一个类别（one class），至少要两个")
        names = [*map(str, range(len(self.classes_) - 1)), OTHER]  # training wants a last one of this name
        rows = zip(texts, numbers.tolist(), documents, strict=True)
        labels = [Label(text, names[number], document=document) for text, number, document in rows]
        settings = Settings(**{each: getattr(self, each) for each in self._of_settings()})
        themes = [Theme(name, "#000000", name) for name in names]
        try:
            trained = train(labels, self.lexicon or {}, themes=themes, settings=settings, progress=lambda _: None)
        except LabelError as error:
            raise ValueError(str(error)) from error
        self.model_ = trained.model
        return self

    def _of_settings(self) -> list[str]:
        return [each.name for each in fields(Settings) if hasattr(self, each.name)]

    def decision_function(self, X: Iterable[str]) -> Doubles:  # noqa: N803
        """Calibrated log-odds, shape (texts, classes); with two classes what the second is ahead, shape (texts,)."""
        check_is_fitted(self)
        weights = self.model_.weights
        scores: Doubles = self.model_.log_odds(_texts(X)) * weights.scale + weights.offset
        return scores[:, 1] - scores[:, 0] if len(self.classes_) == 2 else scores

    def predict_proba(self, X: Iterable[str]) -> Doubles:  # noqa: N803
        """The probability of each class, shape (texts, classes), in the order of `classes_`."""
        check_is_fitted(self)
        return self.model_.probabilities(self.model_.log_odds(_texts(X)))

    def predict(self, X: Iterable[str]) -> npt.NDArray[Any]:  # noqa: N803
        """The most probable class of each text."""
        probabilities = self.predict_proba(X)
        found: npt.NDArray[Any] = self.classes_[probabilities.argmax(axis=1)]
        return found

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        return tags


def _texts(given: Iterable[str]) -> list[str]:
    """Texts as a list, each of them a plain `str`."""
    if isinstance(given, str | bytes):
        raise TypeError("要的是一组文本，来的是一段")
    texts = list(given)
    for text in texts:
        if not isinstance(text, str):
            raise TypeError(f"要的是文字（str），来的是 {type(text).__name__}")
    return [str(text) for text in texts]
