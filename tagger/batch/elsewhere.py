"""Work a shard on another machine of a cluster: it must run this tagger with this model, and see these files."""

from __future__ import annotations

import os
import platform
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from tagger import __version__
from tagger.batch.inputs import Input, identity
from tagger.batch.shards import Shard, ShardResult, inputs_of
from tagger.errors import InputError, TaggerError, UsageError

Work: TypeAlias = Callable[[Shard], ShardResult]
AGAIN = "再用同样的命令加 --resume 接着做"
SHARED = "集群的每台机器都以同样的路径看到同样的文件"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a machine cannot work a shard. It is an answer and no error, so that the cluster does not try again."""

    machine: str
    found: str
    expected: str
    advice: str
    file: Input | None = None  # that it does not see as we do

    def error(self) -> TaggerError:
        """The error to raise for it."""
        advice = f"{self.advice}，{AGAIN}"
        return UsageError(f"集群里的 {self.machine}", found=self.found, expected=self.expected, advice=advice)


class _CurrentFolder:
    """The current folder of this process, which its threads share: those that want another one wait."""

    def __init__(self) -> None:
        self.turn = threading.Condition()
        self.threads = 0  # that want it as it is
        self.name = self.before = ""

    @contextmanager
    def at(self, name: str) -> Iterator[None]:
        with self.turn:
            self.turn.wait_for(lambda: not self.threads or self.name == name)
            if not self.threads:
                self.name, self.before = name, str(Path.cwd())
                os.chdir(name)
            self.threads += 1
        try:
            yield
        finally:
            with self.turn:
                self.threads -= 1
                if not self.threads:
                    os.chdir(self.before)
                    self.turn.notify_all()


CURRENT_FOLDER = _CurrentFolder()


@dataclass(frozen=True, slots=True)
class Errand:
    """The work as it is sent to other machines."""

    work: Work
    version: str
    folder: str  # of this process, of which relative paths are told

    @classmethod
    def of(cls, work: Work) -> Errand:
        """The errand to work as here."""
        return cls(work, __version__, str(Path.cwd()))

    def __call__(self, shard: Shard) -> ShardResult | Refusal:
        """The result of a shard, worked on this machine, or why it cannot be had."""
        machine = f"{platform.node()}（进程 {os.getpid()}）"
        if self.version != __version__:
            advice = "在各台机器上装同一版本"
            return Refusal(machine, f"tagger 是 {__version__} 版", f"与本机相同的 {self.version} 版", advice)
        try:
            with self._paths_of(shard):
                unlike = next((each for each in inputs_of(shard) if not _seen_alike(each)), None)
                if unlike is None:
                    return self.work(shard)
                found = f"看不到 {unlike.path}，或看到的是另一个文件"
                return Refusal(machine, found, SHARED, "把文件放到共享磁盘上", unlike)
        except TaggerError as error:
            return Refusal(machine, f"{error.subject}：{error.found}", error.expected, error.advice)

    def _paths_of(self, shard: Shard) -> AbstractContextManager[None]:
        """Have the paths of a shard mean what they mean at home. Raises `InputError` if that folder is not here."""
        if all(Path(each.path).is_absolute() for each in inputs_of(shard)):
            return nullcontext()
        if not Path(self.folder).is_dir():
            advice = "在共享磁盘上运行 tagger，或把路径写全"
            raise InputError(self.folder, found="看不到这个文件夹", expected=SHARED, advice=advice)
        return CURRENT_FOLDER.at(self.folder)

    def result(self, shard: Shard, answer: ShardResult | Refusal) -> ShardResult:
        """The result of a shard, at home again. Raises `UsageError` if it was refused.

        A file that is no longer here either is no fault of the machine: the shard is worked here, which tells of it.
        """
        if isinstance(answer, ShardResult):
            return answer
        if answer.file is not None and not _seen_alike(answer.file):
            return self.work(shard)
        raise answer.error()


def _seen_alike(file: Input) -> bool:
    """Whether this machine sees a file of the size that it had when the run was planned."""
    found = identity(file.path)
    return not file.changed_ns or (found is not None and found[0] == file.size)


def gone(address: str, reason: str) -> UsageError:
    """The error for a cluster that does not answer, or no longer."""
    return UsageError(address, found=reason, expected="正在运行的集群", advice=f"检查集群和网络，{AGAIN}")


def unfit(address: str, error: Exception) -> UsageError:
    """The error for a machine that cannot even begin: most likely tagger is not installed there, or not as here."""
    found, advice = f"工作进程出错（{type(error).__name__}：{error}）", f"检查各台机器上装的 tagger，{AGAIN}"
    return UsageError(address, found=found, expected=f"各台机器都装有 tagger {__version__}", advice=advice)
