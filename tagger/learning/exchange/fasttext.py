"""fastText: a paragraph a line, behind its labels: `__label__治理 __label__法治 排查矛盾纠纷……`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from tagger.atomic import written_whole
from tagger.learning.exchange.entries import Entry, text_at

PREFIX = "__label__"
LABELS = re.compile(rf"(?:{PREFIX}\S*(?:\s+|$))*")


def read_fasttext(path: str | Path) -> Iterator[Entry]:
    """The lines of a file with their labels, first is primary. Raises `InputError` if it cannot be read."""
    for number, line in enumerate(text_at(path).split("\n"), start=1):
        found = LABELS.match(line.strip())
        if found is not None and line.strip():
            themes = tuple(label.removeprefix(PREFIX) for label in found[0].split())
            yield Entry(f"{path} 第 {number} 行", line.strip()[found.end() :], themes)


def write_fasttext(path: str | Path, entries: Iterable[Entry]) -> None:
    """Write paragraphs as fastText reads them; line ends in them become blanks. Raises `OutputError`."""
    lines = (" ".join([*(PREFIX + theme for theme in entry.themes), *entry.text.split()]) for entry in entries)
    with written_whole(path) as beside:
        beside.write_text("".join(line + "\n" for line in lines), "utf-8", "replace", "\n")
