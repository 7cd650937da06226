"""Word's binary format (.doc, and .wps where WPS Office wrote the same), after [MS-DOC]: text, tables, levels, numbers.

The text stands in pieces all over the main stream; the piece table gives their order. What a paragraph or a run of
characters is like stands in pages of 512 bytes, found by the place of its bytes in the stream.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import signal
import struct
import subprocess
import tempfile
from bisect import bisect_right
from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress, islice, pairwise
from pathlib import Path
from typing import TypeAlias

import olefile

from tagger.errors import FormatError, InputError
from tagger.reading.docx import read_docx
from tagger.reading.numbering import Counter, Level
from tagger.records import Line, Source

Properties: TypeAlias = Mapping[int, bytes]  # code of a property (a “sprm”) → its operand
Run: TypeAlias = tuple[int, int, bytes]  # first byte in the main stream, end, and what is said of the text between

EXPECTED = "Word 97 以后的 .doc（或 WPS 存成的同样格式）"
SAVE_AS_DOCX = "在 Word 或 WPS 里另存为 .docx 再试"
DAMAGE = (IndexError, OSError, RuntimeError, TypeError, ValueError, struct.error)  # raised on broken containers
MAX_CHARACTERS = 20_000_000  # a hundred of the longest reports
MAX_STYLE_DEPTH = 32  # Word allows 10 styles, each based on the next
LIBREOFFICE_SECONDS = 60  # a long report takes 5, a first start 20

OTHER_KINDS = {  # streams at the top of other OLE2 files
    "Workbook": "Excel 或 WPS 表格（.xls、.et）",
    "Book": "旧版 Excel 表格（.xls）",
    "PowerPoint Document": "PowerPoint 或 WPS 演示（.ppt、.dps）",
    "__properties_version1.0": "Outlook 邮件（.msg）",
    "VisioDocument": "Visio 图（.vsd）",
    "CONTENTS": "Microsoft Works 或旧版 WPS 文件（.wps）",
    "MatOST": "Microsoft Works 文件（.wps）",
    "FileHeader": "韩文 HWP 文件（.hwp）",
}

# Places in the header of the main stream; those of parts give offset and size in the table stream
MAGIC, VERSION, FLAGS, MAIN_CHARACTERS = 0, 2, 10, 76
STYLES, RUN_PAGES, PARAGRAPH_PAGES, PIECES, LISTS, LIST_INSTANCES = 0xA2, 0xFA, 0x102, 0x1A2, 0x2E2, 0x2EA
WORD_MAGICS = frozenset({0xA5EC, 0xA5DC})
WORD_97 = 193
ENCRYPTED, SECOND_TABLE = 0x100, 0x200
PAGE_BYTES = 512

# Properties
DELETED, SYMBOL = 0x0800, 0x6A09
IN_TABLE, ROW_END, INNER_ROW_END = 0x2416, 0x2417, 0x244C
OUTLINE, LIST, LIST_DEPTH, ELSEWHERE = 0x2640, 0x460B, 0x260A, 0x6646
TABLE_DEFINITIONS = frozenset({0xD606, 0xD608})
OPERAND_BYTES = (1, 1, 2, 4, 2, 2, 0, 3)  # by the upper three bits of the code; 0: the first byte tells
IS_TITLE = -1  # our own: paragraphs of this style are the title
PARAGRAPH_STYLE, TITLE_STYLE, HEADING_STYLES, NO_STYLE = 1, 62, range(1, 10), 0xFFF

CELL_END = "\x07"
PARAGRAPH_END = re.compile("[\r\f\x07]")  # \f: a new page or section
FIELD_MARK = re.compile("[\x13-\x15]")
FIELD_BEGIN, FIELD_RESULT = "\x13", "\x14"
CHARACTERS: Mapping[int, str | None] = {  # what special characters look like; pictures, notes and the like are nothing
    **dict.fromkeys(range(0x20)),
    0x09: "\t",
    0x0B: "\n",
    0x0E: "\n",
    0x1E: "-",
}
CP1252 = {code: found for code in range(256) if (found := bytes([code]).decode("cp1252", "ignore"))}

NUMBER_FORMATS: Mapping[int, str] = {
    1: "upperRoman",
    2: "lowerRoman",
    3: "upperLetter",
    4: "lowerLetter",
    10: "ideographDigital",
    11: "japaneseCounting",
    14: "decimalFullWidth",
    16: "chineseLegalSimplified",
    18: "decimalEnclosedCircle",
    19: "decimalFullWidth",
    22: "decimalZero",
    23: "bullet",
    28: "decimalEnclosedCircleChinese",
    30: "ideographTraditional",
    31: "ideographZodiac",
    33: "taiwaneseCounting",
    34: "chineseLegalSimplified",
    35: "taiwaneseCountingThousand",
    36: "taiwaneseDigital",
    37: "chineseCounting",
    38: "chineseLegalSimplified",
    39: "chineseCountingThousand",
    255: "none",
}
LIST_BYTES, LEVEL_BYTES, INSTANCE_BYTES, LEVELS = 28, 28, 16, 9
OWN_START, OWN_LEVEL = 0x10, 0x20
MAX_NUMBER = 32767  # Word's own limit
MAX_PATTERN = 32  # characters around the numbers of all nine levels


def read_ole(name: str, content: bytes) -> Source:
    """Read a binary Word document from its bytes.

    The text is that of the main document as Word shows it: numbers before paragraphs, results of fields, no deleted
    text; notes, headers and text boxes are left out. Files of Word 6 and 95 are read by way of LibreOffice where it is
    on the machine. Raises `InputError` if the file is damaged or encrypted, `FormatError` if it is of another kind.
    """
    try:
        streams = _open(name, content)
        _check_encryption(name, streams.number("H", FLAGS))
        is_old = streams.number("H", VERSION) < WORD_97
        if not is_old:
            return _source(name, _document(name, streams))
    except DAMAGE as error:
        raise InputError(
            name, found="Word 文件已损坏或不完整", expected=EXPECTED, advice="用 Word 或 WPS 打开后另存为 .docx 再试"
        ) from error
    return _read_by_libreoffice(name, content)


@dataclass(frozen=True, slots=True)
class _Streams:
    """The streams of a Word file."""

    main: bytes
    table: bytes
    data: bytes

    def number(self, kind: str, place: int) -> int:
        """A number of the header."""
        return _number(kind, self.main, place)

    def part(self, place: int) -> bytes:
        """The part of the table stream that the header names at `place`."""
        start, size = self.number("I", place), self.number("I", place + 4)
        part = self.table[start : start + size]
        if len(part) < size:
            raise ValueError("a part ends beyond the table stream")
        return part


def _number(kind: str, data: bytes, place: int) -> int:
    """A little-endian number, its kind as in `struct`."""
    found: int = struct.unpack_from("<" + kind, data, place)[0]
    return found


def _open(name: str, content: bytes) -> _Streams:
    with olefile.OleFileIO(io.BytesIO(content)) as container:
        names = {path[0] for path in container.listdir()}
        if "EncryptedPackage" in names:
            _check_encryption(name, ENCRYPTED)
        if "WordDocument" not in names:
            kind = next((kind for stream, kind in OTHER_KINDS.items() if stream in names), "不认识的旧格式（OLE2）")
            raise FormatError(name, found=f"是{kind}", expected=EXPECTED, advice="把文字另存为 .docx 再试")
        main = container.openstream("WordDocument").read()
        if _number("H", main, MAGIC) not in WORD_MAGICS:
            raise FormatError(name, found="不是 Word 的二进制格式", expected=EXPECTED, advice=SAVE_AS_DOCX)
        table = "1Table" if _number("H", main, FLAGS) & SECOND_TABLE else "0Table"
        optional = (container.openstream(each).read() if each in names else b"" for each in (table, "Data"))
        return _Streams(main, *optional)


def _check_encryption(name: str, flags: int) -> None:
    if flags & ENCRYPTED:
        raise InputError(
            name,
            found="文件设了密码，已加密",
            expected="没有加密的文件",
            advice="用密码打开，去掉密码后另存为 .docx 再试",
        )


def _check_length(name: str, characters: int) -> None:
    if characters > MAX_CHARACTERS:
        raise InputError(
            name, found="文字太多", expected=f"不超过 {MAX_CHARACTERS // 10_000} 万字", advice="把文件分成几份再试"
        )


# The text


@dataclass(frozen=True, slots=True)
class _Piece:
    """A piece of the text: characters `start` to `end`, from byte `place` of the main stream on, `width` bytes each."""

    start: int
    end: int
    place: int
    width: int

    def place_of(self, character: int) -> int:
        """The byte of the main stream where a character of this piece stands."""
        return self.place + (character - self.start) * self.width


@dataclass(frozen=True, slots=True)
class _Style:
    """A style: the number of the style that it is based on, and what it says itself."""

    base: int
    properties: dict[int, bytes]


@dataclass(frozen=True, slots=True)
class _Document:
    """The main text in UTF-16 units, one a character; which of them are shown; and what is said of its paragraphs."""

    text: str
    shown: bytearray
    pieces: Sequence[_Piece]
    paragraphs: Sequence[Run]
    styles: Sequence[_Style]
    counters: Sequence[Counter]
    data: bytes


def _document(name: str, streams: _Streams) -> _Document:
    length = streams.number("I", MAIN_CHARACTERS)
    if length <= len(streams.main):  # else it is no sound length
        _check_length(name, length)
    pieces = list(_pieces(streams))
    text = "".join(_characters(streams.main, piece) for piece in pieces)
    shown = bytearray(b"\1" * len(text))
    runs = _in_order(_runs(streams.main, streams.part(RUN_PAGES), entry_bytes=1))
    _hide_deleted(shown, text, pieces, [run for run in runs if _is_hidden(run[2])])
    _hide_field_codes(shown, text)
    paragraphs = _in_order(_runs(streams.main, streams.part(PARAGRAPH_PAGES), entry_bytes=13))
    return _Document(text, shown, pieces, paragraphs, _styles(streams), _counters(streams), streams.data)


def _pieces(streams: _Streams) -> Iterator[_Piece]:
    """The pieces of the main text, in order."""
    table = streams.part(PIECES)
    place = 0
    while table[place] == 1:  # formatting left by a fast save
        place += 3 + _number("H", table, place + 1)
    count = (_number("I", table, place + 1) - 4) // 12
    bounds = struct.unpack_from(f"<{count + 1}I", table, place + 5)
    length = streams.number("I", MAIN_CHARACTERS)
    if table[place] != 2 or list(bounds) != sorted(bounds) or not length <= bounds[-1] <= len(streams.main):
        raise ValueError("no sound piece table")
    for number, (start, end) in enumerate(pairwise(bounds)):
        position = _number("I", table, place + 5 + 4 * len(bounds) + 8 * number + 2)
        narrow = position & 0x40000000
        position &= 0x3FFFFFFF
        end = min(end, length)  # noqa: PLW2901 - notes, headers and the like follow the main text
        if start < end:
            yield _Piece(start, end, position // 2 if narrow else position, 1 if narrow else 2)


def _characters(main: bytes, piece: _Piece) -> str:
    raw = main[piece.place : piece.place_of(piece.end)]
    if len(raw) < (piece.end - piece.start) * piece.width:
        raise ValueError("a piece ends beyond the main stream")
    if piece.width == 1:
        return raw.decode("latin-1").translate(CP1252)
    return "".join(map(chr, struct.unpack(f"<{len(raw) // 2}H", raw)))


def _hide_deleted(shown: bytearray, text: str, pieces: Sequence[_Piece], deleted: Sequence[Run]) -> None:
    """Hide runs of characters, but never the end of a paragraph."""
    ends = [end for _, end, _ in deleted]
    for piece in pieces:
        last = piece.place_of(piece.end)
        for start, end, _ in islice(deleted, bisect_right(ends, piece.place), None):
            if start >= last:
                break
            first = piece.start + max(0, start - piece.place) // piece.width
            for character in range(first, min(piece.end, piece.start + (end - piece.place) // piece.width)):
                shown[character] = bool(PARAGRAPH_END.match(text, character))


def _hide_field_codes(shown: bytearray, text: str) -> None:
    """Of a field (begin, code, mark, result, end) show the result only; a mark without its fellows is nothing."""
    fields: list[list[int]] = []  # open fields: begin, and the marks before their results
    codes: list[tuple[int, int]] = []
    for mark in FIELD_MARK.finditer(text):
        if mark[0] == FIELD_BEGIN:
            fields.append([mark.start()])
        elif fields and mark[0] == FIELD_RESULT:
            fields[-1].append(mark.start())
        elif fields:
            begin, *results = fields.pop()
            codes.append((begin, results[0] if results else mark.start()))
    hidden = 0
    for begin, end in sorted(codes):  # they nest
        begin = max(begin, hidden)  # noqa: PLW2901 - what is hidden already is not hidden again
        if begin < end:
            shown[begin:end] = bytes(end - begin)
            hidden = end


# What is said of runs and paragraphs


def _runs(main: bytes, table: bytes, *, entry_bytes: int) -> Iterator[Run]:
    """The runs (of characters or paragraphs) that a table of pages leads to."""
    count = max(0, (len(table) - 4) // 8)
    if count * PAGE_BYTES > len(main):
        raise ValueError("more pages than the main stream holds")
    for number in struct.unpack_from(f"<{count}I", table, 4 * (count + 1)) if count else ():
        start = (number & 0x3FFFFF) * PAGE_BYTES
        page = main[start : start + PAGE_BYTES]
        entries = page[PAGE_BYTES - 1]
        bounds = struct.unpack_from(f"<{entries + 1}I", page)
        for index, (first, end) in enumerate(pairwise(bounds)):
            offset = 2 * page[4 * (entries + 1) + entry_bytes * index]
            yield first, end, page[offset:] if offset else b""


def _in_order(runs: Iterable[Run]) -> list[Run]:
    """The runs by place; those that are empty or reach into another are no runs."""
    ordered: list[Run] = []
    for run in sorted(runs):
        if run[0] < run[1] and (not ordered or ordered[-1][1] <= run[0]):
            ordered.append(run)
    return ordered


def _properties(packed: bytes) -> dict[int, bytes]:
    """The properties in a list of code, operand, code, operand, …; the last of a code counts."""
    properties: dict[int, bytes] = {}
    place = 0
    while place + 2 < len(packed):
        code = _number("H", packed, place)
        place += 2
        size = OPERAND_BYTES[code >> 13] or 1 + packed[place]
        if code in TABLE_DEFINITIONS:
            size = 1 + int.from_bytes(packed[place : place + 2], "little")
        properties[code] = packed[place : place + size]
        place += size
    return properties


def _value(properties: Properties, code: int) -> int:
    """A property as a number, 0 if nothing is said."""
    return int.from_bytes(properties.get(code, b""), "little")


def _is_hidden(entry: bytes) -> bool:
    """Whether a run was deleted, or is but the stand-in for a character of a symbol font."""
    properties = _properties(entry[1 : 1 + entry[0]]) if entry else {}
    return bool(_value(properties, DELETED)) or SYMBOL in properties


def _properties_at(document: _Document, character: int) -> Properties:
    """What is said of the paragraph that ends with a character: itself first, then its style and those below it."""
    piece = document.pieces[bisect_right(document.pieces, character, key=lambda piece: piece.start) - 1]
    place = piece.place_of(character)
    index = bisect_right(document.paragraphs, place, key=lambda run: run[0]) - 1
    if index < 0 or document.paragraphs[index][1] <= place:
        return {}
    entry = document.paragraphs[index][2]
    if len(entry) < 4:
        return ChainMap(*_inherited(document.styles, 0))
    start, size = (1, 2 * entry[0] - 1) if entry[0] else (2, 2 * entry[1])
    own = _properties(entry[start + 2 : start + size])
    elsewhere = _value(own, ELSEWHERE)
    if elsewhere and elsewhere + 2 < len(document.data):
        end = elsewhere + 2 + _number("H", document.data, elsewhere)
        own |= _properties(document.data[elsewhere + 2 : end])
    return ChainMap(own, *_inherited(document.styles, _number("H", entry, start)))


def _inherited(styles: Sequence[_Style], number: int) -> Iterator[dict[int, bytes]]:
    """What a style says, then what the style that it is based on says, and so on."""
    for _ in range(MAX_STYLE_DEPTH):
        if number >= len(styles):
            return
        yield styles[number].properties
        number = styles[number].base


def _styles(streams: _Streams) -> list[_Style]:
    """The styles of the document by their numbers. A table that makes no sense says nothing."""
    try:
        return list(_read_styles(streams.part(STYLES)))
    except DAMAGE:
        return []


def _read_styles(table: bytes) -> Iterator[_Style]:
    fixed_bytes = _number("H", table, 4)
    place = 2 + _number("H", table, 0)
    for _ in range(_number("H", table, 2)):
        size = _number("H", table, place)
        yield _style(table[place + 2 : place + 2 + size], fixed_bytes) if size else _Style(NO_STYLE, {})
        place += 2 + size + size % 2


def _style(style: bytes, fixed_bytes: int) -> _Style:
    kind, base = _number("H", style, 2) & 0xF, _number("H", style, 2) >> 4
    if kind != PARAGRAPH_STYLE:
        return _Style(NO_STYLE, {})
    place = fixed_bytes + 2 + 2 * _number("H", style, fixed_bytes) + 2  # after its name
    place += place % 2
    size = _number("H", style, place)
    properties = _properties(style[place + 4 : place + 2 + size])
    built_in = _number("H", style, 0) & 0xFFF
    if built_in in HEADING_STYLES:
        properties.setdefault(OUTLINE, bytes([built_in - 1]))
    properties[IS_TITLE] = bytes([built_in == TITLE_STYLE])
    return _Style(base, properties)


# Numbers


def _counters(streams: _Streams) -> list[Counter]:
    """The numberings that paragraphs name, from 1 on. Tables that make no sense number nothing."""
    try:
        return list(_read_counters(streams))
    except DAMAGE:
        return []


def _read_counters(streams: _Streams) -> Iterator[Counter]:
    levels = _lists(streams) if streams.part(LISTS) else {}
    shared = {key: Counter(own) for key, own in levels.items()}
    table = streams.table[streams.number("I", LIST_INSTANCES) :] if streams.part(LIST_INSTANCES) else bytes(4)
    count = _number("I", table, 0)
    place = 4 + INSTANCE_BYTES * count
    for number in range(count):
        key, overrides = _number("i", table, 4 + INSTANCE_BYTES * number), table[16 + INSTANCE_BYTES * number]
        changed = dict(levels.get(key, {}))
        place += 4
        for _ in range(overrides):
            start, flags = _number("i", table, place), _number("I", table, place + 4)
            place += 8
            depth = flags & 0xF
            if flags & OWN_LEVEL:
                changed[depth], place = _level(table, place)
            elif flags & OWN_START and depth in changed:
                changed[depth] = Level(changed[depth].number_format, _start(start), changed[depth].pattern)
        if overrides or key not in shared:
            yield Counter(changed)
        else:  # instances without changes continue one another's numbers
            yield shared[key]


def _lists(streams: _Streams) -> dict[int, dict[int, Level]]:
    """The levels of each list, by its key."""
    table = streams.table[streams.number("I", LISTS) :]
    count = _number("h", table, 0)
    place = 2 + LIST_BYTES * count
    lists: dict[int, dict[int, Level]] = {}
    for number in range(count):
        head = 2 + LIST_BYTES * number
        levels: dict[int, Level] = {}
        for depth in range(1 if table[head + 26] & 1 else LEVELS):
            levels[depth], place = _level(table, place)
        lists[_number("i", table, head)] = levels
    return lists


def _level(table: bytes, place: int) -> tuple[Level, int]:
    """The level at a place, and where the next one stands."""
    start, number_format = _number("i", table, place), table[place + 4]
    text = place + LEVEL_BYTES + table[place + 24] + table[place + 25] + 2
    end = text + 2 * _number("H", table, text - 2)
    shown = table[text:end].decode("utf-16-le", "surrogatepass")
    pattern = "".join(f"%{ord(each) + 1}" if ord(each) < LEVELS else each for each in shown[:MAX_PATTERN])
    return Level(NUMBER_FORMATS.get(number_format, "decimal"), _start(start), pattern), end


def _start(number: int) -> int:
    """The first number, 1 if it is none that Word would count from."""
    return number if 0 <= number <= MAX_NUMBER else 1


# The page


@dataclass(slots=True)
class _Page:
    """Collects lines while walking the document."""

    texts: list[str] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    length: int = 0
    tables: int = 0
    row: int = 0  # 0: not in a table
    column: int = 1

    def enter_table(self) -> None:
        if not self.row:
            self.tables += 1
            self.row = self.column = 1

    def leave_table(self) -> None:
        self.row = 0

    def next_row(self) -> None:
        self.row += 1
        self.column = 1

    def add(self, text: str, level: int | None) -> None:
        place = f"表{self.tables}第{self.row}行第{self.column}列" if self.row else ""
        for line in text.split("\n"):
            if line.strip():
                self.lines.append(Line(self.length, self.length + len(line), level, place))
            self.texts.append(line)
            self.length += len(line) + 1


def _source(name: str, document: _Document) -> Source:
    page = _Page()
    for start, end in _paragraphs(document):
        properties = _properties_at(document, end) if end < len(document.text) else {}
        ends_cell = document.text[end : end + 1] == CELL_END
        if ends_cell or _value(properties, IN_TABLE):
            page.enter_table()
        else:
            page.leave_table()
        if _value(properties, ROW_END):
            page.next_row()
        elif not _value(properties, INNER_ROW_END):
            text = _shown_text(document, start, end)
            page.add(_number_of(document, properties) + text if text.strip() else text, _level_of(properties))
            page.column += ends_cell
            _check_length(name, page.length)  # numbers can be long
    return Source(name, "\n".join(page.texts), tuple(page.lines))


def _paragraphs(document: _Document) -> Iterator[tuple[int, int]]:
    """Where each paragraph begins, and the character that ends it."""
    start = 0
    for mark in PARAGRAPH_END.finditer(document.text):
        if document.shown[mark.start()]:
            yield start, mark.start()
            start = mark.end()
    if start < len(document.text):
        yield start, len(document.text)


def _shown_text(document: _Document, start: int, end: int) -> str:
    units = "".join(compress(document.text[start:end], document.shown[start:end])).translate(CHARACTERS)
    return units.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")  # joins the halves of 😀


def _number_of(document: _Document, properties: Properties) -> str:
    instance = _value(properties, LIST)
    if not 1 <= instance <= len(document.counters):
        return ""
    return document.counters[instance - 1].next(_value(properties, LIST_DEPTH))


def _level_of(properties: Properties) -> int | None:
    if _value(properties, IS_TITLE):
        return 0
    outline = _value(properties, OUTLINE) if OUTLINE in properties else 9
    return outline + 1 if outline < 9 else None


# Word 6 and 95


def _read_by_libreoffice(name: str, content: bytes) -> Source:
    """Have LibreOffice make a .docx of the file, alone in a folder of its own, and read that."""
    program = shutil.which("soffice")
    if program is None:
        raise FormatError(name, found="是 Word 95 或更早的文件", expected=EXPECTED, advice=SAVE_AS_DOCX)
    with tempfile.TemporaryDirectory(prefix="tagger-", ignore_cleanup_errors=True) as folder:
        document, result = Path(folder, "document.doc"), Path(folder, "document.docx")
        document.write_bytes(content)
        _run_libreoffice(name, program, Path(folder), document)
        if not result.exists():
            raise InputError(
                name, found="是 Word 95 或更早的文件，LibreOffice 打不开", expected=EXPECTED, advice=SAVE_AS_DOCX
            )
        return read_docx(name, result.read_bytes())


# No macros, nothing from the network
PROFILE = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry">
<item oor:path="/org.openoffice.Office.Common/Security/Scripting">
<prop oor:name="MacroSecurityLevel" oor:op="fuse"><value>3</value></prop>
<prop oor:name="DisableMacrosExecution" oor:op="fuse"><value>true</value></prop>
<prop oor:name="BlockUntrustedRefererLinks" oor:op="fuse"><value>true</value></prop>
</item>
</oor:items>
"""


def _run_libreoffice(name: str, program: str, folder: Path, document: Path) -> None:
    user = folder / "profile" / "user"
    user.mkdir(parents=True)
    (user / "registrymodifications.xcu").write_text(PROFILE, encoding="utf-8")
    profile = f"-env:UserInstallation={user.parent.as_uri()}"
    command = [
        program,
        profile,
        "--headless",
        "--norestore",
        "--convert-to",
        "docx",
        "--outdir",
        str(folder),
        str(document),
    ]
    with subprocess.Popen(  # noqa: S603 - the paths are ours, and no shell reads them
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        try:
            process.wait(LIBREOFFICE_SECONDS)
        except subprocess.TimeoutExpired:
            _end(process)
            raise InputError(
                name,
                found=f"是 Word 95 或更早的文件，LibreOffice 转换了 {LIBREOFFICE_SECONDS} 秒还没有完",
                expected=EXPECTED,
                advice=SAVE_AS_DOCX,
            ) from None
        except BaseException:  # Ctrl-C must not leave it running
            _end(process)
            raise


def _end(process: subprocess.Popen[bytes]) -> None:
    """End LibreOffice: `soffice` is a script, the programs that it started belong to its group."""
    if hasattr(os, "killpg"):
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
