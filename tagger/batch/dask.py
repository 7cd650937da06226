"""Shards on a Dask cluster. The scheduler gives the shards of a lost worker to the others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from tagger.batch.elsewhere import Errand, Refusal, Work, gone, unfit
from tagger.batch.engines import AHEAD, Engine, alone, in_order
from tagger.batch.shards import Shard, ShardResult
from tagger.errors import MissingPackageError

if TYPE_CHECKING:
    from distributed import Client, Future

SECONDS_TO_ANSWER = 20.0
SECONDS_WITHOUT_WORKERS = 60.0  # a worker that died is started again within a few


@contextmanager
def connected(address: str, place: str) -> Iterator[Engine]:
    """The engine of the cluster whose scheduler is at a place. Raises as `engine_at` does."""
    try:
        from distributed import Client  # noqa: PLC0415 - large, and no part of a plain installation
    except ModuleNotFoundError as error:
        found, advice = f"没有安装 {error.name}", '在本软件的文件夹里运行 pip install ".[dask]"'
        raise MissingPackageError(address, found=found, expected="软件包 distributed", advice=advice) from error
    try:
        client = Client(f"tcp://{place}", timeout=SECONDS_TO_ANSWER, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:  # TypeError: a port that is no number
        raise gone(address, f"连不上（{error}）") from error
    with client:
        yield partial(_worked, address, client)


def _worked(address: str, client: Client, work: Work, shards: Iterable[Shard]) -> Iterator[ShardResult]:
    errand = Errand.of(work)
    submit, result = partial(client.submit, errand, pure=False), partial(_result, address, client, errand)
    yield from in_order(submit, result, shards, lambda: AHEAD * _threads(address, client))


def _threads(address: str, client: Client) -> int:
    """How many shards the workers work at once; they come and go."""
    try:
        return sum(client.nthreads().values())
    except OSError as error:
        raise gone(address, f"连接断了（{error}）") from error


def _result(
    address: str, client: Client, errand: Errand, shard: Shard, future: Future[ShardResult | Refusal]
) -> ShardResult:
    from distributed import CancelledError, KilledWorker  # noqa: PLC0415

    answer: ShardResult | Refusal | None = None
    while answer is None:
        is_failed = future.status == "error"
        try:
            answer = future.result(timeout=SECONDS_WITHOUT_WORKERS)
        except TimeoutError as error:
            if is_failed:  # it was raised over there
                raise unfit(address, error) from error
            if not _threads(address, client):
                raise gone(address, "没有工作进程了") from None
        except KilledWorker:  # several workers died while they had it: perhaps of it, perhaps not
            return alone(errand.work, shard)
        except CancelledError as error:
            raise gone(address, "连接断了") from error
        except Exception as error:  # whatever a machine with another installation may raise
            raise unfit(address, error) from error
    return errand.result(shard, answer)
