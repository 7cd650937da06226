"""The documentation is executed: its Python runs, its commands exist, its figures are those of the shipped model."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tagger.cli import main

READMES = ("README.md", "README.en.md")
DOCS = Path(__file__).parent.parent / "docs"


def blocks(path: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", path.read_text("utf-8"), re.DOTALL)


@pytest.mark.parametrize("name", READMES)
def test_the_python_of_the_readme_runs(root: Path, name: str) -> None:
    code = "\n".join(blocks(root / name, "python"))
    assert code
    subprocess.run([sys.executable, "-c", code], cwd=root, check=True, capture_output=True)


@pytest.mark.parametrize("name", READMES)
def test_the_first_command_tags_the_examples(
    root: Path, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install, _, tag = blocks(root / name, "bash")[0].strip().partition(" && ")
    assert install == "pip install ."
    monkeypatch.chdir(tmp_path)
    shutil.copytree(root / "examples", tmp_path / "examples")
    assert main(shlex.split(tag)[1:]) == 0
    assert (tmp_path / "结果" / "paragraphs.csv").exists()


@pytest.mark.parametrize("name", READMES)
def test_the_second_command_is_the_one_that_ci_runs(root: Path, name: str) -> None:
    assert blocks(root / name, "bash")[1].strip() in (root / ".ci" / "run").read_text("utf-8")


def test_both_readmes_have_the_same_commands(root: Path) -> None:
    commands = [[re.sub(r"\s*#.*", "", block) for block in blocks(root / name, "bash")] for name in READMES]
    assert commands[0] == commands[1]


@pytest.mark.parametrize("name", [*READMES, "docs/accuracy.md"])
def test_the_figures_are_those_of_the_shipped_model(root: Path, name: str) -> None:
    figures = json.loads((root / "models" / "default" / "manifest.json").read_text("utf-8"))["figures"]
    content = (root / name).read_text("utf-8")
    for each in figures.values():
        assert f"| {each['paragraphs']} | {each['macro_f1']:.3f} (" in content
        assert f"| {each['certain_share']:.1%} | {each['certain_accuracy']:.1%} |" in content


PAGES = (*READMES, "models/default.md", "training_data/README.md")


def test_every_page_is_linked_from_the_readme(root: Path) -> None:
    for page in (root / "docs").glob("*.md"):
        assert f"(docs/{page.name})" in (root / "README.md").read_text("utf-8"), page.name


@pytest.mark.parametrize("page", [*PAGES, *sorted(f"docs/{path.name}" for path in DOCS.glob("*.md"))])
def test_links_lead_somewhere(root: Path, page: str) -> None:
    path = root / page
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text("utf-8")):
        assert (path.parent / target).exists(), target


def test_the_installed_command_finds_its_model_from_any_folder(tmp_path: Path) -> None:
    command = Path(sys.executable).with_name("tagger")
    if not command.exists():
        pytest.skip("tagger 没有安装在这个环境里（pip install . 之后才有）")
    done = subprocess.run([command, "explain", "普法小分队进村宣讲"], cwd=tmp_path, capture_output=True, check=True)
    assert done.stdout.decode().startswith("法治")
