"""Contents: the table of contents, whose lines show a page, or come again below."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tagger.outline.pieces import Piece

CONTENTS = re.compile(r"目 ?[录次]|(?:本期)?(?:要目|导读)")
ENTRY = re.compile(r".{2,60}?(?:[.…·⋯]{2,}| )[.…·⋯ ]*\d{1,3}")

PAGE = re.compile(r"[.…·⋯ ]+\d{0,3}$")


class Contents:
    """Where the table of contents of a document stands, and what it lists."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self._listed: set[str] = set()
        self._start = next((index for index, piece in enumerate(pieces) if CONTENTS.fullmatch(piece.text)), len(pieces))
        self._end = self._start
        last = {piece.text: index for index, piece in enumerate(pieces)} if self._start < len(pieces) else {}
        for index in range(self._start + 1, len(pieces)):
            text = pieces[index].text
            if not ENTRY.fullmatch(text) and last[text] == index:
                break
            self._listed.add(PAGE.sub("", text))
            self._end = index

    def __contains__(self, index: int) -> bool:
        return self._start <= index <= self._end and self._start < self._end

    def announces(self, index: int, text: str) -> bool:
        """Whether a piece below is the title of a document that the table of contents lists."""
        return index > self._end and text in self._listed
