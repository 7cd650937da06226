"""Rich Text Format (.rtf): paragraphs with their numbers, tables and text boxes, in reading order.

The reader is our own: striprtf, the one maintained library, keeps hidden and deleted text, loses text boxes and heading
levels, and takes GBK for Latin letters where a font does not name its character set.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from tagger.errors import FormatError, InputError
from tagger.records import Line, Source

MAGIC = b"{\\rtf"
MAX_TOKENS = 2_000_000  # two a character at most: a million characters, at worst some 15 seconds of work
MAX_DEPTH = 10_000  # open groups; Word writes some tens
TITLE_LEVEL = 0
MAX_HEADING_LEVEL = 9

TOKEN = re.compile(
    rb"\\(?P<word>[A-Za-z]{1,32})(?P<number>-?\d{1,10})? ?|\\'(?P<hex>[0-9A-Fa-f]{2})|\\(?P<symbol>[^A-Za-z])"
    rb"|(?P<brace>[{}])|[\r\n\0]+|(?P<text>[^\\{}\r\n\0]+)|\\",
    re.DOTALL,
)
SURROGATE_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
LONE_SURROGATE = re.compile("[\ud800-\udfff]")
HEADING_STYLE = re.compile(r"(?:heading|标题) ?([1-9])", re.IGNORECASE)
TITLE_STYLES = frozenset({"title", "标题"})
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

SYMBOL_CHARSET = 2
# `\fcharset` of a font → its encoding; 0 and 1 (Western, default) stand before Chinese text too and say nothing
CHARSETS: Mapping[int, str] = {
    77: "mac_roman",
    128: "cp932",
    129: "cp949",
    130: "johab",
    134: "gb18030",
    136: "cp950",
    161: "cp1253",
    162: "cp1254",
    163: "cp1258",
    177: "cp1255",
    178: "cp1256",
    186: "cp1257",
    204: "cp1251",
    222: "cp874",
    238: "cp1250",
}
CODE_PAGES: Mapping[int, str] = {
    437: "cp437",
    850: "cp850",
    874: "cp874",
    932: "cp932",
    936: "gb18030",
    949: "cp949",
    950: "cp950",
    10008: "gb18030",  # simplified Chinese on old Macs
    54936: "gb18030",
    65001: "utf-8",
    **{page: f"cp{page}" for page in range(1250, 1259)},
}
WESTERN = "cp1252"

MAX_STRAY_BYTES = 2  # bytes of Western letters or signs that may stand in a Chinese run; more is damage

Target: TypeAlias = Literal["text", "number", "fonts", "styles", "ansi", "nothing"]
SHOWN: frozenset[Target] = frozenset({"text", "number", "styles"})  # "ansi" is what a group in Unicode says again


def read_rtf(name: str, content: bytes) -> Source:
    """Read an RTF document from its bytes.

    Hidden text, deleted text of tracked changes, headers, footers, notes and comments are left out. Raises `InputError`
    if the file is damaged or cut off, `FormatError` if it is no RTF file.
    """
    content = content.lstrip(b"\xef\xbb\xbf \t\r\n")
    if not content.startswith(MAGIC):
        raise FormatError(name, found="不是 RTF 文件", expected="以 {\\rtf 开头的文件", advice="另存为 .docx 再试")
    reader = _Reader(name)
    reader.read(content)
    return Source(name, "\n".join(reader.texts), tuple(reader.lines))


@dataclass(slots=True)
class _Paragraph:
    """A paragraph in the making, in the running text or in a text box."""

    parts: list[str] = field(default_factory=list)
    number: list[str] = field(default_factory=list)
    style: int = 0
    level: int | None = None  # as the paragraph itself says; else that of its style
    in_table: bool = False


@dataclass(slots=True)
class _Style:
    """A paragraph style: its heading level as it says itself, its name, the style that it is based on."""

    level: int | None = None
    base: int | None = None
    name: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _State:
    """What holds until the end of a group."""

    target: Target = "text"
    font: int | None = None
    hidden: bool = False
    deleted: bool = False
    skip: int = 1  # characters after \\u that stand for it in old readers
    paragraph: _Paragraph | None = None  # the one that goes on after a text box, in the group of the text box
    style: _Style | None = None  # the one being described


@dataclass(slots=True)
class _Reader:
    """Walks over the tokens of a file and collects lines."""

    name: str
    texts: list[str] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    length: int = 0

    state: _State = field(default_factory=_State)
    groups: list[_State] = field(default_factory=list)
    star: bool = False  # \* stands before the next control word
    to_skip: int = 0
    pending: bytearray = field(default_factory=bytearray)  # bytes not yet decoded: a character may be cut in two

    encoding: str = WESTERN
    fonts: dict[int, str] = field(default_factory=dict)
    font: int | None = None  # the font being described in the font table
    default_font: int | None = None
    symbol_fonts: set[int | None] = field(default_factory=set)
    styles: dict[int, _Style] = field(default_factory=dict)

    paragraph: _Paragraph = field(default_factory=_Paragraph)
    boxes: list[tuple[str, int | None]] = field(default_factory=list)  # those of text boxes, until the paragraph ends
    open_boxes: int = 0
    table: int = 0
    row: int = 0  # 0: outside of tables
    column: int = 0

    def read(self, content: bytes) -> None:
        position = 0
        for _ in range(MAX_TOKENS):
            token = TOKEN.match(content, position)
            if token is None:
                raise self._damaged("文件不完整")
            position = token.end()
            if token["word"] == b"bin" and token["number"]:
                position += max(0, int(token["number"]))
            self._take(token)
            if not self.groups:
                self._end_paragraph("")
                return
        raise InputError(self.name, found="文件太大", expected="普通篇幅的文档", advice="把文件分成几份再试")

    def _damaged(self, found: str) -> InputError:
        return InputError(
            self.name, found=found, expected="完整的 .rtf", advice="用 Word 或 WPS 打开后另存为 .docx 再试"
        )

    def _take(self, token: re.Match[bytes]) -> None:
        if token["hex"]:
            self._add_bytes(bytes.fromhex(token["hex"].decode("ascii")))
        elif token["text"]:
            self._add_bytes(token["text"])
        elif token["brace"] == b"{":
            self._open()
        elif token["brace"] == b"}":
            self._close()
        elif token["word"]:
            number = None if token["number"] is None else int(token["number"])
            self._obey(token["word"].decode("ascii"), number)
        elif token["symbol"]:
            self._add_symbol(token["symbol"].decode("latin-1"))

    # Groups

    def _open(self) -> None:
        if len(self.groups) >= MAX_DEPTH:
            raise self._damaged("文件已损坏（括号层数太多）")
        self.to_skip, self.star = 0, False
        self.groups.append(self.state)
        if self.state.paragraph is not None:
            self.state = replace(self.state, paragraph=None)
        if self.state.target == "styles" and self.state.style is None:
            self.state = replace(self.state, style=_Style())  # until its number comes

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
            self._flush()
            if self.state.paragraph is None:
                self.open_boxes += 1
                self.state = replace(self.state, paragraph=self.paragraph, hidden=False)
                self.paragraph = _Paragraph()
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

    def _turn_to(self, target: Target) -> None:
        self._flush()
        self.state = replace(self.state, target=target)

    # Characters

    def _add_bytes(self, content: bytes) -> None:
        skipped = min(self.to_skip, len(content))
        self.to_skip -= skipped
        if self._is_shown():
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
        if self._is_shown():
            self._put(text)

    def _is_shown(self) -> bool:
        return self.state.target in SHOWN and not self.state.hidden and not self.state.deleted

    def _flush(self) -> None:
        """Decode the bytes so far, before anything changes that they depend on."""
        if self.pending:
            text = self._decoded(bytes(self.pending))
            self.pending.clear()
            self._put(text)

    def _put(self, text: str) -> None:
        target = self.state.target
        if target == "text":
            self.paragraph.parts.append(text)
        elif target == "number":
            font = self.default_font if self.state.font is None else self.state.font
            self.paragraph.number.append("" if font in self.symbol_fonts else text)
        elif target == "styles" and self.state.style is not None:
            self.state.style.name.append(text)

    def _decoded(self, content: bytes) -> str:
        font = self.state.font if self.state.font is not None else self.default_font
        own = None if font is None else self.fonts.get(font)
        stray = sum(byte > 0x7F for byte in content) <= MAX_STRAY_BYTES
        for encoding in (own or self.encoding, self.encoding, *([WESTERN] if stray else [])):
            try:
                return content.decode(encoding)
            except UnicodeDecodeError:
                continue
        if self.state.target == "styles":  # a name that tells us nothing
            return ""
        raise self._damaged("文字的编码已损坏")

    # Control words

    def _obey(self, word: str, number: int | None) -> None:
        if self.star and word not in VISIBLE:
            self._turn_to("nothing")
        self.star = False
        self._begin(word)
        if self.state.target == "nothing":
            return
        self.to_skip = max(0, self.to_skip - 1)
        self._set_document(word, number)
        if word == "u" and number is not None:
            self._add_unicode(number)
        elif word == "uc":
            self.state = replace(self.state, skip=max(0, number or 0))
        elif self.state.target == "fonts":
            self._describe_font(word, number)
        elif self.state.target == "styles":
            self._describe_style(word, number)
        elif word in CHARACTERS:
            self._add(CHARACTERS[word])
        elif self.state.target == "text" and word in PARAGRAPH_ENDS:
            self._end_paragraph(word)
        elif word == "row" and self.row:
            self.row, self.column = self.row + 1, 1
        else:
            self._set_characters(word, number)
            self._set_paragraph(word, number)

    def _add_unicode(self, number: int) -> None:
        if -0x8000 <= number <= 0x10FFFF:
            self._add(chr(number + 0x10000 if number < 0 else number))
        self.to_skip = self.state.skip

    def _set_document(self, word: str, number: int | None) -> None:
        if word == "ansicpg":
            self.encoding = CODE_PAGES.get(number or 0, self.encoding)
        elif word == "mac":
            self.encoding = "mac_roman"
        elif word in {"pc", "pca"}:
            self.encoding = "cp437" if word == "pc" else "cp850"
        elif word == "deff":
            self.default_font = number

    def _describe_font(self, word: str, number: int | None) -> None:
        if word == "f":
            self.font = number
        elif word == "fcharset" and number == SYMBOL_CHARSET:
            self.symbol_fonts.add(self.font)
        elif word == "fcharset" and self.font is not None and number is not None and number in CHARSETS:
            self.fonts[self.font] = CHARSETS[number]
        elif word == "cpg" and self.font is not None and number is not None and number in CODE_PAGES:
            self.fonts[self.font] = CODE_PAGES[number]

    def _describe_style(self, word: str, number: int | None) -> None:
        if word == "s" and number is not None:
            self._describe(number)
        elif word in {"cs", "ds", "ts"}:  # styles of characters, sections and tables
            self.state = replace(self.state, style=_Style())
        elif word == "outlinelevel" and number is not None and self.state.style is not None:
            self.state.style.level = number + 1
        elif word == "sbasedon" and self.state.style is not None:
            self.state.style.base = number

    def _describe(self, number: int) -> None:
        self._flush()
        self.styles[number] = _Style()
        self.state = replace(self.state, style=self.styles[number])

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
        text = self._text_of(paragraph)
        level = self._level_of(paragraph)
        paragraph.parts, paragraph.number = [], []
        if self.open_boxes:
            self.boxes.append((text, level))
            return
        place = self._place(paragraph, word)
        self._add_lines(text, level=level, place=place)
        for box, box_level in self.boxes:
            self._add_lines(box, level=box_level, place=f"{place}文本框")
        self.boxes.clear()
        if word == "cell":
            self.column += 1

    def _text_of(self, paragraph: _Paragraph) -> str:
        if not paragraph.parts:
            return ""
        number = "".join(paragraph.number).strip()
        text = "".join(paragraph.parts)
        if text.strip() and not NO_NUMBER.fullmatch(number):
            text = number + text
        text = SURROGATE_PAIR.sub(lambda pair: pair[0].encode("utf-16-le", "surrogatepass").decode("utf-16-le"), text)
        return LONE_SURROGATE.sub("", text).replace("\0", "")

    def _place(self, paragraph: _Paragraph, word: str) -> str:
        if not paragraph.in_table and word not in {"cell", "nestcell"}:
            self.row = 0
            return ""
        if not self.row:
            self.table, self.row, self.column = self.table + 1, 1, 1
        return f"表{self.table}第{self.row}行第{self.column}列"

    def _add_lines(self, text: str, *, level: int | None, place: str) -> None:
        for line in re.split(r"[\r\n]", text):
            if line.strip():
                self.lines.append(Line(self.length, self.length + len(line), level, place))
            self.texts.append(line)
            self.length += len(line) + 1

    def _level_of(self, paragraph: _Paragraph) -> int | None:
        level, key = paragraph.level, paragraph.style
        seen: set[int] = set()
        while level is None and key in self.styles and key not in seen:
            seen.add(key)
            style = self.styles[key]
            level = _level_of_style(style)
            if style.base is None:
                break
            key = style.base
        return level if level is not None and 0 <= level <= MAX_HEADING_LEVEL else None


def _level_of_style(style: _Style) -> int | None:
    name = "".join(style.name).strip(" ;")
    if name.lower() in TITLE_STYLES:
        return TITLE_LEVEL
    heading = HEADING_STYLE.fullmatch(name)
    return int(heading[1]) if heading else style.level
