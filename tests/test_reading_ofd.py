"""OFD in: pages made by hand after GB/T 33190, and one file that easyofd wrote."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagger.errors import FormatError, InputError
from tagger.reading.limits import Limits
from tagger.reading.ofd import read_ofd
from tagger.records import Source

FILES = Path(__file__).parent / "files" / "ofd"
SAMPLES = sorted(path.stem for path in FILES.glob("*.ofd"))
NAMESPACE = 'xmlns:ofd="http://www.ofdspec.org/2016"'
SIZE = 5.64  # mm: the third size (16 point) of official documents
LEFT, WIDTH = 28.0, 28 * SIZE
PITCH = 10.2


def texts(source: Source) -> list[str]:
    return [source.text[line.start : line.end] for line in source.lines]


def text(words: str, x: float, y: float, *, size: float = SIZE, code: str = "", attributes: str = "") -> str:
    """A text object whose baseline begins at x, y."""
    steps = f'DeltaX="g {len(words) - 1} {size}"' if len(words) > 1 and not code else code
    return (
        f'<ofd:TextObject ID="9" Font="3" Size="{size}" Boundary="{x} {y - size} 150 {size}" {attributes}>'
        f'<ofd:TextCode X="0" Y="{size}" {steps}>{escape(words)}</ofd:TextCode></ofd:TextObject>'
    )


def page(*objects: str, templates: Sequence[str] = (), box: str = "") -> str:
    area = f"<ofd:Area><ofd:PhysicalBox>{box}</ofd:PhysicalBox></ofd:Area>" if box else ""
    used = "".join(f'<ofd:Template TemplateID="{key}" ZOrder="Background"/>' for key in templates)
    layer = f'<ofd:Content><ofd:Layer ID="2" Type="Body">{"".join(objects)}</ofd:Layer></ofd:Content>'
    return f"<ofd:Page {NAMESPACE}>{area}{used}{layer}</ofd:Page>"


def package(parts: Mapping[str, str]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return content.getvalue()


def document(*pages: str, templates: Mapping[str, str] | None = None) -> dict[str, str]:
    """The parts of an OFD file."""
    shared = templates or {}
    kept = "".join(f'<ofd:TemplatePage ID="{key}" BaseLoc="Tpls/T{key}.xml"/>' for key in shared)
    listed = "".join(f'<ofd:Page ID="{100 + n}" BaseLoc="Pages/Page_{n}/Content.xml"/>' for n in range(len(pages)))
    return {
        "OFD.xml": f'<ofd:OFD {NAMESPACE} Version="1.1" DocType="OFD"><ofd:DocBody><ofd:DocInfo/>'
        "<ofd:DocRoot>Doc_0/Document.xml</ofd:DocRoot></ofd:DocBody></ofd:OFD>",
        "Doc_0/Document.xml": f"<ofd:Document {NAMESPACE}><ofd:CommonData><ofd:PageArea>"
        f"<ofd:PhysicalBox>0 0 210 297</ofd:PhysicalBox></ofd:PageArea>{kept}</ofd:CommonData>"
        f"<ofd:Pages>{listed}</ofd:Pages></ofd:Document>",
        **{f"Doc_0/Tpls/T{key}.xml": part for key, part in shared.items()},
        **{f"Doc_0/Pages/Page_{number}/Content.xml": part for number, part in enumerate(pages)},
    }


def read_pages(*pages: str, templates: Mapping[str, str] | None = None) -> list[str]:
    return texts(read_ofd("a.ofd", package(document(*pages, templates=templates))))


def set_lines(paragraphs: Sequence[str], y: float = 40) -> list[str]:
    """Paragraphs set in lines of 28 characters, the first indented by two."""
    objects = []
    for paragraph in paragraphs:
        rest, indent = paragraph, 2
        while rest:
            line, rest = rest[: 28 - indent], rest[28 - indent :]
            objects.append(text(line, LEFT + indent * SIZE, y))
            y, indent = y + PITCH, 0
    return objects


FULL = (
    "今年以来，县委办公室坚持以习近平新时代中国特色社会主义思想为指导，"
    "深入学习贯彻党的二十大精神，各项工作取得新的进展。"
)


@pytest.mark.parametrize("name", SAMPLES)
def test_files_that_easyofd_wrote(name: str) -> None:
    source = read_ofd(name, (FILES / f"{name}.ofd").read_bytes())
    assert texts(source) == (FILES / f"{name}.txt").read_text("utf-8").splitlines()


def test_there_is_a_sample() -> None:
    assert SAMPLES


def test_lines_become_paragraphs_by_their_indents() -> None:
    paragraphs = ["一、抓党建", FULL, "（一）普法宣传有声有色。" + FULL]
    title = text("关于工作情况的报告", 70, 28, size=7.76)
    signature = text("某县委办公室", 130, 250)
    assert read_pages(page(title, *set_lines(paragraphs), signature)) == [
        "关于工作情况的报告",
        *paragraphs,
        "某县委办公室",
    ]


def test_a_paragraph_goes_on_over_the_foot_of_a_page() -> None:
    objects = set_lines([FULL, FULL])
    pages = [[*objects[:5], text("— 1 —", 95, 280)], [*objects[5:], text("— 2 —", 95, 280)]]
    assert read_pages(*(page(*each) for each in pages)) == [FULL, FULL]


def test_reading_order_is_by_place_not_by_file() -> None:
    objects = set_lines(["甲段。", "乙段。", "丙段。"])
    assert read_pages(page(*reversed(objects))) == ["甲段。", "乙段。", "丙段。"]


def test_pieces_of_one_line_are_joined_and_gaps_become_blanks() -> None:
    objects = [
        text("Word", 60, 40.3, code='DeltaX="2.8 2.8 2.8"'),
        text("签发人：", 28, 40),
        text("张某某", 120, 39.8),
        text("and", 73, 40, code='DeltaX="g 2 2.8"'),
    ]
    assert read_pages(page(*objects)) == ["签发人： Word and 张某某"]


@pytest.mark.parametrize("code", ['DeltaX="g 3 5.64 5.64"', 'DeltaX="5.64 5.64 5.64 5.64"', "", 'DeltaX="5.64"'])
def test_every_way_to_say_how_far_characters_stand_apart(code: str) -> None:
    assert read_pages(page(text("会议纪要乙", 28, 40, code=code))) == ["会议纪要乙"]


def test_a_gap_and_a_new_line_inside_one_piece_of_text() -> None:
    assert read_pages(page(text("姓名张三", 28, 40, code='DeltaX="5.64 40 5.64"'))) == ["姓名 张三"]
    words = text("上行。下行。", 28, 40, code='DeltaX="g 2 5.64 -11.28 g 2 5.64" DeltaY="0 0 10 0 0"')
    assert read_pages(page(words)) == ["上行。", "下行。"]
    assert read_pages(page(text("竖排的字", 28, 40, code='DeltaY="g 3 6"'))) == ["竖排的字"]


def test_matrices_move_and_scale_and_watermarks_are_left_out() -> None:
    objects = [
        text("后面", 28, 60),
        text("前面", 28, 0, size=1, code='DeltaX="1"', attributes='CTM="5.64 0 0 5.64 0 40"'),
        text("内部资料", 60, 50, attributes='CTM="0.7 -0.7 0.7 0.7 0 0"'),
        text("看不见", 28, 80, attributes='Visible="false"'),
    ]
    assert read_pages(page(*objects)) == ["前面", "后面"]


def test_text_beside_the_page_and_text_drawn_twice_are_left_out() -> None:
    objects = [text("粗体字。", 28, 40), text("粗体字。", 28.1, 40.05), text("页外", 300, 40), text("页下", 28, 400)]
    assert read_pages(page(*objects)) == ["粗体字。"]
    assert read_pages(page(text("宽页", 300, 40), box="0 0 420 297")) == ["宽页"]


def test_templates_that_pages_share_are_left_out() -> None:
    templates = {"1": page(text("单位信笺", 28, 20)), "2": page(text("红头文件", 28, 20))}
    first = page(text("正文一。", 39.3, 40), templates=["2"])
    others = [page(text(f"正文{number}。", 39.3, 40), templates=["1"]) for number in "二三"]
    assert read_pages(first, *others, templates=templates) == ["红头文件", "正文一。", "正文二。", "正文三。"]


def test_running_heads_in_the_pages_are_left_out() -> None:
    pages = [page(text("工作简报", 28, 20), text(f"第{number}页正文。", 39.3, 40)) for number in "一二三"]
    assert read_pages(*pages) == ["第一页正文。", "第二页正文。", "第三页正文。"]


def test_nested_blocks_and_paths_from_the_root() -> None:
    parts = document(page(f'<ofd:PageBlock ID="7">{text("块里的字", 28, 40)}</ofd:PageBlock>'))
    parts["Doc_0/Document.xml"] = parts["Doc_0/Document.xml"].replace('"Pages/', '"/Doc_0/Pages/')
    parts["OFD.xml"] = parts["OFD.xml"].replace("Doc_0/", "/Doc_0/")
    assert texts(read_ofd("a.ofd", package(parts))) == ["块里的字"]


def test_offsets_cut_the_lines_out_of_the_text() -> None:
    source = read_ofd("a.ofd", package(document(page(*set_lines(["甲段。", "乙段。"])))))
    assert source.text == "甲段。\n乙段。"
    assert [(line.start, line.end, line.level) for line in source.lines] == [(0, 3, None), (4, 7, None)]


IMAGE = '<ofd:ImageObject ID="5" Boundary="0 0 210 297" ResourceID="4"/>'


@pytest.mark.parametrize(
    "pages", [[], [page()], [page(IMAGE)], [page(IMAGE, text("??\ufffd\ue123", 28, 40))], [page(text("1", 100, 280))]]
)
def test_pages_without_text_ask_for_ocr(pages: list[str]) -> None:
    with pytest.raises(FormatError, match="没有文字层") as raised:
        read_pages(*pages)
    assert "OCR" in str(raised.value)


def test_other_archives_and_encrypted_files() -> None:
    with pytest.raises(FormatError, match="不是 OFD 文档"):
        read_ofd("a.ofd", package({"a.txt": "文字"}))
    with pytest.raises(InputError, match="已加密"):
        read_ofd("a.ofd", package({**document(page()), "Encryptions.xml": "<x/>"}))


BOMB = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><x>&b;</x>'


@pytest.mark.parametrize(
    "part",
    [
        BOMB,
        '<?xml version="1.0" encoding="utf-100"?><ofd:Page/>',
        "<ofd:Page",
        page(text("字", 28, 40).replace("28", "nan")),
        page(text("字", 28, 40, attributes='CTM="x"')),
        page(text("字字", 28, 40, code='DeltaX="g x 5"')),
        page(text("字字", 28, 40, code='DeltaX="inf"')),
    ],
)
def test_damaged_and_hostile_pages(part: str) -> None:
    with pytest.raises(InputError, match="损坏"):
        read_pages(part)


def test_missing_parts_and_half_files() -> None:
    parts = document(page(text("字", 28, 40)))
    content = package(parts)
    del parts["Doc_0/Pages/Page_0/Content.xml"]
    for broken in (package(parts), content[: len(content) // 2], b"PK\x03\x04", b""):
        with pytest.raises(InputError, match="损坏"):
            read_ofd("a.ofd", broken)


@pytest.mark.parametrize("limit", ["part_bytes", "parts_bytes", "elements", "pages", "characters", "lines"])
def test_limits(monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    monkeypatch.setattr("tagger.reading.limits.DEFAULT", Limits(**{limit: 1}))
    with pytest.raises(InputError, match="分成几份"):
        read_pages(page(text("文字", 28, 40), text("文字", 28, 60)))


def test_a_count_of_many_steps_costs_nothing() -> None:
    assert read_pages(page(text("文字", 28, 40, code='DeltaX="g 999999999999 5.64"'))) == ["文字"]


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=6))
def test_a_spoilt_document_is_read_or_refused(changes: list[tuple[int, int]]) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as archive:
        for name, part in document(page(*set_lines([FULL]))).items():
            archive.writestr(name, part)
    spoilt = bytearray(content.getvalue())
    for place, value in changes:
        spoilt[place % len(spoilt)] = value
    try:
        read_ofd("坏.ofd", bytes(spoilt))
    except InputError as error:
        assert "请" in str(error)


@settings(max_examples=60)
@given(st.text("g0123456789.- eE", max_size=12), st.text("g0123456789.- eE", max_size=12))
def test_any_numbers_are_read_or_refused(steps: str, matrix: str) -> None:
    part = page(text("文字与文字", 28, 40, code=f'DeltaX="{steps}" DeltaY="{matrix}"', attributes=f'CTM="{matrix}"'))
    try:
        read_pages(part)
    except InputError as error:
        assert "请" in str(error)
