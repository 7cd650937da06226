"""Excel workbooks and CSV: the paragraphs that `tagger tag` wrote with a person's corrections, and tables of labels.

Columns are known by their names, wherever they stand. A table with a column of probabilities holds a model's proposals:
only what a person wrote into the column 更正 is a label. In other tables the theme is a label already.
"""

from __future__ import annotations

import csv
import io
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from xlsxwriter import Workbook
from xlsxwriter.exceptions import FileCreateError

from tagger.atomic import not_writable, written_whole
from tagger.errors import InputError
from tagger.learning.exchange.entries import Accept, Entry, Problem, joined_headings, named, text_at
from tagger.tables.csv import BROKEN, SEPARATORS
from tagger.tables.records import heading_path
from tagger.tables.xlsx import sheet_names, sheet_rows
from tagger.themes import Theme
from tagger.writing.csv import FORMULA_STARTS
from tagger.writing.shades import light
from tagger.writing.xlsx import THEME_SHEET, Column, add_sheets

Fields: TypeAlias = Mapping[str, int]  # of a field, the number of its column

COLUMNS = {  # of a field, the names that its column may have; what we write in Excel first, in CSV second
    "text": ("正文", "text", "content", "内容", "文本", "原文", "sentence"),
    "theme": ("主题", "theme", "label", "标签", "类别"),
    "also": ("次要主题", "also"),
    "correction": ("更正", "correction"),
    "document": ("文件", "document", "file"),
    "title": ("公文标题", "title"),
    "headings": ("标题", "headings"),
    "source": ("来源", "source"),
    "kind": ("文种", "kind"),
    "labeller": ("标注人", "labeller", "annotator"),
    "labelled_at": ("标注时间", "labelled_at", "updated_at"),
    "unsure": ("拿不准", "unsure"),
    "comment": ("备注", "comment"),
    "weak": ("弱标注", "weak"),
    "probability": ("概率", "probability"),
    "uncertain": ("不确定", "uncertain"),
}
LABEL_FIELDS = {  # that we write of a label, with the widths of their columns in Excel
    "document": 24,
    "headings": 28,
    "text": 80,
    "theme": 11,
    "also": 12,
    "correction": 14,
    "comment": 24,
    "unsure": 9,
    "labeller": 12,
    "labelled_at": 26,
    "title": 24,
    "weak": 9,
    "source": 12,
    "kind": 12,
}
ENTRY_FIELDS = ("correction", "comment", "unsure")  # for a person to fill
CONFIRMED = frozenset({"√", "✓", "✔", "对", "同意"})  # the proposal is right as it stands
NO = frozenset({"", "0", "false", "否", "不"})  # cells that say no
YES = "是"
DISARMED = re.compile("'+[" + re.escape("".join(FORMULA_STARTS)) + "]")
FORMULA = re.compile("'*[" + re.escape("".join(FORMULA_STARTS)) + "]")


def read_xlsx(path: str | Path, accept: Accept = "") -> Iterator[Entry | Problem]:
    """The paragraphs of all sheets that have columns of text and themes.

    Raises `InputError` if the file cannot be read or has no such sheet.
    """
    there: list[str] = []
    found = False
    for sheet in sheet_names(str(path)):
        rows = sheet_rows(str(path), sheet)
        _, header = next(rows, (0, []))
        fields = _fields(header)
        if not _holds_labels(fields):
            there += filter(None, header)
            continue
        found = True
        for number, cells in rows:
            yield _entry(f"{path} {sheet} 第 {number} 行", fields, cells, accept)
    if not found:
        raise _no_columns(path, there)


def read_csv(path: str | Path, accept: Accept = "") -> Iterator[Entry | Problem]:
    """The paragraphs of a CSV file, whatever its encoding and its separator. Raises `InputError` if it is none."""
    text = text_at(path)
    separator = next((each for each in SEPARATORS if _holds_labels(_fields(_header(text, each)))), None)
    if separator is None:
        raise _no_columns(path, max((_header(text, each) for each in SEPARATORS), key=len))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    fields: Fields = {}
    wanted, line = 0, 1
    try:
        for cells in reader:
            place, line = f"{path} 第 {line} 行", reader.line_num + 1
            if not any(cells):
                continue
            if not fields:
                fields, wanted = _fields(cells), len(cells)
            elif len(cells) < wanted or any(cells[wanted:]):
                yield Problem(place, f"有 {len(cells)} 格，列名有 {wanted} 个；正文里有分隔符的要用引号括起")
            else:
                yield _entry(place, fields, [cell[1:] if DISARMED.match(cell) else cell for cell in cells], accept)
    except csv.Error as error:
        raise InputError(
            f"{path} 第 {line} 行", found=BROKEN, expected="完整的 CSV", advice="用原来的软件重新导出"
        ) from error


def _header(text: str, separator: str) -> list[str]:
    try:
        return next(filter(any, csv.reader(io.StringIO(text, newline=""), delimiter=separator)), [])
    except csv.Error:  # a wrong separator may well end in one
        return []


def _fields(header: Sequence[str]) -> Fields:
    plain = [cell.strip().casefold() for cell in header]
    found = {field: [plain.index(name) for name in names if name in plain] for field, names in COLUMNS.items()}
    return {field: places[0] for field, places in found.items() if places}


def _holds_labels(fields: Fields) -> bool:
    return "text" in fields and ("theme" in fields or "correction" in fields)


def _no_columns(path: str | Path, there: Sequence[str]) -> InputError:
    names = "、".join(dict.fromkeys(there)) or "没有"
    expected = "有“正文”（text）和“主题”（theme）或“更正”两列，列名在第一行"
    return InputError(path, found=f"没有要读的列；有的列：{names}", expected=expected, advice="补上列名再试")


def _entry(place: str, fields: Fields, cells: Sequence[str], accept: Accept) -> Entry:
    def cell(field: str) -> str:
        number = fields.get(field)
        return "" if number is None or number >= len(cells) else cells[number]

    proposal = named(cell("theme")) + named(cell("also"))
    correction = cell("correction").strip()
    is_proposal = "probability" in fields
    by_importer = bool(correction) or is_proposal
    weak = is_proposal and not correction and accept == "certain"
    if correction:
        themes = proposal if correction in CONFIRMED else named(correction)
    elif is_proposal and (not accept or (weak and _says_yes(cell("uncertain")))):
        themes = ()
    else:
        themes = proposal
    return Entry(
        place=place,
        text=cell("text"),
        themes=themes,
        document=cell("document"),
        source=cell("source"),
        kind=cell("kind"),
        title=cell("title"),
        headings=heading_path(cell("headings")) or (),
        labeller="" if by_importer else cell("labeller").strip(),
        labelled_at="" if by_importer else cell("labelled_at").strip(),
        unsure=_says_yes(cell("unsure")) if "unsure" in fields else None,
        comment=cell("comment").strip(),
        weak=weak or _says_yes(cell("weak")),
        proposed=cell("theme").strip() if is_proposal and correction in {"", *CONFIRMED} else "",
    )


def _says_yes(cell: str) -> bool:
    return cell.strip().casefold() not in NO


def write_csv(path: str | Path, entries: Iterable[Entry]) -> None:
    """Write labels as CSV that Excel opens right. Raises `OutputError` if it cannot be written."""
    first = ["text", "theme", "also"]
    fields = [*first, *(name for name in LABEL_FIELDS if name not in {*first, "correction"})]
    content = io.StringIO(newline="")
    writer = csv.writer(content)
    writer.writerow(COLUMNS[field][1] for field in fields)
    for entry in entries:
        cells = _label_cells(entry)
        writer.writerow("'" + cells[name] if FORMULA.match(cells[name]) else cells[name] for name in fields)
    with written_whole(path) as beside:
        beside.write_bytes(content.getvalue().encode("utf-8-sig", "replace"))


def write_xlsx(path: str | Path, entries: Iterable[Entry], themes: Sequence[Theme]) -> None:
    """Write labels as a workbook in which they can be corrected. Raises `OutputError` if it cannot be written."""
    fills = {theme.name: light(theme.colour) for theme in themes}
    names = f"={THEME_SHEET}!$A$2:$A${len(themes) + 1}"
    columns = [
        Column(
            COLUMNS[field][0],
            width,
            fills=fills if field in {"theme", "correction"} else {},
            is_entry=field in ENTRY_FIELDS,
            choices=names if field == "correction" else "",
        )
        for field, width in LABEL_FIELDS.items()
    ]
    rows = ([cells[field] for field in LABEL_FIELDS] for cells in map(_label_cells, entries))
    with (
        written_whole(path) as part,
        tempfile.TemporaryDirectory(prefix="tagger-", ignore_cleanup_errors=True) as scratch,
    ):
        book = Workbook(part, {"constant_memory": True, "tmpdir": scratch})
        try:
            add_sheets(book, "标注", columns, rows)
            meanings = [Column(THEME_SHEET, 14, fills=fills), Column("说明", 80)]
            add_sheets(book, THEME_SHEET, meanings, ([theme.name, theme.definition] for theme in themes))
            book.close()
        except FileCreateError as error:  # XlsxWriter's wrapping of the system's own
            raise not_writable(path, error.args[0]) from error
        finally:
            for sheet in book.worksheets():  # closed already if all went well
                sheet.row_data_fh.close()


def _label_cells(entry: Entry) -> dict[str, str]:
    cells = {field: str(getattr(entry, field, "") or "") for field in LABEL_FIELDS}
    return cells | {
        "theme": "".join(entry.themes[:1]),
        "also": "、".join(entry.themes[1:]),
        "headings": joined_headings(entry.headings),
        "unsure": YES if entry.unsure else "",
        "weak": YES if entry.weak else "",
    }
