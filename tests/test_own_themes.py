"""Themes of one's own, from labels to tagged files; and the way through docs/retraining.md, walked on small data."""

from __future__ import annotations

import csv
import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_training_data import runs

from tagger import Tagger
from tagger.cli import main
from tagger.learning.checks import Severity, check_files, check_labels
from tagger.learning.data import TrainingData, gather_data
from tagger.learning.labels import is_locked, read_labels
from tagger.learning.models import versions
from tagger.records import Label
from tagger.themes import OTHER, Theme, read_themes

NO_PHRASES = re.compile("(?!)")  # here not even a set phrase may be as long
OURS = ("财政", "教育", "卫生健康", "文化旅游", OTHER)


@pytest.fixture(autouse=True, scope="module")
def alone() -> Iterator[None]:
    """No further processes, which would take longer to start than such small trainings take."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOKY_MAX_CPU_COUNT", "1")
        yield


@pytest.fixture(scope="module")
def folder(root: Path) -> Path:
    return root / "examples" / "own_themes"


@pytest.fixture(scope="module")
def themes(folder: Path) -> tuple[Theme, ...]:
    return read_themes(folder / "themes.toml")


@pytest.fixture(scope="module")
def data(folder: Path, themes: tuple[Theme, ...]) -> TrainingData:
    return gather_data([folder], themes)


def test_the_example_is_large_enough_and_clean(folder: Path, themes: tuple[Theme, ...], data: TrainingData) -> None:
    path = folder / "labels.jsonl"
    names = [theme.name for theme in themes]
    assert tuple(names) == OURS
    labels = [*data.labels, *data.locked]
    assert len(labels) >= 200
    assert len({label.document for label in labels}) >= 30
    assert not check_files([path], names)
    assert not check_labels(labels, names)


def test_no_sentence_of_the_example_stands_elsewhere(folder: Path, documents: list[dict[str, str]]) -> None:
    lines = [json.loads(line) for line in (folder / "labels.jsonl").read_text("utf-8").splitlines()]
    owners = {}
    for number, line in enumerate(lines):
        for run in runs(line["text"], NO_PHRASES):
            assert owners.setdefault(run, number) == number, run
    assert not [run for record in documents for run in runs(record["text"], NO_PHRASES) if run in owners]


def test_labels_of_our_themes_do_not_fit_the_others(root: Path, themes: tuple[Theme, ...]) -> None:
    findings = check_files([root / "training_data" / "documents.jsonl"], [theme.name for theme in themes])
    assert {finding.severity for finding in findings} == {Severity.ERROR}


def test_own_themes_give_a_tagger_that_tags_and_writes_with_them(folder: Path, root: Path, tmp_path: Path) -> None:
    model, out = tmp_path / "我的模型", tmp_path / "结果"
    train = ["train", "--data", str(folder), str(root / "training_data" / "lexicon.tsv")]
    assert main([*train, "--themes", str(folder / "themes.toml"), "--out", str(model)]) == 0
    tagger = Tagger.load(model)
    assert tuple(theme.name for theme in tagger.themes) == OURS
    sentences = {
        "财政": "一般公共预算收入完成九亿元，财政资金按进度拨付，结余收回统筹。",
        "教育": "新建小学一所，公开招聘教师四十名，随迁子女就近入学。",
        "卫生健康": "县医院增设门诊，医保报销比例提高，护士上门为病人换药。",
        "文化旅游": "景区推出民宿和夜游线路，非遗传承人登台演出，接待游客十万人次。",
    }
    for theme, sentence in sentences.items():
        assert str(tagger.tag(sentence)) == theme
    document = tmp_path / "总结.txt"
    document.write_text("某县工作总结\n" + "\n".join(sentences.values()) + "\n", encoding="utf-8")
    assert main(["tag", str(document), "--model", str(model), "--out", str(out), "--report"]) == 0
    with (out / "paragraphs.csv").open(encoding="utf-8-sig", newline="") as lines:
        written = {row["text"]: row["theme"] for row in csv.DictReader(lines)}
    assert {written[sentence] for sentence in sentences.values()} == set(sentences)
    page = (out / "report.html").read_text("utf-8")
    assert all(f">{theme}</span>" in page for theme in sentences)
    assert "党建" not in page


def commands_of(page: Path, section: str) -> list[str]:
    """The commands of a section of a page."""
    part = re.search(rf"^## {section}.*?(?=^## |\Z)", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    assert part is not None
    blocks = re.findall(r"```bash\n(.*?)```", part[0], re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


def write_labels(path: Path, labels: list[Label]) -> None:
    records = ({"document": x.document, "text": x.text, "theme": x.theme, "also": list(x.also)} for x in labels)
    path.write_text("".join(json.dumps(each, ensure_ascii=False) + "\n" for each in records), encoding="utf-8")


@pytest.fixture
def office(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_labels: list[Label]) -> Path:
    """A folder as the page supposes it, with small training data."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "材料").mkdir()
    shutil.copy(root / "examples" / "县局工作总结.txt", tmp_path / "材料")
    (tmp_path / "models").symlink_to(root / "models")
    (tmp_path / "examples").symlink_to(root / "examples")
    data = tmp_path / "training_data"
    data.mkdir()
    shutil.copy(root / "training_data" / "lexicon.tsv", data)
    locked = [x for x in read_labels([root / "training_data" / "documents.jsonl"]) if is_locked(x)]
    write_labels(data / "documents.jsonl", [*small_labels[:500], *locked[:150]])
    write_labels(tmp_path / "我的标注.jsonl", small_labels[500:560])
    return tmp_path


def run(command: str) -> int:
    program, *arguments = shlex.split(command)
    assert program == "tagger"
    return main(arguments)


def test_the_way_through_the_page(root: Path, office: Path, small_labels: list[Label]) -> None:
    page, store = root / "docs" / "retraining.md", office / "我的模型"
    (train,), (use,), (models, tag) = (commands_of(page, number) for number in "134")
    (rollback,), (verify,), (compare,) = (commands_of(page, number) for number in "567")

    assert run(train) == 2  # so few labels do not come up to the model that the package brings
    first = versions(store)[0].name
    assert not versions(store)[0].in_use
    assert run(use.replace("版本", first)) == 0

    own = (office / "我的标注.jsonl").read_text("utf-8")
    write_labels(office / "我的标注.jsonl", small_labels[500:600])
    assert run(train) in (0, 2)
    second = versions(store)[1].name
    assert run(use.replace("版本", second)) == 0
    assert run(models) == 0
    assert run(tag) == 0
    assert (office / "结果" / "paragraphs.csv").exists()

    assert run(rollback) == 0
    assert [version.name for version in versions(store) if version.in_use] == [first]
    (office / "我的标注.jsonl").write_text(own, encoding="utf-8")
    assert run(verify) == 0
    assert run(compare) == 2


def test_the_way_with_own_themes(root: Path, office: Path) -> None:
    for command in commands_of(root / "docs" / "retraining.md", "8"):
        assert run(command) == 0
    assert (office / "结果二" / "report.html").exists()


def test_the_python_of_the_page_runs(root: Path, tmp_path: Path) -> None:
    (tmp_path / "examples").symlink_to(root / "examples")
    code = "\n".join(
        re.findall(r"```python\n(.*?)```", (root / "docs" / "retraining.md").read_text("utf-8"), re.DOTALL)
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "卫生健康" in done.stdout
    assert (tmp_path / "我的模型文件夹" / "manifest.json").exists()


def test_the_figures_of_the_page_are_those_of_the_example(root: Path, data: TrainingData) -> None:
    said = (root / "docs" / "retraining.md").read_text("utf-8")
    documents = {label.document for label in (*data.labels, *data.locked)}
    assert f"{len(data.labels)} 段训练、{len(data.locked)} 段锁定的标注（{len(documents)} 份虚构的短文件）" in said
