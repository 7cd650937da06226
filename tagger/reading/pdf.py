"""PDF files with a text layer: runs of text to visual lines, columns, and paragraphs whole across lines and pages.

A PDF knows only where each run of text stands. Widths are estimated (a Chinese character is one em wide), which is near
enough to tell full lines from short ones; all distances are measured in ems, the font size of the line.
"""

from __future__ import annotations

import io
import logging
import math
import re
import time
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from pypdf import PageObject, PdfReader, apply_configuration
from pypdf.errors import DependencyError, LimitReachedError, WrongPasswordError

from tagger.errors import FormatError, InputError, TaggerError
from tagger.reading.text import WIDE
from tagger.records import Line, Source

logging.getLogger("pypdf").addHandler(logging.NullHandler())  # its remarks on odd files are not for our users

# Limits: the longest reports have some hundred pages of a few kilobytes; more is a drawing, a mistake or an attack
MAX_PAGES = 2000
MAX_STREAM_BYTES = 64 * 2**20  # one stream unpacked; embedded Chinese fonts have up to 20 MB
MAX_CONTENT_BYTES = 128 * 2**20  # the contents of all pages unpacked
MAX_SECONDS = 120.0  # pypdf reads about twenty pages a second; forms that repeat one another never end
MAX_CHARACTERS = 20_000_000
MAX_COORDINATE = 1e6  # points; the largest page that PDF allows has 14,400

# Distances in ems
SAME_ROW = 0.4  # between baselines: enough for superscripts
SAME_PLACE = 0.15  # text drawn twice to look bold
MIN_CELL_GAP = 1.2  # between texts of one row that do not belong together: cells, columns
MIN_ALIGNED_GAP = 0.9  # the same where the second stands below others: spread text has gaps as large, but not aligned
MAX_MARK_GAP = 4.0  # between the mark of a list item and its text
MIN_WORD_GAP = 0.25
EDGE = 0.6  # within which lines end at the same margin
MIN_INDENT = 0.8
MIN_CENTRED_INDENT = 2.5  # more than the indent of a paragraph
SHORT_SLACK = 1.0  # for widths that are estimates
MIN_COLUMN = 8.0  # width of text in columns; cells of tables are narrower
NARROW = 0.5  # mean width of a narrow character
NARROW_ERROR = 0.08  # of the estimated width of narrow text

MIN_AGREEING = 3  # lines that make an edge or a column
MAX_BEYOND_EDGE = 0.1  # share of lines that may lie beyond an edge
LARGER_GAP = 1.3  # times the usual distance of lines
OTHER_SIZE = 1.1
EDGE_ROWS = 3  # rows at the top and the bottom of a page that may be running heads and feet
SAME_HEIGHT = 4.0  # points
MAX_GARBAGE = 0.3  # share of characters without meaning above which the text cannot be used

GAP = re.compile("\ufdd0(-?[0-9]+)\ufdd1 ?")  # how `_mark_gaps` writes a gap, in thousandths of an em
MIN_MARKED_GAP = 300

BLANK_BESIDE_WIDE = re.compile(rf"(?<={WIDE.pattern}) (?=\S)|(?<=\S) (?={WIDE.pattern})")
NO_LINE_START = frozenset("，。、；：！？”’）》〉】〕」』…—·％%,.;:!?)]}")
NO_LINE_END = frozenset("“‘（《〈【〔「『([{")
PAGE = r"[\d一二三四五六七八九十百]{1,5} ?页"
PAGE_NUMBER = re.compile(rf"[-－—–_~·]+ ?\d{{1,4}} ?[-－—–_~·]+|第 ?{PAGE}(?: ?[,，/]? ?共 ?{PAGE})?")
NUMBERS = re.compile(r"\d+|(?<=第)[一二三四五六七八九十百]+(?=页)|^[ivxlc]+$|^[IVXLC]+$")
MARK = re.compile(r"[（(]?(?:\d{1,3}(?:\.\d{1,3})*|[一二三四五六七八九十]{1,4}|[a-zA-Z])[）)、.．]?|[①-⑳•·●◆■○□▪–\-]")
# Some fonts name the glyphs of these characters by the radicals that look the same
RADICALS = str.maketrans(
    "⺁⺠⻄⻅⻆⻉⻋⻓⻔⻘⻙⻚⻛⻜⻝⻢⻣⻤⻥⻦⻨⻩⻬⻮⻰⻳", "厂民西见角贝车长门青韦页风飞食马骨鬼鱼鸟麦黄齐齿龙龟"
)
THIN = re.compile(r"[ ijlftrI.,:;'!|()\[\]-]")  # about 0.3 em in most fonts for letters
CAPITAL = re.compile(r"[A-HJ-Zmw]")  # about 0.67 em
COMPATIBLE = re.compile(r"[\u2f00-\u2fd5\uf900-\ufaff\ufb00-\ufb06]")


@dataclass(frozen=True, slots=True)
class _Run:
    """Text drawn at one place. `base` is the height of its baseline, counted downwards."""

    text: str
    left: float
    right: float
    base: float
    size: float
    quarter: int = 0  # direction of reading, in quarter turns from left to right


@dataclass(frozen=True, slots=True)
class _Strip:
    """Text that stands together in one row: a visual line of a column, or a cell of a table."""

    text: str
    left: float
    right: float
    base: float
    size: float
    starts: tuple[float, ...]  # where its runs start


@dataclass(frozen=True, slots=True)
class _Block:
    """Strips in reading order that share margins. `kind` says which column of the page it is; "" is all of it."""

    strips: tuple[_Strip, ...]
    kind: str


def read_pdf(name: str, content: bytes) -> Source:
    """Read a PDF from its bytes. Each line of the source is a whole paragraph.

    Running heads, feet and page numbers are left out, as is text that stands aslant (watermarks). Raises `InputError`
    if the file is damaged, too large, or needs a password, `FormatError` if it has no text layer.
    """
    pages = _without_running_heads([_rows_of(runs) for runs in _pages_of(name, content)])
    if sum(not rows for rows in pages) * 2 > len(pages) or not pages:
        raise FormatError(name, found="没有文字层（是扫描件）", expected="有文字层的 PDF", advice="先做 OCR 再试")
    texts = list(_paragraphs_of([block for rows in pages for block in _blocks_of(rows)]))
    _check_meaning(name, "".join(texts))
    lines, position = [], 0
    for text in texts:
        lines.append(Line(position, position + len(text)))
        position += len(text) + 1
    return Source(name, "\n".join(texts), tuple(lines))


def _check_meaning(name: str, text: str) -> None:
    garbage = sum(unicodedata.category(sign) in {"Cc", "Cn", "Co"} or sign == "\ufffd" for sign in text)
    if garbage > MAX_GARBAGE * len(text):
        raise FormatError(
            name,
            found="文字层是乱码（字体没有文字编码）",
            expected="可以复制出文字的 PDF",
            advice="先做 OCR，或找原来的 Word 文件再试",
        )


# What stands where


def _pages_of(name: str, content: bytes) -> list[list[_Run]]:
    deadline = time.monotonic() + MAX_SECONDS
    try:
        with apply_configuration(
            maximum_declared_stream_length=MAX_STREAM_BYTES,
            array_based_stream_maximum_output_length=MAX_STREAM_BYTES,
            lzw_maximum_output_length=MAX_STREAM_BYTES,
            run_length_maximum_output_length=MAX_STREAM_BYTES,
            zlib_maximum_output_length=MAX_STREAM_BYTES,
            brotli_maximum_output_length=MAX_STREAM_BYTES,
            jbig2dec_binary=None,
        ):
            return _runs_of_pages(name, _opened(name, content), deadline)
    except TaggerError:
        raise
    except LimitReachedError as error:
        raise _too_large(name, f"一部分展开后超过 {MAX_STREAM_BYTES // 2**20} MB，或结构过于复杂") from error
    except Exception as error:  # pypdf lets any exception through on broken files
        raise InputError(
            name, found="PDF 文件已损坏", expected="完整的 PDF", advice="用 PDF 阅读器打开后另存一份再试"
        ) from error


def _too_large(name: str, found: str) -> InputError:
    expected = f"不超过 {MAX_PAGES} 页、展开后不超过 {MAX_CONTENT_BYTES // 2**20} MB 的 PDF"
    return InputError(name, found=found, expected=expected, advice="把文件分成几份，或另存为 .docx 再试")


def _opened(name: str, content: bytes) -> PdfReader:
    """The document, opened with the empty password if it is encrypted (many are, only against changes)."""
    try:
        reader = PdfReader(io.BytesIO(content))
        closed = reader.is_encrypted and not reader.decrypt("")
    except (DependencyError, WrongPasswordError, NotImplementedError) as error:
        raise _encrypted(name) from error
    if closed:
        raise _encrypted(name)
    return reader


def _encrypted(name: str) -> InputError:
    return InputError(
        name, found="PDF 文件已加密，需要密码", expected="没有加密的 PDF", advice="用密码打开后另存一份不加密的再试"
    )


def _runs_of_pages(name: str, reader: PdfReader, deadline: float) -> list[list[_Run]]:
    if len(reader.pages) > MAX_PAGES:
        raise _too_large(name, f"有 {len(reader.pages)} 页")
    pages: list[list[_Run]] = []
    size = characters = 0
    for page in reader.pages:
        contents = page.get_contents()
        size += 0 if contents is None else len(contents.get_data())
        if size > MAX_CONTENT_BYTES:
            raise _too_large(name, f"展开后超过 {MAX_CONTENT_BYTES // 2**20} MB")
        pages.append(_runs_of(page, _watch(name, deadline)))
        characters += sum(len(run.text) for run in pages[-1])
        if characters > MAX_CHARACTERS:
            raise _too_large(name, f"文字超过 {MAX_CHARACTERS // 10_000} 万字")
    return pages


def _watch(name: str, deadline: float) -> Callable[[Any, Any, Any, Any], None]:
    """Called before each operator of a page. Forms swallow the error, and the next operator raises it again."""

    def check(operator: Any, operands: Any, _matrix: Any, _text_matrix: Any) -> None:
        if time.monotonic() > deadline:
            raise _too_large(name, f"太复杂，{MAX_SECONDS:.0f} 秒没有读完")
        if operator == b"TJ" and operands and isinstance(operands[0], list):
            _mark_gaps(operands[0])

    return check


def _mark_gaps(items: list[Any]) -> None:
    """Write the larger gaps within a shown text into it, where pypdf would only give a blank.

    Where a font lacks a character (often a quotation mark), a producer leaves a gap for it and draws it from another
    font before or after the rest: only with the gaps known do all pieces come into their order.
    """
    marked: list[Any] = []
    for item in items:
        if isinstance(item, (int, float)) and MIN_MARKED_GAP <= abs(item) < MAX_COORDINATE:
            marked.append(f"\ufdd0{-round(item)}\ufdd1")
        marked.append(item)
    items[:] = marked


def _runs_of(page: PageObject, watch: Callable[[Any, Any, Any, Any], None]) -> list[_Run]:
    """The runs of a page that stand in the direction of most of its text, turned upright."""
    runs: list[_Run] = []

    def add(text: str, matrix: list[float], text_matrix: list[float], _font: Any, font_size: float) -> None:
        runs.extend(_placed(text, _product(text_matrix, matrix), font_size))

    page.extract_text(visitor_operand_before=watch, visitor_text=add)
    directions: Counter[int] = Counter()
    for run in runs:
        directions[run.quarter] += len(run.text.strip())
    if not any(directions.values()):
        return []
    main = directions.most_common(1)[0][0]
    return [run for run in runs if run.quarter == main]


def _product(m: list[float], n: list[float]) -> tuple[float, ...]:
    """The matrix that applies `m` and then `n`."""
    return (
        m[0] * n[0] + m[1] * n[2],
        m[0] * n[1] + m[1] * n[3],
        m[2] * n[0] + m[3] * n[2],
        m[2] * n[1] + m[3] * n[3],
        m[4] * n[0] + m[5] * n[2] + n[4],
        m[4] * n[1] + m[5] * n[3] + n[5],
    )


def _placed(text: str, matrix: tuple[float, ...], font_size: float) -> Iterator[_Run]:
    """A shown text as runs in upright coordinates, parted at its gaps; none if it is aslant or nowhere on a page."""
    a, b, c, d, x, y = matrix
    size, stretch = abs(font_size) * math.hypot(c, d), abs(font_size) * math.hypot(a, b)
    sane = all(abs(number) < MAX_COORDINATE for number in (x, y, size, stretch))  # also false for "not a number"
    if not sane or not size > 0 or min(abs(a), abs(b)) > 0.2 * max(abs(a), abs(b)):
        return
    if font_size < 0:
        a, b = -a, -b
    quarter = (0 if a > 0 else 2) if abs(a) > abs(b) else (1 if b > 0 else 3)
    left, base = ((x, -y), (y, x), (-x, y), (-y, -x))[quarter]
    pieces = GAP.split(text)  # text, gap, text, gap, text
    for piece, gap in zip(pieces[::2], [*pieces[1::2], "0"], strict=True):
        shown = _readable(piece)
        right = left + _width(shown) * stretch
        if shown.strip():  # an indent may be made of blanks
            left += _width(shown[: len(shown) - len(shown.lstrip())]) * stretch
        if shown:
            yield _Run(shown, left, left + _width(shown.strip()) * stretch, base, size, quarter)
        left = right + int(gap) / 1000 * stretch


def _readable(text: str) -> str:
    """With the usual character for each of its doubles, and without what cannot be seen."""
    text = COMPATIBLE.sub(lambda found: unicodedata.normalize("NFKC", found[0]), text.translate(RADICALS))
    text = re.sub(r"[\uf06c\uf06e\uf075\uf09f\uf0a7\uf0b7\uf0d8]", "•", text)  # bullets of symbol fonts
    text = re.sub(r"[\n\r\t\v\f\xa0\u2028\u2029]", " ", text)
    return re.sub(r"[\xad\u200b-\u200f\u2060\ufeff\0]", "", text)


def _width(text: str) -> float:
    """In ems, nearly. Quotation marks and dashes are wide among Chinese characters and narrow elsewhere."""
    kinds = Counter(map(unicodedata.east_asian_width, text))
    wide = kinds["W"] + kinds["F"]
    narrow = NARROW * len(text) - 0.2 * len(THIN.findall(text)) + 0.17 * len(CAPITAL.findall(text))
    return narrow + (1 - NARROW) * (wide + kinds["A"] if wide else 0)


# Rows and strips


def _rows_of(runs: Sequence[_Run]) -> list[list[_Strip]]:
    """The rows of a page from top to bottom, each with its strips from left to right."""
    rows: list[list[_Run]] = []
    for run in sorted(runs, key=lambda run: run.base):
        if rows and run.base - rows[-1][0].base <= SAME_ROW * max(run.size, rows[-1][0].size):
            rows[-1].append(run)
        else:
            rows.append([run])
    lefts = Counter(round(run.left) for run in runs if run.text.strip())
    aligned = frozenset(left for left, count in lefts.items() if count >= MIN_AGREEING)
    strips = (list(_strips_of(sorted(row, key=lambda run: run.left), aligned)) for row in rows)
    return [row for row in strips if row]


def _strips_of(row: Sequence[_Run], aligned: frozenset[int]) -> Iterator[_Strip]:
    together: list[_Run] = []
    for run in row:
        if together and _is_apart(together, run, aligned):
            yield from _strip_of(together)
            together = []
        if not any(_is_double(before, run) for before in together[-3:]):
            together.append(run)
    yield from _strip_of(together)


def _is_apart(together: Sequence[_Run], run: _Run, aligned: frozenset[int]) -> bool:
    gap = (run.left - max(before.right for before in together[-3:])) / max(run.size, together[-1].size)
    text = "".join(before.text for before in together).strip()
    unsure = NARROW * (len(text) - len(text.rstrip("‘’“”—…")))  # quotation marks may be narrow or wide
    if MARK.fullmatch(text):
        return gap > MAX_MARK_GAP
    return gap > unsure + (MIN_ALIGNED_GAP if round(run.left) in aligned else MIN_CELL_GAP)


def _is_double(before: _Run, run: _Run) -> bool:
    near = SAME_PLACE * run.size
    return before.text == run.text and abs(before.left - run.left) < near and abs(before.base - run.base) < near


def _strip_of(runs: Sequence[_Run]) -> Iterator[_Strip]:
    """The runs as one strip, if they hold anything."""
    seen = [run for run in runs if run.text.strip()]
    if not seen:
        return
    text = runs[0].text
    for before, run in pairwise(runs):
        gap = (run.left - before.right) / run.size
        cut_word = gap > MIN_WORD_GAP + NARROW_ERROR * _narrow_width(before.text)
        blank = " " if cut_word or text.endswith(" ") or run.text.startswith(" ") else ""
        text = text.rstrip(" ") + blank + run.text.lstrip(" ")
    sizes: Counter[float] = Counter()
    for run in seen:
        sizes[run.size] += len(run.text)
    size = sizes.most_common(1)[0][0]
    base = next(run.base for run in seen if run.size == size)
    text = BLANK_BESIDE_WIDE.sub("", re.sub(r" {2,}(?=[!-~])|(?<=[!-~]) {2,}", " ", text.strip()))
    yield _Strip(text, seen[0].left, max(run.right for run in seen), base, size, tuple(run.left for run in seen[1:]))


def _narrow_width(text: str) -> float:
    return NARROW * len(re.findall(r"[!-~]", text))


# Running heads and feet


def _without_running_heads(pages: list[list[list[_Strip]]]) -> list[list[list[_Strip]]]:
    """Without page numbers, and without what stands at the edge of most pages, or most odd or even ones, alike."""
    places: defaultdict[str, list[tuple[int, float]]] = defaultdict(list)
    for number, rows in enumerate(pages):
        for strip in _at_edges(rows):
            places[NUMBERS.sub("#", strip.text)].append((number, strip.base))

    def is_running(strip: _Strip) -> bool:
        if PAGE_NUMBER.fullmatch(strip.text):
            return True
        alike = places[NUMBERS.sub("#", strip.text)]
        numbers = {number for number, base in alike if abs(base - strip.base) < SAME_HEIGHT}
        if len(numbers) > 1 and len(numbers) * 2 > len(pages):
            return True
        halves = ({number for number in numbers if number % 2 == odd} for odd in (0, 1))
        return any(len(half) > 2 and len(half) * 4 > len(pages) for half in halves)

    numbered = [_without_bare_number(rows, number) for number, rows in enumerate(pages, start=1)]
    return [_without(_without(rows, is_running)[::-1], is_running)[::-1] for rows in numbered]


def _without_bare_number(rows: list[list[_Strip]], number: int) -> list[list[_Strip]]:
    """Without a last row that is nothing but the number of the page."""
    is_number = len(rows) > 1 and len(rows[-1]) == 1 and rows[-1][0].text == str(number)
    return rows[:-1] if is_number else rows


def _without(rows: list[list[_Strip]], is_running: Callable[[_Strip], bool]) -> list[list[_Strip]]:
    """Rows without what is running in the first of them, up to a row where nothing is."""
    rest: list[list[_Strip]] = []
    for number, row in enumerate(rows[:EDGE_ROWS]):
        kept = [strip for strip in row if not is_running(strip)]
        rest.extend([kept] if kept else [])
        if len(kept) == len(row):
            return [*rest, *rows[number + 1 :]]
    return [*rest, *rows[EDGE_ROWS:]]


def _at_edges(rows: Sequence[list[_Strip]]) -> Iterator[_Strip]:
    for row in rows[:EDGE_ROWS]:
        yield from row
    for row in rows[max(EDGE_ROWS, len(rows) - EDGE_ROWS) :]:
        yield from row


# Columns


def _blocks_of(rows: Sequence[list[_Strip]]) -> list[_Block]:
    return _columns_of([strip for row in rows for strip in row], kind="")


def _columns_of(strips: Sequence[_Strip], kind: str) -> list[_Block]:
    """The blocks of a part of a page: what spans all columns, then the columns below it from left to right, and so on.

    `strips` stand in the order of rows.
    """
    gutter = _gutter(strips) if len(kind) < 3 else None
    if gutter is None:
        return [_Block(tuple(strips), kind)] if strips else []
    blocks: list[_Block] = []
    spanning: list[_Strip] = []
    left: list[_Strip] = []
    right: list[_Strip] = []

    def close() -> None:
        nonlocal spanning
        if left and right:
            blocks.extend([_Block(tuple(spanning), kind)] if spanning else [])
            blocks.extend(_columns_of(left, kind + "l"))
            blocks.extend(_columns_of(right, kind + "r"))
            spanning = []
        else:
            spanning += left + right
        left.clear()
        right.clear()

    for strip in strips:
        if strip.right <= gutter:
            left.append(strip)
        elif strip.left >= gutter:
            right.append(strip)
        else:
            close()
            spanning.append(strip)
    close()
    return blocks + ([_Block(tuple(spanning), kind)] if spanning else [])


def _gutter(strips: Sequence[_Strip]) -> float | None:
    """Where the gap between two columns lies: left of an edge where lines start that have others beside them."""
    edges: Counter[float] = Counter(round(strip.left / strip.size) * strip.size for strip in strips)
    best: tuple[int, float] | None = None
    for edge, count in edges.most_common(12):
        if count < MIN_AGREEING - 1:
            break
        pair = _beside(strips, edge)
        if pair is not None and (best is None or pair[0] > best[0]):
            best = pair
    return None if best is None else best[1]


def _beside(strips: Sequence[_Strip], edge: float) -> tuple[int, float] | None:
    """How many lines right of an edge have one left of it beside them, and where the gap is; None if not columns."""
    right = [strip for strip in strips if strip.left >= edge - strip.size]
    limit = min((strip.left for strip in right), default=edge)
    left = [strip for strip in strips if strip.right <= limit - MIN_INDENT * strip.size]
    if len(left) < MIN_AGREEING or len(right) < MIN_AGREEING:
        return None
    if any(sum(s.right - s.left for s in side) < MIN_COLUMN * sum(s.size for s in side) for side in (left, right)):
        return None
    heights = sorted(strip.base for strip in left)
    mates, place = 0, 0
    for strip in right:  # both in order of height
        while place < len(heights) - 1 and abs(heights[place + 1] - strip.base) <= abs(heights[place] - strip.base):
            place += 1
        mates += abs(heights[place] - strip.base) <= strip.size
    crossing = len(strips) - len(left) - len(right)
    if mates < MIN_AGREEING or mates * 2 < min(len(left), len(right)) or mates < crossing * 0.2:
        return None
    return mates, limit - 0.1


# Paragraphs


@dataclass(frozen=True, slots=True)
class _Margins:
    left: float
    right: float
    pitch: float  # usual distance of lines
    size: float  # usual size of text


def _paragraphs_of(blocks: Sequence[_Block]) -> Iterator[str]:
    usual: dict[str, _Margins] = {}
    for block in sorted(blocks, key=lambda block: len(block.strips)):  # the longest of its kind stays
        usual[block.kind] = _margins_of(block.strips, None)
    paragraph: list[_Strip] = []
    margins_before: _Margins | None = None
    for block in blocks:
        margins = _margins_of(block.strips, usual[block.kind])
        for number, strip in enumerate(block.strips):
            after = block.strips[number - 1] if number else None
            if margins_before is not None and _starts_paragraph(paragraph, strip, after, margins_before, margins):
                yield _joined(paragraph)
                paragraph = []
            paragraph.append(strip)
            margins_before = margins
    if paragraph:
        yield _joined(paragraph)


def _margins_of(strips: Sequence[_Strip], usual: _Margins | None) -> _Margins:
    """The edges of a block: where several lines agree on them, else those that are usual for blocks of its kind."""
    size = sorted(strip.size for strip in strips)[len(strips) // 2]
    left, left_agrees = _edge(sorted(strip.left for strip in strips), size)
    negative, right_agrees = _edge(sorted(-strip.right for strip in strips), size)
    right = -negative
    if usual is not None:
        outermost = max(strip.right for strip in strips)
        if abs(left - usual.left) < EDGE * size or not left_agrees:
            left = usual.left
        if abs(outermost - usual.right) < 1.5 * size or not right_agrees:
            right = usual.right
    steps = sorted(
        below.base - above.base
        for above, below in pairwise(strips)
        if below.base - above.base > 0.9 * below.size and _same_size(above, below)
    )
    few = len(steps) < 2 * MIN_AGREEING
    pitch = usual.pitch if few and usual is not None else steps[len(steps) // 7] if steps else math.inf
    return _Margins(left, right, pitch, size)


def _edge(sorted_places: Sequence[float], size: float) -> tuple[float, bool]:
    """The outermost place on which several lines agree, beyond which are few; else the outermost at all, and False."""
    few = 1 + int(MAX_BEYOND_EDGE * len(sorted_places))
    for number, place in enumerate(sorted_places[: 1 - MIN_AGREEING][:few]):
        if sorted_places[number + MIN_AGREEING - 1] - place < EDGE * size:
            return place, True
    return sorted_places[0], False


def _same_size(one: _Strip, other: _Strip) -> bool:
    return max(one.size, other.size) < OTHER_SIZE * min(one.size, other.size)


def _starts_paragraph(
    paragraph: Sequence[_Strip], strip: _Strip, above: _Strip | None, before: _Margins, margins: _Margins
) -> bool:
    """Whether `strip` starts a paragraph; `above` is the line before it in its block, None at the top."""
    last = paragraph[-1]
    if not _same_size(last, strip) or _is_short(last, strip, before):
        return True
    if above is not None:
        step = strip.base - above.base
        if strip.right <= above.left:  # below another cell
            return True
        if step < 0.5 * strip.size or step > LARGER_GAP * margins.pitch * max(1.0, strip.size / margins.size):
            return True
    indent = (strip.left - margins.left) / strip.size
    return indent > MIN_INDENT and not _hangs(paragraph, strip) and not _is_centred(last, strip, before, margins)


def _is_short(strip: _Strip, following: _Strip, margins: _Margins) -> bool:
    """Whether the first word of the following line would have found room in this one."""
    room = margins.right - strip.right
    slack = SHORT_SLACK * strip.size + NARROW_ERROR * _narrow_width(strip.text) * strip.size
    return room > _width(_first_word(following.text)) * strip.size + slack


def _first_word(text: str) -> str:
    """What cannot be parted by a line end: a word or number or a character, with the punctuation around it."""
    end = 0
    while end < len(text) - 1 and text[end] in NO_LINE_END:
        end += 1
    if WIDE.match(text, end):
        end += 1
    else:
        while end < len(text) and text[end] != " " and not WIDE.match(text, end):
            end += 1
    while end < len(text) and text[end] in NO_LINE_START:
        end += 1
    return text[:end]


def _hangs(paragraph: Sequence[_Strip], strip: _Strip) -> bool:
    """Whether a line stands below the text of a list item, right of its mark."""
    near = 0.3 * strip.size
    first = paragraph[0]
    if len(paragraph) > 1:
        return abs(paragraph[-1].left - strip.left) < near and _hangs(paragraph[:1], strip)
    starts = [start for start in first.starts if start - first.left < 6 * first.size]
    return strip.left > first.left and any(abs(start - strip.left) < near for start in starts)


def _is_centred(last: _Strip, strip: _Strip, before: _Margins, margins: _Margins) -> bool:
    """Whether a line goes on in the middle below a full one, as the titles of several lines do."""

    def off_centre(line: _Strip, page: _Margins) -> float:
        return abs(line.left - page.left - (page.right - line.right)) / line.size

    wide = (strip.left - margins.left) / strip.size > MIN_CENTRED_INDENT
    return wide and off_centre(strip, margins) < 2 and off_centre(last, before) < 2


def _joined(strips: Iterable[_Strip]) -> str:
    """The lines of a paragraph as one: Chinese without a blank, words of letters with one or, if cut, whole again."""
    text = ""
    for strip in strips:
        if re.search(r"[A-Za-z]-$", text) and re.match(r"[a-z]", strip.text):
            text = text[:-1]
        elif re.search(r"[!-'*-~)]$", text) and re.match(r"[!-~]", strip.text):
            letters = re.search(r"[A-Za-z][,.;:)]*$", text) or re.match(r"\(?[A-Za-z]", strip.text)
            text += " " if letters else ""
        text += strip.text
    return text
