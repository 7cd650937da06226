"""Documents per second against python-docx, pypdf and the usual pipeline behind them, side by side in one run.

    python benchmarks/documents.py [--documents 40] [--write]

Documents: our own training documents, several in one file so that each has 60 to 200 paragraphs, written with
python-docx with the fonts, styles, numbers and tables of an office; some of them made PDFs by LibreOffice. First
reading alone, then the whole job: read, find the skeleton, tag, write .jsonl and .csv. The usual pipeline finds no
skeleton and gives no reasons.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import io
import json
import random
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import rival
from docx import Document
from docx.oxml.ns import qn
from docx.shared import Pt
from pypdf import PdfReader
from sklearn.pipeline import Pipeline
from speed import seconds
from tables import table, write

from tagger import Tagger
from tagger.cli import main as command
from tagger.outline import outline
from tagger.reading import read

ROOT = Path(__file__).parent.parent
MODEL = ROOT / "models" / "default"
SHORTEST, LONGEST = 60, 200  # paragraphs of a document
PDFS = 5  # reading one takes up to a second
REPEATS = 3
CONVERSION_SECONDS = 90
FONTS = {"title": ("方正小标宋简体", 22), "heading": ("黑体", 16), "body": ("仿宋_GB2312", 16)}
HEADING_STYLES = ("Heading 1", "Heading 2", "Heading 3")


def records() -> list[dict[str, Any]]:
    """All lines of our own labelled documents."""
    return [json.loads(line) for line in (ROOT / "training_data" / "documents.jsonl").read_text("utf-8").splitlines()]


def gathered(lines: Sequence[dict[str, Any]], count: int) -> Iterator[list[dict[str, Any]]]:
    """Lines of several documents after one another, enough for each of the files to be written."""
    together: list[dict[str, Any]]
    sizes = random.Random(7)  # only for lengths that differ
    documents = [list(each) for _, each in groupby(lines, key=lambda line: line["document"])] * (count // 50 + 1)
    for _ in range(count):
        wanted = sizes.randint(SHORTEST, LONGEST - 30)
        together = []
        while len(together) < wanted:
            together += documents.pop()
        yield together[:LONGEST]


def write_docx(path: Path, lines: Sequence[dict[str, Any]]) -> None:
    """Write a document as offices have them: a run a sentence, each with its fonts."""
    document = Document()
    for number, line in enumerate(lines):
        role = line["role"]
        style = (
            HEADING_STYLES[min(len(line["headings"]), 2)] if role == "heading" else "Title" if role == "title" else ""
        )
        paragraph = document.add_paragraph(style=style or ("List Number" if number % 10 == 9 else "Normal"))
        font, size = FONTS.get(role, FONTS["body"])
        for sentence in line["text"].replace("。", "。\0").split("\0"):
            run = paragraph.add_run(sentence)
            run.font.name, run.font.size = font, Pt(size)
            run._r.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), font)  # noqa: SLF001 - no other way
    grid = document.add_table(rows=6, cols=4, style="Table Grid")
    for cell, line in zip((cell for row in grid.rows for cell in row.cells), lines, strict=False):
        cell.text = line["text"][:12]
    document.save(str(path))


def write_pdfs(documents: Sequence[Path], folder: Path) -> str:
    """Write some documents as PDFs; if that cannot be done, the reason."""
    office = shutil.which("soffice") or shutil.which("libreoffice")
    if office is None:
        return "there is no LibreOffice"
    profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
    convert = [office, profile, "--headless", "--convert-to", "pdf", "--outdir", str(folder)]
    with contextlib.suppress(subprocess.TimeoutExpired):
        run = [*convert, *map(str, documents)]
        subprocess.run(run, check=False, capture_output=True, timeout=CONVERSION_SECONDS)
    return "" if any(folder.glob("*.pdf")) else "LibreOffice made no PDFs in time"


def paragraphs(path: Path) -> list[str]:
    """The text of a document as most programs read it."""
    if path.suffix == ".docx":
        return [paragraph.text for paragraph in Document(str(path)).paragraphs]
    return [line for page in PdfReader(path).pages for line in page.extract_text().splitlines()]


def usual_job(usual: Pipeline, paths: Sequence[Path], out: Path) -> None:
    """Read, tag and write as most programs would."""
    with (out / "rival.jsonl").open("w") as lines, (out / "rival.csv").open("w", newline="") as rows:
        sheet = csv.writer(rows)
        for path in paths:
            texts = [text for text in paragraphs(path) if text.strip()]
            for text, theme in zip(texts, usual.predict(texts), strict=True):
                lines.write(json.dumps({"file": path.name, "text": text, "theme": theme}, ensure_ascii=False) + "\n")
                sheet.writerow((path.name, text, theme))


def our_job(paths: Sequence[Path], out: Path) -> None:
    """The same with `tagger tag`, in this process: both have their model in memory."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        command(["tag", *map(str, paths), "--out", str(out / "ours"), "--model", str(MODEL)])


def compared(kind: str, paths: Sequence[Path], usual: Pipeline, out: Path) -> Iterator[tuple[str, ...]]:
    """The rows of the table for files of one kind."""
    ours, theirs = (
        seconds(lambda: list(map(read, paths)), REPEATS),
        seconds(lambda: list(map(paragraphs, paths)), REPEATS),
    )
    yield row(f"reading {kind}", len(paths), ours, theirs)
    ours, theirs = seconds(lambda: our_job(paths, out), REPEATS), seconds(lambda: usual_job(usual, paths, out), 1)
    yield row(f"the whole job, {kind}", len(paths), ours, theirs)


def row(name: str, files: int, ours: float, theirs: float) -> tuple[str, ...]:
    """Files per second of both, and how many times ours are the others."""
    return name, f"{files / ours:.1f}", f"{files / theirs:.1f}", f"{theirs / ours:.1f}x"


def shares(paths: Sequence[Path], out: Path) -> Iterator[tuple[str, str]]:
    """Where the time goes: milliseconds a document for each step of our job."""
    tagger = Tagger.load(MODEL)
    sources = [read(path) for path in paths]
    reading = seconds(lambda: list(map(read, paths)), REPEATS)
    skeletons = seconds(lambda: list(map(outline, sources)), REPEATS)
    tagging = seconds(lambda: list(map(tagger.tag_source, sources)), REPEATS) - skeletons
    rest = seconds(lambda: our_job(paths, out), REPEATS) - reading - skeletons - tagging
    steps = {"read": reading, "skeleton": skeletons, "tags": tagging, "reasons, writing and the rest": rest}
    yield from ((name, f"{step / len(paths) * 1000:.1f}") for name, step in steps.items())


def main() -> None:
    """Write documents, measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=40, help="how many .docx")
    parser.add_argument("--write", action="store_true", help="put the table into the documents")
    options = parser.parse_args()
    lines = records()
    body = [line for line in lines if line["role"] == "body"]
    usual = rival.train([line["text"] for line in body], [line["theme"] for line in body])
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        documents = [folder / f"{number:03d}.docx" for number in range(options.documents)]
        written = list(gathered(lines, options.documents))
        for path, together in zip(documents, written, strict=True):
            write_docx(path, together)
        no_pdfs = write_pdfs(documents[:PDFS], folder)
        rows = list(compared(".docx", documents, usual, folder))
        pdfs = sorted(folder.glob("*.pdf"))
        rows += compared(".pdf", pdfs, usual, folder) if pdfs else ()
        steps = list(shares(documents, folder))
    text = f"{len(documents)} .docx with {sum(map(len, written)) // len(written)} paragraphs each"
    text += (f", no .pdf: {no_pdfs}" if no_pdfs else f", {len(pdfs)} of them as .pdf too") + "; files per second:\n\n"
    text += table(["", "tagger", "python-docx or pypdf; then jieba + TF-IDF + LinearSVC", "ratio"], rows)
    print(text)
    print(table(["step of our job, .docx", "ms a document"], steps))
    if options.write:
        for document in ("README.md", "README.en.md", "docs/performance.md"):
            write(ROOT / document, "documents", text)


if __name__ == "__main__":
    main()
