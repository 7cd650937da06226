"""Drift: whether a folder of documents is still like what the model was trained on, and how it differs.

Four things are looked at, each with what is usual and the bounds from which on it counts:

- characters that stand in no word the model knows,
- paragraphs that the model is uncertain of,
- shares of the themes, over the years too,
- set phrases that are frequent here and rare in the training data, by the log-likelihood ratio G² (Dunning 1993,
  "Accurate Methods for the Statistics of Surprise and Coincidence").

What is usual comes from the manifest of the model: the figures on documents left out at training.
"""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from tagger.learning.intervals import wilson
from tagger.learning.queue import is_chinese, unknown_shares
from tagger.records import Label, TaggedDocument
from tagger.terms import TermScan, compile_terms, fold, width_and_case
from tagger.writing.years import year_of

Verdict: TypeAlias = Literal["与训练材料相近", "有些不同", "很不同"]
VERDICTS: tuple[Verdict, ...] = ("与训练材料相近", "有些不同", "很不同")
FEW = 30  # paragraphs; a verdict on fewer says little

# Of our own documents left out from the choice of the vocabulary 10.4 % of the Chinese characters are unknown, of real
# official paragraphs (dev.jsonl) 4 to 13 % by kind; 99 of 100 groups of twenty left-out documents stay below 15 %.
# Essays for examinations have 18 %, and what is no official document (talk, match reports, advertisements) 25 to 48 %.
USUAL_UNKNOWN = 0.105  # where the manifest does not say
UNKNOWN_BOUNDS = (0.15, 0.25)
UNCERTAIN_ABOVE = (0.10, 0.20)  # what the share of uncertain paragraphs may be above the usual
THEMES_BOUND = 0.3  # total variation distance; an office may well write on one theme, so this is never 很不同

PHRASE_WORDS = 6  # the longest phrase
PHRASE_CHARACTERS = range(4, 17)
PHRASE_PARAGRAPHS = 3  # in which a phrase stands at least
PHRASE_SURPRISE = 15.13  # G² that chance exceeds once in 10,000 times (chi², one degree of freedom)
PHRASE_RATIO = 10.0  # times as frequent as in the training data
COUNTED_PHRASES = 2000  # the most frequent ones are looked up in the training data
SAME_PHRASE = 0.7  # share of a phrase that stands within a longer one: then the longer one is told
RUN = re.compile("[一-鿿]+")


@dataclass(frozen=True, slots=True)
class Usual:
    """What is usual, as a model's manifest says."""

    unknown: float
    uncertain: float
    themes: Mapping[str, float]  # shares


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: what was found, what is usual, and how far from it that is (0, 1 or 2)."""

    name: str
    found: float
    usual: float
    bounds: tuple[float, ...]
    level: int


@dataclass(frozen=True, slots=True)
class Phrase:
    """A set phrase, in how many paragraphs it stands here and at most in the training data, and its G²."""

    text: str
    paragraphs: int
    in_training: int
    surprise: float


@dataclass(frozen=True, slots=True)
class Year:
    """What the documents of one year are about; no year where none was found."""

    year: int | None
    documents: int
    paragraphs: int
    uncertain: float
    themes: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Drift:
    """How a folder differs from the training data."""

    documents: int
    paragraphs: int
    findings: tuple[Finding, ...]
    themes: Mapping[str, float]
    years: tuple[Year, ...]

    @property
    def verdict(self) -> Verdict:
        """In words, the worst of what was found."""
        return VERDICTS[max((finding.level for finding in self.findings), default=0)]


def usual_of(manifest: Mapping[str, Any]) -> Usual:
    """What is usual for a model, over all sets of paragraphs that it was judged by at training."""
    figures = [manifest["figures"][name] for name in ("text", "counts") if name in manifest["figures"]]
    paragraphs = sum(each["paragraphs"] for each in figures)
    uncertain = sum((1 - each["certain_share"]) * each["paragraphs"] for each in figures) / paragraphs
    support = {theme: sum(each["themes"][theme]["support"] for each in figures) for theme in _themes_of(figures)}
    themes = {theme: count / paragraphs for theme, count in support.items()}
    return Usual(float(manifest.get("unknown_share", USUAL_UNKNOWN)), uncertain, themes)


def _themes_of(figures: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(theme for each in figures for theme in each["themes"]))


def measure(documents: Sequence[TaggedDocument], known: Sequence[TermScan], usual: Usual) -> Drift:
    """Compare tagged documents with what is usual. `known` are the scans of all words that the model knows."""
    body = [(each.paragraph.text, each.tag) for document in documents for each in document.paragraphs if each.tag]
    texts, tags = [text for text, _ in body], [tag for _, tag in body]
    chinese = np.array([is_chinese(text).sum() for text in texts], dtype=np.float64)
    unknown = float(unknown_shares(texts, known) @ chinese / max(1, chinese.sum()))
    uncertain = sum(tag.uncertain for tag in tags)
    at_least = float(wilson(uncertain, len(tags))[0])
    themes = _theme_shares([tag.theme for tag in tags], list(usual.themes))
    distance = sum(abs(themes.get(theme, 0) - usual.themes.get(theme, 0)) for theme in {*themes, *usual.themes}) / 2
    bounds = tuple(usual.uncertain + above for above in UNCERTAIN_ABOVE)
    findings = (
        Finding("不认识的字", unknown, usual.unknown, UNKNOWN_BOUNDS, _level(unknown, UNKNOWN_BOUNDS)),
        Finding("不确定的段落", uncertain / max(1, len(tags)), usual.uncertain, bounds, _level(at_least, bounds)),
        Finding("主题占比之差", distance, 0.0, (THEMES_BOUND,), _level(distance, (THEMES_BOUND,))),
    )
    return Drift(
        documents=len(documents),
        paragraphs=len(tags),
        findings=findings if tags else (),
        themes=themes,
        years=tuple(_years(documents, list(usual.themes))),
    )


def _level(value: float, bounds: Sequence[float]) -> int:
    return sum(value > bound for bound in bounds)


def _theme_shares(given: Sequence[str], themes: Sequence[str]) -> dict[str, float]:
    counts = Counter(given)
    return {theme: counts[theme] / max(1, len(given)) for theme in dict.fromkeys((*themes, *given))}


def _years(documents: Sequence[TaggedDocument], themes: Sequence[str]) -> Iterator[Year]:
    """The documents by year, those without one last."""
    of_year: defaultdict[int | None, list[TaggedDocument]] = defaultdict(list)
    for document in documents:
        lines = ((each.paragraph.role, each.paragraph.text) for each in document.paragraphs)
        of_year[year_of(document.source.name, lines)].append(document)
    for year in sorted(of_year, key=lambda each: (each is None, each or 0)):
        tags = [each.tag for document in of_year[year] for each in document.paragraphs if each.tag]
        uncertain = sum(tag.uncertain for tag in tags) / max(1, len(tags))
        shares = _theme_shares([tag.theme for tag in tags], themes)
        yield Year(year, len(of_year[year]), len(tags), uncertain, shares)


def new_phrases(
    texts: Sequence[str], words: Iterable[Sequence[str]], training: Sequence[Label], *, number: int
) -> list[Phrase]:
    """Set phrases that are frequent in `texts` and rare in the training data, the most surprising first.

    `words` has the words of each text, in order; a phrase is two or more of them in a row. Labels that hold counts in
    place of text give an upper bound: a phrase may stand where all its pairs of characters do.
    """
    here = _frequent(words)
    paragraphs = Counter(dict(here.most_common(COUNTED_PHRASES)))
    phrases = list(_without_parts(paragraphs))
    there = _paragraphs_with(phrases, training)
    found = [
        Phrase(phrase, here[phrase], there[phrase], surprise(here[phrase], len(texts), there[phrase], len(training)))
        for phrase in phrases
        if here[phrase] / len(texts) > PHRASE_RATIO * there[phrase] / max(1, len(training))
    ]
    found.sort(key=lambda phrase: (-phrase.surprise, phrase.text))
    return [phrase for phrase in found if phrase.surprise > PHRASE_SURPRISE][:number]


def _frequent(texts: Iterable[Sequence[str]]) -> Counter[str]:
    """In how many texts each phrase stands, if it stands in enough; texts that are the same count once."""
    counted: Counter[str] = Counter()
    for words in set(map(tuple, texts)):
        phrases: set[str] = set()
        for is_run, run in itertools.groupby(words, key=lambda word: RUN.fullmatch(word) is not None):
            if is_run:
                phrases.update(_phrases(list(run)))
        counted.update(phrases)
    return Counter({phrase: count for phrase, count in counted.items() if count >= PHRASE_PARAGRAPHS})


def _phrases(words: Sequence[str]) -> Iterator[str]:
    for start in range(len(words)):
        for end in range(start + 2, min(start + PHRASE_WORDS, len(words)) + 1):
            phrase = "".join(words[start:end])
            if len(phrase) in PHRASE_CHARACTERS:
                yield phrase


def _without_parts(phrases: Mapping[str, int]) -> Iterator[str]:
    """The phrases, without those that mostly stand within a longer one."""
    within: dict[str, int] = {}
    for phrase, count in phrases.items():
        for start, end in itertools.combinations(range(len(phrase) + 1), 2):
            part = phrase[start:end]
            if part != phrase and part in phrases:
                within[part] = max(within.get(part, 0), count)
    return (phrase for phrase, count in phrases.items() if within.get(phrase, 0) < SAME_PHRASE * count)


def _paragraphs_with(phrases: Sequence[str], training: Sequence[Label]) -> Counter[str]:
    """In how many labelled paragraphs each phrase stands, or could stand where only counts are known."""
    texts = [label.text for label in training if label.counts is None]
    found: Counter[str] = Counter()
    if phrases and texts:
        scan = TermScan(compile_terms(phrases, width_and_case()))
        found.update(phrases[term] for term in scan.count(texts).terms.tolist())
    pairs = {phrase: {phrase[start : start + 2] for start in range(len(phrase) - 1)} for phrase in phrases}
    places: defaultdict[str, set[int]] = defaultdict(set)
    wanted = set().union(*pairs.values()) if pairs else set()
    for number, label in enumerate(training):
        for pair in wanted.intersection(label.counts or ()):
            places[pair].add(number)
    for phrase, parts in pairs.items():
        found[phrase] += len(set.intersection(*(places[part] for part in parts)))
    return found


def surprise(here: int, texts_here: int, there: int, texts_there: int) -> float:
    """The log-likelihood ratio G² of a phrase in `here` of `texts_here` and `there` of `texts_there` texts."""
    table = ((here, texts_here - here), (there, texts_there - there))
    everything = texts_here + texts_there
    sums = (here + there, everything - here - there)
    return 2 * sum(
        count * math.log(count * everything / (sum(row) * total))
        for row in table
        for count, total in zip(row, sums, strict=True)
        if count
    )


def cut(texts: Iterable[str]) -> list[list[str]]:
    """The words of each text; their variants of width and case are one."""
    from tagger.learning.vocabulary import Cutter  # noqa: PLC0415 - jieba is needed for phrases only

    cutter, variants = Cutter(()), width_and_case()
    return [cutter.words(fold(text, variants)) for text in texts]


def in_words(finding: Finding) -> str:
    """A finding as a sentence, with its bounds."""
    words = ("正常", "偏高", "很高")[finding.level]
    usual = f"，平常 {finding.usual:.1%}" if finding.usual else ""
    bounds = "；".join(
        f"超过 {bound:.0%} 算{verdict}" for bound, verdict in zip(finding.bounds, VERDICTS[1:], strict=False)
    )
    return f"{finding.name} {finding.found:.1%}{usual}，{words}（{bounds}）"
