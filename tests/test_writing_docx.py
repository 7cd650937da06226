"""The annotated Word file: only marks are new, each comment stands where it should, office programs open it."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
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
from tagger.writing.docx import _Walk, _Xml, annotate_docx
from tagger.writing.rows import rows_of

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


def annotated(tagger: Tagger, content: bytes) -> tuple[bytes, TaggedDocument]:
    document = tagger.tag_source(read_docx("报告.docx", content))
    result = annotate_docx(content, document, tagger.explain_theme)
    assert read_docx("报告.docx", result) == document.source, "the text must be the same"
    return result, document


def comments(content: bytes) -> dict[str, tuple[str, str]]:
    """Of each comment, by number: the text that it is anchored to, and what it says."""
    parts = parts_of(content)
    anchored: dict[str, str] = {}
    open_ids: set[str] = set()
    for element in fromstring(parts["word/document.xml"]).iter():
        number = element.get(W + "id", "")
        if element.tag == W + "commentRangeStart":
            open_ids.add(number)
            anchored[number] = ""
        elif element.tag == W + "commentRangeEnd":
            open_ids.remove(number)
        elif element.tag == W + "commentReference":
            assert number in anchored
            assert number not in open_ids
        elif element.tag == W + "t":
            anchored.update({each: anchored[each] + (element.text or "") for each in open_ids})
    assert not open_ids
    said = {
        comment.get(W + "id", ""): "\n".join("".join(line.itertext()) for line in comment)
        for comment in fromstring(parts["word/comments.xml"])
    }
    assert said.keys() == anchored.keys()
    return {number: (anchored[number], text) for number, text in said.items()}


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
    xml = re.sub(rb'</w:t></w:r><w:r><w:t xml:space="preserve">', b"", xml)
    assert xml == before["word/document.xml"]
    body_texts = [each.paragraph.text for each in document.paragraphs if each.tag is not None]
    assert [anchor for anchor, _ in comments(result).values()] == body_texts
    assert "".join(text for text, _ in coloured(result)) == "".join(body_texts)
    assert len(Document(io.BytesIO(result)).paragraphs) == len(Document(io.BytesIO(content)).paragraphs)


def test_what_a_comment_says(root: Path, tagger: Tagger) -> None:
    content = (root / "examples" / "乡镇述职报告.docx").read_bytes()
    result, document = annotated(tagger, content)
    rows = list(rows_of(document, tagger.explain_theme))
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
    assert annotate_docx(content, document, tagger.explain_theme) == result, "the same file every time"


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
    assert found["0"] == (DANGJIAN, "请核对数字")
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
    assert [anchor for anchor, said in found if f"文本框内：{DANGJIAN[:24]}…" in said] == [""]
    assert (
        b"commentRange"
        not in parts_of(result)["word/document.xml"].split(b"<w:txbxContent", 1)[1].split(b"</w:txbxContent>")[0]
    )


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
    changed = parts_of(result)["word/document.xml"]
    assert changed.startswith((declared + xml[:40]).encode(encoding))
    assert "&#x1F600;A&amp;B。\r\n</d:t>" in changed.decode(encoding)


def test_strict_files_get_strict_comments(tagger: Tagger) -> None:
    content = body(f"<w:p><w:r><w:t>{FAZHI}</w:t></w:r></w:p>")
    uri = b"http://purl.oclc.org/ooxml/wordprocessingml/main"
    strict = parts_of(content)["word/document.xml"].replace(W.strip("{}").encode(), uri)
    result, _ = annotated(tagger, with_part(content, "word/document.xml", strict))
    parts = parts_of(result)
    assert parts["word/comments.xml"].count(uri) == 2
    assert W.strip("{}").encode() not in parts["word/document.xml"] + parts["word/comments.xml"]
    assert (
        b'"http://purl.oclc.org/ooxml/officeDocument/relationships/comments"' in parts["word/_rels/document.xml.rels"]
    )


def test_text_in_cdata_is_not_cut(tagger: Tagger) -> None:
    raw = f"<d:t><![CDATA[{DANGJIAN}\n{FAZHI}]]></d:t>"
    xml = f'<d:document xmlns:d="{W.strip("{}")}"><d:body><d:p><d:r>{raw}</d:r></d:p></d:body></d:document>'
    result, _ = annotated(tagger, with_part(body(), "word/document.xml", xml.encode()))
    assert raw.encode() in parts_of(result)["word/document.xml"]
    assert len(comments(result)) == 2


def test_what_is_refused(tagger: Tagger, monkeypatch: pytest.MonkeyPatch) -> None:
    content = body(f"<w:p><w:r><w:t>{FAZHI}</w:t></w:r></w:p>")
    document = tagger.tag_source(read_docx("报告.docx", content))
    with pytest.raises(InputError, match="对不上"):
        annotate_docx(body(f"<w:p><w:r><w:t>{XIANGCUN}</w:t></w:r></w:p>"), document, tagger.explain_theme)
    with pytest.raises(InputError, match="损坏"):
        annotate_docx(content[: len(content) // 2], document, tagger.explain_theme)
    with pytest.raises(InputError, match="缺少"):
        annotate_docx(with_part(content, "[Content_Types].xml", None), document, tagger.explain_theme)
    monkeypatch.setattr("tagger.writing.docx.MAX_ARCHIVE_BYTES", 10)
    with pytest.raises(InputError, match="不超过"):
        annotate_docx(content, document, tagger.explain_theme)


def test_a_document_without_body_text_stays_as_it_is(tagger: Tagger) -> None:
    content = saved(Document())
    assert annotate_docx(content, tagger.tag_source(read_docx("空.docx", content)), tagger.explain_theme) == content


def test_every_piece_of_text_is_found_where_it_stands(root: Path) -> None:
    content = (root / "examples" / "乡镇述职报告.docx").read_bytes()
    from tagger.reading.docx import _Counters, _part, _Styles

    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        styles, numbers = (_part("", archive, f"word/{part}.xml") for part in ("styles", "numbering"))
        walk = _Walk(_Styles(styles), _Counters(numbers))
        document = _Xml("", archive, "word/document.xml")
    walk.add_blocks(document.root[0], place="")
    source = read_docx("", content)
    assert "\n".join(walk.texts) == source.text
    assert all(source.text[leaf.start : leaf.end] == leaf.element.text for leaf in walk.leaves)


PIECES = [DANGJIAN, FAZHI, "一、抓党建", "（二）抓普法。" + FAZHI, " ", "&#38;", "<w:br/>", "<w:tab/>", "\u200b", "。"]


@given(st.lists(st.lists(st.sampled_from(PIECES), min_size=1, max_size=6), min_size=1, max_size=4))
@settings(max_examples=40)
def test_any_text_survives(tagger: Tagger, runs: list[list[str]]) -> None:
    def run(pieces: list[str]) -> str:
        return "".join(piece if piece.startswith("<w:") else f"<w:t>{piece}</w:t>" for piece in pieces)

    content = body("<w:p>" + "".join(f"<w:r>{run(pieces)}</w:r>" for pieces in runs) + "</w:p>")
    document = tagger.tag_source(read_docx("报告.docx", content))
    result = annotate_docx(content, document, tagger.explain_theme)
    assert read_docx("报告.docx", result) == document.source
    tagged = [each.paragraph for each in document.paragraphs if each.tag is not None]
    if tagged:
        found = [re.sub(r"\s", "", anchor) for anchor, _ in comments(result).values()]
        expected = [re.sub(r"\s", "", document.source.text[each.start : each.end]) for each in tagged]
        assert [text.strip("\u200b") for text in found] == [text.strip("\u200b") for text in expected]


@given(st.data())
@settings(max_examples=60)
def test_a_spoilt_file_is_annotated_or_refused(tagger: Tagger, data: st.DataObject) -> None:
    good = body(f"<w:p><w:r><w:t>{FAZHI}</w:t></w:r></w:p>")
    document = tagger.tag_source(read_docx("报告.docx", good))
    content = bytearray(good)
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        assert annotate_docx(bytes(content), document, tagger.explain_theme)
    except InputError as error:
        assert "请" in str(error)


def test_libreoffice_shows_the_comments(root: Path, tagger: Tagger, tmp_path: Path) -> None:
    if shutil.which("soffice") is None:
        pytest.skip("需要 LibreOffice（soffice），这里没有")
    result, _ = annotated(tagger, (root / "examples" / "乡镇述职报告.docx").read_bytes())
    (tmp_path / "a.docx").write_bytes(result)
    profile = f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}"
    command = ["soffice", profile, "--headless", "--convert-to"]
    for target in ("odt", 'pdf:writer_pdf_Export:{"ExportNotesInMargin":{"type":"boolean","value":"true"}}'):
        subprocess.run(
            [*command, target, "--outdir", str(tmp_path), str(tmp_path / "a.docx")],
            check=True,
            capture_output=True,
            timeout=120,
        )
    odt = parts_of((tmp_path / "a.odt").read_bytes())["content.xml"].decode()
    assert odt.count("<office:annotation ") == len(comments(result))
    assert "<dc:creator>tagger</dc:creator>" in odt
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF-")
