"""Word files in: numbers, tables, boxes, notes, tracked changes, fields, and what is left out or refused."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import time
import zipfile
from pathlib import Path

import pytest
from docx import Document
from docx.oxml.ns import nsdecls
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tagger.errors import FormatError, InputError
from tagger.reading.docx import DOCUMENT, STRICT, TRANSITIONAL, W, leaves_of, opened, parse_part, read_docx
from tagger.reading.limits import VARIABLE
from tagger.reading.numbering import FORMATS, SILENT_FORMATS, Counter, Level, chinese
from tagger.records import Source

FILES = Path(__file__).parent / "files" / "docx"
SAMPLES = sorted(path.stem for path in FILES.glob("*.docx"))
NAMES = (
    nsdecls("w", "m")
    + ' xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" xmlns:v="urn:schemas-microsoft-com:vml"'
    + ' xmlns:wps="http://schemas.microsoft.com/office/word/2010/wordprocessingShape"'
)
RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"


def shown(source: Source) -> list[str]:
    """Lines as the expected files hold them: level, place, text."""
    return [
        f"{'' if line.level is None else line.level}|{line.place}|{source.text[line.start : line.end]}"
        for line in source.lines
    ]


def packed(**parts: str | bytes) -> bytes:
    """A Word file of these parts; `document` and the like are the content of their roots."""
    roots = {"document": "document", "styles": "styles", "numbering": "numbering"}
    roots |= {"footnotes": "footnotes", "endnotes": "endnotes"}
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in parts.items():
            if name in roots and isinstance(part, str):
                inner = f"<w:body>{part}</w:body>" if name == "document" else part
                archive.writestr(f"word/{name}.xml", f"<w:{roots[name]} {NAMES}>{inner}</w:{roots[name]}>")
            else:
                archive.writestr(name, part)
    return target.getvalue()


def lines(document: str, **parts: str | bytes) -> list[str]:
    """What is read from a body, as in the expected files."""
    content = packed(document=document, **parts)
    source = read_docx("a.docx", content)
    with opened("a.docx", content) as archive:
        root = parse_part("a.docx", archive, DOCUMENT)
        leaves = leaves_of("a.docx", archive, root)
    inside = set(root.iter())
    for leaf in leaves:
        assert source.text[leaf.start : leaf.start + len(leaf.text)] == leaf.text
        assert leaf.element in inside
        assert leaf.path[-1] is leaf.element
        assert leaf.path[0].getparent().tag == W + "p"
    return shown(source)


def run(text: str) -> str:
    return f"<w:r><w:t>{text}</w:t></w:r>"


def p(inner: str = "", properties: str = "") -> str:
    """A paragraph of runs, or of plain text."""
    return f"<w:p><w:pPr>{properties}</w:pPr>{inner if inner.startswith('<') or not inner else run(inner)}</w:p>"


def numbered(text: str, instance: int, depth: int | None = 0) -> str:
    level = "" if depth is None else f'<w:ilvl w:val="{depth}"/>'
    return p(text, f'<w:numPr>{level}<w:numId w:val="{instance}"/></w:numPr>')


def level(depth: int, kind: str, pattern: str, more: str = "", start: int = 1) -> str:
    kinds = f'<w:numFmt w:val="{kind}"/>'
    return f'<w:lvl w:ilvl="{depth}"><w:start w:val="{start}"/>{kinds}{more}<w:lvlText w:val="{pattern}"/></w:lvl>'


def abstract(key: int, *levels: str) -> str:
    return f'<w:abstractNum w:abstractNumId="{key}">{"".join(levels)}</w:abstractNum>'


def num(key: int, abstract_key: int, overrides: str = "") -> str:
    return f'<w:num w:numId="{key}"><w:abstractNumId w:val="{abstract_key}"/>{overrides}</w:num>'


def style(key: str, name: str, inner: str = "", *, based: str = "", kind: str = "paragraph") -> str:
    based = f'<w:basedOn w:val="{based}"/>' if based else ""
    return f'<w:style w:type="{kind}" w:styleId="{key}"><w:name w:val="{name}"/>{based}{inner}</w:style>'


def styled(text: str, key: str, more: str = "") -> str:
    return p(text, f'<w:pStyle w:val="{key}"/>{more}')


# What a real program wrote


@pytest.mark.parametrize("name", SAMPLES)
def test_files_that_libreoffice_wrote(name: str) -> None:
    source = read_docx(name, (FILES / f"{name}.docx").read_bytes())
    assert shown(source) == (FILES / f"{name}.txt").read_text("utf-8").splitlines()


def test_there_are_samples() -> None:
    assert {"libreoffice", "libreoffice_html"} <= set(SAMPLES)


@pytest.mark.skipif(shutil.which("soffice") is None, reason="这里没有 LibreOffice")
def test_what_libreoffice_writes_today_is_read_to_the_lines_it_was_made_from(tmp_path: Path) -> None:
    profile = f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}"
    command = ["soffice", profile, "--headless", "--convert-to", "docx", "--outdir", str(tmp_path)]
    subprocess.run([*command, str(FILES / "libreoffice.fodt")], check=True, capture_output=True, timeout=120)
    source = read_docx("a.docx", (tmp_path / "libreoffice.docx").read_bytes())
    assert shown(source) == (FILES / "libreoffice.txt").read_text("utf-8").splitlines()


# Numbers


def test_numbers_in_chinese() -> None:
    spelled = {1: "一", 10: "十", 11: "十一", 20: "二十", 21: "二十一", 100: "一百", 101: "一百〇一", 110: "一百一十"}
    assert {number: chinese(number) for number in spelled} == spelled


@pytest.mark.parametrize(
    ("kind", "first", "twelfth", "large"),
    [
        ("chineseCounting", "一", "十二", "一百〇一"),
        ("chineseCountingThousand", "一", "十二", "一百〇一"),
        ("japaneseCounting", "一", "十二", "一百〇一"),
        ("taiwaneseCounting", "一", "十二", "一百〇一"),
        ("taiwaneseCountingThousand", "一", "十二", "一百〇一"),
        ("chineseLegalSimplified", "壹", "壹拾贰", "壹佰零壹"),
        ("ideographLegalTraditional", "壹", "壹拾貳", "壹佰零壹"),
        ("ideographDigital", "一", "一二", "一〇一"),
        ("ideographTraditional", "甲", "12", "101"),
        ("ideographZodiac", "子", "亥", "101"),
        ("ideographZodiacTraditional", "甲子", "乙亥", "甲辰"),
        ("ideographEnclosedCircle", "㊀", "12", "101"),
        ("decimal", "1", "12", "101"),
        ("decimalZero", "01", "12", "101"),
        ("decimalFullWidth", "１", "１２", "１０１"),
        ("decimalEnclosedCircle", "①", "⑫", "101"),
        ("decimalEnclosedCircleChinese", "①", "⑫", "101"),
        ("decimalEnclosedParen", "⑴", "⑿", "101"),
        ("decimalEnclosedFullstop", "⒈", "⒓", "101"),
        ("numberInDash", "- 1 -", "- 12 -", "- 101 -"),
        ("upperRoman", "I", "XII", "CI"),
        ("lowerRoman", "i", "xii", "ci"),
        ("upperLetter", "A", "L", "WWWW"),
        ("lowerLetter", "a", "l", "wwww"),
        ("ordinal", "1st", "12th", "101st"),
        ("hex", "1", "C", "65"),
        ("somethingNew", "1", "12", "101"),
    ],
)
def test_each_kind_of_number(kind: str, first: str, twelfth: str, large: str) -> None:
    starts = {1: 1, 2: 12, 3: 101}
    numbering = "".join(abstract(key, level(0, kind, "%1、", start=start)) for key, start in starts.items())
    numbering += "".join(num(key, key) for key in starts)
    document = "".join(numbered("党建", key) for key in starts)
    assert lines(document, numbering=numbering) == [f"||{each}、党建" for each in (first, twelfth, large)]


@given(st.sampled_from(sorted(FORMATS.keys() - SILENT_FORMATS)), st.integers(0, 20_000))
def test_every_format_spells_every_number(name: str, number: int) -> None:
    assert Counter({0: Level(name, number, "第%1条")}).next(0).startswith("第")


def test_levels_restart_and_show_the_numbers_above() -> None:
    levels = level(0, "chineseCountingThousand", "%1、"), level(1, "chineseCounting", "（%2）")
    levels += level(2, "decimal", "%3."), level(3, "lowerLetter", "%1-%2-%3-%4)")
    numbering = abstract(7, *levels) + num(1, 7)
    texts = [("甲", 0), ("乙", 1), ("丙", 1), ("丁", 2), ("戊", 3), ("己", 0), ("庚", 1), ("辛", 3)]
    assert lines("".join(numbered(text, 1, depth) for text, depth in texts), numbering=numbering) == [
        "||一、甲", "||（一）乙", "||（二）丙", "||1.丁", "||一-二-1-a)戊", "||二、己", "||（一）庚", "||二-一-1-a)辛",
    ]  # fmt: skip


def test_legal_numbers_restart_rules_and_what_stands_after_the_number() -> None:
    legal = level(0, "chineseCounting", "第%1章", "<w:suff w:val='space'/>")
    legal += level(1, "decimal", "%1.%2", "<w:isLgl/>") + level(2, "decimal", "第%3条", '<w:lvlRestart w:val="0"/>')
    legal += level(3, "decimal", "%4", '<w:suff w:val="nothing"/>') + level(
        4, "decimal", "%5", '<w:lvlRestart w:val="1"/>'
    )
    numbering = abstract(1, legal) + num(1, 1)
    depths = [0, 1, 2, 2, 4, 0, 1, 2, 3, 1, 4, 2, 4]
    assert lines("".join(numbered("文", 1, depth) for depth in depths), numbering=numbering) == [
        "||第一章 文", "||1.1 文", "||第1条 文", "||第2条 文", "||1 文", "||第二章 文", "||2.1 文",
        "||第3条 文", "||1文", "||2.2 文", "||1 文", "||第4条 文", "||2 文",
    ]  # fmt: skip


def test_instances_go_on_with_one_another_unless_they_say_so() -> None:
    start = '<w:lvlOverride w:ilvl="0"><w:startOverride w:val="5"/></w:lvlOverride>'
    other = f'<w:lvlOverride w:ilvl="0">{level(0, "upperRoman", "%1.")}</w:lvlOverride>'
    numbering = abstract(1, level(0, "decimal", "%1."), level(1, "decimal", "%1.%2"))
    numbering += num(1, 1) + num(2, 1) + num(3, 1, start) + num(4, 1, other)
    document = "".join(numbered("文", instance) for instance in (1, 1, 2, 3, 3, 1, 4))
    expected = ["1.", "2.", "3.", "5.", "6.", "7.", "VIII."]
    assert lines(document, numbering=numbering) == [f"||{number}文" for number in expected]


def test_bullets_empty_paragraphs_missing_numberings_and_a_number_switched_off() -> None:
    numbering = abstract(1, level(0, "bullet", "")) + abstract(2, level(0, "decimal", "%1.")) + num(1, 1) + num(2, 2)
    numbering += abstract(3, level(0, "none", "注：")) + abstract(4, level(0, "none", "%1.")) + num(3, 3) + num(4, 4)
    document = numbered("点", 1) + numbered("一", 2) + numbered("", 2) + numbered("三", 2) + numbered("无", 9)
    document += numbered("零", 0) + numbered("深", 2, 5) + numbered("注", 3) + numbered("空", 4)
    read = lines(document, numbering=numbering)
    assert read == ["||点", "||1.一", "||3.三", "||无", "||零", "||深", "||注：注", "||空"]


def test_the_custom_formats_of_word_and_a_level_without_a_start() -> None:
    choice = '<mc:Choice Requires="w14"><w:numFmt w:val="custom" w:format="001, 002, 003, ..."/></mc:Choice>'
    choice += '<mc:Fallback><w:numFmt w:val="decimal"/></mc:Fallback>'
    custom = f'<w:lvl w:ilvl="0"><mc:AlternateContent>{choice}</mc:AlternateContent><w:lvlText w:val="%1."/></w:lvl>'
    assert lines(numbered("文", 1) * 2, numbering=abstract(1, custom) + num(1, 1)) == ["||000.文", "||001.文"]


def test_numbers_from_styles() -> None:
    tied = level(0, "chineseCounting", "%1、", '<w:pStyle w:val="H1"/>')
    tied += level(1, "chineseCounting", "（%2）", '<w:pStyle w:val="H2"/>') + level(2, "decimal", "%3.")
    linked = '<w:abstractNum w:abstractNumId="2"><w:numStyleLink w:val="List"/></w:abstractNum>'
    numbering = abstract(1, tied) + linked + num(1, 1) + num(2, 2)
    properties = '<w:pPr><w:numPr><w:numId w:val="1"/></w:numPr></w:pPr>'
    deeper = '<w:pPr><w:numPr><w:ilvl w:val="2"/></w:numPr></w:pPr>'
    styles = style("H1", "heading 1", properties) + style("H2", "heading 2", properties)
    styles += style("Own", "乡镇标题", based="H2") + style("Item", "条目", deeper, based="H1")
    styles += style("List", "列表", properties, kind="numbering")
    document = styled("甲", "H1") + styled("乙", "H2") + styled("丙", "Own") + styled("丁", "Item") + numbered("戊", 2)
    document += styled("己", "H2", '<w:numPr><w:numId w:val="0"/></w:numPr>')
    assert lines(document, numbering=numbering, styles=styles) == [
        "1||一、甲", "2||（一）乙", "2||（二）丙", "1||1.丁", "||二、戊", "2||己",
    ]  # fmt: skip


# Headings


def test_levels_of_headings() -> None:
    outline = '<w:pPr><w:outlineLvl w:val="{}"/></w:pPr>'
    styles = style("Normal", "Normal") + style("T", "Title") + style("H1", "heading 1", outline.format(0))
    styles += style("H2", "标题 2") + style("Own", "自定", based="H1") + style("Deep", "自定二", based="Own")
    styles += style("Body", "似标题", outline.format(9), based="H1") + style("Loop", "圈", based="Loop")
    styles += style("OwnTitle", "公文标题", based="T") + style("Grid", "Table Grid", kind="table")
    direct = '<w:outlineLvl w:val="3"/>'
    document = "".join(styled(key, key) for key in ("T", "OwnTitle", "H1", "H2", "Own", "Deep", "Body", "Loop", "None"))
    document += p("直接", direct) + styled("改了", "H1", direct) + styled("不算", "H1", '<w:outlineLvl w:val="9"/>')
    read = lines(document, styles=styles)
    assert [line.partition("|")[0] for line in read] == ["0", "0", "1", "2", "1", "1", "", "", "", "4", "4", ""]


def test_the_default_style_holds_where_none_is_named_or_it_is_missing() -> None:
    default = '<w:style w:type="paragraph" w:default="1" w:styleId="N"><w:name w:val="Normal"/>{}</w:style>'
    styles = default.format('<w:pPr><w:outlineLvl w:val="1"/></w:pPr>')
    assert lines(p("文") + styled("文", "没有"), styles=styles) == ["2||文", "2||文"]


def test_table_styles_are_cut_out_and_no_others() -> None:
    table = style("Grid", "Table Grid", "<w:tblPr/>", kind="table")
    heading = style("H1", "heading 1")
    assert lines(styled("文", "H1"), styles=table + heading + table) == ["1||文"]
    assert lines(styled("文", "H1"), styles=f"<!-- {table[:60]} -->{heading}") == ["1||文"]
    empty = '<w:style w:type="table" w:styleId="x"/>'
    assert lines(styled("文", "H1"), styles=empty + heading) == ["1||文"]


# Tables


def cell(inner: str, properties: str = "") -> str:
    return f"<w:tc><w:tcPr>{properties}</w:tcPr>{inner}</w:tc>"


def table(*rows: str) -> str:
    return f"<w:tbl><w:tblPr/><w:tblGrid/>{''.join(f'<w:tr>{row}</w:tr>' for row in rows)}</w:tbl>"


def test_cells_are_lines_with_their_place() -> None:
    inner = table(cell(p("内"))) + p()
    document = (
        table(cell(p("指标")) + cell(p("完成") + p("情况")), cell(inner) + cell(p("后")))
        + p("中")
        + table(cell(p("二")))
    )
    assert lines(document) == [
        "|表1第1行第1列|指标", "|表1第1行第2列|完成", "|表1第1行第2列|情况", "|表1第2行第1列表1第1行第1列|内",
        "|表1第2行第2列|后", "||中", "|表2第1行第1列|二",
    ]  # fmt: skip


def test_merged_deleted_and_wrapped_cells() -> None:
    restart, gone = '<w:vMerge w:val="restart"/>', "<w:vMerge/>"
    wide = cell(p("宽"), '<w:gridSpan w:val="2"/>')
    first = wide + cell(p("三"), restart)
    second = (
        '<w:trPr><w:gridBefore w:val="1"/></w:trPr>' + cell(p("移")) + cell(p("看不见") + table(cell(p("里"))), gone)
    )
    third = "<w:trPr><w:del w:id='1'/></w:trPr>" + cell(p("删去的行"))
    wrapped = f"<w:sdt><w:sdtPr/><w:sdtContent>{cell(p('控件'))}</w:sdtContent></w:sdt>"
    fourth = wrapped + cell(p("删去的格"), "<w:cellDel w:id='2'/>") + cell(p("末"))
    before = "<w:tcPrChange w:id='3'><w:tcPr><w:vMerge/></w:tcPr></w:tcPrChange>"
    fifth = cell(p("改过"), before)
    assert lines(table(first, second, third, fourth, fifth) + p("后")) == [
        "|表1第1行第1列|宽", "|表1第1行第3列|三", "|表1第2行第2列|移", "|表1第3行第1列|控件", "|表1第3行第2列|末",
        "|表1第4行第1列|改过", "||后",
    ]  # fmt: skip


# Text boxes, notes


def box(*paragraphs: str) -> str:
    return f"<w:txbxContent>{''.join(paragraphs)}</w:txbxContent>"


def alternatives(choice: str, fallback: str) -> str:
    fallback = f"<mc:Fallback><w:pict><v:textbox>{fallback}</v:textbox></w:pict></mc:Fallback>"
    choice = f'<mc:Choice Requires="wps"><w:drawing><wps:txbx>{choice}</wps:txbx></w:drawing></mc:Choice>'
    return f"<w:r><mc:AlternateContent>{choice}{fallback}</mc:AlternateContent></w:r>"


def test_text_boxes_come_once_and_after_their_paragraph() -> None:
    inner = box(p("框一") + p("框二"))
    assert lines(p(run("前") + alternatives(inner, inner) + run("后")) + p("下")) == [
        "||前后", "|文本框|框一", "|文本框|框二", "||下",
    ]  # fmt: skip


def test_boxes_in_boxes_in_tables_and_with_tables() -> None:
    deep = box(p(run("外") + alternatives(box(p("内")), box(p("内"))) + run("框")) + table(cell(p("格"))))
    document = table(cell(p(run("前") + alternatives(deep, deep) + run("后")) + p("二")), cell(p("三")))
    assert lines(document) == [
        "|表1第1行第1列|前后", "|表1第1行第1列文本框|外框", "|表1第1行第1列文本框文本框|内",
        "|表1第1行第1列文本框表1第1行第1列|格", "|表1第1行第1列|二", "|表1第2行第1列|三",
    ]  # fmt: skip


def test_old_boxes_and_lone_fallbacks_are_read() -> None:
    pict = f"<w:r><w:pict><v:shape><v:textbox>{box(p('旧框'))}</v:textbox></v:shape></w:pict></w:r>"
    lone = f"<w:r><mc:AlternateContent><mc:Fallback>{box(p('独框'))}</mc:Fallback></mc:AlternateContent></w:r>"
    assert lines(p(run("前") + pict) + p(lone)) == ["||前", "|文本框|旧框", "|文本框|独框"]


def note(kind: str, key: int, *paragraphs: str, type_: str = "") -> str:
    return f'<w:{kind} w:id="{key}"{type_}>{"".join(paragraphs)}</w:{kind}>'


def reference(kind: str, key: int, more: str = "") -> str:
    return f'<w:r><w:{kind}Reference w:id="{key}"{more}/></w:r>'


def test_notes_stand_after_their_paragraph() -> None:
    separator = note("footnote", -1, p("<w:r><w:separator/></w:r>"), p("分隔"), type_=' w:type="separator"')
    mark = "<w:r><w:footnoteRef/></w:r><w:r><w:t xml:space='preserve'> </w:t></w:r>"
    footnotes = (
        separator + note("footnote", 2, p(mark + run("注一。")), p("注一又。")) + note("footnote", 3, p("注二。"))
    )
    footnotes += note("footnote", 4, table(cell(p("表注。")))) + note("footnote", 5, p("没有引用。"))
    endnotes = note("endnote", 2, p("尾注。"))
    custom = reference("footnote", 4, ' w:customMarkFollows="1"') + run("*")
    document = p(run("前") + reference("footnote", 2) + run("后") + reference("endnote", 2)) + p(
        reference("footnote", -1) + run("下")
    )
    document += table(cell(p(run("格") + custom + reference("footnote", 3) + reference("footnote", 99))))
    document += p(run("再") + reference("footnote", 2))
    assert lines(document, footnotes=footnotes, endnotes=endnotes) == [
        "||前后", "|脚注1|注一。", "|脚注1|注一又。", "|尾注1|尾注。", "||下", "|表1第1行第1列|格*",
        "|表1第1行第1列脚注表1第1行第1列|表注。", "|表1第1行第1列脚注3|注二。", "||再",
    ]  # fmt: skip


def test_leaves_of_notes_and_boxes_name_their_host() -> None:
    content = packed(
        document=p(run("前") + alternatives(box(p("框")), "") + reference("footnote", 1)),
        footnotes=note("footnote", 1, p("注。")),
    )
    with opened("a.docx", content) as archive:
        root = parse_part("a.docx", archive, DOCUMENT)
        leaves = leaves_of("a.docx", archive, root)
    first = next(root.iter(W + "p"))
    assert [(leaf.text, leaf.host is first, leaf.in_note) for leaf in leaves] == [
        ("前", False, False), ("框", True, False), ("注。", True, True),
    ]  # fmt: skip
    assert leaves[0].host is None
    assert leaves[2].element.tag == W + "footnoteReference"


# Changes, fields, signs


def test_tracked_changes_are_accepted() -> None:
    moved = "<w:moveFrom w:id='1'>" + run("移") + "</w:moveFrom>"
    document = p(moved + run("甲")) + p("<w:moveTo w:id='2'>" + run("移") + "</w:moveTo>" + run("乙"))
    deleted = "<w:del w:id='3'><w:r><w:delText>删</w:delText></w:r></w:del>"
    document += p(
        run("留") + deleted + "<w:ins w:id='4'>" + run("加") + "<w:del w:id='5'>" + run("又删") + "</w:del></w:ins>"
    )
    changed = "<w:rPr><w:b/><w:rPrChange w:id='6'><w:rPr><w:vanish/></w:rPr></w:rPrChange></w:rPr>"
    document += p(
        f"<w:r>{changed}<w:t>看得见</w:t></w:r>",
        "<w:pPrChange w:id='7'><w:pPr><w:outlineLvl w:val='0'/></w:pPr></w:pPrChange>",
    )
    assert lines(document) == ["||甲", "||移乙", "||留加", "||看得见"]


def test_paragraphs_whose_end_was_deleted_are_joined() -> None:
    end = "<w:rPr><w:del w:id='1'/></w:rPr>"
    gone = p("<w:del w:id='2'><w:r><w:delText>全删</w:delText></w:r></w:del>", end)
    document = p("上", end) + p("中", end) + p("下") + gone + p("后") + p("末", end) + table(cell(p("格", end)))
    assert lines(document) == ["||上中下", "||后", "||末", "|表1第1行第1列|格"]


def field(instruction: str, result: str | None) -> str:
    begin = '<w:r><w:fldChar w:fldCharType="begin"/></w:r>' + instruction
    middle = "" if result is None else '<w:r><w:fldChar w:fldCharType="separate"/></w:r>' + result
    return begin + middle + '<w:r><w:fldChar w:fldCharType="end"/></w:r>'


def test_fields_show_their_result() -> None:
    instruction = '<w:r><w:instrText xml:space="preserve"> PAGE </w:instrText></w:r>'
    nested = field(instruction + field(instruction, run("内")), run("外"))
    simple = f'<w:fldSimple w:instr="DATE">{run("今日")}</w:fldSimple>'
    link = f"<w:hyperlink>{run('链接')}</w:hyperlink>"
    document = p(run("第") + field(instruction, run("3")) + run("页") + field(instruction, None) + run("。"))
    document += p(nested + simple + link) + p(instruction + '<w:r><w:fldChar w:fldCharType="end"/></w:r>' + run("乱"))
    unfinished = '<w:r><w:fldChar w:fldCharType="begin"/></w:r>' + run("指令")
    assert lines(document + p(run("首") + unfinished) + p("后")) == [
        "||第3页。",
        "||外今日链接",
        "||乱",
        "||首",
        "||后",
    ]


def test_a_table_of_contents_is_known_by_its_place() -> None:
    begin = '<w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText>TOC</w:instrText></w:r>'
    begin += '<w:r><w:fldChar w:fldCharType="separate"/></w:r>'
    end = '<w:r><w:fldChar w:fldCharType="end"/></w:r>'
    entry = run("一、组织建设") + "<w:r><w:tab/></w:r>" + run("1")
    styles = style("T1", "toc 1") + style("W2", "WPSOffice手动目录 2")
    document = styled(begin + entry, "T1") + styled(run("（一）换届"), "W2") + p(end) + p("正文")
    assert lines(document, styles=styles) == ["|目录|一、组织建设\t1", "|目录|（一）换届", "||正文"]
    gallery = '<w:sdtPr><w:docPartObj><w:docPartGallery w:val="{}"/></w:docPartObj></w:sdtPr>'
    contents = gallery.format("Table of Contents")
    document = f"<w:sdt>{contents}<w:sdtContent>{styled('目录', 'T1')}{p('一、换届')}</w:sdtContent></w:sdt>" + p(
        "正文"
    )
    document += f"<w:sdt>{gallery.format('Cover Pages')}<w:sdtContent>{p('封面')}</w:sdtContent></w:sdt>"
    assert lines(document, styles=styles) == ["|目录|目录", "|目录|一、换届", "||正文", "||封面"]


def test_signs_and_what_is_not_shown() -> None:
    signs = "<w:r><w:t>甲</w:t><w:tab/><w:t>乙</w:t><w:br/><w:t>丙</w:t><w:cr/><w:t>丁</w:t>"
    signs += "<w:noBreakHyphen/><w:softHyphen/><w:t>戊</w:t><w:lastRenderedPageBreak/></w:r>"
    hidden = (
        "<w:r><w:rPr><w:vanish/></w:rPr><w:t>藏</w:t></w:r><w:r><w:rPr><w:vanish w:val='0'/></w:rPr><w:t>显</w:t></w:r>"
    )
    ruby = f"<w:r><w:ruby><w:rubyPr/><w:rt>{run('zhèn')}</w:rt><w:rubyBase>{run('镇')}</w:rubyBase></w:ruby></w:r>"
    symbols = '<w:r><w:sym w:font="Wingdings" w:char="F0FE"/><w:sym w:font="Symbol" w:char="F0B7"/>'
    symbols += '<w:sym w:font="没有" w:char="F0FE"/><w:sym w:font="宋体" w:char="25A1"/>'
    symbols += '<w:sym w:char="000A"/><w:sym w:char="D800"/><w:sym w:char="坏"/><w:sym/></w:r>'
    formula = "<m:oMathPara><m:oMath><m:r><m:t>x=1</m:t></m:r></m:oMath></m:oMathPara>"
    stops = '<w:tabs><w:tab w:val="left" w:pos="420"/></w:tabs><w:rPr><w:vanish/></w:rPr>'
    document = p(signs, stops) + p(hidden + ruby + symbols + formula) + p("<w:r><w:t>断\n行</w:t></w:r>")
    control = f"<w:sdt><w:sdtPr/><w:sdtContent>{run('控件')}</w:sdtContent></w:sdt>"
    document += p(f"<w:smartTag>{run('标')}</w:smartTag>{control}") + f"<w:customXml>{p('包')}</w:customXml>"
    read = ["||甲\t乙", "||丙", "||丁-戊", "||显镇☑•□x=1", "||断 行", "||标控件", "||包"]
    assert lines(document) == read


def test_the_number_goes_with_the_text_after_a_page_break() -> None:
    numbering = abstract(1, level(0, "chineseCounting", "%1、")) + num(1, 1)
    document = numbered('<w:r><w:br w:type="page"/><w:t>总结</w:t></w:r>', 1) + numbered("打算", 1)
    assert lines(document, numbering=numbering) == ["||一、总结", "||二、打算"]


# Packages


def test_strict_documents() -> None:
    document = p("党建", '<w:pStyle w:val="H"/>') + p("<m:oMath><m:r><m:t>x</m:t></m:r></m:oMath>")
    content = packed(document=document, styles=style("H", "heading 1"))
    strict = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(strict, "w") as new:
        for part in old.namelist():
            xml = old.read(part).replace(TRANSITIONAL, STRICT)
            math = b"http://schemas.openxmlformats.org/officeDocument/2006/math"
            new.writestr(part, xml.replace(math, b"http://purl.oclc.org/ooxml/officeDocument/math"))
    assert shown(read_docx("a.docx", strict.getvalue())) == ["1||党建", "||x"]


def test_other_prefixes_encodings_and_names_of_parts() -> None:
    xml = '<?xml version="1.0" encoding="utf-16"?><d:document xmlns:d="{}"><d:body>{}</d:body></d:document>'
    body = '<d:p><d:pPr><d:pStyle d:val="H"/></d:pPr><d:r><!-- 注 --><d:t>党<?x y?>建</d:t></d:r></d:p>'
    relation = f'<Relationships xmlns="{RELATIONS}"><Relationship Id="r1" Type="x/styles" Target="/word/styles2.xml"/>'
    styles = f"<w:styles {NAMES}>{style('H', 'heading 2')}</w:styles>"
    content = packed(
        **{
            "word/document2.xml": xml.format(TRANSITIONAL.decode(), body).encode("utf-16"),
            "word/_rels/document2.xml.rels": relation + "</Relationships>",
            "word/styles2.xml": styles,
        }
    )
    assert shown(read_docx("a.docx", content)) == ["2||党建"]


def test_headers_comments_and_missing_parts() -> None:
    header = f"<w:hdr {NAMES}>{p('页眉')}</w:hdr>"
    parts = {"word/header1.xml": header, "word/comments.xml": header, "[Content_Types].xml": "<wrong/>"}
    document = numbered("文", 1) + styled("文", "H1") + p(run("文") + reference("footnote", 1))
    assert lines(document, **parts) == ["||文"] * 3


# What is refused


def test_damaged_and_wrong_zip_files() -> None:
    content = packed(document=p("文" * 1000))
    for cut in (len(content) // 2, len(content) - 10, 10):
        with pytest.raises(InputError, match="损坏"):
            read_docx("a.docx", content[:cut])
    other = packed(**{"a.txt": "文字"})
    with pytest.raises(FormatError, match="不是 Word 文档"):
        read_docx("a.docx", other)


@pytest.mark.parametrize(
    "xml",
    [
        f"<w:document {NAMES}/>",
        f"<w:document {NAMES}><w:body><w:p></w:body></w:document>",
        f'<?xml version="1.0" encoding="foo"?><w:document {NAMES}/>',
        f"<!DOCTYPE x><w:document {NAMES}><w:body>{p('文')}</w:body></w:document>",
        "",
        "<html><body>文</body></html>",
    ],
)
def test_documents_that_make_no_sense_are_refused(xml: str) -> None:
    with pytest.raises(InputError, match="损坏"):
        read_docx("a.docx", packed(**{"word/document.xml": xml}))


@pytest.mark.parametrize("part", ["document", "styles", "numbering", "footnotes"])
def test_entity_bombs_are_refused_in_every_part(part: str) -> None:
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    bomb = f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e0 "党">{entities}]>'
    bomb += f'<w:{part} {NAMES}><w:body>{p("&e11;")}</w:body><w:num a="&e11;"/></w:{part}>'
    document = numbered("文", 1) + p(run("文") + reference("footnote", 1))
    parts = {"document": document} | {f"word/{part}.xml": bomb}
    if part == "document":
        del parts["document"]
    began = time.monotonic()
    with pytest.raises(InputError, match="损坏|太深"):
        read_docx("a.docx", packed(**parts))
    assert time.monotonic() - began < 5


def test_entities_from_files_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("机密")
    declared = f'<!DOCTYPE x [<!ENTITY e SYSTEM "{(tmp_path / "secret").as_uri()}">]>'
    xml = f"{declared}<w:document {NAMES}><w:body>{p('&e;')}</w:body></w:document>"
    with pytest.raises(InputError, match="损坏"):
        read_docx("a.docx", packed(**{"word/document.xml": xml}))


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("<w:sdt><w:sdtContent>", "</w:sdtContent></w:sdt>"),
        ("<w:tbl><w:tr><w:tc>", "</w:tc></w:tr></w:tbl>"),
        ("<w:p><w:r><w:txbxContent>", "</w:txbxContent></w:r></w:p>"),
        ("<w:ins>", "</w:ins>"),
    ],
)
@pytest.mark.parametrize("times", [40, 10_000])
def test_deep_nesting_is_read_or_refused(start: str, end: str, times: int) -> None:
    content = packed(document=start * times + p("底") + end * times)
    if times == 40:
        assert [line.rpartition("|")[2] for line in shown(read_docx("a.docx", content))] == ["底"]
    else:
        with pytest.raises(InputError, match="嵌套太深"):
            read_docx("a.docx", content)


def test_many_changes_boxes_and_tables_side_by_side_are_read_in_time() -> None:
    deleted = "<w:del w:id='1'>" + run("删") + "</w:del>"
    document = p((deleted + run("留")) * 5000) + p(alternatives(box(p("框")), "") * 3000) + table(cell(p("格"))) * 3000
    began = time.monotonic()
    assert len(lines(document)) == 1 + 3000 + 3000
    assert time.monotonic() - began < 10


def test_parts_that_are_too_large_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    content = packed(document=p("文" * 100))
    monkeypatch.setenv(VARIABLE, "0.000001")
    with pytest.raises(InputError, match="不超过"):
        read_docx("a.docx", content)


def test_a_zip_bomb_is_refused_by_its_declared_and_by_its_real_size() -> None:
    document = f"<w:document {NAMES}><w:body>" + " " * (65 * 2**20) + "</w:body></w:document>"
    bomb = packed(**{"word/document.xml": document})
    assert len(bomb) < 2**20
    with pytest.raises(InputError, match="不超过"):
        read_docx("a.docx", bomb)
    size = len(document.encode()).to_bytes(4, "little")
    assert bomb.count(size) == 2  # in the header of the part and in the directory
    with pytest.raises(InputError, match="损坏"):  # the archive says less than there is
        read_docx("a.docx", bomb.replace(size, (1000).to_bytes(4, "little")))


def test_encrypted_and_strangely_packed_parts_are_refused() -> None:
    content = bytearray(packed(document=p("文")))
    for signature, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + place] |= 1
    with pytest.raises(InputError, match="加密"):
        read_docx("a.docx", bytes(content))
    content = bytearray(packed(document=p("文")))
    for signature, place in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        content[content.index(signature) + place] = 14  # LZMA, which it is not
    with pytest.raises(InputError, match="损坏"):
        read_docx("a.docx", bytes(content))


def everything() -> bytes:
    """A small file with something of all that is read."""
    numbering = abstract(1, level(0, "chineseCounting", "%1、"), level(1, "decimal", "%1.%2"))
    numbering += num(1, 1, '<w:lvlOverride w:ilvl="0"><w:startOverride w:val="2"/></w:lvlOverride>')
    styles = style("H1", "heading 1", '<w:pPr><w:outlineLvl w:val="0"/></w:pPr>') + style("T1", "toc 1", based="H1")
    document = styled("总结", "H1") + styled("目录", "T1") + numbered("党建", 1) + numbered("学习", 1, 1)
    document += table(cell(p("格"), '<w:gridSpan w:val="2"/>') + cell(p("并"), "<w:vMerge/>"))
    document += p(run("前") + alternatives(box(p("框")), box(p("框"))) + reference("footnote", 1))
    document += p(
        field("<w:r><w:instrText>PAGE</w:instrText></w:r>", run("3")) + "<w:del w:id='1'>" + run("删") + "</w:del>"
    )
    document += p('<w:r><w:rPr><w:vanish/></w:rPr><w:sym w:font="Symbol" w:char="F0B7"/><w:br/></w:r>')
    return packed(document=document, numbering=numbering, styles=styles, footnotes=note("footnote", 1, p("注。")))


EVERYTHING = everything()
PARTS = sorted(zipfile.ZipFile(io.BytesIO(EVERYTHING)).namelist())
TAG = re.compile(rb"</?w:(\w+)")


def spoil(data: st.DataObject, content: bytearray) -> None:
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))


@settings(max_examples=150)
@given(st.data())
def test_a_spoilt_document_is_read_or_refused(data: st.DataObject) -> None:
    """The archive is spoilt or cut, or the XML of a part in a sound archive, or its elements change their names."""
    content = bytearray(EVERYTHING)
    way = data.draw(st.sampled_from(["archive", "cut", "bytes", "elements"]))
    if way == "archive":
        spoil(data, content)
    elif way == "cut":
        del content[data.draw(st.integers(0, len(content))) :]
    else:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = {name: bytearray(archive.read(name)) for name in PARTS}
        part = parts[data.draw(st.sampled_from(PARTS))]
        if way == "bytes":
            spoil(data, part)
        else:
            names = sorted({found[1] for found in TAG.finditer(part)})
            old, new = data.draw(st.sampled_from(names)), data.draw(st.sampled_from([*names, b"vMerge", b"del", b"p"]))
            part[:] = re.sub(rb"(?<=<w:|/w:)" + old + rb"\b", new, part)
        content = bytearray(packed(**{name: bytes(part) for name, part in parts.items()}))
    read_or_refused(bytes(content))


@example(b"PK\x03\x04")
@given(st.binary(max_size=200))
def test_no_bytes_bring_it_down(content: bytes) -> None:
    read_or_refused(content)


def read_or_refused(content: bytes) -> None:
    try:
        source = read_docx("坏.docx", content)
    except InputError as error:
        assert "请" in str(error)
    else:
        assert all(0 <= line.start < line.end <= len(source.text) for line in source.lines)


def test_python_docx_gives_the_same_paragraphs() -> None:
    document = Document()
    texts = ["关于开展普法宣传的通知", "各村：", "现将有关事项通知如下。\t第二栏", "  前有空格"]
    for text in texts:
        document.add_paragraph(text)
    target = io.BytesIO()
    document.save(target)
    assert shown(read_docx("a.docx", target.getvalue())) == ["||" + text for text in texts]
