"""Speed against jieba + TfidfVectorizer + LinearSVC, trained on the same documents, side by side in one run.

    python benchmarks/speed.py [--paragraphs 20000] [--write]

Prints batch throughput, the time of one paragraph of about 300 characters, the time from a fresh process to the first
label, peak memory and artifact size, each with the ratio. Text: our own training documents, repeated.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import rival
from tables import table, write

from tagger import Tagger

ROOT = Path(__file__).parent.parent
MODEL = ROOT / "models" / "default"
SAMPLE = "组建普法小分队进村宣讲，法治副校长到校上法治课十六次。"
REPEATS = 7
OURS_FRESH = "from tagger import tag; str(tag({text!r}))"
RIVAL_FRESH = "import joblib; joblib.load({model!r}).predict([{text!r}])"
PEAK = "; print(next(line for line in open('/proc/self/status') if line.startswith('VmHWM')))"  # Linux


def documents() -> tuple[list[str], list[str]]:
    """Texts and themes of our own labelled paragraphs."""
    lines = (ROOT / "training_data" / "documents.jsonl").read_text("utf-8").splitlines()
    body = [record for record in map(json.loads, lines) if record["role"] == "body"]
    return [record["text"] for record in body], [record["theme"] for record in body]


def seconds(work: Callable[[], Any], repeats: int = REPEATS) -> float:
    """Shortest time of a piece of work: whatever else the machine does can only make it longer."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def fresh(code: str) -> tuple[float, float]:
    """Seconds of a fresh process that runs `code`, and its peak memory in MB."""
    run = [sys.executable, "-W", "ignore", "-c"]
    places = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "benchmarks")])}
    wait = seconds(lambda: subprocess.run([*run, code], check=True, capture_output=True, env=places))
    peak = subprocess.run([*run, code + PEAK], check=True, capture_output=True, text=True, env=places).stdout
    return wait, int(peak.split()[-2]) / 1024


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--paragraphs", type=int, default=20_000, help="length of the batch")
    parser.add_argument("--write", action="store_true", help="put the table into the documents")
    options = parser.parse_args()
    wanted = options.paragraphs
    texts, themes = documents()
    usual = rival.train(texts, themes)
    tagger = Tagger.load(MODEL)
    batch = (texts * (wanted // len(texts) + 1))[:wanted]
    characters = sum(map(len, batch))
    singles = [text for text in texts if 280 <= len(text) <= 320][:50]

    rows = []
    ours, theirs = seconds(lambda: tagger.tag_batch(batch)), seconds(lambda: usual.predict(batch), 2)
    rows.append(("batch, M characters/s", characters / ours / 1e6, characters / theirs / 1e6, theirs / ours))
    ours = seconds(lambda: [tagger.tag(text) for text in singles]) / len(singles)
    theirs = seconds(lambda: [usual.predict([text]) for text in singles]) / len(singles)
    rows.append(("one ~300-character paragraph, µs", ours * 1e6, theirs * 1e6, theirs / ours))
    with tempfile.TemporaryDirectory() as folder:
        saved = Path(folder) / "rival.joblib"
        joblib.dump(usual, saved)
        ours, our_peak = fresh(OURS_FRESH.format(text=SAMPLE))
        theirs, their_peak = fresh(RIVAL_FRESH.format(model=str(saved), text=SAMPLE))
        rows.append(("fresh process to first label, ms", ours * 1e3, theirs * 1e3, theirs / ours))
        rows.append(("peak memory of that process, MB", our_peak, their_peak, their_peak / our_peak))
        our_size = sum(part.stat().st_size for part in MODEL.iterdir())
        rows.append(("artifact, MB", our_size / 2**20, saved.stat().st_size / 2**20, saved.stat().st_size / our_size))

    text = f"{len(batch)} paragraphs, {characters / 1e6:.1f} M characters:\n\n"
    text += table(
        ["", "tagger", "jieba + TF-IDF + LinearSVC", "ratio"],
        [[name, f"{ours:.2f}", f"{theirs:.2f}", f"{ratio:.1f}x"] for name, ours, theirs, ratio in rows],
    )
    print(text)
    if options.write:
        for document in ("README.md", "README.en.md", "docs/performance.md"):
            write(ROOT / document, "speed", text)


if __name__ == "__main__":
    main()
