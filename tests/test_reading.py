"""Files in: encodings, which reader comes, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagger.errors import FormatError, InputError
from tagger.reading import read, read_content
from tagger.reading.text import decode
from tagger.records import Source

TEXT = "一、抓党建\r\n开展“三会一课”十二次。\n"


def texts(source: Source) -> list[str]:
    return [source.text[line.start : line.end] for line in source.lines]


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "gb18030", "gbk", "utf-32"]
)
def test_text_in_every_usual_encoding(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "报告.txt"
    path.write_bytes(TEXT.encode(encoding))
    assert texts(read(path)) == ["一、抓党建", "开展“三会一课”十二次。"]


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", bytes(range(256)) * 9, b"\x00\x01\x02" * 50, b"\x81"])
def test_bytes_that_are_no_text_are_refused(content: bytes) -> None:
    with pytest.raises(FormatError, match="不是文本，或编码不明"):
        decode("乱码.txt", content)


@given(st.text(alphabet=st.characters(blacklist_categories=["Cs", "Cc", "Co", "Cn"]), min_size=1))
def test_utf8_loses_nothing(text: str) -> None:
    assert decode("x", text.encode("utf-8")) == text.removeprefix("\ufeff")


@given(st.text(alphabet="党支部开展主题党日活动，发展党员3名。A"))
def test_gb18030_loses_nothing(text: str) -> None:
    text = f"某乡总结：{text}"  # a few characters alone may be bytes of UTF-8 as well
    assert decode("x", text.encode("gb18030")) == text


def test_big5_is_refused_and_not_read_as_nonsense() -> None:
    with pytest.raises(FormatError, match="编码不明"):
        decode("x.txt", "黨支部開展主題黨日活動，嚴格執行三會一課制度".encode("big5"))


def test_markdown_marks_give_levels_and_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "报告.md"
    path.write_text("# 年度总结\n\n## 一、党建\n支部换届完成。\n---\n", encoding="utf-8")
    source = read(path)
    assert texts(source) == ["年度总结", "一、党建", "支部换届完成。"]
    assert [line.level for line in source.lines] == [0, 1, None]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.xyz", "文字".encode(), "不是认识的格式"),
        ("a.docx", "其实是文字".encode(), "不是认识的格式"),
    ],
)
def test_kinds_that_are_not_supported_say_what_to_do(name: str, content: bytes, message: str) -> None:
    with pytest.raises(FormatError, match=message) as raised:
        read_content(name, content)
    assert "请" in str(raised.value)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100)),
        ("a.pdf", b"%PDF-1.7"),
        ("a.ofd", b"PK\x03\x04 broken"),
    ],
)
def test_the_bytes_choose_the_reader_and_damage_is_said(name: str, content: bytes) -> None:
    with pytest.raises(InputError, match="请"):
        read_content(name, content)


@pytest.mark.parametrize("name", ["pdf/plan.pdf", "ole/report.doc", "ofd/easyofd.ofd", "rtf/libreoffice.rtf"])
def test_samples_are_known_by_their_content_whatever_their_name(root: Path, name: str) -> None:
    sample = root / "tests" / "files" / name
    expected = sample.with_suffix(".txt").read_text("utf-8").splitlines()[0].rpartition("|")[2]
    assert "".join(texts(read_content("没有后缀", sample.read_bytes()))[0].split()) == "".join(expected.split())


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="没有这个文件"):
        read(tmp_path / "无.txt")
    with pytest.raises(InputError, match="文件夹"):
        read(tmp_path)
