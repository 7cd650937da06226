"""What is written of a tagged document: one row a body paragraph, the same columns in every format."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tagger.records import Explanation, Reason, TaggedDocument

NEARLY_SURE = 0.995  # a probability that would be rounded to 100%, which a model never is
MAX_REASONS = 5
MIN_REASON = 0.1  # log-odds below which a word did not decide anything


@dataclass(frozen=True, slots=True)
class Row:
    """One tagged body paragraph. The field names are the column names; docs/columns.md explains them."""

    file: str
    paragraph: int  # number of the body paragraph in its file, from 1
    headings: tuple[str, ...]
    text: str
    theme: str
    also: tuple[str, ...]
    probability: float
    uncertain: bool
    reasons: tuple[Reason, ...]  # the words that speak most for the theme, strongest first
    place: str  # where it stands if not in the running text, such as 表1第2行第3列
    start: int
    end: int


def rows_of(document: TaggedDocument, explain: Callable[[str, str], Explanation]) -> Iterator[Row]:
    """The rows of a document; `explain(text, theme)` gives the reasons of a paragraph."""
    body = ((each.paragraph, each.tag) for each in document.paragraphs)
    tagged = ((paragraph, tag) for paragraph, tag in body if tag is not None)
    for number, (paragraph, tag) in enumerate(tagged, start=1):
        yield Row(
            file=document.source.name,
            paragraph=number,
            headings=paragraph.headings,
            text=paragraph.text,
            theme=tag.theme,
            also=tag.also,
            probability=round(tag.probability, 4),
            uncertain=tag.uncertain,
            reasons=strongest(explain(paragraph.text, tag.theme)),
            place=paragraph.place,
            start=paragraph.start,
            end=paragraph.end,
        )


def strongest(explanation: Explanation) -> tuple[Reason, ...]:
    """The few distinct words that speak most for a theme; a word that stands several times is added up."""
    total: dict[str, Reason] = {}
    for reason in explanation.reasons:
        before = total.get(reason.text)
        log_odds = reason.log_odds + (before.log_odds if before else 0)
        first = before or reason
        total[reason.text] = Reason(reason.text, first.start, first.end, log_odds)
    speaking = [reason for reason in total.values() if reason.log_odds >= MIN_REASON and len(reason.text) > 1]
    return tuple(sorted(speaking, key=lambda reason: -reason.log_odds)[:MAX_REASONS])
