"""One job of benchmarks/scale.py in a process of its own: prints seconds, processor seconds and peak memory as JSON.

    python benchmarks/measured.py WAY SOURCE OUT [--model MODEL] [--jobs 1]

`tagger` runs the product's own runner over a table or a folder; `constant`, `jieba` and `fasttext` the same runner with
another tagger in it, so that reading and writing are the same; `plain` reads and writes the table as most programs
would, without tags; `steps` tells where the time for a folder goes, then tags it. What comes before the first row,
such as loading a model, does not count.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import TypeAlias
from unittest import mock

import numpy as np

from tagger import batch
from tagger.outline import outline
from tagger.reading import read
from tagger.tables import columns, parquet
from tagger.tables.columns import Paths, Tags
from tagger.tagging import Tagger
from tagger.writing import csv, jsonl
from tagger.writing.rows import rows_of_each

MODEL = Path(__file__).parent.parent / "models" / "default"
TOGETHER = 16  # documents, as the runner takes them
KIBIBYTES = 1024

Predict: TypeAlias = Callable[[Sequence[str]], Sequence[str]]
Seconds: TypeAlias = dict[str, tuple[float, float]]  # step -> by the clock, of the processor


def cpu_seconds() -> float:
    """What the processor did for this process and those of its children that are gone."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used)


def peak_megabytes() -> float:
    """The most memory that this process held; unlike `ru_maxrss`, nothing of the process that started it. Linux."""
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / KIBIBYTES


@contextmanager
def timed(seconds: Seconds, step: str) -> Iterator[None]:
    """Add what is done inside to a step."""
    wall, cpu = time.perf_counter(), cpu_seconds()
    yield
    before = seconds.get(step, (0.0, 0.0))
    seconds[step] = before[0] + time.perf_counter() - wall, before[1] + cpu_seconds() - cpu


def run(source: Path, out: Path, *, jobs: int) -> None:
    """Tag a table or a folder with the product's own runner."""
    inputs = batch.inputs_at([source], out=out)
    plan = batch.planned(inputs, out, Tagger.load(MODEL), batch.Options())
    done = batch.run(plan, engine=batch.engine(jobs), on_progress=lambda _: None)
    if done.failures:
        raise SystemExit(done.failures[0].reason)


def plain(source: Path, out: Path) -> None:
    """Read and write a table, without tags, as most programs would."""
    out.mkdir()
    if source.suffix == ".jsonl":
        with source.open(encoding="utf-8") as lines, (out / source.name).open("w", encoding="utf-8") as target:
            target.writelines(json.dumps(json.loads(line), ensure_ascii=False) + "\n" for line in lines)
    else:
        import pyarrow.parquet as arrow  # noqa: PLC0415 - its memory counts only where it is used

        arrow.write_table(arrow.read_table(source), out / source.name, compression="zstd")


@contextmanager
def instead(predict: Predict) -> Iterator[None]:
    """Have the runner take its themes from another program; all else that it writes is the same for each row."""

    def tags_of(tagger: Tagger, texts: Sequence[str], _: Paths | None) -> Tags:
        themes = tagger.model.themes
        number = {theme: place for place, theme in enumerate(themes)}
        theme = np.fromiter(map(number.__getitem__, predict(texts)), np.int64, len(texts))
        none = np.zeros(len(texts), np.int64)
        return Tags(themes, ((),), theme, none, none, none.astype(np.bool_), none, none)

    with mock.patch.object(columns, "tags_of", tags_of), mock.patch.object(parquet, "tags_of", tags_of):
        yield


def predictor(way: str, model: str) -> Predict:
    """The program that is put in our place, loaded and ready."""
    return constant if way == "constant" else jieba(model) if way == "jieba" else fasttext(model)


def constant(texts: Sequence[str]) -> Sequence[str]:
    """The same theme for all."""
    return ["其他"] * len(texts)


def jieba(model: str) -> Predict:
    """The usual pipeline, made by benchmarks/rival.py."""
    import joblib  # noqa: PLC0415

    predict: Predict = joblib.load(model).predict
    predict(["先让 jieba 读好它的词典。"])
    return predict


def fasttext(model: str) -> Predict:
    """A model of fastText on characters."""
    import fasttext as library  # noqa: PLC0415 - need not be there

    library.FastText.eprint = lambda *_: None  # it warns on standard error that an old function was renamed
    loaded = library.load_model(model)

    def predict(texts: Sequence[str]) -> Sequence[str]:
        labels, _ = loaded.predict([" ".join(text.replace("\n", " ")) for text in texts])
        return [label.removeprefix("__label__") for (label,) in labels]

    return predict


def steps(paths: Sequence[Path]) -> Seconds:
    """Where the time goes that documents take, one job, step by step as the runner does them."""
    tagger, seconds = Tagger.load(MODEL), Seconds()
    for first in range(0, len(paths), TOGETHER):
        together = paths[first : first + TOGETHER]
        with timed(seconds, "读（解压、XML、段落）"):
            sources = list(map(read, together))
        with timed(seconds, "结构（标题、正文、落款）"):
            outlines = [(source, outline(source)) for source in sources]
        with timed(seconds, "标注"):
            documents = tagger.tag_outlines(outlines)
        body = [(each.paragraph.text, each.tag.theme) for one in documents for each in one.paragraphs if each.tag]
        with timed(seconds, "理由"):
            reasons = tagger.strongest_reasons([text for text, _ in body], [theme for _, theme in body])
        with timed(seconds, "整理成行"):
            rows = rows_of_each(documents, lambda *_, known=reasons: known)
        with timed(seconds, "写成 .jsonl 和 .csv"):
            for module in (jsonl, csv):
                target = io.StringIO(newline="")
                for row in (row for document in rows for row in document):
                    module.write_row(target, row)
                target.getvalue().encode("utf-8")
        with timed(seconds, "文件的 SHA-256"):
            for path in together:
                hashlib.sha256(path.read_bytes()).digest()
    return seconds


def main() -> None:
    """Do one job."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("way", choices=("tagger", "constant", "jieba", "fasttext", "plain", "steps"))
    parser.add_argument("source", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--model", help="of jieba or fastText")
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    if options.source.suffix == ".parquet":
        import pyarrow as pa  # noqa: PLC0415
        import pyarrow.parquet  # noqa: PLC0415

        pa.array([""])  # this imports pandas, too, where it is installed
    seconds: Seconds = {}
    if options.way == "steps":
        paths = sorted(options.source.iterdir())
        steps(paths[:TOGETHER])  # has all modules loaded
        seconds |= steps(paths)
    others = {"constant", "jieba", "fasttext"}
    with instead(predictor(options.way, options.model)) if options.way in others else nullcontext():
        do = plain if options.way == "plain" else partial(run, jobs=options.jobs)
        with timed(seconds, "all"):
            do(options.source, options.out)
    print(json.dumps({"seconds": seconds, "peak": peak_megabytes()}))


if __name__ == "__main__":
    main()
