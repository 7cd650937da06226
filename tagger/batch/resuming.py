"""Whether an unfinished run can go on: the same files, options, program and model as when it began."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tagger.batch.journal import Past
from tagger.errors import UsageError

OPTIONS = {  # what the user calls the parts of a recipe
    "model_id": "--model",
    "layout": "表格的选项（--text 等）",
    "items": "--items",
    "outputs": "--columns",
    "copies": "--annotate",
    "selection": "--select 或 --columns",
}


def check_unchanged(past: Past, plan: Mapping[str, Any]) -> None:
    """Raise `UsageError` if a plan would write other bytes than the unfinished run."""
    plan = json.loads(json.dumps(plan))  # as the journal has it
    change = next(_changes(past, plan), None)
    if change is not None:
        raise UsageError(
            "--resume", found=change, expected="与未完成的那次运行相同", advice="改回去再试，或去掉 --resume 重新标注"
        )


def _changes(past: Past, plan: Mapping[str, Any]) -> Iterator[str]:
    if past.plan["version"] != plan["version"]:
        yield f"软件版本从 {past.plan['version']} 变成了 {plan['version']}"
    before, now = past.plan["recipe"], plan["recipe"]
    if before["model_id"] != now["model_id"]:
        yield f"模型从 {before['model_id']} 变成了 {now['model_id']}"
    yield from (f"{option} 和上次不同" for name, option in OPTIONS.items() if before[name] != now[name])
    yield from _changed_inputs(past, plan["inputs"])


def _changed_inputs(past: Past, inputs: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    before = {each["path"]: each for each in past.plan["inputs"]}
    now = {each["path"]: each for each in inputs}
    yield from (f"多了文件 {path}" for path in now if path not in before)
    yield from (f"少了文件 {path}" for path in before if path not in now)
    yield from (f"文件 {path} 被改动过" for path in now if _differs(before[path], now[path], past.progress.hashes))
    if list(before) != list(now):
        yield "文件的次序变了"


def _differs(before: Mapping[str, Any], now: Mapping[str, Any], hashes: Mapping[str, str]) -> bool:
    """Whether a file is another than before; one that was merely copied or touched is not, if its content was noted."""
    if {**before, "changed_ns": 0} != {**now, "changed_ns": 0}:
        return True
    if before["changed_ns"] == now["changed_ns"]:
        return False
    noted = hashes.get(now["path"])
    return now["is_table"] if noted is None else noted != _hash(now["path"])


def _hash(path: str) -> str:
    try:
        with Path(path).open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()
    except OSError:
        return ""
