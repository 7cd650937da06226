"""The skeleton: a walk down a document that gives each piece its role and its path of headings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from tagger.outline.contents import Contents
from tagger.outline.endings import is_bare, is_finished
from tagger.outline.forms import ATTACHMENT_MARK, form_in_head, form_of
from tagger.outline.headings import FRAMED, LABEL, Headings
from tagger.outline.marks import ITEM_DEPTH
from tagger.outline.names import is_name, signs, stands_on_date
from tagger.outline.path import FRAME, Path
from tagger.outline.pieces import Piece
from tagger.outline.rows import flat_table, is_row
from tagger.records import Role

CONTENTS_PLACE = "目录"
STOPS = ("。", "；", ".")
MIN_PLACED_BODY = 15  # characters from which on the text of a table cell or a text box is body, not a mere entry
MAX_TITLE, MAX_TITLE_COMMAS, MAX_TITLE_LINES = 60, 1, 5
SHEET = re.compile("(?:表|名单|清单|台账|回执|日程)$")
ATTACHED = re.compile(rf"(?:{ATTACHMENT_MARK.pattern})?\s*(?:\d{{1,2}}[.．、])?\s*")
MAX_ENTRY = 12  # characters of an entry of a table to fill in

Part = tuple[Piece, Role, tuple[str, ...]]  # what a piece, or half of one, is, and the headings above it


class Skeleton:
    """A document as it is walked down: head, headings with their text, tail, and the same again for attachments.

    Pieces with a place of their own, as in a table or a note, are told by the way: they change nothing for the others.
    """

    def __init__(self, text: str, pieces: Sequence[Piece]) -> None:
        self._text = text
        self._all = pieces
        self._pieces = [piece for piece in pieces if not _is_aside(piece)]
        self._contents = Contents(self._pieces)
        self._flat = flat_table(self._pieces)
        self._headings = Headings(self._pieces)
        self._path = Path()
        self._attached: set[str] = set()  # the names of the attachments
        self._previous: Role = "title"
        self._in_head = True  # before the first heading or body paragraph of a document or of an attachment
        self._titles = 0  # lines of its title
        self._is_sheet = False  # whether the title is that of a table to fill in

    def parts(self) -> Iterator[Part]:
        """Every piece, or its two halves where a heading stands before its text on one line, in order."""
        index = 0
        for piece in self._all:
            if _is_aside(piece):
                role = _role_aside(piece)
                yield piece, role, self._path.texts if role == "body" else ()
                continue
            yield from self._parts_of(index, piece)
            index += 1

    def _parts_of(self, index: int, piece: Piece) -> Sequence[Part]:
        role = self._role(index, piece)
        if role is not None and role != "heading":
            self._turn_to(role, index, piece)
            return ((piece, role, ()),)
        self._in_head = False
        length = len(piece.text) if role else self._headings.length(index, self._previous)
        self._previous = "heading" if length == len(piece.text) else "body"
        if self._previous == "heading":
            return ((piece, "heading", self._path.open(piece)),)
        if not length:
            return ((piece, "body", self._path.texts),)
        heading = piece.part(self._text, 0, length)._replace(mark=piece.mark)
        above = self._path.open(heading)
        rest = piece.part(self._text, length, len(piece.text))
        return (heading, "heading", above), (rest, "body", self._path.texts)

    def _turn_to(self, role: Role, index: int, piece: Piece) -> None:
        """What a piece of this role changes for those that follow."""
        if role in ("title", "attachment"):
            self._is_sheet = role == "title" and SHEET.search(piece.text) is not None
        if role == "attachment":
            self._attached.add(ATTACHED.sub("", piece.text, count=1))
        if role == "title":
            self._titles = self._titles + 1 if self._in_head else 1
            self._in_head = True
            self._path.clear()
        elif role == "salutation":
            self._in_head = False
        elif not self._in_head and self._begins_anew(role, index, piece):
            self._in_head = True
            self._titles = 0
        self._previous = role

    def _begins_anew(self, role: Role, index: int, piece: Piece) -> bool:
        """Whether a document has ended here, or an attachment begins: a title may follow."""
        if role == "attachment":
            is_mark = ATTACHMENT_MARK.fullmatch(piece.text) is not None
            return is_mark and index + 1 < len(self._pieces) and self._pieces[index + 1].mark is None
        return role == "date" and self._previous == "signature"

    def _role(self, index: int, piece: Piece) -> Role | None:
        """The role that level, form or place of a piece tell; None if it is body, or a heading by number."""
        if piece.level is not None:
            return "heading" if piece.level or piece.mark else "title"
        if index in self._flat:
            return "cell"
        role = None if piece.mark else form_of(piece.text)
        if role is not None and (role != "number" or self._in_head):
            is_contact = role == "signature" and self._previous == "date" and piece.text.startswith("联系")
            return "copy" if is_contact else role
        return None if piece.text.endswith(STOPS) else self._role_by_place(index, piece)

    def _role_by_place(self, index: int, piece: Piece) -> Role | None:
        """The role that its neighbours and its place in the document tell."""
        if self._previous == "attachment" and piece.mark and piece.mark.depth == ITEM_DEPTH:
            return "attachment"
        if not piece.mark and (self._contents.announces(index, piece.text) or piece.text in self._attached):
            return "title"
        raw = self._text[piece.start : piece.end]
        if index in self._contents or is_row(self._pieces, index, raw, self._previous, in_head=self._in_head):
            return "signature" if not self._in_head and stands_on_date(self._pieces, index) else "cell"
        if self._in_head:
            return self._role_in_head(index, piece.text)
        is_late = self._previous == "date" and is_name(piece.text)
        return "signature" if is_late or signs(self._pieces, index) else None

    def _role_in_head(self, index: int, text: str) -> Role | None:
        role = form_in_head(text)
        if role is not None or not self._may_be_title(index):
            return role
        if self._is_sheet and not text.startswith(("（", "(")) and not self._has_text(index):
            return "cell"
        if self._previous == "cell":
            return None
        if index and not self._titles and self._previous != "attachment" and not self._is_above_text(index):
            return "signature" if is_name(text) else "copy"
        is_author = self._titles and is_name(text) and not text.startswith("—") and not self._title_follows(index)
        return "signature" if is_author else "title"

    def _has_text(self, index: int) -> bool:
        """Whether a whole paragraph follows."""
        below = self._pieces[index + 1 : index + 2]
        return any(len(piece.text) > MAX_ENTRY and is_finished(piece.text) for piece in below)

    def _is_above_text(self, index: int) -> bool:
        """Whether a line follows that is no form of the tail."""
        below = self._pieces[index + 1 : index + 2]
        return any(form_of(piece.text) not in ("copy", "signature") for piece in below)

    def _may_be_title(self, index: int) -> bool:
        """Whether a line in the head looks like one of the title: short, bare, without mark or label."""
        piece = self._pieces[index]
        is_other = LABEL.match(piece.text) or FRAMED.fullmatch(piece.text) or FRAME.fullmatch(piece.text)
        return (
            (is_bare(piece.text) or (index == 0 and piece.text.endswith("？")))
            and len(piece.text) <= MAX_TITLE
            and self._titles < MAX_TITLE_LINES
            and piece.text.count("，") <= MAX_TITLE_COMMAS
            and piece.mark is None
            and not (index and is_other)
        )

    def _title_follows(self, index: int) -> bool:
        """Whether more of the title follows a name, or several: “某局”, “关于……的通知”."""
        following = range(index + 1, min(index + MAX_TITLE_LINES + 3, len(self._pieces)))
        texts = (self._pieces[each].text for each in following)
        after = next(
            (
                each
                for each, text in zip(following, texts, strict=True)
                if not (is_name(text) or form_of(text) == "number")
            ),
            None,
        )
        return after is not None and self._may_be_title(after) and form_of(self._pieces[after].text) is None


def _is_aside(piece: Piece) -> bool:
    """Whether a piece stands outside the running text; one that the format knows as a heading is taken for one."""
    return piece.place != "" and (piece.level is None or piece.place.endswith(CONTENTS_PLACE))


def _role_aside(piece: Piece) -> Role:
    is_text = len(piece.text) >= MIN_PLACED_BODY or is_finished(piece.text)
    return "body" if is_text and not piece.place.endswith(CONTENTS_PLACE) else "cell"
