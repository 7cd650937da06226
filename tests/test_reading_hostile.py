"""Whatever a file holds and however it is called: a document or a sentence in Chinese, within time and memory.

Every reader gets the same treatment; what only one format can do to us is tested with its reader.
"""

from __future__ import annotations

import faulthandler
import io
import os
import shutil
import socket
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import fields
from email.message import EmailMessage
from pathlib import Path

import pytest
from docx import Document
from hypothesis import given, settings
from hypothesis import strategies as st

from tagger.errors import InputError, UsageError
from tagger.reading import read, read_all, read_all_content, read_content
from tagger.reading.limits import Limits, limits
from tagger.records import Source

FILES = Path(__file__).parent / "files"
SECONDS = 60  # for one test: a reader that hangs ends the run with the place where it hangs
TEXT = "一、抓党建\n全年开展主题党日12次，发展党员3名。\n"


def word_document() -> bytes:
    document, target = Document(), io.BytesIO()
    document.add_heading("年度总结", level=1)
    document.add_paragraph("全年开展主题党日12次，发展党员3名。")
    document.add_table(rows=1, cols=2).cell(0, 0).text = "指标"
    document.save(target)
    return target.getvalue()


def mail() -> bytes:
    message = EmailMessage()
    message.set_content(TEXT)
    message.add_attachment(TEXT.encode("gb18030"), maintype="text", subtype="plain", filename="报告.txt")
    return message.as_bytes()


def archive() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("里面/报告.txt", TEXT)
        packed.writestr("里面/方案.docx", word_document())
    return target.getvalue()


SAMPLES = {
    ".docx": word_document(),
    ".doc": (FILES / "ole" / "report.doc").read_bytes(),
    ".pdf": (FILES / "pdf" / "plan.pdf").read_bytes(),
    ".ofd": (FILES / "ofd" / "easyofd.ofd").read_bytes(),
    ".rtf": (FILES / "rtf" / "libreoffice.rtf").read_bytes(),
    ".html": (FILES / "html" / "gov_gbk.html").read_bytes(),
    ".mhtml": (FILES / "html" / "chromium_gbk.mhtml").read_bytes(),
    ".txt": TEXT.encode("gb18030"),
    ".md": f"# 总结\n{TEXT}".encode(),
    ".zip": archive(),
    ".eml": mail(),
}
MAGICS = {
    ".docx": b"PK\x03\x04",
    ".doc": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    ".pdf": b"%PDF-1.7\n",
    ".ofd": b"PK\x03\x04",
    ".rtf": b"{\\rtf1\\ansi ",
    ".html": b"<html><body><p>",
    ".mhtml": b"MIME-Version: 1.0\nContent-Type: multipart/related; boundary=x\n\n--x\n",
    ".txt": b"\xff\xfe",
    ".md": b"\xef\xbb\xbf# ",
    ".zip": b"PK\x05\x06",
    ".eml": b"Content-Type: text/html; charset=gb2312\n\n",
}
every_reader = pytest.mark.parametrize("suffix", SAMPLES)


@pytest.fixture(autouse=True)
def guarded(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Ends what hangs; no network, and no program (LibreOffice is tested with the reader that calls it)."""

    def refused(*arguments: object, **options: object) -> None:
        raise AssertionError(f"a reader goes out: {arguments} {options}")

    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr(subprocess, "Popen", refused)
    for name in ("socket", "create_connection", "getaddrinfo"):
        monkeypatch.setattr(socket, name, refused)
    faulthandler.dump_traceback_later(SECONDS, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


def check(name: str, content: bytes) -> None:
    """Whatever comes of it, it is documents with sound lines, or sentences."""
    for each in read_all_content(name, content):
        if isinstance(each, Source):
            each.text.encode("utf-8")
            assert all(each.text[line.start : line.end].strip() for line in each.lines)
            assert all(before.end <= line.start for before, line in zip(each.lines, each.lines[1:], strict=False))
        else:
            assert isinstance(each, InputError)
            assert "请" in str(each)
            assert "\n" not in str(each)


# Contents


@every_reader
def test_samples_are_read_without_a_trace_beside_them(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"文件{suffix}"
    path.write_bytes(SAMPLES[suffix])
    before = path.stat().st_mtime_ns
    assert [each for each in read_all(path) if isinstance(each, Source) and each.lines]
    assert [each.name for each in tmp_path.iterdir()] == [path.name]
    assert path.stat().st_mtime_ns == before


@every_reader
def test_samples_are_known_under_another_name(suffix: str) -> None:
    if suffix not in {".html", ".mhtml", ".eml", ".md"}:
        right = [each.text for each in read_all_content(f"a{suffix}", SAMPLES[suffix]) if isinstance(each, Source)]
        other = [each.text for each in read_all_content("没有后缀", SAMPLES[suffix]) if isinstance(each, Source)]
        assert right == other


@every_reader
def test_an_empty_file(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"空{suffix}"
    path.touch()
    with pytest.raises(InputError, match="是空文件"):
        read(path)


@every_reader
def test_truncated_files(suffix: str) -> None:
    content = SAMPLES[suffix]
    for number in range(25):
        check(f"截断{suffix}", content[: 1 + len(content) * number // 25])
    check(f"截断{suffix}", content[:-1])


@every_reader
@settings(max_examples=25)
@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=12))
def test_flipped_bytes(suffix: str, changes: list[tuple[int, int]]) -> None:
    content = bytearray(SAMPLES[suffix])
    for place, value in changes:
        content[place % len(content)] = value
    check(f"坏{suffix}", bytes(content))


@every_reader
@settings(max_examples=25)
@given(st.binary(max_size=2000))
def test_anything_behind_the_right_beginning(suffix: str, content: bytes) -> None:
    check(f"乱{suffix}", MAGICS[suffix] + content)


@every_reader
@pytest.mark.parametrize("other", [".docx", ".doc", ".pdf", ".zip"])
def test_wrong_suffixes(suffix: str, other: str) -> None:
    check(f"错{other}", SAMPLES[suffix])


# Names


@pytest.mark.parametrize(
    "name", ["两\n行.txt", "制\t表\x1b[31m.txt", "表情😀.txt", "\u202etxt.exe.txt", "坏\udcff.txt"]
)
def test_names_with_any_character(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    with pytest.raises(InputError) as raised:
        read(path)
    assert "\n" not in str(raised.value)
    path.write_text(TEXT, encoding="utf-8")
    source = read(path)
    assert source.name.encode("utf-8")
    assert len(source.name.splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("无.txt", "没有这个文件"),
        ("文件.txt/里面.txt", "没有这个文件"),
        ("圈.txt", "链接绕成了圈"),
        ("长" * 400, "名字太长"),
        ("空\0字符.txt", "路径里有空字符"),
        ("管道.txt", "是设备或管道"),
        ("", "是打不开的文件夹"),
    ],
)
def test_what_is_no_file(name: str, found: str, tmp_path: Path) -> None:
    (tmp_path / "文件.txt").write_text(TEXT, encoding="utf-8")
    (tmp_path / "圈.txt").symlink_to(tmp_path / "圈.txt")
    os.mkfifo(tmp_path / "管道.txt")
    with pytest.raises(InputError) as raised:
        read(tmp_path / name)
    assert raised.value.found.startswith(found) or found in raised.value.found


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root 什么都打得开")
def test_a_file_that_is_closed_to_us(tmp_path: Path) -> None:
    path = tmp_path / "密.txt"
    path.write_text(TEXT, encoding="utf-8")
    path.chmod(0)
    with pytest.raises(InputError, match="没有权限"):
        read(path)


# Limits


def test_a_file_that_is_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tagger.reading.limits.DEFAULT", Limits(file_bytes=10))
    path = tmp_path / "大.txt"
    path.write_text(TEXT, encoding="utf-8")
    with pytest.raises(InputError, match="TAGGER_LIMITS"):
        read(path)


@pytest.mark.parametrize(("limit", "found"), [("characters", "文字太多"), ("lines", "段落太多")])
def test_a_text_that_is_too_long(limit: str, found: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tagger.reading.limits.DEFAULT", Limits(**{limit: 1}))
    for suffix in (".txt", ".docx", ".html", ".rtf"):
        with pytest.raises(InputError, match=found):
            read_content(f"a{suffix}", SAMPLES[suffix])


def test_the_environment_sets_the_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAGGER_LIMITS", "2.5")
    assert (limits().pages, limits().characters) == (5000, 25_000_000)
    monkeypatch.delenv("TAGGER_LIMITS")
    assert limits() == Limits()
    for spelled in ("0", "-1", "nan", "inf", "很多"):
        monkeypatch.setenv("TAGGER_LIMITS", spelled)
        with pytest.raises(UsageError, match="大于 0 的数"):
            limits()


# Memory: files that come just below a limit, or far above it. All limits are a tenth, and so must the memory be


def packed(**parts: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as package:
        for name, part in parts.items():
            package.writestr(name.replace("_", "/").replace("0", "."), part)
    return target.getvalue()


def word(body: bytes) -> bytes:
    names = b'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    return packed(word_document0xml=b"<w:document " + names + b"><w:body>" + body + b"</w:body></w:document>")


def page(body: bytes) -> bytes:
    root = b"<OFD><DocBody><DocRoot>D.xml</DocRoot></DocBody></OFD>"
    return packed(OFD0xml=root, D0xml=b'<D><Pages><Page BaseLoc="P.xml"/></Pages></D>', P0xml=body)


def drawing(body: bytes) -> bytes:
    head = b"%PDF-1.7\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Count 1/Kids[3 0 R]>>endobj "
    head += b"3 0 obj<</Type/Page/Parent 2 0 R/Contents 4 0 R>>endobj 4 0 obj<</Length "
    return head + b"%d>>stream\n%b\nendstream endobj trailer<</Root 1 0 R/Size 5>>\n" % (len(body), body)


TENTH = Limits(**{field.name: getattr(Limits(), field.name) // 10 for field in fields(Limits)})
BOMBS = {
    "characters.txt": lambda: "😀".encode() * (TENTH.characters - 1),
    "elements.html": lambda: b"<p>a" * (TENTH.elements // 2 - 9),
    "headers.html": lambda: b"a:b\n" * (TENTH.part_bytes // 4),
    "elements.docx": lambda: word(b"<a/>" * (2 * TENTH.elements - 99)),
    "attributes.docx": lambda: word(b'<w:p w:a=""/>' * (TENTH.elements // 2)),
    "elements.ofd": lambda: page(b"<a>" + b"<a/>" * (2 * TENTH.elements - 99) + b"</a>"),
    "bytes.pdf": lambda: drawing(b"q\n" * (TENTH.elements // 2 - 9)) + b"%" * (TENTH.file_bytes - 2**20),
    "tokens.rtf": lambda: b"{\\rtf1 " + b"\\par a" * (TENTH.elements // 2 - 9) + b"}",
    "lines.eml": lambda: b"Subject: x\n\n" + b"a\n" * (TENTH.elements - 9),
    "bytes.doc": lambda: SAMPLES[".doc"] + bytes(TENTH.file_bytes - 2**20),
}
MEASURE = """
import resource, sys
from tagger.reading import docx, html, ofd, ole, pdf, read_all, rtf, text
from tagger.reading.archive import read_archive
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
for path in sys.argv[1:]:
    before = peak()
    for each in read_all(path): pass
    print(peak() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="Linux 才以 KB 计内存的峰值")
@pytest.mark.parametrize("name", BOMBS)
def test_memory(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()  # the measuring process is one that we start
    path = tmp_path / name
    path.write_bytes(BOMBS[name]())
    command = [sys.executable, "-c", MEASURE, str(path)]
    environment = {**os.environ, "TAGGER_LIMITS": "0.1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=SECONDS, check=True)
    assert int(done.stdout) < 2**30 // 10
