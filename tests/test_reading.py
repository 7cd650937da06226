"""Files in: encodings, Word's numbering, tables, text boxes, and what is refused."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from docx import Document
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls, qn
from hypothesis import given
from hypothesis import strategies as st

from tagger.errors import FormatError, InputError
from tagger.reading import read, read_content
from tagger.reading.docx import STRICT, TRANSITIONAL
from tagger.reading.numbering import FORMATS, Counter, Level, chinese
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


def test_damaged_and_wrong_zip_files() -> None:
    document = io.BytesIO()
    Document().save(document)
    content = document.getvalue()
    with pytest.raises(InputError, match="损坏"):
        read_content("a.docx", content[: len(content) // 2])
    other = io.BytesIO()
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("a.txt", "文字")
    with pytest.raises(FormatError, match="不是 Word 文档"):
        read_content("a.docx", other.getvalue())


def test_entity_bombs_and_huge_parts_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><x>&b;</x>'
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("word/document.xml", bomb)
    with pytest.raises(InputError, match="损坏"):
        read_content("a.docx", content.getvalue())
    monkeypatch.setattr("tagger.reading.docx.MAX_PART_BYTES", 10)
    with pytest.raises(InputError, match="不超过"):
        read_content("a.docx", content.getvalue())


NUMBERING = f"""<w:numbering {nsdecls("w")}>
<w:abstractNum w:abstractNumId="71">
  <w:lvl w:ilvl="0"><w:start w:val="1"/><w:numFmt w:val="chineseCountingThousand"/><w:lvlText w:val="%1、"/></w:lvl>
  <w:lvl w:ilvl="1"><w:start w:val="1"/><w:numFmt w:val="chineseCounting"/><w:lvlText w:val="（%2）"/></w:lvl>
  <w:lvl w:ilvl="2"><w:start w:val="1"/><w:numFmt w:val="decimal"/><w:lvlText w:val="%3."/></w:lvl>
</w:abstractNum>
<w:abstractNum w:abstractNumId="72">
  <w:lvl w:ilvl="0"><w:start w:val="1"/><w:numFmt w:val="bullet"/><w:lvlText w:val="·"/></w:lvl>
</w:abstractNum>
<w:num w:numId="91"><w:abstractNumId w:val="71"/></w:num>
<w:num w:numId="92"><w:abstractNumId w:val="72"/></w:num>
<w:num w:numId="93"><w:abstractNumId w:val="71"/>
  <w:lvlOverride w:ilvl="0"><w:startOverride w:val="5"/></w:lvlOverride></w:num>
</w:numbering>"""


def numbered_document() -> bytes:
    document = Document()
    part = document.part.numbering_part
    for child in parse_xml(NUMBERING):
        part.element.append(child)
    lines = [("抓党建", 91, 0), ("抓学习", 91, 1), ("抓阵地", 91, 1), ("细目", 91, 2), ("抓治理", 91, 0)]
    lines += [("抓调解", 91, 1), ("散项", 92, 0), ("另起", 93, 0)]
    for text, instance, level in lines:
        properties = document.add_paragraph(text)._p.get_or_add_pPr()
        properties.append(
            parse_xml(f'<w:numPr {nsdecls("w")}><w:ilvl w:val="{level}"/><w:numId w:val="{instance}"/></w:numPr>')
        )
    table = document.add_table(rows=1, cols=2)
    table.cell(0, 0).text, table.cell(0, 1).text = "指标", "完成情况"
    target = io.BytesIO()
    document.save(target)
    return target.getvalue()


def test_the_numbers_that_word_generates_and_tables() -> None:
    source = read_content("编号.docx", numbered_document())
    assert texts(source) == [
        "一、抓党建",
        "（一）抓学习",
        "（二）抓阵地",
        "1.细目",
        "二、抓治理",
        "（一）抓调解",
        "散项",
        "五、另起",
        "指标",
        "完成情况",
    ]
    assert [line.place for line in source.lines][-2:] == ["表1第1行第1列", "表1第1行第2列"]


def test_word_headings_breaks_deletions_and_text_boxes() -> None:
    document = Document()
    document.add_heading("年度总结", level=0)
    document.add_heading("一、党建", level=1)
    document.add_paragraph("上一行\n下一行。")
    changed = document.add_paragraph("留下的")
    changed._p.append(parse_xml(f"<w:del {nsdecls('w')}><w:r><w:delText>删掉的</w:delText></w:r></w:del>"))
    changed._p.append(parse_xml(f"<w:ins {nsdecls('w')}><w:r><w:t>加上的。</w:t></w:r></w:ins>"))
    boxed = document.add_paragraph("正文在前。")
    box = f"<w:txbxContent {nsdecls('w')}><w:p><w:r><w:t>框里的字。</w:t></w:r></w:p></w:txbxContent>"
    choice = f"<mc:Choice>{box}</mc:Choice><mc:Fallback>{box}</mc:Fallback>"
    choice = f'<mc:AlternateContent xmlns:mc="{MC}">{choice}</mc:AlternateContent>'
    run = parse_xml(f"<w:r {nsdecls('w')}>{choice}</w:r>")
    boxed._p.append(run)
    assert boxed._p.findall(qn("w:r"))
    target = io.BytesIO()
    document.save(target)
    source = read_content("a.docx", target.getvalue())
    assert texts(source) == ["年度总结", "一、党建", "上一行", "下一行。", "留下的加上的。", "正文在前。", "框里的字。"]
    assert [line.level for line in source.lines][:3] == [0, 1, None]
    assert source.lines[-1].place == "文本框"


def test_strict_documents_nested_tables_and_content_controls() -> None:
    document = Document()
    table = document.add_table(rows=1, cols=1)
    inner = table.cell(0, 0).add_table(rows=1, cols=1)
    inner.cell(0, 0).text = "内表文字"
    row = table._tbl.tr_lst[0]
    cell = "<w:tc><w:p><w:r><w:t>控件里的字</w:t></w:r></w:p></w:tc>"
    row.append(parse_xml(f"<w:sdt {nsdecls('w')}><w:sdtContent>{cell}</w:sdtContent></w:sdt>"))
    target = io.BytesIO()
    document.save(target)
    assert texts(read_content("a.docx", target.getvalue())) == ["内表文字", "控件里的字"]

    strict = io.BytesIO()
    with zipfile.ZipFile(target) as old, zipfile.ZipFile(strict, "w") as new:
        for part in old.namelist():
            new.writestr(part, old.read(part).replace(TRANSITIONAL, STRICT))
    assert texts(read_content("a.docx", strict.getvalue())) == ["内表文字", "控件里的字"]


@pytest.mark.parametrize(
    "xml",
    [
        "<w:document {ns}/>",
        "<w:document {ns}><w:body>" + "<w:ins>" * 5000 + "</w:ins>" * 5000 + "</w:body></w:document>",
        '<?xml version="1.0" encoding="foo"?><w:document {ns}/>',
    ],
)
def test_hostile_documents_are_refused(xml: str) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("word/document.xml", xml.format(ns=nsdecls("w")))
    with pytest.raises(InputError, match="损坏"):
        read_content("a.docx", content.getvalue())


MC = "http://schemas.openxmlformats.org/markup-compatibility/2006"


def test_numbers_in_chinese() -> None:
    spelled = {1: "一", 10: "十", 11: "十一", 20: "二十", 21: "二十一", 100: "一百", 101: "一百〇一", 110: "一百一十"}
    assert {number: chinese(number) for number in spelled} == spelled


@given(st.sampled_from(sorted(FORMATS)), st.integers(1, 400))
def test_every_format_spells_every_number(name: str, number: int) -> None:
    counter = Counter({0: Level(name, number, "%1")})
    assert counter.next(0)


@given(st.data())
def test_a_spoilt_document_is_read_or_refused(data: st.DataObject) -> None:
    """Both the archive and, inside a sound archive, the XML are spoilt."""
    content = bytearray(numbered_document())
    if data.draw(st.booleans()):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = {name: bytearray(archive.read(name)) for name in archive.namelist()}
        spoil(data, parts[data.draw(st.sampled_from(["word/document.xml", "word/numbering.xml", "word/styles.xml"]))])
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w") as archive:
            for name, part in parts.items():
                archive.writestr(name, bytes(part))
        content = bytearray(target.getvalue())
    else:
        spoil(data, content)
    try:
        read_content("坏.docx", bytes(content))
    except InputError as error:
        assert "请" in str(error)


def spoil(data: st.DataObject, content: bytearray) -> None:
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
