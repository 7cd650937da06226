"""A model folder: saved whole or not at all, and checked before it is believed. No pickle, nothing that can run.

manifest.json   format version, model id, themes, decision rule, figures, versions, and the SHA-256 of each other file
arrays.npz      the compiled vocabulary and the weights, plain arrays
words.npz       the compiled words that explanations are told in; loaded only for these
terms.txt       the terms in the order of their numbers, one a line, for people
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from tagger.atomic import not_writable
from tagger.decision import Rule
from tagger.errors import ArtifactError, OutputError
from tagger.model import Model, Weights
from tagger.terms import TermScan, Trie
from tagger.themes import Theme

FORMAT = 2
IN_USE = "in-use"  # in a store of models: names the versions that were put in use, the last one counts
MANIFEST, ARRAYS, WORDS, TERMS = "manifest.json", "arrays.npz", "words.npz", "terms.txt"
OWN_FACTS = frozenset({"model_id", "format", "themes", "certain_from", "also_from", "sha256"})  # set when saved
PICKLES = frozenset({".pkl", ".pickle", ".joblib", ".npy", ".pt", ".bin"})
ADVICE = "检查路径；若路径没有错，重新安装 gongwen-tagger 或重新训练"


@dataclass(frozen=True, slots=True)
class Artifact:
    """A loaded model: what is needed to tag, and the manifest that says where it came from."""

    model: Model
    rule: Rule
    themes: tuple[Theme, ...]
    manifest: Mapping[str, Any]

    @property
    def model_id(self) -> str:
        """A short name that changes with every byte of the model."""
        return str(self.manifest["model_id"])


def save_artifact(folder: str | Path, artifact: Artifact, *, words: Trie, terms: Sequence[str]) -> str:
    """Write a model folder, beside its place first and then renamed; an existing folder is replaced.

    What the artifact has as manifest (data, figures, versions) is added to what is written. The same input gives the
    same bytes. Returns the model id. Raises `OutputError` if the place cannot be written or is no model folder.
    """
    folder = Path(folder)
    check_place(folder)
    weights, rule = artifact.model.weights, artifact.rule
    parts = {
        ARRAYS: _pack({"trie": artifact.model.scan.trie, "weights": weights}),
        WORDS: _pack({"trie": words}),
        TERMS: "".join(f"{term}\n" for term in terms).encode(),
    }
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in parts.items()}
    settings = {
        "format": FORMAT,
        "themes": [asdict(theme) for theme in artifact.themes],
        "certain_from": rule.certain_from,
        "also_from": dict(zip(weights.themes, rule.also_from, strict=True)),
        "sha256": hashes,
        **{name: fact for name, fact in artifact.manifest.items() if name not in OWN_FACTS},
    }
    model_id = _model_id(settings)
    parts[MANIFEST] = _dump({"model_id": model_id, **settings})
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        beside.chmod(0o755)
        try:
            for name, content in parts.items():
                (beside / name).write_bytes(content)
            _swap(beside, folder)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    except OSError as error:
        raise not_writable(folder, error) from error
    return model_id


def check_place(folder: Path) -> None:
    """Raise `OutputError` unless a model may be saved as `folder`: nothing is there yet, or only an older model."""
    if not folder.exists():
        return
    names = {entry.name for entry in folder.iterdir()} if folder.is_dir() else {folder.name}
    if names and not (MANIFEST in names <= {MANIFEST, ARRAYS, WORDS, TERMS}):
        raise OutputError(folder, found="已有别的内容", expected="空文件夹或旧的模型文件夹", advice="换一个位置")


def _swap(new: Path, folder: Path) -> None:
    """Put a finished folder in the place of another; should the second step fail, the old one comes back."""
    if not folder.exists():
        new.rename(folder)
        return
    old = folder.with_name(f".{folder.name}-old-{new.name[-8:]}")
    folder.rename(old)
    try:
        new.rename(folder)
    except OSError:
        old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _model_id(settings: Mapping[str, Any]) -> str:
    return hashlib.sha256(_dump(settings)).hexdigest()[:12]


def _dump(manifest: Mapping[str, Any]) -> bytes:
    return (json.dumps(manifest, ensure_ascii=False, indent=1) + "\n").encode()


def _pack(records: Mapping[str, Trie | Weights]) -> bytes:
    """The arrays of some records in one NPZ file with a fixed time stamp, so that equal arrays give equal bytes."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for kind, record in records.items():
            for each in fields(record):
                if each.name == "themes":  # words, not numbers: they stand in the manifest
                    continue
                part = io.BytesIO()
                np.lib.format.write_array(part, np.asarray(getattr(record, each.name)), allow_pickle=False)
                archive.writestr(zipfile.ZipInfo(f"{kind}.{each.name}.npy"), part.getvalue())
    return target.getvalue()


def model_folder(folder: str | Path) -> Path:
    """The folder itself or, if it is a store of models (see `learning.models`), that of the version in use."""
    used = versions_in_use(Path(folder))
    return Path(folder, used[-1]) if used else Path(folder)


def versions_in_use(store: Path) -> list[str]:
    """The versions of a store that were put in use, the present one last; none if the folder is no store."""
    try:
        return (store / IN_USE).read_text("utf-8").split("\n")[:-1]
    except (OSError, UnicodeDecodeError):
        return []


def load_artifact(folder: str | Path) -> Artifact:
    """Load a model folder, or the version in use of a store, after checking its version and the hash of each part.

    Raises `ArtifactError` if it is missing, damaged, of another version, or holds a pickle.
    """
    folder = model_folder(folder)
    manifest = read_manifest(folder)
    for entry in sorted(folder.iterdir()):
        if entry.suffix.lower() in PICKLES:
            raise ArtifactError(
                folder, found=f"含有不安全的文件 {entry.name}", expected="只含清单和数组的模型文件夹", advice=ADVICE
            )
    parts = {name: _checked(folder, name, manifest) for name in (ARRAYS, WORDS, TERMS)}
    try:
        themes = tuple(Theme(**theme) for theme in manifest["themes"])
        names = tuple(theme.name for theme in themes)
        with np.load(io.BytesIO(parts[ARRAYS]), allow_pickle=False) as arrays:
            parts_of_weights = [each.name for each in fields(Weights) if each.name != "themes"]
            weights = Weights(themes=names, **{name: arrays[f"weights.{name}"] for name in parts_of_weights})
            model = Model(TermScan(_trie(arrays)), weights)
        rule = Rule(float(manifest["certain_from"]), tuple(float(manifest["also_from"][name]) for name in names))
    except (KeyError, IndexError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise ArtifactError(folder, found="内容不完整", expected="完整的模型文件夹", advice=ADVICE) from error
    return Artifact(model, rule, themes, manifest)


def load_words(folder: str | Path) -> TermScan:
    """The words that explanations are told in. Raises `ArtifactError` as `load_artifact` does."""
    folder = model_folder(folder)
    content = _checked(folder, WORDS, read_manifest(folder))
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            return TermScan(_trie(arrays))
    except (KeyError, IndexError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise ArtifactError(folder, found="内容不完整", expected="完整的模型文件夹", advice=ADVICE) from error


def _trie(arrays: Mapping[str, Any]) -> Trie:
    return Trie(**{each.name: _plain(arrays[f"trie.{each.name}"]) for each in fields(Trie)})


def load_terms(folder: str | Path) -> tuple[str, ...]:
    """The terms of a model, in the order of their numbers. Raises `ArtifactError` as `load_artifact` does."""
    folder = model_folder(folder)
    return tuple(_checked(folder, TERMS, read_manifest(folder)).decode().split("\n")[:-1])


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a model folder, checked against its id. Raises `ArtifactError` as `load_artifact` does."""
    if not folder.is_dir():
        raise ArtifactError(folder, found="没有这个模型文件夹", expected="训练好的模型文件夹", advice=ADVICE)
    if not (folder / MANIFEST).exists() and any(folder.glob(f"[0-9]*-*/{MANIFEST}")):
        advice = "用 tagger models 文件夹 --use 版本 启用一个"
        raise ArtifactError(folder, found="模型库里还没有启用的版本", expected="启用了的版本", advice=advice)
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
    except (OSError, ValueError) as error:
        raise ArtifactError(folder, found="清单缺失或损坏", expected=f"可读的 {MANIFEST}", advice=ADVICE) from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        version = manifest.get("format") if isinstance(manifest, dict) else None
        raise ArtifactError(folder, found=f"模型格式版本是 {version}", expected=f"版本 {FORMAT}", advice=ADVICE)
    settings = {name: value for name, value in manifest.items() if name != "model_id"}
    if manifest.get("model_id") != _model_id(settings):
        raise ArtifactError(folder, found="清单与模型编号不符，已损坏或被改动", expected="原样的清单", advice=ADVICE)
    if not isinstance(manifest.get("sha256"), dict):
        raise ArtifactError(folder, found="清单里没有校验值", expected="每个文件的 SHA-256", advice=ADVICE)
    return manifest


def _checked(folder: Path, name: str, manifest: Mapping[str, Any]) -> bytes:
    """The bytes of a part, if they are those that were saved."""
    expected = manifest["sha256"].get(name)
    try:
        content = (folder / name).read_bytes()
    except OSError as error:
        raise ArtifactError(folder, found=f"缺少 {name}", expected="完整的模型文件夹", advice=ADVICE) from error
    if hashlib.sha256(content).hexdigest() != expected:
        raise ArtifactError(folder, found=f"{name} 与清单不符，已损坏或被改动", expected="原样的文件", advice=ADVICE)
    return content


def _plain(array: np.ndarray[Any, Any]) -> Any:
    return array.item() if array.ndim == 0 else array
