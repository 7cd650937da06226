"""A run that is interrupted, at whatever moment, goes on and writes the same bytes as an unbroken one."""

from __future__ import annotations

import contextlib
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tagger import Tagger
from tagger.batch import Options, Plan, Progress, inputs_at, planned, run, unfinished
from tagger.cli import main
from tagger.errors import OutputError, UsageError

KILLS = int(os.environ.get("TAGGER_KILLS", "2"))  # of each run; 30 take some minutes
SENTENCES = ("支部换届全部完成，发展党员三名。", "普法小分队进村宣讲十二次。", "整治形式主义，减少会议和发文。")


class StopError(Exception):
    """Stands for whatever interrupts a run."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Some documents, one of them broken, and a table."""
    folder = tmp_path / "材料"
    folder.mkdir()
    for number in range(12):
        text = f"第{number}号总结\n一、工作\n{SENTENCES[number % 3]}\n"
        (folder / f"{number:02}.txt").write_text(text, encoding="utf-8")
    (folder / "坏.docx").write_bytes(b"PK\x03\x04 broken")
    lines = (json.dumps({"编号": number, "正文": SENTENCES[number % 3]}, ensure_ascii=False) for number in range(3000))
    (folder / "表.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return folder


@pytest.fixture(autouse=True)
def _small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tagger.batch.shards.MAX_FILES", 3)
    monkeypatch.setattr("tagger.tables.lines.PIECE_BYTES", 2**16)


@pytest.fixture
def make_plan(folder: Path, tagger: Tagger) -> Callable[..., Plan]:
    def make(out: Path, **options: object) -> Plan:
        inputs = inputs_at([folder, folder / "表.jsonl"])
        return planned(inputs, out, tagger, Options(**options))  # type: ignore[arg-type]

    return make


def ignore(_: Progress) -> None:
    pass


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != "run.json")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def stopping_after(shards: int) -> Callable[[Progress], None]:
    def stop(progress: Progress) -> None:
        if progress.shards >= shards:
            raise StopError

    return stop


def stop_after(shards: int, plan: Plan) -> None:
    with pytest.raises(StopError):
        run(plan, resume=True, on_progress=stopping_after(shards))


def test_a_run_goes_on_after_every_shard(make_plan: Callable[..., Plan], tmp_path: Path) -> None:
    whole = run(make_plan(tmp_path / "整"), on_progress=ignore)
    assert whole.shards >= 8
    plan = make_plan(tmp_path / "断")
    for shards in range(1, whole.shards + 1):
        stop_after(shards, plan)
        for part in (tmp_path / "断").glob(".*.part"):  # what a kill leaves behind the last line of the journal
            part.write_bytes(part.read_bytes() + b"half a row")
        with (tmp_path / "断" / ".run" / "journal.jsonl").open("ab") as journal:
            journal.write(b'{"shard": 99, "en')
    done = run(plan, resume=True, on_progress=ignore)
    assert contents(tmp_path / "断") == contents(tmp_path / "整")
    assert (done.counts, done.failures) == (whole.counts, whole.failures)
    logs = [json.loads((tmp_path / name / "run.json").read_text("utf-8")) for name in ("整", "断")]
    assert logs[0] | {"started": "", "finished": ""} == logs[1] | {"started": "", "finished": ""}


def test_old_results_stay_until_all_is_worked(make_plan: Callable[..., Plan], folder: Path, tmp_path: Path) -> None:
    run(make_plan(tmp_path / "out"), on_progress=ignore)
    before = contents(tmp_path / "out")
    (folder / "00.txt").write_text("新的总结\n" + SENTENCES[1], encoding="utf-8")
    stop_after(3, make_plan(tmp_path / "out"))
    assert before.items() <= contents(tmp_path / "out").items()
    run(make_plan(tmp_path / "out"), on_progress=ignore)  # without resume: from the start
    assert contents(tmp_path / "out").keys() == before.keys()
    assert contents(tmp_path / "out")["paragraphs.csv"] != before["paragraphs.csv"]


@pytest.mark.parametrize(
    "place",
    [
        "tagger.batch.outputs.Outputs.put_in_place",
        "tagger.batch.running.write_reports",
        "tagger.batch.running._write_log",
    ],
)
def test_a_run_goes_on_when_all_is_worked(
    make_plan: Callable[..., Plan], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    run(make_plan(tmp_path / "整", extras=["report"]), on_progress=ignore)
    plan = make_plan(tmp_path / "断", extras=["report"])

    def stop(*_: object) -> None:
        raise StopError

    with monkeypatch.context() as patch:
        patch.setattr(place, stop)
        with pytest.raises(StopError):
            run(plan, on_progress=ignore)
    run(plan, resume=True, on_progress=ignore)
    assert contents(tmp_path / "断") == contents(tmp_path / "整")


def test_a_run_that_was_merely_copied_goes_on(make_plan: Callable[..., Plan], folder: Path, tmp_path: Path) -> None:
    plan = make_plan(tmp_path / "out")
    stop_after(4, plan)
    for path in folder.glob("*.txt"):
        os.utime(path)
    run(make_plan(tmp_path / "out"), resume=True, on_progress=ignore)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda folder: (folder / "00.txt").write_text("换了内容", encoding="utf-8"), "00.txt 被改动过"),
        (lambda folder: (folder / "11.txt").write_text("换了内容", encoding="utf-8"), "11.txt 被改动过"),
        (lambda folder: (folder / "00.txt").unlink(), "少了文件 .*00.txt"),
        (lambda folder: (folder / "新.txt").write_text("字", encoding="utf-8"), "多了文件 .*新.txt"),
        (lambda folder: os.utime(folder / "表.jsonl"), "表.jsonl 被改动过"),
    ],
)
def test_changed_inputs_are_noticed(
    make_plan: Callable[..., Plan],
    folder: Path,
    tmp_path: Path,
    change: Callable[[Path], object],
    message: str,
) -> None:
    stop_after(2, make_plan(tmp_path / "out"))
    change(folder)
    with pytest.raises(UsageError, match=f"{message}.*去掉 --resume"):
        run(make_plan(tmp_path / "out"), resume=True, on_progress=ignore)


def test_a_changed_file_of_the_same_size_and_a_new_time_is_noticed(
    make_plan: Callable[..., Plan], folder: Path, tmp_path: Path
) -> None:
    stop_after(2, make_plan(tmp_path / "out"))
    content = (folder / "00.txt").read_text("utf-8")
    (folder / "00.txt").write_text(content.replace("三名", "五名"), encoding="utf-8")
    with pytest.raises(UsageError, match="00.txt 被改动过"):
        run(make_plan(tmp_path / "out"), resume=True, on_progress=ignore)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"items": True}, "--items"),
        ({"select": "theme=法治"}, "--select"),
        ({"columns": "theme"}, "--select 或 --columns"),
        ({"extras": ["annotate"]}, "--annotate"),
    ],
)
def test_changed_options_are_noticed(
    make_plan: Callable[..., Plan], tmp_path: Path, options: dict[str, object], message: str
) -> None:
    stop_after(2, make_plan(tmp_path / "out"))
    with pytest.raises(UsageError, match=message):
        run(make_plan(tmp_path / "out", **options), resume=True, on_progress=ignore)


def test_a_changed_model_or_program_is_noticed(
    make_plan: Callable[..., Plan], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = make_plan(tmp_path / "out")
    stop_after(2, plan)
    monkeypatch.setattr("tagger.batch.plan.__version__", "9.9")
    with pytest.raises(UsageError, match="软件版本"):
        run(plan, resume=True, on_progress=ignore)
    monkeypatch.undo()
    other = Plan(
        plan.inputs, plan.out, type(plan.recipe)(plan.recipe.model, "别的", plan.recipe.layout), (), plan.themes
    )
    with pytest.raises(UsageError, match="模型从 .* 变成了 别的"):
        run(other, resume=True, on_progress=ignore)


def test_half_written_results_that_are_gone_are_noticed(make_plan: Callable[..., Plan], tmp_path: Path) -> None:
    stop_after(2, make_plan(tmp_path / "out"))
    (tmp_path / "out" / ".paragraphs.jsonl.part").unlink()
    with pytest.raises(OutputError, match="被改动或删除了"):
        run(make_plan(tmp_path / "out"), resume=True, on_progress=ignore)


def test_two_runs_into_one_folder_are_noticed(make_plan: Callable[..., Plan], tmp_path: Path) -> None:
    def write_too(progress: Progress) -> None:
        if progress.shards == 2:
            with (tmp_path / "out" / ".paragraphs.jsonl.part").open("ab") as part:
                part.write(b"x")

    with pytest.raises(OutputError, match="被别的程序改动了"):
        run(make_plan(tmp_path / "out"), on_progress=write_too)


def test_nothing_to_resume_is_a_run_from_the_start(make_plan: Callable[..., Plan], tmp_path: Path) -> None:
    done = run(make_plan(tmp_path / "out"), resume=True, on_progress=ignore)
    assert done.counts.files == 14
    assert unfinished(tmp_path / "out") is None


@pytest.mark.parametrize("line", [b"[]", b"1", b"null", b'"x"', b""])
def test_a_journal_that_does_not_begin_with_a_plan_is_none(
    make_plan: Callable[..., Plan], tmp_path: Path, line: bytes
) -> None:
    journal = tmp_path / "out" / ".run" / "journal.jsonl"
    journal.parent.mkdir(parents=True)
    journal.write_bytes(line + b"\n")
    assert unfinished(tmp_path / "out") is None
    assert run(make_plan(tmp_path / "out"), resume=True, on_progress=ignore).counts.files == 14


def test_a_table_that_grows_meanwhile_is_reported(make_plan: Callable[..., Plan], folder: Path, tmp_path: Path) -> None:
    def grow(progress: Progress) -> None:
        if progress.shards == 5:
            with (folder / "表.jsonl").open("ab") as table:
                table.write(b'\n{"\xe6\xad\xa3\xe6\x96\x87": "x"}\n')

    done = run(make_plan(tmp_path / "out"), on_progress=grow)
    assert [failure.reason for failure in done.failures if "被改动了" in failure.reason]


# In processes of their own


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "tagger", "tag", *map(str, arguments), "--progress", "none"]


@pytest.fixture
def environment(root: Path, tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "TAGGER_TEST": str(tmp_path), "PYTHONPATH": str(root), "PYTHONIOENCODING": "utf-8"}


@pytest.fixture
def many(tmp_path: Path) -> Iterator[list[Path]]:
    """A few hundred documents and a table."""
    chance = random.Random(4)
    folder = tmp_path / "许多"
    folder.mkdir()
    for number in range(150):
        body = "\n".join(chance.choices(SENTENCES, k=3))
        (folder / f"{number}.txt").write_text(f"第{number}号总结\n一、工作\n{body}\n", encoding="utf-8")
    rows = [f'{number},"{chance.choice(SENTENCES) * 20}"' for number in range(8000)]
    (tmp_path / "表.csv").write_text("编号,正文\n" + "\n".join(rows), encoding="utf-8")
    yield [folder, tmp_path / "表.csv"]
    shutil.rmtree(folder)


@pytest.mark.parametrize("jobs", [1, 2])
def test_killed_at_random_moments(many: list[Path], tmp_path: Path, environment: dict[str, str], jobs: int) -> None:
    began = time.monotonic()
    arguments = (*many, "--jobs", jobs, "--resume", "--out")
    subprocess.run(command(*arguments, tmp_path / "整"), env=environment, check=True, capture_output=True)
    took = time.monotonic() - began
    chance = random.Random(jobs)
    for _ in range(KILLS):
        broken = subprocess.Popen(command(*arguments, tmp_path / "断"), env=environment, stderr=subprocess.DEVNULL)
        time.sleep(chance.uniform(0.2, 0.9) * took)
        broken.send_signal(signal.SIGKILL)
        broken.wait()
    subprocess.run(command(*arguments, tmp_path / "断"), env=environment, check=True, capture_output=True)
    assert contents(tmp_path / "断") == contents(tmp_path / "整")
    for _ in range(100):
        if not processes_with(str(tmp_path)):
            break
        time.sleep(0.1)
    assert not processes_with(str(tmp_path)), "processes of a killed run are left"


def processes_with(mark: str) -> list[Path]:
    """Processes that have the mark in their environment, where the system tells."""
    found = []
    for environment in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if f"TAGGER_TEST={mark}\0".encode() in environment.read_bytes():
                found.append(environment)
    return found


def test_a_full_disk_is_told_and_the_run_goes_on(many: list[Path], tmp_path: Path, environment: dict[str, str]) -> None:
    def little_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2**19, 2**19))

    arguments = (many[1], "--out", tmp_path / "out")
    full = subprocess.run(
        command(*arguments),
        env=environment,
        check=False,
        capture_output=True,
        preexec_fn=little_room,
    )
    assert full.returncode == 2
    assert "写不进去" in full.stderr.decode()
    assert "--resume" in full.stderr.decode()
    subprocess.run(command(*arguments, "--resume"), env=environment, check=True, capture_output=True)
    subprocess.run(command(many[1], "--out", tmp_path / "整"), env=environment, check=True, capture_output=True)
    assert contents(tmp_path / "out") == contents(tmp_path / "整")


def test_an_interrupted_command_says_how_to_go_on(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    arguments = ["tag", str(folder), "--out", str(tmp_path / "out")]
    with monkeypatch.context() as patch:
        patch.setattr("tagger.batch.journal.Journal.add", interrupt)
        assert main(arguments) == 130
    assert "--resume" in capsys.readouterr().err
    assert main([*arguments, "--resume", "--dry-run"]) == 0
    assert "还剩" in capsys.readouterr().out
    assert main(arguments) == 1
    assert "已丢弃" in capsys.readouterr().err
