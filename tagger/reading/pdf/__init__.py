"""PDF files with a text layer: runs of text to rows, columns, and paragraphs whole across lines and pages.

A PDF knows only where each run of text stands. Widths are estimated (a Chinese character is one em wide), which is near
enough to tell full lines from short ones; all distances are measured in ems, the font size of the line.
"""

from __future__ import annotations

import io
import logging
import unicodedata
from collections.abc import Iterator

from pypdf import PdfReader, apply_configuration
from pypdf.errors import DependencyError, LimitReachedError, WrongPasswordError

from tagger.errors import FormatError, InputError, TaggerError
from tagger.reading.limits import MB, check_bytes, check_text, limits, too_large
from tagger.reading.pdf.columns import blocks_of
from tagger.reading.pdf.paragraphs import paragraphs_of
from tagger.reading.pdf.rows import Rows, rows_of_page, without_running_heads
from tagger.reading.pdf.runs import Watch, runs_of
from tagger.reading.transcript import Transcript
from tagger.records import Source

logging.getLogger("pypdf").addHandler(logging.NullHandler())  # its remarks on odd files are not for our users

MAX_GARBAGE = 0.3  # share of characters without meaning above which the text cannot be used


def read_pdf(name: str, content: bytes) -> Source:
    """Read a PDF from its bytes. Each line of the source is a whole paragraph.

    Running heads, feet and page numbers are left out, as is text that stands aslant (watermarks). Raises `InputError`
    if the file is damaged, too large, or needs a password, `FormatError` if it has no text layer.
    """
    pages = without_running_heads(_pages_of(name, content))
    if sum(not rows for rows in pages) * 2 > len(pages) or not pages:
        raise FormatError(name, found="没有文字层（是扫描件）", expected="有文字层的 PDF", advice="先做 OCR 再试")
    transcript = Transcript()
    for text in paragraphs_of([block for rows in pages for block in blocks_of(rows)]):
        transcript.add(text)
    _check_meaning(name, "".join(transcript.texts))
    return transcript.source(name)


def _check_meaning(name: str, text: str) -> None:
    garbage = sum(unicodedata.category(sign) in {"Cc", "Cn", "Co"} or sign == "\ufffd" for sign in text)
    if garbage > MAX_GARBAGE * len(text):
        raise FormatError(
            name,
            found="文字层是乱码（字体没有文字编码）",
            expected="可以复制出文字的 PDF",
            advice="先做 OCR，或找原来的 Word 文件再试",
        )


# What stands where


def _pages_of(name: str, content: bytes) -> list[Rows]:
    """The rows of each page."""
    most = limits()
    try:
        with apply_configuration(
            maximum_declared_stream_length=most.part_bytes,
            array_based_stream_maximum_output_length=most.part_bytes,
            lzw_maximum_output_length=most.part_bytes,
            run_length_maximum_output_length=most.part_bytes,
            zlib_maximum_output_length=most.part_bytes,
            brotli_maximum_output_length=most.part_bytes,
            stream_parsing_work_maximum_count=most.elements // 2,  # twice as large as those of a tree
            jbig2dec_binary=None,
        ):
            return list(_rows_of_pages(name, _opened(name, content), Watch(name, most)))
    except TaggerError:
        raise
    except LimitReachedError as error:
        found = f"一部分展开后超过 {most.part_bytes / MB:.0f} MB，或结构过于复杂"
        raise too_large(name, found, "普通篇幅的 PDF") from error
    except Exception as error:  # pypdf lets any exception through on broken files
        raise InputError(
            name, found="PDF 文件已损坏", expected="完整的 PDF", advice="用 PDF 阅读器打开后另存一份再试"
        ) from error


def _opened(name: str, content: bytes) -> PdfReader:
    """The document, opened with the empty password if it is encrypted (many are, only against changes)."""
    try:
        reader = PdfReader(io.BytesIO(content))
        closed = reader.is_encrypted and not reader.decrypt("")
    except (DependencyError, WrongPasswordError, NotImplementedError) as error:
        raise _encrypted(name) from error
    if closed:
        raise _encrypted(name)
    return reader


def _encrypted(name: str) -> InputError:
    return InputError(
        name, found="PDF 文件已加密，需要密码", expected="没有加密的 PDF", advice="用密码打开后另存一份不加密的再试"
    )


def _rows_of_pages(name: str, reader: PdfReader, watch: Watch) -> Iterator[Rows]:
    most = watch.most
    if len(reader.pages) > most.pages:
        raise too_large(name, f"有 {len(reader.pages)} 页", f"不超过 {most.pages} 页")
    size = characters = strips = 0
    for page in reader.pages:
        contents = page.get_contents()
        size += 0 if contents is None else len(contents.get_data())
        check_bytes(name, size, most.parts_bytes)
        rows = rows_of_page(*runs_of(page, watch))
        strips += sum(map(len, rows))
        characters += sum(len(strip.text) for row in rows for strip in row)
        check_text(name, characters, strips)
        yield rows
