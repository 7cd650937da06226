"""Word documents (.docx): what Word shows of the text, in reading order, each line with its number and its place.

One pass over the elements that matter, in document order, as lxml picks them out in C. What ended between two of them
is asked only where something can have ended: a start and an end for each element would take several times as long.
"""

from __future__ import annotations

import contextlib
import io
import posixpath
import re
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TypeVar

from lxml import etree

from tagger.errors import FormatError, InputError
from tagger.reading.limits import check_text, limits
from tagger.reading.numbering import Counter, Level
from tagger.reading.package import DAMAGE, Element, parsed, unpacked
from tagger.reading.styles import TITLE_LEVEL, level_by_name
from tagger.reading.transcript import Transcript
from tagger.records import Source

T = TypeVar("T")

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
MATH = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
STRICT_MATH = "{http://purl.oclc.org/ooxml/officeDocument/math}"
MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
STRICT = b"http://purl.oclc.org/ooxml/wordprocessingml/main"  # the same names under another roof (ISO 29500 Strict)
TRANSITIONAL = W[1:-1].encode()

DOCUMENT = "word/document.xml"
NO_OUTLINE = 9  # the outline level of body text
CONTENTS_STYLE = re.compile(r"(?:toc|(?:wpsoffice手动)?目录) ?[1-9]|table of figures")
CONTENTS_PLACE = "目录"
OFF = frozenset({"0", "false", "off"})

PROPERTIES: Mapping[str, str] = {  # of a paragraph, and where they are kept
    W + "pStyle": "style",
    W + "numId": "numbering",
    W + "ilvl": "depth",
    W + "outlineLvl": "outline",
}
LEFT_OUT = frozenset(  # what was before a tracked change, the stops of tabs, readings beside characters
    {W + "pPrChange", W + "rPrChange", W + "trPrChange", W + "tcPrChange", W + "numberingChange", W + "tabs", W + "rt"}
)
KEYS: Mapping[str, str] = {W + "num": W + "numId", W + "abstractNum": W + "abstractNumId"}
NOTES: Mapping[str, str] = {W + "footnoteReference": "footnotes", W + "endnoteReference": "endnotes"}
NOTE_PLACES: Mapping[str, str] = {"footnotes": "脚注", "endnotes": "尾注"}
BOX = W + "txbxContent"
NO_NUMBERING = "0"
TABLE_STYLE, STYLE_END = b'<w:style w:type="table"', b"</w:style>"

SIGNS: Mapping[str, str] = {W + "tab": "\t", W + "ptab": "\t", W + "br": "\n", W + "cr": "\n", W + "noBreakHyphen": "-"}
HEXADECIMAL = re.compile("[0-9A-Fa-f]{1,4}")
SYMBOLS: Mapping[str, Mapping[int, str]] = {  # symbol fonts, by the last byte of the character
    "wingdings": dict(zip(b"\x6c\x6d\x6e\x6f\x71\x72\x75\x76\x77\x9f\xa1\xa7\xa8", "●❍■□❑❒◆❖◆•○▪◻", strict=True))
    | dict(zip(b"\xd8\xdc\xe0\xe8\xf0\xfb\xfc\xfd\xfe", "➢➲→➔⇨✗✓☒☑", strict=True))
    | {0x80 + number: "⓪①②③④⑤⑥⑦⑧⑨⑩"[number] for number in range(11)}
    | {0x8B + number: "⓿❶❷❸❹❺❻❼❽❾❿"[number] for number in range(11)},
    "wingdings 2": dict(zip(b"\x4f\x50\x51\x52\x53\x54\x98\xa3", "✗✓☒☑☒☒•□", strict=True)),
    "symbol": dict(zip(b"\xb7\xb0\xb1\xb4\xb8\xa3\xb3\xb9\xbb\xa5\xae\xde", "•°±×÷≤≥≠≈∞→⇒", strict=True))
    | dict(zip(b"abgdelmpqswDSW", "αβγδελμπθσωΔΣΩ", strict=True)),
}  # fmt: skip


def read_docx(name: str, content: bytes) -> Source:
    """Read a Word document from its bytes.

    The text of the source is what Word shows: each paragraph on a line of its own, its number before it, text boxes and
    notes after the paragraph beside which they stand. Tracked changes are taken as accepted; hidden text, headers and
    footers are left out. Raises `InputError` if the file is damaged, encrypted or too large, `FormatError` if it is a
    ZIP file but no Word document.
    """
    with opened(name, content) as archive:
        document = parse_part(name, archive, main_part(archive) or DOCUMENT)
        return _read(name, archive, document, keeps_leaves=False).transcript.source(name)


# For those who change the document, too


@dataclass(frozen=True, slots=True)
class Leaf:
    """A piece of the text of a source, which begins there at `start`, and the element that shows it.

    For the text of a note, which stands in a part of its own, the element is the mark of the note in the document.
    `host` is the outermost paragraph beside which the text box or note stands that the text is in; None in the running
    text and in tables.
    """

    start: int
    text: str
    element: Element
    host: Element | None
    in_note: bool

    @property
    def path(self) -> tuple[Element, ...]:
        """The way from the child of the paragraph down to the element."""
        above = [self.element]
        for element in self.element.iterancestors():
            if element.tag == W + "p":
                break
            above.append(element)
        return tuple(reversed(above))


def leaves_of(name: str, archive: zipfile.ZipFile, document: Element) -> list[Leaf]:
    """Where the text of the source stands in the main part `document`, in the order of the text."""
    return _read(name, archive, document, keeps_leaves=True).leaves


@contextlib.contextmanager
def opened(name: str, content: bytes) -> Iterator[zipfile.ZipFile]:
    """The archive of a Word document. Damage that shows while it is open is told by `InputError`."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if main_part(archive) is None:
                raise FormatError(
                    name, found="是压缩包，但不是 Word 文档", expected="完整的 Word 文档", advice="解压后再试"
                )
            yield archive
    except DAMAGE as error:
        is_deep = isinstance(error, etree.XMLSyntaxError) and error.code == etree.ErrorTypes.ERR_RESOURCE_LIMIT
        found = "Word 文件嵌套太深或有一处文字太长" if is_deep else "Word 文件已损坏或加密"
        advice = "用 Word 或 WPS 打开后另存一份再试"
        raise InputError(name, found=found, expected="完整的 .docx", advice=advice) from error


def main_part(archive: zipfile.ZipFile) -> str | None:
    """The name of the part with the text; None if the archive is no Word document."""
    names = archive.namelist()
    if DOCUMENT in names:
        return DOCUMENT
    return next((name for name in names if re.fullmatch(r"word/document\d+\.xml", name)), None)  # as Word online does


def parse_part(name: str, archive: zipfile.ZipFile, part: str) -> Element | None:
    """The root of an XML part, if there is one."""
    xml = _xml(name, archive, part)
    return None if xml is None else parsed(xml)


def whole_number(text: str | None) -> int | None:
    """The number that an attribute holds, if it holds one."""
    return int(text) if text is not None and text.removeprefix("-").isdecimal() else None


# Parts


def _read(name: str, archive: zipfile.ZipFile, document: Element, *, keeps_leaves: bool) -> _Page:
    body = next(document.iterchildren(W + "body"), None)
    if body is None:
        raise ValueError("no body")
    related = _related(name, archive, main_part(archive) or DOCUMENT)
    styles = _Styles(_xml(name, archive, related["styles"]))
    numberings = _Numberings(lambda: parse_part(name, archive, related["numbering"]), styles)
    page = _Page(styles, numberings, keeps_leaves=keeps_leaves)
    most = limits()
    for paragraph in _Walk(lambda kind: _notes(parse_part(name, archive, related[kind]))).paragraphs(body):
        page.add(paragraph)
        if page.transcript.length > most.characters or len(page.transcript.texts) > most.lines:
            check_text(name, page.transcript.length, len(page.transcript.texts))
    return page


def _related(name: str, archive: zipfile.ZipFile, part: str) -> dict[str, str]:
    """The names of the parts that the main part needs, by their kind."""
    folder, file = posixpath.split(part)
    found = {kind: f"{folder}/{kind}.xml" for kind in ("styles", "numbering", "footnotes", "endnotes")}
    relations = parse_part(name, archive, f"{folder}/_rels/{file}.rels")
    for relation in () if relations is None else relations:
        kind = relation.get("Type", "").rpartition("/")[2]
        if kind in found and relation.get("TargetMode") != "External":
            found[kind] = posixpath.normpath(posixpath.join("/" + folder, relation.get("Target", ""))).lstrip("/")
    return found


def _xml(name: str, archive: zipfile.ZipFile, part: str) -> bytes | None:
    """A part, if there is one, with the names of strict documents made the usual ones."""
    try:
        return unpacked(name, archive, part).replace(STRICT, TRANSITIONAL)
    except KeyError:
        return None


def _notes(root: Element | None) -> dict[str, Element]:
    """The notes by their keys, without the line above them and the like."""
    notes = () if root is None else root
    return {note.get(W + "id", ""): note for note in notes if note.get(W + "type", "normal") == "normal"}


def _value(element: Element | None, path: str) -> str | None:
    """The `w:val` of the element at `path` (slash-separated names without prefix), if there is one."""
    for step in path.split("/"):
        element = None if element is None else next(element.iterchildren(W + step), None)
    found: str | None = None if element is None else element.get(W + "val")
    return found


# Styles and numberings


@dataclass(frozen=True, slots=True)
class _Style:
    """What a paragraph style says, with what it inherits."""

    keys: tuple[str, ...]  # its own, and those of the styles that it is based on
    level: int | None
    numbering: str | None
    depth: int | None
    is_contents: bool


class _Styles:
    """The paragraph styles, each looked into when the first paragraph has it."""

    def __init__(self, xml: bytes | None) -> None:
        root = () if xml is None else parsed(_without_table_styles(xml))
        self._elements = {style.get(W + "styleId", ""): style for style in root if style.tag == W + "style"}
        self._default = next((key for key, style in self._elements.items() if _is_default(style)), "")
        self._known: dict[str | None, _Style] = {}

    def __getitem__(self, key: str | None) -> _Style:
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = _style(self._chain(key if key in self._elements else self._default))
        return found

    def _chain(self, key: str | None) -> dict[str, Element]:
        """A style and those that it is based on, by their keys."""
        chain: dict[str, Element] = {}
        while key is not None and key in self._elements and key not in chain:
            chain[key] = self._elements[key]
            key = _value(chain[key], "basedOn")
        return chain

    def numbering_of_list(self, key: str) -> str | None:
        """The numbering of a list style."""
        return _value(self._elements.get(key), "pPr/numPr/numId")


def _style(chain: Mapping[str, Element]) -> _Style:
    styles = chain.values()
    level = _first(map(_level_of_style, styles))
    return _Style(
        tuple(chain),
        None if level is None or level > NO_OUTLINE else level,
        _first(_value(style, "pPr/numPr/numId") for style in styles),
        _first(whole_number(_value(style, "pPr/numPr/ilvl")) for style in styles),
        any(CONTENTS_STYLE.fullmatch(_name(style)) for style in styles),
    )


def _first(values: Iterable[T | None]) -> T | None:
    return next((value for value in values if value is not None), None)


def _level_of_style(style: Element) -> int | None:
    """The level of a heading; above all levels for body text; None if the style does not say."""
    level = level_by_name(_name(style))
    outline = whole_number(_value(style, "pPr/outlineLvl"))
    return level if level == TITLE_LEVEL or outline is None else outline + 1


def _name(style: Element) -> str:
    return (_value(style, "name") or "").lower()


def _is_default(style: Element) -> bool:
    return style.get(W + "type") == "paragraph" and style.get(W + "default", "0") not in OFF


def _without_table_styles(xml: bytes) -> bytes:
    """Cut out the styles of tables: they say nothing of use here, and are most of what the part holds."""
    if b"!" in xml:  # a comment may hold what looks like a style
        return xml
    kept, position = [], 0
    while (start := xml.find(TABLE_STYLE, position)) >= 0:
        end = xml.find(STYLE_END, start)
        is_empty = xml.endswith(b"/", start, xml.find(b">", start))
        if is_empty or end < 0:
            break
        kept.append(xml[position:start])
        position = end + len(STYLE_END)
    return b"".join((*kept, xml[position:]))


class _Numberings:
    """The numberings of a document, each with its running numbers; read when the first paragraph has one."""

    def __init__(self, read: Callable[[], Element | None], styles: _Styles) -> None:
        self._read = read
        self._styles = styles
        self._counters: dict[str, Counter] = {}
        self._depths: dict[str, dict[str, int]] = {}  # of an instance: of the styles that are tied to its levels
        self._numbers: dict[str, dict[int, int]] = defaultdict(dict)  # of a numbering: its instances share them

    def next(self, instance: str, given_depth: str | None, style: _Style) -> str:
        """The number of the next paragraph of an instance; if no depth is given, its style decides."""
        if instance not in self._counters:
            self._open(instance)
        depth = whole_number(given_depth)
        if depth is None:
            own, *inherited = map(self._depths[instance].get, style.keys or ("",))
            depth = _first((own, style.depth, *inherited)) or 0
        return self._counters[instance].next(depth)

    @cached_property
    def _elements(self) -> dict[tuple[str, str], Element]:
        root = self._read()
        children = () if root is None else root
        return {(child.tag, child.get(KEYS[child.tag], "")): child for child in children if child.tag in KEYS}

    def _open(self, instance: str) -> None:
        number = self._elements.get((W + "num", instance))
        key = self._resolved(_value(number, "abstractNumId"))
        abstract = self._elements.get((W + "abstractNum", key))
        levels = {depth: _level(each) for depth, each in _by_depth(abstract, "lvl")}
        self._depths[instance] = {
            style: depth for depth, each in _by_depth(abstract, "lvl") if (style := _value(each, "pStyle")) is not None
        }
        restarts = []
        for depth, override in _by_depth(number, "lvlOverride"):
            for _, changed in _by_depth(override, "lvl"):
                levels[depth] = _level(changed)
            start = whole_number(_value(override, "startOverride"))
            if start is not None and depth in levels:
                levels[depth] = replace(levels[depth], start=start)
                restarts.append(depth)
        self._counters[instance] = Counter(levels, self._numbers[key], restarts)

    def _resolved(self, key: str | None) -> str:
        """The key of a numbering; of one that only points to a list style, the numbering of that."""
        link = _value(self._elements.get((W + "abstractNum", key or "")), "numStyleLink")
        if link is not None:
            number = self._elements.get((W + "num", self._styles.numbering_of_list(link) or ""))
            key = _value(number, "abstractNumId")
        return key or ""


def _by_depth(parent: Element | None, tag: str) -> list[tuple[int, Element]]:
    children = () if parent is None else parent.iterchildren(W + tag)
    return [(whole_number(child.get(W + "ilvl")) or 0, child) for child in children]


def _level(element: Element) -> Level:
    values = {child.tag: child.get(W + "val") for child in element}
    number_format = next(element.iter(W + "numFmt"), None)  # one of Word's newer formats stands among alternatives
    kind = "decimal" if number_format is None else number_format.get(W + "val", "decimal")
    if number_format is not None and kind == "custom":
        kind = number_format.get(W + "format", "").partition(",")[0]
    return Level(
        kind,
        whole_number(values.get(W + "start")) or 0,
        values.get(W + "lvlText") or "",
        is_legal=W + "isLgl" in values and values[W + "isLgl"] not in OFF,
        restart=whole_number(values.get(W + "lvlRestart")),
        gap="" if values.get(W + "suff") == "nothing" else " ",
    )


# The walk through the document


@dataclass(slots=True)
class _Paragraph:
    """A paragraph while it is read: its text in pieces, and what stands beside it in text boxes and notes."""

    place: str
    host: Element | None
    mark: Element | None = None  # of the note that it stands in
    pieces: list[str] = field(default_factory=list)
    elements: list[Element] = field(default_factory=list)  # one a piece
    beside: list[_Paragraph] = field(default_factory=list)
    style: str | None = None
    numbering: str | None = None
    depth: str | None = None
    outline: str | None = None
    fields: list[bool] = field(default_factory=list)  # of the open fields: whether this is still the instruction
    hidden: Element | None = None  # the last hidden run
    is_joined: bool = False  # with the paragraph after it, because its end was deleted


@dataclass(slots=True)
class _Frame:
    """What paragraphs stand in: the document, a table, a cell or a text box."""

    element: Element
    place: str = ""
    host: Element | None = None  # the outermost paragraph beside which it stands, as of `Leaf`
    beside: _Paragraph | None = None  # the innermost one
    paragraph: _Paragraph | None = None  # the last; it is still open while no other begins
    tables: int = 0
    row: int = 0
    column: int = 0


class _Walk:
    """Goes through the elements in document order and gathers paragraphs."""

    def __init__(self, notes: Callable[[str], dict[str, Element]]) -> None:
        self._read_notes = notes
        self._notes: dict[str, dict[str, Element]] = {}
        self._note_numbers: dict[str, int] = defaultdict(int)
        self._frames: list[_Frame] = []
        self._boxes = 0  # how many of the frames are text boxes
        self._skipped: Element | None = None
        self._contents: Element | None = None  # the table of contents that is open
        self._finished: list[_Paragraph] = []

    def paragraphs(self, root: Element) -> Iterator[_Paragraph]:
        """The paragraphs of the running text and of cells, each with what stands beside it."""
        self._frames = [_Frame(root)]
        for element in root.iter(*HANDLERS):
            if self._skipped is not None:
                if self._skipped in element.iterancestors():
                    continue
                self._skipped = None
            HANDLERS[element.tag](self, element)
            if self._finished:
                yield from self._finished
                self._finished.clear()
        while self._frames:
            self._close(self._frames.pop())
        yield from self._finished

    def skip(self, element: Element | None) -> None:
        """Leave out the rest of what stands in an element."""
        self._skipped = element

    # Frames and paragraphs

    def _frame(self, element: Element) -> _Frame:
        """The frame that an element stands in; those that ended before it are closed."""
        while len(self._frames) > 1 and self._frames[-1].element not in element.iterancestors():
            self._close(self._frames.pop())
        return self._frames[-1]

    def _close(self, frame: _Frame) -> None:
        self._boxes -= frame.element.tag == BOX
        self._finish(frame)

    def _finish(self, frame: _Frame) -> None:
        """Hand on the last paragraph of a frame."""
        paragraph, frame.paragraph = frame.paragraph, None
        if paragraph is not None and frame.beside is not None:
            frame.beside.beside += (paragraph, *paragraph.beside)
        elif paragraph is not None:
            self._finished.append(paragraph)

    def start_paragraph(self, element: Element) -> None:
        """Begin a paragraph."""
        frame = self._frame(element)
        paragraph = _Paragraph(frame.place, frame.host)
        if self._contents is not None and self._contents not in element.iterancestors():
            self._contents = None
        if self._contents is not None:
            paragraph.place += CONTENTS_PLACE
        before = frame.paragraph
        if before is not None and before.is_joined:
            paragraph.pieces, paragraph.elements, paragraph.beside = before.pieces, before.elements, before.beside
        else:
            self._finish(frame)
        frame.paragraph = paragraph

    def start_table(self, element: Element) -> None:
        """Begin a table."""
        frame = self._frame(element)
        self._finish(frame)
        frame.tables += 1
        self._frames.append(_Frame(element, f"{frame.place}表{frame.tables}", frame.host, frame.beside))

    def start_row(self, element: Element) -> None:
        """Begin a row."""
        table = self._frame(element)
        table.row += 1
        table.column = 0

    def start_cell(self, element: Element) -> None:
        """Begin a cell."""
        table = self._frame(element)
        table.column += 1
        place = f"{table.place}第{table.row}行第{table.column}列"
        self._frames.append(_Frame(element, place, table.host, table.beside))

    def start_box(self, element: Element) -> None:
        """Begin a text box."""
        frame = self._frame(element)
        host = frame.host
        if host is None:
            host = next(element.iterancestors(W + "p"), None)
        self._frames.append(_Frame(element, frame.place + "文本框", host, frame.paragraph))
        self._boxes += 1

    def start_contents(self, gallery: Element) -> None:
        """Note the content control that a table of contents stands in."""
        if gallery.get(W + "val") == "Table of Contents":
            self._contents = next(gallery.iterancestors(W + "sdt"), None)

    def skip_columns(self, element: Element) -> None:
        """Count the columns that a row leaves free at its start."""
        self._frames[-1].column += whole_number(element.get(W + "val")) or 0

    def widen_cell(self, element: Element) -> None:
        """Count the columns that a cell takes."""
        self._frames[-2].column += max(1, whole_number(element.get(W + "val")) or 1) - 1

    def merge_cell(self, element: Element) -> None:
        """Leave out a cell that another is drawn over."""
        if element.get(W + "val") != "restart":
            self.skip(_holder(element, W + "tcPr"))

    # Text

    def _paragraph(self, element: Element) -> _Paragraph | None:
        """The paragraph that an element stands in."""
        frame = self._frame(element) if self._boxes else self._frames[-1]
        return frame.paragraph

    def set_property(self, element: Element) -> None:
        """Note what a paragraph says of its style and number."""
        paragraph = self._paragraph(element)
        if paragraph is not None:
            setattr(paragraph, PROPERTIES[element.tag], element.get(W + "val"))

    def add_text(self, element: Element) -> None:
        """Add text; a line break in the XML is a blank."""
        text = element.text
        if text:
            self._add(text.replace("\n", " "), element)

    def add_sign(self, element: Element) -> None:
        """Add what has an element of its own."""
        self._add(SIGNS[element.tag], element)

    def add_symbol(self, element: Element) -> None:
        """Add a character of a symbol font."""
        text = _symbol(element.get(W + "font", ""), element.get(W + "char", ""))
        if text:
            self._add(text, element)

    def _add(self, text: str, element: Element) -> None:
        paragraph = self._paragraph(element)
        if paragraph is None or True in paragraph.fields:
            return
        if paragraph.hidden is not None and element.getparent() is paragraph.hidden:
            return
        paragraph.pieces.append(text)
        paragraph.elements.append(element)

    def hide_run(self, element: Element) -> None:
        """Leave out a run of hidden text; where only the end of a paragraph is hidden, the text is shown."""
        run, paragraph = _holder(element, W + "rPr"), self._paragraph(element)
        if run is not None and run.tag == W + "r" and paragraph is not None and element.get(W + "val", "1") not in OFF:
            paragraph.hidden = run

    def follow_field(self, element: Element) -> None:
        """Follow where the instruction of a field begins and ends; it ends with its paragraph at the latest."""
        paragraph = self._paragraph(element)
        fields = [] if paragraph is None else paragraph.fields
        kind = element.get(W + "fldCharType")
        if kind == "begin":
            fields.append(True)
        elif fields and kind == "separate":
            fields[-1] = False
        elif fields and kind == "end":
            fields.pop()

    def refer(self, mark: Element) -> None:
        """Put a note beside the paragraph that refers to it."""
        paragraph = self._paragraph(mark)
        if paragraph is None:
            return
        kind = NOTES[mark.tag]
        if kind not in self._notes:
            self._notes[kind] = self._read_notes(kind)
        number = ""
        if mark.get(W + "customMarkFollows", "0") in OFF:
            self._note_numbers[kind] += 1
            number = str(self._note_numbers[kind])
        note = self._notes[kind].pop(mark.get(W + "id", ""), None)
        host = paragraph.host
        if host is None:
            host = next(mark.iterancestors(W + "p"), None)
        for each in () if note is None else _paragraphs_of(note):
            each.place = f"{paragraph.place}{NOTE_PLACES[kind]}{number}{each.place}"
            each.host, each.mark = host, mark
            paragraph.beside.append(each)

    # What is left out

    def leave_out_deleted(self, element: Element) -> None:
        """Leave out deleted or moved text, or a row; join a paragraph whose end was deleted with the next."""
        row, above = _holder(element, W + "trPr"), _holder(element, W + "rPr")
        if row is not None:
            self._frames[-1].row -= 1
            self.skip(row)
        elif above is not None and above.tag == W + "pPr":
            paragraph = self._paragraph(element)
            if paragraph is not None:
                paragraph.is_joined = True
        else:
            self.skip(element)

    def leave_out_deleted_cell(self, element: Element) -> None:
        """Leave out a deleted cell."""
        self._frames[-2].column -= 1
        self.skip(_holder(element, W + "tcPr"))

    def choose(self, element: Element) -> None:
        """Of alternatives, take the first."""
        if element.getprevious() is not None:
            self.skip(element)


def _paragraphs_of(note: Element) -> list[_Paragraph]:
    """The paragraphs of a note, without the blank that follows its number."""
    found = list(_Walk(lambda _kind: {}).paragraphs(note))
    if found and found[0].pieces:
        found[0].pieces[0] = found[0].pieces[0].lstrip()
    return [inner for paragraph in found for inner in (paragraph, *paragraph.beside)]


def _holder(element: Element, properties: str) -> Element | None:
    """What an element describes that stands in properties of this kind."""
    parent = element.getparent()
    return None if parent is None or parent.tag != properties else parent.getparent()


def _symbol(font: str, code: str) -> str:
    """The character that a symbol font shows; nothing if it is not known: the code alone says nothing."""
    if not HEXADECIMAL.fullmatch(code):
        return ""
    number = int(code, 16)
    if 0xF000 <= number <= 0xF0FF:
        return SYMBOLS.get(font.lower(), {}).get(number - 0xF000, "")
    return chr(number) if chr(number).isprintable() else ""


# The page that comes of it


@dataclass(slots=True)
class _Page:
    """Collects lines."""

    styles: _Styles
    numberings: _Numberings
    keeps_leaves: bool
    transcript: Transcript = field(default_factory=Transcript)
    leaves: list[Leaf] = field(default_factory=list)

    def add(self, paragraph: _Paragraph) -> None:
        """Add a paragraph and what stands beside it."""
        self._add(paragraph)
        for each in paragraph.beside:
            self._add(each)

    def _add(self, paragraph: _Paragraph) -> None:
        style = self.styles[paragraph.style]
        text = "".join(paragraph.pieces)
        number = self._number(paragraph, style)  # empty paragraphs count, too
        before = len(text) - len(text.lstrip("\n"))  # the number goes with the text, not with the page break before it
        if not text.strip():
            number = ""
        if self.keeps_leaves:
            self._keep_leaves(paragraph, before, len(number))
        is_contents = style.is_contents and not paragraph.place.endswith(CONTENTS_PLACE)
        place = paragraph.place + CONTENTS_PLACE if is_contents else paragraph.place
        self.transcript.add(text[:before] + number + text[before:], self._level(paragraph, style), place)

    def _keep_leaves(self, paragraph: _Paragraph, before: int, number_length: int) -> None:
        position = 0
        for text, element in zip(paragraph.pieces, paragraph.elements, strict=True):
            start = self.transcript.length + position + (number_length if position >= before else 0)
            mark = paragraph.mark
            self.leaves.append(Leaf(start, text, element if mark is None else mark, paragraph.host, mark is not None))
            position += len(text)

    def _number(self, paragraph: _Paragraph, style: _Style) -> str:
        instance = style.numbering if paragraph.numbering is None else paragraph.numbering
        if instance is None or instance == NO_NUMBERING:
            return ""
        return self.numberings.next(instance, paragraph.depth, style)

    def _level(self, paragraph: _Paragraph, style: _Style) -> int | None:
        outline = whole_number(paragraph.outline)
        if outline is None or style.level == TITLE_LEVEL:
            return style.level
        return outline + 1 if outline < NO_OUTLINE else None


# Which element is for whom

HANDLERS: Mapping[str, Callable[[_Walk, Element], None]] = {
    W + "p": _Walk.start_paragraph,
    W + "tbl": _Walk.start_table,
    W + "tr": _Walk.start_row,
    W + "tc": _Walk.start_cell,
    BOX: _Walk.start_box,
    W + "docPartGallery": _Walk.start_contents,
    W + "gridBefore": _Walk.skip_columns,
    W + "gridSpan": _Walk.widen_cell,
    **dict.fromkeys((W + "vMerge", W + "hMerge"), _Walk.merge_cell),
    **dict.fromkeys(PROPERTIES, _Walk.set_property),
    **dict.fromkeys((W + "t", MATH + "t", STRICT_MATH + "t"), _Walk.add_text),
    **dict.fromkeys(SIGNS, _Walk.add_sign),
    W + "sym": _Walk.add_symbol,
    W + "vanish": _Walk.hide_run,
    W + "fldChar": _Walk.follow_field,
    **dict.fromkeys(NOTES, _Walk.refer),
    **dict.fromkeys((W + "del", W + "moveFrom"), _Walk.leave_out_deleted),
    W + "cellDel": _Walk.leave_out_deleted_cell,
    **dict.fromkeys((MC + "Choice", MC + "Fallback"), _Walk.choose),
    **dict.fromkeys(LEFT_OUT, _Walk.skip),
}
