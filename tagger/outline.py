"""The skeleton of a Chinese official document (GB/T 9704): which line is title, heading, body, signature.

`outline(source)` turns lines into paragraphs. It looks at nothing but numbers, punctuation, length and place in the
document and, where the file format knows them, heading levels. No character is lost: every paragraph says which slice
of the source it covers; only its `text` is cleaned of litter, page numbers, doubled blanks and hard line breaks.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tagger.records import Paragraph, Role, Source

# Cleaning
PAGE_NUMBER = re.compile(r"[-—–·]+ ?\d{1,4} ?[-—–·]+|第 ?\d+ ?页(?: ?[,，/]? ?共 ?\d+ ?页)?")
JUNK = re.compile(r"##[A-Za-z_]{1,40}##|\*\*|[\u200b-\u200f\u2060\ufeff\0]+|\s+")
WIDE = re.compile(r"[\u2018-\u2026\u2e80-\u9fff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef]")  # no blank beside these
INDENT = re.compile(r"[ \t\u3000\xa0]{2}|\u3000|\t")

# Headings: the marks of each depth, outermost first; a mark of the last two often begins a mere item
NUMERAL = "[一二三四五六七八九十百〇零]{1,4}"
UNIT = "万亿千百元米里公平立亩吨斤个倍度分户人次件名家项处年月小厘毫%％"  # after these, 2.5 is a quantity
MARKS = (
    re.compile(rf"第{NUMERAL}(?:部分|编|篇|章)|专题{NUMERAL}"),
    re.compile(rf"第{NUMERAL}节"),
    re.compile(rf"{NUMERAL}(?:[、.．](?!{NUMERAL}(?:、|产业))|(?= ))"),
    re.compile(rf"[（(]{NUMERAL}[）)][、.．]?"),
    re.compile(rf"\d{{1,2}}(?:[.．、](?!\d)|(?:\.\d{{1,2}}){{1,3}}(?![\d{UNIT}])|(?= [\u4e00-\u9fff]))"),
    re.compile(r"[（(]\d{1,2}[）)][、.．]?|[①-⑳]"),
)
ITEM_DEPTH = 4
OUTERMOST, INNERMOST = -1, len(MARKS)
RUN_IN = re.compile(r"[^。：:！？!?；;]{1,45}?(?:[。：:！？]|(?<=[\u4e00-\u9fff”）]) (?=[\u4e00-\u9fff“]))")
MAX_HEADING = 45  # characters of a heading on a line of its own
MAX_RUN_IN = 32  # characters of a heading sentence before its text; a little less for items and for colons
MAX_ITEM_RUN_IN = 22
MAX_COLON_RUN_IN = 20
MIN_RUN_IN_BODY = 12
MAX_PLAIN_HEADING = 30  # a heading without a number

# Head and tail
SENTENCE_END = re.compile(r"[。！？!?；;…：:][”’」』）)]*$")
CLAUSE_END = re.compile(r"[，,、]$")
NUMBERED = re.compile(
    r"[（(]?[\d一二三四五六七八九十]{1,3}(?:[）)、]|[.．](?!\d))|第[一二三四五六七八九十百\d]+[条章节款]|[①-⑳]|[•·●◆■]"
)
YEAR = r"(?:(?:19|20)\d{2}|[一二][〇○零九OＯ][〇○零一二三四五六七八九OＯ]{2})"
DATE = re.compile(
    rf"[（(]?{YEAR}\s*[年./-]\s*[\d一二三四五六七八九十]{{1,3}}\s*[月./-]?\s*(?:[\d一二三四五六七八九十]{{1,3}}\s*日?)?[）)]?"
    rf"|[（(]{YEAR}年[^。]{{1,60}}[）)]|{YEAR}年\d+月\d+日在[^。]{{4,40}}[上议]"
)
DOCUMENT_NUMBER = re.compile(
    r".{0,16}[〔﹝\[（(【](?:19|20)\d{2}[〕﹞\]）)】].{0,12}?[\dXx×]+\s*[号期]?|[（(]?第?\s*\d+\s*期[）)]?(?:[（(]总第?\s*\d+\s*期[）)])?"
)
COPY = re.compile(r"(?:抄\s*送|抄\s*报|分\s*送|发\s*送|印\s*发|报\s*送)\s*[：:].+|.{2,24}\d{4}年\d{1,2}月\d{1,2}日印发")
ATTACHMENT = re.compile(r"附\s*[件表录图]\s*[\d一二三四五六七八九十]*\s*(?:[：:].*)?|附[：:].+")
ADDRESS = re.compile(
    r"(?:各位|尊敬的|同志们|同学们|代表们|朋友们|乡亲们|老师们|工友们)(?:[^。；！]{0,50}[：:]|[^，。；：]{0,12}[！!]?)"
)
SALUTATION = re.compile(r"(?!.*(?:如下|现将|现就|根据|为了|按照|以下|报告|汇报|通知))[^。；！？]{2,120}[：:]")
SIGNER = re.compile(
    r"[（(]?(?:(?:述职|报告|发言|汇报|承诺|责任|整理|记录|联系|负责|对照检查|剖析|答辩|起诉|上诉|具状|倡议|申请|代理|审核|供稿|参会|申报|检举|签发|出席|列席|缺席|主持|责任编辑)人?"
    r"|供稿|撰稿|编辑|本报记者|记者|通讯员|审判长|审判员|书记员|法定代表人)(?:单位)?[：: ][^。；！？]{1,24}"
)
FORMS: dict[Role, re.Pattern[str]] = {  # lines that their form alone gives away, the first that fits
    "copy": COPY,
    "date": DATE,
    "attachment": ATTACHMENT,
    "signature": SIGNER,
    "number": DOCUMENT_NUMBER,
    "salutation": ADDRESS,
}
OFFICE = re.compile(
    r".{2,}(?:局|委|办|部|厅|处|科|室|组|会|院|站|所|队|社|政府|党委|党组|党支部|支部|中心|公司|集团|学校|大学|学院|中学|小学|幼儿园|街道|办事处|银行|馆|法庭)"
)
PERSON = re.compile(r".{2,24}[ ].{1,3}(?:[ ].{1})?|[（(]?.{0,12}(?:某某|某)[）)]?")
MIN_CELL_BODY = 15  # characters from which on the text of a table cell or a text box is body, not a mere entry
MAX_SIGNATURE = 30
MAX_TITLE = 60
MAX_TITLE_LINES = 4

# Hard-wrapped lines, in half-width columns
MIN_WRAP, MAX_WRAP, WRAP_SLACK = 30, 120, 5


@dataclass(frozen=True, slots=True)
class _Piece:
    """A line, or several that a hard line break had cut: a clean text, and where its lines stand in the source."""

    text: str
    lines: tuple[tuple[int, int], ...]
    level: int | None = None
    place: str = ""

    @property
    def start(self) -> int:
        return self.lines[0][0]

    @property
    def end(self) -> int:
        return self.lines[-1][1]


def outline(source: Source) -> tuple[Paragraph, ...]:
    """Give every line of a document its role and its path of headings. Paragraphs are ordered and disjoint."""
    return tuple(_Skeleton(source.text, list(_pieces(source))).paragraphs())


def clean(raw: str) -> str:
    """Without litter and doubled blanks."""
    return JUNK.sub(_kept, raw).strip()


def _kept(junk: re.Match[str]) -> str:
    """What stays of a piece of junk."""
    return " " if junk[0].isspace() else ""


def _raw_index(raw: str, index: int) -> int:
    """Where character `index` of `clean(raw)` stands in `raw`."""
    cleaned = position = 0
    for junk in JUNK.finditer(raw):
        if cleaned + junk.start() - position > index:
            break
        cleaned += junk.start() - position + (len(_kept(junk)) if cleaned or junk.start() > position else 0)
        position = junk.end()
    return position + index - cleaned


def _pieces(source: Source) -> Iterator[_Piece]:
    """The lines of a document without page numbers and empty ones, hard-wrapped lines joined."""
    width = _wrap_width(source)
    indents = sum(bool(INDENT.match(source.text, line.start)) for line in source.lines) >= 2
    open_lines: list[_Piece] = []
    for line in source.lines:
        raw = source.text[line.start : line.end]
        text = clean(raw)
        if not text or PAGE_NUMBER.fullmatch(text):
            continue
        stands = line.start + _raw_index(raw, 0), line.start + _raw_index(raw, len(text) - 1) + 1
        piece = _Piece(text, (stands,), line.level, line.place)
        starts_anew = line.level is not None or bool(INDENT.match(raw))
        if open_lines and (starts_anew or not _is_cut(open_lines[-1], piece, width, indents=indents)):
            yield _joined(open_lines)
            open_lines = []
        open_lines.append(piece)
    if open_lines:
        yield _joined(open_lines)


def _joined(lines: Sequence[_Piece]) -> _Piece:
    """The lines of one paragraph as one piece."""
    text = lines[0].text + "".join(_gap(a.text, b.text) + b.text for a, b in itertools.pairwise(lines))
    return _Piece(text, tuple(line.lines[0] for line in lines), lines[0].level, lines[0].place)


def _gap(before: str, after: str) -> str:
    """What stands between the two halves of a cut line: nothing in Chinese, a blank between words of narrow letters."""
    return "" if WIDE.match(before[-1]) or WIDE.match(after[0]) else " "


def _columns(text: str) -> int:
    """Width of a text in half-width columns."""
    return len(text) + len(WIDE.findall(text))


def _wrap_width(source: Source) -> int | None:
    """The width, in columns, at which the lines of a hard-wrapped text end; None if they are whole paragraphs."""
    unfinished = [
        _columns(text)
        for text in (source.text[line.start : line.end].rstrip() for line in source.lines)
        if not SENTENCE_END.search(text)
    ]
    width = max((columns for columns in unfinished if columns <= MAX_WRAP), default=0)
    full = sum(width - WRAP_SLACK <= columns <= width for columns in unfinished)
    return width if width >= MIN_WRAP and full >= 3 and full * 3 >= len(source.lines) else None


def _is_cut(before: _Piece, after: _Piece, width: int | None, *, indents: bool) -> bool:
    """Whether the line break between two lines stands inside a paragraph."""
    if before.level is not None or before.place != after.place or NUMBERED.match(after.text):
        return False
    if width is not None:
        full = _columns(before.text) >= width - WRAP_SLACK
        return full and (indents or not SENTENCE_END.search(before.text))
    return bool(CLAUSE_END.search(before.text)) and _columns(before.text) >= MIN_WRAP


class _Skeleton:
    """Walks the pieces of a document and gives each its role."""

    def __init__(self, text: str, pieces: Sequence[_Piece]) -> None:
        self._text = text
        self._pieces = pieces
        self._path: list[tuple[int, str]] = []  # open headings: depth and text
        self._titles = 0
        self._in_head = True  # before the first heading or body paragraph

    def paragraphs(self) -> Iterator[Paragraph]:
        """The paragraphs, in order."""
        previous: Role = "body"
        for index, piece in enumerate(self._pieces):
            for part, role in self._parts(index, piece, previous):
                yield Paragraph(part.text, part.start, part.end, role, self._headings(role), part.place)
                previous = role

    def _headings(self, role: Role) -> tuple[str, ...]:
        path = self._path[:-1] if role == "heading" else self._path
        return tuple(text for _, text in path) if role in ("heading", "body") else ()

    def _parts(self, index: int, piece: _Piece, previous: Role) -> Iterator[tuple[_Piece, Role]]:
        role = self._role_by_form(index, piece, previous)
        if role is not None:
            if role == "title":
                self._titles += 1
                self._path.clear()
            if role in ("heading", "body"):
                self._in_head = False
            if role == "heading":
                self._open(_depth_of_level(piece), piece.text)
            yield piece, role
            return
        self._in_head = False
        length, depth = self._heading_length(index, piece)
        if length == 0:
            yield piece, "body"
            return
        heading = piece.text[:length].strip()
        self._open(depth, heading)
        if length == len(piece.text):
            yield piece, "heading"
            return
        yield _cut(self._text, piece, 0, length), "heading"
        yield _cut(self._text, piece, length, len(piece.text)), "body"

    def _open(self, depth: int, heading: str) -> None:
        while self._path and self._path[-1][0] >= depth:
            self._path.pop()
        self._path.append((depth, heading))

    def _role_by_form(self, index: int, piece: _Piece, previous: Role) -> Role | None:
        """The role of a piece that form and place alone make plain; None if it is a heading by number, or body."""
        text = piece.text
        if piece.level is not None:
            return "heading" if piece.level or _mark(text) else "title"
        if piece.place:
            return "body" if len(text) >= MIN_CELL_BODY or SENTENCE_END.search(text) else "cell"
        for role, form in FORMS.items():
            if form.fullmatch(text) and (role != "number" or self._in_head):
                return role
        if previous == "attachment" and MARKS[ITEM_DEPTH].match(text) and not SENTENCE_END.search(text):
            return "attachment"
        if self._in_head:
            return self._role_in_head(text)
        return "signature" if self._signs(index) else None

    def _role_in_head(self, text: str) -> Role | None:
        if SALUTATION.fullmatch(text) and self._titles:
            return "salutation"
        if SENTENCE_END.search(text) and not (text.endswith(("？", "！", "?", "!")) and not self._titles):
            return None
        if _mark(text) is not None or len(text) > MAX_TITLE or self._titles >= MAX_TITLE_LINES:
            return None
        if self._titles and len(text) <= MAX_SIGNATURE and (OFFICE.fullmatch(text) or PERSON.fullmatch(text)):
            return "signature"
        return "title"

    def _signs(self, index: int) -> bool:
        """Whether a piece is a name under a document: short, bare, and nothing but dates and the like after it."""
        text = self._pieces[index].text
        if len(text) > MAX_SIGNATURE or SENTENCE_END.search(text) or CLAUSE_END.search(text) or _mark(text):
            return False
        after = [piece.text for piece in self._pieces[index + 1 : index + 4]]
        if after and DATE.fullmatch(after[0]):
            return True
        is_name = bool(OFFICE.fullmatch(text) or PERSON.fullmatch(text))
        return is_name and all(
            DATE.fullmatch(t) or COPY.fullmatch(t) or SIGNER.fullmatch(t) or OFFICE.fullmatch(t) or PERSON.fullmatch(t)
            for t in after
        )

    def _heading_length(self, index: int, piece: _Piece) -> tuple[int, int]:
        """How many characters of a piece are heading (0: none, it is all body), and its depth."""
        text = piece.text
        found = _mark(text)
        if found is None:
            is_heading = self._is_plain_heading(index)
            return (len(text) if is_heading else 0), (INNERMOST if self._path else OUTERMOST)
        depth, mark_length = found
        if not SENTENCE_END.search(text) and not CLAUSE_END.search(text):
            run_in = self._run_in_length(text, depth, mark_length)
            if run_in:
                return run_in, depth
            is_heading = len(text) <= MAX_HEADING and self._has_text_below(index, depth)
            return (len(text) if is_heading else 0), depth
        if RUN_IN.fullmatch(text, mark_length) and len(text) <= MAX_HEADING:
            return (len(text) if self._has_text_below(index, depth) else 0), depth
        return self._run_in_length(text, depth, mark_length), depth

    def _run_in_length(self, text: str, depth: int, mark_length: int) -> int:
        """Length of a heading sentence that stands before its text on one line."""
        sentence = RUN_IN.match(text, mark_length)
        if sentence is None or len(text) - sentence.end() < MIN_RUN_IN_BODY:
            return 0
        limit = MAX_ITEM_RUN_IN if depth >= ITEM_DEPTH else MAX_RUN_IN
        if not sentence[0].endswith("。"):
            limit = min(limit, MAX_COLON_RUN_IN)
        short = sentence.end() - mark_length <= limit
        return sentence.end() if short and len(re.findall("[，,]", sentence[0])) <= 3 else 0

    def _has_text_below(self, index: int, depth: int) -> bool:
        """Whether text of its own follows: a numbered line is a heading only then, else an item of a list."""
        if index + 1 == len(self._pieces):
            return False
        found = _mark(self._pieces[index + 1].text)
        return found is None or found[0] > depth

    def _is_plain_heading(self, index: int) -> bool:
        """Whether a line without a number is a heading: short, bare, between finished paragraphs and longer text."""
        text = self._pieces[index].text
        bare = not SENTENCE_END.search(text) and not CLAUSE_END.search(text)
        if not bare or len(text) > MAX_PLAIN_HEADING or index + 1 == len(self._pieces):
            return False
        below = self._pieces[index + 1]
        before = self._pieces[index - 1].text if index else ""
        finished = bool(SENTENCE_END.search(before)) or _mark(before) is not None
        introduces = len(below.text) > len(text) and (
            bool(SENTENCE_END.search(below.text)) or _mark(below.text) is not None
        )
        return finished and introduces


def _cut(text: str, piece: _Piece, start: int, end: int) -> _Piece:
    """The part `piece.text[start:end]` as a piece of its own."""
    part = piece.text[start:end].strip()
    start += len(piece.text[start:end]) - len(piece.text[start:end].lstrip())
    first, last = _position(text, piece, start), _position(text, piece, start + len(part) - 1) + 1
    return _Piece(part, ((first, last),), None, piece.place)


def _position(text: str, piece: _Piece, index: int) -> int:
    """Where character `index` of `piece.text` stands in the source."""
    before = ""
    for start, end in piece.lines:
        line = clean(text[start:end])
        gap = len(_gap(before, line)) if before else 0
        if index < gap + len(line):
            return start + _raw_index(text[start:end], max(0, index - gap))
        index -= gap + len(line)
        before = line
    return piece.end


def _depth_of_level(piece: _Piece) -> int:
    """Depth of a heading that the file format knows: its number decides where it has one."""
    found = _mark(piece.text)
    return found[0] if found else (piece.level or 0) - 2


def _mark(text: str) -> tuple[int, int] | None:
    """Depth and length of the number at the start of a text."""
    for depth, mark in enumerate(MARKS):
        found = mark.match(text)
        if found:
            return depth, found.end()
    return None
