"""Marks: the number at the start of a heading or of an item, and how deep it stands."""

from __future__ import annotations

import re
from typing import NamedTuple

NUMERAL = "[一二三四五六七八九十百〇零]{1,4}"
UNIT = "万亿千百元米里公平立亩吨斤个倍度分户人次件名家项处年月小厘毫%％"  # after these, 2.5 is a quantity
MARKS = (  # of each depth, outermost first
    rf"第(?:{NUMERAL}|\d{{1,2}})(?:部分|编|篇|章|讲)|专题{NUMERAL}|[总附] ?则$",
    rf"第(?:{NUMERAL}|\d{{1,2}})节",
    rf"{NUMERAL}(?:[、.．](?!{NUMERAL}(?:、|产业))|(?= ))",
    rf"[（(]{NUMERAL}[）)][、.．]?|[㈠-㈩]",
    r"\d{1,2}(?:[.．、](?!\d)|(?= [\u4e00-\u9fff]))",
    rf"\d{{1,2}}\.\d{{1,2}}[.．]?(?![\d.．{UNIT}])",
    rf"\d{{1,2}}(?:\.\d{{1,2}}){{2,3}}[.．]?(?![\d.．{UNIT}])",
    r"[（(]\d{1,2}[）)][、.．]?|\d{1,2}[）)]|[①-⒇]",
)
MARK = re.compile("|".join(f"({mark})" for mark in MARKS))
ITEM_DEPTH = 4  # "1.": from here on a mark often begins a mere item of a list
OUTERMOST, INNERMOST = -1, len(MARKS)  # depths of headings that have no mark


class Mark(NamedTuple):
    """The mark at the start of a text: its depth, and how many characters it has."""

    depth: int
    length: int


def mark_of(text: str) -> Mark | None:
    """The mark at the start of a text, if there is one."""
    found = MARK.match(text)
    return Mark(found.lastindex - 1, found.end()) if found and found.lastindex else None
