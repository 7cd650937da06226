"""Runs on clusters: a real scheduler and real worker processes on loopback, which are killed and come back."""

from __future__ import annotations

import json
import os
import pickle
import random
import re
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import pytest

from tagger import Tagger
from tagger.batch import Options, Plan, Progress, engine_at, inputs_at, planned, run
from tagger.batch.elsewhere import CURRENT_FOLDER, Errand, Refusal
from tagger.batch.shards import Documents, Shard, ShardResult
from tagger.batch.working import work
from tagger.cli import main
from tagger.errors import MissingPackageError, UsageError

SENTENCES = ("支部换届全部完成，发展党员三名。", "普法小分队进村宣讲十二次。", "整治形式主义，减少会议和发文。")
SECONDS = 60.0  # that anything may take to start


def ignore(_: Progress) -> None:
    pass


@pytest.fixture
def folder(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Documents, one of them broken, and a table: two dozen shards."""
    monkeypatch.setattr("tagger.batch.shards.MAX_FILES", 2)
    monkeypatch.setattr("tagger.tables.lines.PIECE_BYTES", 2**16)
    folder = tmp_path / "材料"
    folder.mkdir()
    for number in range(30):
        text = f"第{number}号总结\n一、工作\n{SENTENCES[number % 3]}\n"
        (folder / f"{number:02}.txt").write_text(text, encoding="utf-8")
    (folder / "坏.docx").write_bytes(b"PK\x03\x04 broken")
    shutil.copy(root / "examples" / "县实施方案.docx", folder)
    lines = (json.dumps({"编号": number, "正文": SENTENCES[number % 3]}, ensure_ascii=False) for number in range(4000))
    (folder / "表.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return folder


@pytest.fixture
def make_plan(folder: Path, tagger: Tagger) -> Callable[..., Plan]:
    def make(out: Path, **options: object) -> Plan:
        inputs = inputs_at([folder, folder / "表.jsonl"])
        return planned(inputs, out, tagger, Options(**options))  # type: ignore[arg-type]

    return make


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != "run.json")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def free_port() -> int:
    """A port that neither the system nor Ray gives to others meanwhile."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as found:
            if found.connect_ex(("127.0.0.1", port)) != 0:
                return port


# What is sent to other machines, looked at here


def test_an_errand_is_worked_as_at_home(make_plan: Callable[..., Plan], tmp_path: Path) -> None:
    plan = make_plan(tmp_path)
    errand = pickle.loads(pickle.dumps(Errand.of(worked(plan))))  # noqa: S301 - our own
    first = first_documents(plan)
    assert errand(first) == work(plan.recipe, first)
    assert replace(errand, folder="/没有")(first) == work(plan.recipe, first)


def first_documents(plan: Plan) -> Shard:
    return next(shard for shard in plan.shards() if isinstance(shard.load, Documents))


def worked(plan: Plan) -> Callable[[Shard], ShardResult]:
    return partial(work, plan.recipe)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda errand, plan: replace(errand, version="0.0.1"), "tagger 是"),
        (
            lambda errand, plan: Errand.of(lambda shard: work(replace(plan.recipe, model="/没有"), shard)),
            "/没有：没有这个模型文件夹",
        ),
        (
            lambda errand, plan: Errand.of(lambda shard: work(replace(plan.recipe, model_id="别的"), shard)),
            "自带模型：模型换成了",
        ),
        (
            lambda errand, plan: Errand.of(lambda shard: work(replace(plan.recipe, copies="/没有"), shard)),
            "看不到这次运行的输出文件夹",
        ),
    ],
)
def test_a_machine_that_is_not_fit_says_so(
    make_plan: Callable[..., Plan], tmp_path: Path, change: Callable[[Errand, Plan], Errand], found: str
) -> None:
    plan = make_plan(tmp_path)
    shard = first_documents(plan)
    answer = change(Errand.of(worked(plan)), plan)(shard)
    assert isinstance(answer, Refusal)
    assert found in answer.found
    with pytest.raises(UsageError, match="集群里的 .*--resume"):
        Errand.of(worked(plan)).result(shard, answer)


def test_a_file_that_only_the_machine_does_not_see_is_its_fault(make_plan: Callable[..., Plan], tmp_path: Path) -> None:
    plan = make_plan(tmp_path)
    shard = first_documents(plan)
    assert isinstance(shard.load, Documents)
    missing = Path(shard.load.files[0].path)
    errand = Errand.of(worked(plan))
    content = missing.read_bytes()
    missing.write_bytes(content + b"longer")  # another file of this name
    answer = errand(shard)
    assert isinstance(answer, Refusal)
    missing.write_bytes(content)
    with pytest.raises(UsageError, match=rf"看不到 {missing}.*共享磁盘"):
        errand.result(shard, answer)
    missing.unlink()  # nor is it here: then it is told as without a cluster
    answer = errand(shard)
    assert "没有这个文件" in errand.result(shard, answer).failures[0].reason


def test_relative_paths_are_of_the_folder_at_home(
    folder: Path, tmp_path: Path, tagger: Tagger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.parent)
    plan = planned(inputs_at([folder.name]), tmp_path / "out", tagger, Options())
    errand, shard = Errand.of(worked(plan)), first_documents(plan)
    here = work(plan.recipe, shard)
    monkeypatch.chdir("/")
    assert errand(shard) == here
    assert Path.cwd() == Path("/")
    answer = replace(errand, folder="/没有")(shard)
    assert isinstance(answer, Refusal)
    assert answer.found == "/没有：看不到这个文件夹"
    with CURRENT_FOLDER.at(str(tmp_path)), CURRENT_FOLDER.at(str(tmp_path)):
        assert Path.cwd() == tmp_path
    assert Path.cwd() == Path("/")


@pytest.mark.parametrize("address", ["spark://a:1", "dask://", "dask", "auto"])
def test_addresses_that_make_no_sense(address: str, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="dask://主机:8786"):
        engine_at(address)
    assert main(["tag", str(folder), "--out", str(tmp_path / "out"), "--engine", address]) == 2


@pytest.mark.parametrize(("kind", "package"), [("dask", "distributed"), ("ray", "ray")])
def test_a_package_that_is_not_installed_is_named(kind: str, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingPackageError, match=f"没有安装 {package}.*pip install"), engine_at(f"{kind}://a:1"):
        pass


@pytest.mark.parametrize(
    "arguments", [["-", "--out", "x"], ["x", "--out", "y", "--jobs", "2"], ["x"], ["--stdin-jsonl"]]
)
def test_options_that_do_not_go_with_a_cluster(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tag", *arguments, "--engine", "dask://127.0.0.1:1"]) == 2
    assert "--engine" in capsys.readouterr().err


# Dask


class DaskCluster:
    """A scheduler and two workers, each a process of its own."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.environment = {**os.environ, "PYTHONPATH": f"{root}{os.pathsep}{root / 'tests'}"}
        self.environment["DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES"] = "0"  # two workers are soon used up
        self.environment["DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT"] = "3s"  # to a worker that died; 30 s before
        self.folder = folder
        self.port = free_port()
        self.address = f"dask://127.0.0.1:{self.port}"
        self.log = (folder / "dask.log").open("wb")
        self.processes = [self.start("scheduler", "--host", "127.0.0.1", "--port", str(self.port), "--no-show")]
        self.workers = [self.start_worker() for _ in range(2)]

    def start(self, what: str, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", f"distributed.cli.dask_{what}", *arguments, "--no-dashboard"]
        return subprocess.Popen(
            command, cwd=self.folder, env=self.environment, stdout=self.log, stderr=subprocess.STDOUT
        )

    def start_worker(self) -> subprocess.Popen[bytes]:
        options = ("--nthreads", "1", "--no-nanny", "--local-directory", str(self.folder), "--host", "127.0.0.1")
        return self.start("worker", f"tcp://127.0.0.1:{self.port}", *options)

    def stop(self) -> None:
        for process in (*self.workers, *self.processes):
            process.kill()
            process.wait()
        self.log.close()


@pytest.fixture
def dask(root: Path, tmp_path: Path) -> Iterator[DaskCluster]:
    pytest.importorskip("distributed", reason="没有安装 dask 集群用的 distributed")
    place = tmp_path / "dask"
    place.mkdir()
    cluster = DaskCluster(root, place)
    try:
        await_workers(cluster)
        yield cluster
    finally:
        cluster.stop()


def await_workers(cluster: DaskCluster) -> None:
    from distributed import Client

    with Client(f"tcp://127.0.0.1:{cluster.port}", timeout=SECONDS, set_as_default=False) as client:
        client.wait_for_workers(2, timeout=SECONDS)


def test_a_dask_cluster_that_loses_a_worker_writes_the_same_bytes(
    dask: DaskCluster, make_plan: Callable[..., Plan], tmp_path: Path
) -> None:
    whole = run(make_plan(tmp_path / "整", extras=["report", "annotate"]), on_progress=ignore)
    killed: list[int] = []

    def kill_one(progress: Progress) -> None:
        if progress.shards == 4 and not killed:
            dask.workers[0].kill()
            killed.append(dask.workers[0].pid)

    plan = make_plan(tmp_path / "群", extras=["report", "annotate"])
    with engine_at(dask.address) as engine:
        done = run(plan, engine=engine, on_progress=kill_one)
    assert killed
    assert whole.shards > 20
    assert contents(tmp_path / "群") == contents(tmp_path / "整")
    assert (done.counts, done.failures) == (whole.counts, whole.failures)


def test_a_dask_cluster_that_ends_leaves_a_run_that_goes_on(
    dask: DaskCluster, make_plan: Callable[..., Plan], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tagger.batch.dask.SECONDS_WITHOUT_WORKERS", 0.5)
    monkeypatch.setattr("tagger.batch.dask.SECONDS_TO_ANSWER", 2.0)
    whole = run(make_plan(tmp_path / "整"), on_progress=ignore)

    def kill(processes: list[subprocess.Popen[bytes]], after: int) -> Callable[[Progress], None]:
        def kill_them(progress: Progress) -> None:
            if progress.shards == after:
                for process in processes:
                    process.kill()
                    process.wait()

        return kill_them

    plan = make_plan(tmp_path / "断")
    with pytest.raises(UsageError, match="没有工作进程了.*--resume"), engine_at(dask.address) as engine:
        run(plan, engine=engine, on_progress=kill(dask.workers, 2))
    dask.workers += [dask.start_worker(), dask.start_worker()]
    await_workers(dask)
    with pytest.raises(UsageError, match="连接断了.*--resume"), engine_at(dask.address) as engine:
        run(plan, engine=engine, resume=True, on_progress=kill(dask.processes, 8))
    done = run(plan, resume=True, on_progress=ignore)
    assert contents(tmp_path / "断") == contents(tmp_path / "整")
    assert (done.counts, done.failures) == (whole.counts, whole.failures)


def test_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed", reason="没有安装 dask 集群用的 distributed")
    monkeypatch.setattr("tagger.batch.dask.SECONDS_TO_ANSWER", 0.2)
    for place in (f"127.0.0.1:{free_port()}", "127.0.0.1:x"):
        with pytest.raises(UsageError, match="连不上.*检查集群和网络"), engine_at(f"dask://{place}"):
            pass


def test_a_shard_that_no_worker_survives_is_reported(
    dask: DaskCluster, make_plan: Callable[..., Plan], tmp_path: Path
) -> None:
    with engine_at(dask.address) as engine:
        deadly = lambda work, shards: engine(Deadly(work), shards)  # noqa: E731 - an engine
        done = run(make_plan(tmp_path / "out"), engine=deadly, on_progress=ignore)
    assert [Path(failure.place).name for failure in done.failures] == ["04.txt", "05.txt", "坏.docx"]
    assert "进程意外终止" in done.failures[0].reason


@dataclass
class Deadly:
    """Kills every process that works a certain file."""

    work: Callable[[Shard], ShardResult]

    def __call__(self, shard: Shard) -> ShardResult:
        if "05.txt" in str(shard):
            os._exit(1)
        return self.work(shard)


@dataclass
class DeadlyOnce:
    """Kills the first process that works a certain file."""

    work: Callable[[Shard], ShardResult]
    mark: Path

    def __call__(self, shard: Shard) -> ShardResult:
        if "05.txt" in str(shard) and not self.mark.exists():
            self.mark.touch()
            os._exit(1)
        return self.work(shard)


def test_the_command_works_on_a_cluster(
    dask: DaskCluster, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["tag", str(folder), "--out", str(tmp_path / "out"), "--engine", dask.address]
    assert main([*arguments, "--dry-run"]) == 0
    assert main(arguments) == 1
    assert re.search("32 个文件，[0-9]+ 段（1 处未能标注）", capsys.readouterr().out)


# Ray


@pytest.fixture
def ray_address(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    if find_spec("ray") is None:
        pytest.skip("没有安装 ray")
    place = Path(tempfile.mkdtemp(prefix="ray-"))  # its sockets must have short paths
    port = free_port()
    monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{port}")  # that ray://auto means
    monkeypatch.setenv("RAY_AUTH_MODE", "token")  # read when ray is imported: nobody else may use the cluster
    monkeypatch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(32))
    options = ["--num-cpus=2", "--include-dashboard=false", "--disable-usage-stats", "--node-ip-address=127.0.0.1"]
    options += [f"--port={port}", f"--temp-dir={place}"]
    with (place / "log").open("wb") as log:
        head = subprocess.Popen(
            [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", *options],
            env={**os.environ, "PYTHONPATH": f"{root}{os.pathsep}{root / 'tests'}"},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        await_text(place / "log", "Ray runtime started")
        yield "ray://auto"
    finally:
        head.terminate()  # it ends its processes
        head.wait()
        shutil.rmtree(place, ignore_errors=True)


def await_text(path: Path, text: str) -> None:
    end = time.monotonic() + SECONDS
    while text not in path.read_text("utf-8"):
        assert time.monotonic() < end, path.read_text("utf-8")
        time.sleep(0.2)


def test_a_ray_cluster_that_loses_a_worker_writes_the_same_bytes(
    ray_address: str, make_plan: Callable[..., Plan], tmp_path: Path
) -> None:
    whole = run(make_plan(tmp_path / "整", extras=["report", "annotate"]), on_progress=ignore)
    with engine_at(ray_address) as engine:
        deadly = lambda work, shards: engine(DeadlyOnce(work, tmp_path / "killed"), shards)  # noqa: E731 - an engine
        done = run(make_plan(tmp_path / "群", extras=["report", "annotate"]), engine=deadly, on_progress=ignore)
    assert (tmp_path / "killed").exists()
    assert contents(tmp_path / "群") == contents(tmp_path / "整")
    assert (done.counts, done.failures) == (whole.counts, whole.failures)
