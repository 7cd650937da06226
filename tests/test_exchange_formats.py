"""The formats of other programs, in the forms that their documentation shows; all come back as they went out.

The structures are those of the pages named beside them; the texts are our own.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tagger import Tagger
from tagger.cli import main
from tagger.errors import FormatError, InputError
from tagger.learning.exchange import FORMATS, Entry, Format, Problem, export, format_of, label_config, read
from tagger.learning.labelling import append
from tagger.learning.labels import read_labels
from tagger.themes import OUR_THEMES, THEMES

LAW, ORDER, FARM = "组建普法小分队进村宣讲。", "排查矛盾纠纷一百二十起。", "建成高标准农田三千亩。"


def read_json(tmp_path: Path, content: Any, name: str = "导出.json") -> list[Entry | Problem]:
    path = tmp_path / name
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return list(read(path))


def read_lines(tmp_path: Path, *lines: str, encoding: str = "utf-8") -> list[Entry | Problem]:
    path = tmp_path / "导出.txt"
    path.write_text("\n".join(lines), encoding=encoding)
    return list(read(path))


def told(entries: list[Entry | Problem]) -> list[tuple[str, tuple[str, ...]] | str]:
    return [each.why if isinstance(each, Problem) else (each.text, each.themes) for each in entries]


# ---- doccano ----


@pytest.mark.parametrize(
    "record",
    [
        # https://doccano.github.io/doccano/tutorial/ and the project's data import page: text classification JSONL
        {"text": LAW, "label": ["法治", "治理"]},
        # export of doccano 1.4 and later (github.com/doccano/doccano, backend/data_export): metadata beside the text
        {"id": 1, "text": LAW, "document": "甲.docx", "label": ["法治", "治理"], "Comments": ["看不清"]},
        # export of doccano 1.0–1.2: "data" in place of "text"
        {"id": 1, "data": LAW, "label": ["法治", "治理"]},
        # doccano 0.x, "JSONL (text label)" (github.com/doccano/doccano/wiki/Import-and-Export-File-Formats)
        {
            "id": 1,
            "text": LAW,
            "labels": ["法治", "治理"],
            "meta": {"document": "甲.docx"},
            "annotation_approver": None,
        },
    ],
)
def test_doccano_in_its_versions(tmp_path: Path, record: dict[str, Any]) -> None:
    [entry] = read_lines(tmp_path, json.dumps(record, ensure_ascii=False))
    assert isinstance(entry, Entry)
    assert (entry.text, entry.themes, entry.ordered) == (LAW, ("法治", "治理"), True)
    if "甲" in str(record):
        assert entry.document == "甲.docx"
    assert entry.comment == ("看不清" if "Comments" in record else "")


def test_doccano_without_labels_with_numbers_and_with_words(tmp_path: Path) -> None:
    lines = [
        {"id": 1, "text": LAW, "label": []},
        {"id": 2, "text": LAW, "label": "法治"},
        {"id": 3, "text": LAW, "annotations": [{"label": 2, "user": 1}], "meta": {}},  # doccano 0.x, plain JSONL
        {"id": 4, "text": LAW, "label": [[0, 5, "法治"]]},  # sequence labelling
    ]
    found = told(read_lines(tmp_path, *(json.dumps(line, ensure_ascii=False) for line in lines)))
    assert found == [
        (LAW, ()),
        (LAW, ("法治",)),
        "标签只有编号，没有名称；请在 doccano 里按“JSONL（标签文字）”重新导出",
        "标的是段落里的字词，不是整段",
    ]


# ---- Label Studio ----


def choice(*choices: str, name: str = "sentiment") -> dict[str, Any]:
    return {
        "id": "yrSY-dipPI",
        "from_name": name,
        "to_name": "text",
        "type": "choices",
        "origin": "manual",
        "value": {"choices": list(choices)},
    }


def task(*annotations: dict[str, Any], **data: str) -> dict[str, Any]:
    """A task as https://labelstud.io/guide/export shows it (Label Studio JSON format of annotated tasks)."""
    return {
        "id": 1,
        "data": {"text": LAW, **data},
        "created_at": "2021-03-09T21:52:49.513742Z",
        "updated_at": "2021-03-09T22:16:08.746926Z",
        "project": 83,
        "annotations": list(annotations),
        "predictions": [{"model_version": "1", "score": 0.5, "result": [choice("作风")]}],
    }


def annotation(*results: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "id": 1001,
        "result": list(results),
        "was_cancelled": False,
        "ground_truth": False,
        "created_at": "2021-03-09T22:16:08.728353Z",
        "updated_at": "2021-03-09T22:16:08.728378Z",
        "lead_time": 4.288,
        "result_count": 0,
        "completed_by": 10,
        **more,
    }


def test_label_studio_json(tmp_path: Path) -> None:
    [entry] = read_json(
        tmp_path, [task(annotation(choice("法治")), document="甲.docx", headings="一、工作 / （一）普法")]
    )
    assert entry == Entry(
        place=f"{tmp_path / '导出.json'} 第 1 项（id 1）",
        text=LAW,
        themes=("法治",),
        document="甲.docx",
        headings=("一、工作", "（一）普法"),
        labeller="Label Studio 10",
        labelled_at="2021-03-09T22:16:08.728378Z",
    )


def test_label_studio_annotators_cancelled_and_skipped_tasks(tmp_path: Path) -> None:
    someone = {"id": 1, "email": "wang@example.com", "first_name": "芳", "last_name": "王"}
    content = [
        task(
            annotation(choice("法治"), completed_by=someone),
            annotation(choice("治理"), completed_by={"id": 2, "first_name": "明", "last_name": "李"}),
            annotation(choice("党建"), was_cancelled=True),
        ),
        task(annotation(choice("党建"), skipped=True)),
        task(),  # predictions are nobody's labels
        task(annotation()),
        {"id": 5, "data": {"text": LAW}, "completions": [annotation(choice("法治"))]},  # before version 1.0
        {"id": 6, "data": {"image": "a.jpg"}, "annotations": []},
        {"id": 7, "data": {"text": LAW}, "annotations": [12]},  # what the API gives without the tasks' annotations
    ]
    found = read_json(tmp_path, content)
    assert told(found) == [
        (LAW, ("法治",)),
        (LAW, ("治理",)),
        (LAW, ()),
        (LAW, ()),
        (LAW, ()),
        (LAW, ()),
        (LAW, ("法治",)),
        "data 里没有 text",
        "annotations 里只有编号；请按 JSON 导出，不要用 task export 的简略形式",
    ]
    assert [each.labeller for each in found if isinstance(each, Entry)][:2] == ["wang@example.com", "明 李"]


def test_label_studio_choices_have_no_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    several = task(annotation(choice("治理", "法治")))
    ours = task(annotation(choice("法治", "乡村振兴", name="also"), choice("治理", name="theme")))
    ours["data"]["text"] = ORDER
    Path("导出.json").write_text(json.dumps([several, ours]), encoding="utf-8")
    arguments = ["labels", "import", "导出.json", "--out", "标注.jsonl"]
    assert main(arguments) == 1
    assert [(label.text, label.theme, label.also) for label in read_labels(["标注.jsonl"])] == [
        (ORDER, "治理", ("法治", "乡村振兴"))
    ]
    assert main([*arguments, "--first-is-primary"]) == 0
    assert [(label.theme, label.also) for label in read_labels(["标注.jsonl"])][1] == ("治理", ("法治",))


def test_label_studio_groups_that_cannot_be_told_apart(tmp_path: Path) -> None:
    content = [
        task(annotation(choice("法治", name="甲"), choice("治理", name="乙"))),
        task(annotation(choice("法治", name="also"))),
        task(annotation({**choice(), "value": {"choices": [["法治", "普法"]]}})),
        task(annotation(choice("法治"), {"from_name": "stars", "type": "rating", "value": {"rating": 4}})),
    ]
    assert told(read_json(tmp_path, content)) == [
        "有几组选项（甲、乙），看不出哪一组是主题",
        "只选了次要主题，没有主要主题",
        "选项有几层，不是一组主题",
        (LAW, ("法治",)),
    ]


def test_label_studio_json_min(tmp_path: Path) -> None:
    # https://labelstud.io/guide/export, JSON_MIN: the data and the choices side by side; the third as the converter of
    # label-studio-sdk 2.1.2 made it of our own export
    about = {
        "annotator": 1,
        "annotation_id": 3,
        "created_at": "2024-01-01",
        "updated_at": "2024-01-02",
        "lead_time": 3.5,
    }
    content = [
        {"text": LAW, "id": 1, "sentiment": "法治", **about},
        {"text": LAW, "id": 2, "sentiment": {"choices": ["治理", "法治"]}, **about},
        {"text": LAW, "id": 3, "document": "甲.docx", "theme": "治理", "also": {"choices": ["法治"]}, **about},
        {"text": LAW, "id": 4, **about},
    ]
    found = [each for each in read_json(tmp_path, content) if isinstance(each, Entry)]
    assert [(each.themes, each.ordered, each.labeller) for each in found] == [
        (("法治",), True, "Label Studio 1"),
        (("治理", "法治"), False, "Label Studio 1"),
        (("治理", "法治"), True, "Label Studio 1"),
        ((), True, "Label Studio 1"),
    ]
    assert found[2].document == "甲.docx"


def test_documents_go_to_label_studio_with_predictions(
    tmp_path: Path, root: Path, tagger: Tagger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["labels", "export", str(root / "examples" / "街道工作要点.txt"), "--label-studio", "任务.json"]) == 0
    tasks = json.loads(Path("任务.json").read_text("utf-8"))
    # https://labelstud.io/guide/predictions: data, and predictions with model_version, score and result; the interface
    # and the predictions passed LabelInterface.validate and validate_prediction of label-studio-sdk 2.1.2
    assert all(set(task) == {"data", "predictions"} for task in tasks)
    [prediction] = tasks[0]["predictions"]
    [first, *_] = prediction["result"]
    assert (prediction["model_version"], 0 < prediction["score"] <= 1) == (tagger.model_id, True)
    assert (first["from_name"], first["to_name"], first["type"]) == ("theme", "text", "choices")
    assert first["value"]["choices"][0] in THEMES
    names = {result["from_name"] for task in tasks for each in task["predictions"] for result in each["result"]}
    assert all(f'name="{name}" toName="text"' in label_config(OUR_THEMES) for name in names)
    assert all("headings" in task["data"] for task in tasks)  # the interface shows them
    assert not any(each.themes for each in read("任务.json") if isinstance(each, Entry))
    assert main(["labels", "export", str(root / "examples" / "街道工作要点.txt"), "--doccano", "任务.jsonl"]) == 0
    assert not any(each.themes for each in read("任务.jsonl") if isinstance(each, Entry))


# ---- fastText ----


def test_fasttext(tmp_path: Path) -> None:
    # https://fasttext.cc/docs/en/supervised-tutorial.html: "__label__sauce __label__cheese How much does …"
    found = read_lines(
        tmp_path, f"__label__法治 __label__治理 {LAW}", f"__label__治理\t{ORDER}", "", FARM, "__label__治理"
    )
    assert told(found) == [
        (LAW, ("法治", "治理")),
        (ORDER, ("治理",)),
        (FARM, ()),
        ("", ("治理",)),
    ]


def test_fasttext_words_are_joined_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("甲.txt").write_text(f"工作报告\n\n{ORDER}\n", encoding="utf-8")
    Path("标注.txt").write_text("__label__治理 排查 矛盾 纠纷 一百二十 起 。\n", encoding="utf-8")
    assert main(["labels", "import", "标注.txt", "--out", "标注.jsonl", "--documents", "甲.txt"]) == 0
    [label] = read_labels(["标注.jsonl"])
    assert (label.text, label.document, label.title) == (ORDER, "甲.txt", "工作报告")


def test_fasttext_itself_reads_what_we_write(tmp_path: Path) -> None:
    program = pytest.importorskip("fasttext", reason="需要 fasttext，这里没有")
    entries = [Entry("", LAW, ("法治", "治理")), Entry("", ORDER, ("治理",))] * 5
    export(tmp_path / "标注.txt", "fasttext", entries, OUR_THEMES)
    model = program.train_supervised(str(tmp_path / "标注.txt"), epoch=1, dim=2, bucket=10, thread=1, verbose=0)
    assert sorted(model.get_labels()) == ["__label__治理", "__label__法治"]


# ---- tables ----


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("separator", [",", "\t", ";", "|"])
def test_csv_in_any_encoding_with_any_separator(tmp_path: Path, encoding: str, separator: str) -> None:
    header = ["document", "text", "theme", "also", "headings"]
    rows = [header, ["甲.docx", f'"{LAW}{separator} ""引"""', "法治", "治理、作风", "一、工作 / （一）普法"]]
    found = read_lines(tmp_path, *map(separator.join, rows), encoding=encoding)
    assert told(found) == [(f'{LAW}{separator} "引"', ("法治", "治理", "作风"))]
    [entry] = found
    assert isinstance(entry, Entry)
    assert (entry.document, entry.headings) == ("甲.docx", ("一、工作", "（一）普法"))


def test_csv_rows_that_are_broken_are_listed(tmp_path: Path) -> None:
    found = read_lines(
        tmp_path, "text,theme", f"{LAW},法治", "排查,矛盾,治理", "纠纷", "", '"两\n行",治理', f"{FARM},乡村振兴"
    )
    assert told(found) == [
        (LAW, ("法治",)),
        "有 3 格，列名有 2 个；正文里有分隔符的要用引号括起",
        "有 1 格，列名有 2 个；正文里有分隔符的要用引号括起",
        ("两\n行", ("治理",)),
        (FARM, ("乡村振兴",)),
    ]
    assert [each.place.rsplit(" ", 2)[1] for each in found] == ["2", "3", "4", "6", "8"]
    with pytest.raises(InputError, match="引号不成对"):
        read_lines(tmp_path, "text,theme", f'"{LAW},法治')


def test_csv_of_tag_holds_proposals_not_labels(tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["tag", str(root / "examples" / "街道工作要点.txt"), "--out", "结果"]) == 0
    assert main(["labels", "import", "结果/paragraphs.csv", "--out", "标注.jsonl"]) == 0
    assert not Path("标注.jsonl").exists()


# ---- there and back ----

BLANKS_APART = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=30).filter(str.strip)
ENTRIES = st.builds(
    Entry,
    place=st.just(""),
    text=st.one_of(
        BLANKS_APART, st.sampled_from(["=1+1", "'=1", "<r>甲</r>", "-甲", "_x0041_", '"甲",', "__label__甲"])
    ),
    themes=st.lists(st.sampled_from(THEMES[:-1]), min_size=1, max_size=3, unique=True).map(tuple),
    document=st.sampled_from(["", "甲.docx", "=乙.docx", "材料/丙 丁.pdf"]),
    title=st.sampled_from(["", "报告"]),
    headings=st.sampled_from([(), ("一、工作",), ("一、工作", "（一）普法")]),
    labeller=st.sampled_from(["", "王芳"]),
    unsure=st.booleans(),
    comment=st.sampled_from(["", "看不清"]),
)


@pytest.mark.parametrize("file_format", FORMATS)
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(entries=st.lists(ENTRIES, min_size=1, max_size=4))
def test_labels_survive_write_and_read(tmp_path: Path, file_format: Format, entries: list[Entry]) -> None:
    if file_format == "fasttext":
        entries = [each for each in entries if not each.text.startswith("__label__")] or [Entry("", LAW, ("法治",))]
    path = tmp_path / "写出"
    path.unlink(missing_ok=True)
    export(path, file_format, entries, OUR_THEMES)
    assert format_of(path) == file_format
    back = list(read(path))
    assert len(back) == len(entries)
    for one, other in zip(entries, back, strict=True):
        assert isinstance(other, Entry)
        text = " ".join(one.text.split()) if file_format == "fasttext" else one.text
        assert (other.text, other.themes, other.ordered) == (text, one.themes, True)
        if file_format != "fasttext":
            assert (other.document, other.title, other.headings) == (one.document, one.title, one.headings)
        if file_format in {"csv", "xlsx"}:
            assert (other.labeller, other.unsure, other.comment) == (one.labeller, one.unsure, one.comment)


@pytest.mark.parametrize("file_format", FORMATS)
def test_a_label_file_that_went_out_adds_nothing_when_it_comes_back(
    tmp_path: Path, file_format: Format, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for text, theme, also in ((LAW, "法治", ["治理", "党建"]), (ORDER, "治理", []), (FARM, "乡村振兴", [])):
        append("标注.jsonl", {"text": text, "theme": theme, "also": also, "document": "甲.docx", "labeller": "甲"})
    append("标注.jsonl", {"text": FARM, "theme": "乡村振兴", "document": "甲.docx", "labeller": "乙"})  # agrees
    append("标注.jsonl", {"text": ORDER, "theme": "治理", "also": [], "document": "乙.docx", "labeller": "甲"})
    before = Path("标注.jsonl").read_bytes()
    assert main(["labels", "export", "标注.jsonl", f"--{file_format}", "写出"]) == 0
    assert main(["labels", "import", "写出", "--out", "标注.jsonl"]) == 0
    assert Path("标注.jsonl").read_bytes() == before
    assert main(["labels", "import", "写出", "--out", "新.jsonl"]) == 0
    count = 3 if file_format == "fasttext" else 4  # which knows of no documents
    assert len(read_labels(["新.jsonl"])) == count


def test_disputed_labels_and_labels_without_text_are_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    append("标注.jsonl", {"text": LAW, "theme": "法治", "labeller": "甲"})
    append("标注.jsonl", {"text": LAW, "theme": "治理", "labeller": "乙"})
    append("标注.jsonl", {"counts": {"普法": 1}, "theme": "法治"})
    append("标注.jsonl", {"text": FARM, "theme": "乡村振兴"})
    assert main(["labels", "export", "标注.jsonl", "--csv", "标注.csv"]) == 1
    listed = capsys.readouterr().err
    assert "与 标注.jsonl:2 是同一段文字，那里是治理，这里是法治" in listed
    assert "标注.jsonl:3：没有正文" in listed
    assert told(list(read("标注.csv"))) == [(FARM, ("乡村振兴",))]


# ---- what is damaged or foreign ----


@pytest.mark.parametrize(
    "content", ["{", "[1]", "[", '{"text": 1}\n[]', "", "甲乙", "text\n甲", "\0\1", "[" * 100_000, '{"a":' * 100_000]
)
def test_foreign_files_are_refused_or_listed(tmp_path: Path, content: str) -> None:
    path = tmp_path / "来历不明"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError):
        list(read(path))


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_mutated_files_give_entries_problems_or_an_error(tmp_path: Path, data: st.DataObject) -> None:
    file_format = data.draw(st.sampled_from(FORMATS))
    path = tmp_path / f"{file_format}.原件"
    if not path.exists():
        export(path, file_format, [Entry("", LAW, ("法治", "治理"), document="甲.docx")] * 3, OUR_THEMES)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    mutated = tmp_path / "改坏"
    mutated.write_bytes(content[: data.draw(st.integers(1, len(content)))])
    try:
        found = list(read(mutated, data.draw(st.sampled_from(["auto", file_format]))))
    except InputError:
        return
    assert all(isinstance(each, Entry | Problem) for each in found)


def test_an_old_workbook_and_a_sheet_of_formulas(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    page = book.active
    page.append(["正文", "主题"])
    page.append([LAW, "=1+1"])
    book.save(tmp_path / "公式.xlsx")
    assert told(list(read(tmp_path / "公式.xlsx"))) == [(LAW, ())]  # never calculated: the cell is empty
    (tmp_path / "旧.xls").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
    with pytest.raises(FormatError, match="旧版"):
        format_of(tmp_path / "旧.xls")
