"""Word documents (.docx): paragraphs with the numbers that Word generates, tables and text boxes, in reading order."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from tagger.errors import FormatError, InputError
from tagger.reading.numbering import Counter, Level
from tagger.records import Line, Source

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
STRICT = b"http://purl.oclc.org/ooxml/wordprocessingml/main"  # the same names under another roof (ISO 29500 Strict)
TRANSITIONAL = W[1:-1].encode()
FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
MAX_PART_BYTES = 200 * 2**20
DELETED = frozenset({W + "del", W + "moveFrom"})
WRAPPERS = frozenset({W + "sdt", W + "sdtContent", W + "customXml", W + "ins", W + "moveTo"})
BREAKS: Mapping[str, str] = {W + "tab": "\t", W + "br": "\n", W + "cr": "\n", W + "noBreakHyphen": "-"}
TITLE_LEVEL = 0
DAMAGE = (  # what the standard library raises on broken, encrypted or hostile archives and XML
    zipfile.BadZipFile,
    zlib.error,
    ParseError,
    DefusedXmlException,
    EOFError,
    NotImplementedError,
    LookupError,
    OSError,
    RecursionError,
    RuntimeError,
    ValueError,
)


def read_docx(name: str, content: bytes) -> Source:
    """Read a Word document from its bytes.

    The text of the source is what Word shows: each paragraph on a line of its own, its number before it. Deleted text
    of tracked changes, headers and footers are left out. Raises `InputError` if the file is damaged or encrypted,
    `FormatError` if it is a ZIP file but no Word document.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if "word/document.xml" not in archive.namelist():
                raise FormatError(
                    name, found="是压缩包，但不是 Word 文档", expected="完整的 Word 文档", advice="解压后再试"
                )
            return _read_archive(name, archive)
    except DAMAGE as error:
        raise InputError(
            name, found="Word 文件已损坏或加密", expected="完整的 .docx", advice="用 Word 或 WPS 打开后另存一份再试"
        ) from error


def _read_archive(name: str, archive: zipfile.ZipFile) -> Source:
    document = _part(name, archive, "word/document.xml")
    body = None if document is None else document.find(W + "body")
    if body is None:
        raise ValueError("no body")
    styles = _Styles(_part(name, archive, "word/styles.xml"))
    page = _Page(styles, _Counters(_part(name, archive, "word/numbering.xml")))
    page.add_blocks(body, place="")
    return Source(name, "\n".join(page.texts), tuple(page.lines))


def _part(name: str, archive: zipfile.ZipFile, part: str) -> Element | None:
    try:
        size = archive.getinfo(part).file_size
    except KeyError:
        return None
    refuse_large(name, size, MAX_PART_BYTES)
    root: Element = fromstring(archive.read(part).replace(STRICT, TRANSITIONAL))
    return root


def refuse_large(name: str, size_bytes: int, most_bytes: int) -> None:
    """Raise `InputError` if what is packed in a file would be too large."""
    if size_bytes > most_bytes:
        raise InputError(
            name,
            found=f"展开后有 {size_bytes // 2**20} MB",
            expected=f"不超过 {most_bytes // 2**20} MB",
            advice="把文件分成几份再试",
        )


def _value(element: Element | None, path: str) -> str | None:
    """The `w:val` of the element at `path` (slash-separated names without prefix), if there is one."""
    found = None if element is None else element.find("/".join(W + step for step in path.split("/")))
    return None if found is None else found.get(W + "val")


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.lstrip("-").isdecimal() else None


class _Styles:
    """What the paragraph styles say of outline level and numbering, followed up to the styles they are based on."""

    def __init__(self, part: Element | None) -> None:
        styles = [] if part is None else part.findall(W + "style")
        self._styles = {style.get(W + "styleId", ""): style for style in styles}
        default = [key for key, style in self._styles.items() if style.get(W + "default") == "1"]
        self._default = next((key for key in default if self._styles[key].get(W + "type") == "paragraph"), None)

    def of(self, properties: Element | None) -> Iterator[Element]:
        """The paragraph properties themselves, then those of its style, then of the style that this is based on."""
        if properties is not None:
            yield properties
        key = _value(properties, "pStyle") or self._default
        seen: set[str] = set()
        while key in self._styles and key not in seen:
            seen.add(key)
            style = self._styles[key]
            inherited = style.find(W + "pPr")
            if inherited is not None:
                yield inherited
            key = _value(style, "basedOn")

    def is_title(self, properties: Element | None) -> bool:
        """Whether the paragraph has the style of a document title."""
        style = self._styles.get(_value(properties, "pStyle") or "")
        return (_value(style, "name") or "").lower() in {"title", "标题"}


class _Counters:
    """The numberings of a document, each with its running numbers."""

    def __init__(self, part: Element | None) -> None:
        self._abstract: dict[str, dict[int, Level]] = {}
        self._of_instance: dict[str, str] = {}
        self._counters: dict[str, Counter] = {}
        if part is None:
            return
        for abstract in part.findall(W + "abstractNum"):
            levels = {depth: level for depth, level in map(_level, abstract.findall(W + "lvl")) if level is not None}
            self._abstract[abstract.get(W + "abstractNumId", "")] = levels
        for instance in part.findall(W + "num"):
            key, abstract_key = instance.get(W + "numId", ""), _value(instance, "abstractNumId") or ""
            overrides = dict(filter(None, map(_override, instance.findall(W + "lvlOverride"))))
            levels = self._abstract.get(abstract_key, {})
            if overrides:
                changed = {
                    depth: Level(level.number_format, overrides.get(depth, level.start), level.pattern)
                    for depth, level in levels.items()
                }
                self._counters[key] = Counter(changed)
            else:  # instances without overrides continue one another's numbers
                self._of_instance[key] = abstract_key
                self._counters.setdefault("abstract " + abstract_key, Counter(levels))

    def next(self, instance: str, depth: int) -> str:
        key = f"abstract {self._of_instance[instance]}" if instance in self._of_instance else instance
        counter = self._counters.get(key)
        return "" if counter is None else counter.next(depth)


def _level(element: Element) -> tuple[int, Level | None]:
    depth = _number(element.get(W + "ilvl")) or 0
    start = _number(_value(element, "start"))
    pattern = _value(element, "lvlText") or ""
    return depth, Level(_value(element, "numFmt") or "decimal", 1 if start is None else start, pattern)


def _override(element: Element) -> tuple[int, int] | None:
    start = _number(_value(element, "startOverride"))
    return None if start is None else (_number(element.get(W + "ilvl")) or 0, start)


@dataclass(slots=True)
class _Page:
    """Collects lines while walking the document."""

    styles: _Styles
    counters: _Counters
    texts: list[str] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    length: int = 0
    tables: int = 0

    def add_blocks(self, parent: Element, *, place: str) -> None:
        for child in parent:
            if child.tag == W + "p":
                self.add_paragraph(child, place=place)
            elif child.tag == W + "tbl":
                self.tables += 1
                self.add_table(child, place=f"{place}表{self.tables}")
            elif child.tag not in DELETED and child.tag != FALLBACK:  # content controls and other wrappers
                self.add_blocks(child, place=place)

    def add_table(self, table: Element, *, place: str) -> None:
        for row_number, row in enumerate(_inside(table, W + "tr"), start=1):
            for column_number, cell in enumerate(_inside(row, W + "tc"), start=1):
                self.add_blocks(cell, place=f"{place}第{row_number}行第{column_number}列")

    def add_paragraph(self, paragraph: Element, *, place: str) -> None:
        boxes: list[Element] = []
        text = "".join(_text_of(paragraph, boxes))
        properties = paragraph.find(W + "pPr")
        numbered = self._number_of(properties) if text.strip() else ""
        self._add_line(numbered + text, level=self._level_of(properties), place=place)
        for box in boxes:
            self.add_blocks(box, place=f"{place}文本框")

    def _add_line(self, text: str, *, level: int | None, place: str) -> None:
        for line in text.split("\n"):
            if line.strip():
                self.lines.append(Line(self.length, self.length + len(line), level, place))
            self.texts.append(line)
            self.length += len(line) + 1

    def _number_of(self, properties: Element | None) -> str:
        instance: str | None = None
        depth: int | None = None
        for layer in self.styles.of(properties):
            instance = _value(layer, "numPr/numId") if instance is None else instance
            depth = _number(_value(layer, "numPr/ilvl")) if depth is None else depth
        return "" if instance is None or instance == "0" else self.counters.next(instance, depth or 0)

    def _level_of(self, properties: Element | None) -> int | None:
        if self.styles.is_title(properties):
            return TITLE_LEVEL
        levels = (_number(_value(layer, "outlineLvl")) for layer in self.styles.of(properties))
        level = next((level for level in levels if level is not None), None)
        return level + 1 if level is not None and level < 9 else None


def _inside(parent: Element, tag: str) -> Iterator[Element]:
    """The children with this tag, also inside content controls and other wrappers."""
    for child in parent:
        if child.tag == tag:
            yield child
        elif child.tag in WRAPPERS:
            yield from _inside(child, tag)


def _text_of(element: Element, boxes: list[Element]) -> Iterator[str]:
    """The text of a paragraph; the content of text boxes is put aside in `boxes`."""
    for child in element:
        if child.tag == W + "t":
            yield child.text or ""
        elif child.tag in BREAKS:
            yield BREAKS[child.tag]
        elif child.tag == W + "txbxContent":
            boxes.append(child)
        elif child.tag not in DELETED and child.tag != FALLBACK and child.tag != W + "pPr":
            yield from _text_of(child, boxes)
