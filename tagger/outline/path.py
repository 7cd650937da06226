"""The path: the headings that are open at a place of a document, outermost first."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tagger.outline.marks import INNERMOST, OUTERMOST
from tagger.outline.pieces import Piece

FRAME = re.compile("【?(?:[序前引导][言子语厅章]|序|摘要|概述|开场白|开篇语|写在前面|结语|结束语|后记|尾声)】?")


@dataclass(frozen=True, slots=True)
class _Heading:
    """An open heading: depth by its mark, outermost or innermost without one; level if the file format knows it."""

    text: str
    depth: int
    level: int | None
    is_marked: bool

    def holds(self, below: _Heading) -> bool:
        """Whether the other heading stands below this one."""
        if self.level is not None and below.level is not None and not (self.is_marked and below.is_marked):
            return self.level < below.level
        return self.depth < below.depth


class Path:
    """The open headings, as they change from heading to heading."""

    def __init__(self) -> None:
        self._open: list[_Heading] = []

    @property
    def texts(self) -> tuple[str, ...]:
        """The headings above what comes next."""
        return tuple([heading.text for heading in self._open])

    def clear(self) -> None:
        """Begin a document anew."""
        self._open.clear()

    def open(self, piece: Piece) -> tuple[str, ...]:
        """Put a heading in the place of those that do not hold it. The result is those that do."""
        heading = _Heading(piece.text, self._depth(piece), piece.level, piece.mark is not None)
        if FRAME.fullmatch(piece.text):
            self.clear()  # it stands before or after all others
        while self._open and not self._open[-1].holds(heading):
            self._open.pop()
        above = self.texts
        self._open.append(heading)
        return above

    def _depth(self, piece: Piece) -> int:
        if piece.mark:
            return piece.mark.depth
        if piece.level is not None:
            return OUTERMOST + piece.level - 1
        if piece.text.startswith("—"):
            return INNERMOST
        plain = (heading.depth for heading in self._open if not heading.is_marked and heading.level is None)
        return next(plain, INNERMOST if self._open else OUTERMOST)
