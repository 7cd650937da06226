"""An Excel workbook to read, filter and correct: a sheet of paragraphs, one of files, one of themes.

Rows go to disk as they come, so that memory does not grow with their number. Text is written as text, never as formula.
"""

from __future__ import annotations

import math
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, count, islice
from pathlib import Path
from typing import TypeAlias

from xlsxwriter import Workbook
from xlsxwriter.exceptions import FileCreateError
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from tagger.atomic import not_writable, written_whole
from tagger.themes import Theme
from tagger.writing.rows import Row, body_rows
from tagger.writing.shades import light

Cells: TypeAlias = Sequence[str | float | None]

MAX_ROWS = 2**20 - 1  # Excel's limit on a sheet, less the header; what is over goes to a further sheet
MAX_CELL_UNITS = 32_767  # Excel's limit on a cell, in UTF-16 code units
CUT = "……（Excel 一格至多 32,767 字，以下从略）"
UNCERTAIN = "不确定"

THEME_SHEET = "主题"
WARNING_FILLS = {UNCERTAIN: "#FFEB9C"}
CELL_STYLE: dict[str, object] = {"text_wrap": True, "valign": "top", "bottom": 1, "bottom_color": "#D9D9D9"}
HEADER_FILL = "#DDE3EA"
BAR_FILL = "#9DC3E6"
LINE_HEIGHT, MAX_LINES = 16, 25  # a line in points, in Excel's usual fonts; a row has at most 409 points
WIDE = 2.1  # width of a Chinese character, in digits
SHARE, NUMBER = "0.0%", "0"
PROBABILITY = '[>=0.9995]">99.9%";0.0%'  # none is certain


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its title, its width in digits (a Chinese character takes two), and how its cells look."""

    title: str
    width: float
    number_format: str = ""  # of numbers; text columns have none
    bar: str = ""  # colour of data bars from 0 to 1
    fills: Mapping[str, str] = field(default_factory=dict)  # colour of the cells that hold a word
    is_entry: bool = False  # empty, for a person to fill
    choices: str = ""  # the cells that hold what the drop-down offers


@dataclass(slots=True)
class _Tally:
    """Figures of some paragraphs, by theme."""

    paragraphs: Counter[str | None] = field(default_factory=Counter)
    uncertain: Counter[str | None] = field(default_factory=Counter)
    probabilities: defaultdict[str | None, float] = field(default_factory=lambda: defaultdict(float))

    def add(self, row: Row) -> None:
        self.paragraphs[row.theme] += 1
        self.uncertain[row.theme] += row.uncertain
        self.probabilities[row.theme] += row.probability or 0.0

    def share(self, theme: str) -> float:
        return self.paragraphs[theme] / max(1, self.paragraphs.total())


def write_xlsx(path: Path, rows: Iterable[Row], themes: Sequence[Theme]) -> None:
    """Write a workbook of the body paragraphs among the rows; `themes` are those of the model.

    It appears whole or not at all. Raises `OutputError` if it cannot be written.
    """
    with (
        written_whole(path) as part,
        tempfile.TemporaryDirectory(prefix="tagger-", ignore_cleanup_errors=True) as scratch,
    ):
        try:
            _write_book(part, body_rows(rows), themes, scratch)
        except FileCreateError as error:  # XlsxWriter's wrapping of the system's own
            raise not_writable(path, error.args[0]) from error


def _write_book(part: Path, rows: Iterable[Row], themes: Sequence[Theme], scratch: str) -> None:
    files: defaultdict[str, _Tally] = defaultdict(_Tally)
    total = _Tally()
    fills = {theme.name: light(theme.colour) for theme in themes}
    book = Workbook(part, {"constant_memory": True, "tmpdir": scratch})
    book.use_zip64()
    counted = _counted(rows, files, total)
    try:
        add_sheets(book, "段落", _paragraph_columns(fills), map(_paragraph_cells, counted))
        add_sheets(
            book, "文件", _file_columns(fills), (_file_cells(name, tally, fills) for name, tally in files.items())
        )
        add_sheets(book, THEME_SHEET, _theme_columns(fills), (_theme_cells(theme, total) for theme in fills))
        book.close()
    finally:
        for sheet in book.worksheets():  # closed already if all went well
            sheet.row_data_fh.close()


def _paragraph_columns(fills: Mapping[str, str]) -> Sequence[Column]:
    return (
        Column("文件", 24),
        Column("序号", 8, NUMBER),
        Column("标题", 28),
        Column("正文", 80),
        Column("主题", 11, fills=fills),
        Column("次要主题", 12),
        Column("概率", 10, PROBABILITY, bar=BAR_FILL),
        Column(UNCERTAIN, 10, fills=WARNING_FILLS),
        Column("更正", 11, fills=fills, is_entry=True, choices=f"={THEME_SHEET}!$A$2:$A${len(fills) + 1}"),
        Column("备注", 24, is_entry=True),
        Column("第二主题", 11),
        Column("第二概率", 10, PROBABILITY),
        Column("理由", 32),
        Column("位置", 18),
        Column("起点", 9, NUMBER),
        Column("终点", 9, NUMBER),
    )


def _file_columns(fills: Mapping[str, str]) -> Sequence[Column]:
    shares = (Column(theme, 11, SHARE, bar=colour) for theme, colour in fills.items())
    return (Column("文件", 60), Column("段落", 9, NUMBER), *shares, Column(UNCERTAIN, 10, NUMBER))


def _theme_columns(fills: Mapping[str, str]) -> Sequence[Column]:
    return (
        Column("主题", 14, fills=fills),
        Column("段落", 10, NUMBER),
        Column("占比", 12, SHARE, bar=BAR_FILL),
        Column("平均概率", 12, PROBABILITY, bar=BAR_FILL),
        Column(UNCERTAIN, 10, NUMBER),
    )


def _counted(rows: Iterable[Row], files: Mapping[str, _Tally], total: _Tally) -> Iterator[Row]:
    for row in rows:
        files[row.file].add(row)
        total.add(row)
        yield row


def _paragraph_cells(row: Row) -> Cells:
    return (
        row.file,
        row.paragraph,
        " / ".join(row.headings),
        row.text,
        row.theme,
        "、".join(row.also),
        row.probability,
        UNCERTAIN if row.uncertain else "",
        None,
        None,
        row.second,
        row.second_probability,
        "；".join(f"{each.text} {each.log_odds:+.2f}" for each in row.reasons),
        row.place,
        row.start,
        row.end,
    )


def _file_cells(name: str, tally: _Tally, themes: Iterable[str]) -> Cells:
    return (name, tally.paragraphs.total(), *map(tally.share, themes), tally.uncertain.total())


def _theme_cells(theme: str, total: _Tally) -> Cells:
    paragraphs = total.paragraphs[theme]
    mean = total.probabilities[theme] / paragraphs if paragraphs else None
    return (theme, paragraphs, total.share(theme), mean, total.uncertain[theme])


def add_sheets(book: Workbook, title: str, columns: Sequence[Column], lines: Iterable[Cells]) -> None:
    """Write a table to a sheet, and to further ones (段落2, …) where it is too long for one."""
    lines = iter(lines)
    for number in count(1):
        first = tuple(islice(lines, 1))
        if number > 1 and not first:
            return
        sheet = book.add_worksheet(title if number == 1 else f"{title}{number}")
        formats = _begin(book, sheet, columns)
        last = 0
        for last, cells in enumerate(islice(chain(first, lines), MAX_ROWS), start=1):
            sheet.set_row(last, _height(cells, columns))
            for place, (cell, cell_format) in enumerate(zip(cells, formats, strict=True)):
                _write_cell(sheet, last, place, cell, cell_format)
        _finish(book, sheet, columns, last)


def _begin(book: Workbook, sheet: Worksheet, columns: Sequence[Column]) -> list[Format]:
    """Set the page, the widths and the header; the formats of the cells are returned."""
    sheet.freeze_panes(1, 0)
    sheet.set_landscape()
    sheet.set_paper(9)  # A4
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0)
    sheet.set_footer("&C&A　第 &P 页，共 &N 页")
    header = book.add_format(
        {"bold": True, "bg_color": HEADER_FILL, "bottom": 1, "align": "center", "valign": "vcenter", "text_wrap": True}
    )
    sheet.set_row(0, 24)
    formats = []
    for place, column in enumerate(columns):
        sheet.set_column(place, place, column.width)
        sheet.write_string(0, place, column.title, header)
        formats.append(book.add_format(CELL_STYLE | _style(column)))
    return formats


def _style(column: Column) -> dict[str, object]:
    if column.number_format:
        return {"num_format": column.number_format, "align": "right", "indent": 1}
    if column.is_entry:
        return {}
    return {"quote_prefix": True}  # stays text even when it is edited


def _height(cells: Cells, columns: Sequence[Column]) -> int:
    """Room for the cell with most lines: Excel would find it by itself, LibreOffice leaves one line."""
    lines = max(_line_count(cell, column.width) for cell, column in zip(cells, columns, strict=True))
    return LINE_HEIGHT * min(lines, MAX_LINES) + 4


def _line_count(cell: str | float | None, width: float) -> int:
    if not isinstance(cell, str):
        return 1
    room = width - 2  # margins, and what stays empty before a mark that may not begin a line
    return sum(max(1, math.ceil(_text_width(line) / room)) for line in cell.split("\n"))


def _text_width(text: str) -> float:
    narrow = len(text.encode("ascii", "ignore"))
    return narrow + WIDE * (len(text) - narrow)


def _write_cell(sheet: Worksheet, line: int, place: int, cell: str | float | None, cell_format: Format) -> None:
    if isinstance(cell, int | float):
        sheet.write_number(line, place, cell, cell_format)
        return
    cell = _fitting(cell or "")
    if cell.startswith("<r>") and cell.endswith("</r>"):  # XlsxWriter would take it for its own markup, unescaped
        sheet.write_rich_string(line, place, "<r>", cell_format, cell.removeprefix("<r>"), cell_format)
    elif cell:
        sheet.write_string(line, place, cell, cell_format)
    else:
        sheet.write_blank(line, place, None, cell_format)


def _fitting(text: str) -> str:
    """The text, cut with a note where Excel would not take all of it."""
    text = text.encode("utf-8", "replace").decode("utf-8")  # a lone surrogate cannot be written; it becomes “?”
    if len(text) <= MAX_CELL_UNITS // 2:
        return text
    units = text.encode("utf-16-le")
    if len(units) <= 2 * MAX_CELL_UNITS:
        return text
    return units[: 2 * (MAX_CELL_UNITS - len(CUT))].decode("utf-16-le", "ignore") + CUT  # no half of a pair is kept


def _finish(book: Workbook, sheet: Worksheet, columns: Sequence[Column], last: int) -> None:
    """What needs to know the last row: filter, bars, colours and drop-downs."""
    sheet.autofilter(0, 0, last, len(columns) - 1)
    for place, column in enumerate(columns):
        cells = (1, place, max(1, last), place)
        if column.bar:
            bar = {"type": "data_bar", "data_bar_2010": True, "bar_solid": True, "bar_color": column.bar}
            ends = {"min_type": "num", "min_value": 0, "max_type": "num", "max_value": 1}
            sheet.conditional_format(*cells, bar | ends)
        for word, colour in column.fills.items():
            rule = {"type": "cell", "criteria": "==", "value": '"' + word.replace('"', '""') + '"'}
            sheet.conditional_format(*cells, rule | {"format": book.add_format({"bg_color": colour})})
        if column.choices:
            sheet.data_validation(
                *cells,
                {
                    "validate": "list",
                    "source": column.choices,
                    "error_type": "warning",  # several themes, 治理、法治, are in no list and yet right
                    "error_title": "菜单里没有",
                    "error_message": "可以从菜单里选一个主题，或写几个，主要的在前，如 治理、法治。仍要这样写吗？",
                },
            )
