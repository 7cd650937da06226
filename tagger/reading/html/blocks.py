"""Blocks of a page: text that a browser shows on lines of its own, with its links, and what it stands in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from lxml.html import HtmlElement

from tagger.reading.numbering import FORMATS
from tagger.reading.styles import TITLE_LEVEL

# Elements by what a browser does with them (HTML, 15: Rendering)
INVISIBLE = frozenset(
    {"audio", "button", "canvas", "del", "head", "iframe", "input", "math", "noscript", "object", "rp", "rt", "script"}
    | {"select", "style", "svg", "template", "textarea", "title", "video"}
)
SURROUNDINGS = frozenset({"aside", "footer", "nav"})
SURROUNDING_ROLES = frozenset({"banner", "complementary", "contentinfo", "navigation", "search"})
INLINE = frozenset(
    {"a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "dfn", "em", "font", "i", "img", "ins", "kbd"}
    | {"label", "mark", "nobr", "q", "ruby", "s", "samp", "small", "span", "strike", "strong", "sub", "sup", "time"}
    | {"tt", "u", "var", "wbr"}
)
HEADING = re.compile(r"h([1-6])")
HIDDEN_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all", re.IGNORECASE)
PREFORMATTED = re.compile(r"white-space\s*:\s*pre", re.IGNORECASE)
UNNUMBERED = re.compile(r"list-style[^;]*none", re.IGNORECASE)
BLANKS = re.compile(r"[ \t\r\n\f\v]+")
LIST_FORMATS = {"1": "decimal", "a": "lowerLetter", "A": "upperLetter", "i": "lowerRoman", "I": "upperRoman"}
MAX_LIST_NUMBER = 9999
MIN_TABLE_COLUMNS = 2


@dataclass(frozen=True, slots=True)
class Frame:
    """What a block stands in."""

    elements: tuple[HtmlElement, ...]  # outermost first
    depth: int | None = None  # of a heading, as its tag says
    table: HtmlElement | None = None
    cell: tuple[int, int] = (0, 0)  # row and column, from 1
    surroundings: bool = False
    preformatted: bool = False  # its line ends count


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of text that a browser shows on lines of its own."""

    text: str
    links: int  # characters of the text that are links
    frame: Frame

    def inside(self, element: HtmlElement) -> bool:
        """Whether it is what an element is there for."""
        return element in self.frame.elements and not self.frame.surroundings


def blocks_of(root: HtmlElement) -> list[Block]:
    """The blocks of a page, in its order."""
    walk = _Walk()
    frame = Frame((root,))
    walk.read(root, frame, linked=False)
    walk.end(frame)
    return walk.blocks


@dataclass(slots=True)
class _Walk:
    """Collects the text of the block being read."""

    blocks: list[Block] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    links: int = 0
    prefix: str = ""  # the number of a list item, until its first text
    cells: dict[HtmlElement, tuple[int, int]] = field(default_factory=dict)

    def read(self, element: HtmlElement, frame: Frame, *, linked: bool) -> None:
        """Read what an element holds; `frame` is that of the block to which its text belongs."""
        self.add(element.text, frame, linked=linked)
        number = 0
        for child in element:
            tag = child.tag if isinstance(child.tag, str) else ""
            if tag == "br":
                self.parts.append("\n")
            elif not tag or _is_invisible(child):
                pass
            elif tag in INLINE or ":" in tag:
                self.read(child, frame, linked=linked or tag == "a")
            else:
                self.end(frame)
                if tag == "li" and element.tag == "ol":
                    number = _integer(child.get("value"), number + 1 if number else _integer(element.get("start"), 1))
                    self.prefix = _list_number(element, number)
                inner = self.frame_of(child, frame)
                self.read(child, inner, linked=linked)
                self.end(inner)
                self.prefix = ""
            self.add(child.tail, frame, linked=linked)

    def add(self, text: str | None, frame: Frame, *, linked: bool) -> None:
        """Add text to the block."""
        if text:
            shown = text.replace("\r", "\n") if frame.preformatted else BLANKS.sub(" ", text)
            self.parts.append(shown)
            self.links += len(shown.strip()) if linked else 0

    def end(self, frame: Frame) -> None:
        """The block ends here; each of its lines is one."""
        text = "".join(self.parts)
        share = self.links / max(1, len(text))
        for line in text.split("\n"):
            shown = BLANKS.sub(" ", line).strip(" ")
            if shown.strip():
                self.blocks.append(Block(self.prefix + shown, min(len(shown), round(share * len(shown))), frame))
                self.prefix = ""
        self.parts.clear()
        self.links = 0

    def frame_of(self, element: HtmlElement, outer: Frame) -> Frame:
        """What the blocks of an element stand in."""
        frame = replace(outer, elements=(*outer.elements, element))
        heading = HEADING.fullmatch(element.tag)
        if heading:
            frame = replace(frame, depth=int(heading[1]))
        elif "MsoTitle" in element.get("class", "").split():  # Word's title
            frame = replace(frame, depth=TITLE_LEVEL)
        elif element.tag == "table" and _holds_data(element):
            frame = replace(frame, table=element)
            self.cells.update(_cells(element))
        if element in self.cells:
            frame = replace(frame, cell=self.cells[element])
        if _surrounds(element):
            frame = replace(frame, surroundings=True)
        if element.tag == "pre" or PREFORMATTED.search(element.get("style", "")):
            frame = replace(frame, preformatted=True)
        return frame


def _is_invisible(element: HtmlElement) -> bool:
    return (
        element.tag in INVISIBLE
        or "hidden" in element.attrib
        or HIDDEN_STYLE.search(element.get("style", "")) is not None
    )


def _surrounds(element: HtmlElement) -> bool:
    if element.tag == "header":
        return element.find(".//h1") is None
    if element.tag == "div" and element.get("title") in {"header", "footer"}:  # those of a page, as LibreOffice writes
        return True
    return element.tag in SURROUNDINGS or element.get("role") in SURROUNDING_ROLES


def _holds_data(table: HtmlElement) -> bool:
    """Whether a table is one, not a means to lay out a page: it has columns and rows and no table in it."""
    if table.get("role") == "presentation" or table.find(".//table") is not None:
        return False
    widths = [sum(cell.tag in {"td", "th"} for cell in row) for row in table.iter("tr")]
    return len(widths) > 1 and sum(width >= MIN_TABLE_COLUMNS for width in widths) > 1


def _cells(table: HtmlElement) -> Iterator[tuple[HtmlElement, tuple[int, int]]]:
    for row_number, row in enumerate(table.iter("tr"), start=1):
        for column_number, cell in enumerate(row.iterchildren("td", "th"), start=1):
            yield cell, (row_number, column_number)


def _integer(text: str | None, default: int) -> int:
    text = (text or "").strip()
    return int(text) if text.isascii() and text.isdigit() and int(text) <= MAX_LIST_NUMBER else default


def _list_number(element: HtmlElement, number: int) -> str:
    if UNNUMBERED.search(element.get("style", "")) or not 0 < number <= MAX_LIST_NUMBER:
        return ""
    return FORMATS[LIST_FORMATS.get(element.get("type", "1"), "decimal")](number) + "."
