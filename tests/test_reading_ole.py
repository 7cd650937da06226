"""Binary Word files: what LibreOffice wrote, what only Word writes (made by hand), and what is refused."""

from __future__ import annotations

import io
import shutil
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

import olefile
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tagger.errors import FormatError, InputError
from tagger.reading.docx import read_docx
from tagger.reading.limits import Limits
from tagger.reading.ole import read_ole
from tagger.reading.ole.libreoffice import as_docx
from tagger.reading.ole.properties import DELETED, HIDDEN
from tagger.records import Source

FILES = Path(__file__).parent / "files" / "ole"
SOFFICE = shutil.which("soffice")
REPORT = (FILES / "report.doc").read_bytes()
SAMPLES = sorted(path.stem for path in FILES.glob("*.doc"))


@pytest.fixture(autouse=True)
def no_libreoffice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Our own reader is tested; it would have LibreOffice try what it cannot read."""
    monkeypatch.setattr(shutil, "which", lambda name: None)


def shown(source: Source) -> list[str]:
    """Level, place and text of each line, as in the expected files."""
    return [
        f"{'' if line.level is None else line.level}|{line.place}|{source.text[line.start : line.end]}"
        for line in source.lines
    ]


def texts(source: Source) -> list[str]:
    return [source.text[line.start : line.end] for line in source.lines]


@pytest.mark.parametrize("name", SAMPLES)
def test_files_that_libreoffice_wrote(name: str) -> None:
    source = read_ole(name, (FILES / f"{name}.doc").read_bytes())
    assert shown(source) == (FILES / f"{name}.txt").read_text("utf-8").splitlines()


def test_there_are_samples() -> None:
    assert {"report", "notes"} <= set(SAMPLES)


# Files made by hand


def compound(streams: Mapping[str, bytes]) -> bytes:
    """An OLE2 container of streams at the top, each of 4096 bytes or more."""
    sectors: list[bytes] = []
    table: list[int] = []

    def add(content: bytes) -> int:
        first, count = len(sectors), max(1, -(-len(content) // 512))
        sectors.extend(content[512 * number :][:512].ljust(512, b"\0") for number in range(count))
        table.extend([*range(first + 1, first + count), 0xFFFFFFFE])
        return first

    def entry(name: str, kind: int, child: int, sibling: int, first: int, size: int) -> bytes:
        spelled = name.encode("utf-16-le")
        links = struct.pack("<3I", 0xFFFFFFFF, sibling, child)
        head = spelled.ljust(64, b"\0") + struct.pack("<HBB", len(spelled) + 2, kind, 1) + links
        return head + bytes(36) + struct.pack("<IQ", first, size)

    names = sorted(streams, key=lambda name: (len(name), name.upper()))
    entries = [entry("Root Entry", 5, 1, 0xFFFFFFFF, 0xFFFFFFFE, 0)]
    for number, name in enumerate(names, start=1):
        content = streams[name].ljust(4096, b"\0")
        sibling = number + 1 if number < len(names) else 0xFFFFFFFF
        entries.append(entry(name, 2, 0xFFFFFFFF, sibling, add(content), len(content)))
    directory = add(b"".join(entries))
    fat = len(sectors)
    packed = struct.pack("<128I", *(table + [0xFFFFFFFD] + [0xFFFFFFFF] * 128)[:128])
    header = ole_header(directory, fat)
    return b"".join([header, *sectors, packed])


def ole_header(directory: int, fat: int) -> bytes:
    head = olefile.MAGIC + bytes(16) + struct.pack("<5H", 0x3E, 3, 0xFFFE, 9, 6) + bytes(10)
    numbers = struct.pack("<7I", 1, directory, 0, 4096, 0xFFFFFFFE, 0, 0xFFFFFFFE)
    return head + numbers + struct.pack("<110I", 0, fat, *[0xFFFFFFFF] * 108)


def word(
    pieces: Sequence[bytes],
    *,
    narrow: Sequence[bool],
    main_characters: int | None = None,
    flags: int = 0x200,
    version: int = 193,
    unseen: tuple[int, int, int] | None = None,
) -> bytes:
    """A Word file of pieces of text, narrow (cp1252) or UTF-16; `unseen` are bytes from, to, and their property."""
    text_place = 1024
    main = bytearray(text_place)
    bounds, descriptions = [0], b""
    for piece, is_narrow in zip(pieces, narrow, strict=True):
        place = len(main)
        main += piece
        bounds.append(bounds[-1] + len(piece) // (1 if is_narrow else 2))
        descriptions += struct.pack("<HIH", 0, place * 2 | 0x40000000 if is_narrow else place, 0)
    plc = struct.pack(f"<{len(bounds)}I", *bounds) + descriptions
    prefix = b"\x01\x03\x00abc"  # left by a fast save
    table = prefix + b"\x02" + struct.pack("<I", len(plc)) + plc
    struct.pack_into("<HH", main, 0, 0xA5EC, version)
    struct.pack_into("<H", main, 10, flags)
    struct.pack_into("<I", main, 76, bounds[-1] if main_characters is None else main_characters)
    struct.pack_into("<II", main, 0x1A2, 0, len(table))
    if unseen:
        main += bytes(-len(main) % 512)
        page = struct.pack("<II", text_place + unseen[0], text_place + unseen[1]) + b"\x08"
        page = page.ljust(16, b"\0") + struct.pack("<BHB", 3, unseen[2], 1)
        runs = struct.pack("<III", 0, len(main), len(main) // 512)
        struct.pack_into("<II", main, 0xFA, len(table), len(runs))
        main += page.ljust(511, b"\0") + b"\x01"
        table += runs
    return compound({"WordDocument": bytes(main), "1Table" if flags & 0x200 else "0Table": table})


def wide(text: str, **options: object) -> bytes:
    return word([text.encode("utf-16-le")], narrow=[False], **options)  # type: ignore[arg-type]


def test_pieces_of_both_widths_in_the_order_of_the_table() -> None:
    content = word(
        ["关于".encode("utf-16-le"), b"\x93Word\x94\x85 caf\xe9 ", "的报告。😀\r".encode("utf-16-le")],
        narrow=[False, True, False],
    )
    assert texts(read_ole("a.doc", content)) == ["关于“Word”… café 的报告。😀"]


@pytest.mark.parametrize("flags", [0, 0x200])
def test_either_table_stream(flags: int) -> None:
    assert texts(read_ole("a.doc", wide("一段。\r", flags=flags))) == ["一段。"]


def test_fields_show_their_results() -> None:
    text = "见\x13 HYPERLINK \x13 x \x14y\x15 \x01\x14公开\x13PAGE\x14三\x15网站\x15。\x13TC 无\x15完\r"
    text += "一个\x14多余\x15的\x13记号\r"
    assert texts(read_ole("a.doc", wide(text))) == ["见公开三网站。完", "一个多余的记号"]


def test_cells_breaks_and_special_characters() -> None:
    text = "甲\x07乙\x07后\r上\x0b下\t右\x0c新页\x01\x02\x05\x08\x1e\x1f\r末"
    source = read_ole("a.doc", wide(text))
    assert texts(source) == ["甲", "乙", "后", "上", "下\t右", "新页-", "末"]
    assert [line.place for line in source.lines][:3] == ["表1第1行第1列", "表1第1行第2列", ""]


def test_only_the_main_text_is_read() -> None:
    assert texts(read_ole("a.doc", wide("正文\x02。\r脚注。\r", main_characters=5))) == ["正文。"]


@pytest.mark.parametrize("code", [DELETED, HIDDEN])
def test_deleted_and_hidden_text_is_left_out_but_not_ends_of_paragraphs(code: int) -> None:
    content = wide("留下删去\r后面\r", unseen=(4, 12, code))
    assert texts(read_ole("a.doc", content)) == ["留下", "面"]


# What is refused


@pytest.mark.parametrize(
    ("streams", "message"),
    [
        (["Workbook"], "Excel"),
        (["PowerPoint Document"], "PowerPoint"),
        (["CONTENTS"], "旧版 WPS"),
        (["Irgendwas"], "不认识的旧格式"),
    ],
)
def test_other_kinds_are_named(streams: list[str], message: str) -> None:
    with pytest.raises(FormatError, match=message) as raised:
        read_ole("a.doc", compound(dict.fromkeys(streams, b"x")))
    assert ".docx" in str(raised.value)


def test_encrypted_files() -> None:
    for content in (wide("密\r", flags=0x300), compound({"EncryptedPackage": b"x", "EncryptionInfo": b"x"})):
        with pytest.raises(InputError, match="已加密") as raised:
            read_ole("a.doc", content)
        assert ".docx" in str(raised.value)


def test_a_stream_that_is_no_word_text() -> None:
    with pytest.raises(FormatError, match="不是 Word 的二进制格式"):
        read_ole("a.doc", compound({"WordDocument": bytes(4096), "1Table": b""}))


def test_too_long_a_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tagger.reading.limits.DEFAULT", Limits(characters=3))
    with pytest.raises(InputError, match="文字太多"):
        read_ole("a.doc", wide("一二三四\r"))


def test_damage_is_reported() -> None:
    content = REPORT
    for part in (content[:100], content[:2000], content[: len(content) // 2], wide("短\r", main_characters=9999)):
        with pytest.raises(InputError, match="损坏"):
            read_ole("a.doc", part)


@settings(max_examples=60)
@example([(530, 0)])
@given(st.lists(st.tuples(st.integers(0, 24063), st.integers(0, 255)), min_size=1, max_size=8))
def test_a_spoilt_document_is_read_or_refused(changes: list[tuple[int, int]]) -> None:
    content = bytearray(REPORT)
    for place, value in changes:
        content[place % len(content)] = value
    try:
        read_ole("坏.doc", bytes(content))
    except InputError as error:
        assert "请" in str(error)


# Word 95, by way of LibreOffice


def test_word_95_without_libreoffice() -> None:
    with pytest.raises(FormatError, match="Word 95") as raised:
        read_ole("a.doc", wide("旧\r", version=104))
    assert ".docx" in str(raised.value)


def script(folder: Path, monkeypatch: pytest.MonkeyPatch, commands: str) -> None:
    """Put a program of these commands in the place of LibreOffice."""
    program = folder / "soffice"
    program.write_text(f"#!/bin/sh\n{commands}\n")
    program.chmod(0o755)
    monkeypatch.setattr(shutil, "which", lambda name: str(program))


def test_libreoffice_that_makes_nothing_or_never_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(tmp_path, monkeypatch, "exit 1")
    with pytest.raises(InputError, match="Word 95"):
        read_ole("a.doc", wide("旧\r", version=104))
    script(tmp_path, monkeypatch, "sleep 600")
    monkeypatch.setattr("tagger.reading.limits.DEFAULT", Limits(seconds=1))
    with pytest.raises(InputError, match="还没有完"):
        read_ole("a.doc", wide("旧\r", version=104))


def test_what_libreoffice_makes_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from docx import Document

    document, result = Document(), io.BytesIO()
    document.add_paragraph("旧文件的文字。")
    document.save(result)
    (tmp_path / "made.docx").write_bytes(result.getvalue())
    script(tmp_path, monkeypatch, f'cp "{tmp_path}/made.docx" "$8/document.docx"')
    assert texts(read_ole("a.doc", wide("旧\r", version=104))) == ["旧文件的文字。"]
    assert texts(read_ole("a.doc", wide("短\r", main_characters=9999))) == ["旧文件的文字。"]  # where ours fails


@pytest.mark.skipif(SOFFICE is None, reason="需要 LibreOffice（soffice）")
def test_the_real_libreoffice_converts_word_files_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: SOFFICE)
    assert "全年开展主题党日12次，发展党员3名。" in texts(read_docx("a.docx", as_docx("report.doc", REPORT) or b""))
    assert as_docx("a.doc", olefile.MAGIC + "不是 Word 文件".encode() * 99) is None
