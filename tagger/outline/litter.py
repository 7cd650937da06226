"""Litter: what stands in a line and is none of its words, and lines that are nothing else."""

from __future__ import annotations

import re

PAGE_NUMBER = re.compile(
    r"[-—–·]+ ?\d{1,4} ?[-—–·]+|第 ?\d+ ?页(?: ?[,，/]? ?共 ?\d+ ?页)?|([-—–_=*~.…·]) ?(?:\1 ?){3,}"
)
MAX_PAGE_NUMBER = 200  # characters of a line that may be a page number, or a rule of dashes
INVISIBLE = re.compile(r"[\u200b-\u200f\u2060\ufeff\0]")
LITTER = re.compile(rf"##[A-Za-z_]{{1,40}}##|\*\*|{INVISIBLE.pattern}+")  # marks of scrapers and of Markdown
JUNK = re.compile(rf"(?:{LITTER.pattern}|\s)+")


def clean(raw: str) -> str:
    """Without litter and doubled blanks."""
    return " ".join(LITTER.sub("", raw).split())


def may_hold_litter(text: str) -> bool:
    """Whether it is worth looking for litter in the lines of a text."""
    return "##" in text or "**" in text or bool(INVISIBLE.search(text))


def is_page_number(text: str) -> bool:
    """Whether a clean line is the number of a page, or a rule of dashes."""
    return len(text) <= MAX_PAGE_NUMBER and bool(PAGE_NUMBER.fullmatch(text))


def raw_index(raw: str, text: str, index: int) -> int:
    """Where character `index` of `text`, which is `clean(raw)`, stands in `raw`."""
    if len(raw) == len(text):
        return index
    if len(raw.strip()) == len(text):
        return index + len(raw) - len(raw.lstrip())
    left = index - text.count(" ", 0, index)
    position = 0
    for junk in JUNK.finditer(raw):
        if left < junk.start() - position:
            break
        left -= junk.start() - position
        position = junk.end()
    return position + left
