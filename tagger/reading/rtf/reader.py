"""The walk through an RTF file, token by token: control words, groups and text become paragraphs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from tagger.errors import InputError
from tagger.reading.limits import Limits, check_text, limits, too_large
from tagger.reading.rtf.fonts import Fonts
from tagger.reading.rtf.styles import Style, level_of
from tagger.reading.text import MAX_CHARACTER_BYTES
from tagger.reading.transcript import TableCursor, Transcript
from tagger.records import Source

MAX_DEPTH = 10_000  # open groups; Word writes some tens
TOKEN = re.compile(
    rb"\\(?P<word>[A-Za-z]{1,32})(?P<number>-?\d{1,10})? ?|\\'(?P<hex>[0-9A-Fa-f]{2})|\\(?P<symbol>[^A-Za-z])"
    rb"|(?P<brace>[{}])|[\r\n\0]+|(?P<text>[^\\{}\r\n\0]+)|\\",
    re.DOTALL,
)
SURROGATE_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
LONE_SURROGATE = re.compile("[\ud800-\udfff]")
NO_NUMBER = re.compile(r"[\W\ue000-\uf8ff]*|o")  # bullets, among them Word's second one

SYMBOLS: Mapping[str, str] = {"~": "\xa0", "_": "-", "{": "{", "}": "}", "\\": "\\"}
CHARACTERS: Mapping[str, str] = {
    "tab": "\t",
    "line": "\n",
    "lbr": "\n",
    "emdash": "—",
    "endash": "–",
    "lquote": "‘",
    "rquote": "’",
    "ldblquote": "“",
    "rdblquote": "”",
    "bullet": "•",
    "emspace": "\u2003",
    "enspace": "\u2002",
    "qmspace": "\u2005",
}
PARAGRAPH_ENDS = frozenset({"par", "sect", "cell", "nestcell"})

# Groups whose text is no part of the running text; groups that begin with \* are left out too, but for VISIBLE
LEFT_OUT = frozenset(
    re.findall(
        r"\w+",
        """
        aftncn aftnsep aftnsepc annotation atnauthor atnid author bkmkend bkmkstart category colortbl comment company
        creatim datafield doccomm docvar filetbl fldinst footer footerf footerl footerr footnote ftncn ftnsep ftnsepc
        generator header headerf headerl headerr hlinkbase info keywords latentstyles listoverridetable listtable
        manager nonesttables nonshppict objdata operator pgdsctbl pict pn printim private revtbl revtim rsidtbl rxe
        shprslt sp subject tc template themedata title txe xe
        """,
    )
)
VISIBLE = frozenset({"do", "shpinst", "ud"})
NUMBERS = frozenset({"listtext", "pntext"})
BOXES = frozenset({"shptxt", "dptxbxtext"})

Target: TypeAlias = Literal["text", "number", "fonts", "styles", "ansi", "nothing"]
SHOWN: frozenset[Target] = frozenset({"text", "number", "styles"})  # "ansi" is what a group in Unicode says again


@dataclass(slots=True)
class _Paragraph:
    """A paragraph in the making, in the running text or in a text box."""

    parts: list[str] = field(default_factory=list)
    number: list[str] = field(default_factory=list)
    style: int = 0
    level: int | None = None  # as the paragraph itself says; else that of its style
    in_table: bool = False

    @property
    def text(self) -> str:
        """Its number and its text; half a character in UTF-16 is none."""
        number, text = "".join(self.number).strip(), "".join(self.parts)
        if text.strip() and not NO_NUMBER.fullmatch(number):
            text = number + text
        text = SURROGATE_PAIR.sub(lambda pair: pair[0].encode("utf-16-le", "surrogatepass").decode("utf-16-le"), text)
        return LONE_SURROGATE.sub("", text).replace("\0", "").replace("\r", "\n")


@dataclass(frozen=True, slots=True)
class _State:
    """What holds until the end of a group."""

    target: Target = "text"
    font: int | None = None
    hidden: bool = False
    deleted: bool = False
    skip: int = 1  # characters after \\u that stand for it in old readers
    paragraph: _Paragraph | None = None  # the one that goes on after a text box, in the group of the text box
    style: Style | None = None  # the one being described

    @property
    def is_shown(self) -> bool:
        return self.target in SHOWN and not self.hidden and not self.deleted


@dataclass(slots=True)
class Reader:
    """Walks over the tokens of a file and collects lines."""

    name: str
    limits: Limits = field(default_factory=limits)
    taken_bytes: int = 0  # of text, decoded or not

    state: _State = field(default_factory=_State)
    groups: list[_State] = field(default_factory=list)
    star: bool = False  # \* stands before the next control word
    to_skip: int = 0
    pending: bytearray = field(default_factory=bytearray)  # bytes not yet decoded: a character may be cut in two

    fonts: Fonts = field(default_factory=Fonts)
    styles: dict[int, Style] = field(default_factory=dict)

    paragraph: _Paragraph = field(default_factory=_Paragraph)
    boxes: list[tuple[str, int | None]] = field(default_factory=list)  # those of text boxes, until the paragraph ends
    open_boxes: int = 0
    tables: TableCursor = field(default_factory=TableCursor)
    transcript: Transcript = field(default_factory=Transcript)

    def read(self, content: bytes) -> Source:
        """Read the file; what follows its outermost group is none of it."""
        position = 0
        for _ in range(self.limits.elements):  # two a character at most; at worst some 15 seconds of work
            token = TOKEN.match(content, position)
            if token is None:
                raise self._damaged("文件不完整")
            position = token.end()
            if token["word"] == b"bin" and token["number"]:
                position += max(0, int(token["number"]))
            self._take(token)
            if not self.groups:
                self._end_paragraph("")
                return self.transcript.source(self.name)
        raise too_large(self.name, "文字和格式太多", "普通篇幅的文档")

    def _damaged(self, found: str) -> InputError:
        return InputError(
            self.name, found=found, expected="完整的 .rtf", advice="用 Word 或 WPS 打开后另存为 .docx 再试"
        )

    def _take(self, token: re.Match[bytes]) -> None:
        match token.lastgroup:
            case "text":
                self._add_bytes(token["text"])
            case "word":
                self._obey(token["word"].decode("ascii"), None)
            case "number":
                self._obey(token["word"].decode("ascii"), int(token["number"]))
            case "hex":
                self._add_bytes(bytes.fromhex(token["hex"].decode("ascii")))
            case "symbol":
                self._add_symbol(token["symbol"].decode("latin-1"))
            case "brace" if token["brace"] == b"{":
                self._open()
            case "brace":
                self._close()

    # Groups

    def _open(self) -> None:
        if len(self.groups) >= MAX_DEPTH:
            raise self._damaged("文件已损坏（括号层数太多）")
        self.to_skip, self.star = 0, False
        self.groups.append(self.state)
        if self.state.paragraph is not None:
            self.state = replace(self.state, paragraph=None)
        if self.state.target == "styles" and self.state.style is None:
            self.state = replace(self.state, style=Style())  # until its number comes

    def _close(self) -> None:
        self.to_skip, self.star = 0, False
        outer = self.state.paragraph
        if outer is not None:  # the end of a text box
            self._end_paragraph("")
            self.paragraph = outer
            self.open_boxes -= 1
        before = self.groups.pop()
        if (before.target, before.font, before.style) != (self.state.target, self.state.font, self.state.style):
            self._flush()
        self.state = before

    def _begin(self, word: str) -> None:
        """A group begins with this word, if the word is one that begins groups of its own kind."""
        target = self.state.target
        if word in BOXES and target == "text":
            self._begin_box()
        elif word in NUMBERS and target == "text":
            self._turn_to("number")
        elif word == "fonttbl":
            self._turn_to("fonts")
        elif word == "stylesheet":
            self._turn_to("styles")
        elif word == "upr" and target == "text":
            self._turn_to("ansi")
        elif word == "ud" and target == "ansi":
            self._turn_to("text")
        elif word in LEFT_OUT:
            self._turn_to("nothing")

    def _begin_box(self) -> None:
        self._flush()
        if self.state.paragraph is None:
            self.open_boxes += 1
            self.state = replace(self.state, paragraph=self.paragraph, hidden=False)
            self.paragraph = _Paragraph()

    def _turn_to(self, target: Target) -> None:
        self._flush()
        self.state = replace(self.state, target=target)

    # Characters

    def _add_bytes(self, content: bytes) -> None:
        skipped = min(self.to_skip, len(content))
        self.to_skip -= skipped
        if self.state.is_shown:
            self.taken_bytes += len(content)
            if self.taken_bytes > MAX_CHARACTER_BYTES * self.limits.characters:
                check_text(self.name, self.taken_bytes // MAX_CHARACTER_BYTES)
            self.pending += content[skipped:]

    def _add_symbol(self, symbol: str) -> None:
        if symbol == "*":
            self.star = True
        elif symbol in "\r\n":
            self._obey("par", None)
        elif self.to_skip:
            self.to_skip -= 1
        else:
            self._add(SYMBOLS.get(symbol, ""))

    def _add(self, text: str) -> None:
        self._flush()
        if self.state.is_shown:
            self._put(text)

    def _flush(self) -> None:
        """Decode the bytes so far, before anything changes that they depend on."""
        if not self.pending:
            return
        text = self.fonts.decoded(bytes(self.pending), self.state.font)
        self.pending.clear()
        if text is not None:
            self._put(text)
        elif self.state.target != "styles":  # else a name that tells us nothing
            raise self._damaged("文字的编码已损坏")

    def _put(self, text: str) -> None:
        target = self.state.target
        if target == "text":
            self.paragraph.parts.append(text)
        elif target == "number" and not self.fonts.is_symbol(self.state.font):
            self.paragraph.number.append(text)
        elif target == "styles" and self.state.style is not None:
            self.state.style.name.append(text)

    # Control words

    def _obey(self, word: str, number: int | None) -> None:
        if self.star and word not in VISIBLE:
            self._turn_to("nothing")
        self.star = False
        self._begin(word)
        if self.state.target == "nothing":
            return
        self.to_skip = max(0, self.to_skip - 1)
        self.fonts.set_document(word, number)
        if word == "u" and number is not None:
            self._add_unicode(number)
        elif word == "uc":
            self.state = replace(self.state, skip=max(0, number or 0))
        elif self.state.target == "fonts":
            self.fonts.describe(word, number)
        elif self.state.target == "styles":
            self._describe_style(word, number)
        elif word in CHARACTERS:
            self._add(CHARACTERS[word])
        elif self.state.target == "text" and word in PARAGRAPH_ENDS:
            self._end_paragraph(word)
        elif word == "row":
            self.tables.end_row()
        else:
            self._set_characters(word, number)
            self._set_paragraph(word, number)

    def _add_unicode(self, number: int) -> None:
        if -0x8000 <= number <= 0x10FFFF:
            self._add(chr(number + 0x10000 if number < 0 else number))
        self.to_skip = self.state.skip

    def _describe_style(self, word: str, number: int | None) -> None:
        if word == "s" and number is not None:
            self._flush()
            self.styles[number] = Style()
            self.state = replace(self.state, style=self.styles[number])
        elif word in {"cs", "ds", "ts"}:  # styles of characters, sections and tables
            self.state = replace(self.state, style=Style())
        elif word == "outlinelevel" and number is not None and self.state.style is not None:
            self.state.style.level = number + 1
        elif word == "sbasedon" and self.state.style is not None:
            self.state.style.base = number

    def _set_characters(self, word: str, number: int | None) -> None:
        if word not in {"f", "plain", "v", "deleted"}:
            return
        self._flush()
        if word == "f":
            self.state = replace(self.state, font=number)
        elif word == "plain":
            self.state = replace(self.state, font=None, hidden=False, deleted=False)
        elif word == "v":
            self.state = replace(self.state, hidden=number != 0)
        else:
            self.state = replace(self.state, deleted=number != 0)

    def _set_paragraph(self, word: str, number: int | None) -> None:
        if self.state.target != "text":  # the number of a paragraph has settings of its own
            return
        if word == "pard":
            self.paragraph.style, self.paragraph.level, self.paragraph.in_table = 0, None, False
        elif word == "s" and number is not None:
            self.paragraph.style = number
        elif word == "outlinelevel" and number is not None:
            self.paragraph.level = number + 1
        elif word == "intbl":
            self.paragraph.in_table = number != 0

    # Paragraphs

    def _end_paragraph(self, word: str) -> None:
        self._flush()
        paragraph = self.paragraph
        text, level = paragraph.text, level_of(paragraph.level, paragraph.style, self.styles)
        paragraph.parts, paragraph.number = [], []
        if self.open_boxes:
            self.boxes.append((text, level))
            return
        if paragraph.in_table or word in {"cell", "nestcell"}:
            self.tables.enter()
        else:
            self.tables.leave()
        self.transcript.add(text, level, self.tables.place)
        for box, box_level in self.boxes:
            self.transcript.add(box, box_level, f"{self.tables.place}文本框")
        self.boxes.clear()
        if word == "cell":
            self.tables.end_cell()
