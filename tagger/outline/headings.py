"""Headings: marked lines with text of their own below, heading sentences before their text, short bare lines."""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Iterator, Sequence

from tagger.outline.endings import is_bare, is_finished
from tagger.outline.marks import ITEM_DEPTH, Mark
from tagger.outline.path import FRAME
from tagger.outline.pieces import Piece
from tagger.records import Role

SENTENCE = re.compile(
    r"[^。：:！？!?；;]{1,45}?(?:[。：:！？]|(?<=[\u4e00-\u9fff”\"）)])\.|(?<=[\u4e00-\u9fff”）]) (?=[\u4e00-\u9fff“]))"
)
QUESTION = re.compile(r"[^。！？!?；;]{1,45}[？?]")
MAX_SENTENCE = 32  # characters of a heading that ends like a sentence
MAX_ITEM_SENTENCE = 24  # the same if it may be a mere item
MIN_TEXT = 12  # characters of the text after a heading on the same line
REACH = 24  # lines above and below in which other items of a list are looked for
MAX_PLAIN = 30  # characters of a heading without a mark
FRAMED = re.compile("【[^】]{2,16}】|[◆■●▲★☆◎※▶][^：:。，；]{2,16}")
COLONS = ("：", ":")
LABEL = re.compile("[^：:，。]{1,6}[：:]")
LEADING_LABEL = re.compile("[^：:，。]{,4}(?:内容|议程|事项)[：:]")


class Headings:
    """Tells how much of a piece is heading, as they come one after another."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self._pieces = pieces
        self._listed: dict[int, bool] = {}  # depths at which the last marked line was a short item; was it bare?

    def length(self, index: int, previous: Role) -> int:
        """How many characters of a piece are heading: 0, it is all body."""
        piece = self._pieces[index]
        if piece.mark is None:
            return len(piece.text) if self._is_plain(index, previous) else 0
        depth = piece.mark.depth
        is_whole = self._is_marked(index, piece.text, piece.mark)
        length = len(piece.text) if is_whole else _length_before_text(piece.text, piece.mark)
        if length and not is_whole and not piece.text[:length].endswith(COLONS) and not self._is_alike(index, depth):
            length = 0
        self._listed = {listed: bare for listed, bare in self._listed.items() if listed < depth}
        if not length:
            self._listed[depth] = is_bare(piece.text)
        return length

    def _is_marked(self, index: int, text: str, mark: Mark) -> bool:
        """Whether a marked line is a heading as a whole: short, and no mere item of a list."""
        sentence = SENTENCE.match(text, mark.length)
        has_text = self._has_text(index, mark.depth)
        if sentence and sentence.end() < len(text) and not QUESTION.fullmatch(text, mark.length):
            return has_text and not is_finished(text)
        if not is_finished(text):
            return not self._listed.get(mark.depth) and (has_text or self._next_has_text(index, mark.depth))
        return has_text and _is_short(text[mark.length :], mark) and mark.depth not in self._listed

    def _has_text(self, index: int, depth: int) -> bool:
        """Whether text of its own follows: a marked line is a heading only then, else an item of a list."""
        below = self._pieces[index + 1 : index + 2]
        return bool(below) and (below[0].mark is None or below[0].mark.depth > depth)

    def _next_has_text(self, index: int, depth: int) -> bool:
        """Whether the line below is a heading of the same depth: this one may then lack text of its own."""
        below = self._pieces[index + 1 : index + 2]
        is_alike = bool(below) and below[0].mark is not None and below[0].mark.depth == depth
        return is_alike and self._has_text(index + 1, depth)

    def _is_alike(self, index: int, depth: int) -> bool:
        """Whether at least half of the marked lines beside a heading before its text could be headings, too."""
        near = [
            *itertools.islice(self._beside(index, -1, depth), 2),
            *itertools.islice(self._beside(index, 1, depth), 2),
        ]
        return 2 * sum(
            is_bare(each.text) or _length_before_text(each.text, mark) > 0 for each, mark in near
        ) + 1 >= len(near)

    def _beside(self, index: int, step: int, depth: int) -> Iterator[tuple[Piece, Mark]]:
        """The pieces above, or below, with marks of this depth, as far as the list goes."""
        for each in (
            self._pieces[index + 1 : index + REACH] if step > 0 else self._pieces[max(0, index - REACH) : index][::-1]
        ):
            if each.mark and each.mark.depth < depth:
                return
            if each.mark and each.mark.depth == depth:
                yield each, each.mark

    def _is_plain(self, index: int, previous: Role) -> bool:
        """Whether a line without a mark is a heading: short, bare, between finished paragraphs and longer text."""
        if index + 1 == len(self._pieces):
            return False
        text, below = self._pieces[index].text, self._pieces[index + 1]
        if not is_bare(text):
            return bool(LEADING_LABEL.fullmatch(text)) or (text.startswith("问：") and below.text.startswith("答："))
        if text.startswith(("（", "(")):
            return False
        if FRAME.fullmatch(text):
            return len(below.text) > len(text)
        introduces = len(below.text) > len(text) and (is_finished(below.text) or below.mark is not None)
        introduces = introduces or self._introduces_next(index + 1)
        before = self._pieces[index - 1].text if index else ""
        is_apart = previous != "body" or is_finished(before)
        is_record = LABEL.match(text) and (previous != "body" or LABEL.match(before))  # a field, or who said what
        return len(text) <= MAX_PLAIN and introduces and is_apart and not is_record

    def _introduces_next(self, index: int) -> bool:
        """Whether a line without a mark is short and stands above a long finished one, as a heading below a heading."""
        if index + 1 >= len(self._pieces) or self._pieces[index].mark:
            return False
        text, below = self._pieces[index].text, self._pieces[index + 1].text
        return is_bare(text) and len(below) > MAX_PLAIN


@functools.lru_cache(256)
def _length_before_text(text: str, mark: Mark) -> int:
    """Length of a heading sentence that stands before its text on one line."""
    sentence = SENTENCE.match(text, mark.length)
    if sentence is None or len(text) - sentence.end() < MIN_TEXT:
        return 0
    return sentence.end() if _is_short(sentence[0], mark) else 0


def _is_short(sentence: str, mark: Mark) -> bool:
    """Whether a sentence is short enough for a heading."""
    return len(sentence) <= (MAX_ITEM_SENTENCE if mark.depth >= ITEM_DEPTH else MAX_SENTENCE)
