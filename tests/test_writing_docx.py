"""The annotated Word file: only marks are new, each comment stands where it should, office programs open it."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import pytest
from defusedxml.ElementTree import fromstring
from docx import Document
from docx.enum.text import WD_COLOR_INDEX
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls
from hypothesis import given, settings
from hypothesis import strategies as st

from tagger import Tagger
from tagger.errors import InputError
from tagger.reading.docx import read_docx
from tagger.records import TaggedDocument
from tagger.themes import OUR_THEMES, Theme
from tagger.writing.docx import annotate_docx
from tagger.writing.rows import body_rows, rows_of

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
MC = "http://schemas.openxmlformats.org/markup-compatibility/2006"
DANGJIAN = "严格落实“三会一课”制度，全年召开党委会三十八次，发展党员十八名，四个后进党支部全部转化提升。"
FAZHI = "组建普法小分队进村宣讲，法治副校长到校上法治课十六次，调解矛盾纠纷四十三件。"
XIANGCUN = "全乡新建高标准农田三千亩，种植烤烟、辣椒等产业，脱贫户人均纯收入增长百分之十二。"
OPEN = "http://schemas.openxmlformats.org"
TYPES = (
    f'<Types xmlns="{OPEN}/package/2006/content-types"><Default Extension="xml" ContentType="application/xml"/>'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Override PartName="/word/document.xml" ContentType='
    '"application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>'
)
RELATIONS = (
    f'<Relationships xmlns="{OPEN}/package/2006/relationships">'
    f'<Relationship Id="rId1" Type="{OPEN}/officeDocument/2006/relationships/{{}}" Target="{{}}"/></Relationships>'
)
ADDED = re.compile(
    rb'<w:shd w:val="clear" w:color="auto" w:fill="\w{6}"/>|<w:commentRange(?:Start|End) w:id="\d+"/>'
    rb'|<w:r><w:commentReference w:id="\d+"/></w:r>'
)


def saved(document: Any) -> bytes:
    target = io.BytesIO()
    document.save(target)
    return target.getvalue()


def body(*children: str) -> bytes:
    """The smallest file that Word opens, with this XML as its body."""
    xml = f"<w:document {nsdecls('w')}><w:body>{''.join(children)}</w:body></w:document>"
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", TYPES)
        archive.writestr("_rels/.rels", RELATIONS.format("officeDocument", "word/document.xml"))
        archive.writestr("word/document.xml", xml)
    return target.getvalue()


def with_part(content: bytes, name: str, part: bytes | None) -> bytes:
    """The file with a part replaced, or left out."""
    parts = {key: value for key, value in parts_of(content).items() if key != name}
    if part is not None:
        parts[name] = part
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for key, value in parts.items():
            archive.writestr(key, value)
    return target.getvalue()


def parts_of(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def with_marks(content: bytes, document: TaggedDocument, tagger: Tagger) -> bytes:
    return annotate_docx(content, document, list(rows_of(document, tagger.strongest_reasons)), OUR_THEMES)


def annotated(tagger: Tagger, content: bytes) -> tuple[bytes, TaggedDocument]:
    document = tagger.tag_source(read_docx("报告.docx", content))
    result = with_marks(content, document, tagger)
    assert read_docx("报告.docx", result) == document.source, "the text must be the same"
    return result, document


def comments(content: bytes) -> dict[str, tuple[str, str]]:
    """Of each comment, by number: the text after its mark, up to the next mark or paragraph, and what it says."""
    parts = parts_of(content)
    marked: dict[str, str] = {}
    text: list[str] = []
    for element in reversed(list(fromstring(parts["word/document.xml"]).iter())):
        if element.tag == W + "t":
            text.insert(0, element.text or "")
        elif element.tag == W + "commentReference":
            marked[element.get(W + "id", "")] = "".join(text)
        if element.tag in (W + "commentReference", W + "p"):
            text.clear()
    said = {
        comment.get(W + "id", ""): "\n".join("".join(line.itertext()) for line in comment)
        for comment in fromstring(parts["word/comments.xml"])
    }
    assert said.keys() == marked.keys()
    return {number: (marked[number], text) for number, text in said.items()}


def coloured(content: bytes) -> Iterator[tuple[str, str]]:
    """The text and the colour of each coloured run."""
    root: Element = fromstring(parts_of(content)["word/document.xml"])
    for run in root.iter(W + "r"):
        shading = run.find(f"{W}rPr/{W}shd")
        if shading is not None:
            yield "".join(text.text or "" for text in run.findall(W + "t")), shading.get(W + "fill", "")


@pytest.mark.parametrize("name", ["乡镇述职报告.docx", "县实施方案.docx"])
def test_only_marks_are_added(root: Path, tagger: Tagger, name: str) -> None:
    content = (root / "examples" / name).read_bytes()
    result, document = annotated(tagger, content)
    before, after = parts_of(content), parts_of(result)
    assert after.keys() - before.keys() == {"word/comments.xml"}
    changed = {part for part in before if before[part] != after[part]}
    assert changed == {"word/document.xml", "word/_rels/document.xml.rels", "[Content_Types].xml"}
    xml = ADDED.sub(b"", after["word/document.xml"]).replace(b"<w:rPr></w:rPr>", b"")
    xml, original = (each.replace(b' xml:space="preserve"', b"") for each in (xml, before["word/document.xml"]))
    assert xml.replace(b"</w:t></w:r><w:r><w:t>", b"") == original
    body_texts = [each.paragraph.text for each in document.paragraphs if each.tag is not None]
    assert [anchor for anchor, _ in comments(result).values()] == body_texts
    assert "".join(text for text, _ in coloured(result)) == "".join(body_texts)
    assert len(Document(io.BytesIO(result)).paragraphs) == len(Document(io.BytesIO(content)).paragraphs)


def test_what_a_comment_says(root: Path, tagger: Tagger) -> None:
    content = (root / "examples" / "乡镇述职报告.docx").read_bytes()
    result, document = annotated(tagger, content)
    rows = list(body_rows(rows_of(document, tagger.strongest_reasons)))
    for row, comment in zip(rows, Document(io.BytesIO(result)).comments, strict=True):
        assert comment.author == "tagger"
        lines = comment.text.split("\n")
        probability = "超过 99%" if row.probability >= 0.995 else f" {row.probability:.0%}"
        assert lines[0] == f"主题：{row.theme}（概率{probability}）"
        assert ("不确定，请人工核对" in lines) == row.uncertain
        assert [line for line in lines if line.startswith("次要主题")] == (
            ["次要主题：" + "、".join(row.also)] if row.also else []
        )
        words = [reason.text for reason in row.reasons]
        assert [line for line in lines if line.startswith("判定词")] == (
            ["判定词：" + "、".join(words)] if words else []
        )
    assert any(row.also for row in rows) or any(row.uncertain for row in rows)
    assert with_marks(content, document, tagger) == result, "the same file every time"


def test_several_lines_and_a_heading_in_one_run_are_told_apart(tagger: Tagger) -> None:
    run = "<w:rPr><w:b/><w:vertAlign w:val='baseline'/></w:rPr>"
    text = f"<w:t>（一）抓组织建设。 {DANGJIAN}</w:t><w:br/><w:t>{FAZHI}  </w:t><w:br/><w:t>{XIANGCUN}</w:t>"
    result, document = annotated(tagger, body(f"<w:p><w:r>{run}{text}</w:r></w:p>"))
    assert [each.paragraph.role for each in document.paragraphs] == ["heading", "body", "body", "body"]
    assert [anchor.rstrip() for anchor, _ in comments(result).values()] == [DANGJIAN, FAZHI, XIANGCUN]
    assert [text.strip() for text, _ in coloured(result)] == [DANGJIAN, FAZHI, XIANGCUN]
    assert len({fill for _, fill in coloured(result)}) == 3
    for properties in fromstring(parts_of(result)["word/document.xml"]).iter(W + "rPr"):
        order = [child.tag.removeprefix(W) for child in properties]
        assert order in (["b", "vertAlign"], ["b", "shd", "vertAlign"], ["shd"], [])


def test_existing_comments_are_kept(tagger: Tagger) -> None:
    document = Document()
    document.add_heading("总结", level=0)
    first = document.add_paragraph(DANGJIAN)
    document.add_paragraph(FAZHI)
    document.add_comment(first.runs, text="请核对数字", author="王五", initials="王")
    document.add_comment(first.runs, text="已核对", author="赵六", initials="赵")
    content = saved(document)
    result, _ = annotated(tagger, content)
    before, after = parts_of(content), parts_of(result)
    assert before.keys() == after.keys()
    assert {part for part in before if before[part] != after[part]} == {"word/document.xml", "word/comments.xml"}
    start = before["word/comments.xml"].rindex(b"</w:comments>")
    assert after["word/comments.xml"].startswith(before["word/comments.xml"][:start])
    found = comments(result)
    assert list(found) == ["0", "1", "2", "3"]
    assert [said for _, said in found.values()][:2] == ["请核对数字", "已核对"]
    assert [text for text, _ in found.values()][2:] == [DANGJIAN, FAZHI]
    assert [comment.author for comment in Document(io.BytesIO(result)).comments] == ["王五", "赵六", "tagger", "tagger"]
    again, _ = annotated(tagger, result)
    assert len(comments(again)) == 6


def test_an_empty_comments_part_elsewhere_is_filled(tagger: Tagger) -> None:
    relations = RELATIONS.format("comments", "/word/notes/c.xml").encode()
    content = with_part(body(f"<w:p><w:r><w:t>{FAZHI}</w:t></w:r></w:p>"), "word/_rels/document.xml.rels", relations)
    content = with_part(content, "word/notes/c.xml", f'<n:comments xmlns:n="{W.strip("{}")}"/>'.encode())
    result, _ = annotated(tagger, content)
    after = parts_of(result)
    assert len(fromstring(after["word/notes/c.xml"])) == 1
    assert b'PartName="/word/notes/c.xml"' in after["[Content_Types].xml"]
    assert after["word/_rels/document.xml.rels"] == relations


def test_links_tracked_changes_and_own_colours(tagger: Tagger) -> None:
    start, end = DANGJIAN[:10], DANGJIAN[20:]
    inner = f"<w:ins w:id='5' w:author='a'><w:r><w:t>{DANGJIAN[10:20]}</w:t></w:r></w:ins>"
    gone = "<w:del w:id='6' w:author='a'><w:r><w:delText>删去的字</w:delText></w:r></w:del>"
    link = f"<w:hyperlink w:anchor='x'><w:r><w:rPr/><w:t>{end}</w:t></w:r></w:hyperlink>"
    result, _ = annotated(tagger, body(f"<w:p><w:r><w:t>{start}</w:t></w:r>{inner}{gone}{link}</w:p>"))
    assert [anchor for anchor, _ in comments(result).values()] == [DANGJIAN]
    assert len(Document(io.BytesIO(result)).comments) == 1
    assert [text for text, _ in coloured(result)] == [start, DANGJIAN[10:20], end]

    document = Document()
    paragraph = document.add_paragraph(DANGJIAN[:10])
    paragraph.add_run(DANGJIAN[10:]).font.highlight_color = WD_COLOR_INDEX.YELLOW
    result, _ = annotated(tagger, saved(document))
    assert [text for text, _ in coloured(result)] == [DANGJIAN[:10]]


def test_tables_and_text_boxes(tagger: Tagger) -> None:
    document = Document()
    cell = document.add_table(rows=1, cols=1).cell(0, 0)
    cell.text = FAZHI
    inner = cell.add_table(rows=1, cols=1).cell(0, 0)  # the reader may give it once or twice; it is marked once
    inner.text = XIANGCUN
    box = f"<w:txbxContent {nsdecls('w')}><w:p><w:r><w:t>{DANGJIAN}</w:t></w:r></w:p></w:txbxContent>"
    choice = f"<mc:Choice Requires='wps'>{box}</mc:Choice><mc:Fallback>{box}</mc:Fallback>"
    xml = f'<w:r {nsdecls("w")}><mc:AlternateContent xmlns:mc="{MC}">{choice}</mc:AlternateContent></w:r>'
    document.add_paragraph("如图。")._p.append(parse_xml(xml))
    result, _ = annotated(tagger, saved(document))
    found = list(comments(result).values())
    assert [anchor for anchor, _ in found if anchor in (FAZHI, XIANGCUN)] == [FAZHI, XIANGCUN]
    assert [text for text, _ in coloured(result) if text in (FAZHI, XIANGCUN)] == [FAZHI, XIANGCUN]
    assert [anchor for anchor, said in found if f"文本框：{DANGJIAN[:24]}…" in said] == [""]
    assert (
        b"commentRange"
        not in parts_of(result)["word/document.xml"].split(b"<w:txbxContent", 1)[1].split(b"</w:txbxContent>")[0]
    )


def test_a_note_has_its_comment_beside_its_paragraph(tagger: Tagger) -> None:
    mark = "<w:r><w:footnoteReference w:id='2'/></w:r>"
    content = body(f"<w:p><w:r><w:t>{DANGJIAN}</w:t></w:r>{mark}</w:p><w:p><w:r><w:t>{FAZHI}</w:t></w:r></w:p>")
    note = f"<w:footnote w:id='2'><w:p><w:r><w:t>{XIANGCUN}</w:t></w:r></w:p></w:footnote>"
    notes = f"<w:footnotes {nsdecls('w')}>{note}</w:footnotes>".encode()
    relations = RELATIONS.format("footnotes", "footnotes.xml").encode()
    content = with_part(with_part(content, "word/footnotes.xml", notes), "word/_rels/document.xml.rels", relations)
    result, document = annotated(tagger, content)
    assert [each.paragraph.place for each in document.paragraphs] == ["", "脚注1", ""]
    (_, first), (anchor, said), (_, last) = comments(result).values()
    assert (anchor, f"脚注1：{XIANGCUN[:24]}…" in said) == ("", True)
    assert "脚注" not in first + last
    assert [text for text, _ in coloured(result)] == [DANGJIAN, FAZHI]
    assert parts_of(result)["word/footnotes.xml"] == notes


def test_a_line_of_two_paragraphs_has_one_comment(tagger: Tagger) -> None:
    joined = "<w:pPr><w:rPr><w:del w:id='1' w:author='a'/></w:rPr></w:pPr>"
    halves = [DANGJIAN[:20], DANGJIAN[20:]]
    paragraphs = (
        f"<w:p>{each}<w:r><w:t>{half}</w:t></w:r></w:p>" for each, half in zip((joined, ""), halves, strict=True)
    )
    result, _ = annotated(tagger, body(*paragraphs))
    assert [text for text, _ in comments(result).values()] == halves[:1]
    assert [text for text, _ in coloured(result)] == halves


def test_properties_are_not_copied_without_end(tagger: Tagger) -> None:
    long = f"<w:rPr><w:lang w:val='{'x' * 20_000}'/></w:rPr>"
    lines = "<w:br/>".join(f"<w:t>{DANGJIAN}</w:t>" for _ in range(20))
    result, _ = annotated(tagger, body(f"<w:p><w:r>{long}{lines}</w:r></w:p>"))
    assert len(parts_of(result)["word/document.xml"]) < 40_000
    assert len(comments(result)) == 20


def test_reasons_and_themes_may_hold_anything(tagger: Tagger) -> None:
    content = body(f"<w:p><w:r><w:t>{FAZHI}</w:t></w:r></w:p>")
    document = tagger.tag_source(read_docx("报告.docx", content))
    strange = "<a>&\ud800\x00\uffff"
    rows = [replace(row, theme=strange, also=(strange,)) for row in rows_of(document, tagger.strongest_reasons)]
    result = annotate_docx(content, document, rows, [Theme(strange, "#FFFFFF", "")])
    ((_, said),) = comments(result).values()
    assert said.startswith("主题：<a>&???（概率")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
def test_encodings_prefixes_and_references(tagger: Tagger, encoding: str) -> None:
    uri = W.strip("{}")
    text = f"（一）抓组织&#x1F600;A&amp;B。\r\n{DANGJIAN}"
    xml = f'<d:document xmlns:d="{uri}"><d:body><d:p><d:r><d:t a="&gt;>">{text}</d:t></d:r></d:p></d:body></d:document>'
    declared = f'<?xml version="1.0" encoding="{encoding.removesuffix("-sig").removesuffix("-be").upper()}"?>'
    content = with_part(body(), "word/document.xml", (declared + xml).encode(encoding))
    result, _ = annotated(tagger, content)
    assert [anchor for anchor, _ in comments(result).values()] == [DANGJIAN]
    assert [text for text, _ in coloured(result)] == [DANGJIAN]
    (first, *_) = fromstring(parts_of(result)["word/document.xml"]).iter(W + "t")
    assert first.text.strip() == "（一）抓组织😀A&B。"


def test_strict_files_get_strict_comments(tagger: Tagger) -> None:
    content = body(f"<w:p><w:r><w:t>{FAZHI}</w:t></w:r></w:p>")
    uri = b"http://purl.oclc.org/ooxml/wordprocessingml/main"
    strict = parts_of(content)["word/document.xml"].replace(W.strip("{}").encode(), uri)
    result, _ = annotated(tagger, with_part(content, "word/document.xml", strict))
    parts = parts_of(result)
    assert parts["word/comments.xml"].count(uri) == 1
    assert W.strip("{}").encode() not in parts["word/document.xml"] + parts["word/comments.xml"]
    assert (
        b'"http://purl.oclc.org/ooxml/officeDocument/relationships/comments"' in parts["word/_rels/document.xml.rels"]
    )


def test_lines_in_cdata_are_told_apart(tagger: Tagger) -> None:
    raw = f"<d:t><![CDATA[{DANGJIAN}]]></d:t><d:br/><d:t><![CDATA[{FAZHI}]]></d:t>"
    xml = f'<d:document xmlns:d="{W.strip("{}")}"><d:body><d:p><d:r>{raw}</d:r></d:p></d:body></d:document>'
    result, _ = annotated(tagger, with_part(body(), "word/document.xml", xml.encode()))
    assert [anchor for anchor, _ in comments(result).values()] == [DANGJIAN, FAZHI]


def test_what_is_refused(tagger: Tagger, monkeypatch: pytest.MonkeyPatch) -> None:
    content = body(f"<w:p><w:r><w:t>{FAZHI}</w:t></w:r></w:p>")
    document = tagger.tag_source(read_docx("报告.docx", content))
    with pytest.raises(InputError, match="对不上"):
        with_marks(body(f"<w:p><w:r><w:t>{XIANGCUN}</w:t></w:r></w:p>"), document, tagger)
    with pytest.raises(InputError, match="损坏"):
        with_marks(content[: len(content) // 2], document, tagger)
    with pytest.raises(InputError, match="缺少"):
        with_marks(with_part(content, "[Content_Types].xml", None), document, tagger)
    monkeypatch.setattr("tagger.writing.docx.UNPACKED", 1 / 2**20)
    with pytest.raises(InputError, match="不超过"):
        with_marks(content, document, tagger)


def test_a_document_without_body_text_stays_as_it_is(tagger: Tagger) -> None:
    content = saved(Document())
    assert with_marks(content, tagger.tag_source(read_docx("空.docx", content)), tagger) == content


OASIS = "urn:oasis:names:tc:opendocument:xmlns:"
PIECES = [DANGJIAN, FAZHI, "一、抓党建", "（二）抓普法。" + FAZHI, " ", "&#38;", "<w:br/>", "<w:tab/>", "\u200b", "。"]


@given(st.lists(st.lists(st.sampled_from(PIECES), min_size=1, max_size=6), min_size=1, max_size=4))
@settings(max_examples=40)
def test_any_text_survives(tagger: Tagger, runs: list[list[str]]) -> None:
    def run(pieces: list[str]) -> str:
        return "".join(piece if piece.startswith("<w:") else f"<w:t>{piece}</w:t>" for piece in pieces)

    content = body("<w:p>" + "".join(f"<w:r>{run(pieces)}</w:r>" for pieces in runs) + "</w:p>")
    document = tagger.tag_source(read_docx("报告.docx", content))
    result = with_marks(content, document, tagger)
    assert read_docx("报告.docx", result) == document.source
    tagged = [each.paragraph for each in document.paragraphs if each.tag is not None]
    if tagged:
        found = [re.sub(r"\s", "", anchor) for anchor, _ in comments(result).values()]
        expected = [re.sub(r"\s", "", document.source.text[each.start : each.end]) for each in tagged]
        for text, wanted in zip(found, expected, strict=True):  # behind it there may stand a heading
            assert text.strip("\u200b").startswith(wanted.strip("\u200b"))


@given(st.data())
@settings(max_examples=60)
def test_a_spoilt_file_is_annotated_or_refused(tagger: Tagger, data: st.DataObject) -> None:
    good = body(f"<w:p><w:r><w:t>{FAZHI}</w:t></w:r></w:p>")
    document = tagger.tag_source(read_docx("报告.docx", good))
    content = bytearray(good)
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        assert with_marks(bytes(content), document, tagger)
    except InputError as error:
        assert "请" in str(error)


MIXED = f"""<?xml version="1.0" encoding="UTF-8"?>
<office:document xmlns:office="{OASIS}office:1.0" xmlns:text="{OASIS}text:1.0" xmlns:table="{OASIS}table:1.0"
xmlns:draw="{OASIS}drawing:1.0" xmlns:svg="{OASIS}svg-compatible:1.0" xmlns:dc="http://purl.org/dc/elements/1.1/"
office:version="1.2" office:mimetype="application/vnd.oasis.opendocument.text"><office:body><office:text>
<text:tracked-changes><text:changed-region text:id="c"><text:deletion><office:change-info><dc:creator>王五</dc:creator>
<dc:date>2023-01-02T00:00:00</dc:date></office:change-info><text:p>删去的话。</text:p></text:deletion>
</text:changed-region></text:tracked-changes>
<text:p>{DANGJIAN}<text:change text:change-id="c"/><text:note text:id="f" text:note-class="footnote">
<text:note-citation>1</text:note-citation><text:note-body><text:p>{XIANGCUN}</text:p></text:note-body></text:note></text:p>
<text:p>（二）抓普法。<office:annotation office:name="a"><dc:creator>赵六</dc:creator><text:p>请核对</text:p>
</office:annotation>{FAZHI[:20]}<office:annotation-end office:name="a"/>{FAZHI[20:]}<text:line-break/>
{XIANGCUN}</text:p>
<table:table><table:table-column/><table:table-row><table:table-cell><text:p>{FAZHI}</text:p></table:table-cell>
</table:table-row></table:table>
<text:p>如下图所示。<draw:frame text:anchor-type="paragraph" svg:width="7cm" svg:height="3cm"><draw:text-box>
<text:p>{DANGJIAN}</text:p></draw:text-box></draw:frame></text:p></office:text></office:body></office:document>"""


def converted(folder: Path, file: str, target: str) -> bytes:
    """What LibreOffice makes of a file in the folder; the file of the target kind has its name."""
    soffice = shutil.which("soffice")
    if soffice is None:
        pytest.skip("需要 LibreOffice（soffice），这里没有")
    profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
    command = [soffice, profile, "--headless", "--convert-to", target, "--outdir", folder, folder / file]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return (folder / file).with_suffix("." + target.partition(":")[0]).read_bytes()


def test_libreoffice_shows_the_comments(tagger: Tagger, tmp_path: Path) -> None:
    (tmp_path / "原件.fodt").write_text(MIXED, encoding="utf-8")
    result, document = annotated(tagger, converted(tmp_path, "原件.fodt", "docx"))
    places = [each.paragraph.place for each in document.paragraphs if each.tag is not None]
    assert places == ["", "脚注1", "", "", "表1第1行第1列", "", "文本框"]
    (tmp_path / "标注.docx").write_bytes(result)
    odt = parts_of(converted(tmp_path, "标注.docx", "odt"))["content.xml"].decode()
    assert odt.count("<office:annotation ") == len(comments(result)) == len(places) + 1
    assert odt.count("<dc:creator>tagger</dc:creator>") == len(places)
    assert "删去的话" in odt
    assert converted(tmp_path, "标注.docx", "pdf").startswith(b"%PDF-")
