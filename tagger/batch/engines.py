"""Who works the shards. An engine is anything like `map`: it takes the work and the shards, and gives results in order.

`map` itself works them in this process, `engine(jobs)` in several processes of this machine, `engine_at(address)` on a
cluster.
"""

from __future__ import annotations

import importlib
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Future
from contextlib import AbstractContextManager
from functools import partial
from typing import TypeAlias, TypeVar

from tagger.batch.elsewhere import Work
from tagger.batch.shards import Shard, ShardResult, lost
from tagger.errors import UsageError

Engine: TypeAlias = Callable[[Work, Iterable[Shard]], Iterator[ShardResult]]
F = TypeVar("F")

CLUSTERS = {"dask": "tagger.batch.dask", "ray": "tagger.batch.ray"}
ADDRESSES = "dask://主机:8786、ray://主机:10001 或 ray://auto"
AHEAD = 3  # shards a worker that wait or are done and not yet written: enough to keep it busy, and memory flat
SECONDS_BETWEEN_LOOKS = 1.0


def engine(jobs: int) -> Engine:
    """The engine for so many processes on this machine."""
    return map if jobs == 1 else partial(_in_processes, jobs)


def engine_at(address: str) -> AbstractContextManager[Engine]:
    """The engine of a cluster that is running already, while the `with` block lasts.

    Raises `UsageError` if the address makes no sense or nobody answers there, and `MissingPackageError` if the package
    for such a cluster is not installed here.
    """
    kind, _, place = address.partition("://")
    if kind not in CLUSTERS or not place:
        raise UsageError("--engine", found=repr(address), expected=ADDRESSES, advice="改正后再试")
    module = importlib.import_module(CLUSTERS[kind])  # the cluster's package is loaded only when it is asked for
    connected: AbstractContextManager[Engine] = module.connected(address, place)
    return connected


def _in_processes(jobs: int, work: Work, shards: Iterable[Shard]) -> Iterator[ShardResult]:
    # joblib's own processes: unlike joblib.Parallel, they can be kept from running ahead of a slow shard
    from joblib.externals.loky import get_reusable_executor  # noqa: PLC0415 - only needed with several jobs

    processes = partial(  # new ones if one of them died
        get_reusable_executor, max_workers=jobs, initializer=_end_with, initargs=(os.getpid(),)
    )
    try:
        yield from in_order(
            lambda shard: processes().submit(work, shard), partial(_result, work), shards, lambda: AHEAD * jobs
        )
    finally:
        processes().shutdown(kill_workers=True)


def _end_with(parent: int) -> None:
    """Have this process end when its parent is gone: killed, it could not tell us, and we would wait forever."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(SECONDS_BETWEEN_LOOKS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def in_order(
    submit: Callable[[Shard], F],
    result: Callable[[Shard, F], ShardResult],
    shards: Iterable[Shard],
    ahead: Callable[[], int],
) -> Iterator[ShardResult]:
    """The results of shards that are worked somewhere, in their order; at most `ahead()` are under way."""
    waiting: deque[tuple[Shard, F]] = deque()
    for shard in shards:
        waiting.append((shard, submit(shard)))
        while len(waiting) >= max(1, ahead()):
            yield result(*waiting.popleft())
    while waiting:
        yield result(*waiting.popleft())


def _result(work: Work, shard: Shard, future: Future[ShardResult]) -> ShardResult:
    """The result of a shard. If a process died meanwhile, which takes all with it, the shard is worked again, alone."""
    try:
        return future.result()
    except BrokenExecutor:
        return alone(work, shard)


def alone(work: Work, shard: Shard) -> ShardResult:
    """The result of a shard whose process died, from a new process of this machine; if that dies too, it is lost."""
    from joblib.externals.loky import ProcessPoolExecutor  # noqa: PLC0415

    with ProcessPoolExecutor(max_workers=1, initializer=_end_with, initargs=(os.getpid(),)) as process:
        try:
            result: ShardResult = process.submit(work, shard).result()
        except BrokenExecutor:
            return lost(shard)
        return result
