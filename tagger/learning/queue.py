"""What to label next: the paragraphs from which the model would learn most, most useful first, each with its reason.

A paragraph is worth the more

- the closer its two likeliest themes are (margin sampling: Scheffer, Decomain and Wrobel 2001, "Active Hidden Markov
  Models for Information Extraction"),
- the more it is like the other paragraphs at hand, so that what is learned from it serves many (information density:
  Settles and Craven 2008, "An Analysis of Active Learning Strategies for Sequence Labeling Tasks"),
- the more vocabulary it has that the model does not know and that recurs in other paragraphs.

Paragraphs are then taken one by one; each that is taken lowers the worth of those like it (cosine similarity of TF-IDF)
and of others from its document. What is nearly the same is folded into one. benchmarks/labels_saved.py chose the
numbers, and measures what the queue saves against choosing by lot.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from tagger.artifact import load_words
from tagger.atomic import written_whole
from tagger.learning.labelling import encoded
from tagger.model import Doubles, Model
from tagger.records import Tag, TaggedDocument
from tagger.tagging import Tagger, titles_of
from tagger.terms import Integers, Positions, TermScan, chunks

Flags: TypeAlias = npt.NDArray[np.bool_]

MIN_CHARACTERS = 12  # Chinese ones; shorter paragraphs say too little to be labelled
DENSITY = 0.5  # power of the mean similarity to all paragraphs
RECURRING = 3  # texts in which unknown vocabulary stands at least
NOVELTY = 0.5  # how much more a paragraph that is all recurring unknown vocabulary is worth
SAME_DOCUMENT = 0.8  # of its worth is left to a paragraph for each one taken from its document
NEARLY_SAME = 0.8  # cosine from which on two paragraphs are one to a labeller
SHORTLIST = 20  # times the number asked for: so many are compared with each other

CLOSE = 0.5  # margin below which a reason says that the model is in doubt
MANY_UNKNOWN = 0.2  # share of unknown characters from which on a reason says so; twice what is usual
SHOWN_UNKNOWN = 3  # runs of unknown characters that a reason shows


@dataclass(frozen=True, slots=True)
class Candidate:
    """A paragraph that could be labelled, and what the model says of it; `title` is the one above it."""

    text: str
    document: str
    title: str
    headings: tuple[str, ...]
    place: str
    tag: Tag


@dataclass(frozen=True, slots=True)
class Choice:
    """A paragraph to label, and why. `alike` says how many others are nearly the same."""

    candidate: Candidate
    why: str
    alike: int


@dataclass(frozen=True, slots=True)
class Vectors:
    """Texts as TF-IDF vectors of length 1 in the terms of a model; one row a text, as in a CSR matrix."""

    starts: Positions
    terms: Integers
    weights: Doubles
    width: int

    def __len__(self) -> int:
        return len(self.starts) - 1

    def where(self, rows: Sequence[int]) -> Vectors:
        """The chosen rows."""
        parts = [slice(self.starts[row], self.starts[row + 1]) for row in rows]
        starts = np.cumsum([0, *(part.stop - part.start for part in parts)])
        entries = np.concatenate([np.empty(0, int), *(np.arange(part.start, part.stop) for part in parts)])
        return Vectors(starts, self.terms[entries], self.weights[entries], self.width)

    def dense(self, row: int) -> Doubles:
        """One row written out."""
        vector = np.zeros(self.width)
        part = slice(self.starts[row], self.starts[row + 1])
        vector[self.terms[part]] = self.weights[part]
        return vector

    def mean(self) -> Doubles:
        """The mean of all rows, written out."""
        return np.bincount(self.terms, self.weights, self.width) / max(1, len(self))

    def similarity(self, dense: Doubles) -> Doubles:
        """The product of each row with a vector; the cosine if that has length 1."""
        return row_sums(self.starts, self.weights * dense[self.terms])


def vectors_of(model: Model, texts: Sequence[str]) -> Vectors:
    """The vectors of some texts. Training squares idf; what is alike to a reader is better told by plain idf."""
    counts = model.scan.count(texts)
    weights = (1 + np.log(counts.counts)) * np.sqrt(model.weights.idf.astype(np.float64))[counts.terms]
    norms = np.sqrt(row_sums(counts.starts, np.square(weights)))
    weights /= np.repeat(np.maximum(norms, np.finfo(np.float64).tiny), np.diff(counts.starts))
    return Vectors(counts.starts, counts.terms, weights, counts.width)


def row_sums(starts: Positions, entries: Doubles | Flags) -> Doubles:
    """The sum of the entries of each row."""
    sums = np.concatenate([np.zeros(1), np.cumsum(entries)])
    return np.diff(sums[starts])


def known_to(tagger: Tagger) -> tuple[TermScan, TermScan]:
    """What a tagger knows of the language: its terms, and the words of all that it was trained on."""
    return tagger.model.scan, load_words(tagger.folder)


def unknown_characters(text: str, known: Sequence[TermScan]) -> Flags:
    """Which characters of a text are Chinese and stand in no known word of two or more characters."""
    covered = np.zeros(len(text) + 1, int)
    for scan in known:
        starts, ends, _ = scan.find(text)
        long = ends - starts > 1
        covered += np.bincount(starts[long], minlength=len(text) + 1)
        covered -= np.bincount(ends[long], minlength=len(text) + 1)
    unknown: Flags = (np.cumsum(covered)[:-1] == 0) & is_chinese(text)
    return unknown


def is_chinese(text: str) -> Flags:
    """Which characters of a text are Chinese."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    return (codes >= ord("一")) & (codes <= ord("鿿"))


def unknown_shares(texts: Sequence[str], known: Sequence[TermScan]) -> Doubles:
    """The share of unknown characters among the Chinese ones of each text; 0 where there are none."""
    shares = [np.zeros(0)]
    for chunk in chunks(texts):
        joined = "\n".join(chunk) + "\n"
        starts = np.cumsum([0, *(len(text) + 1 for text in chunk)])
        unknown = row_sums(starts, unknown_characters(joined, known))
        shares.append(unknown / np.maximum(1, row_sums(starts, is_chinese(joined))))
    return np.concatenate(shares)


def recurring_shares(texts: Sequence[str], known: Sequence[TermScan]) -> Doubles:
    """How many recurring unknown pairs of characters each text has, divided by the number of its Chinese characters.

    What stands in one text alone is mostly a name or a slip; what recurs in `RECURRING` texts is vocabulary. (Counting
    all unknown characters chose odd paragraphs, and cost all that density gains: benchmarks/labels_saved.py.)
    """
    rows, pairs, lengths = [np.zeros(0, int)], [np.zeros(0, np.uint64)], [np.zeros(0)]
    row = 0
    for chunk in chunks(texts):
        joined = "\n".join(chunk) + "\n"
        starts = np.cumsum([0, *(len(text) + 1 for text in chunk)])
        unknown, chinese = unknown_characters(joined, known), is_chinese(joined)
        where = np.flatnonzero(chinese[:-1] & chinese[1:] & (unknown[:-1] | unknown[1:]))
        codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.uint64)
        rows.append(np.searchsorted(starts, where, side="right") - 1 + row)
        pairs.append(codes[where] << np.uint64(32) | codes[where + 1])
        lengths.append(row_sums(starts, chinese))
        row += len(chunk)
    _, number = np.unique(np.concatenate(pairs), return_inverse=True)
    found = np.unique(np.column_stack([number, np.concatenate(rows)]), axis=0)  # each pair once a text
    texts_with_it = np.bincount(found[:, 0])
    recurring = found[texts_with_it[found[:, 0]] >= RECURRING, 1]
    return np.bincount(recurring, minlength=len(texts)) / np.maximum(1, np.concatenate(lengths))


def candidates_of(document: TaggedDocument) -> Iterator[Candidate]:
    """The body paragraphs of a tagged document."""
    paragraphs = [each.paragraph for each in document.paragraphs]
    for title, each in zip(titles_of(paragraphs), document.paragraphs, strict=True):
        if each.tag is not None:
            paragraph = each.paragraph
            yield Candidate(paragraph.text, document.source.name, title, paragraph.headings, paragraph.place, each.tag)


def choose(
    candidates: Sequence[Candidate],
    model: Model,
    known: Sequence[TermScan],
    *,
    number: int,
    labelled: Sequence[str] = (),
) -> list[Choice]:
    """The most useful paragraphs to label, at most `number`, the most useful first. Deterministic.

    `known` are the scans of all words that the model knows. What is too short, or the same or nearly the same as a text
    in `labelled`, is left out.
    """
    copies = Counter(each.text for each in candidates)
    taken = set(labelled)
    pool = list({each.text: each for each in reversed(candidates) if _worth_reading(each.text, taken)}.values())[::-1]
    if not pool:
        return []
    texts = [each.text for each in pool]
    vectors, unknown = vectors_of(model, texts), unknown_shares(texts, known)
    novelty = recurring_shares(texts, known)
    density = vectors.similarity(vectors.mean())
    doubt = 1 - np.array([each.tag.margin for each in pool])
    worth = doubt * density**DENSITY * (1 + NOVELTY * novelty)
    shortlist = np.argsort(-worth, kind="stable")[: number * SHORTLIST].tolist()
    chosen = _spread(
        worth[shortlist],
        vectors.where(shortlist),
        [pool[row].document for row in shortlist],
        vectors_of(model, labelled),
        number,
    )
    return [
        Choice(
            candidate=(candidate := pool[shortlist[row]]),
            why=_reason(
                candidate,
                float(unknown[shortlist[row]]),
                known,
                typical=bool(density[shortlist[row]] > density.mean()),
                alike=(others := alike + copies[candidate.text] - 1),
            ),
            alike=others,
        )
        for row, alike in chosen
    ]


def _worth_reading(text: str, labelled: set[str]) -> bool:
    return text not in labelled and is_chinese(text).sum() >= MIN_CHARACTERS


def _spread(
    worth: Doubles, vectors: Vectors, documents: Sequence[str], labelled: Vectors, number: int
) -> list[tuple[int, int]]:
    """Rows to take, one by one, unlike each other and from many documents; with each, how many are nearly the same."""
    numbers: dict[str, int] = {}
    document = np.array([numbers.setdefault(name, len(numbers)) for name in documents])
    left = np.ones(len(worth), bool)
    nearest = np.zeros(len(worth))  # similarity to the nearest that was taken
    share = np.ones(len(worth))  # that is left of the worth of each for the sake of other documents
    chosen: list[tuple[int, int]] = []
    while left.any() and len(chosen) < number:
        row = int(np.where(left, worth * (1 - nearest) * share, -1).argmax())
        left[row] = False
        vector = vectors.dense(row)
        if labelled.similarity(vector).max(initial=0) >= NEARLY_SAME:
            continue
        similarity = vectors.similarity(vector).clip(0, 1)
        same = left & (similarity >= NEARLY_SAME)
        left &= ~same
        chosen.append((row, int(same.sum())))
        nearest = np.maximum(nearest, similarity)
        share[document == document[row]] *= SAME_DOCUMENT
    return chosen


def _reason(candidate: Candidate, unknown: float, known: Sequence[TermScan], *, typical: bool, alike: int) -> str:
    first, second = likeliest(candidate.tag)
    pair = f"{first[0]} {first[1]:.0%}、{second[0]} {second[1]:.0%}"
    reasons = [f"拿不准：{pair}" if first[1] - second[1] < CLOSE else f"请核实：{pair}"]
    if typical:
        reasons.append("与许多段落相近，标一段管多段")
    if unknown >= MANY_UNKNOWN:
        runs = list(dict.fromkeys(_unknown_runs(candidate.text, known)))[:SHOWN_UNKNOWN]
        examples = "，如" + "、".join(f"“{run}”" for run in runs) if runs else ""
        reasons.append(f"生词多：{unknown:.0%} 的汉字不在认识的词里{examples}")
    if alike:
        reasons.append(f"另有 {alike} 段与它几乎一样")
    return "；".join(reasons)


def likeliest(tag: Tag) -> tuple[tuple[str, float], tuple[str, float]]:
    """The two likeliest themes of a tag with their probabilities."""
    ranked = sorted(zip(tag.themes, tag.probabilities, strict=True), key=lambda each: -each[1])
    return ranked[0], ranked[1]


def _unknown_runs(text: str, known: Sequence[TermScan]) -> Iterator[str]:
    """Runs of two or more unknown characters."""
    flags = unknown_characters(text, known).tolist()
    for is_unknown, run in itertools.groupby(zip(text, flags, strict=True), key=lambda each: each[1]):
        characters = "".join(character for character, _ in run)
        if is_unknown and len(characters) > 1:
            yield characters


def as_record(choice: Choice) -> dict[str, Any]:
    """A line of a queue file; `tagger label --queue` reads it."""
    candidate = choice.candidate
    (theme, probability), (second, second_probability) = likeliest(candidate.tag)
    proposed = {
        "theme": theme,
        "also": list(candidate.tag.also),
        "probability": round(probability, 4),
        "second": second,
        "second_probability": round(second_probability, 4),
    }
    return {
        "text": candidate.text,
        "document": candidate.document,
        "title": candidate.title,
        "headings": list(candidate.headings),
        "place": candidate.place,
        "proposed": proposed,
        "why": choice.why,
    }


def write_queue(path: str | Path, choices: Iterable[Choice]) -> None:
    """Write a queue file, JSON Lines. Raises `OutputError` if it cannot be written."""
    with written_whole(path) as beside:
        beside.write_bytes(b"".join(encoded(as_record(choice)) for choice in choices))
