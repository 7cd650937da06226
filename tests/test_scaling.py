"""docs/scaling.md is executed: its commands, and its function over record batches where the engines are installed."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tagger import Tagger, cli
from tagger.cli import stats

SENTENCES = ("支部换届全部完成，发展党员三名。", "普法小分队进村宣讲十二次。", "今天天气很好。")


def block(root: Path, language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", (root / "docs" / "scaling.md").read_text("utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a table of paragraphs, one of them empty."""
    pa = pytest.importorskip("pyarrow")
    texts = [*(SENTENCES[number % 3] for number in range(300)), None]
    table = pa.table({"编号": list(range(301)), "正文": texts})
    pytest.importorskip("pyarrow.parquet").write_table(table, tmp_path / "段落.parquet", row_group_size=64)
    return tmp_path


def execute(code: str, place: Path, root: Path) -> None:
    environment = {
        **os.environ,
        "HOME": str(place),
        "PYTHONPATH": str(root),
        "PYTHONIOENCODING": "utf-8",
        "PYSPARK_PYTHON": sys.executable,
    }
    environment |= {
        "RAY_DATA_DISABLE_PROGRESS_BARS": "1",
        "RAY_USAGE_STATS_ENABLED": "0",
        "SPARK_LOCAL_IP": "127.0.0.1",
    }
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=place,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=150,
    )
    assert done.returncode == 0, done.stderr[-3000:]


def themes_in(path: Path) -> list[tuple[int, str | None]]:
    table = pytest.importorskip("pyarrow.parquet").read_table(path)
    return sorted(zip(table["编号"].to_pylist(), table["theme"].to_pylist(), strict=True))


def expected(tagger: Tagger) -> list[tuple[int, str | None]]:
    return [*((number, str(tagger.tag(SENTENCES[number % 3]))) for number in range(300)), (300, None)]


def test_its_commands_run(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "COMMANDS", tuple(dict.fromkeys((*cli.COMMANDS, stats))))
    monkeypatch.chdir(tmp_path)
    shutil.copytree(root / "examples", tmp_path / "材料")
    for line in block(root, "bash").splitlines():
        assert cli.main(shlex.split(line)[1:]) == 0
    assert (tmp_path / "统计.html").exists()


def test_duckdb(root: Path, place: Path, tagger: Tagger) -> None:
    pytest.importorskip("duckdb", reason="没有安装 duckdb")
    execute(block(root, "python duckdb"), place, root)
    sure = [(n, theme) for n, theme in expected(tagger) if theme and not tagger.tag(SENTENCES[n % 3]).uncertain]
    assert sure
    assert themes_in(place / "标注.parquet") == sure


def test_spark(root: Path, place: Path, tagger: Tagger) -> None:
    pytest.importorskip("pyspark", reason="没有安装 pyspark")
    if shutil.which("java") is None:
        pytest.skip("没有 Java，试不了 Spark")
    execute(block(root, "python spark"), place, root)
    assert themes_in(place / "标注") == expected(tagger)


def test_ray_data(root: Path, place: Path, tagger: Tagger) -> None:
    if find_spec("ray") is None:
        pytest.skip("没有安装 ray[data]")
    execute("import ray; ray.init(num_cpus=3, include_dashboard=False)\n" + block(root, "python ray"), place, root)
    assert themes_in(place / "标注") == expected(tagger)
