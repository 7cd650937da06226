"""Scores against scikit-learn's own pipeline on the same counts, and reasons that replay to the scores."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import LogisticRegression

from tagger import Tagger
from tagger.model import Model, Weights
from tagger.records import Label
from tagger.terms import TermScan, compile_terms, width_and_case
from tagger.themes import THEMES


def test_scores_equal_scikit_learns_pipeline(small_labels: list[Label]) -> None:
    texts = [label.text for label in small_labels]
    terms = sorted(
        {text[place : place + size] for text in texts for size in (1, 2, 3) for place in range(0, len(text), 5)}
    )
    scan = TermScan(compile_terms(terms[:20_000], width_and_case()))
    counts = scan.count(texts)
    matrix = csr_matrix((counts.counts.astype(float), counts.terms, counts.starts), shape=(len(texts), counts.width))
    transformer = TfidfTransformer(sublinear_tf=True).fit(matrix)
    features = transformer.transform(matrix)
    models = [
        LogisticRegression(C=10, solver="liblinear").fit(features, [label.theme == theme for label in small_labels])
        for theme in THEMES
    ]
    expected = np.column_stack([model.decision_function(features) for model in models])

    weights = Weights(
        themes=THEMES,
        idf=transformer.idf_.astype(np.float32),
        coefficients=np.column_stack([model.coef_[0] for model in models]).astype(np.float32),
        bias=np.array([model.intercept_[0] for model in models]),
        context=np.zeros(()),
        scale=np.ones(len(THEMES)),
        offset=np.zeros(len(THEMES)),
    )
    assert np.abs(Model(scan, weights).log_odds(texts) - expected).max() < 1e-6


def test_probabilities_are_a_distribution(tagger: Tagger) -> None:
    probabilities = tagger.model.probabilities(tagger.model.log_odds(["开展普法宣传", "", "abc", "党" * 9999]))
    assert np.allclose(probabilities.sum(axis=1), 1)
    assert (probabilities > 0).all()


@settings(deadline=None)
@given(
    st.text(
        alphabet=st.one_of(st.sampled_from("党建法治乡村振兴治理作风廉政，。支部排查纠纷"), st.characters()),
        max_size=200,
    )
)
def test_bias_and_reasons_add_up_to_the_log_odds(text: str) -> None:
    tagger = _shared_tagger()
    for explanation, score in zip(tagger.explain(text), tagger.tag(text).scores, strict=True):
        assert explanation.score == score
        total = explanation.bias + sum(reason.log_odds for reason in explanation.reasons)
        assert total == pytest.approx(score.log_odds, abs=2e-5)
        assert all(text[reason.start : reason.end] == reason.text for reason in explanation.reasons)
        assert [reason.start for reason in explanation.reasons] == sorted(r.start for r in explanation.reasons)


def _shared_tagger() -> Tagger:
    from tagger.tagging import default_tagger

    return default_tagger()


def test_reasons_are_whole_words(tagger: Tagger, small_labels: list[Label], root: Path) -> None:
    explanation = tagger.explain("持续整顿软弱涣散党组织，严格落实三会一课制度。")[THEMES.index("党建")]
    words = {reason.text for reason in explanation.reasons if reason.log_odds > 0}
    assert {"软弱涣散党组织", "三会一课"} <= words

    from tagger.learning.vocabulary import Cutter, read_lexicon
    from tagger.reasons import strongest

    lexicon = read_lexicon(root / "training_data" / "lexicon.tsv")
    known = Cutter(lexicon)
    for label in small_labels[::10]:
        for explanation in tagger.explain(label.text):
            for reason in strongest(explanation):
                assert known.words(reason.text) == [reason.text] or reason.text in lexicon
