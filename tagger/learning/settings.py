"""What training does not find by itself."""

from __future__ import annotations

from dataclasses import dataclass

from tagger.records import Label


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
    seed: int = 0

    def weight(self, label: Label) -> float:
        """How much a label counts in training."""
        trust = self.weak_weight if label.weak else self.unsure_weight if label.unsure else 1.0
        return trust * (self.text_weight if label.counts is None else 1.0)
