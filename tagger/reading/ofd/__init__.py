"""OFD documents (.ofd, GB/T 33190): pages of placed text, put together to lines and paragraphs again.

An OFD file says where each piece of text stands on its page, in millimetres, and nothing of paragraphs. Pieces at one
height are a line; a line goes on the paragraph above it if it is not indented and the line above it is full.
"""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
from collections import Counter
from collections.abc import Iterator

from tagger.errors import FormatError, InputError
from tagger.reading import package
from tagger.reading.limits import check_bytes, check_text, limits, too_large
from tagger.reading.ofd.lines import lines_of, without_running_heads
from tagger.reading.ofd.paragraphs import paragraphs_of
from tagger.reading.ofd.pieces import OFD, Piece, numbers_of, pieces_of
from tagger.reading.package import Element
from tagger.reading.transcript import Transcript
from tagger.records import Source

EXPECTED = "有文字层的 .ofd"
DAMAGE = (*package.DAMAGE, ArithmeticError)  # of silly numbers
MISSING = re.compile(r"[\s\ufffd\ue000-\uf8ff\u25a1?¤]*")  # what stands for glyphs without characters


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
            pages = [lines_of(pieces) for pieces in _pages(_Package(name, archive))]
            paragraphs = list(paragraphs_of(without_running_heads(pages)))
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
    transcript = Transcript()
    for paragraph in paragraphs:
        transcript.add(paragraph)
    return transcript.source(name)


class _Package:
    """The parts of an OFD file, with a limit on all that is unpacked."""

    def __init__(self, name: str, archive: zipfile.ZipFile) -> None:
        self._name = name
        self._archive = archive
        self._limits = limits()
        self._bytes = self._parts = self._characters = self._pieces = 0

    def part(self, path: str) -> Element:
        """A part, parsed. Raises `KeyError` if there is none."""
        self._parts += 1
        self._bytes += self._archive.getinfo(path).file_size
        if self._parts > 2 * self._limits.pages:  # with a template for each
            raise too_large(self._name, f"超过 {self._limits.pages} 页", f"不超过 {self._limits.pages} 页")
        check_bytes(self._name, self._bytes, self._limits.parts_bytes)
        return package.parsed(package.unpacked(self._name, self._archive, path))

    def pieces(self, part: Element) -> Iterator[Piece]:
        """The pieces of text of a part, as long as they are not too many."""
        for piece in pieces_of(part):
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


def _pages(package: _Package) -> Iterator[list[Piece]]:
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
    numbers = numbers_of(text)
    return (numbers[2], numbers[3]) if len(numbers) == 4 and numbers[2] > 0 and numbers[3] > 0 else None


def _is_on_page(piece: Piece, box: tuple[float, float] | None) -> bool:
    """Whether a piece stands on the page, and not beside it, where nobody sees it."""
    if box is None:
        return True
    return -piece.size < piece.left < box[0] + piece.size and 0 <= piece.y <= box[1] + piece.size
