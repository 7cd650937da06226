"""OFD documents (.ofd, GB/T 33190): pages of placed text, put together to lines and paragraphs again.

An OFD file says where each piece of text stands on its page, in millimetres, and nothing of paragraphs. Pieces at one
height are a line; a line goes on the paragraph above it if it is not indented and the line above it is full.
"""

from __future__ import annotations

import io
import math
import posixpath
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise, zip_longest
from statistics import median
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from tagger.errors import FormatError, InputError
from tagger.reading.limits import check_bytes, check_elements, check_text, limits, too_large
from tagger.reading.text import WIDE
from tagger.records import Line, Source

OFD = "{*}"  # producers differ in the year of the namespace http://www.ofdspec.org/2016
EXPECTED = "有文字层的 .ofd"
DAMAGE = (  # what the standard library raises on broken, encrypted or hostile archives and XML, and silly numbers
    ArithmeticError,
    zipfile.BadZipFile,
    zlib.error,
    ParseError,
    DefusedXmlException,
    EOFError,
    KeyError,
    NotImplementedError,
    OSError,
    RuntimeError,
    ValueError,
)

USUAL_SIZE = 3.5  # mm, where none is given
MIN_LINES = 8  # on a page, to tell the edges of its text; pages with less have those of the document
MIN_HEADS = 3  # pages that share a line before it is a running head

# All in units of the character size
SAME_LINE = 0.5  # pieces whose baselines are not farther apart stand on one line
SAME_PLACE = 0.2  # text drawn twice, for boldness, is this near to itself
WORD_GAP = 0.2  # between words of narrow letters
WIDE_GAP = 1.0  # between columns, or a label and what is filled in
INDENT = 1.2  # of the first line of a paragraph, from the left edge of the text
SHORT = 2.5  # a line that ends so far from the right edge ends a paragraph: no character more would do so
PARAGRAPH_GAP = 1.6  # in usual line distances
MIN_COLUMN = 12  # of text; what is narrower is a list of short lines, each by itself (a line of GB/T 9704 has 28)
SAME_SIZE = 0.12  # share by which the sizes of lines of one paragraph differ at most
OBLIQUE = 0.1  # of a turned baseline: a watermark

MISSING = re.compile(r"[\s\ufffd\ue000-\uf8ff\u25a1?¤]*")  # what stands for glyphs without characters
PAGE_NUMBER = re.compile(r"[-—–·\s]*(?:\d{1,4}|第\s*\d{1,4}\s*页(?:\s*[,，/]?\s*共\s*\d{1,4}\s*页)?)[-—–·\s]*")


def read_ofd(name: str, content: bytes) -> Source:
    """Read an OFD document from its bytes: each paragraph is a line of the source.

    Templates that several pages share (running heads, frames), page numbers and watermarks are left out. Raises
    `InputError` if the file is damaged or encrypted, `FormatError` if it is no OFD document or its pages hold no text.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = set(archive.namelist())
            if "OFD.xml" not in names:
                raise FormatError(name, found="是压缩包，但不是 OFD 文档", expected=EXPECTED, advice="解压后再试")
            if "Encryptions.xml" in names:
                raise InputError(
                    name, found="OFD 文件已加密", expected="没有加密的 .ofd", advice="用 OFD 阅读器解密后另存一份再试"
                )
            paragraphs = list(_paragraphs(list(_pages(_Package(name, archive)))))
    except DAMAGE as error:
        raise InputError(
            name, found="OFD 文件已损坏或加密", expected="完整的 .ofd", advice="用 OFD 阅读器打开后另存一份再试"
        ) from error
    if all(MISSING.fullmatch(paragraph) for paragraph in paragraphs):
        raise FormatError(
            name,
            found="没有文字层",
            expected=EXPECTED,
            advice="先用文字识别（OCR）软件转成文字，存为 .docx 或 .txt 再试",
        )
    return _source(name, paragraphs)


def _source(name: str, paragraphs: Iterable[str]) -> Source:
    lines: list[Line] = []
    texts: list[str] = []
    length = 0
    for text in paragraphs:
        lines.append(Line(length, length + len(text)))
        texts.append(text)
        length += len(text) + 1
    return Source(name, "\n".join(texts), tuple(lines))


# The package


class _Package:
    """The parts of an OFD file, with a limit on all that is unpacked."""

    def __init__(self, name: str, archive: zipfile.ZipFile) -> None:
        self._name = name
        self._archive = archive
        self._limits = limits()
        self._bytes = self._parts = self._characters = self._pieces = 0

    def part(self, path: str) -> Element:
        """A part, parsed. Raises `KeyError` if there is none."""
        size = self._archive.getinfo(path).file_size
        self._parts += 1
        self._bytes += size
        if self._parts > 2 * self._limits.pages:  # with a template for each
            raise too_large(self._name, f"超过 {self._limits.pages} 页", f"不超过 {self._limits.pages} 页")
        check_bytes(self._name, size, self._limits.part_bytes)
        check_bytes(self._name, self._bytes, self._limits.parts_bytes)
        content = self._archive.read(path)
        check_elements(self._name, content)
        root: Element = fromstring(content)
        return root

    def pieces(self, part: Element) -> Iterator[_Piece]:
        """The pieces of text of a part, as long as they are not too many."""
        for piece in _pieces(part):
            self._characters += len(piece.text)
            self._pieces += 1
            check_text(self._name, self._characters, self._pieces)
            yield piece


def _path(base: str, location: str | None) -> str:
    """Where a location leads that stands in the part `base`; one with a slash before it starts from the root."""
    if not location or not location.strip():
        raise ValueError("a part without a location")
    location = location.strip().replace("\\", "/")
    return posixpath.normpath(posixpath.join("/", posixpath.dirname(base), location)).lstrip("/")


def _pages(package: _Package) -> Iterator[list[_Piece]]:
    """The pieces of text of each page, of all documents in the file."""
    for body in package.part("OFD.xml").iterfind(f".//{OFD}DocBody"):
        root = _path("", body.findtext(OFD + "DocRoot"))
        document = package.part(root)
        templates = {
            template.get("ID", ""): _path(root, template.get("BaseLoc"))
            for template in document.iterfind(f"{OFD}CommonData/{OFD}TemplatePage")
        }
        common_box = _box(document.findtext(f"{OFD}CommonData/{OFD}PageArea/{OFD}PhysicalBox"))
        pages = []
        for listed in document.iterfind(f"{OFD}Pages/{OFD}Page"):
            page = package.part(_path(root, listed.get("BaseLoc")))
            box = _box(page.findtext(f"{OFD}Area/{OFD}PhysicalBox")) or common_box
            pages.append((_template_keys(page), box, list(package.pieces(page))))
        uses = Counter(key for keys, _, _ in pages for key in keys)
        for keys, box, pieces in pages:
            own = [templates[key] for key in keys if uses[key] == 1 and key in templates]
            below = [piece for path in own for piece in package.pieces(package.part(path))]
            yield [piece for piece in (*below, *pieces) if _is_on_page(piece, box)]


def _template_keys(page: Element) -> list[str]:
    return list(dict.fromkeys(template.get("TemplateID", "") for template in page.iterfind(OFD + "Template")))


def _box(text: str | None) -> tuple[float, float] | None:
    """Width and height of a box; None if it says nothing of use."""
    numbers = _numbers(text)
    return (numbers[2], numbers[3]) if len(numbers) == 4 and numbers[2] > 0 and numbers[3] > 0 else None


def _is_on_page(piece: _Piece, box: tuple[float, float] | None) -> bool:
    """Whether a piece stands on the page, and not beside it, where nobody sees it."""
    if box is None:
        return True
    return -piece.size < piece.left < box[0] + piece.size and 0 <= piece.y <= box[1] + piece.size


def _numbers(text: str | None) -> list[float]:
    numbers = [float(each) for each in (text or "").split()]
    if not all(map(math.isfinite, numbers)):
        raise ValueError("a number without end")
    return numbers


# Pieces of text


@dataclass(frozen=True, slots=True)
class _Piece:
    """Characters that follow one another on the page: where they begin and end, their baseline and size, in mm."""

    text: str
    left: float
    right: float
    y: float
    size: float


def _pieces(part: Element) -> Iterator[_Piece]:
    """The visible pieces of a page or template, in the order of the file."""
    for layer in part.iterfind(f"{OFD}Content/{OFD}Layer"):
        for text_object in layer.iterfind(f".//{OFD}TextObject"):
            if text_object.get("Visible", "true").lower() not in ("false", "0"):
                yield from _pieces_of(text_object)


def _pieces_of(text_object: Element) -> Iterator[_Piece]:
    boundary = _numbers(text_object.get("Boundary"))
    a, b, c, d, e, f = _numbers(text_object.get("CTM")) or (1, 0, 0, 1, 0, 0)
    if len(boundary) != 4 or (abs(a) > OBLIQUE < abs(b)):
        return
    # A matrix of 5 makes text of size 1 one of 5; in text turned by 90° the scale stands in b and c
    across, down = math.hypot(a, b) or 1, math.hypot(c, d) or 1
    spelled = text_object.get("Size") or text_object.get("size")  # easyofd writes it small
    size = abs(_number(spelled, USUAL_SIZE)) * down
    width = abs(_number(text_object.get("HScale"), 1)) * size / down * across
    if size <= 0:
        return
    x, y = 0.0, 0.0
    for code in text_object.iterfind(f".//{OFD}TextCode"):
        x, y = _number(code.get("X"), x), _number(code.get("Y"), y)  # where nothing is said, the last is meant
        start = _Piece("", boundary[0] + a * x + c * y + e, 0, boundary[1] + b * x + d * y + f, size)
        yield from _placed(code, start, width, (across, down))


def _placed(code: Element, at: _Piece, width: float, scale: tuple[float, float]) -> Iterator[_Piece]:
    """The characters of a `TextCode` from a place on as pieces, cut where the text goes on in a new line."""
    text = "".join(code.itertext())
    if len(text.splitlines()) > 1 or text != text.strip("\r\n\t"):
        text = " ".join(text.split())  # someone has laid out the XML nicely
    steps = [scale[0] * step for step in _steps(code.get("DeltaX"), len(text) - 1)]
    falls = [scale[1] * step for step in _steps(code.get("DeltaY"), len(text) - 1)]
    stands = bool(falls) and not any(steps)  # one character below the other
    piece, start, x, y = "", at.left, at.left, at.y
    for character, step, fall in zip_longest(text, steps, falls):
        own = width * (1 if WIDE.match(character) else 0.5)
        piece += character
        end = x + own
        x += (0 if stands else own) if step is None else step
        if not stands and x < end - own and abs(fall or 0) > SAME_LINE * at.size:
            yield _Piece(piece, start, end, y, at.size)
            piece, start = "", x
            y += fall or 0
        elif x - end > WIDE_GAP * at.size and character != " ":
            piece += " "
    if piece.strip():
        yield _Piece(piece.rstrip(), start, max(start, end), y, at.size)


def _steps(text: str | None, count: int) -> list[float]:
    """The offsets between `count` + 1 characters; `g 3 4.2` stands for three times 4.2."""
    steps: list[float] = []
    words = iter((text or "").split())
    for word in words:
        if len(steps) >= count:
            break
        if word == "g":
            times, step = next(words, "0"), next(words, "0")
            steps.extend(_numbers(step) * min(count - len(steps), int(times)))
        else:
            steps.extend(_numbers(word))
    return steps


def _number(text: str | None, default: float) -> float:
    return next(iter(_numbers(text)), default)


# Lines


@dataclass(frozen=True, slots=True)
class _Line:
    """A line on the page."""

    text: str
    left: float
    right: float
    y: float
    size: float


def _lines(pieces: Iterable[_Piece]) -> list[_Line]:
    """The lines of a page from top to bottom, without its number."""
    rows: list[list[_Piece]] = []
    for piece in sorted(pieces, key=lambda piece: (piece.y, piece.left)):
        if rows and piece.y - rows[-1][0].y <= SAME_LINE * min(piece.size, rows[-1][0].size):
            rows[-1].append(piece)
        else:
            rows.append([piece])
    lines = [line for line in map(_line, rows) if line.text]
    if lines and PAGE_NUMBER.fullmatch(lines[-1].text):
        lines.pop()
    return lines


def _line(row: Sequence[_Piece]) -> _Line:
    pieces: list[_Piece] = []
    for piece in sorted(row, key=lambda piece: piece.left):
        if not any(_is_same(piece, before) for before in islice(reversed(pieces), 3)):
            pieces.append(piece)
    parts = [pieces[0].text]
    for before, piece in pairwise(pieces):
        gap = (piece.left - before.right) / piece.size
        narrow = not WIDE.match(before.text[-1]) and not WIDE.match(piece.text[0])
        parts.append((" " if gap > (WORD_GAP if narrow else WIDE_GAP) else "") + piece.text)
    right = max(piece.right for piece in pieces)
    size = max(pieces, key=lambda piece: len(piece.text)).size
    return _Line("".join(parts).strip(), pieces[0].left, right, pieces[0].y, size)


def _is_same(piece: _Piece, before: _Piece) -> bool:
    """Whether text is drawn a second time in its place, as some do for boldness or shadow."""
    return piece.text == before.text and piece.left - before.left < SAME_PLACE * piece.size


# Paragraphs


def _paragraphs(pages: Sequence[Iterable[_Piece]]) -> Iterator[str]:
    """The paragraphs of all pages; one may go on over the foot of a page."""
    lines_of_pages = [lines for lines in _without_running_heads(list(map(_lines, pages))) if lines]
    if not lines_of_pages:
        return
    distance = _distance(lines_of_pages)
    common = _Edges.of([line for lines in lines_of_pages for line in lines])
    paragraph = ""
    before: tuple[_Line, _Edges] | None = None
    for lines in lines_of_pages:
        edges = _Edges.of(lines) if len(lines) >= MIN_LINES else common
        for number, line in enumerate(lines):
            near = number == 0 or line.y - lines[number - 1].y <= PARAGRAPH_GAP * distance * line.size
            if before is not None and near and edges.goes_on(line) and before[1].is_full(before[0], line):
                paragraph = _glue(paragraph, line.text)
            else:
                if paragraph:
                    yield paragraph
                paragraph = line.text
            before = line, edges
    yield paragraph


def _without_running_heads(pages: Sequence[list[_Line]]) -> Iterator[list[_Line]]:
    """The pages without first and last lines that most of them share, numbers aside."""
    firsts = Counter(_without_digits(lines[0]) for lines in pages if lines)
    lasts = Counter(_without_digits(lines[-1]) for lines in pages if lines)
    enough = max(MIN_HEADS, len(pages) // 2 + 1)
    for lines in pages:
        kept = lines[1:] if lines and firsts[_without_digits(lines[0])] >= enough else lines
        yield kept[:-1] if kept and lasts[_without_digits(kept[-1])] >= enough else kept


def _without_digits(line: _Line) -> str:
    return re.sub(r"[\d\s]+", "", line.text)


def _glue(first: str, second: str) -> str:
    """Join the halves of a paragraph: Chinese without a blank, words of narrow letters with one."""
    return first + second if WIDE.match(first[-1]) or WIDE.match(second[0]) else f"{first} {second}"


def _distance(lines_of_pages: Iterable[Sequence[_Line]]) -> float:
    """The usual distance between lines, in their size."""
    distances = [(line.y - before.y) / line.size for lines in lines_of_pages for before, line in pairwise(lines)]
    return median(distances) if distances else 2.0


@dataclass(frozen=True, slots=True)
class _Edges:
    """Where the text of a page begins and ends from left to right; it never ends if no line is broken at its end."""

    left: float
    right: float

    @classmethod
    def of(cls, lines: Sequence[_Line]) -> _Edges:
        """The edges that most of the text keeps to."""
        size = median(line.size for line in lines for _ in range(min(len(line.text), 50)))
        body = [line for line in lines if abs(line.size - size) <= SAME_SIZE * size] or lines
        rights = sorted(line.right for line in body)
        right = rights[int(0.95 * (len(rights) - 1))]  # a few may hang out
        left = min(line.left for line in body if right - line.right <= SHORT * size)
        return cls(left, right if right - left >= MIN_COLUMN * size else math.inf)

    def goes_on(self, line: _Line) -> bool:
        """Whether a line begins at the edge, as those do that go on a paragraph."""
        return line.left - self.left <= INDENT * line.size

    def is_full(self, line: _Line, following: _Line) -> bool:
        """Whether a line reaches the other edge, and what follows is set in the same size."""
        same_size = abs(line.size - following.size) <= SAME_SIZE * line.size
        return same_size and self.right - line.right <= SHORT * line.size
