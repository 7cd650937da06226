"""The filter in a pipe: an answer for every line, in its order, as soon as there is one."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tagger import Tagger
from tagger.batch import answers, lines_available
from tagger.batch.selection import Selection, conditions
from tagger.tables import Layout
from tagger.themes import THEMES

TAGGER = Tagger.load()


def tagged(content: bytes, layout: Layout | None = None, selection: Selection | None = None) -> list[Any]:
    batches = lines_available(io.BufferedReader(io.BytesIO(content)))  # type: ignore[arg-type]
    found = [each for batch in answers(batches, TAGGER, layout or Layout(), selection or Selection()) for each in batch]
    return [json.loads(each.line) for each in found if each.line is not None]


def lines(*records: object) -> bytes:
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records).encode()


def test_objects_come_back_with_their_tags() -> None:
    first, second = tagged(lines({"k": [1], "text": "普法小分队进村宣讲。"}, {"正文": "发展党员三名。"}))
    assert list(first) == [
        *("k", "text"),
        *("theme", "also", "probability", "uncertain", "second", "second_probability"),
    ]
    assert first["theme"] == str(TAGGER.tag("普法小分队进村宣讲。"))
    assert second["theme"] == str(TAGGER.tag("发展党员三名。"))


def test_bad_lines_have_an_answer_in_their_place() -> None:
    content = (
        lines({"text": "甲"})
        + b'{"text"\n\n\xff\n[1]\n{"x": 1}\n{"text": 3}\n{"text": "a", "theme": 1}\n'
        + b'{"text": "z"}'
    )
    first, *bad, last = tagged(content)
    assert "theme" in first
    assert "theme" in last
    assert [(each["line"], each["error"].partition("；")[0]) for each in bad] == [
        (2, "不是完整的 JSON"),
        (4, "不是 UTF-8 编码"),
        (5, "不是 JSON 对象"),
        (6, "没有正文"),
        (7, "正文不是文字"),
        (8, "已有名为 theme 的项，请用 --prefix 给标注的项加上前缀"),
    ]


def test_headings_prefix_reasons_and_columns() -> None:
    layout = Layout(text="内容", headings="标题", prefix="t_", reasons=True)
    record = {"内容": "普法小分队进村宣讲。", "text": "别的", "标题": ["一、法治"]}
    selection = Selection(conditions("theme=法治", THEMES, ["theme"]), ("t_theme", "t_reasons", "无"))
    (row,) = tagged(lines(record, {"内容": "发展党员三名。", "标题": "党建"}), layout, selection)
    assert list(row) == ["t_theme", "t_reasons"]
    assert row["t_reasons"][0]["log_odds"] > 0


def test_lines_come_when_they_are_there() -> None:
    class Pipe(io.RawIOBase):
        def __init__(self, parts: Sequence[bytes]) -> None:
            self.parts = list(parts)

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            part = self.parts.pop(0) if self.parts else b""
            buffer[: len(part)] = part
            return len(part)

    stream = io.BufferedReader(Pipe([b"a\nb\nc", b"d\n", b"e"]))
    assert list(lines_available(stream)) == [[b"a", b"b"], [b"cd"], [b"e"]]


@given(st.lists(st.binary(max_size=20) | st.text(max_size=9).map(lambda text: lines({"text": text})), max_size=6))
def test_every_line_that_holds_something_has_one_answer(parts: list[bytes]) -> None:
    content = b"\n".join(part.strip(b"\n") for part in parts)
    for row in tagged(content):
        assert ("theme" in row) != ("error" in row)
