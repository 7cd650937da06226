"""The usual pipeline that others would build: words cut by jieba, TF-IDF, a linear support vector machine."""

from __future__ import annotations

import logging

import jieba
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.svm import LinearSVC

jieba.setLogLevel(logging.ERROR)


def words(text: str) -> list[str]:
    """The words of a text."""
    cut: list[str] = jieba.lcut(text)
    return cut


def train(texts: list[str], themes: list[str]) -> Pipeline:
    """Fit the pipeline."""
    vectorizer = TfidfVectorizer(tokenizer=words, token_pattern=None, lowercase=False, sublinear_tf=True, min_df=2)
    return make_pipeline(vectorizer, LinearSVC()).fit(texts, themes)
