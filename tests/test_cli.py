"""The command as a user types it: what it says, and its exit codes."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tagger.cli import main

REPORT = "某乡年度总结\n各位领导：\n一、党建\n支部换届全部完成，发展党员三名。\n"


@pytest.fixture
def report(tmp_path: Path) -> Path:
    path = tmp_path / "报告.txt"
    path.write_text(REPORT, encoding="utf-8")
    return path


def run(root: Path, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(root), "PYTHONIOENCODING": "utf-8", "COLUMNS": "200"}
    command = [sys.executable, "-m", "tagger", *arguments]
    return subprocess.run(command, input=given, capture_output=True, env=environment, check=False)


def test_tag_into_a_folder(report: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tag", str(report), "--out", str(tmp_path / "结果")]) == 0
    said = capsys.readouterr().out
    assert "1 个文件，1 段" in said
    assert "党建" in said
    assert (tmp_path / "结果" / "paragraphs.csv").exists()


def test_a_broken_file_gives_exit_code_1_and_its_reason(
    report: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "坏.docx"
    broken.write_bytes(b"PK\x03\x04")
    assert main(["tag", str(report), str(broken), "--out", str(tmp_path / "out")]) == 1
    said = capsys.readouterr().out
    assert "坏.docx：Word 文件已损坏或加密" in said
    assert main(["tag", str(report), str(broken)]) == 1
    shown = capsys.readouterr()
    assert "党建" in shown.out
    assert "坏.docx" in shown.err


def test_standard_input(root: Path) -> None:
    for encoding in ("utf-8", "gb18030"):
        done = run(root, "tag", "-", given=REPORT.encode(encoding))
        assert done.returncode == 0
        lines = done.stdout.decode().splitlines()
        assert [line for line in lines if line.startswith("党建")]
        assert lines[0] == "标准输入"


def test_standard_input_into_a_folder(root: Path, tmp_path: Path) -> None:
    done = run(root, "tag", "-", "--out", str(tmp_path / "out"), "--report", given=REPORT.encode())
    assert done.returncode == 0
    rows = [json.loads(line) for line in (tmp_path / "out" / "paragraphs.jsonl").read_text("utf-8").splitlines()]
    assert {row["file"] for row in rows} == {"标准输入"}
    assert (tmp_path / "out" / "report.html").exists()
    done = run(root, "tag", "-", "--out", str(tmp_path / "out"), given=b"\x00\xff\x00")
    assert done.returncode == 1
    assert "未能标注：标准输入：" in done.stdout.decode()


def test_lines_of_json_are_tagged_in_a_pipe(root: Path) -> None:
    given = '{"id": 7, "正文": "发展党员三名。"}\n{"id"\n{"text": "普法小分队进村宣讲。"}\n'.encode()
    done = run(root, "tag", "--stdin-jsonl", given=given)
    first, broken, last = [json.loads(line) for line in done.stdout.decode().splitlines()]
    assert done.returncode == 1
    assert (first["id"], first["theme"], last["theme"]) == (7, "党建", "法治")
    assert broken == {"error": "不是完整的 JSON", "line": 2}
    done = run(
        root, "tag", "--stdin-jsonl", "--select", "theme=法治", "--columns", "theme", given=given.splitlines()[-1]
    )
    assert done.stdout.decode() == '{"theme": "法治"}\n'


def test_a_reader_that_has_seen_enough_ends_the_pipe_quietly(root: Path) -> None:
    command = [sys.executable, "-m", "tagger", "tag", "--stdin-jsonl"]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        process.stdin.write('{"text": "发展党员三名。"}\n'.encode())
        process.stdin.close()
        assert process.wait(60) == 1
        assert process.stderr.read() == b""


def test_a_table_is_written_beside_its_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = tmp_path / "表.csv"
    table.write_text("编号,话\n1,发展党员三名。\n2,普法小分队进村宣讲。\n", encoding="utf-8")
    arguments = ["tag", str(table), "--out", str(tmp_path / "out"), "--text", "话"]
    assert main([*arguments, "--dry-run"]) == 0
    assert "表.标注.csv" in capsys.readouterr().out
    assert not (tmp_path / "out").exists()
    assert main(arguments) == 0
    lines = (tmp_path / "out" / "表.标注.csv").read_text("utf-8-sig").splitlines()
    assert lines[1].startswith("1,发展党员三名。,党建,")
    assert main([*arguments[:-1], "正文"]) == 1
    assert "没有叫“正文”的列" in capsys.readouterr().out


def test_progress_for_programs_and_for_people(
    report: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ["tag", str(report), "--out", str(tmp_path / "out")]
    assert main([*arguments, "--progress", "json"]) == 0
    told = json.loads(capsys.readouterr().err.splitlines()[-1])
    assert (told["share"], told["files"], told["paragraphs"], told["failures"]) == (1, 1, 1, 0)
    assert main([*arguments, "--progress", "none"]) == 0
    assert not capsys.readouterr().err
    monkeypatch.setattr("tagger.cli.progress.SECONDS_BETWEEN_LINES", 0.0)
    assert main(arguments) == 0
    assert "1/1 个文件，1 段" in capsys.readouterr().err
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    assert main(arguments) == 0
    assert "1/1 个文件" in capsys.readouterr().err


def test_archives_are_shown_document_by_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with zipfile.ZipFile(tmp_path / "材料.zip", "w") as archive:
        archive.writestr("甲.txt", REPORT)
        archive.writestr("坏.docx", b"PK")
    assert main(["tag", str(tmp_path / "材料.zip")]) == 1
    shown = capsys.readouterr()
    assert "材料.zip/甲.txt" in shown.out
    assert "材料.zip/坏.docx" in shown.err


def test_explain(root: Path) -> None:
    done = run(root, "explain", "普法小分队进村宣讲，法治副校长到校上课。")
    said = done.stdout.decode()
    assert done.returncode == 0
    assert said.startswith("法治　概率")
    assert "普法" in said
    assert "普法小分队进村宣讲，法治副校长到校上课。" in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tag", "没有的文件"], "没有的文件：没有这个文件或文件夹"),
        (["tag"], "缺少参数：路径"),
        (["tag", "-", "x"], "单独一个 -"),
        (["tag", "-", "--out", "x", "--resume"], "单独一个 -"),
        (["tag", "x", "--stdin-jsonl"], "既有路径又有 --stdin-jsonl"),
        (["tag", ".", "--jobs", "0"], "--jobs：0"),
        (["tag", ".", "--report"], "--report：没有 --out"),
        (["tag", ".", "--select", "theme=法治"], "--select：没有 --out"),
        (["tag", "--stdin-jsonl", "--select", "theme=法"], "党建、法治"),
        (["tag", "README.md", "--out", "x", "--columns", "标题"], "应为：file、paragraph"),
        (["tag", "pyproject.csv", "README.md"], "加上 --out 文件夹"),
        (["explain", "字", "--model", "没有的模型"], "没有这个模型文件夹"),
        (["train", "--data", "没有", "--out", "x"], "没有："),
    ],
)
def test_refusals_are_chinese_and_exit_with_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "缺少参数：命令"),
        (["tag", "x", "--progress", "bar"], "可选"),
        (["tag", "x", "--jobs", "二"], "应为整数"),
        (["tag", "x", "--nonsense"], "不认识的参数：--nonsense"),
        (["nonsense"], "没有 'nonsense'"),
    ],
)
def test_wrong_usage_is_explained_in_chinese(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as raised:
        main(arguments)
    assert raised.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("command", [[], ["tag"], ["explain"], ["train"], ["labels", "export"]])
def test_every_command_has_help_with_an_example(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        main([*command, "--help"])
    assert raised.value.code == 0
    said = capsys.readouterr().out
    assert "用法：" in said
    assert ("例：" in said) == bool(command)


def test_training_without_its_packages_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "tagger.learning.training", None)
    assert main(["train", "--data", "x", "--out", "y"]) == 2
    assert 'pip install ".[train]"' in capsys.readouterr().err


def test_labels_are_exported_as_counts_without_text(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = (root / "training_data" / "documents.jsonl").read_text("utf-8").splitlines(keepends=True)[:120]
    labels = tmp_path / "标注.jsonl"
    labels.write_text("".join(lines), encoding="utf-8")
    out = tmp_path / "词频.jsonl.gz"
    lexicon = root / "training_data" / "lexicon.tsv"
    arguments = ["labels", "export", "--counts", str(labels), "--out", str(out), "--lexicon", str(lexicon)]
    assert main([*arguments, "--source", "某县档案馆"]) == 0
    assert "段标注" in capsys.readouterr().out
    records = [json.loads(line) for line in gzip.decompress(out.read_bytes()).decode().splitlines()]
    assert {record["source"] for record in records} == {"某县档案馆"}
    assert all("text" not in record and "headings" not in record and record["counts"] for record in records)
    assert main([*arguments[:-4], "--out", str(tmp_path / "词频.txt")]) == 2
    assert main([*arguments[:-4], "--out", str(labels / "词频.jsonl.gz")]) == 2
    assert "写不进去" in capsys.readouterr().err


def test_scripts_are_thin_callers(root: Path, report: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(root), "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, str(root / "scripts" / "batch_tag.py"), str(report), "--out", str(tmp_path / "out")]
    assert subprocess.run(command, env=environment, check=False, capture_output=True).returncode == 0
    assert (tmp_path / "out" / "paragraphs.jsonl").exists()


def test_a_run_loads_no_more_than_it_needs(root: Path, report: Path, tmp_path: Path) -> None:
    script = (
        "import sys; from tagger.cli import main; main(sys.argv[1:]); "
        "print(*{name.split('.')[0] for name in sys.modules}, file=sys.stderr)"
    )
    command = [sys.executable, "-c", script, "tag", str(report), "--out", str(tmp_path / "out")]
    environment = {**os.environ, "PYTHONPATH": str(root), "PYTHONIOENCODING": "utf-8"}
    loaded = subprocess.run(command, env=environment, check=True, capture_output=True).stderr.decode().split()
    assert "rich" in loaded
    assert not {"joblib", "lxml", "pyarrow", "sklearn", "xlsxwriter"} & set(loaded)
