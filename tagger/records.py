"""The nouns of the house: frozen records without logic. All offsets are half-open, in code points of a source text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Role: TypeAlias = Literal[
    "number", "title", "salutation", "heading", "body", "attachment", "signature", "date", "copy", "cell"
]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a document as its reader found it: `source.text[start:end]`.

    `level` is the depth of a heading where the format knows it (1 is the highest; 0 is the title), else None; `place`
    says where the line stands if not in the running text (a table cell, a text box).
    """

    start: int
    end: int
    level: int | None = None
    place: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """The text of a document and its lines, in reading order."""

    name: str
    text: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A part of a document with one role.

    `text` is clean: without litter, doubled blanks and hard line breaks; `source.text[start:end]` is the original.
    `headings` is the path of headings above it, outermost first; `place` says where it stands if not in the running
    text. A "cell" is a short entry of a table; longer text in tables is body.
    """

    text: str
    start: int
    end: int
    role: Role
    headings: tuple[str, ...] = ()
    place: str = ""


@dataclass(frozen=True, slots=True)
class Score:
    """What speaks for one theme: log-odds of the linear model, and the calibrated probability that it is primary."""

    theme: str
    log_odds: float
    probability: float


@dataclass(frozen=True, slots=True)
class Tag:
    """The answer for one paragraph. `str(tag)` is the primary theme.

    `also` are secondary themes, strongest first. `probability` is calibrated: of tags at 0.9, nine in ten are right.
    `uncertain` says that a person should look. `themes`, `log_odds` and `probabilities` stand in the same order.
    """

    theme: str
    also: tuple[str, ...]
    probability: float
    uncertain: bool
    themes: tuple[str, ...]
    log_odds: tuple[float, ...]
    probabilities: tuple[float, ...]

    @property
    def scores(self) -> tuple[Score, ...]:
        """One score a theme, in the order of the themes."""
        return tuple(map(Score, self.themes, self.log_odds, self.probabilities))

    @property
    def margin(self) -> float:
        """How far the likeliest theme is from the second."""
        second, first = sorted(self.probabilities)[-2:]
        return first - second

    def __str__(self) -> str:
        return self.theme


@dataclass(frozen=True, slots=True)
class Reason:
    """Words of the text that speak for a theme, or (negative) against it: `text[start:end]` moves it by `log_odds`."""

    text: str
    start: int
    end: int
    log_odds: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a paragraph has its log-odds for one theme: `bias` + `context` + the sum of all reasons == `score.log_odds`.

    `context` is what the title and the nearest heading add; `reasons` stand in the order of the text.
    """

    score: Score
    bias: float
    context: float
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class TaggedParagraph:
    """A paragraph of a document and its tag; None if it is no body text."""

    paragraph: Paragraph
    tag: Tag | None


@dataclass(frozen=True, slots=True)
class TaggedDocument:
    """A document with its tags, and the model that gave them."""

    source: Source
    model_id: str
    paragraphs: tuple[TaggedParagraph, ...]


@dataclass(frozen=True, slots=True)
class Label:
    """A paragraph and the themes that a reader gave it.

    `document` is the document that it stands in, `title` what that is called, and `source` the collection that the
    document came from, where there is one: paragraphs of one source are never split between training and evaluation.
    `unsure` says that the reader was in doubt, `weak` that a rule gave the label. Where the text must not be shared, it
    is empty and `counts` says how often each term stands in it. `place` says where the label was read, for messages.
    """

    text: str
    theme: str
    also: tuple[str, ...] = ()
    document: str = ""
    source: str = ""
    kind: str = ""
    title: str = ""
    headings: tuple[str, ...] = ()
    labeller: str = ""
    labelled_at: str = ""
    unsure: bool = False
    weak: bool = False
    counts: Mapping[str, int] | None = None
    place: str = field(default="", compare=False)

    @property
    def path(self) -> tuple[str, ...]:
        """The headings above it, the title of the document first."""
        return (self.title, *self.headings) if self.title else self.headings
