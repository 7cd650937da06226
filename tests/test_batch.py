"""Many files: what is written, what is reported, and that nothing half-written stands in the place of results."""

from __future__ import annotations

import csv
import errno
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import IO

import pytest

from tagger import Tagger
from tagger.batch import EXTRAS, Input, Options, Plan, Progress, engine, inputs_at, planned, run
from tagger.batch.inputs import named
from tagger.batch.lock import alone_in
from tagger.batch.outputs import check_places
from tagger.errors import ArtifactError, InputError, OutputError, UsageError
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


def ignore(_: Progress) -> None:
    pass


def plan(inputs: list[Input], out: Path, tagger: Tagger, **options: object) -> Plan:
    return planned(inputs, out, tagger, Options(**options))  # type: ignore[arg-type]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def records(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_files_are_tagged_and_failures_reported(folder: Path, tmp_path: Path, tagger: Tagger) -> None:
    out = tmp_path / "结果"
    done = run(plan(inputs_at([folder]), out, tagger), on_progress=ignore)
    assert (done.counts.files, done.counts.paragraphs) == (3, 4)
    assert done.counts.themes == {"党建": 2, "法治": 2}
    assert [Path(failure.place).name for failure in done.failures] == ["坏.docx"]
    assert names(out) == ["paragraphs.csv", "paragraphs.jsonl", "run.json"]

    rows = records(out / "paragraphs.jsonl")
    assert list(rows[0]) == list(Row.__slots__)
    assert {row["file"] for row in rows} == {str(folder / "甲.txt"), str(folder / "下级" / "乙.txt")}
    body = [row for row in rows if row["role"] == "body"]
    assert (body[0]["paragraph"], body[0]["theme"], body[0]["headings"]) == (1, "党建", ["一、党建"])
    assert body[0]["reasons"]
    assert {row["theme"] for row in rows if row["role"] != "body"} == {None}

    content = (out / "paragraphs.csv").read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")
    cells = list(csv.DictReader(content.decode("utf-8-sig").splitlines()))
    assert [row["theme"] for row in cells if row["role"] == "body"] == ["党建", "法治", "党建", "法治"]


def test_the_log_says_what_was_done_and_holds_no_text(folder: Path, tmp_path: Path, tagger: Tagger) -> None:
    run(plan(inputs_at([folder]), tmp_path / "out", tagger), on_progress=ignore)
    content = (tmp_path / "out" / "run.json").read_text("utf-8")
    log = json.loads(content)
    assert log["model_id"] == tagger.model_id
    assert (log["files"], log["paragraphs"], log["themes"]) == (3, 4, {"党建": 2, "法治": 2})
    assert log["started"] <= log["finished"]
    assert [Path(failure["place"]).name for failure in log["failures"]] == ["坏.docx"]
    assert "普法" not in content


def test_reports_and_annotated_copies_come_on_request(root: Path, tmp_path: Path, tagger: Tagger) -> None:
    pytest.importorskip("pyarrow")
    run(plan(inputs_at([root / "examples"]), tmp_path, tagger, extras=EXTRAS), on_progress=ignore)
    assert names(tmp_path) == [
        "index.html",
        "paragraphs.csv",
        "paragraphs.jsonl",
        "paragraphs.parquet",
        "paragraphs.xlsx",
        "report.html",
        "run.json",
        "乡镇述职报告.标注.docx",
        "县实施方案.标注.docx",
    ]
    for page in ("report.html", "index.html"):
        assert "乡镇述职报告" in (tmp_path / page).read_text("utf-8")


def test_copies_of_files_of_one_name_get_numbers(root: Path, tmp_path: Path, tagger: Tagger) -> None:
    for folder in ("甲", "乙"):
        (tmp_path / folder).mkdir()
        shutil.copy(root / "examples" / "县实施方案.docx", tmp_path / folder / "报告.docx")
    inputs = inputs_at([tmp_path / "甲", tmp_path / "乙"])
    run(plan(inputs, tmp_path / "out", tagger, extras=["annotate"]), on_progress=ignore)
    assert {"报告.标注.docx", "报告.2.标注.docx"} <= set(names(tmp_path / "out"))


def test_copies_of_files_whose_names_differ_in_case_get_numbers(tmp_path: Path) -> None:
    found = named([Input(str(tmp_path / name), 1, 1) for name in ("A.docx", "a.docx", "a.txt")])
    assert [each.output for each in found] == ["A.标注.docx", "a.2.标注.docx", ""]


def test_names_that_are_almost_too_long_are_shortened(root: Path, tmp_path: Path, tagger: Tagger) -> None:
    stem = "长" * 80 + "x"
    shutil.copy(root / "examples" / "县实施方案.docx", tmp_path / f"{stem}.docx")
    (tmp_path / f"{stem}a.csv").write_text("正文\n发展党员三名。\n", encoding="utf-8")
    (tmp_path / f"{stem}b.csv").write_text("正文\n发展党员三名。\n", encoding="utf-8")
    inputs = inputs_at([tmp_path / f"{stem}.docx", *sorted(tmp_path.glob("*.csv"))])
    done = run(plan(inputs, tmp_path / "out", tagger, extras=["annotate"]), on_progress=ignore)
    short = "长" * 66
    assert done.failures == []
    assert {f"{short}.标注.docx", f"{short}.标注.csv", f"{short}.2.标注.csv"} <= set(names(tmp_path / "out"))


@pytest.mark.parametrize("name", ["paragraphs.csv", "paragraphs.jsonl", "report.html", "run.json", "表.标注.parquet"])
def test_a_folder_that_stands_in_the_way_is_left_alone(folder: Path, tmp_path: Path, tagger: Tagger, name: str) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pytest.importorskip("pyarrow").table({"正文": ["发展党员三名。"]}), tmp_path / "表.parquet")
    kept = tmp_path / "out" / name / "我的.txt"
    kept.parent.mkdir(parents=True)
    kept.write_text("x", encoding="utf-8")
    made = plan(inputs_at([folder, tmp_path / "表.parquet"]), tmp_path / "out", tagger, extras=["report"])
    with pytest.raises(OutputError, match=f"{name}：已有同名的文件夹"):
        run(made, on_progress=lambda _: pytest.fail("the work began"))
    assert kept.exists()
    with pytest.raises(OutputError, match="已有同名的文件夹"):
        check_places(tmp_path / "out", [name])


def test_old_outputs_of_either_kind_are_replaced(tmp_path: Path, tagger: Tagger) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pytest.importorskip("pyarrow").table({"正文": ["发展党员三名。"]}), tmp_path / "表.parquet")
    place = tmp_path / "out" / "表.标注.parquet"
    place.parent.mkdir()
    place.write_bytes(b"an old file")
    for _ in range(2):
        run(plan(inputs_at([tmp_path / "表.parquet"]), tmp_path / "out", tagger), on_progress=ignore)
        assert names(place) == ["part-00000.parquet"]


def test_several_jobs_give_the_same_files(folder: Path, tmp_path: Path, tagger: Tagger) -> None:
    for number in range(40):
        (folder / f"{number}.txt").write_text(f"第{number}号总结\n{REPORT}", encoding="utf-8")
    for jobs in (1, 2):
        run(plan(inputs_at([folder]), tmp_path / str(jobs), tagger), engine=engine(jobs), on_progress=ignore)
    for name in ("paragraphs.csv", "paragraphs.jsonl"):
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes()


def test_a_run_does_not_read_its_own_outputs(root: Path, tmp_path: Path, tagger: Tagger) -> None:
    shutil.copy(root / "examples" / "县实施方案.docx", tmp_path)
    for _ in range(2):
        inputs = inputs_at([tmp_path], out=tmp_path)
        assert [Path(each.path).name for each in inputs] == ["县实施方案.docx"]
        run(plan(inputs, tmp_path, tagger, extras=["report", "annotate"]), on_progress=ignore)


def test_chosen_rows_and_columns(folder: Path, tmp_path: Path, tagger: Tagger) -> None:
    wanted = {"select": "theme=法治", "columns": "theme,text"}
    done = run(plan(inputs_at([folder]), tmp_path / "out", tagger, extras=["report"], **wanted), on_progress=ignore)
    assert (done.counts.paragraphs, done.counts.written) == (4, 2)
    row = {"theme": "法治", "text": "普法小分队进村宣讲十二次。"}
    assert records(tmp_path / "out" / "paragraphs.jsonl") == [row, row]
    lines = (tmp_path / "out" / "paragraphs.csv").read_text("utf-8-sig").splitlines()
    assert lines == ["theme,text", *["法治,普法小分队进村宣讲十二次。"] * 2]
    assert "普法" in (tmp_path / "out" / "report.html").read_text("utf-8")
    assert names(tmp_path / "out") == ["paragraphs.csv", "paragraphs.jsonl", "report.html", "run.json"]


def test_chosen_columns_of_parquet(folder: Path, tmp_path: Path, tagger: Tagger) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    wanted = {"select": "theme=法治", "columns": "theme,text"}
    run(plan(inputs_at([folder]), tmp_path / "out", tagger, extras=["parquet"], **wanted), on_progress=ignore)
    found = parquet.read_table(tmp_path / "out" / "paragraphs.parquet").to_pylist()
    assert found == records(tmp_path / "out" / "paragraphs.jsonl")
    assert list(found[0]) == ["theme", "text"]


def test_cells_that_a_spreadsheet_would_run_are_made_harmless(tmp_path: Path, tagger: Tagger) -> None:
    path = tmp_path / "a.txt"
    path.write_text("标题\n=1+1，这是一个公式，不应被执行。", encoding="utf-8")
    run(plan(inputs_at([path]), tmp_path / "out", tagger), on_progress=ignore)
    assert "'=1+1" in (tmp_path / "out" / "paragraphs.csv").read_text("utf-8-sig")
    assert records(tmp_path / "out" / "paragraphs.jsonl")[-1]["text"] == "=1+1，这是一个公式，不应被执行。"


def test_a_bug_in_one_file_does_not_stop_the_others(
    folder: Path, tmp_path: Path, tagger: Tagger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tagger.reading.docx.read_docx", lambda name, content: 1 / 0)
    done = run(plan(inputs_at([folder]), tmp_path / "out", tagger), on_progress=ignore)
    assert "ZeroDivisionError" in done.failures[0].reason
    assert done.counts.paragraphs == 4


def test_files_that_vanish_or_change_meanwhile_are_reported(
    folder: Path, tmp_path: Path, tagger: Tagger, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = inputs_at([folder / "甲.txt", folder / "下级" / "乙.txt"])
    (folder / "甲.txt").unlink()

    def growing(path: str) -> object:
        yield from read_all(path)
        with Path(path).open("ab") as file:
            file.write(b"\n")

    from tagger.batch.working import read_all

    monkeypatch.setattr("tagger.batch.working.read_all", growing)
    (folder / "甲.txt").write_text(REPORT, encoding="utf-8")
    done = run(plan(inputs, tmp_path / "out", tagger), on_progress=ignore)
    assert ["被改动了" in failure.reason for failure in done.failures] == [True, True]
    monkeypatch.undo()
    (folder / "甲.txt").unlink()
    done = run(plan(inputs, tmp_path / "out", tagger), on_progress=ignore)
    assert ["没有这个文件" in failure.reason for failure in done.failures] == [True]
    assert done.counts.paragraphs == 2


def test_a_process_that_dies_costs_only_its_shard(
    folder: Path, tmp_path: Path, tagger: Tagger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tagger.batch.shards.MAX_FILES", 1)
    deadly = plan(inputs_at([folder]), tmp_path / "out", tagger)
    done = run(deadly, engine=lambda work, shards: engine(2)(Deadly(work), shards), on_progress=ignore)
    assert [Path(failure.place).name for failure in done.failures] == ["坏.docx", "甲.txt"]
    assert "进程意外终止" in done.failures[1].reason
    assert done.counts.paragraphs == 2


@pytest.mark.parametrize("columns", ["", "theme,text"])
def test_the_first_document_may_be_lost(tmp_path: Path, tagger: Tagger, columns: str) -> None:
    path = tmp_path / "甲.txt"
    path.write_text(REPORT, encoding="utf-8")
    deadly = plan(inputs_at([path]), tmp_path / "out", tagger, extras=["report"], columns=columns)
    done = run(deadly, engine=lambda work, shards: engine(2)(Deadly(work), shards), on_progress=ignore)
    assert ["进程意外终止" in failure.reason for failure in done.failures] == [True]
    assert names(tmp_path / "out") == ["paragraphs.csv", "paragraphs.jsonl", "report.html", "run.json"]
    header = columns or ",".join(Row.__slots__)
    assert (tmp_path / "out" / "paragraphs.csv").read_bytes() == f"\ufeff{header}\r\n".encode()
    assert (tmp_path / "out" / "paragraphs.jsonl").read_bytes() == b""


class Deadly:
    """Kills the process that works a certain file."""

    def __init__(self, work: Callable[..., object]) -> None:
        self.work = work

    def __call__(self, shard: object) -> object:
        if "甲.txt" in str(shard):
            import os

            os.abort()
        return self.work(shard)


def test_paths_that_do_not_serve(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(InputError, match="没有这个文件或文件夹"):
        inputs_at([tmp_path / "无"])
    (tmp_path / "空").mkdir()
    with pytest.raises(InputError, match="里面没有文档"):
        inputs_at([tmp_path / "空"])
    with pytest.raises(InputError, match="里面没有表格"):
        inputs_at([folder], in_tables=True)
    assert inputs_at([folder, folder / "甲.txt"]) == inputs_at([folder])


def test_a_file_is_found_once_by_whatever_path(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = inputs_at([folder])
    assert inputs_at([folder, folder / "下级" / "..", folder / "下级" / ".." / "甲.txt"]) == found
    (tmp_path / "别处").symlink_to(folder)
    assert inputs_at([folder, tmp_path / "别处"]) == found
    (folder / "report.html").write_text("一", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert inputs_at([folder], out=f"{folder.name}/下级/..") == found


def test_a_folder_without_rights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(top: Path, onerror: Callable[[OSError], None]) -> list[object]:
        onerror(PermissionError(13, "Permission denied", str(top)))
        return []

    monkeypatch.setattr("os.walk", denied)
    with pytest.raises(InputError, match="打不开这个文件夹"):
        inputs_at([tmp_path])


def test_symbolic_link_loops_end(folder: Path) -> None:
    (folder / "下级" / "环").symlink_to(folder)
    assert len(inputs_at([folder])) == 3


def test_an_output_folder_that_cannot_be_written(folder: Path, tmp_path: Path, tagger: Tagger) -> None:
    (tmp_path / "文件").write_text("x", encoding="utf-8")
    with pytest.raises(OutputError, match="写不进去"):
        run(plan(inputs_at([folder]), tmp_path / "文件" / "out", tagger), on_progress=ignore)


def test_only_one_run_writes_into_a_folder(folder: Path, tmp_path: Path, tagger: Tagger) -> None:
    made = plan(inputs_at([folder]), tmp_path / "out", tagger)
    before: list[Path] = []

    def begin_another(progress: Progress) -> None:
        if progress.is_worked:
            before.extend((tmp_path / "out").rglob("*"))
            with pytest.raises(OutputError, match="另一次运行正在往这个文件夹里写"):
                run(made, on_progress=ignore)
            assert list((tmp_path / "out").rglob("*")) == before

    run(made, on_progress=begin_another)
    assert before
    run(made, on_progress=ignore)
    assert names(tmp_path / "out") == ["paragraphs.csv", "paragraphs.jsonl", "run.json"]


def test_a_disk_without_locks_serves_too(
    folder: Path, tmp_path: Path, tagger: Tagger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("tagger.batch.lock._lock", refuse)
    run(plan(inputs_at([folder]), tmp_path / "out", tagger), on_progress=ignore)
    assert names(tmp_path / "out") == ["paragraphs.csv", "paragraphs.jsonl", "run.json"]


def test_a_lock_that_was_just_removed_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    removed: list[Path] = []

    def lock_and_lose(file: IO[bytes]) -> None:
        if not removed:
            removed.append(Path(file.name))
            removed[0].unlink()

    monkeypatch.setattr("tagger.batch.lock._lock", lock_and_lose)
    with alone_in(tmp_path):
        assert removed[0].exists()
    assert names(tmp_path) == []


def test_an_output_folder_that_is_removed_meanwhile(folder: Path, tmp_path: Path, tagger: Tagger) -> None:
    with pytest.raises(OutputError, match="写不进去"):
        run(
            plan(inputs_at([folder]), tmp_path / "out", tagger),
            on_progress=lambda progress: shutil.rmtree(tmp_path / "out", ignore_errors=True),
        )


def test_reports_are_of_documents(tmp_path: Path, tagger: Tagger) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "字"}\n', encoding="utf-8")
    with pytest.raises(UsageError, match="只有表格"):
        plan(inputs_at([tmp_path / "a.jsonl"]), tmp_path, tagger, extras=["report"])


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_model_that_changes_after_the_plan_is_noticed(folder: Path, tmp_path: Path, root: Path, jobs: int) -> None:
    model = Path(shutil.copytree(root / "models" / "default", tmp_path / "model"))
    made = plan(inputs_at([folder]), tmp_path / "out", Tagger.load(model))
    shutil.rmtree(model)
    with pytest.raises(ArtifactError):
        run(made, engine=engine(jobs), on_progress=ignore)
