"""Learning from labels: from label files to a trained model, and what to label next. Tagging does without it."""

from __future__ import annotations


def __getattr__(name: str) -> object:
    """`ThemeClassifier`, loaded when it is asked for: it needs scikit-learn."""
    if name == "ThemeClassifier":
        from tagger.learning.classifier import ThemeClassifier  # noqa: PLC0415

        return ThemeClassifier
    raise AttributeError(name)
