"""Model folders: saved whole, checked before they are believed."""

from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path

import pytest

from tagger import Tagger
from tagger.artifact import ARRAYS, MANIFEST, load_artifact, load_terms, load_words, save_artifact
from tagger.errors import ArtifactError, OutputError


@pytest.fixture
def model(tmp_path: Path, root: Path) -> Path:
    return Path(shutil.copytree(root / "models" / "default", tmp_path / "model"))


def save_again(source: Path, folder: Path) -> str:
    artifact = load_artifact(source)
    return save_artifact(folder, artifact, words=load_words(source).trie, terms=load_terms(source))


def test_what_is_saved_is_loaded_and_equal_input_gives_equal_bytes(model: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    assert save_again(model, first) == save_again(model, second)
    for part in first.iterdir():
        assert part.read_bytes() == (second / part.name).read_bytes()
    texts = ["开展普法宣传，送法下乡。", "", "整治形式主义"]
    for one, other in zip(Tagger.load(first).tag_batch(texts), Tagger.load(model).tag_batch(texts), strict=True):
        assert one == other
    assert len(load_terms(first)) == load_artifact(first).model.scan.trie.size


def test_an_old_model_is_replaced_and_nothing_is_left_beside_it(model: Path) -> None:
    save_again(model, model)
    assert [entry.name for entry in model.parent.iterdir()] == ["model"]


def test_a_folder_of_something_else_is_not_overwritten(model: Path, tmp_path: Path) -> None:
    place = tmp_path / "重要"
    place.mkdir()
    (place / "稿件.txt").write_text("字", encoding="utf-8")
    (place / MANIFEST).write_text('{"name": "别的程序的清单"}', encoding="utf-8")
    with pytest.raises(OutputError, match="已有别的内容"):
        save_again(model, place)
    assert (place / "稿件.txt").exists()


def test_a_failed_save_leaves_the_old_model_as_it_was(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (model / MANIFEST).read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OutputError, match="写不进去"):
        save_again(model, model)
    assert (model / MANIFEST).read_bytes() == before
    assert [entry.name for entry in model.parent.iterdir()] == ["model"]


def test_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="没有这个模型文件夹"):
        Tagger.load(tmp_path / "无")


def test_damaged_arrays(model: Path) -> None:
    content = bytearray((model / ARRAYS).read_bytes())
    content[len(content) // 2] ^= 1
    (model / ARRAYS).write_bytes(content)
    with pytest.raises(ArtifactError, match="损坏或被改动"):
        Tagger.load(model)


def test_missing_part(model: Path) -> None:
    (model / ARRAYS).unlink()
    with pytest.raises(ArtifactError, match="缺少"):
        Tagger.load(model)


@pytest.mark.parametrize("manifest", ["", "{", "[]", '{"format": 99}', "{}"])
def test_damaged_manifest_and_other_version(model: Path, manifest: str) -> None:
    (model / MANIFEST).write_text(manifest, encoding="utf-8")
    with pytest.raises(ArtifactError, match="请"):
        Tagger.load(model)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("themes", ["法治", "党建", "乡村振兴", "治理", "作风", "其他"]),
        ("themes", [[1], "其他"]),
        ("certain_from", 0),
        ("sha256", []),
    ],
)
def test_a_manifest_that_was_changed_is_not_believed(model: Path, field: str, value: object) -> None:
    manifest = json.loads((model / MANIFEST).read_text("utf-8"))
    manifest[field] = value
    (model / MANIFEST).write_text(json.dumps(manifest, ensure_ascii=False), encoding="utf-8")
    with pytest.raises(ArtifactError, match="损坏或被改动"):
        Tagger.load(model)


def test_a_pickle_is_refused_unopened(model: Path) -> None:
    (model / "model.pkl").write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(ArtifactError, match="不安全的文件 model.pkl"):
        Tagger.load(model)


def test_the_shipped_model_is_small(root: Path) -> None:
    assert sum(part.stat().st_size for part in (root / "models" / "default").iterdir()) <= 8 * 2**20
