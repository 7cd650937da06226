"""Rows: one a paragraph, whatever its role; what is written as JSON Lines is read back whole."""

from __future__ import annotations

import csv as standard_csv
import io
import re
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagger import Tagger
from tagger.errors import InputError
from tagger.records import Paragraph, Reason, Source, Tag, TaggedDocument, TaggedParagraph
from tagger.themes import OTHER, OUR_THEMES, Theme
from tagger.writing import csv, jsonl
from tagger.writing.rows import Row, body_rows, rows_of
from tagger.writing.shades import contrast, light, readable

TEXT = "组建普法小分队进村宣讲，法治副校长到校上法治课十六次。"
THEMES = (*OUR_THEMES[1:3], Theme(OTHER, "#5C6269", ""))  # those of a model that has but a few


def make_row(number: int | None = 1, text: str = TEXT, theme: str | None = "法治", **changed: object) -> Row:
    """A row of body text, with anything about it changed."""
    row = Row(
        file="材料/甲.docx",
        paragraph=number,
        role="body",
        headings=("一、履职情况", "（二）法治建设"),
        text=text,
        theme=theme,
        also=("乡村振兴",),
        probability=0.9321,
        uncertain=False,
        second="乡村振兴",
        second_probability=0.0456,
        reasons=(Reason("普法", 2, 4, 1.234), Reason("法治副校长", 12, 17, 0.5)),
        place="表1第2行第3列",
        start=10,
        end=10 + len(text),
    )
    return replace(row, **changed)


def make_line(role: str, text: str, **changed: object) -> Row:
    """A row of another role."""
    changed = {"theme": None, "probability": None, "second": None, "second_probability": None} | changed
    return make_row(None, text, role=role, also=(), reasons=(), place="", headings=(), **changed)


def test_every_paragraph_has_a_row_and_body_text_a_theme(root: Path, tagger: Tagger) -> None:
    document = tagger.tag_file(root / "examples" / "乡镇述职报告.docx")
    rows = list(rows_of(document, tagger.strongest_reasons))
    assert len(rows) == len(document.paragraphs)
    assert {row.role for row in rows} > {"title", "heading", "body"}
    for row, each in zip(rows, document.paragraphs, strict=True):
        assert (row.text, row.role, row.headings) == (each.paragraph.text, each.paragraph.role, each.paragraph.headings)
        assert (row.theme is None) == (each.tag is None) == (row.role != "body")
    body = list(body_rows(rows))
    assert [row.paragraph for row in body] == list(range(1, len(body) + 1))
    for row in body:
        assert row.second not in (None, row.theme)
        assert (row.second_probability or 0) <= (row.probability or 0)
        assert all(row.text[reason.start : reason.end] == reason.text for reason in row.reasons)


def test_reasons_are_asked_for_body_text_all_at_once() -> None:
    tag = Tag("法治", (), 0.98765, uncertain=True, themes=("法治", "治理", "其他"), log_odds=(1, 0, 0),
              probabilities=(0.98765, 0.004, 0.00835))  # fmt: skip
    heading = TaggedParagraph(Paragraph("一、普法", 0, 4, "heading"), None)
    body = TaggedParagraph(Paragraph(TEXT, 5, 5 + len(TEXT), "body", ("一、普法",), "文本框"), tag)
    asked = []

    def reasons_of(*question: object) -> list[tuple[Reason, ...]]:
        asked.append(question)
        return [(Reason("普法", 2, 4, 1.4), Reason("法治", 12, 14, 0.1234567))]

    first, second = rows_of(TaggedDocument(Source("a.txt", "", ()), "模型", (heading, body)), reasons_of)
    assert asked == [([TEXT], ["法治"])]
    assert asdict(first) == asdict(make_line("heading", "一、普法", file="a.txt", start=0, end=4))
    assert second == make_row(
        file="a.txt", headings=("一、普法",), also=(), probability=0.9877, uncertain=True, second="其他",
        second_probability=0.0083, reasons=(Reason("普法", 2, 4, 1.4), Reason("法治", 12, 14, 0.123)), place="文本框",
        start=5, end=5 + len(TEXT),
    )  # fmt: skip


def jsonl_file(folder: Path, *rows: Row) -> Path:
    path = folder / "paragraphs.jsonl"
    with path.open("w", encoding=jsonl.ENCODING, newline="") as target:
        jsonl.write_header(target)
        for row in rows:
            jsonl.write_row(target, row)
    return path


@given(st.text(max_size=20), st.text(max_size=20))
def test_json_lines_are_read_back_whole(tmp_path_factory: pytest.TempPathFactory, text: str, name: str) -> None:
    rows = [make_line("title", text, file=name), make_row(1, text, headings=(name,), also=(name, text), place=name)]
    path = jsonl_file(tmp_path_factory.mktemp("rows"), *rows)
    assert list(jsonl.read_rows(path)) == rows


def test_a_lone_surrogate_is_read_back_too(tmp_path: Path) -> None:
    row = make_row(1, "坏\ud800字", file="坏\udcff名")
    assert list(jsonl.read_rows(jsonl_file(tmp_path, row))) == [row]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda line: line[: len(line) // 2],
        lambda line: "[]\n",
        lambda line: "{}\n",
        lambda line: line.replace('"role"', '"roles"'),
        lambda line: line.replace('"log_odds"', '"weight"'),
        lambda line: line.replace('"headings": [', '"headings": 1, "x": ['),
    ],
)
def test_a_line_that_is_no_row_is_named(tmp_path: Path, spoil: Callable[[str], str]) -> None:
    path = jsonl_file(tmp_path, make_row(1), make_row(2))
    first, second = path.read_text("utf-8").splitlines(keepends=True)
    path.write_text(first + spoil(second), encoding="utf-8")
    rows = jsonl.read_rows(path)
    assert next(rows) == make_row(1)
    with pytest.raises(InputError, match="第 2 行"):
        next(rows)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="没有.jsonl"):
        next(jsonl.read_rows(tmp_path / "没有.jsonl"))
    (tmp_path / "gbk.jsonl").write_bytes("公文".encode("gbk"))
    with pytest.raises(InputError, match="gbk.jsonl"):
        next(jsonl.read_rows(tmp_path / "gbk.jsonl"))


def test_csv_has_the_same_columns_and_rows() -> None:
    target = io.StringIO(newline="")
    csv.write_header(target)
    for row in (make_line("title", "=1+1"), make_row(uncertain=True)):
        csv.write_row(target, row)
    title, body = standard_csv.DictReader(io.StringIO(target.getvalue()))
    assert list(title) == list(Row.__slots__)
    assert (title["role"], title["text"], title["theme"], title["probability"]) == ("title", "'=1+1", "", "")
    assert (body["second"], body["second_probability"], body["uncertain"]) == ("乡村振兴", "0.0456", "不确定")
    assert body["reasons"] == "普法 +1.23；法治副校长 +0.50"


def test_all_columns_are_documented_in_their_order(root: Path) -> None:
    lines = (root / "docs" / "columns.md").read_text("utf-8").splitlines()
    assert re.findall(r"^\| `(\w+)` \|", "\n".join(lines), re.MULTILINE) == list(Row.__slots__)


@given(st.from_regex(r"#[0-9A-Fa-f]{6}", fullmatch=True), st.sampled_from(["#FFFFFF", "#F7F6F3", "#1F2226", "#17191C"]))
def test_any_colour_gives_shades_that_can_be_read(colour: str, ground: str) -> None:
    assert contrast(readable(colour, ground), ground) >= 4.5  # WCAG 2.2, level AA
    assert contrast("#000000", light(colour)) >= 12
    assert readable(colour, ground).lower() == colour.lower() or contrast(colour, ground) < 4.5


def test_the_light_shades_of_our_themes_differ() -> None:
    assert len({light(theme.colour) for theme in OUR_THEMES}) == len(OUR_THEMES)
