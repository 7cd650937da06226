"""Items: a paragraph such as “一是……；二是……” taken apart, by marks of one kind in order, after a clause each."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

from tagger.outline.endings import CLAUSE_ENDS, CLOSERS, SENTENCE_ENDS
from tagger.outline.marks import NUMERAL
from tagger.outline.pieces import Piece

ITEM = re.compile(
    rf"(?P<is>{NUMERAL})(?:是|要(?!求)|靠|抓|看)|第(?P<nth>{NUMERAL})(?:[，,、：:]|是)|(?P<chain>首先|其次|再次|再者|最后)"
    rf"|[（(](?P<bracket>{NUMERAL})[）)]|[（(](?P<figure>\d{{1,2}})[）)]|(?P<circle>[①-⑳])"
    rf"|(?P<number>\d{{1,2}})[.．、](?!\d)|(?P<numeral>{NUMERAL})、(?!{NUMERAL}(?:、|产业))"
)
BEFORE_ITEM = (*SENTENCE_ENDS, "，", ",")
LEAD_IN_END = re.compile(rf"[。！？!?；;][{CLOSERS}]*")
MIN_ITEM = 8  # characters of an item with its mark: “一是一；二是二” is no list
MIN_COMMA_ITEM = 15
MAX_CLOSERS = 8  # blanks and closing marks that may stand between the end of a clause and an item
CHAIN = {"首先": 1, "其次": 2, "再次": 3, "再者": 3}
DIGITS = {numeral: digit for digit, numeral in enumerate("〇一二三四五六七八九")}


def items_of(source: str, piece: Piece) -> Sequence[Piece]:
    """The items of a paragraph, each with what leads up to it; whole sentences before them stand alone.

    The paragraph itself if no list stands in it.
    """
    cuts = _item_starts(piece.text)
    if not cuts:
        return (piece,)
    return [piece.part(source, start, end) for start, end in itertools.pairwise([0, *cuts, len(piece.text)])]


def _item_starts(text: str) -> Sequence[int]:
    """Where to cut a text so that each item of a list inside it stands alone; [] if there is no list."""
    marks = list(ITEM.finditer(text))
    for kind in dict.fromkeys(mark.lastgroup for mark in marks):  # the outermost list comes first
        cuts: list[int] = []
        for items in _lists(text, [mark for mark in marks if mark.lastgroup == kind]):
            cuts += [_lead_in_start(text, cuts[-1] if cuts else 0, items[0]), *items[1:]]
        if cuts:
            return [cut for cut in cuts if cut]
    return []


def _lists(text: str, marks: Sequence[re.Match[str]]) -> list[list[int]]:
    """Where the items of each list begin: at least two, in order, none of them too short to be one."""
    lists: list[list[int]] = []
    number = 0
    for mark in marks:
        before = text[max(0, mark.start() - MAX_CLOSERS) : mark.start()].rstrip(CLOSERS + " ")
        is_first = not before and mark.start() <= MAX_CLOSERS
        this = _number_of(mark, number)
        if lists and this == number + 1 and before.endswith(BEFORE_ITEM):
            lists[-1].append(mark.start())
        elif is_first or (this == 1 and before.endswith(BEFORE_ITEM)):
            lists.append([mark.start()])
        else:
            continue
        number = this
    ends = [*(found[0] for found in lists[1:]), len(text)]
    return [found for found, stop in zip(lists, ends, strict=False) if _is_list(text, found, stop)]


def _is_list(text: str, starts: Sequence[int], end: int) -> bool:
    """Whether there are two items or more, none too short; those that only a comma parts must be longer."""
    items = [text[first:last].rstrip() for first, last in itertools.pairwise([*starts, end])]
    has_commas = any(item.endswith(CLAUSE_ENDS) for item in items)
    return len(items) > 1 and min(map(len, items)) >= (MIN_COMMA_ITEM if has_commas else MIN_ITEM)


def _lead_in_start(text: str, start: int, first: int) -> int:
    """Where the half sentence begins that leads up to the first item."""
    ends = [found.end() for found in LEAD_IN_END.finditer(text, start, first)]
    if ends:
        return ends[-1]
    return first if start else 0


def _number_of(mark: re.Match[str], before: int) -> int:
    """The number that the mark of an item shows; “最后” is one more than `before`, if that was 2 or more."""
    shown = mark[mark.lastgroup or 0]
    if shown == "最后":
        return before + 1 if before > 1 else 0
    if shown in CHAIN:
        return CHAIN[shown]
    if "①" <= shown <= "⑳":
        return ord(shown) - ord("①") + 1
    if shown.isdecimal():
        return int(shown)
    tens, ten, ones = shown.rpartition("十")
    return (DIGITS.get(tens, 1) * 10 if ten else 0) + DIGITS.get(ones, 0)
