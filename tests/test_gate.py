"""The gate, the store of models and the way back."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tagger import THEMES, Tagger
from tagger.cli import main
from tagger.errors import ArtifactError, UsageError
from tagger.learning.data import TrainingData, gather_data
from tagger.learning.gate import MIN_PARAGRAPHS, compare
from tagger.learning.labels import is_locked
from tagger.learning.models import next_place, rollback, use, versions
from tagger.learning.retraining import retrain, verify
from tagger.learning.search import Search
from tagger.learning.settings import Settings
from tagger.learning.training import train_model
from tagger.records import Label
from tagger.themes import OUR_THEMES

SMALL = Settings(min_word_labels=2, min_gram_labels=3, folds=3)


def data_of(labels: Sequence[Label], locked: Sequence[Label]) -> TrainingData:
    return TrainingData(tuple(labels), tuple(locked), {}, OUR_THEMES, {})


@pytest.fixture(scope="module")
def locked(root: Path) -> tuple[Label, ...]:
    return gather_data([root / "training_data" / "documents.jsonl"]).locked


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, small_labels: list[Label], locked: tuple[Label, ...]) -> Path:
    """A store with a small model in use."""
    folder = tmp_path_factory.mktemp("store")
    few = [label for label in small_labels if not is_locked(label)]
    use(folder, retrain(data_of(few, locked), folder, search=Search((), SMALL), progress=lambda line: None).version)
    return folder


def spoilt(labels: Sequence[Label]) -> list[Label]:
    """The labels with half of the themes shuffled."""
    chance = random.Random(1)
    half = chance.sample(range(len(labels)), len(labels) // 2)
    themes = [labels[row].theme for row in half]
    chance.shuffle(themes)
    changed = dict(zip(half, themes, strict=True))
    return [replace(label, theme=changed.get(row, label.theme), also=()) for row, label in enumerate(labels)]


def test_a_share_of_the_documents_is_locked_whole(root: Path) -> None:
    data = gather_data([root / "training_data" / "documents.jsonl"])
    names = {label.document for label in data.locked}
    assert not names & {label.document for label in data.labels}
    assert {label.theme for label in data.locked} == set(THEMES)
    assert 0.03 < len(data.locked) / (len(data.labels) + len(data.locked)) < 0.1


def test_the_same_model_is_not_worse(tagger: Tagger, locked: tuple[Label, ...]) -> None:
    comparison = compare(tagger, tagger, locked)
    assert comparison.accepted
    assert comparison.interval == (0, 0)
    assert not comparison.changes


def test_better_labels_pass_and_spoilt_ones_are_refused(
    store: Path, small_labels: list[Label], locked: tuple[Label, ...], tmp_path: Path
) -> None:
    shutil.copytree(store, tmp_path / "store")
    old = Tagger.load(tmp_path / "store").model_id
    few = [label for label in small_labels if not is_locked(label)]
    bad = retrain(
        data_of(spoilt(few), locked), tmp_path / "store", search=Search((), SMALL), progress=lambda line: None
    )
    assert not bad.in_use
    assert bad.comparison is not None
    assert any("宏平均 F1" in reason for reason in bad.comparison.reasons)
    assert bad.comparison.changes
    assert Tagger.load(tmp_path / "store").model_id == old
    assert (tmp_path / "store" / bad.version).is_dir()

    said: list[str] = []
    again = retrain(data_of(few, locked), tmp_path / "store", search=Search((), SMALL), progress=said.append)
    assert again.in_use
    assert again.comparison is None
    assert len(versions(tmp_path / "store")) == 2


def test_too_few_locked_paragraphs_decide_nothing(tagger: Tagger, locked: tuple[Label, ...]) -> None:
    comparison = compare(tagger, tagger, locked[: MIN_PARAGRAPHS - 1])
    assert not comparison.accepted
    assert "比不出好坏" in comparison.reasons[0]


def test_versions_are_listed_used_and_rolled_back(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(store, tmp_path / "store")
    place = tmp_path / "store"
    first = versions(place)[0].name
    second = next_place(place, "abc")
    shutil.copytree(place / first, second)
    use(place, second.name)
    assert [version.name for version in versions(place) if version.in_use] == [second.name]
    assert main(["models", str(place)]) == 0
    assert "正在用" in capsys.readouterr().out
    assert main(["rollback", str(place)]) == 0
    assert first in capsys.readouterr().out
    assert [version.name for version in versions(place) if version.in_use] == [first]
    with pytest.raises(ArtifactError, match="没有更早"):
        rollback(place)
    with pytest.raises(UsageError, match="没有版本 0009-x"):
        use(place, "0009-x")
    assert main(["models", str(tmp_path / "空")]) == 2
    assert main(["models", str(place), "--use", second.name]) == 0
    assert Tagger.load(place).folder.name == second.name


def test_the_model_in_use_loads_whenever_the_switch_is_killed(store: Path, tmp_path: Path, root: Path) -> None:
    """kill -9 at random moments while versions are switched to and fro."""
    shutil.copytree(store, tmp_path / "store")
    first = versions(tmp_path / "store")[0].name
    shutil.copytree(tmp_path / "store" / first, tmp_path / "store" / "0002-abc")
    script = (
        f"import sys; sys.path.insert(0, {str(root)!r})\n"
        "from tagger.learning.models import use\n"
        "print('ready', flush=True)\n"
        f"while True:\n    use(sys.argv[1], '0002-abc'); use(sys.argv[1], {first!r})\n"
    )
    chance = random.Random(2)
    for _ in range(20):
        with subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "store")], stdout=subprocess.PIPE) as busy:
            assert busy.stdout
            busy.stdout.readline()
            time.sleep(chance.uniform(0, 0.03))
            busy.send_signal(signal.SIGKILL)
        assert Tagger.load(tmp_path / "store").folder.name in (first, "0002-abc")
        (tmp_path / "store" / "in-use").write_text(f"{first}\n", encoding="utf-8")  # keeps the list short


def test_the_model_in_use_loads_whenever_training_is_killed(
    store: Path, small_labels: list[Label], tmp_path: Path, root: Path
) -> None:
    shutil.copytree(store, tmp_path / "store")
    before = Tagger.load(tmp_path / "store").model_id
    data = tmp_path / "labels.jsonl"
    records = ({"document": each.document, "text": each.text, "theme": each.theme} for each in small_labels[:400])
    data.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records), encoding="utf-8")
    command = [sys.executable, "-m", "tagger", "train", "--data", str(data), "--models", str(tmp_path / "store")]
    environment = {**os.environ, "PYTHONPATH": str(root), "LOKY_MAX_CPU_COUNT": "1"}
    chance = random.Random(3)
    for _ in range(int(os.environ.get("TAGGER_KILLS", "3"))):
        with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, start_new_session=True) as busy:
            time.sleep(chance.uniform(0.5, 6))
            os.killpg(busy.pid, signal.SIGKILL)
        loaded = Tagger.load(tmp_path / "store")
        assert loaded.tag("党支部发展党员。")
        assert loaded.model_id == before or versions(tmp_path / "store")[-1].in_use


def test_a_model_is_verified_by_training_it_again(small_labels: list[Label], tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    records = [{"document": each.document, "text": each.text, "theme": each.theme} for each in small_labels]

    def write() -> None:
        path.write_text("".join(json.dumps(each, ensure_ascii=False) + "\n" for each in records), encoding="utf-8")

    write()
    train_model(gather_data([path]), tmp_path / "model", settings=SMALL, progress=lambda line: None)
    assert verify(tmp_path / "model", gather_data([path]), progress=lambda line: None) == []
    for record in records[::2]:
        record["theme"] = "其他"
    write()
    differences = verify(tmp_path / "model", gather_data([path]), progress=lambda line: None)
    assert any("labels.jsonl：与训练时不同" in each for each in differences)
    assert any("宏平均 F1" in each for each in differences)
    assert any("模型编号" in each for each in differences)


def test_without_locked_labels_nothing_is_put_in_use(store: Path, small_labels: list[Label], tmp_path: Path) -> None:
    shutil.copytree(store, tmp_path / "store")
    old = Tagger.load(tmp_path / "store").model_id
    few = [label for label in small_labels if not is_locked(label)][:700]
    outcome = retrain(data_of(few, ()), tmp_path / "store", search=Search((), SMALL), progress=lambda line: None)
    assert not outcome.in_use
    assert Tagger.load(tmp_path / "store").model_id == old


def test_strange_things_in_a_store_do_no_harm(store: Path, tmp_path: Path) -> None:
    shutil.copytree(store, tmp_path / "store")
    place = tmp_path / "store"
    (place / "2024年-备份").mkdir()
    (place / "0007-abc").mkdir()
    (place / "0007-abc" / "manifest.json").write_text('{"a": 1}', encoding="utf-8")
    assert len(versions(place)) == 1
    assert next_place(place, "x").name == "0008-x"
    (place / "in-use").write_text(f"0099-weg\n{versions(place)[0].name}\n", encoding="utf-8")
    with pytest.raises(ArtifactError):
        rollback(place)
    assert Tagger.load(place)
