"""Files in: `read(path)` gives the text of a document and its lines. One module a format, loaded when it is needed."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from tagger.errors import FormatError, InputError
from tagger.records import Source

SUPPORTED = ".docx、.doc、.wps、.pdf、.ofd、.rtf、.html、.txt、.md"
TEXT_SUFFIXES = frozenset({"", ".txt", ".text", ".md", ".markdown"})
PAGE_SUFFIXES = frozenset({".html", ".htm", ".shtml", ".xhtml", ".mht", ".mhtml"})
DOCUMENT_SUFFIXES = (TEXT_SUFFIXES | PAGE_SUFFIXES | {".docx", ".doc", ".wps", ".pdf", ".ofd", ".rtf"}) - {""}

OLE2_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
PDF_MAGIC = b"%PDF-"
RTF_MAGIC = b"{\\rtf"
BEFORE_RTF = b"\xef\xbb\xbf \t\r\n"
ZIP_MAGIC = b"PK\x03\x04"
OFD_ROOT = "OFD.xml"


def read(path: str | Path) -> Source:
    """Read a document. The bytes decide on the format; only web pages and plain text are known by their suffix.

    Raises `InputError` if the file is missing, closed to us or damaged, `FormatError` if its kind is not supported.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise InputError(path, found="没有这个文件", expected="已有的文件", advice="检查路径有没有写错") from None
    except IsADirectoryError:
        raise InputError(path, found="是打不开的文件夹", expected="文件", advice="检查文件夹的权限") from None
    except OSError as error:
        raise InputError(
            path,
            found=f"打不开（{error.strerror}）",
            expected="可以读取的文件",
            advice="检查文件的权限，或复制一份再试",
        ) from error
    return read_content(str(path), content)


def read_content(name: str, content: bytes) -> Source:
    """Read a document from its bytes; `name` serves for messages, and for the suffix of web pages and plain text."""
    suffix = Path(name).suffix.lower()
    # each reader is loaded when a file of its kind comes
    if content.startswith(ZIP_MAGIC) and _holds(content, OFD_ROOT):
        from tagger.reading.ofd import read_ofd as reader  # noqa: PLC0415
    elif content.startswith(ZIP_MAGIC):
        from tagger.reading.docx import read_docx as reader  # noqa: PLC0415
    elif content.startswith(OLE2_MAGIC):
        from tagger.reading.ole import read_ole as reader  # noqa: PLC0415
    elif content.startswith(PDF_MAGIC):
        from tagger.reading.pdf import read_pdf as reader  # noqa: PLC0415
    elif content.lstrip(BEFORE_RTF).startswith(RTF_MAGIC):
        from tagger.reading.rtf import read_rtf as reader  # noqa: PLC0415
    elif suffix in PAGE_SUFFIXES:
        from tagger.reading.html import read_html as reader  # noqa: PLC0415
    elif suffix in TEXT_SUFFIXES:
        from tagger.reading.text import read_text as reader  # noqa: PLC0415
    else:
        found = f"后缀是 {suffix}，内容却不是认识的格式"
        raise FormatError(name, found=found, expected=SUPPORTED, advice="把文字另存为 .docx 或 .txt 再试")
    return reader(name, content)


def _holds(content: bytes, part: str) -> bool:
    """Whether a ZIP archive has this part; a damaged one has none."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return part in archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError):
        return False
