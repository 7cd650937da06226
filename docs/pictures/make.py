"""Make the pictures of the README from the examples. Needs chromium, soffice and pdftoppm."""

# ruff: noqa: INP001, S603 - a script, which runs those three

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tagger.reading.docx import read_docx
from tagger.tagging import Tagger
from tagger.writing.collection import collection
from tagger.writing.docx import annotate_docx
from tagger.writing.html import report
from tagger.writing.rows import rows_of

PICTURES = Path(__file__).parent
ANNOTATED = "examples/乡镇述职报告.docx"
CHROMIUM = ("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars")
COMMENTS_IN_MARGIN = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry"><item oor:path="/org.openoffice.Office.Writer/Print/Content">
<prop oor:name="Note" oor:op="fuse"><value>4</value></prop></item></oor:items>"""


def run(*command: object) -> None:
    """Run a program; it must succeed."""
    subprocess.run(list(map(str, command)), check=True, capture_output=True, timeout=120)


def photograph(page: str, picture: str, folder: Path, size: Sequence[int]) -> None:
    """A picture of what a browser shows of a page."""
    (folder / "page.html").write_text(page, encoding="utf-8")
    window = f"--window-size={size[0]},{size[1]}"
    profile = f"--user-data-dir={folder / 'chromium'}"
    run(*CHROMIUM, profile, window, f"--screenshot={PICTURES / picture}", (folder / "page.html").as_uri())


def main(scratch: Path) -> None:
    """Make all pictures."""
    os.chdir(PICTURES.parent.parent)
    tagger = Tagger.load()
    paths = sorted(path for path in Path("examples").iterdir() if path.is_file())
    documents = [tagger.tag_file(path) for path in paths]
    rows = [row for document in documents for row in rows_of(document, tagger.strongest_reasons)]
    photograph(report(rows, tagger.themes, model_id=tagger.model_id), "report.png", scratch, (1200, 900))
    page = collection(rows, tagger.themes, [], model_id=tagger.model_id)
    photograph(page, "collection.png", scratch, (1200, 1250))

    content = Path(ANNOTATED).read_bytes()
    document = tagger.tag_source(read_docx(ANNOTATED, content))
    own = list(rows_of(document, tagger.strongest_reasons))
    (scratch / "annotated.docx").write_bytes(annotate_docx(content, document, own, tagger.themes))
    settings = scratch / "soffice" / "user" / "registrymodifications.xcu"
    settings.parent.mkdir(parents=True)
    settings.write_text(COMMENTS_IN_MARGIN, encoding="utf-8")
    profile = f"-env:UserInstallation={(scratch / 'soffice').as_uri()}"
    run("soffice", profile, "--headless", "--print-to-file", "--outdir", scratch, scratch / "annotated.docx")
    options = ("-png", "-singlefile", "-r", "110", "-x", "80", "-y", "215", "-W", "800", "-H", "510")
    run("pdftoppm", *options, scratch / "annotated.pdf", PICTURES / "annotated")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        sys.exit(main(Path(folder)))
