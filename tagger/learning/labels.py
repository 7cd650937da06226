"""Label files: JSON Lines, one line of a document each, read and checked.

A line of body text carries `text`, `theme` and `also`; other lines of the document (title, headings, signature …) may
stand among them with their `role`, so that a file holds whole documents. A label may hold term counts in place of text
(see `counts`). What was labelled anew, taken back or adjudicated is resolved by `labelling.current`. Unknown fields are
left alone.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tagger.errors import LabelError, reason_of
from tagger.learning.labelling import current
from tagger.records import Label
from tagger.themes import OTHER, THEMES

ADVICE = "改正这一行再试"
LOCKED_ONE_IN = 16  # of all documents with text so many are never trained on: new models are judged by them


def read_lines(path: str | Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the JSON objects of a file (`.gz` or plain), each with its place `file:line` for messages.

    Raises `LabelError` if the file cannot be read or a line is no JSON object.
    """
    path = Path(path)
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8-sig") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield f"{path}:{number}", _parsed(f"{path}:{number}", line)
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
        reason = reason_of(error) if isinstance(error, OSError) else str(error)
        raise LabelError(
            path, found=f"读不了（{reason}）", expected="UTF-8 的 JSONL 文件", advice="检查路径和编码"
        ) from error


def _parsed(place: str, line: str) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise LabelError(place, found="不是 JSON", expected="每行一个 JSON 对象", advice=ADVICE) from error
    if not isinstance(record, dict):
        raise LabelError(place, found="不是 JSON 对象", expected='{"text": …, "theme": …}', advice=ADVICE)
    return record


def read_labels(paths: Iterable[str | Path], themes: Sequence[str] = THEMES) -> list[Label]:
    """Read the labelled paragraphs of label files, in order; `themes` are those that may be named.

    Raises `LabelError` if a label has no text, names an unknown theme, or if two labels give one text of one document
    different themes; the message names both places.
    """
    labels: list[Label] = []
    seen: dict[tuple[str, str], tuple[str, str]] = {}
    for path in paths:
        titles: defaultdict[str, str] = defaultdict(str)  # of documents whose other lines stand among the labels
        for place, record in current(read_lines(path)):
            document = str(record.get("document") or "")
            if record.get("role", "body") != "body":
                if record["role"] == "title" and document:
                    titles[document] += str(record.get("text") or "")
                continue
            label = _label(place, {"title": titles[document], **record}, themes)
            if label.counts is None:
                before, theme = seen.setdefault((label.document, label.text), (place, label.theme))
                if theme != label.theme:
                    found = f"与 {before} 是同一段文字，一处标为{theme}，一处标为{label.theme}"
                    advice = "改正其中一处，或用 tagger label --settle 裁定"
                    raise LabelError(place, found=found, expected="同一段文字只有一个主题", advice=advice)
                if before != place and label.document:
                    continue  # two labellers agree; the paragraph counts once
            labels.append(label)
    return labels


def group_of(label: Label) -> str:
    """What is never split: the source of a label, its document where no source is named, else its text."""
    return label.source or label.document or label.text


def document_hash(label: Label) -> int:
    """A number that is the same for all labels of a group."""
    return int.from_bytes(hashlib.sha256(group_of(label).encode("utf-8", "surrogatepass")).digest()[:4], "big")


def is_locked(label: Label) -> bool:
    """Whether a label stands in a document that is never trained on: the name of its source or document decides."""
    return label.counts is None and document_hash(label) // 2**16 % LOCKED_ONE_IN == 0


def _label(place: str, record: Mapping[str, Any], themes: Sequence[str]) -> Label:
    text, counts = record.get("text") or "", record.get("counts")
    if not isinstance(text, str) or not (text.strip() or counts is not None):
        raise LabelError(place, found="没有正文", expected="text 里有文字，或 counts 里有词频", advice=ADVICE)
    if counts is not None and not (isinstance(counts, dict) and all(type(n) is int and n > 0 for n in counts.values())):
        raise LabelError(place, found="词频有误", expected='counts 形如 {"排查": 2}', advice=ADVICE)
    theme, also = record.get("theme"), _strings(place, record, "also")
    if not isinstance(theme, str) or theme not in themes:
        raise LabelError(place, found=f"主题是 {theme!r}", expected="、".join(themes) + "之一", advice=ADVICE)
    if not set(also) <= set(themes) - {OTHER, theme}:
        expected = f"与主要主题不同、不含{OTHER}的一组主题"
        raise LabelError(place, found=f"次要主题是 {'、'.join(also)}", expected=expected, advice=ADVICE)
    return Label(
        text=text,
        theme=theme,
        also=also,
        document=str(record.get("document") or ""),
        source=str(record.get("source") or ""),
        kind=str(record.get("kind") or ""),
        title=str(record.get("title") or ""),
        headings=_strings(place, record, "headings"),
        labeller=str(record.get("labeller") or ""),
        labelled_at=str(record.get("labelled_at") or ""),
        unsure=bool(record.get("unsure")),
        weak=bool(record.get("weak")),
        counts=counts,
        place=place,
    )


def _strings(place: str, record: Mapping[str, Any], field: str) -> tuple[str, ...]:
    values = record.get(field) or []
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise LabelError(place, found=f"{field} 是 {values!r}", expected="一组文字", advice=ADVICE)
    return tuple(values)
