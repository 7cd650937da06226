"""A filter in a pipe: JSON objects with a text in, one a line, the same objects with their tags out, as they come."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from io import BufferedReader
from typing import Any

from tagger import tables
from tagger.batch.selection import Selection
from tagger.decision import runner_up
from tagger.records import Tag
from tagger.tables.records import TEXT_NAMES, heading_path, unfit
from tagger.tagging import Tagger

READ_BYTES = 2**18  # at once: some hundred paragraphs are tagged together where they come fast


@dataclass(frozen=True, slots=True)
class Answer:
    """The line to write for a line that was read; None if it is not among those chosen."""

    line: bytes | None
    is_error: bool = False


def lines_available(stream: BufferedReader) -> Iterator[list[bytes]]:
    """The lines of a stream, as many at once as there are."""
    rest = b""
    while content := stream.read1(READ_BYTES):
        *lines, rest = (rest + content).split(b"\n")
        if lines:
            yield lines
    if rest:
        yield [rest]


def answers(
    batches: Iterable[Sequence[bytes]], tagger: Tagger, layout: tables.Layout, selection: Selection
) -> Iterator[list[Answer]]:
    """Tag lines batch by batch. A line that cannot be tagged has an answer that says why; empty ones have none."""
    number = 0
    for lines in batches:
        read = [_read(line, layout) for line in lines]
        sound = [each for each in read if isinstance(each, _Object)]
        tags = iter(tagger.tag_batch([each.text for each in sound], [each.headings for each in sound]))
        batch: list[Answer] = []
        for each in read:
            number += 1
            if isinstance(each, str):
                batch.append(Answer(_line({"error": each, "line": number}), is_error=True))
            elif each is not None:
                batch.append(_answer(each, next(tags), tagger, layout, selection))
        yield batch


@dataclass(frozen=True, slots=True)
class _Object:
    """An object that was read from a line."""

    record: Mapping[str, Any]
    text: str
    headings: tuple[str, ...]


def _read(line: bytes, layout: tables.Layout) -> _Object | str | None:
    """What a line holds: an object, nothing, or what is wrong with it."""
    try:
        text = line.decode("utf-8-sig").strip()
        record = json.loads(text) if text else None
    except UnicodeDecodeError:
        return "不是 UTF-8 编码"
    except (ValueError, RecursionError):
        return "不是完整的 JSON"
    if not text:
        return None
    if not isinstance(record, dict):
        return "不是 JSON 对象"
    return _object(record, layout)


def _object(record: Mapping[str, Any], layout: tables.Layout) -> _Object | str:
    taken = [name for name in tables.names(layout).values() if name in record]
    if taken:
        return f"已有名为 {'、'.join(taken)} 的项，请用 --prefix 给标注的项加上前缀"
    wanted = TEXT_NAMES if layout.text is None else (layout.text,)
    name = next((name for name in wanted if name in record), None)
    if name is None:
        return f"没有正文；正文应在 {'、'.join(wanted)} 里，或用 --text 指明"
    headings = () if layout.headings is None else heading_path(record.get(layout.headings))
    if headings is None:
        return f"“{layout.headings}”不是文字，也不是文字的列表"
    return unfit(record[name]) or _Object(record, record[name], headings)


def _answer(each: _Object, tag: Tag, tagger: Tagger, layout: tables.Layout, selection: Selection) -> Answer:
    second, probability = runner_up(tag)
    values: dict[str, object] = {
        "theme": tag.theme,
        "also": tag.also,
        "probability": round(tag.probability, 4),
        "uncertain": tag.uncertain,
        "second": second,
        "second_probability": None if probability is None else round(probability, 4),
    }
    if not selection.keeps(values.get):
        return Answer(None)
    if layout.reasons:
        values["reasons"] = list(map(asdict, tagger.strongest_reasons([each.text], [tag.theme])[0]))
    record = {**each.record, **{called: values[name] for name, called in tables.names(layout).items()}}
    return Answer(_line({name: record[name] for name in selection.columns or record if name in record}))


def _line(record: Mapping[str, object]) -> bytes:
    return json.dumps(record, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"
