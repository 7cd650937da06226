"""One document, written by real producers in every format they know, comes back paragraph for paragraph.

LibreOffice makes .docx, .doc, .rtf, .html and .pdf of it, Chromium .html and .pdf of the same as a page.
"""

from __future__ import annotations

import html
import shutil
import subprocess
from pathlib import Path

import pytest
from docx import Document
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml.ns import qn
from docx.shared import Pt

from tagger.reading import read

TITLE = "清河镇人民政府关于2023年工作情况和2024年工作安排的报告"
ITEMS = [
    "加强组织领导，压实工作责任。",
    "完善考核办法，把群众满意度作为衡量工作成效的重要标准，每季度通报一次。",
    "抓好宣传引导。",
]
TABLE = [
    ["指标", "目标", "完成情况"],
    ["调解矛盾纠纷", "200件", "全年受理调解矛盾纠纷218件，调解成功211件，成功率96.8%"],
    ["普法宣传", "10场", "“法律进村”活动12场，发放《民法典》宣传册3600余份"],
    ["发展党员", "3名", "3名"],
]
BODY: list[tuple[int, str]] = [
    (1, "一、2023年工作情况"),
    (
        0,
        (
            "一年来，在县委、县政府的坚强领导下，镇党委、政府坚持以习近平新时代中国特色社会主义思想为指导，全面贯"
            "彻党的二十大精神，紧紧围绕“产业强镇、生态立镇、文化兴镇”的目标，团结带领全镇干部群众真抓实干，各项"
            "工作取得了新的成绩。全年完成固定资产投资1.26亿元，同比增长8.3%；农村居民人均可支配收入达到1"
            "9,842元。"
        ),
    ),
    (2, "（一）抓党建，强堡垒"),
    (
        0,
        (
            "严格落实“三会一课”制度，开展主题党日活动12次，讲党课16场（次），发展党员3名，转正5名。整顿软"
            "弱涣散党组织1个，“清河先锋”APP注册党员412名，线上学习时长居全县第二位。"
        ),
    ),
    (0, "基层治理更加有力。"),
    (2, "（二）抓治理，保平安"),
    (
        0,
        (
            "坚持和发展新时代“枫桥经验”，全镇11个村（社区）全部建立人民调解委员会，聘请“五老”人员担任调解员"
            "46名。镇综治中心（12345热线承办单位）全年接件1,037件，办结率100%，满意率99.2%；"
            "扫黑除恶专项斗争常态化推进，全年未发生重大刑事案件、重大安全生产事故和群体性事件，群众安全感满意度测"
            "评得分98.4分。"
        ),
    ),
    (1, "二、2024年工作安排"),
    (0, "下一步，全镇将突出抓好以下三个方面的工作："),
]
CLOSING = ["各项指标完成情况见下表。"]
END = ["以上报告，请予审议。", "清河镇人民政府", "2024年1月12日"]
EXPECTED = [
    TITLE,
    *(text for _, text in BODY),
    *(f"{number}.{text}" for number, text in enumerate(ITEMS, start=1)),
    *CLOSING,
    *(cell for row in TABLE for cell in row),
    *END,
]
LEVELS = {TITLE: 0, **{text: level for level, text in BODY if level}}

SOFFICE, CHROMIUM = shutil.which("soffice"), shutil.which("chromium")
needs_libreoffice = pytest.mark.skipif(SOFFICE is None, reason="需要 LibreOffice（soffice）")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="需要 chromium")


def lines(path: Path) -> list[str]:
    source = read(path)
    return ["".join(source.text[line.start : line.end].split()) for line in source.lines]


def levels(path: Path) -> dict[str, int]:
    source = read(path)
    return {source.text[line.start : line.end]: line.level for line in source.lines if line.level is not None}


def word_document(path: Path) -> None:
    document = Document()
    normal = document.styles["Normal"]
    normal.font.name, normal.font.size = "Noto Serif CJK SC", Pt(16)
    normal.element.rPr.rFonts.set(qn("w:eastAsia"), "Noto Serif CJK SC")
    document.add_heading(TITLE, level=0)
    for level, text in BODY:
        if level:
            document.add_heading(text, level=level)
        else:
            document.add_paragraph(text).paragraph_format.first_line_indent = Pt(32)
    for item in ITEMS:
        document.add_paragraph(item, style="List Number")
    for text in CLOSING:
        document.add_paragraph(text).paragraph_format.first_line_indent = Pt(32)
    table = document.add_table(rows=0, cols=3, style="Table Grid")
    for row in TABLE:
        for cell, text in zip(table.add_row().cells, row, strict=True):
            cell.text = text
    document.add_paragraph(END[0]).paragraph_format.first_line_indent = Pt(32)
    for text in END[1:]:
        document.add_paragraph(text).alignment = WD_ALIGN_PARAGRAPH.RIGHT
    document.save(str(path))


def page() -> str:
    body = "".join(f"<h{level + 1}>{text}</h{level + 1}>" if level else f"<p>{text}</p>" for level, text in BODY)
    items = "".join(f"<li>{item}</li>" for item in ITEMS)
    rows = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in TABLE)
    end = f"<p>{END[0]}</p>" + "".join(f"<p class=right>{text}</p>" for text in END[1:])
    style = (
        "body{font:16pt 'Noto Serif CJK SC';line-height:1.8}h1{text-align:center}p{text-indent:2em;text-align:justify}"
        "p.right{text-align:right}table{border-collapse:collapse}td{border:1px solid;padding:4px}"
        "td:nth-child(-n+2){white-space:nowrap}"
    )
    head = f'<meta charset="utf-8"><title>{TITLE}</title><style>{style}</style>'
    article = f"<h1>{TITLE}</h1>{body}<ol>{items}</ol><p>{CLOSING[0]}</p><table>{rows}</table>{end}"
    return f"<!doctype html><html><head>{head}</head><body>{article}</body></html>"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("round_trip")
    word_document(folder / "报告.docx")
    (folder / "网页.html").write_text(page(), encoding="utf-8")
    return folder


def libreoffice(folder: Path, suffix: str) -> Path:
    out = folder / suffix
    command = [str(SOFFICE), f"-env:UserInstallation={(folder / 'profile').as_uri()}", "--headless", "--norestore"]
    command += ["--convert-to", suffix, "--outdir", str(out), str(folder / "报告.docx")]
    subprocess.run(command, capture_output=True, timeout=120, check=True)
    return out / f"报告.{suffix}"


def chromium(folder: Path, *options: str) -> bytes:
    command = [str(CHROMIUM), "--headless=new", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer"]
    command += [f"--user-data-dir={folder / 'browser'}", *options, (folder / "网页.html").as_uri()]
    return subprocess.run(command, capture_output=True, timeout=120, check=True).stdout


def test_the_document_itself(folder: Path) -> None:
    assert lines(folder / "报告.docx") == EXPECTED
    assert levels(folder / "报告.docx") == LEVELS
    assert lines(folder / "网页.html") == EXPECTED
    assert levels(folder / "网页.html") == LEVELS


@needs_libreoffice
@pytest.mark.parametrize("suffix", ["docx", "doc", "rtf", "html", "pdf"])
def test_what_libreoffice_writes(suffix: str, folder: Path) -> None:
    path = libreoffice(folder, suffix)
    assert lines(path) == EXPECTED
    if suffix == "html":  # LibreOffice writes the title as any paragraph
        assert levels(path) == {text: level for text, level in LEVELS.items() if level}
    elif suffix != "pdf":  # a PDF does not tell
        assert levels(path) == LEVELS


@needs_chromium
def test_what_a_browser_saves_and_prints(folder: Path) -> None:
    saved, printed = folder / "存的.html", folder / "印的.pdf"
    saved.write_bytes(chromium(folder, "--dump-dom"))
    assert lines(saved) == EXPECTED
    chromium(folder, f"--print-to-pdf={printed}")
    assert lines(printed) == EXPECTED
