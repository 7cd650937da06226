"""One factory a noun; the folders that tests share."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from tagger import Tagger
from tagger.records import Label, Line, Source

ROOT = Path(__file__).parent.parent
SHARED = ROOT.parent / "shared"

hypothesis.settings.register_profile("tagger", deadline=None, derandomize="CI" in os.environ)
hypothesis.settings.load_profile("tagger")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # jieba 0.42.1 warns about its own code when it is imported
    import jieba  # noqa: F401


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    if not SHARED.is_dir():
        pytest.skip("需要项目旁边的 shared/（真实材料），这里没有")
    return SHARED


@pytest.fixture(scope="session")
def tagger() -> Tagger:
    return Tagger.load(ROOT / "models" / "default")


@pytest.fixture(scope="session")
def documents() -> list[dict[str, Any]]:
    """All lines of the training documents."""
    lines = (ROOT / "training_data" / "documents.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


@pytest.fixture
def make_source() -> Callable[..., Source]:
    def make(*texts: str, levels: dict[int, int] | None = None) -> Source:
        """A source whose lines are these texts; `levels` gives line number → heading level."""
        lines, position = [], 0
        for number, text in enumerate(texts):
            lines.append(Line(position, position + len(text), (levels or {}).get(number)))
            position += len(text) + 1
        return Source("测试", "\n".join(texts), tuple(lines))

    return make


@pytest.fixture(scope="session")
def small_labels() -> list[Label]:
    """A few hundred of our own labels, whole documents: enough to train a small model in a second or two."""
    from tagger.learning.labels import read_labels

    labels = read_labels([ROOT / "training_data" / "documents.jsonl"])
    wanted = sorted({label.document for label in labels})[::9]
    return [label for label in labels if label.document in wanted]
