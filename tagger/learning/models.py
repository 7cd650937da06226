"""A store of models: a folder of versions, one of them in use, and the way back.

    我的模型/
        0001-dcea0e515df0/    a model folder, number and model id
        0002-7f3b6a5c91e2/
        in-use                the versions that were put in use, one a line, the last one counts

`in-use` is replaced in one step, and only after a version stands complete: whatever is interrupted, the model in use
loads. Going back takes the last line away.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tagger.artifact import IN_USE, load_artifact, read_manifest, versions_in_use
from tagger.atomic import written_whole
from tagger.errors import ArtifactError, UsageError

NAME = re.compile(r"\d{4,}-[0-9a-z]+")


@dataclass(frozen=True, slots=True)
class Version:
    """A model in a store."""

    name: str
    folder: Path
    manifest: Mapping[str, Any]
    in_use: bool
    was_in_use: bool


def versions(store: str | Path) -> list[Version]:
    """The complete models of a store, oldest first; none if there is no such folder."""
    store = Path(store)
    used = versions_in_use(store)
    return [
        Version(
            name=folder.name,
            folder=folder,
            manifest=manifest,
            in_use=bool(used) and folder.name == used[-1],
            was_in_use=folder.name in used,
        )
        for folder in _folders(store)
        if (manifest := _manifest(folder)) is not None
    ]


def _folders(store: Path) -> list[Path]:
    """The folders that are named as versions are, oldest first."""
    return sorted(folder for folder in store.glob("*") if NAME.fullmatch(folder.name) and folder.is_dir())


def _manifest(folder: Path) -> Mapping[str, Any] | None:
    """What stands in the manifest of a version; None if it is incomplete or damaged."""
    try:
        return read_manifest(folder)
    except ArtifactError:
        return None


def next_place(store: str | Path, model_id: str) -> Path:
    """Where a new version belongs."""
    numbers = [int(folder.name.partition("-")[0]) for folder in _folders(Path(store))]
    return Path(store) / f"{max(numbers, default=0) + 1:04d}-{model_id}"


def use(store: str | Path, name: str) -> None:
    """Put a version in use. Raises `UsageError` if there is no such version, `OutputError` if it cannot be noted."""
    store = Path(store)
    known = [version.name for version in versions(store)]
    if name not in known:
        raise UsageError(
            store, found=f"没有版本 {name}", expected="、".join(known) or "先训练出一个模型", advice="换一个版本名"
        )
    used = versions_in_use(store)
    if not used or used[-1] != name:
        _note(store, [*used, name])


def rollback(store: str | Path) -> str:
    """Put the version in use that was used before; its name. Raises `ArtifactError` if there is none."""
    store = Path(store)
    used = versions_in_use(store)
    if len(used) < 2:
        raise ArtifactError(
            store, found="没有更早启用过的版本", expected="至少启用过两个版本", advice="用 tagger models 看看有哪些版本"
        )
    load_artifact(store / used[-2])  # one that does not load is not gone back to
    _note(store, used[:-1])
    return used[-2]


def _note(store: Path, used: list[str]) -> None:
    with written_whole(store / IN_USE) as beside:
        beside.write_text("".join(f"{name}\n" for name in used), encoding="utf-8")
