"""A table of a million paragraphs and a folder of two thousand documents, end to end, against others and the floor.

    python benchmarks/scale.py [--rows 1000000] [--documents 2000] [--write]

Paragraphs and documents are our own training documents, resampled. Each measure is taken in a process of its own
(benchmarks/measured.py), and the shortest of several counts. The usual pipeline and fastText are put into the
same runner in our place and get fewer rows, as their time a row does not change. `--write` puts the tables into
docs/performance.md and the curves beside it.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby, islice
from os import cpu_count
from pathlib import Path
from typing import Any

import joblib
import pyarrow as pa
import rival
from curves import Panel, svg
from documents import records, write_docx
from pyarrow.parquet import ParquetWriter
from tables import table, write

ROOT = Path(__file__).parent.parent
PAGE, PICTURE = ROOT / "docs" / "performance.md", ROOT / "docs" / "pictures" / "scale.svg"
KINDS = (".parquet", ".jsonl")
STEPS_OF_GROWTH = (0.01, 0.03, 0.1, 0.3, 1)  # of the rows
USUAL_SHARE, FASTTEXT_SHARE = 0.02, 0.2  # of the rows, for the slower ones
REPEATS = 3
ROWS_AT_ONCE = 50_000
TIMES_USUAL, TIMES_FASTTEXT, OF_FLOOR = 30, 3, 1.5  # the goals
OURS, FLOOR = "**tagger**", "地板：同一个运行器，标签是常数"
USUAL = "同一个运行器，jieba + TF-IDF + LinearSVC"
FASTTEXT = "同一个运行器，fastText（单字到三字，同 accuracy.md）"
FASTTEXTS: dict[str, dict[str, Any]] = {
    FASTTEXT: {"wordNgrams": 3, "dim": 50},
    "同一个运行器，fastText（只看单字，最快）": {"wordNgrams": 1, "dim": 10, "bucket": 1},
}


@dataclass(frozen=True, slots=True)
class Measure:
    """What a job took."""

    rows: int
    wall: float
    cpu: float
    peak: float  # MB

    @property
    def cpu_a_row(self) -> float:
        """Microseconds of processor time."""
        return self.cpu / self.rows * 1e6


def measured(way: str, source: Path, rows: int, *more: str) -> Measure:
    """Do a job in a process of its own."""
    found = told(way, source, *more)
    wall, cpu = found["seconds"]["all"]
    return Measure(rows, wall, cpu, found["peak"])


def best(jobs: Mapping[str, Callable[[], Measure]]) -> dict[str, Measure]:
    """Do each job several times, in turn, and take the time that the processor needed least for: noise only adds."""
    rounds = [{name: job() for name, job in jobs.items()} for _ in range(REPEATS)]
    return {name: min((each[name] for each in rounds), key=lambda measure: measure.cpu) for name in jobs}


def told(way: str, source: Path, *more: str) -> dict[str, Any]:
    """What benchmarks/measured.py says."""
    with tempfile.TemporaryDirectory(dir=source.parent) as folder:
        command = [sys.executable, str(ROOT / "benchmarks" / "measured.py"), way, str(source), f"{folder}/out", *more]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    if done.returncode:
        raise SystemExit(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def write_table(path: Path, body: Sequence[dict[str, Any]], rows: int) -> None:
    """A table of paragraphs drawn from ours, with a number and a kind of document beside each."""
    draw = random.Random(0)
    lines = (draw.choice(body) for _ in range(rows))
    drawn = ({"id": number, "kind": line["kind"], "text": line["text"]} for number, line in enumerate(lines))
    if path.suffix == ".jsonl":
        with path.open("w", encoding="utf-8") as target:
            target.writelines(json.dumps(each, ensure_ascii=False) + "\n" for each in drawn)
        return
    schema = pa.schema({"id": pa.int64(), "kind": pa.string(), "text": pa.string()})
    # no dictionaries: among paragraphs that are all distinct there would be none
    with ParquetWriter(path, schema, compression="zstd", use_dictionary=False) as file:
        for _ in range(0, rows, ROWS_AT_ONCE):
            file.write_table(pa.Table.from_pylist(list(islice(drawn, ROWS_AT_ONCE)), schema))


def fasttext_models(body: Sequence[dict[str, Any]], folder: Path) -> dict[str, str]:
    """Train fastText on the characters of our paragraphs; where it is not installed, nothing."""
    try:
        import fasttext  # noqa: PLC0415 - a rival that need not be there
    except ModuleNotFoundError:
        return {}
    examples = folder / "fasttext.txt"
    lines = (f"__label__{line['theme']} {' '.join(line['text'])}\n" for line in body)
    examples.write_text("".join(lines), encoding="utf-8")
    models = {}
    for number, (name, settings) in enumerate(FASTTEXTS.items()):
        model = fasttext.train_supervised(str(examples), epoch=25, lr=0.5, thread=1, verbose=0, **settings)
        models[name] = str(folder / f"{number}.fasttext")
        model.save_model(models[name])
    return models


def race(rows: int, body: Sequence[dict[str, Any]], folder: Path) -> str:
    """The table of a million paragraphs."""
    usual = str(folder / "rival.joblib")
    joblib.dump(rival.train([line["text"] for line in body], [line["theme"] for line in body]), usual)
    fasttexts = fasttext_models(body, folder)
    lines, goals = [], []
    for kind in KINDS:
        found = _raced(kind, rows, body, folder, {USUAL: usual, **fasttexts})
        ours = found[OURS]
        for name, each in found.items():
            cells = f"{each.wall:.1f}", f"{each.cpu:.1f}", f"{each.rows / each.cpu:,.0f}", f"{each.peak:.0f}"
            times = f"{each.cpu_a_row / ours.cpu_a_row:.1f}"
            lines.append([f"{kind} → {kind}", name, f"{each.rows:,}", *cells, times])
        goals.append(_goal(f"{kind}：比 jieba 快", found[USUAL].cpu_a_row / ours.cpu_a_row, TIMES_USUAL))
        if fasttexts:
            goals.append(
                _goal(
                    f"{kind}：比 fastText（单字到三字）快", found[FASTTEXT].cpu_a_row / ours.cpu_a_row, TIMES_FASTTEXT
                )
            )
        goals.append(_floor(kind, ours, found[FLOOR]))
    text = table(["表", "做法", "行数", "秒", "CPU 秒", "段/CPU 秒", "内存峰值 MB", "CPU 是 tagger 的几倍"], lines)
    text += "\n" + "\n".join(goals) + "\n"
    return text if fasttexts else text + "\n没有安装 fastText，没有比：`pip install fasttext-wheel` 之后才有。\n"


def _raced(
    kind: str, rows: int, body: Sequence[dict[str, Any]], folder: Path, models: Mapping[str, str]
) -> dict[str, Measure]:
    """What each took for a row of the table; the slower ones have shorter tables."""
    whole, some, few = folder / f"all{kind}", folder / f"some{kind}", folder / f"few{kind}"
    counts = {whole: rows, some: int(rows * FASTTEXT_SHARE), few: int(rows * USUAL_SHARE)}
    for path, count in counts.items():
        write_table(path, body, count)
    plain = "json.loads 和 json.dumps" if kind == ".jsonl" else "pyarrow 整表读写"
    jobs = {
        OURS: partial(measured, "tagger", whole, rows),
        FLOOR: partial(measured, "constant", whole, rows),
        f"地板：{plain}，不加列": partial(measured, "plain", whole, rows),
    }
    for name, model in models.items():
        way, path = ("jieba", few) if name == USUAL else ("fasttext", some)
        jobs[name] = partial(measured, way, path, counts[path], "--model", model)
    found = best(jobs)
    for path in counts:
        path.unlink()
    return found


def _goal(what: str, found: float, wanted: float) -> str:
    return f"- {what} {found:.1f} 倍，目标 {wanted:g} 倍：{'达到' if found >= wanted else '**没有达到**'}。"


def _floor(kind: str, ours: Measure, floor: Measure) -> str:
    added = (ours.cpu - floor.cpu) / floor.cpu
    met = "达到" if added <= OF_FLOOR else "**没有达到**"
    whole = ours.cpu / floor.cpu
    return (
        f"- {kind}：标注本身的 CPU 时间是同一个运行器地板的 {added:.2f} 倍，目标不超过 {OF_FLOOR} 倍：{met}"
        f"（连读写一起是地板的 {whole:.2f} 倍）。"
    )


def growth(rows: int, body: Sequence[dict[str, Any]], folder: Path) -> tuple[str, str]:
    """Time and memory as tables grow: a table and curves."""
    found: dict[str, list[Measure]] = {kind: [] for kind in KINDS}
    for kind, share in ((kind, share) for kind in KINDS for share in STEPS_OF_GROWTH):
        path, count = folder / f"growing{kind}", int(rows * share)
        write_table(path, body, count)
        found[kind].append(best({kind: partial(measured, "tagger", path, count)})[kind])
        path.unlink()
    lines = [
        [f"{one.rows:,}", *(f"{value:.1f}" for each in (one, other) for value in (each.wall, each.cpu, each.peak))]
        for one, other in zip(*found.values(), strict=True)
    ]
    columns = [f"{kind} {what}" for kind in KINDS for what in ("秒", "CPU 秒", "内存峰值 MB")]
    seconds = {kind: [(each.rows, each.cpu) for each in measures] for kind, measures in found.items()}
    memory = {kind: [(each.rows, each.peak) for each in measures] for kind, measures in found.items()}
    panels = [
        Panel("CPU 秒（两轴都是对数：直线就是线性）", "段数", seconds, is_logarithmic=True),
        Panel("内存峰值，MB", "段数", memory),
    ]
    return table(["段数", *columns], lines), svg(panels)


def write_folder(folder: Path, count: int) -> float:
    """So many small Word files: our documents, each written as an office would, again under other names; mean kB."""
    folder.mkdir()
    written: list[bytes] = []
    for number, (_, lines) in zip(range(count), groupby(records(), key=lambda line: line["document"]), strict=False):
        path = folder / f"{number:05d}.docx"
        write_docx(path, list(lines))
        written.append(path.read_bytes())
    for number in range(len(written), count):
        (folder / f"{number:05d}.docx").write_bytes(written[number % len(written)])
    return sum(map(len, written)) / len(written) / 1000


def documents(count: int, folder: Path) -> str:
    """Files per second against the number of jobs, and where the time goes."""
    source = folder / "documents"
    size = write_folder(source, count)
    numbers = [jobs for jobs in (1, 2, 4) if jobs <= max(2, cpu_count() or 1)]
    found = best({str(jobs): partial(measured, "tagger", source, count, "--jobs", str(jobs)) for jobs in numbers})
    lines = []
    for jobs, each in found.items():
        cells = f"{each.wall:.1f}", f"{each.cpu:.1f}", f"{count / each.wall:.0f}", f"{count / each.cpu:.0f}"
        lines.append([jobs, *cells, f"{found['1'].wall / each.wall:.2f}"])
    text = f"{count:,} 份 .docx，平均 {size:.0f} kB：\n\n"
    text += table(["--jobs", "秒", "CPU 秒", "份/秒", "份/CPU 秒", "比一个进程快几倍"], lines)
    return f"{text}\n时间花在哪里（一个进程，另外量的一次）：\n\n{_steps(source, count)}"


def _steps(source: Path, count: int) -> str:
    seconds: dict[str, tuple[float, float]] = told("steps", source)["seconds"]
    wall, cpu = seconds.pop("all")
    seconds["运行日志、落盘和其余"] = (
        wall - sum(each[0] for each in seconds.values()),
        cpu - sum(each[1] for each in seconds.values()),
    )
    whole = sum(each[1] for each in seconds.values())
    lines = [
        [step, *(f"{each / count * 1000:.2f}" for each in both), f"{both[1] / whole:.0%}"]
        for step, both in seconds.items()
    ]
    return table(["步骤", "毫秒一份", "CPU 毫秒一份", "占 CPU"], lines)


def main() -> None:
    """Measure, print and, if asked, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the table")
    parser.add_argument("--documents", type=int, default=2000, help="in the folder")
    parser.add_argument(
        "--only", nargs="+", choices=("scale", "growth", "folder"), default=("scale", "growth", "folder")
    )
    parser.add_argument("--write", action="store_true", help="put tables and curves into docs/performance.md")
    options = parser.parse_args()
    body = [line for line in records() if line["role"] == "body"]
    texts = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if "scale" in options.only:
            texts["scale"] = race(options.rows, body, folder)
        if "growth" in options.only:
            texts["growth"], picture = growth(options.rows, body, folder)
            if options.write:
                PICTURE.write_text(picture, encoding="utf-8")
        if "folder" in options.only:
            texts["folder"] = documents(options.documents, folder)
    for name, text in texts.items():
        print(text)
        if options.write:
            write(PAGE, name, text)


if __name__ == "__main__":
    main()
