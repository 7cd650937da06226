"""The collection page: figures by year, folder and file, the best paragraphs without repeats, what failed."""

from __future__ import annotations

import re
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_writing_html import HOSTILE, Page, run
from test_writing_rows import THEMES, make_line, make_row

from tagger.themes import OTHER, Theme
from tagger.writing import collection as writing
from tagger.writing.collection import collection
from tagger.writing.repeats import firsts
from tagger.writing.rows import Row
from tagger.writing.years import year_of

LAW = (
    "组建普法小分队进村宣讲民法典二十六场，法治副校长到校上法治课十六次，调解矛盾纠纷四十三件，群众学法用法的自觉性明显提高。",
    "推行行政执法公示、全过程记录和法制审核三项制度，全年办理行政复议案件九件，没有一件被撤销，负责人出庭应诉率达到百分之百。",
)
VILLAGE = (
    "建高标准农田三千亩，种烤烟和辣椒，引进两家龙头企业发展订单农业，脱贫户收入增长百分之十二，集体经济十年来最好。"
)


def rows() -> list[Row]:
    """Three documents: of 2022 and 2023 in one folder, and one that does not say its year."""
    numbers = count(1)

    def body(text: str, theme: str = "法治", **changed: Any) -> Row:
        return make_row(next(numbers), text, theme, reasons=(), place="", **changed)

    first, second, third = {"file": "材料/乡/甲.docx"}, {"file": "材料/乡/乙.docx"}, {"file": "丙.txt"}
    return [
        make_line("title", "2022年工作总结", **first),
        body(LAW[0], **first),
        body(VILLAGE, "乡村振兴", probability=0.95, **first),
        make_line("date", "2023年1月5日", **second),
        body(LAW[0].replace("二十六场", "30场"), probability=0.99, **second),
        body("法治建设进展顺利。", **second),
        body(LAW[1], uncertain=True, **second),
        body(LAW[1] * 20, **second),
        body(LAW[1].replace("九", "三"), probability=0.85, **second),
        body(VILLAGE, OTHER, **third),
        body(LAW[1], headings=("一、执法",), **third),
    ]


def table(page: Page, label: str) -> list[list[str]]:
    """The lines of the table with this title."""
    part = page.content.partition(f'aria-label="主题占比，按{label}"')[2].partition("</table>")[0]
    lines = re.findall(r"<tr>.*?</tr>", part)[1:]
    return [[re.sub(r"<[^>]*>", "", cell) for cell in re.findall(r"<t[hd].*?</t[hd]>", line)] for line in lines]


def made(*, failures: tuple[tuple[str, str], ...] = ()) -> Page:
    return Page(collection(iter(rows()), THEMES, failures, model_id="模型"))


def test_figures_by_year_folder_and_file() -> None:
    page = made()
    assert page.texts["masthead"][0].split("\n")[2] == "3 个文件；正文 9 段，不确定 1 段；模型 模型"
    shares = ["法治", "乡村振兴", OTHER]
    assert [theme.name for theme in THEMES] == shares
    assert table(page, "年份") == [
        ["2022", "1", "2", "", "50%", "50%", "—", "—"],
        ["2023", "1", "5", "", "100%", "—", "—", "1"],
        ["年份不明", "1", "2", "", "50%", "—", "50%", "—"],
    ]
    assert [line[:3] for line in table(page, "文件夹")] == [["材料/乡", "2", "7"], ["（当前文件夹）", "1", "2"]]
    assert [line[0] for line in table(page, "文件名")] == ["材料/乡/甲.docx", "材料/乡/乙.docx", "丙.txt"]
    assert page.texts["card>h2"] == ["主题占比", "按年份", "按文件夹", "素材库", "按文件", "未能标注的文件"]


def test_the_best_paragraphs_are_sure_long_enough_and_told_once() -> None:
    page = made()
    best = page.of("div", **{"class": "para"})
    texts = page.texts["words>p"]
    assert texts == [LAW[0].replace("二十六场", "30场"), LAW[1], VILLAGE]  # the surer of two that are alike
    assert [each["data-theme"] for each in best] == ["0", "0", "1"]
    assert [each["data-year"] for each in best] == ["2023", "年份不明", "2022"]
    assert page.texts["path"] == [
        "材料/乡/乙.docx › 一、履职情况 › （二）法治建设 · 第 3 段",
        "丙.txt › 一、执法 · 第 9 段",
        "材料/乡/甲.docx › 一、履职情况 › （二）法治建设 · 第 2 段",
    ]
    folded = re.findall(r"<summary>(.*?)</summary><ul><li>(.*?)</li></ul>", page.content)
    assert [(said, re.sub(r"<[^>]*>", "", place)) for said, place in folded] == [
        ("另有 1 处说法相近", "材料/乡/甲.docx › 一、履职情况 › （二）法治建设 · 第 1 段")
    ]


def test_what_is_left_out_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "MOST_BEST", 2)
    monkeypatch.setattr(writing, "MOST_LINES", 2)
    page = made()
    assert page.texts["best>h3"] == ["法治 1 段，另有 1 段没有收入", "乡村振兴 1 段"]
    assert len(table(page, "文件名")) == 2
    assert page.content.count("另有 1 行没有列出") == 2  # of years and of files


def test_failures_are_listed_with_their_reasons() -> None:
    page = made(failures=(("坏.docx", "坏.docx：已损坏。请另存一份再试。"), (HOSTILE, f"{HOSTILE}：不行。")))
    assert "3 个文件，未能标注 2 个；" in page.content
    assert re.search(r"<li><bdi>坏.docx</bdi><br>已损坏。请另存一份再试。</li>", page.content)
    assert len(page.of("script")) == 1


def test_hostile_names_stay_text() -> None:
    themes = [Theme(HOSTILE, "#FFFF00", HOSTILE), Theme(OTHER, "#111111", "")]
    row = make_row(1, LAW[0], HOSTILE, file=f"{HOSTILE}/{HOSTILE}/甲", headings=(HOSTILE,), also=())
    content = collection([row, row], themes, [], model_id=HOSTILE)
    page = Page(content)
    assert len(page.of("script")) == 1
    assert not page.of("img")
    for name, attributes in page.elements:
        assert not [key for key in attributes if key.startswith("on") or key in {"style", "src"}], name
    assert page.texts["words>p"] == [LAW[0]]


def test_nothing_is_no_trouble() -> None:
    page = Page(collection([], THEMES, [], model_id=""))
    assert "0 个文件；正文 0 段，不确定 0 段；模型 —" in page.content
    assert "没有正文段落" in page.content
    assert "没有，全部文件都已标注" in page.content


@pytest.mark.parametrize(
    ("lines", "year"),
    [
        ([("date", "二〇二三年十二月五日")], 2023),
        ([("date", "二○二四年一月")], 2024),
        ([("date", "２０２３年１２月５日")], 2023),
        ([("date", "2023.12.5")], 2023),
        ([("date", "（2021-06-30）")], 2021),
        ([("title", "2022年工作总结"), ("date", "2023年1月5日")], 2023),
        ([("number", "×政发〔2021〕15号"), ("title", "关于2020年工作的报告")], 2021),
        ([("title", "关于印发2024年工作要点的通知")], 2024),
        ([("title", "2021—2022年度总结")], 2022),
        ([("title", "关于解决2000户饮水困难的报告")], None),
        ([("title", "关于1500年前遗址的报告")], None),
        ([("body", "2023年，全乡……")], None),
        ([("date", "年 月 日"), ("title", "报告")], None),
    ],
)
def test_the_year_is_found_in_the_text(lines: list[tuple[str, str]], year: int | None) -> None:
    assert year_of("报告.docx", lines) == year


@pytest.mark.parametrize(
    ("file", "year"),
    [
        ("2023年述职报告.docx", 2023),
        ("述职报告20231205.docx", 2023),
        ("述职报告2023-12.docx", 2023),
        ("材料/2022/报告.docx", 2022),
        ("2021/2022总结/报告2023.docx", 2023),
        ("C:\\材料\\2020\\报告.docx", 2020),
        ("打包2019.zip/报告.docx", 2019),
        ("报告13800138000.docx", None),
        ("报告1234.docx", None),
    ],
)
def test_the_year_is_found_in_the_name(file: str, year: int | None) -> None:
    assert year_of(file, [("title", "报告")]) == year


@given(st.lists(st.text(max_size=30), max_size=12))
def test_a_text_is_like_itself_and_like_one_that_is_new(texts: list[str]) -> None:
    found = firsts(texts)
    assert all(found[first] == first <= place for place, first in enumerate(found))
    doubled = firsts(texts + texts)
    assert doubled[: len(texts)] == found
    assert doubled[len(texts) :] == found


def test_small_changes_are_no_new_text() -> None:
    changed = LAW[0].replace("二十六场", "十九场").replace("明显提高", "进一步提高") + "（完）"
    assert firsts([*LAW, changed, LAW[1].replace("，", "、"), VILLAGE]) == [0, 1, 0, 1, 4]


def test_many_texts_with_one_phrase_are_told_apart() -> None:
    own = ["".join(map(chr, range(first, first + 40))) for first in range(0x4E00, 0x6E00, 40)]
    texts = [text + "坚持以习近平新时代中国特色社会主义思想为指导" for text in own]
    assert firsts(texts * 3) == [*range(len(texts))] * 3


CLICKS = """
const get = id => document.getElementById(id);
const texts = () => [...document.querySelectorAll(".para")].filter(each => each.checkVisibility()).length;
const steps = {};
const note = name => { steps[name] = [texts(), get("status").textContent,
  [...document.querySelectorAll(".best")].filter(each => each.checkVisibility()).length,
  [...document.querySelectorAll("[data-count]")].map(each => Number(each.textContent)), get("nothing").hidden]; };
const choose = (list, name) => {
  get(list).value = [...get(list).options].find(each => each.textContent === name).value;
  get(list).dispatchEvent(new Event("change", { bubbles: true }));
};
const search = text => { get("words").value = text; get("filters").requestSubmit(); };
note("all");
document.querySelector('[name=theme][value="0"]').click(); note("law");
choose("year", "2023"); note("law of 2023"); choose("year", "全部");
document.querySelector('[name=theme][value="0"]').click();
choose("folder", "材料/乡"); note("folder"); choose("folder", "全部");
search("矛盾  民法典"); note("two words"); steps.marks = CSS.highlights.get("found").size;
search("没有这样的话"); note("nothing"); search(""); note("end");
return steps;
"""


def test_filters_show_what_was_asked_for(tmp_path: Path) -> None:
    steps, stopped = run(made().content, CLICKS, tmp_path)
    assert stopped == []
    assert steps == {
        "all": [3, "共 3 段", 2, [2, 1], True],
        "law": [2, "显示 2 段，共 3 段", 1, [2, 1], True],
        "law of 2023": [1, "显示 1 段，共 3 段", 1, [1, 0], True],
        "folder": [2, "显示 2 段，共 3 段", 2, [1, 1], True],
        "two words": [1, "显示 1 段，共 3 段", 1, [1, 0], True],
        "marks": 2,
        "nothing": [0, "显示 0 段，共 3 段", 0, [0, 0], False],
        "end": [3, "共 3 段", 2, [2, 1], True],
    }
