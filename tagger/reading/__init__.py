"""Files in: `read(path)` gives the text of a document and its lines. One module a format, loaded when it is needed."""

from __future__ import annotations

import io
import os
import re
import stat
import zipfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from tagger.errors import FormatError, InputError, reason_of
from tagger.reading.limits import check_file, check_text, too_large
from tagger.records import Source

if TYPE_CHECKING:
    from tagger.reading.archive import Opened

SUPPORTED = ".docx、.doc、.wps、.pdf、.ofd、.rtf、.html、.txt、.md，或装着它们的 .zip、.eml"
TEXT_SUFFIXES = frozenset({"", ".txt", ".text", ".md", ".markdown"})
PAGE_SUFFIXES = frozenset({".html", ".htm", ".shtml", ".xhtml", ".mht", ".mhtml"})

WORD_SUFFIXES = frozenset({".docx", ".doc", ".wps"})
DOCUMENT_SUFFIXES = (TEXT_SUFFIXES | PAGE_SUFFIXES | WORD_SUFFIXES | {".pdf", ".ofd", ".rtf", ".zip", ".eml"}) - {""}

HEAD_BYTES = 1024
OLE2_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
PDF_MAGIC = b"%PDF-"
RTF_MAGIC = b"{\\rtf"
BEFORE_RTF = b"\xef\xbb\xbf \t\r\n"
PAGE_START = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:<!doctype html|<html|mime-version:)", re.IGNORECASE)  # named .doc
ZIP_MAGIC = b"PK\x03\x04"
EMPTY_ZIP_MAGIC = b"PK\x05\x06"
OFD_PART = "OFD.xml"
OFFICE_PARTS = frozenset({"[Content_Types].xml", "word/document.xml"})  # the reader refuses those that are not Word's
MAX_DIRECTORY_BYTES = 16 * 2**20  # some hundred thousand members, each a kilobyte in memory
DAMAGED_ZIP = (zipfile.BadZipFile, OSError, ValueError, NotImplementedError)

UNSHOWN = re.compile("[\0-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")  # ends lines, turns them, is no text


def read(path: str | Path) -> Source:
    """Read a document. The bytes decide on the format; only web pages, mails and plain text are known by their suffix.

    An archive or a mail gives the document in it if it holds exactly one. Raises `InputError` if the file is missing,
    closed to us, damaged or too large, `FormatError` if its kind is not supported.
    """
    return _only(shown_name(path), read_all(path))


def read_content(name: str, content: bytes) -> Source:
    """Read a document from its bytes; `name` serves for messages, and for the suffix of pages, mails and plain text."""
    return _only(name, read_all_content(name, content))


def read_all(path: str | Path) -> Iterator[Source | InputError]:
    """Read a file: an ordinary document, or all documents in a .zip or .eml, named `a.zip/里面/报告.docx`.

    What cannot be read comes as an error, and the rest goes on.
    """
    name = shown_name(path)
    try:
        file = _opened(name, path)
    except InputError as error:
        yield error
        return
    with file:
        yield from documents(name, file)


def read_all_content(name: str, content: bytes) -> Iterator[Source | InputError]:
    """The same from bytes."""
    return documents(name, io.BytesIO(content))


def shown_name(path: str | Path) -> str:
    r"""A path as it can be printed on one line and written in any file: control characters and the like as `\n`."""
    return UNSHOWN.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), str(path))


def is_hidden(name: str) -> bool:
    """Whether a file of this name is none of the user's documents: hidden, or a lock that Word leaves."""
    return name.startswith((".", "~$"))


def _only(name: str, documents: Iterator[Source | InputError]) -> Source:
    first, *others = islice(documents, 2)
    if others:
        raise FormatError(
            name, found="里面有不止一个文档", expected="只装一个文档", advice="用 tagger tag 一次标注全部，或解压后再试"
        )
    if isinstance(first, InputError):
        raise first
    return first


def _opened(name: str, path: str | Path) -> BinaryIO:
    try:
        mode = Path(path).stat().st_mode
        if stat.S_ISREG(mode):
            return Path(path).open("rb")
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(name, found="没有这个文件", expected="已有的文件", advice="检查路径有没有写错") from None
    except ValueError:
        raise InputError(name, found="路径里有空字符", expected="文件的路径", advice="检查路径有没有写错") from None
    except OSError as error:
        raise _unreadable(name, "打不开", error) from error
    if stat.S_ISDIR(mode):
        raise InputError(name, found="是打不开的文件夹", expected="文件", advice="检查文件夹的权限")
    raise InputError(name, found="是设备或管道", expected="普通文件", advice="把内容存成文件再试")


def _unreadable(name: str, found: str, error: OSError) -> InputError:
    return InputError(
        name, found=f"{found}（{reason_of(error)}）", expected="可以读取的文件", advice="检查文件的权限，或复制一份再试"
    )


def documents(name: str, file: BinaryIO, outer: Opened | None = None) -> Iterator[Source | InputError]:
    """The documents in an open file; `outer` are the archives that it stands in."""
    try:
        kind = _kind(name, file)
        if kind not in {"zip", "eml"}:
            yield _document(name, kind, content_of(name, file))
            return
    except InputError as error:
        yield error
        return
    except OSError as error:
        yield _unreadable(name, "读到一半出错", error)
        return
    from tagger.reading.archive import read_archive  # noqa: PLC0415 - loaded when an archive comes

    yield from read_archive(name, kind, file, outer)


def _kind(name: str, file: BinaryIO) -> str:
    """What a file is: by its bytes where they tell, else by its suffix."""
    suffix = Path(name).suffix.lower()
    head = file.read(HEAD_BYTES)
    file.seek(0)
    if not head:
        raise InputError(name, found="是空文件（0 字节）", expected="有内容的文件", advice="检查文件有没有存好")
    if head.startswith((ZIP_MAGIC, EMPTY_ZIP_MAGIC)):
        return _kind_of_zip(name, file, suffix)
    if head.startswith(OLE2_MAGIC):
        return "ole"
    if head.startswith(PDF_MAGIC):
        return "pdf"
    if head.lstrip(BEFORE_RTF).startswith(RTF_MAGIC):
        return "rtf"
    return _kind_of_text(name, suffix, head)


def _kind_of_text(name: str, suffix: str, head: bytes) -> str:
    if suffix in PAGE_SUFFIXES or (suffix in WORD_SUFFIXES and PAGE_START.match(head)):
        return "html"
    if suffix == ".eml":
        return "eml"
    if suffix in TEXT_SUFFIXES:
        return "text"
    found = f"后缀是 {suffix}，内容却不是认识的格式"
    raise FormatError(name, found=found, expected=SUPPORTED, advice="把文字另存为 .docx 或 .txt 再试")


def _kind_of_zip(name: str, file: BinaryIO, suffix: str) -> str:
    """A document packed as a ZIP archive, or an archive of documents. Damaged ones are what their suffix says."""
    try:
        with zipfile.ZipFile(_Directory(name, file)) as archive:
            parts = set(archive.namelist())
    except DAMAGED_ZIP:
        parts = set()
    if OFD_PART in parts or (suffix == ".ofd" and not parts):
        return "ofd"
    return "docx" if OFFICE_PARTS & parts or suffix in WORD_SUFFIXES else "zip"


class _Directory:
    """A ZIP archive of which the list of members is read, if it is not too long to be held in memory."""

    def __init__(self, name: str, file: BinaryIO) -> None:
        self._name, self._file = name, file
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, size: int = -1) -> bytes:
        """Read; `zipfile` asks for the whole list in one go."""
        if size > MAX_DIRECTORY_BYTES:
            raise too_large(self._name, "里面的文件太多", f"目录不超过 {MAX_DIRECTORY_BYTES // 2**20} MB 的压缩包")
        return self._file.read(size)


def content_of(name: str, file: BinaryIO) -> bytes:
    """All of an open file. Raises `InputError` if it is too large."""
    check_file(name, file.seek(0, os.SEEK_END))
    file.seek(0)
    return file.read()


def _document(name: str, kind: str, content: bytes) -> Source:
    """Read what is no archive. Each reader is loaded when a file of its kind comes."""
    match kind:
        case "docx":
            from tagger.reading.docx import read_docx as reader  # noqa: PLC0415
        case "ofd":
            from tagger.reading.ofd import read_ofd as reader  # noqa: PLC0415
        case "ole":
            from tagger.reading.ole import read_ole as reader  # noqa: PLC0415
        case "pdf":
            from tagger.reading.pdf import read_pdf as reader  # noqa: PLC0415
        case "rtf":
            from tagger.reading.rtf import read_rtf as reader  # noqa: PLC0415
        case "html":
            from tagger.reading.html import read_html as reader  # noqa: PLC0415
        case _:
            from tagger.reading.text import read_text as reader  # noqa: PLC0415
    source = reader(name, content)
    check_text(name, len(source.text), len(source.lines))
    return source
