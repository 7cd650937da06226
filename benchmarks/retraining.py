"""How long retraining takes, and how much memory: on the shipped labels, and on 100,000 made by resampling.

    python benchmarks/retraining.py [--labels 100000] [--write]

Each training runs in a process of its own, so that its peak memory is its own. `--write` puts the table into
docs/performance.md.
"""

from __future__ import annotations

import argparse
import random
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from joblib.externals.loky import get_reusable_executor
from tables import table, write

from tagger.learning.data import gather_data
from tagger.learning.training import train_model

ROOT = Path(__file__).parent.parent


def train(count: int) -> None:
    """Train on so many labels (0: those that there are) and print seconds and peak megabytes."""
    data = gather_data([ROOT / "training_data"])
    if count:
        draw = random.Random(0)
        drawn = (draw.choice(data.labels) for _ in range(count))  # under new names, so that folds stay mixed
        labels = tuple(replace(label, document=f"{label.document}#{number}") for number, label in enumerate(drawn))
        data = replace(data, labels=labels)
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        train_model(data, Path(folder, "model"), progress=lambda _: None)
        seconds = time.perf_counter() - begun
    get_reusable_executor().shutdown(wait=True)  # what the workers used is told when they have ended
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    workers = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print(len(data.labels), round(seconds), round(own / 1024), round(workers / 1024))


def main() -> None:
    """Measure each size in a fresh process."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--labels", type=int, default=100_000, help="labels of the larger training")
    parser.add_argument("--write", action="store_true", help="put the table into docs/performance.md")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one is not None:
        train(options.one)
        return
    rows = []
    for count in (0, options.labels):
        done = subprocess.run(
            [sys.executable, __file__, "--one", str(count)], capture_output=True, text=True, check=True, cwd=ROOT
        )
        rows.append(done.stdout.split())
    text = table(["标注段数", "训练秒数", "主进程内存峰值 MB", "最大的工作进程 MB"], rows)
    print(text)
    if options.write:
        write(ROOT / "docs" / "performance.md", "retraining", text)


if __name__ == "__main__":
    main()
