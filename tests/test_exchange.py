"""Corrections in Excel come back as labels: nothing is guessed, nothing is lost, what is doubtful is listed."""

from __future__ import annotations

import gzip
import json
import re
import shlex
import shutil
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet
from test_writing_docx import converted
from test_writing_rows import make_line, make_row

from tagger.cli import main
from tagger.learning.labelling import append, current
from tagger.learning.labels import read_labels, read_lines
from tagger.themes import OUR_THEMES
from tagger.writing import jsonl
from tagger.writing.rows import Row
from tagger.writing.xlsx import write_xlsx

TEXTS = [
    "组建普法小分队进村宣讲，法治副校长到校上法治课。",
    "排查矛盾纠纷一百二十起，全部当场调解。",
    "建成高标准农田三千亩，粮食产量稳中有升。",
    "严格落实中央八项规定精神，整治文山会海。",
    "财政收入完成年初预算的九成。",
]
PROPOSED = ["法治", "治理", "乡村振兴", "作风", "其他"]
ROWS = [
    make_line("title", "某乡工作报告", file="甲.docx"),
    make_line("heading", "一、履职情况", file="甲.docx"),
    *(
        make_row(number, text, theme, file="甲.docx", uncertain=number == 4, also=("治理",) if number == 1 else ())
        for number, (text, theme) in enumerate(zip(TEXTS, PROPOSED, strict=True), start=1)
    ),
    make_row(1, TEXTS[4], "其他", file="乙.docx", also=()),
]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What `tagger tag --xlsx` leaves."""
    monkeypatch.chdir(tmp_path)
    write_rows(tmp_path / "结果", ROWS)
    return tmp_path


def write_rows(folder: Path, rows: Iterable[Row]) -> None:
    folder.mkdir(exist_ok=True)
    write_xlsx(folder / "paragraphs.xlsx", rows, OUR_THEMES)
    with (folder / "paragraphs.jsonl").open("w", encoding="utf-8") as target:
        for row in rows:
            jsonl.write_row(target, row)


def edit(path: str | Path, change: Callable[[Worksheet, dict[str, int]], None], sheet: str = "段落") -> None:
    """Change a workbook as a person would; the columns are given by their names."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # openpyxl does not know Excel 2010's data bars
        book = openpyxl.load_workbook(path)
        page = book[sheet]
        change(page, {str(cell.value): cell.column for cell in page[1]})
        book.save(path)


def correct(path: str | Path, corrections: dict[int, str], column: str = "更正", sheet: str = "段落") -> None:
    def change(page: Worksheet, columns: dict[str, int]) -> None:
        for row, text in corrections.items():
            page.cell(row, columns[column], text)

    edit(path, change, sheet)


def import_(*more: str, file: str = "结果/paragraphs.xlsx", labeller: str = "王芳") -> int:
    return main(["labels", "import", file, "--out", "标注.jsonl", "--labeller", labeller, *more])


def labels() -> list[tuple[str, str, tuple[str, ...]]]:
    return [(label.text, label.theme, label.also) for label in read_labels(["标注.jsonl"])]


def records() -> list[dict[str, Any]]:
    return [record for _, record in read_lines("标注.jsonl")]


def test_only_what_a_person_wrote_becomes_a_label(capsys: pytest.CaptureFixture[str]) -> None:
    correct("结果/paragraphs.xlsx", {2: "√", 3: "法治、治理", 4: " 乡村振兴 "})
    correct("结果/paragraphs.xlsx", {3: "看过条例"}, "备注")
    assert import_() == 0
    assert labels() == [
        (TEXTS[0], "法治", ("治理",)),  # confirmed as it stands
        (TEXTS[1], "法治", ("治理",)),  # the first is primary
        (TEXTS[2], "乡村振兴", ()),  # what is written counts, no more
    ]
    [label, *_] = read_labels(["标注.jsonl"])
    assert (label.document, label.title, label.labeller, label.weak) == ("甲.docx", "某乡工作报告", "王芳", False)
    assert label.headings == ("一、履职情况", "（二）法治建设")
    assert records()[1]["comment"] == "看过条例"
    assert records()[1]["imported"] == "结果/paragraphs.xlsx 段落 第 3 行"
    said = capsys.readouterr().out
    assert "正文已用 结果/paragraphs.jsonl 核对" in said
    assert "写入 标注.jsonl：3 条标注" in said
    assert "没有更正、没有标注的，没有读：3 段" in said


def test_a_second_time_nothing_is_doubled(capsys: pytest.CaptureFixture[str]) -> None:
    correct("结果/paragraphs.xlsx", {3: "法治"})
    assert import_() == 0
    before = Path("标注.jsonl").read_bytes()
    assert import_(labeller="李明") == 0
    assert Path("标注.jsonl").read_bytes() == before
    assert "已经有了，没有再写：1 段" in capsys.readouterr().out


def test_rows_may_be_sorted_deleted_and_columns_moved() -> None:
    def change(page: Worksheet, columns: dict[str, int]) -> None:
        rows = [[cell.value for cell in row] for row in page.iter_rows()]
        header, *body = rows
        body[2][columns["更正"] - 1] = "治理"
        body[4][columns["更正"] - 1] = "党建"
        body = [row for row in reversed(body) if row[columns["正文"] - 1] != TEXTS[0]]
        page.delete_rows(1, page.max_row)
        page.append([])
        for row in [header, *body]:
            page.append([None, *reversed(row)])

    edit("结果/paragraphs.xlsx", change)
    assert import_() == 0
    assert sorted(labels()) == sorted([(TEXTS[2], "治理", ()), (TEXTS[4], "党建", ())])


def test_what_is_doubtful_is_listed_with_its_row_and_the_rest_imported(capsys: pytest.CaptureFixture[str]) -> None:
    def change(page: Worksheet, columns: dict[str, int]) -> None:
        text, theme, correction, file = (columns[name] for name in ("正文", "主题", "更正", "文件"))
        page.cell(2, correction, "法制")  # no such theme
        page.cell(3, text, TEXTS[1] + "（已核实）")  # edited
        page.cell(3, correction, "治理")
        page.cell(4, theme, "党建")  # changed in the wrong column
        page.cell(5, correction, "作风")
        page.append([cell.value for cell in page[5]])  # row 8: the same paragraph again, with another theme
        page.cell(8, correction, "党建")
        page.cell(6, correction, "治理、其他")
        page.cell(7, correction, "治理")
        page.cell(7, file, "丙.docx")  # text and file do not belong together
        page.append([None] * page.max_column)
        page.cell(9, correction, "治理")
        page.append([None] * page.max_column)
        page.cell(10, text, " 组建普法小分队进村宣讲，法治副校长 到校上法治课。")  # only blanks
        page.cell(10, correction, "治理")
        page.append([None] * page.max_column)
        page.cell(11, text, "一、履职情况")
        page.cell(11, correction, "治理")
        page.append([None] * page.max_column)
        page.cell(12, text, TEXTS[4])
        page.cell(12, correction, "治理")

    edit("结果/paragraphs.xlsx", change)
    assert import_() == 1
    assert labels() == [(TEXTS[0], "治理", ())]
    listed = capsys.readouterr().err
    told = {int(row): why for row, why in re.findall(r"paragraphs\.xlsx 段落 第 (\d+) 行：([^（\n]*)", listed)}
    assert "没有“法制”这个主题；有的是：党建、法治" in told[2]
    assert "正文改动过，或不在用来核对的文件里" in told[3]
    assert "“主题”一列是“党建”，标注时是“乡村振兴”；要改主题，请写在“更正”里" in told[4]
    assert "与 结果/paragraphs.xlsx 段落 第 8 行 是同一段文字，那里是党建，这里是作风" in told[5]
    assert "第 5 行 是同一段文字" in told[8]
    assert "其他不能作次要主题" in told[6]
    assert "文件是“丙.docx”，这段文字却在 甲.docx、乙.docx 里" in told[7]
    assert told[9] == "没有正文"
    assert told[11].startswith("这是小标题，不是正文")
    assert "没有写文件，2 个文件里都有这段文字" in told[12]
    assert 10 not in told
    assert len(told) == 10


def test_without_documents_texts_are_taken_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    Path("结果/paragraphs.xlsx").rename("改好的.xlsx")
    correct("改好的.xlsx", {3: "法治"})
    assert import_(file="改好的.xlsx") == 0
    assert labels() == [(TEXTS[1], "法治", ())]
    assert "正文没有核对" in capsys.readouterr().out
    assert read_labels(["标注.jsonl"])[0].headings == ("一、履职情况", "（二）法治建设")


def test_documents_themselves_may_check() -> None:
    Path("材料").mkdir()
    Path("材料/甲.txt").write_text(f"工作报告\n\n一、履职情况\n{TEXTS[1]}\n", encoding="utf-8")
    Path("改好的.csv").write_text(f"正文,更正\n{TEXTS[1]},法治\n{TEXTS[2]},治理\n", encoding="gb18030")
    Path("坏.docx").write_bytes(b"PK\x03\x04")
    assert import_("--documents", "材料", "坏.docx", file="改好的.csv") == 1
    [label] = read_labels(["标注.jsonl"])
    assert (label.text, label.theme, label.document) == (TEXTS[1], "法治", str(Path("材料/甲.txt")))
    assert label.headings == ("一、履职情况",)


def test_proposals_are_taken_only_when_asked_for() -> None:
    correct("结果/paragraphs.xlsx", {3: "法治"})
    assert import_("--accept-certain") == 0
    found = {(label.text, label.document): label for label in read_labels(["标注.jsonl"])}
    assert {key: (label.theme, label.also, label.weak, label.labeller) for key, label in found.items()} == {
        (TEXTS[0], "甲.docx"): ("法治", ("治理",), True, "模型"),
        (TEXTS[1], "甲.docx"): ("法治", (), False, "王芳"),
        (TEXTS[2], "甲.docx"): ("乡村振兴", (), True, "模型"),
        (TEXTS[4], "甲.docx"): ("其他", (), True, "模型"),
        (TEXTS[4], "乙.docx"): ("其他", (), True, "模型"),
    }
    assert import_("--accept-all") == 0  # a person has read them all: weak labels become the person's
    found = {(label.text, label.document): label for label in read_labels(["标注.jsonl"])}
    assert len(found) == 6
    assert {label.labeller for label in found.values()} == {"王芳"}
    assert not any(label.weak for label in found.values())
    assert import_("--accept-certain") == 0  # and stay so
    assert len(read_labels(["标注.jsonl"])) == 6
    assert not any(label.weak for label in read_labels(["标注.jsonl"]))


def test_a_proposal_gives_way_to_a_correction_of_the_same_text() -> None:
    write_rows(Path("结果"), [make_row(1, TEXTS[0]), make_row(2, TEXTS[0])])
    correct("结果/paragraphs.xlsx", {3: "治理"})
    assert import_("--accept-certain") == 0
    assert labels() == [(TEXTS[0], "治理", ())]
    assert import_("--accept-all") == 1  # two rows of one text that a person has read, and they differ


def test_a_label_that_is_there_is_not_overwritten(capsys: pytest.CaptureFixture[str]) -> None:
    correct("结果/paragraphs.xlsx", {2: "党建", 3: "法治"})
    append("标注.jsonl", {"text": TEXTS[0], "document": "甲.docx", "theme": "法治", "also": [], "labeller": "李明"})
    assert import_() == 1
    assert labels() == [(TEXTS[0], "法治", ()), (TEXTS[1], "法治", ())]
    assert "标注.jsonl:1 已标为法治，这里是党建；要换掉那里的，加上 --replace" in capsys.readouterr().err
    before = Path("标注.jsonl").read_bytes()
    assert import_("--replace") == 0
    assert "1 条标注（其中 1 条换掉了原来的）" in capsys.readouterr().out
    assert Path("标注.jsonl").read_bytes().startswith(before)  # lines are only ever added
    assert records()[-1]["adjudicated"] is True  # it was another labeller's
    assert sorted(labels()) == sorted([(TEXTS[1], "法治", ()), (TEXTS[0], "党建", ())])
    correct("结果/paragraphs.xlsx", {3: "治理"})
    assert import_("--replace") == 0
    assert "supersedes" in records()[-1]  # it was this labeller's own
    assert len(records()) == 4
    assert import_("--replace") == 0
    assert len(records()) == 4
    assert sorted(labels()) == sorted([(TEXTS[0], "党建", ()), (TEXTS[1], "治理", ())])


def test_a_torn_last_line_is_mended_first() -> None:
    correct("结果/paragraphs.xlsx", {2: "党建"})
    whole = json.dumps({"text": TEXTS[3], "theme": "作风"}, ensure_ascii=False)
    Path("标注.jsonl").write_text(whole + '\n{"text": "断', encoding="utf-8")
    assert import_() == 0
    assert labels() == [(TEXTS[3], "作风", ()), (TEXTS[0], "党建", ())]
    assert '{"text": "断' in Path("标注.jsonl.torn").read_text("utf-8")


def test_a_text_that_excel_cut_is_found_by_its_start() -> None:
    long = "排查矛盾纠纷，" * 6000
    write_rows(Path("结果"), [make_row(1, long, "治理", also=()), make_row(2, TEXTS[0])])
    correct("结果/paragraphs.xlsx", {2: "法治"})
    shutil.copy("结果/paragraphs.xlsx", "别处.xlsx")
    assert import_(file="别处.xlsx") == 1
    assert not Path("标注.jsonl").exists()
    assert import_() == 0
    assert labels() == [(long, "法治", ())]


def test_labels_go_to_excel_and_come_back_corrected(capsys: pytest.CaptureFixture[str]) -> None:
    correct("结果/paragraphs.xlsx", {2: "√", 3: "法治", 4: "治理"})
    import_()
    assert main(["labels", "export", "标注.jsonl", "--xlsx", "标注.xlsx"]) == 0
    assert main(["labels", "export", "标注.jsonl", "--xlsx", "标注.xlsx"]) == 2  # hand work is not overwritten
    assert "已经有这个文件" in capsys.readouterr().err
    assert import_(file="标注.xlsx") == 0  # unchanged
    assert len(records()) == 3
    correct("标注.xlsx", {3: "治理"}, sheet="标注")
    correct("标注.xlsx", {4: "是"}, "拿不准", sheet="标注")
    assert import_(file="标注.xlsx", labeller="组长") == 1
    assert import_("--replace", file="标注.xlsx", labeller="组长") == 0
    found = {label.text: label for label in read_labels(["标注.jsonl"])}
    assert (found[TEXTS[1]].theme, found[TEXTS[1]].labeller) == ("治理", "组长")
    assert (found[TEXTS[2]].unsure, found[TEXTS[2]].labeller) == (True, "王芳")
    assert found[TEXTS[0]].also == ("治理",)


def test_libreoffice_may_save_the_workbook() -> None:
    correct("结果/paragraphs.xlsx", {2: "√", 3: "法治、治理"})
    shutil.copy("结果/paragraphs.xlsx", "原件.xlsx")
    Path("结果/paragraphs.xlsx").unlink()
    Path("存过").mkdir()
    shutil.move("原件.xlsx", "存过/原件.xlsx")
    converted(Path("存过").absolute(), "原件.xlsx", "ods")
    Path("存过/原件.xlsx").unlink()
    Path("存过/原件.xlsx").write_bytes(converted(Path("存过").absolute(), "原件.ods", "xlsx"))
    assert import_("--documents", "结果/paragraphs.jsonl", file="存过/原件.xlsx") == 0
    assert labels() == [(TEXTS[0], "法治", ("治理",)), (TEXTS[1], "法治", ("治理",))]


def test_own_themes(capsys: pytest.CaptureFixture[str]) -> None:
    Path("themes.toml").write_text(
        '[[theme]]\nname = "财政"\ncolour = "#1D5FA8"\ndefinition = "预算、决算"\n', encoding="utf-8"
    )
    correct("结果/paragraphs.xlsx", {6: "财政"})
    assert import_() == 1
    assert import_("--themes", "themes.toml") == 0
    assert read_labels(["标注.jsonl"], ["财政", "其他"])[0].theme == "财政"
    arguments = ["labels", "export", "标注.jsonl", "--themes", "themes.toml"]
    assert main([*arguments, "--label-studio", "任务.json", "--xlsx", "标注.xlsx"]) == 0
    assert '<Choice value="财政"/>' in capsys.readouterr().out
    assert main(["labels", "export", "标注.jsonl", "--csv", "标注.csv"]) == 1
    assert "没有“财政”这个主题" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["import", "没有.xlsx", "--out", "标注.jsonl"], "没有这个文件"),
        (["import", "结果/paragraphs.xlsx", "--out", "标注.jsonl.gz"], "没有压缩的标注文件"),
        (["import", "结果/paragraphs.jsonl", "--out", "标注.jsonl"], "是标注结果"),
        (["import", "标注.jsonl", "--out", "标注.jsonl"], "同一个文件"),
        (["import", "标注.jsonl", "--out", "别的.jsonl"], "本来就是标注文件"),
        (["import", "坏.xlsx", "--out", "别的.jsonl"], "已损坏"),
        (["import", "旧.xls", "--out", "别的.jsonl"], "旧版或加密的 Excel"),
        (["import", "汇总.xlsx", "--out", "别的.jsonl"], "没有要读的列；有的列：单位、金额"),
        (["import", "结果/paragraphs.xlsx", "--out", "别的.jsonl", "--labeller", " "], "没有标注人的名字"),
        (["import", "结果/paragraphs.xlsx", "--out", "汇总.jsonl"], "不是 JSON"),
        (["export", "标注.jsonl"], "没有说写成什么格式"),
        (["export", "标注.jsonl", "--counts"], "--out：没有写"),
        (["export", "标注.jsonl", "--counts", "--csv", "a.csv"], "同时用"),
        (["export", "标注.jsonl", "--csv", "标注.jsonl"], "已经有这个文件"),
        (["export", "标注.jsonl", "--csv", "a.csv", "--out", "b.gz"], "只用于 --counts"),
        (["export", "标注.jsonl", "结果", "--doccano", "a.jsonl"], "既有标注，又有要标注的文件"),
        (["export", "材料", "--xlsx", "a.xlsx"], "给的是要标注的文件"),
    ],
)
def test_refusals(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    append("标注.jsonl", {"text": TEXTS[0], "theme": "法治"})
    Path("坏.xlsx").write_bytes(Path("结果/paragraphs.xlsx").read_bytes()[:2000])
    Path("旧.xls").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
    Path("汇总.jsonl").write_text("不是标注\n", encoding="utf-8")
    book = openpyxl.Workbook()
    book.create_sheet("汇总").append(["单位", "金额"])
    book.save("汇总.xlsx")
    before = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    assert main(["labels", *arguments]) == 2
    assert message in capsys.readouterr().err
    assert {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("name", ["import", "export"])
def test_help_has_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["labels", name, "--help"])
    assert f"例：tagger labels {name}" in capsys.readouterr().out


def test_counts_hold_nothing_but_what_the_page_says(root: Path) -> None:
    for number in range(4):
        append(
            "标注.jsonl",
            {
                "text": f"排查矛盾纠纷{number}起",
                "theme": "治理",
                "document": "绝密件.docx",
                "title": "标题甲乙",
                "headings": ["小标题丙丁"],
                "labeller": "王芳",
                "labelled_at": "2024-01-01",
                "comment": "评语戊己",
                "kind": "报告",
            },
        )
    assert main(["labels", "export", "--counts", "标注.jsonl", "--out", "词频.jsonl.gz", "--source", "某县"]) == 0
    content = gzip.decompress(Path("词频.jsonl.gz").read_bytes()).decode()
    for hidden in ("绝密件", "标题甲乙", "小标题", "丙丁", "王芳", "2024", "评语", "戊己", "矛盾纠纷0"):
        assert hidden not in content
    page = (root / "docs" / "exchange.md").read_text("utf-8")
    [*lines] = map(json.loads, content.splitlines())
    assert len(lines) == 4
    for line in lines:
        assert all(f"| `{field}` |" in page for field in line)
        assert re.fullmatch("[0-9a-f]{12}", line["document"])
    both = read_labels(["标注.jsonl", "词频.jsonl.gz"])  # training takes counts beside text
    assert [label.counts is None for label in both] == [True] * 4 + [False] * 4
    assert {label.text for label in both[4:]} == {""}


def test_the_commands_of_the_page_run(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path = tmp_path / "页"
    tmp_path.mkdir()
    monkeypatch.chdir(tmp_path)
    shutil.copytree(root / "examples", tmp_path / "材料")
    shutil.copy(root / "examples" / "own_themes" / "themes.toml", "themes.toml")
    shutil.copy(root / "examples" / "own_themes" / "labels.jsonl", "财务标注.jsonl")
    page = (root / "docs" / "exchange.md").read_text("utf-8")
    commands = [line for block in re.findall(r"```bash\n(.*?)```", page, re.DOTALL) for line in block.splitlines()]
    assert {tuple(shlex.split(line)[1:3]) for line in commands} >= {("labels", "import"), ("labels", "export")}
    for line in commands:
        program, *arguments = shlex.split(line, comments=True)
        assert program == "tagger"
        assert main(arguments) == 0, line
        if arguments[0] == "tag":
            correct("结果/paragraphs.xlsx", dict.fromkeys(range(2, 12), "治理") | {2: "√", 3: "法治、治理"})
        elif "标注.xlsx" in arguments and "export" in arguments:
            correct("标注.xlsx", {4: "作风"}, sheet="标注")
        elif "任务.json" in arguments and "export" in arguments:
            annotate(Path("任务.json"), Path("标好的.json"))
        elif "doccano.jsonl" in arguments and "export" in arguments:
            shutil.copy("doccano.jsonl", "admin.jsonl")
        elif "标注.txt" in arguments and "export" in arguments:
            shutil.copy("标注.txt", "别人的.txt")
    assert current(read_lines("标注.jsonl"))


def annotate(tasks: Path, done: Path) -> None:
    """Stand in for an annotator in Label Studio, who accepts predictions and skips what is labelled already."""
    labelled = {label.text for label in read_labels(["标注.jsonl"])}
    content = json.loads(tasks.read_text("utf-8"))
    for number, task in enumerate(content, start=1):
        skips = task["data"]["text"] in labelled
        result = [] if skips else task["predictions"][0]["result"]
        task |= {"id": number, "annotations": [{"completed_by": 1, "result": result, "was_cancelled": skips}]}
    done.write_text(json.dumps(content), encoding="utf-8")
