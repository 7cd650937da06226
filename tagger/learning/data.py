"""What a model is trained on: label files, term lists and themes, gathered from folders and single files."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tagger.errors import LabelError
from tagger.learning.labels import is_locked, read_labels
from tagger.learning.vocabulary import read_lexicon
from tagger.records import Label
from tagger.themes import OUR_THEMES, Theme

LABEL_FILES = ("*.jsonl", "*.jsonl.gz")
LEXICON = "lexicon.tsv"


@dataclass(frozen=True, slots=True)
class TrainingData:
    """Labels to train on, labels of locked documents to judge by, terms of art, and the files that all came from."""

    labels: tuple[Label, ...]
    locked: tuple[Label, ...]
    lexicon: Mapping[str, str]
    themes: tuple[Theme, ...]
    files: Mapping[str, str]  # name → SHA-256


def gather_data(paths: Iterable[str | Path], themes: Sequence[Theme] = OUR_THEMES) -> TrainingData:
    """Read label files (.jsonl, .jsonl.gz) and term lists (lexicon.tsv), given singly or by their folders.

    Raises `LabelError` if a path or a label is bad, or if there is no label file at all.
    """
    files = files_of(paths)
    labels = read_labels(label_files(files), [theme.name for theme in themes])
    lexicon: dict[str, str] = {}
    for file in files:
        if file.suffix == ".tsv":
            lexicon |= read_lexicon(file)
    return TrainingData(
        labels=tuple(label for label in labels if not is_locked(label)),
        locked=tuple(label for label in labels if is_locked(label) and not label.weak),
        lexicon=lexicon,
        themes=tuple(themes),
        files=dict(zip(_names(files), map(_sha256, files), strict=True)),
    )


def files_of(paths: Iterable[str | Path]) -> list[Path]:
    """The files that are named, and in folders those that a model is trained on."""
    files: list[Path] = []
    for path in map(Path, paths):
        found = {file for pattern in (*LABEL_FILES, LEXICON) for file in path.glob(pattern)}
        files += sorted(found) if path.is_dir() else [path]
    return list({file.resolve(): file for file in files}.values())  # none twice


def _names(files: Sequence[Path]) -> list[str]:
    """What the files are called in a manifest: files of one name have their folders before it."""
    common = Counter(file.name for file in files)
    return [file.name if common[file.name] == 1 else file.as_posix() for file in files]


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def label_files(files: Iterable[Path]) -> list[Path]:
    """Those of the files that hold labels. Raises `LabelError` if there is none."""
    files = list(files)
    found = [file for file in files if file.suffix != ".tsv"]
    if not found:
        names = "、".join(map(str, files)) or "训练数据"
        raise LabelError(names, found="没有标注文件", expected="、".join(LABEL_FILES), advice="换一个文件或文件夹")
    return found
