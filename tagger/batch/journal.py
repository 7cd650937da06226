"""The journal of a run, beside its outputs: which shards are done, and where the outputs ended then; so it can go on.

Its first line is the plan of the run, each further line a shard or the word that all are done. A line is written only
when the outputs that it speaks of are on the disk.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from contextlib import nullcontext, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from tagger.batch.outputs import HIDDEN, Outputs
from tagger.batch.shards import Counts, Failure, ShardResult
from tagger.errors import OutputError

FOLDER, NAME = ".run", "journal.jsonl"
SECONDS_AT_RISK = 0.5  # of work that a kill may cost: to make files safe takes some milliseconds each time


@dataclass(slots=True)
class Progress:
    """How far a run came."""

    shards: int = 0
    counts: Counts = field(default_factory=Counts)
    failures: list[Failure] = field(default_factory=list)
    hashes: dict[str, str] = field(default_factory=dict)  # SHA-256 of each document
    ends: dict[str, int] = field(default_factory=dict)  # of the outputs
    is_worked: bool = False  # all shards are done

    def add(self, line: Mapping[str, Any]) -> None:
        """Take note of a line of the journal."""
        if "shard" not in line:
            self.is_worked = True
            return
        self.shards += 1
        self.counts.add(Counts.of(line["counts"]))
        self.failures += [Failure(**each) for each in line["failures"]]
        self.hashes |= line["hashes"]
        self.ends |= line["ends"]


@dataclass(frozen=True, slots=True)
class Past:
    """What the journal of an unfinished run says."""

    plan: Mapping[str, Any]
    progress: Progress
    size: int  # bytes of its whole lines; a kill may leave half a line behind them


def unfinished(folder: Path) -> Past | None:
    """What is known of the unfinished run whose outputs would be in a folder; None if there is none to go on with."""
    try:
        content = (folder / FOLDER / NAME).read_bytes()
        content = content[: content.rfind(b"\n") + 1]
        plan, *lines = map(json.loads, content.splitlines())
        progress = Progress()
        for line in lines:
            progress.add(line)
    except (OSError, ValueError, LookupError, TypeError):
        return None
    return Past(plan, progress, len(content)) if isinstance(plan, dict) else None


class Journal:
    """Writes results to the outputs, and down how far they came. Use it in a `with` block: then all is on the disk."""

    def __init__(self, folder: Path, plan: Mapping[str, Any], past: Past | None) -> None:
        self.folder = folder
        self.plan = plan
        self.progress = Progress() if past is None else past.progress
        self.outputs = Outputs(folder, self.progress.ends)
        self._lines: list[Mapping[str, Any]] = []  # not yet written
        self._size = 0 if past is None else past.size
        self._written_at = time.monotonic()

    @property
    def path(self) -> Path:
        """Where it is."""
        return self.folder / FOLDER / NAME

    def __enter__(self) -> Self:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self._size:
            os.truncate(self.path, self._size)
            if not self.progress.is_worked:
                self.outputs.cut_back()
        else:
            self.path.write_bytes(b"")
            self._lines.append(self.plan)
            self.write_down()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with nullcontext() if kind is None else suppress(OSError, OutputError):  # the first trouble is the one to tell
            self.write_down()

    def add(self, result: ShardResult) -> None:
        """Write a result to the outputs."""
        for name, content in result.contents.items():
            self.outputs.append(name, content)
        line = {
            "shard": result.number,
            "ends": {name: self.outputs.ends[name] for name in result.contents},
            "counts": result.counts.facts(),
            "failures": [asdict(each) for each in result.failures],
            "hashes": result.hashes,
        }
        self.progress.add(line)
        self._lines.append(line)
        if time.monotonic() - self._written_at > SECONDS_AT_RISK:
            self.write_down()

    def close_shards(self) -> None:
        """Take down that all shards are done."""
        if not self.progress.is_worked:
            self._lines.append({"worked": True})
            self.progress.is_worked = True
        self.write_down()

    def write_down(self) -> None:
        """Have all results on the disk, then the journal."""
        self.outputs.secure()
        with self.path.open("r+b") as journal:
            journal.seek(0, os.SEEK_END)
            for line in self._lines:
                journal.write(json.dumps(line, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n")
            journal.flush()
            os.fsync(journal.fileno())
        self._lines = []
        self._written_at = time.monotonic()

    def remove(self) -> None:
        """Remove it when the run is finished, and what else served the run only."""
        self.path.unlink()
        for name in self.progress.ends:
            if name.startswith(HIDDEN):
                self.outputs.beside(name).unlink()
