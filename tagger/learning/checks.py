"""Checks of labels, before training and after: what a person should look at, each with its file and line.

Labels and what a model says go in, findings come out; nothing is changed. Most findings are hints, and training goes
on; only an error (`Severity.ERROR`) stops it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tagger.learning.labelling import current
from tagger.learning.labels import group_of, read_lines
from tagger.model import Doubles
from tagger.records import Label, Tag
from tagger.writing.repeats import firsts

MIN_LABELS = 30  # a theme with fewer is hardly learned; its figures mean little
MIN_DOCUMENTS = 10  # twice the folds: leaving out a fifth of fewer may leave hardly any
MIN_CHARACTERS = 30  # shorter paragraphs (各有关单位：; 本条例自……起施行。) are alike without saying anything
SHOWN = 24  # characters of a paragraph in a message
CLEANLAB_SLACK = 1e-6  # as cleanlab: probabilities that differ by less are equal


class Severity(StrEnum):
    """Whether training can go on."""

    ERROR = "必须改"
    HINT = "请核对"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a person should look at: the kind of trouble, where it is (`file:line`; the theme if it is about all)."""

    kind: str
    place: str
    message: str
    severity: Severity = Severity.HINT

    def __str__(self) -> str:
        return f"{self.place}：{self.kind}：{self.message}"


def check_files(paths: Iterable[str | Path], themes: Sequence[str]) -> list[Finding]:
    """All labels of unknown themes and all contradictions, where reading the labels would stop at the first.

    Raises `LabelError` if a file cannot be read or a line is no JSON object.
    """
    findings = []
    seen: dict[tuple[str, str], tuple[str, str]] = {}
    for place, record in _body_lines(paths):
        theme, text, also = record.get("theme"), record.get("text"), record.get("also")
        named = [theme, *(also if isinstance(also, list) else [])]
        unknown = [str(each) for each in named if each not in themes]
        if unknown:
            message = f"主题{'、'.join(unknown)}不在{'、'.join(themes)}之中"
            findings.append(Finding("不认识的主题", place, message, Severity.ERROR))
        elif isinstance(text, str) and text:
            before, other = seen.setdefault((str(record.get("document") or ""), text), (place, str(theme)))
            if other != theme:
                message = f"与 {before} 是同一段文字，那里标为{other}，这里标为{theme}"
                findings.append(Finding("标注矛盾", place, message, Severity.ERROR))
    return findings


def _body_lines(paths: Iterable[str | Path]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in paths:
        for place, record in current(read_lines(path)):
            if record.get("role", "body") == "body":
                yield place, record


def check_labels(labels: Sequence[Label], themes: Sequence[str]) -> list[Finding]:
    """What can be seen without a model: near-duplicates in other documents, themes with few labels or documents."""
    return [*_near_duplicates(labels), *_few(labels, themes)]


def _near_duplicates(labels: Sequence[Label]) -> Iterator[Finding]:
    rows = [row for row, label in enumerate(labels) if len(label.text) >= MIN_CHARACTERS]
    for row, first in zip(rows, firsts([labels[row].text for row in rows]), strict=True):
        label, other = labels[row], labels[rows[first]]
        if label.document == other.document:
            continue
        if label.theme == other.theme:
            why = "留出评估会把它当作没见过的，数字偏高；两份文件若是同一份，请用同样的 document"
        else:
            why = f"那里标为{other.theme}，这里标为{label.theme}"
        yield Finding(
            "几乎相同的段落",
            label.place,
            f"与 {other.place} 几乎相同（{_start(label)}）；{why}",
        )


def _few(labels: Sequence[Label], themes: Sequence[str]) -> Iterator[Finding]:
    strong = [label for label in labels if not label.weak]
    counts = Counter(label.theme for label in strong)
    documents: defaultdict[str, set[str]] = defaultdict(set)
    for label in strong:
        documents[label.theme].add(group_of(label))
    for theme in themes:
        if not counts[theme]:
            yield Finding("没有标注", theme, "一段也没有，学不了；补充标注，或从主题表里去掉", Severity.ERROR)
        elif counts[theme] < MIN_LABELS:
            yield Finding("标注太少", theme, f"只有 {counts[theme]} 段，少于 {MIN_LABELS} 段，学不牢，数字也不可靠")
        if counts[theme] and len(documents[theme]) < MIN_DOCUMENTS:
            message = f"标注只来自 {len(documents[theme])} 份文件，少于 {MIN_DOCUMENTS} 份，学到的可能只是那几份的写法"
            yield Finding("文件太少", theme, message)


def check_answers(labels: Sequence[Label], tags: Sequence[Tag]) -> list[Finding]:
    """Labels that are likely wrong, the most doubtful first; `tags` come from models that did not see the label.

    A label that has the theme of the model among its secondary ones is not doubted.
    """
    if not labels:
        return []
    themes = tags[0].themes
    given = np.array([themes.index(label.theme) for label in labels])
    probabilities = np.array([tag.probabilities for tag in tags])
    findings = []
    for row, column in likely_errors(given, probabilities):
        label, theme = labels[row], themes[column]
        if theme not in label.also:
            said = f"标为{label.theme}，模型认为是{theme}（{probabilities[row, column]:.0%}，"
            said += f"{label.theme} {probabilities[row, given[row]]:.0%}）：{_start(label)}"
            findings.append(Finding("可能标错", label.place, said))
    return findings


def likely_errors(given: npt.NDArray[np.int64], probabilities: Doubles) -> list[tuple[int, int]]:
    """Confident learning (Northcutt, Jiang and Chuang 2021, JAIR 70): (row, what is more likely), most doubtful first.

    A class speaks confidently for an example whose probability of it is at least what those labelled so have on
    average. An example is doubted if another class than its own does, and its own is not the most probable; where
    several classes speak, the most probable counts, as in cleanlab. `probabilities` has shape (examples, classes) and
    comes from models that did not see the example.
    """
    classes = probabilities.shape[1]
    rows = np.arange(len(given))
    own = probabilities[rows, given]
    totals = np.bincount(given, minlength=classes)
    means = np.bincount(given, own, minlength=classes) / np.maximum(totals, 1)
    thresholds = np.where(totals > 0, means, np.inf)
    confident = probabilities >= thresholds - CLEANLAB_SLACK
    most_probable = probabilities.argmax(axis=1)
    guessed = np.where(confident.sum(axis=1) > 1, most_probable, confident.argmax(axis=1))
    doubted = np.flatnonzero(confident.any(axis=1) & (guessed != given) & (most_probable != given))
    return [(int(row), int(guessed[row])) for row in doubted[np.argsort(own[doubted], kind="stable")]]


def _start(label: Label) -> str:
    """The start of a paragraph, or what stands for it where the text is not known."""
    if label.counts is not None:
        return "只有词频"
    return f"“{label.text[:SHOWN]}{'…' if len(label.text) > SHOWN else ''}”"
