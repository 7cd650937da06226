"""The workbook: what a person finds in it, read back with openpyxl and turned into pages by LibreOffice."""

from __future__ import annotations

import os
import tempfile
import warnings
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook
from openpyxl.utils.escape import unescape
from test_writing_docx import converted
from test_writing_rows import TEXT, make_line, make_row

from tagger.errors import OutputError
from tagger.themes import OUR_THEMES, THEMES, Theme
from tagger.writing import xlsx
from tagger.writing.rows import Row
from tagger.writing.xlsx import CUT, MAX_CELL_UNITS, write_xlsx


def write(path: Path, rows: Iterable[Row]) -> None:
    write_xlsx(path, rows, OUR_THEMES)


def opened(path: Path) -> Workbook:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # openpyxl does not know Excel 2010's data bars
        return load_workbook(path)


def header_of(book: Workbook) -> tuple[str, ...]:
    return next(book["段落"].iter_rows(values_only=True))


def test_three_sheets_hold_paragraphs_files_and_themes(tmp_path: Path) -> None:
    rows = [make_line("title", "标题"), make_row(1), make_row(2, uncertain=True), make_row(3, theme="党建")]
    rows += [
        make_line("heading", "一、甲", file="乙.txt"),
        make_row(1, theme="其他", also=("治理", "党建"), file="乙.txt"),
    ]
    write(tmp_path / "新" / "结果.xlsx", iter(rows))
    assert [path.name for path in (tmp_path / "新").iterdir()] == ["结果.xlsx"]
    book = opened(tmp_path / "新" / "结果.xlsx")
    assert book.sheetnames == ["段落", "文件", "主题"]

    header, first, second, *_ = book["段落"].iter_rows(values_only=True)
    assert dict(zip(header, first, strict=True)) == {
        "文件": "材料/甲.docx",
        "序号": 1,
        "标题": "一、履职情况 / （二）法治建设",
        "正文": TEXT,
        "主题": "法治",
        "次要主题": "乡村振兴",
        "概率": 0.9321,
        "不确定": None,
        "更正": None,
        "备注": None,
        "第二主题": "乡村振兴",
        "第二概率": 0.0456,
        "理由": "普法 +1.23；法治副校长 +0.50",
        "位置": "表1第2行第3列",
        "起点": 10,
        "终点": 10 + len(TEXT),
    }
    assert second[header.index("不确定")] == "不确定"

    header, *lines = book["文件"].iter_rows(values_only=True)
    assert header == ("文件", "段落", *THEMES, "不确定")
    assert lines == [
        ("材料/甲.docx", 3, pytest.approx(1 / 3), pytest.approx(2 / 3), 0, 0, 0, 0, 1),
        ("乙.txt", 1, 0, 0, 0, 0, 0, 1, 0),
    ]

    last = dict(zip(header_of(book), list(book["段落"].iter_rows(values_only=True))[-1], strict=True))
    assert last["次要主题"] == "治理、党建"

    header, *lines = book["主题"].iter_rows(values_only=True)
    assert [line[0] for line in lines] == list(THEMES)
    assert lines[1] == ("法治", 2, 0.5, pytest.approx(0.9321), 1)
    assert lines[2] == ("乡村振兴", 0, 0, None, 0)


def test_the_sheet_is_ready_to_work_with(tmp_path: Path) -> None:
    write(tmp_path / "a.xlsx", [make_row(1), make_row(2)])
    sheet = opened(tmp_path / "a.xlsx")["段落"]
    assert sheet.freeze_panes == "A2"
    assert sheet.auto_filter.ref == "A1:P3"
    assert sheet["D2"].alignment.wrap_text
    assert sheet["D2"].quotePrefix
    assert sheet.column_dimensions["D"].width >= 80
    assert sheet["G2"].number_format == '[>=0.9995]">99.9%";0.0%'
    (choice,) = sheet.data_validations.dataValidation
    assert (str(choice.sqref), choice.formula1) == ("I2:I3", "主题!$A$2:$A$7")
    rules = {str(cells.sqref): [rule.type for rule in cells.rules] for cells in sheet.conditional_formatting}
    assert rules == {
        "E2:E3": ["cellIs"] * len(THEMES),
        "G2:G3": ["dataBar"],
        "H2:H3": ["cellIs"],
        "I2:I3": ["cellIs"] * len(THEMES),
    }


def test_themes_may_have_any_name(tmp_path: Path) -> None:
    names = ['甲,"乙"', "=1+1", "长" * 300, "其他"]
    themes = [Theme(name, "#123456", "") for name in names]
    write_xlsx(tmp_path / "a.xlsx", [make_row(1, theme=name) for name in names], themes)
    book = opened(tmp_path / "a.xlsx")
    assert [row[4] for row in book["段落"].iter_rows(min_row=2, values_only=True)] == names
    assert [row[0] for row in book["主题"].iter_rows(min_row=2, values_only=True)] == names
    (choice,) = book["段落"].data_validations.dataValidation
    assert choice.formula1 == "主题!$A$2:$A$5"


def test_rows_are_high_enough_for_their_text(tmp_path: Path) -> None:
    texts = ["短。", TEXT * 3, "一行\n" * 5, "长" * 40_000]
    write(tmp_path / "a.xlsx", [make_row(1, text) for text in texts])
    heights = [opened(tmp_path / "a.xlsx")["段落"].row_dimensions[line].height for line in (2, 3, 4, 5)]
    assert heights == pytest.approx([36, 52, 100, 404], abs=1)  # the headings take two lines


HOSTILE = ["=1+1", "+1", "-1", "@SUM(A1)", "{=1}", "http://a.cn", "<r>&</r>", "<r><t>甲</t></r>", "<r></r>", "a\ud800"]


def test_no_text_is_run_or_breaks_the_file(tmp_path: Path) -> None:
    texts = [*HOSTILE, "甲\x00乙\x0b", "_x0041_", "\ufffe", " 前后空白 ", "上行\n下行", "1234", "<b>&amp;"]
    write(tmp_path / "a.xlsx", [make_row(1, text, file=text) for text in texts])
    book = opened(tmp_path / "a.xlsx")
    cells = [row[3] for row in book["段落"].iter_rows(min_row=2)]
    assert [unescape(cell.value) for cell in cells] == [text.replace("\ud800", "?") for text in texts]
    assert {cell.data_type for sheet in book for row in sheet.iter_rows() for cell in row} <= {"s", "n"}
    assert not any(cell.hyperlink for cell in cells)
    with zipfile.ZipFile(tmp_path / "a.xlsx") as archive:
        for name in archive.namelist():
            assert b"<f>" not in archive.read(name)


@settings(max_examples=30)
@given(st.text(st.characters(codec="utf-8", exclude_characters="\r\n\t"), min_size=1))
def test_any_text_survives(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.xlsx")
        write(path, [make_row(1, text)])
        assert unescape(opened(path)["段落"]["D2"].value) == text


@pytest.mark.parametrize("letter", ["字", "𠀀", "a\n"])
def test_a_cell_that_is_too_long_is_cut_with_a_note(tmp_path: Path, letter: str) -> None:
    fits = letter * (MAX_CELL_UNITS // (len(letter.encode("utf-16-le")) // 2))
    write(tmp_path / "a.xlsx", [make_row(1, fits), make_row(2, fits + letter)])
    sheet = opened(tmp_path / "a.xlsx")["段落"]
    assert sheet["D2"].value == fits
    cut = sheet["D3"].value
    assert cut.endswith(CUT)
    assert fits.startswith(cut.removesuffix(CUT))
    assert MAX_CELL_UNITS - 1 <= len(cut.encode("utf-16-le")) // 2 <= MAX_CELL_UNITS


def test_what_is_too_long_for_a_sheet_goes_to_a_further_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx, "MAX_ROWS", 2)
    write(tmp_path / "a.xlsx", [make_row(number) for number in range(1, 5)])
    book = opened(tmp_path / "a.xlsx")
    assert book.sheetnames == ["段落", "段落2", "文件", "主题", "主题2", "主题3"]
    assert [row[1] for row in book["段落2"].iter_rows(values_only=True)] == ["序号", 3, 4]


def test_no_rows_give_a_workbook_all_the_same(tmp_path: Path) -> None:
    write(tmp_path / "a.xlsx", [])
    book = opened(tmp_path / "a.xlsx")
    assert [sheet.max_row for sheet in book] == [1, 1, 1 + len(THEMES)]


def test_an_interruption_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch = tmp_path / "临时"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    path = tmp_path / "a.xlsx"
    path.write_bytes(b"old")

    def interrupted() -> Iterator[Row]:
        yield make_row()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(path, interrupted())
    assert path.read_bytes() == b"old"
    assert sorted(tmp_path.iterdir()) == [path, scratch]
    assert not list(scratch.iterdir())


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "文件").write_text("x", encoding="utf-8")
    with pytest.raises(OutputError, match="写不进去"):
        write(tmp_path / "文件" / "a.xlsx", [make_row()])
    (tmp_path / f".b.xlsx.{os.getpid()}.part").mkdir()  # stands where it is to be written first
    with pytest.raises(OutputError, match="写不进去"):
        write(tmp_path / "b.xlsx", [make_row()])


def test_the_office_program_opens_it(tmp_path: Path) -> None:
    write(tmp_path / "a.xlsx", [make_row(1), make_row(2, "=1+1", probability=0.99999)])
    content = converted(tmp_path, "a.xlsx", "csv:Text - txt - csv (StarCalc):44,34,76").decode()
    assert TEXT in content
    assert "=1+1" in content
    assert "93.2%" in content
    assert ">99.9%" in content
