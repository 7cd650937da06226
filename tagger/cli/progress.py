"""How a run shows how far it is: a bar at a terminal, lines elsewhere, or JSON for programs; all on standard error."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import TypeAlias

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from tagger import batch
from tagger.cli.terminal import complaints

Show: TypeAlias = Callable[[batch.Progress], None]

STYLES = ("auto", "json", "none")
SECONDS_BETWEEN_LINES = 5.0
SECONDS_BETWEEN_RECORDS = 0.5


class Meter:
    """How much there is to do, and how fast it goes. It starts when it is first asked."""

    def __init__(self, files: int, size: int) -> None:
        self.files = files
        self.size = size  # bytes
        self._start: tuple[float, int, int] | None = None

    def read(self, progress: batch.Progress) -> dict[str, float]:
        """What there is to tell now."""
        now, counts = time.monotonic(), progress.counts
        began, paragraphs, size = self._start = self._start or (now, counts.paragraphs, counts.size)
        seconds, done = now - began, counts.size - size
        return {
            "share": 1.0 if progress.is_worked else round(counts.size / max(1, self.size), 4),
            "files": counts.files,
            "of_files": self.files,
            "paragraphs": counts.paragraphs,
            "failures": len(progress.failures),
            "paragraphs_per_second": round((counts.paragraphs - paragraphs) / seconds) if seconds else 0,
            "seconds_left": round((self.size - counts.size) * seconds / done) if done else 0,
        }


def shown(style: str, meter: Meter) -> AbstractContextManager[Show]:
    """Show the progress of a run in the style that was asked for."""
    if style == "none":
        return nullcontext(lambda _: None)
    if style == "json":
        return nullcontext(_now_and_then(SECONDS_BETWEEN_RECORDS, meter, _record, at_end=True))
    if complaints().is_terminal:
        return _bar(meter)
    return nullcontext(_now_and_then(SECONDS_BETWEEN_LINES, meter, _line, at_end=False))


def _now_and_then(seconds: float, meter: Meter, say: Callable[[dict[str, float]], None], *, at_end: bool) -> Show:
    last = time.monotonic()

    def show(progress: batch.Progress) -> None:
        nonlocal last
        told = meter.read(progress)
        if time.monotonic() - last >= seconds or (at_end and progress.is_worked):
            last = time.monotonic()
            say(told)

    return show


def _record(told: dict[str, float]) -> None:
    print(json.dumps(told), file=sys.stderr, flush=True)


def _line(told: dict[str, float]) -> None:
    done = f"{told['share']:.0%}　{told['files']}/{told['of_files']} 个文件，{told['paragraphs']:,} 段"
    left = f"{told['paragraphs_per_second']:,} 段/秒，约剩 {told['seconds_left']:,} 秒"
    complaints().print(f"{done}，{left}，{told['failures']} 处未能标注")


@contextlib.contextmanager
def _bar(meter: Meter) -> Iterator[Show]:
    columns = (BarColumn(), TaskProgressColumn(), TextColumn("{task.description}剩余"), TimeRemainingColumn())
    with Progress(*columns, console=complaints(), transient=True) as bar:
        task = bar.add_task("", total=meter.size)

        def show(progress: batch.Progress) -> None:
            told = meter.read(progress)
            files = f"{told['files']}/{told['of_files']} 个文件"
            rate = f"{told['paragraphs']:,} 段 {told['paragraphs_per_second']:,} 段/秒"
            bar.update(task, completed=progress.counts.size, description=f"{files} {rate} ")

        yield show
