"""PDF files: paragraphs come back one for one; what has no text, is closed, too large or broken is refused.

The samples in files/pdf were made with LibreOffice from documents whose paragraphs stand beside them in .txt files:
`official` has the layout of GB/T 9704, `running_head` a running head and page numbers, `two_columns` a title over two
columns, `plan` is examples/县实施方案.docx (no indents, gaps between paragraphs); `scan` is two images of pages.
"""

from __future__ import annotations

import io
import zlib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader, PdfWriter

from tagger.errors import FormatError, InputError
from tagger.reading.limits import Limits
from tagger.reading.pdf import read_pdf
from tagger.reading.pdf.paragraphs import joined
from tagger.reading.pdf.rows import Strip, rows_of_page, without_running_heads
from tagger.reading.pdf.runs import Run, readable
from tagger.records import Source

FILES = Path(__file__).parent / "files" / "pdf"
INDENT, LEFT, TOP, SIZE, PITCH = 24, 72, 770, 12, 20


def texts(source: Source) -> list[str]:
    return [source.text[line.start : line.end] for line in source.lines]


def narrow_blanks_left_out(lines: list[str]) -> list[str]:
    return ["".join(line.split()) for line in lines]


def make_pdf(*contents: str | bytes, extra: str = "") -> bytes:
    """A PDF by hand, one content stream a page; text is written in UTF-16 for a font that need not be there."""
    kids = " ".join(f"{number * 2 + 4} 0 R" for number in range(len(contents)))
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        f"<</Type/Pages/Count {len(contents)}/Kids[{kids}]>>".encode(),
        (
            b"<</Type/Font/Subtype/Type0/BaseFont/STSong-Light/Encoding/UniGB-UTF16-H/DescendantFonts[<</Type/Font"
            b"/Subtype/CIDFontType0/BaseFont/STSong-Light/CIDSystemInfo<</Registry(Adobe)/Ordering(GB1)/Supplement 5>>"
            b"/FontDescriptor<</Type/FontDescriptor/FontName/STSong-Light/Flags 4>>/DW 1000>>]>>"
        ),
    ]
    for number, content in enumerate(contents):
        page = f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents {number * 2 + 5} 0 R"
        objects.append(f"{page}/Resources<</Font<</F1 3 0 R>>{extra}>>>>".encode())
        packed = zlib.compress(content if isinstance(content, bytes) else content.encode("ascii"))
        objects.append(b"<</Filter/FlateDecode/Length %d>>stream\n%b\nendstream" % (len(packed), packed))
    target = io.BytesIO()
    target.write(b"%PDF-1.7\n")
    places = []
    for number, body in enumerate(objects, start=1):
        places.append(target.tell())
        target.write(b"%d 0 obj\n%b\nendobj\n" % (number, body))
    start = target.tell()
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    head = f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n"
    tail = f"trailer<</Root 1 0 R/Size {len(objects) + 1}>>\nstartxref\n{start}\n%%EOF\n"
    target.write((head + table + tail).encode())
    return target.getvalue()


def shown(text: str, x: float, y: float, *, size: float = SIZE, turn: str = "1 0 0 1") -> str:
    return f"BT /F1 {size} Tf {turn} {x} {y} Tm <{text.encode('utf-16-be').hex()}> Tj ET\n"


def page_of(*lines: str, x: float = LEFT, top: float = TOP) -> str:
    """Lines one below the other; blanks of a Chinese character's width at their start are an indent."""
    return "".join(shown(line, x, top - PITCH * number) for number, line in enumerate(lines))


FULL = "全乡坚持以党建引领基层治理不断提升服务群众的能力和水平年"  # 28 characters


@pytest.mark.parametrize("name", ["official", "running_head", "two_columns", "plan"])
def test_the_paragraphs_of_the_source_document_come_back_one_for_one(name: str) -> None:
    source = read_pdf(f"{name}.pdf", (FILES / f"{name}.pdf").read_bytes())
    expected = (FILES / f"{name}.txt").read_text("utf-8").splitlines()
    assert narrow_blanks_left_out(texts(source)) == narrow_blanks_left_out(expected)
    assert "\n".join(texts(source)) == source.text


def test_indent_short_line_and_gap_start_a_paragraph() -> None:
    page = page_of("　　" + FULL[:26], FULL, FULL, "　　" + FULL[:26], FULL[:9] + "。", FULL, FULL[:28])
    page += page_of(FULL, FULL[:5], top=TOP - 7 * PITCH - 20)
    first, second, third, fourth = texts(read_pdf("a.pdf", make_pdf(page)))
    assert (first, second) == (FULL[:26] + FULL * 2, FULL[:26] + FULL[:9] + "。")
    assert (third, fourth) == (FULL * 2, FULL + FULL[:5])


def test_a_paragraph_goes_on_across_pages_whose_heads_and_numbers_are_left_out() -> None:
    head = shown("县政府公报", LEFT, 810, size=9)
    lines = [FULL[number:] + FULL[:number] for number in range(14)]
    bodies = [page_of(*lines[:6]), page_of(*lines[6:12]), page_of(*lines[12:], "完。")]
    pages = [head + body + shown(f"— {number} —", 280, 40) for number, body in enumerate(bodies, start=1)]
    assert texts(read_pdf("a.pdf", make_pdf(*pages))) == ["".join(lines) + "完。"]


def test_page_number_of_a_single_page() -> None:
    page = page_of(FULL, "完。") + shown("第1页 共1页", 280, 40)
    assert texts(read_pdf("a.pdf", make_pdf(page))) == [FULL + "完。"]


def test_columns_drawn_row_by_row_are_not_mixed_up() -> None:
    left, right = FULL[:18], FULL[9:27]
    rows = "".join(
        shown(left, LEFT, TOP - PITCH * number) + shown(right, 320, TOP - PITCH * number - 3) for number in range(8)
    )
    title = shown("关于进一步做好当前全县重点工作安排部署情况的报告", 100, 800, size=16)
    assert texts(read_pdf("a.pdf", make_pdf(title + rows)))[1:] == [left * 8 + right * 8]


def test_cells_of_a_table_stay_apart() -> None:
    cells = [("指标", "目标", "完成"), ("调解纠纷", "二百件", "二百一十件"), ("普法宣传", "十场", "十二场")]
    page = page_of(FULL, FULL, "如下表。", top=800)
    for row, texts_of_row in enumerate(cells):
        page += "".join(shown(text, LEFT + 120 * n, 700 - PITCH * row) for n, text in enumerate(texts_of_row))
    lines = texts(read_pdf("a.pdf", make_pdf(page)))
    assert lines == [FULL * 2 + "如下表。", *(text for row in cells for text in row)]


GRID = [(LEFT + 110 * n, 720 - 50 * row) for row in range(3) for n in range(3)]  # corners of 2 by 2 cells
CELLS = [("调解矛盾纠纷", ""), ("全年受理调解矛盾", "二百一十八件"), ("普法宣传", ""), ("法律进村文艺巡演", "活动")]


def grid(draw: str) -> str:
    """The borders of the cells, stroked as lines or filled as thin areas."""
    (left, top), (right, bottom) = GRID[0], GRID[-1]
    if draw == "stroke":
        lines = [f"{left} {y} m {right} {y} l" for _, y in GRID[::3]]
        lines += [f"{x} {top} m {x} {bottom} l" for x, _ in GRID[:3]]
        return "\n".join([*lines, "S\n"])
    lines = [f"{left} {y} {right - left} 0.5 re" for _, y in GRID[::3]]
    lines += [f"{x} {bottom} 0.5 {top - bottom} re" for x, _ in GRID[:3]]
    return "\n".join([*lines, "f\n"])


@pytest.mark.parametrize("draw", ["stroke", "fill"])
def test_cells_between_lines_are_whole(draw: str) -> None:
    page = page_of(FULL, "如下表。", top=800) + grid(draw)
    for (x, y), cell in zip([GRID[0], GRID[1], GRID[3], GRID[4]], CELLS, strict=True):
        page += "".join(shown(text, x + 6, y - 16 - 16 * n) for n, text in enumerate(cell) if text)
    page += page_of("　　" + FULL[:26], "完。", top=600)
    expected = [FULL + "如下表。", *map("".join, CELLS), FULL[:26] + "完。"]
    assert texts(read_pdf("a.pdf", make_pdf(page))) == expected


def test_frames_are_no_tables_and_odd_drawings_draw_nothing() -> None:
    frame = "60 20 480 800 re S 0 0 595 842 re f /x 1 l nan 1e999 m 9 9 l S 1 re h h S\n"
    assert texts(read_pdf("a.pdf", make_pdf(frame + page_of(FULL, FULL, "完。")))) == [FULL * 2 + "完。"]


def test_words_of_letters_are_parted_by_blanks_or_made_whole_again() -> None:
    assert joined([strip(each) for each in ("party build-", "ing and", "law 推进", "5G", "网络20", "23年")]) == (
        "party building and law 推进5G网络2023年"
    )


def test_very_many_runs_and_lines_take_no_longer() -> None:
    runs = [Run("一", number, number + 1, 0, 1, 0) for number in range(50_000)]
    [[row]] = rows_of_page(runs, [])
    assert row.text == "一" * 50_000
    assert len(joined([strip("words, and")] * 50_000)) == 11 * 50_000 - 1
    page = [[replace(row, text="甲", base=number / 1e5) for number in range(20_000)]]
    assert without_running_heads([page]) == [page]


def strip(text: str) -> Strip:
    return Strip(text, 0, 1, 0, 1, ())


def test_watermarks_and_doubled_text_are_left_out_and_turned_pages_read() -> None:
    watermark = shown("内部资料", 200, 300, size=60, turn="0.7 0.7 -0.7 0.7")
    bold = shown("一、抓党建", LEFT, TOP) + shown("一、抓党建", LEFT + 0.4, TOP)
    assert texts(read_pdf("a.pdf", make_pdf(watermark + bold))) == ["一、抓党建"]
    turned = "".join(shown(FULL, 100 + PITCH * number, 72, turn="0 1 -1 0") for number in range(3))
    assert texts(read_pdf("a.pdf", make_pdf(turned))) == [FULL * 3]


def test_the_text_of_a_list_item_hangs() -> None:
    page = ""
    for number in range(3):
        y = TOP - number * 3 * PITCH
        page += shown(f"{number + 1}.", LEFT, y) + shown(FULL, LEFT + 21, y)
        page += shown(FULL, LEFT + 21, y - PITCH) + shown("完成。", LEFT + 21, y - 2 * PITCH)
    assert texts(read_pdf("a.pdf", make_pdf(page))) == [f"{number}.{FULL * 2}完成。" for number in (1, 2, 3)]


def test_radicals_become_the_characters_they_look_like() -> None:
    assert readable("⼈⺠⻓\u00a0ﬁ\u200b") == "人民长 fi"


def test_a_scan_has_no_text_layer() -> None:
    with pytest.raises(FormatError, match="没有文字层（是扫描件）") as raised:
        read_pdf("扫描.pdf", (FILES / "scan.pdf").read_bytes())
    assert raised.value.advice == "先做 OCR 再试"
    with pytest.raises(FormatError, match="扫描件"):
        read_pdf("多半是扫描.pdf", make_pdf(page_of("封面"), "", ""))


def test_text_without_meaning_is_refused() -> None:
    with pytest.raises(FormatError, match="乱码"):
        read_pdf("a.pdf", make_pdf(page_of("\ue123\ue456\ue789好")))


def encrypted(user_password: str, algorithm: str) -> bytes:
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(make_pdf(page_of("一、抓党建")))))
    writer.encrypt(user_password, "owner", algorithm=algorithm)
    target = io.BytesIO()
    writer.write(target)
    return target.getvalue()


@pytest.mark.parametrize("algorithm", ["RC4-128", "AES-128", "AES-256"])
def test_encrypted_files_open_with_the_empty_password_or_not_at_all(algorithm: str) -> None:
    if algorithm.startswith("AES"):
        pytest.importorskip("cryptography", reason="pypdf needs it for AES")
    assert texts(read_pdf("a.pdf", encrypted("", algorithm))) == ["一、抓党建"]
    with pytest.raises(InputError, match="需要密码"):
        read_pdf("a.pdf", encrypted("secret", algorithm))


@pytest.mark.parametrize(
    ("limit", "value", "message"),
    [
        ("pages", 1, "有 2 页"),
        ("parts_bytes", 10, "展开后有"),
        ("part_bytes", 10, "展开后超过"),
        ("elements", 10, "展开后超过"),
        ("characters", 10, "文字太多"),
        ("lines", 1, "段落太多"),
        ("seconds", -1, "没有读完"),
    ],
)
def test_limits(monkeypatch: pytest.MonkeyPatch, limit: str, value: int, message: str) -> None:
    monkeypatch.setattr("tagger.reading.limits.DEFAULT", Limits(**{limit: value}))
    with pytest.raises(InputError, match=message):
        read_pdf("a.pdf", make_pdf(page_of(FULL), page_of(FULL)))


def test_a_bomb_is_refused_before_it_unfolds() -> None:
    with pytest.raises(InputError, match="展开后超过"):
        read_pdf("a.pdf", make_pdf(b" " * (Limits().part_bytes + 1)))


@pytest.mark.parametrize("content", [b"", b"%PDF-1.7", b"%PDF-1.7\n%%EOF\n", b"%PDF-" + bytes(range(256)) * 20])
def test_what_is_no_whole_pdf_is_refused(content: bytes) -> None:
    with pytest.raises(InputError, match="损坏"):
        read_pdf("a.pdf", content)


SAMPLE = make_pdf(page_of(FULL, FULL[:5]), page_of("　　" + FULL[:26], FULL) + shown("— 2 —", 280, 40))


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, len(SAMPLE) - 1), st.integers(0, 255)), max_size=8), st.integers(0, 200))
def test_a_spoilt_file_is_read_or_refused(changes: list[tuple[int, int]], cut: int) -> None:
    content = bytearray(SAMPLE)
    for place, value in changes:
        content[place] = value
    try:
        source = read_pdf("坏.pdf", bytes(content[: len(content) - cut * (cut % 2)]))
    except InputError as error:
        assert "请" in str(error)
    else:
        assert "\n".join(texts(source)) == source.text


NUMBER = st.one_of(st.integers(-2000, 2000), st.sampled_from(["1e30", "nan", "/Name", "(x)", "0.0001", ""]))
OPERATOR = st.sampled_from(["Tm", "Td", "TD", "T*", "Tf", "Tj", "TJ", "cm", "q", "Q", "BT", "ET", "Tc", "Tz", "'", '"'])


@settings(max_examples=80)
@given(st.lists(st.tuples(st.lists(NUMBER, max_size=6), OPERATOR), max_size=12))
def test_strange_operators_are_read_or_refused(operators: list[tuple[list[object], str]]) -> None:
    strange = "\n".join(" ".join([*map(str, operands), operator]) for operands, operator in operators)
    page = f"BT /F1 12 Tf 72 700 Td <4e004e01> Tj {strange} [<4e00> -900 <4e01>] TJ ET"
    try:
        read_pdf("怪.pdf", make_pdf(page))
    except InputError as error:
        assert "请" in str(error)
