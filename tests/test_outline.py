"""The skeleton: cases that a reader of Chinese can add to, and what holds for any text."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagger.outline import outline
from tagger.reading.text import lines_of
from tagger.records import Source

CASES = json.loads((Path(__file__).parent / "cases" / "outline.json").read_text("utf-8"))


def source_of(text: str) -> Source:
    return Source("测试", text, lines_of(text))


@pytest.mark.parametrize("case", CASES, ids=[case["label"] for case in CASES])
def test_case(case: dict[str, Any]) -> None:
    found = [[each.role, each.text] for each in outline(source_of("\n".join(case["lines"])))]
    assert found == case["expect"]


line = st.one_of(
    st.sampled_from(
        [
            "一、履职情况",
            "（一）强化学习，素养提升。一年来，认真学习。全年组织十二次。",
            "　　根据会议安排，",
            "现将情况报告如下：",
            "- 3 -",
            "##paidbegin##",
            "各位领导：",
            "1.抓党建。开展活动十次，成效明显，群众满意。",
            "某乡人民政府",
            "2023年1月5日",
            "附件：1.表",
            "工作  总结",
            "This is a line of English text that was",
            "wrapped at some column.",
        ]
    ),
    st.text(max_size=50),
)


@given(st.lists(line, max_size=12))
def test_paragraphs_are_ordered_disjoint_and_true_to_the_source(lines: list[str]) -> None:
    text = "\n".join(lines)
    end = 0
    for paragraph in outline(source_of(text)):
        assert end <= paragraph.start < paragraph.end
        end = paragraph.end
        assert _essence(text[paragraph.start : paragraph.end]) == _essence(paragraph.text)


@given(st.lists(line, max_size=12))
def test_nothing_but_blanks_litter_and_page_numbers_is_left_out(lines: list[str]) -> None:
    text = "\n".join(lines)
    kept = "".join(paragraph.text for paragraph in outline(source_of(text)))
    assert _essence(kept) == _essence(text)


def _essence(text: str) -> str:
    """What must survive: everything but blanks, invisible characters, scraper's marks and lines with a page number."""
    lines = [line for line in re.split(r"[\r\n\v\f\x85\u2028\u2029]", text) if not re.fullmatch(r"\s*- 3 -\s*", line)]
    bare = "".join(lines).replace("##paidbegin##", "")
    return "".join(c for c in bare if not c.isspace() and c not in "\0\u200b\u200c\u200d\u200e\u200f\u2060\ufeff")


def test_run_in_heading_is_heading_and_body_and_opens_the_path() -> None:
    text = (
        "某乡工作总结\n一、履职情况\n（一）强化学习，政治素养提升。一年来，学习十二次，人人过关。\n（二）其他\n还有事。"
    )
    heading, body = [p for p in outline(source_of(text)) if p.role in ("heading", "body")][1:3]
    assert (heading.role, heading.text) == ("heading", "（一）强化学习，政治素养提升。")
    assert (body.role, body.text) == ("body", "一年来，学习十二次，人人过关。")
    assert body.headings == ("一、履职情况", "（一）强化学习，政治素养提升。")
    assert heading.headings == ("一、履职情况",)
    assert text[body.start : body.end] == body.text


@pytest.mark.parametrize("litter", ["##paidbegin## ", "\u200b ", "\ufeff", ""])
def test_parts_of_a_line_stand_where_they_say(litter: str) -> None:
    text = f"总结\n{litter}（一）强化学习，素养提升。一年来，学习了  十二次，人人过关。"
    heading, body = list(outline(source_of(text)))[1:]
    assert text[heading.start : heading.end] == "（一）强化学习，素养提升。"
    assert text[body.start : body.end] == "一年来，学习了  十二次，人人过关。"


@pytest.mark.parametrize(
    "line",
    [
        "##乡村振兴##是今年的重点，各村都有行动。",
        "各位党员要带头遵守廉洁纪律，管好自己和家人！",
        "代表们围绕乡村振兴建言献策，提出意见建议五十条！",
        "责任：压实支部书记第一责任人责任。",
        "3.5公里的村道全部硬化完成，沿线安装路灯。群众出行更方便了。",
        "一、二、三产业融合发展。农民收入有了新的提高，集体经济壮大。",
    ],
)
def test_lines_that_only_look_like_something_else_are_body(line: str) -> None:
    text = f"某乡总结\n今年的工作有了新的进展。\n{line}\n还有别的工作也做好了。"
    assert [(p.role, p.text) for p in outline(source_of(text))][2] == ("body", line)


def test_a_quantity_that_begins_a_wrapped_line_does_not_cut_the_paragraph() -> None:
    lines = [
        "全镇狠抓春耕备耕，落实各项补贴政策，播种面积达到",
        "2.5万亩，比上年增加三千亩，其中优质稻占了百分之六",
        "十以上，机插秧面积翻了一番，农户种粮的积极性比较高，",
    ]
    assert [p.role for p in outline(source_of("\n".join(["春耕情况", *lines, "情况是好的。"])))] == ["title", "body"]


def test_numbered_markdown_headings_are_headings() -> None:
    from tagger.reading.text import markdown_lines_of

    text = "# 一、党建\n## （一）学习\n全年学习十二次。\n# 二、法治\n普法宣讲十二次。"
    paragraphs = outline(Source("a.md", text, markdown_lines_of(text)))
    assert paragraphs[-1].headings == ("二、法治",)


def test_short_cells_of_tables_are_not_body(make_source: Callable[..., Source]) -> None:
    from dataclasses import replace

    source = make_source("年度总结", "序号", "全年调解纠纷三十二件，没有发生一起群体事件。")
    cells = tuple(replace(line, place="表1第1行第1列") for line in source.lines[1:])
    roles = [p.role for p in outline(replace(source, lines=(source.lines[0], *cells)))]
    assert roles == ["title", "cell", "body"]


def test_levels_known_to_the_format_make_title_and_headings(make_source: Callable[..., Source]) -> None:
    source = make_source("年度总结", "基层党建", "支部换届全部完成。", levels={0: 0, 1: 1})
    assert [p.role for p in outline(source)] == ["title", "heading", "body"]


def test_a_long_run_of_blanks_takes_no_time() -> None:
    text = "开头" + " " * 1_000_000 + "结尾。"
    assert [p.text for p in outline(source_of(text))] == ["开头 结尾。"]


def test_labelled_skeletons(documents: list[dict[str, Any]]) -> None:
    """Roles of the lines of our own documents; a run-in heading may be marked or not, so bodies are sought inside."""
    by_document: dict[str, list[dict[str, Any]]] = {}
    for record in documents:
        by_document.setdefault(record["document"], []).append(record)
    right = total = 0
    for records in list(by_document.values())[::3]:
        text = _text_of(records)
        roles = {text[p.start : p.end]: p.role for p in outline(source_of(text))}
        for record in records:
            total += 1
            role = roles.get(record["text"])
            tail_is_body = role is None and any(
                record["text"].endswith(part) for part, role in roles.items() if role == "body"
            )
            right += role == record["role"] or (record["role"] == "body" and tail_is_body)
    assert right / total >= 0.97


def _text_of(records: list[dict[str, Any]]) -> str:
    text = ""
    for record in records:
        if record.get("run_in"):
            text += ("" if text.endswith(("。", "：", ":", "！", "？")) else " ") + record["text"]
        else:
            text += "\n" * bool(text) + record["text"]
    return text
