"""Rich Text Format (.rtf, version 1.9.1): paragraphs with their numbers, tables and text boxes, in reading order.

The reader is our own: striprtf, the one maintained library, keeps hidden and deleted text, loses text boxes and heading
levels, and takes GBK for Latin letters where a font does not name its character set.
"""

from __future__ import annotations

from tagger.errors import FormatError
from tagger.reading.rtf.reader import Reader
from tagger.records import Source

MAGIC = b"{\\rtf"
BLANKS = b"\xef\xbb\xbf \t\r\n"  # that editors put before it


def read_rtf(name: str, content: bytes) -> Source:
    """Read an RTF document from its bytes.

    Hidden text, deleted text of tracked changes, headers, footers, notes and comments are left out. Raises `InputError`
    if the file is damaged or cut off, `FormatError` if it is no RTF file.
    """
    content = content.lstrip(BLANKS)
    if not content.startswith(MAGIC):
        raise FormatError(name, found="不是 RTF 文件", expected="以 {\\rtf 开头的文件", advice="另存为 .docx 再试")
    return Reader(name).read(content)
