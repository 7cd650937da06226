"""The estimator keeps scikit-learn's contract, and learns what training learns."""

from __future__ import annotations

import doctest
import pickle
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import check_estimator, estimator_checks_generator
from sklearn.utils.validation import check_is_fitted, validate_data

from tagger.learning import classifier as module
from tagger.learning import vocabulary
from tagger.learning.classifier import ThemeClassifier
from tagger.learning.settings import Settings
from tagger.learning.training import train
from tagger.records import Label

SMALL = {"min_word_labels": 2, "min_gram_labels": 3, "folds": 3}


@pytest.fixture(scope="module")
def few(small_labels: list[Label]) -> list[Label]:
    return small_labels[:300]


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No further processes, which would take longer to start than such small fits take."""
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")


class NoWords:
    """Stands in for jieba, whose dictionary takes a second to load in each fit."""

    def __init__(self, lexicon: object) -> None: ...

    def words(self, text: str) -> list[str]:  # noqa: ARG002
        return []


class OfNumbers(ThemeClassifier):
    """Rows of numbers written as texts, so that scikit-learn's checks, which know only numbers, can be run.

    What they say of numbers (no NaN, no sparse matrices, as many features as before) is kept by `validate_data`, which
    is scikit-learn's; all else is ours.
    """

    def fit(self, X: Any, y: Any, groups: Any = None) -> OfNumbers:  # noqa: N803
        rows, classes = validate_data(self, X, y)
        super().fit(written(rows), classes, groups)
        return self

    def decision_function(self, X: Any) -> Any:  # noqa: N803
        check_is_fitted(self)
        return super().decision_function(written(validate_data(self, X, reset=False)))

    def predict_proba(self, X: Any) -> Any:  # noqa: N803
        check_is_fitted(self)
        return super().predict_proba(written(validate_data(self, X, reset=False)))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string, tags.input_tags.two_d_array = False, True
        return tags


def written(rows: Any) -> list[str]:
    """Each number as two characters: a coarse one that says its column too, a fine one that tells rows apart."""
    texts = []
    for row in rows.tolist():
        coarse = [chr(0x4E00 + 64 * column + min(63, max(0, int(value * 4 + 32)))) for column, value in enumerate(row)]
        texts.append("，".join([*coarse, *(chr(0x7000 + int(value * 997) % 5000) for value in row)]))
    return texts


@pytest.mark.usefixtures("alone")
@pytest.mark.filterwarnings("ignore")  # scikit-learn's checks warn on purpose
def test_scikit_learns_own_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    """All that apply to a classifier are passed; one is left out by scikit-learn itself, as it needs an array API."""
    monkeypatch.setattr(vocabulary, "Cutter", NoWords)
    results = check_estimator(OfNumbers(min_word_labels=1, min_gram_labels=1, folds=3), on_fail=None, on_skip=None)
    assert [(each["check_name"], each["exception"]) for each in results if each["status"] == "failed"] == []
    excused = {"check_array_api_input", "check_classifier_data_not_an_array"}  # without array-api and without pandas
    assert {each["check_name"] for each in results if each["status"] == "skipped"} <= excused
    assert len(results) > 50


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_what_scikit_learn_checks_of_an_estimator_of_texts() -> None:
    """Without our rows of numbers scikit-learn leaves out all checks that bring data, as they are no texts."""
    checks = list(estimator_checks_generator(ThemeClassifier()))
    assert checks
    for estimator, check in checks:
        if check.func.__name__ in {"check_estimator_cloneable", "check_valid_tag_types", "check_estimator_repr"}:
            check(estimator)


@pytest.mark.usefixtures("alone")
def test_it_learns_what_training_learns(few: list[Label]) -> None:
    fitted = ThemeClassifier(**SMALL).fit(
        [x.text for x in few], [x.theme for x in few], groups=[x.document for x in few]
    )
    bare = [Label(x.text, x.theme, document=x.document) for x in few]
    trained = train(bare, {}, settings=Settings(**SMALL), progress=lambda line: None)
    texts = [label.text for label in few[:50]]
    log_odds = trained.model.log_odds(texts)
    probabilities = trained.model.probabilities(log_odds)
    columns = [trained.model.themes.index(theme) for theme in fitted.classes_]
    assert np.allclose(fitted.predict_proba(texts), probabilities[:, columns], atol=1e-3)


@pytest.mark.usefixtures("alone")
def test_classes_of_any_kind_and_their_probabilities(few: list[Label]) -> None:
    texts, numbers = [label.text for label in few], [int(label.theme == "其他") for label in few]
    fitted = ThemeClassifier(**SMALL).fit(texts, numbers)
    assert fitted.classes_.tolist() == [0, 1]
    probabilities = fitted.predict_proba(texts)
    assert np.allclose(probabilities.sum(axis=1), 1)
    assert np.array_equal(fitted.predict(texts), fitted.decision_function(np.array(texts)) > 0)
    assert fitted.score(texts, numbers) > 0.8
    again = pickle.loads(pickle.dumps(fitted))  # noqa: S301 - our own
    assert np.array_equal(again.predict_proba(texts), probabilities)
    assert clone(fitted).get_params() == fitted.get_params()
    with pytest.raises(AttributeError):
        clone(fitted).classes_  # noqa: B018


@pytest.mark.usefixtures("alone")
def test_grids_cross_validation_and_pipelines_just_work(few: list[Label]) -> None:
    texts, themes = [label.text for label in few], ["其他" if x.theme == "其他" else "五个主题" for x in few]
    documents = [label.document for label in few]
    stripped = make_pipeline(
        FunctionTransformer(lambda texts: [each.strip() for each in texts]), ThemeClassifier(**SMALL)
    )
    scores = cross_val_score(stripped, texts, themes, groups=documents, cv=GroupKFold(2), error_score="raise")
    assert scores.min() > 0.5
    grid = GridSearchCV(ThemeClassifier(**SMALL), {"balance": [0.2, 0.5]}, cv=2, error_score="raise")
    assert grid.fit(texts, themes).best_params_["balance"] in (0.2, 0.5)


def test_what_is_no_text_or_too_little_is_refused() -> None:
    with pytest.raises(TypeError, match="一段"):
        ThemeClassifier().fit("一段文字", ["其他"])
    with pytest.raises(TypeError, match="int"):
        ThemeClassifier().fit(["一段文字", 1], ["其他", "党建"])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="一样多"):
        ThemeClassifier().fit(["一段文字"], ["其他", "党建"])
    with pytest.raises(ValueError, match="至少要两个"):
        ThemeClassifier().fit(["一段文字", "又一段"], ["其他", "其他"])
    with pytest.raises(ValueError, match="文件太少"):
        ThemeClassifier(min_gram_labels=1).fit(["一段文字", "又一段"], ["其他", "党建"])


def test_the_example_in_the_module() -> None:
    assert doctest.testmod(module).failed == 0
