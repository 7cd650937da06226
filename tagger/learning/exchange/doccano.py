"""doccano: JSON Lines of its text classification projects, in the forms that its versions write."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tagger.atomic import written_whole
from tagger.learning.exchange.entries import Entry, Problem, json_lines, place_fields, place_of

TEXT_FIELDS = ("text", "data")  # doccano 1.0 to 1.2 wrote the second
LABEL_FIELDS = ("label", "labels", "annotations")  # 1.x; JSONL (text label) and JSONL of doccano 0.x
META_FIELDS = ("meta", "metadata")  # newer versions put what they hold beside the text


def read_doccano(path: str | Path) -> Iterator[Entry | Problem]:
    """The texts of a project with their labels, first is primary. Raises `InputError` if it cannot be read."""
    for place, record in json_lines(path):
        text = next((record[name] for name in TEXT_FIELDS if isinstance(record.get(name), str)), "")
        labels: Any = next((record[name] for name in LABEL_FIELDS if record.get(name)), [])
        labels = [labels] if isinstance(labels, str) else labels
        if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
            yield Problem(place, _why(labels), text)
            continue
        metas = [record[name] for name in META_FIELDS if isinstance(record.get(name), Mapping)]
        comments = record.get("Comments") or record.get("comments") or []
        comment = "；".join(map(str, comments)) if isinstance(comments, list) else str(comments)
        yield Entry(place, text, tuple(labels), comment=comment, **place_of(record, *metas))


def _why(labels: Any) -> str:
    if isinstance(labels, list) and any(isinstance(label, Sequence) and not isinstance(label, str) for label in labels):
        return "标的是段落里的字词，不是整段"
    return "标签只有编号，没有名称；请在 doccano 里按“JSONL（标签文字）”重新导出"


def write_doccano(path: str | Path, entries: Iterable[Entry]) -> None:
    """Write paragraphs to be imported as a JSONL dataset. Raises `OutputError` if it cannot be written."""
    lines = (
        json.dumps({"text": entry.text, "label": list(entry.themes), **place_fields(entry)}, ensure_ascii=False)
        for entry in entries
    )
    with written_whole(path) as beside:
        beside.write_text("".join(line + "\n" for line in lines), "utf-8", "backslashreplace", "\n")
