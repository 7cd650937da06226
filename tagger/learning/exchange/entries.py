"""What passes between label files and other programs: labelled paragraphs, and what is wrong with some of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from tagger.errors import FormatError, LabelError
from tagger.learning.labelling import current
from tagger.learning.labels import read_lines
from tagger.reading import content_of
from tagger.reading.text import decode
from tagger.tables.lines import opened
from tagger.tables.records import HEADING_SEPARATOR, heading_path

Accept: TypeAlias = Literal["", "certain", "all"]  # which proposals count as labels where nobody corrected them

SEPARATED = re.compile(r"[\s、，,;；/|]+")  # no theme has any of these in its name
PLACE_FIELDS = ("document", "source", "kind", "title", "headings")  # where a paragraph stands


@dataclass(frozen=True, slots=True)
class Entry:
    """A paragraph with its themes as another program has them; `place` says where it stands in the file.

    The first of `themes` is the primary one, if they are `ordered`; there are none if nobody has labelled it. `unsure`
    is None where the file does not tell. `weak` says that a model's proposal was taken as it is. `proposed` is the
    theme that stands in the column of proposals.
    """

    place: str
    text: str
    themes: tuple[str, ...] = ()
    ordered: bool = True
    document: str = ""
    source: str = ""
    kind: str = ""
    title: str = ""
    headings: tuple[str, ...] = ()
    labeller: str = ""
    labelled_at: str = ""
    unsure: bool | None = None
    comment: str = ""
    weak: bool = False
    proposed: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why an entry was left out; `text` is that of its paragraph, where there is one."""

    place: str
    why: str
    text: str = ""


def squeezed(text: str) -> str:
    """The text without its blanks: what tells paragraphs apart. Programs add and drop blanks."""
    return "".join(text.split())


def named(text: str) -> tuple[str, ...]:
    """The themes that a cell names, in their order."""
    return tuple(filter(None, SEPARATED.split(text)))


def joined_headings(headings: Sequence[str]) -> str:
    """A path of headings as one text, as our other files have it."""
    return HEADING_SEPARATOR.join(headings)


def content_at(path: str | Path) -> bytes:
    """All of a file. Raises `InputError` if it cannot be read or is too large."""
    with opened(path) as file:
        return content_of(str(path), file)


def text_at(path: str | Path) -> str:
    """All of a text file, whatever its encoding. Raises `InputError` if it cannot be read or is no text."""
    return decode(str(path), content_at(path)).removeprefix("\ufeff")


def json_lines(path: str | Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The JSON objects of a text file, each with its place. Raises `FormatError` if a line is none."""
    for number, line in enumerate(text_at(path).split("\n"), start=1):
        if line.strip():
            place = f"{path} 第 {number} 行"
            record = _parsed(place, line)
            if not isinstance(record, dict):
                raise FormatError(place, found="不是 JSON 对象", expected="每行一个 JSON 对象", advice="重新导出")
            yield place, record


def json_at(path: str | Path) -> Any:
    """What a JSON file holds. Raises `FormatError` if it is none."""
    return _parsed(str(path), text_at(path))


def _parsed(place: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FormatError(place, found="不是 JSON", expected="完整的 JSON", advice="重新导出再试") from error


def place_of(*records: Mapping[str, Any]) -> dict[str, Any]:
    """Where a paragraph stands, as the first of these records that knows says: fields of an `Entry`."""
    found: dict[str, Any] = {}
    for record in records:
        for name in PLACE_FIELDS:
            value = record.get(name)
            if name == "headings":
                value = heading_path(value)
            if value and isinstance(value, str | tuple):
                found.setdefault(name, value)
    return found


def place_fields(entry: Entry) -> dict[str, str]:
    """The same, to be written: all as text, without what is not known."""
    found = {name: getattr(entry, name) for name in PLACE_FIELDS if name != "headings"}
    return {name: text for name, text in {**found, "headings": joined_headings(entry.headings)}.items() if text}


def label_entries(paths: Iterable[str | Path]) -> Iterator[Entry]:
    """The labels of our own label files that count, in their order. Raises `LabelError` if a file cannot be read.

    Labels without text (see `counts`) come with an empty one.
    """
    titles: dict[str, str] = {}
    for path in paths:
        lines = list(read_lines(path))
        for _, record in lines:
            if record.get("role") == "title" and record.get("document"):
                document = str(record["document"])
                titles[document] = titles.get(document, "") + str(record.get("text") or "")
        for place, record in current(lines):
            if record.get("role", "body") == "body":
                yield label_entry(place, record, titles)


def label_entry(place: str, record: Mapping[str, Any], titles: Mapping[str, str]) -> Entry:
    """A line of a label file. Raises `LabelError` if it is no label."""
    text, theme, also = record.get("text") or "", record.get("theme"), record.get("also") or []
    if not (isinstance(text, str) and isinstance(theme, str) and isinstance(also, list)):
        advice = "改正这一行再试"
        raise LabelError(place, found="不是标注", expected='{"text": …, "theme": …, "also": […]}', advice=advice)
    return Entry(
        place=place,
        text=text,
        themes=(theme, *map(str, also)),
        labeller=str(record.get("labeller") or ""),
        labelled_at=str(record.get("labelled_at") or ""),
        unsure=bool(record.get("unsure")),
        comment=str(record.get("comment") or ""),
        weak=bool(record.get("weak")),
        **place_of(record, {"title": titles.get(str(record.get("document") or ""), "")}),
    )
