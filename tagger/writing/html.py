"""One HTML page that shows tagged documents and why: to read, to filter, to print."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from typing import TypeAlias

from tagger.themes import Theme
from tagger.writing.page import chip, choice, numbered, page, percent, safe, shares, worded
from tagger.writing.rows import Row, body_rows

Numbers: TypeAlias = Mapping[str | None, int]

DEEPEST_HEADING = 6  # HTML has six levels; the report and its files take the first two
LINE_CLASSES = {"number": "number-line"}  # where the role itself is taken as a class


def report(rows: Iterable[Row], themes: Sequence[Theme], *, model_id: str) -> str:
    """The page for the rows of some documents, each document's together; `themes` are those of the model."""
    numbers = numbered(themes)
    documents = [list(lines) for _, lines in groupby(rows, key=attrgetter("file"))]
    tagged = [row for lines in documents for row in body_rows(lines)]
    doubtful = sum(row.uncertain for row in tagged)
    summary = f"{len(documents)} 个文件，正文 {len(tagged)} 段，不确定 {doubtful} 段；模型 {safe(model_id) or '—'}"
    return page(
        "report",
        title=f"{_name(documents[0])} · 主题标注" if len(documents) == 1 else "公文主题标注",
        themes=themes,
        places={
            "summary": summary,
            "choices": "\n".join(choice(theme, numbers) for theme in numbers),
            "contents": "\n".join(_link(number, lines) for number, lines in enumerate(documents, start=1)),
            "documents": "\n".join(
                _document(number, lines, numbers) for number, lines in enumerate(documents, start=1)
            ),
        },
    )


def _name(lines: Sequence[Row]) -> str:
    return safe(lines[0].file or "未命名")


def _link(number: int, lines: Sequence[Row]) -> str:
    return (
        f'<li data-link="file-{number}"><a href="#file-{number}"><bdi>{_name(lines)}</bdi></a>'
        f'<span class="number">{len(list(body_rows(lines)))}</span></li>'
    )


def _document(number: int, lines: Sequence[Row], numbers: Numbers) -> str:
    """A document: its name, its shares of the themes, its lines."""
    identity = f"file-{number}"
    text = "\n".join(_lines(identity, lines, numbers))
    return (
        f'<section class="card document" id="{identity}" aria-labelledby="{identity}-name">\n'
        f'<header><h2 id="{identity}-name"><bdi>{_name(lines)}</bdi></h2>{_shares(lines, numbers)}</header>\n'
        f'<div class="text">\n{text}\n</div>\n</section>'
    )


def _shares(lines: Iterable[Row], numbers: Numbers) -> str:
    tagged = list(body_rows(lines))
    return shares(Counter(row.theme for row in tagged), sum(row.uncertain for row in tagged), numbers)


def _lines(identity: str, lines: Sequence[Row], numbers: Numbers) -> Iterator[str]:
    sections = _sections(lines)
    for index, row in enumerate(lines):
        if row.theme is not None:
            yield _body(f"{identity}-{row.paragraph}", row, numbers)
        elif row.role == "heading":
            yield _heading(row, _shares(sections[index], numbers) if sections.get(index) else "")
        else:
            yield f'<p class="other {safe(LINE_CLASSES.get(row.role, row.role))}">{safe(row.text)}</p>'


def _sections(lines: Sequence[Row]) -> dict[int, list[Row]]:
    """The tagged rows below each top-level heading, which is known by its place among the lines."""
    sections: dict[int, list[Row]] = {}
    current: list[Row] = []
    for index, row in enumerate(lines):
        if row.role == "heading" and not row.headings:
            current = sections[index] = []
        elif row.theme is not None:
            current.append(row)
    return sections


def _heading(row: Row, section_shares: str) -> str:
    depth = len(row.headings) + 1
    level = min(depth + 2, DEEPEST_HEADING)
    return f'<div class="heading" data-depth="{depth}"><h{level}>{safe(row.text)}</h{level}>{section_shares}</div>'


def _body(identity: str, row: Row, numbers: Numbers) -> str:
    """A body paragraph: what it was tagged as, its text, the words that decided."""
    also = f' data-also="{" ".join(str(numbers[theme]) for theme in row.also)}"' if row.also else ""
    doubt = " data-doubt" if row.uncertain else ""
    return (
        f'<div class="para" id="{identity}" data-theme="{numbers[row.theme]}"{also}{doubt}'
        f' data-probability="{row.probability}"><div class="note">{"".join(_note(row, numbers))}</div>'
        f"{worded(row)}</div>"
    )


def _note(row: Row, numbers: Numbers) -> Iterator[str]:
    """What stands beside a paragraph; of an uncertain one also the theme that came second."""
    yield chip(row.theme, numbers)
    yield f'<span class="number">{percent(row.probability or 0.0)} · 第 {row.paragraph} 段</span>'
    if row.uncertain:
        yield '<strong class="doubt">？不确定</strong>'
        if row.second is not None:
            yield f"<span>或 {safe(row.second)} {percent(row.second_probability or 0.0)}</span>"
    if row.also:
        yield f"<span>兼 {'、'.join(map(safe, row.also))}</span>"
    if row.place:
        yield f"<span>{safe(row.place)}</span>"
