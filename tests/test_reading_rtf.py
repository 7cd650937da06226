"""RTF in: what LibreOffice writes, GBK and Unicode, tables, numbers, text boxes, and what is left out or refused."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tagger.errors import FormatError, InputError
from tagger.reading.limits import Limits
from tagger.reading.rtf import read_rtf
from tagger.records import Source

FILES = Path(__file__).parent / "files" / "rtf"
SAMPLE = (FILES / "libreoffice.rtf").read_bytes()


def shown(source: Source) -> list[str]:
    """Lines as the expected files hold them: level or place before a bar, if there is one."""
    marks = [str(line.level) if line.level is not None else line.place and "@" + line.place for line in source.lines]
    texts = [source.text[line.start : line.end] for line in source.lines]
    return [f"{mark}|{text}" if mark else text for mark, text in zip(marks, texts, strict=True)]


def texts(body: str | bytes, head: str = r"\ansi\ansicpg936") -> list[str]:
    content = body.encode("ascii") if isinstance(body, str) else body
    return shown(read_rtf("a.rtf", b"{\\rtf1" + head.encode("ascii") + b"\n" + content + b"}"))


def escaped(text: str, encoding: str = "gb18030") -> str:
    return "".join(f"\\'{byte:02x}" for byte in text.encode(encoding))


def test_a_file_that_libreoffice_wrote() -> None:
    assert shown(read_rtf("a.rtf", SAMPLE)) == (FILES / "libreoffice.txt").read_text("utf-8").splitlines()


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (r"\ansi\ansicpg936", escaped("党建")),
        (r"\ansi\ansicpg936{\fonttbl{\f0\fcharset0 Calibri;}}\deff0", escaped("党建")),  # as WPS and old tools write
        (r"\ansi\ansicpg1252{\fonttbl{\f0 A;}{\f1\fnil\fcharset134 SimSun{\*\falt B};}}", "\\f1 " + escaped("党建")),
        (r"\ansi\ansicpg1252{\fonttbl{\f1\fnil\fcharset134 SimSun;}}\deff1", "\\plain " + escaped("党建")),
        (r"\ansi{\fonttbl{\f2\fcharset136 MingLiU;}}", "{\\f2 " + escaped("党建", "big5") + "}"),
        (r"\ansi\ansicpg65001", escaped("党建", "utf-8")),
        (r"\ansi", r"\u20826?\u24314?"),
        (r"\ansi", r"\u20826\u24314"),
        (r"\ansi", r"\uc2\u20826\'b5\'b3\u24314\'bd\'a8"),
        (r"\ansi", r"\uc0\u20826\u24314"),
        (r"\ansi", r"{\upr{??}{\*\ud\u20826?\u24314?}}"),
    ],
)
def test_chinese_in_every_usual_spelling(head: str, body: str) -> None:
    assert texts(body + r"\par", head) == ["党建"]


def test_raw_bytes_second_bytes_like_letters_and_stray_western_letters() -> None:
    assert texts("“三会一课”，琰".encode("gbk")) == ["“三会一课”，琰"]
    assert texts(r"\'ac" + "a") == [b"\xaca".decode("gbk")]
    assert texts(r"20\'b0C", r"\ansi\ansicpg1252") == ["20°C"]
    assert texts(r"\u-10179?\u-9080?\u-10179?.") == ["\U0001f488."]


@pytest.mark.parametrize(
    "body",
    [
        r"a{\v hidden}b",
        r"a\v hidden\v0 b",
        r"a\v hidden\plain b",
        r"a{\deleted old}{\revised b}",
        r"a{\*\unknown text{more}}b",
        r"{\header head\par}{\footerr foot\par}ab",
        r"a{\footnote note}b",
        r"a{\field{\*\fldinst HYPERLINK http://example.org}{\fldrslt b}}",
        r"a{\pict\wmetafile8 0100ff}b",
        r"{\info{\title t}{\author x}}ab",
        r"a\-b",
        "a\r\nb",
    ],
)
def test_what_word_does_not_show_is_left_out(body: str) -> None:
    assert texts(body) == ["ab"]


def test_binary_pictures_are_skipped() -> None:
    assert texts(b"a{\\pict\\bin7 }{\\par\\x}b") == ["ab"]


def test_levels_come_from_paragraphs_and_styles() -> None:
    styles = r"{\stylesheet{\ql Normal;}{\s1\outlinelevel0 Heading A;}{\s2\sbasedon1 B;}{\s3 heading 2;}"
    styles += r"{\s4 " + escaped("标题") + r";}{\s5\sbasedon6 C;}{\s6\sbasedon5 D;}{\*\cs7 heading 9;}}"
    body = r"\pard\s4 T\par\pard\s1 a\par\pard\s2 b\par\pard\s3 c\par\pard\outlinelevel3 d\par\pard e\par\pard\s5 f\par"
    assert texts(styles + body) == ["0|T", "1|a", "1|b", "2|c", "4|d", "e", "f"]


def test_numbers_are_kept_and_bullets_are_not() -> None:
    fonts = r"{\fonttbl{\f0\fcharset134 A;}{\f3\fcharset2 Wingdings;}}"
    body = r"{\listtext\pard\plain\f0 " + escaped("一、") + r"\tab}a\par{\pntext 2.\tab}b\par{\listtext\f3 n\tab}c\par"
    body += r"{\listtext\'b7\tab}d\par{\listtext\hich\af2 o\tab}e\par{\listtext 3.}\par"
    assert texts(fonts + body) == ["一、a", "2.b", "c", "d", "e"]


def test_tables_nested_cells_and_text_boxes() -> None:
    row = r"\trowd\cellx100\pard\intbl a\par b\cell c\cell\row"
    nested = (
        r"\trowd\pard\intbl\itap2 x\nestcell{\*\nesttableprops\trowd\nestrow}{\nonesttables\par}\pard\intbl y\cell\row"
    )
    box = r"t{\shp{\*\shpinst{\sp{\sn n}{\sv v}}{\shptxt \pard 1\par 2\par}}{\shprslt{\*\do{\dptxbxtext 3}}}}u\par"
    assert texts(row + nested + r"\pard " + box + row) == [
        "@表1第1行第1列|a",
        "@表1第1行第1列|b",
        "@表1第1行第2列|c",
        "@表1第2行第1列|x",
        "@表1第2行第1列|y",
        "tu",
        "@文本框|1",
        "@文本框|2",
        "@表2第1行第1列|a",
        "@表2第1行第1列|b",
        "@表2第1行第2列|c",
    ]


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04", b"{\\rt"])
def test_other_files_are_refused(content: bytes) -> None:
    with pytest.raises(FormatError, match="不是 RTF"):
        read_rtf("a.rtf", content)


@pytest.mark.parametrize(
    "content",
    [
        SAMPLE[: len(SAMPLE) // 2],
        b"{\\rtf1 text",
        b"{\\rtf1 \\bin99999 x}",
        b"{\\rtf1" + b"{" * 100_000,
        b"{\\rtf1\\ansicpg936 " + b"\\'ff" * 20 + b"}",
    ],
)
def test_damaged_files_are_refused(content: bytes) -> None:
    with pytest.raises(InputError, match="完整"):
        read_rtf("a.rtf", content)


def test_endless_files_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tagger.reading.limits.DEFAULT", Limits(elements=50, characters=9))
    with pytest.raises(InputError, match="格式太多"):
        read_rtf("a.rtf", b"{\\rtf1" + b"\\a" * 100 + b"}")
    with pytest.raises(InputError, match="文字太多"):
        read_rtf("a.rtf", b"{\\rtf1 " + b"a" * 100 + b"}")


def test_deep_groups_many_boxes_and_long_chains_of_styles_take_no_longer() -> None:
    start = time.process_time()
    chain = "".join(f"{{\\s{number}\\sbasedon{number + 1} x;}}" for number in range(5_000))
    assert len(texts(r"{\stylesheet" + chain + r"}\pard\s1 " + r"a\par " * 5_000)) == 5_000
    read_rtf("a.rtf", b"{\\rtf1" + b"{\\shptxt x" * 9_000 + b"\\par" * 9_000 + b"}" * 9_001)
    assert time.process_time() - start < 5


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, len(SAMPLE) - 1), st.binary(max_size=3)), min_size=1, max_size=4))
@example([(0, b"")])
def test_a_spoilt_file_is_read_or_refused(changes: list[tuple[int, bytes]]) -> None:
    content = SAMPLE
    for position, put in changes:
        content = content[:position] + put + content[position + 1 :]
    try:
        source = read_rtf("坏.rtf", content)
    except InputError as error:
        assert "请" in str(error)
    else:
        source.text.encode("utf-8")
        assert all(source.text[line.start : line.end].strip() for line in source.lines)


@given(st.text(st.characters(codec="gb18030", exclude_categories=["Cc", "Zl", "Zp", "Zs"]), min_size=1, max_size=20))
def test_any_text_in_gb18030_comes_back(text: str) -> None:
    assert texts(escaped(text)) == [text]
