"""Word's binary format (.doc, and .wps where WPS Office wrote the same) and other files in OLE2 containers.

The names follow [MS-DOC], the specification, whose terms stand in brackets where ours differ.
"""

from __future__ import annotations

import io

import olefile

from tagger.errors import FormatError, InputError
from tagger.reading.limits import check_bytes, limits
from tagger.reading.ole.document import source_of
from tagger.reading.ole.libreoffice import as_docx
from tagger.reading.ole.streams import DAMAGE, ENCRYPTED, FLAGS, MAGIC, SECOND_TABLE, VERSION, Streams, number
from tagger.records import Source

EXPECTED = "Word 97 以后的 .doc（或 WPS 存成的同样格式）"
SAVE_AS_DOCX = "在 Word 或 WPS 里另存为 .docx 再试"
OTHER_KINDS = {  # streams at the top of other OLE2 files
    "Workbook": "Excel 或 WPS 表格（.xls、.et）",
    "Book": "旧版 Excel 表格（.xls）",
    "PowerPoint Document": "PowerPoint 或 WPS 演示（.ppt、.dps）",
    "__properties_version1.0": "Outlook 邮件（.msg）",
    "VisioDocument": "Visio 图（.vsd）",
    "CONTENTS": "Microsoft Works 或旧版 WPS 文件（.wps）",
    "MatOST": "Microsoft Works 文件（.wps）",
    "FileHeader": "韩文 HWP 文件（.hwp）",
}
WORD_MAGICS = frozenset({0xA5EC, 0xA5DC})
WORD_97 = 193


def read_ole(name: str, content: bytes) -> Source:
    """Read a binary Word document from its bytes.

    The text is that of the main document as Word shows it: numbers before paragraphs, results of fields, no deleted and
    no hidden text; notes, headers and text boxes are left out. What this reader cannot read (files of Word 6 and 95,
    damaged ones) is given to LibreOffice where it is on the machine: it takes seconds, this reader milliseconds. Raises
    `InputError` if the file is damaged or encrypted, `FormatError` if it is of another kind.
    """
    cause: Exception | None = None
    try:
        streams = _opened(name, content)
        if streams.number("H", VERSION) >= WORD_97:
            return source_of(name, streams)
        advice = f"装上 LibreOffice，或{SAVE_AS_DOCX}"
        trouble: InputError = FormatError(name, found="是 Word 95 或更早的文件", expected=EXPECTED, advice=advice)
    except DAMAGE as error:
        advice = "用 Word 或 WPS 打开后另存为 .docx 再试"
        trouble = InputError(name, found="Word 文件已损坏或不完整", expected=EXPECTED, advice=advice)
        cause = error
    converted = as_docx(name, content)
    if converted is None:
        raise trouble from cause
    from tagger.reading.docx import read_docx  # noqa: PLC0415 - rarely needed

    return read_docx(name, converted)


def _opened(name: str, content: bytes) -> Streams:
    with olefile.OleFileIO(io.BytesIO(content)) as container:
        sizes = {path[0]: container.get_size(path) for path in container.listdir()}
        if "EncryptedPackage" in sizes:
            raise _encrypted(name)
        if "WordDocument" not in sizes:
            kind = next((kind for stream, kind in OTHER_KINDS.items() if stream in sizes), "不认识的旧格式（OLE2）")
            raise FormatError(name, found=f"是{kind}", expected=EXPECTED, advice="把文字另存为 .docx 再试")
        most = limits().part_bytes

        def stream(path: str) -> bytes:
            return container.openstream(path).read() if path in sizes else b""

        check_bytes(name, sizes["WordDocument"], most)
        main = stream("WordDocument")
        if number("H", main, MAGIC) not in WORD_MAGICS:
            raise FormatError(name, found="不是 Word 的二进制格式", expected=EXPECTED, advice=SAVE_AS_DOCX)
        flags = number("H", main, FLAGS)
        if flags & ENCRYPTED:
            raise _encrypted(name)
        table = "1Table" if flags & SECOND_TABLE else "0Table"
        check_bytes(name, sizes.get(table, 0), most)
        data = stream("Data") if sizes.get("Data", 0) <= most else b""  # larger: it is all pictures
        return Streams(main, stream(table), data)


def _encrypted(name: str) -> InputError:
    return InputError(
        name,
        found="文件设了密码，已加密",
        expected="没有加密的文件",
        advice="用密码打开，去掉密码后另存为 .docx 再试",
    )
