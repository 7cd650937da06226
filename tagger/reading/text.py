"""Plain text and Markdown: which encoding it is, strictly, and where its lines stand."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

from tagger.errors import FormatError
from tagger.reading.limits import check_text
from tagger.records import Line, Source

USUAL = re.compile(r"[\t\n\r -~\u00b7\u2010-\u2027\u2160-\u2473\u25a0-\u266f\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]+")
WIDE = re.compile(r"[\u2018-\u2026\u2e80-\u9fff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef]")  # no blank beside these
MAX_CHARACTER_BYTES = 4  # in any of the encodings
MIN_USUAL = 0.85  # share of usual characters below which bytes other than UTF-8 are no Chinese text
LINE = re.compile(r"[^\r\n\v\f\x85\u2028\u2029]+")
MARKDOWN_SUFFIXES = frozenset({".md", ".markdown"})
MARKDOWN_MARK = re.compile(r"(#{1,6})[ \t]+|[ \t]*(?:[-*+]|>+)[ \t]+")  # of a heading; of a list or a quotation
MARKDOWN_RULE = re.compile(r"\s*([-*_])(\s*\1){2,}\s*|\s*```.*|\s*\|?[\s:|-]*-{3,}[\s:|-]*")

BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16: its mark begins with the same two bytes
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def decode(name: str, content: bytes) -> str:
    """Decode text in UTF-8, UTF-16, UTF-32 or GB18030. Raises `FormatError` if it is none of these."""
    check_text(name, len(content) // MAX_CHARACTER_BYTES)
    texts = [text for encoding in _possible_encodings(content) if (text := _decoded(content, encoding)) is not None]
    best = max(texts, key=_share_of_usual_characters) if len(texts) > 1 else next(iter(texts), "")
    if not texts or not (_is_utf8(content) or _share_of_usual_characters(best) >= MIN_USUAL):
        raise FormatError(
            name,
            found="不是文本，或编码不明",
            expected="UTF-8、UTF-16 或 GB18030（GBK）文本",
            advice="用记事本打开，另存为 UTF-8 编码再试",
        )
    return best


def _is_utf8(content: bytes) -> bool:
    return b"\0" not in content and _decoded(content, "utf-8") is not None


def _possible_encodings(content: bytes) -> tuple[str, ...]:
    for bom, encoding in BOMS:
        if content.startswith(bom):
            return (encoding,)
    if b"\0" in content:  # line ends and digits give zero bytes in UTF-16, and in no text of the others
        return ("utf-16-le", "utf-16-be")
    return ("utf-8",) if _is_utf8(content) else ("gb18030",)


def _decoded(content: bytes, encoding: str) -> str | None:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        return None


def _share_of_usual_characters(text: str) -> float:
    return 1 - len(USUAL.sub("", text)) / max(1, len(text))


def lines_of(text: str) -> tuple[Line, ...]:
    """The lines of a text that hold anything, by any of Unicode's line ends."""
    return tuple(Line(found.start(), found.end()) for found in LINE.finditer(text) if found[0].strip())


def markdown_lines_of(text: str) -> tuple[Line, ...]:
    """The same for Markdown: marks are left out, those of headings give their depth; rules and fences too."""
    lines = []
    for line in lines_of(text):
        if MARKDOWN_RULE.fullmatch(text, line.start, line.end):
            continue
        mark = MARKDOWN_MARK.match(text, line.start, line.end)
        start = mark.end() if mark else line.start
        if text[start : line.end].strip():
            lines.append(Line(start, line.end, len(mark[1]) - 1 if mark and mark[1] else None))
    return tuple(lines)


def read_text(name: str, content: bytes) -> Source:
    """Read a text file, Markdown if its name says so."""
    text = decode(name, content)
    check_text(name, len(text), sum(1 for _ in LINE.finditer(text)))  # before each line becomes an object
    markdown = Path(name).suffix.lower() in MARKDOWN_SUFFIXES
    return Source(name, text, markdown_lines_of(text) if markdown else lines_of(text))
