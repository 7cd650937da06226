"""Many files: what is written, what is reported, and that nothing half-written is left."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tagger.batch import FileResult, gather, tag_files
from tagger.errors import ArtifactError, InputError, OutputError
from tagger.writing.rows import Row

REPORT = "某乡年度总结\n一、党建\n支部换届全部完成，发展党员三名。\n二、法治\n普法小分队进村宣讲十二次。\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "材料"
    (folder / "下级").mkdir(parents=True)
    (folder / "甲.txt").write_bytes(REPORT.encode("gb18030"))
    (folder / "下级" / "乙.txt").write_text("=坏公式\n" + REPORT, encoding="utf-8")
    (folder / "坏.docx").write_bytes(b"PK\x03\x04 broken")
    (folder / "~$甲.docx").write_bytes(b"lock")
    (folder / "照片.jpg").write_bytes(b"\xff\xd8")
    return folder


def ignore(_: FileResult) -> None:
    pass


def test_files_are_tagged_and_failures_reported(folder: Path, tmp_path: Path) -> None:
    seen: list[str] = []
    summary = tag_files(gather([folder]), tmp_path / "结果", on_result=lambda result: seen.append(result.path.name))
    assert seen == ["坏.docx", "甲.txt", "乙.txt"]
    assert (summary.files, summary.paragraphs) == (3, 4)
    assert summary.themes == {"党建": 2, "法治": 2}
    assert ["坏.docx" in failure.failure for failure in summary.failures] == [True]
    assert sorted(path.name for path in (tmp_path / "结果").iterdir()) == ["paragraphs.csv", "paragraphs.jsonl"]

    lines = (tmp_path / "结果" / "paragraphs.jsonl").read_text("utf-8").splitlines()
    first = json.loads(lines[0])
    assert list(first) == list(Row.__slots__)
    assert first["file"] == str(folder / "甲.txt")
    assert (first["paragraph"], first["theme"], first["headings"]) == (1, "党建", ["一、党建"])
    assert first["reasons"]

    content = (tmp_path / "结果" / "paragraphs.csv").read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(content.decode("utf-8-sig").splitlines()))
    assert [row["theme"] for row in rows] == ["党建", "法治", "党建", "法治"]
    assert rows[0]["headings"] == "一、党建"


def test_a_report_and_annotated_copies_come_on_request(root: Path, tmp_path: Path) -> None:
    paths = gather([root / "examples"])
    tag_files(paths, tmp_path, extras=["report", "xlsx", "annotate"], on_result=ignore)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [
        "paragraphs.csv",
        "paragraphs.jsonl",
        "paragraphs.xlsx",
        "report.html",
        "乡镇述职报告.标注.docx",
        "县实施方案.标注.docx",
    ]
    again = tmp_path / "同名"
    for folder in ("甲", "乙"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "报告.docx").write_bytes(paths[0].read_bytes())
    tag_files(gather([tmp_path / "甲", tmp_path / "乙"]), again, extras=["annotate"], on_result=ignore)
    assert {"报告.标注.docx", "报告.2.标注.docx"} <= {path.name for path in again.iterdir()}
    assert "乡镇述职报告" in (tmp_path / "report.html").read_text("utf-8")


def test_several_jobs_give_the_same_files(folder: Path, tmp_path: Path) -> None:
    for jobs in (1, 2):
        tag_files(gather([folder]), tmp_path / str(jobs), jobs=jobs, on_result=ignore)
    for name in ("paragraphs.csv", "paragraphs.jsonl"):
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes()


def test_cells_that_a_spreadsheet_would_run_are_made_harmless(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("标题\n=1+1，这是一个公式，不应被执行。", encoding="utf-8")
    tag_files([path], tmp_path / "out", on_result=ignore)
    assert "'=1+1" in (tmp_path / "out" / "paragraphs.csv").read_text("utf-8-sig")
    assert json.loads((tmp_path / "out" / "paragraphs.jsonl").read_text("utf-8"))["text"].startswith("=1+1")


def test_an_interruption_leaves_the_old_results(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    tag_files(gather([folder]), out, on_result=ignore)
    before = {path.name: path.read_bytes() for path in out.iterdir()}

    def interrupt(_: FileResult) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tag_files(gather([folder]), out, on_result=interrupt)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_a_bug_in_one_file_does_not_stop_the_others(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tagger.reading.docx.read_docx", lambda name, content: 1 / 0)
    summary = tag_files(gather([folder]), tmp_path / "out", on_result=ignore)
    assert "ZeroDivisionError" in summary.failures[0].failure
    assert summary.paragraphs == 4


def test_paths_that_do_not_serve(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(InputError, match="没有这个文件或文件夹"):
        gather([tmp_path / "无"])
    (tmp_path / "空").mkdir()
    with pytest.raises(InputError, match="里面没有文档"):
        gather([tmp_path / "空"])
    assert gather([folder, folder / "甲.txt"]) == gather([folder])


def test_a_folder_without_rights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(top: Path, onerror: Callable[[OSError], None]) -> list[object]:
        onerror(PermissionError(13, "Permission denied", str(top)))
        return []

    monkeypatch.setattr("os.walk", denied)
    with pytest.raises(InputError, match="打不开这个文件夹"):
        gather([tmp_path])


def test_symbolic_link_loops_end(folder: Path) -> None:
    (folder / "下级" / "环").symlink_to(folder)
    assert len(gather([folder])) == 3


def test_an_output_folder_that_cannot_be_written(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "文件").write_text("x", encoding="utf-8")
    with pytest.raises(OutputError, match="写不进去"):
        tag_files(gather([folder]), tmp_path / "文件" / "out", on_result=ignore)


def test_a_bad_model_is_reported_first(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError):
        tag_files(gather([folder]), tmp_path / "out", model=tmp_path, on_result=ignore)
    assert not (tmp_path / "out").exists()
