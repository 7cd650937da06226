"""Web pages in: the article without what surrounds it, encodings, tables, titles, and what is refused."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagger.errors import FormatError, InputError
from tagger.reading.html import read_html
from tagger.reading.limits import Limits
from tagger.records import Source

FILES = Path(__file__).parent / "files" / "html"
PROSE = "全镇坚持依法行政，推进普法宣传，化解矛盾纠纷，成效明显。群众满意度逐年提升，安全形势持续平稳。"
CHROMIUM = shutil.which("chromium")


def shown(source: Source) -> list[str]:
    """Lines as the expected files hold them: level or place before a bar, if there is one."""
    marks = [str(line.level) if line.level is not None else line.place and "@" + line.place for line in source.lines]
    texts = [source.text[line.start : line.end] for line in source.lines]
    return [f"{mark}|{text}" if mark else text for mark, text in zip(marks, texts, strict=True)]


def lines(markup: str) -> list[str]:
    return shown(read_html("a.html", markup.encode("utf-8")))


def expected(name: str) -> list[str]:
    return (FILES / name).read_text("utf-8").splitlines()


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("gov_gbk.html", "gov_gbk.txt"),  # by hand, as sites of counties and towns: tables for layout, GBK
        ("chromium_gbk.mhtml", "gov_gbk.txt"),  # the same, saved by Chromium
        ("modern_utf8.html", "modern_utf8.txt"),  # by hand, with the elements of HTML 5
        ("no_article.html", "no_article.txt"),  # a list of links: all that it shows
        ("libreoffice.html", "libreoffice.txt"),  # a document that LibreOffice wrote as a page
    ],
)
def test_pages_give_their_lines(page: str, text: str) -> None:
    assert shown(read_html(page, (FILES / page).read_bytes())) == expected(text)


@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")
def test_what_chromium_makes_of_a_page_reads_the_same(tmp_path: Path) -> None:
    options = ["--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}", "--dump-dom"]
    page = (FILES / "modern_utf8.html").as_uri()
    dumped = subprocess.run([str(CHROMIUM), *options, page], capture_output=True, timeout=60, check=False).stdout
    if not dumped:
        pytest.skip("chromium does not start here")
    assert shown(read_html("a.html", dumped)) == expected("modern_utf8.txt")


@pytest.mark.parametrize(
    ("encoding", "declaration"),
    [
        ("gb18030", '<meta charset="gb2312">'),
        ("gbk", "<meta http-equiv='Content-Type' content='text/html; charset=gb2312' />"),
        ("gbk", ""),
        ("gbk", '<meta charset="iso-8859-1">'),
        ("utf-8", ""),
        ("utf-8", '<meta charset="gbk">'),  # saved anew by an editor
        ("utf-8-sig", '<meta charset="gbk">'),
        ("utf-16", '<meta charset="gbk">'),
        ("utf-8", '<?xml version="1.0" encoding="utf-8"?>'),
        ("big5hkscs", "<meta charset=Big5>"),
    ],
)
def test_encodings(encoding: str, declaration: str) -> None:
    text = "全鎮開展法治宣傳。" if encoding == "big5hkscs" else "全镇开展“法治”宣传。"
    source = read_html("a.html", f"{declaration}<html><body><p>{text}".encode(encoding))
    assert shown(source) == [text]


@pytest.mark.parametrize(
    "line",
    [
        "责任编辑：王小明",
        "【打印本页】 【关闭窗口】",
        "[打印] [关闭]",
        "来源：清河镇人民政府 发布时间：2024-01-15",
        "发布日期: 2024-01-15 字体：大 中 小",
        "上一篇：没有了",
        "当前位置：首页 > 工作动态",
        "您现在的位置： 首页",
        "冀ICP备05000001号",
        "版权所有 清河县人民政府",
        "相关链接：",
    ],
)
def test_lines_of_the_site_are_left_out(line: str) -> None:
    assert lines(f"<div><p>{PROSE}</p><p>{line}</p></div>") == [PROSE]


@pytest.mark.parametrize(
    "line",
    [
        "来源于群众，服务于群众。",
        "打印机采购项目已完成。",
        "编辑：" + PROSE * 2,  # too long for a line of the site
        "日期：2024年1月12日",
        "相关链接平台建设有序推进。",
        "清河镇人民政府",
    ],
)
def test_lines_of_the_article_that_look_alike_are_kept(line: str) -> None:
    assert lines(f"<div><p>{PROSE}</p><p>{line}</p></div>") == [PROSE, line]


def test_an_article_in_parts_is_kept_whole_and_menus_are_not() -> None:
    menu = "<ul>" + "<li><a href=x>清河县人民政府召开常务会议</a></li>" * 9 + "</ul>"
    parts = f"<div><div><p>开头一句话。</p></div><div><p>{PROSE}</p><p>{PROSE}</p></div><div>清河镇</div></div>"
    assert lines(f"<body>{menu}<div>{parts}</div>{menu}</body>") == ["开头一句话。", PROSE, PROSE, "清河镇"]


def test_what_a_browser_does_not_show_is_left_out() -> None:
    hidden = (
        "<p hidden>a</p><p style='DISPLAY : none'>b</p><script>c</script><!-- d --><p><del>e</del></p><select><option>f"
    )
    assert lines(f"<p>甲<span style='mso-hide:all'>g</span>乙</p>{hidden}</select>") == ["甲乙"]


def test_inline_marks_do_not_cut_and_blocks_and_breaks_do() -> None:
    assert lines("<p>甲<b>乙</b><a>丙</a>\n <o:p>丁</o:p><br>戊<div>己</div>庚<pre>辛\n壬</pre>") == [
        "甲乙丙 丁",
        "戊",
        "己",
        "庚",
        "辛",
        "壬",
    ]


def test_numbers_of_lists_are_those_that_a_browser_shows() -> None:
    items = "<li>甲</li><li><p>乙</p><p>丙</p></li><li value=7>丁</li>"
    assert lines(f"<ol>{items}</ol>") == ["1.甲", "2.乙", "丙", "7.丁"]
    assert lines(f"<ol start=3 type=a>{items}</ol>") == ["c.甲", "d.乙", "丙", "g.丁"]
    assert lines(f"<ol style='list-style: none'>{items}</ol>") == lines(f"<ul>{items}</ul>") == ["甲", "乙", "丙", "丁"]


@pytest.mark.parametrize(
    ("markup", "levels"),
    [
        ("<h1>总结</h1><h2>甲</h2>{}<h2>乙</h2><h3>丙</h3>", "01 12"),
        ("<h1>甲</h1>{}<h1>乙</h1><h2>丙</h2>", "1 12"),
        ("<h1>一、甲</h1>{}<h2>乙</h2>", "1 2"),
        ("<h2>总结</h2>{}<h4>乙</h4>", "0 2"),
        ("<p class=MsoTitle>总结</p><h1>甲</h1>{}<h2>乙</h2>", "01 2"),
        ("<title>总结-清河网</title><div>总结</div>{}<h3>乙</h3>", "0 1"),
    ],
)
def test_headings_give_levels(markup: str, levels: str) -> None:
    source = read_html("a.html", markup.format(f"<p>{PROSE}</p>").encode("utf-8"))
    found = "".join(" " if line.level is None else str(line.level) for line in source.lines)
    assert found == levels


def test_a_title_outside_of_the_article_is_brought_in() -> None:
    menu = "<ul>" + "<li><a href=x>清河县人民政府召开常务会议</a></li>" * 9 + "</ul>"
    page = "<title>{}</title><body><h1>清河镇总结</h1>{}<div class=TRS_Editor><p>{}</p></div>"
    assert lines(page.format("清河县人民政府", menu, PROSE)) == ["0|清河镇总结", PROSE]
    assert lines(page.format("清河镇总结_清河县人民政府", menu, PROSE)) == ["0|清河镇总结", PROSE]


def test_tables_for_layout_have_no_places() -> None:
    layout = "<table><tr><td>{}</td><td>旁</td></tr></table>"
    data = "<table><tr><th>甲<th>乙<tr><td>丙<td><p>丁<p>戊</table>"
    assert lines(layout.format(data)) == [
        "@表1第1行第1列|甲",
        "@表1第1行第2列|乙",
        "@表1第2行第1列|丙",
        "@表1第2行第2列|丁",
        "@表1第2行第2列|戊",
        "旁",
    ]


@pytest.mark.parametrize("content", [b"", b"  \r\n", b"<html></html>", b"<!-- x -->", b"<p> </p>", b"\xef\xbb\xbf"])
def test_empty_pages_give_no_lines(content: bytes) -> None:
    assert read_html("a.html", content).lines == ()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x00\x01\x02" * 50, "不是文本"),
        ("<meta charset=utf-8><p>法治".encode()[:-1], "声明的编码"),
        (b"MIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\nx", "没有网页"),
        (b"MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=x\r\n\r\n--x\r\n\r\n", "没有网页"),
    ],
)
def test_what_is_no_page_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        read_html("a.html", content)


def test_huge_and_deep_pages_are_refused_and_wide_ones_are_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="损坏"):
        read_html("a.html", b"<p>x" + b"<div>" * 100_000 + b"y")
    start = time.process_time()
    read_html("a.html", b"<table>" + b"<tr><td>a<td>b" * 20_000 + b"<tr>" + b"<td>x" * 20_000 + b"</table>")
    assert time.process_time() - start < 5
    with pytest.raises(InputError, match="结构过于庞大"):
        read_html("a.html", b"<div>" * 180 + b"<div>x</div>" * 150_000)
    with pytest.raises(InputError, match="结构过于庞大"):
        read_html("a.html", b"<p>x" * 1_100_000)
    picture = b'<img src="data:image/png;base64,' + b"A" * 11_000_000 + b'">'
    assert lines(f"<p>甲</p>{picture.decode()}<p>乙</p>") == ["甲", "乙"]
    monkeypatch.setattr("tagger.reading.limits.DEFAULT", Limits(part_bytes=10))
    with pytest.raises(InputError, match="不超过"):
        read_html("a.html", b"<p>01234567</p>")


def test_entities_are_not_expanded_and_nothing_is_fetched() -> None:
    markup = (
        '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><p>甲&a;<img src="http://127.0.0.1:9/x">&lt;乙&nbsp;</p>'
    )
    text = "".join(lines(markup))
    assert "root:" not in text
    assert "<乙" in text


@settings(max_examples=60)
@given(
    st.sampled_from(["gov_gbk.html", "modern_utf8.html", "chromium_gbk.mhtml"]),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.binary(max_size=4)), min_size=1, max_size=4),
)
def test_a_spoilt_page_is_read_or_refused(page: str, changes: list[tuple[float, bytes]]) -> None:
    content = (FILES / page).read_bytes()
    for share, put in changes:
        position = int(share * len(content))
        content = content[:position] + put + content[position + 1 :]
    check(content)


@given(st.text("<>/=\"' &;!-[]?ab甲。\n", max_size=60), st.sampled_from(["", "MIME-Version: 1.0\nContent-Type: "]))
def test_any_text_is_read_or_refused(text: str, before: str) -> None:
    check((before + text).encode("utf-8"))


def check(content: bytes) -> None:
    try:
        source = read_html("坏.html", content)
    except InputError as error:
        assert "请" in str(error)
    else:
        assert all(source.text[line.start : line.end].strip() for line in source.lines)
