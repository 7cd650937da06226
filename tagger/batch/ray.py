"""Shards on a Ray cluster, which works the shards of a lost worker again on another."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from tagger.batch.elsewhere import Errand, Refusal, Work, gone, unfit
from tagger.batch.engines import AHEAD, Engine, alone, in_order
from tagger.batch.shards import Shard, ShardResult
from tagger.errors import MissingPackageError

if TYPE_CHECKING:
    from ray import ObjectRef


@contextmanager
def connected(address: str, place: str) -> Iterator[Engine]:
    """The engine of the cluster at a place, or of the one that runs on this machine. Raises as `engine_at` does."""
    try:
        import ray  # noqa: PLC0415 - large, and no part of a plain installation

        if place != "auto":
            import grpc  # noqa: F401, PLC0415 - how Ray speaks to another machine
    except ModuleNotFoundError as error:
        found, advice = f"没有安装 {error.name}", '运行 pip install "ray[client]"'
        raise MissingPackageError(address, found=found, expected="软件包 ray", advice=advice) from error
    try:
        ray.init("auto" if place == "auto" else address, log_to_driver=False, logging_level=logging.ERROR)
    except (OSError, ValueError, RuntimeError) as error:
        raise gone(address, f"连不上（{error}）") from error
    try:
        yield partial(_worked, address)
    finally:
        ray.shutdown()


def _worked(address: str, work: Work, shards: Iterable[Shard]) -> Iterator[ShardResult]:
    import ray  # noqa: PLC0415

    errand = Errand.of(work)
    run = ray.remote(num_cpus=1)(_run)
    ahead = AHEAD * int(ray.cluster_resources().get("CPU", 1))
    yield from in_order(partial(run.remote, errand), partial(_result, address, errand), shards, lambda: ahead)


def _run(errand: Errand, shard: Shard) -> ShardResult | Refusal:
    return errand(shard)


def _result(address: str, errand: Errand, shard: Shard, answer: ObjectRef[ShardResult | Refusal]) -> ShardResult:
    import ray  # noqa: PLC0415
    from ray import exceptions  # noqa: PLC0415

    try:
        found: ShardResult | Refusal = ray.get(answer)
    except (exceptions.WorkerCrashedError, exceptions.OutOfMemoryError):  # several died while they had it
        return alone(errand.work, shard)
    except (exceptions.RaySystemError, ConnectionError) as error:
        raise gone(address, f"连接断了（{error}）") from error
    except exceptions.RayError as error:
        raise unfit(address, error) from error
    return errand.result(shard, found)
