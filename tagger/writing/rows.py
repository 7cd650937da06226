"""What is written of a tagged document: one row a paragraph, the same columns in every format."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from tagger.decision import runner_up
from tagger.records import Paragraph, Reason, Role, Tag, TaggedDocument

NEARLY_SURE = 0.995  # a probability that would be rounded to 100%, which a model never is


@dataclass(frozen=True, slots=True)
class Row:
    """One paragraph of a document. The field names are the column names; docs/columns.md explains them.

    Only body text is tagged: of other roles `paragraph`, `theme`, `probability`, `second` and `second_probability` are
    None, and `also` and `reasons` are empty.
    """

    file: str
    paragraph: int | None  # number of the body paragraph in its file, from 1
    role: Role
    headings: tuple[str, ...]
    text: str
    theme: str | None
    also: tuple[str, ...]
    probability: float | None
    uncertain: bool
    second: str | None  # the theme that came second; None too if the model has but one
    second_probability: float | None
    reasons: tuple[Reason, ...]  # the words that speak most for the theme, strongest first; each at its first place
    place: str  # where it stands if not in the running text, such as 表1第2行第3列
    start: int
    end: int


ReasonsOf: TypeAlias = Callable[[Sequence[str], Sequence[str]], Sequence[tuple[Reason, ...]]]


def rows_of(document: TaggedDocument, reasons_of: ReasonsOf) -> list[Row]:
    """The rows of a document; `reasons_of(texts, themes)` gives the reasons of its body paragraphs."""
    return rows_of_each([document], reasons_of)[0]


def rows_of_each(documents: Sequence[TaggedDocument], reasons_of: ReasonsOf) -> list[list[Row]]:
    """The rows of several documents, whose reasons are asked for all at once."""
    tagged = [(each.paragraph.text, each.tag.theme) for one in documents for each in one.paragraphs if each.tag]
    reasons = iter(reasons_of([text for text, _ in tagged], [theme for _, theme in tagged]))
    return [list(_rows(document, reasons)) for document in documents]


def _rows(document: TaggedDocument, reasons: Iterator[tuple[Reason, ...]]) -> Iterator[Row]:
    number = 0
    for each in document.paragraphs:
        if each.tag is None:
            yield _row(document.source.name, each.paragraph, UNTAGGED)
        else:
            number += 1
            yield _row(document.source.name, each.paragraph, _tagged(number, each.tag, next(reasons)))


def body_rows(rows: Iterable[Row]) -> Iterator[Row]:
    """The rows that have a theme."""
    return (row for row in rows if row.theme is not None)


@dataclass(frozen=True, slots=True)
class _Tagged:
    """The columns of a row that only body text has."""

    paragraph: int | None = None
    theme: str | None = None
    also: tuple[str, ...] = ()
    probability: float | None = None
    uncertain: bool = False
    second: str | None = None
    second_probability: float | None = None
    reasons: tuple[Reason, ...] = ()


UNTAGGED = _Tagged()


def _tagged(number: int, tag: Tag, reasons: tuple[Reason, ...]) -> _Tagged:
    second, probability = runner_up(tag)
    return _Tagged(
        paragraph=number,
        theme=tag.theme,
        also=tag.also,
        probability=round(tag.probability, 4),
        uncertain=tag.uncertain,
        second=second,
        second_probability=None if probability is None else round(probability, 4),
        reasons=tuple(Reason(each.text, each.start, each.end, round(each.log_odds, 3)) for each in reasons),
    )


def _row(file: str, paragraph: Paragraph, tagged: _Tagged) -> Row:
    return Row(
        file=file,
        paragraph=tagged.paragraph,
        role=paragraph.role,
        headings=paragraph.headings,
        text=paragraph.text,
        theme=tagged.theme,
        also=tagged.also,
        probability=tagged.probability,
        uncertain=tagged.uncertain,
        second=tagged.second,
        second_probability=tagged.second_probability,
        reasons=tagged.reasons,
        place=paragraph.place,
        start=paragraph.start,
        end=paragraph.end,
    )
