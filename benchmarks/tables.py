"""Tables for the terminal and the documentation."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(cells) + " |" for cells in (header, ["---"] * len(header), *rows)]
    return "\n".join(lines) + "\n"


def write(path: Path, name: str, text: str) -> None:
    """Replace what stands between the marks <!-- name --> and <!-- /name --> of a document, if it has them."""
    marks = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    content = path.read_text("utf-8")
    path.write_text(marks.sub(lambda found: found[1] + text + found[2], content), encoding="utf-8")
