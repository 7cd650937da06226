"""Files in: `read(path)` gives the text of a document and its lines. One module per format."""

from __future__ import annotations

from pathlib import Path

from tagger.errors import FormatError, InputError
from tagger.reading.docx import read_docx
from tagger.reading.text import read_text
from tagger.records import Source

TEXT_SUFFIXES = frozenset({"", ".txt", ".text", ".md", ".markdown"})
SUPPORTED = ".docx、.txt、.md"

OLE2_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
PDF_MAGIC = b"%PDF-"
ZIP_MAGIC = b"PK\x03\x04"


def read(path: str | Path) -> Source:
    """Read a document. The bytes decide on the format; only plain text, which has no mark, is known by its suffix.

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
    """Read a document from its bytes; `name` serves for messages and, for plain text, for the suffix."""
    suffix = Path(name).suffix.lower()
    if content.startswith(ZIP_MAGIC):
        return read_docx(name, content)
    if content.startswith(OLE2_MAGIC):
        raise FormatError(
            name, found="是旧版 Word 或 WPS 文件", expected=SUPPORTED, advice="在 Word 或 WPS 里另存为 .docx 再试"
        )
    if content.startswith(PDF_MAGIC):
        raise FormatError(name, found="是 PDF 文件", expected=SUPPORTED, advice="把文字另存为 .docx 或 .txt 再试")
    if suffix not in TEXT_SUFFIXES:
        found = f"后缀是 {suffix}，内容却不是认识的格式"
        raise FormatError(name, found=found, expected=SUPPORTED, advice="把文字另存为 .docx 或 .txt 再试")
    return read_text(name, content)
