"""Saved web pages (.html, .htm, .mhtml): the article without menus, side bars and footers; its tables and headings.

lxml parses; which part is the article is decided here. On pages in the way of Chinese government sites trafilatura
kept the menus and tore tables apart, readability lost lists or took the footer: most lay out their pages with tables.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from lxml import etree
from lxml.html import HtmlElement, HTMLParser

from tagger.errors import FormatError, InputError
from tagger.reading.html.article import article_of, without_litter
from tagger.reading.html.blocks import Block, blocks_of
from tagger.reading.html.titles import levels_of, titled, titles_of
from tagger.reading.limits import check_bytes, check_elements, limits, too_large
from tagger.reading.message import MESSAGE_DAMAGE, message_of, payload_of
from tagger.reading.text import BOMS, decode
from tagger.reading.transcript import Transcript, cell_place
from tagger.records import Source

MAX_DEPTH = 200  # elements in one another; below the limit of Python's stack
MEAN_DEPTH = 10  # on average in a page of the most elements; sound pages are deeper, but a hundred times smaller
HEADER_BYTES = 2**16  # of a message; each that is looked at for its name costs memory
HEAD_BYTES = 4096  # browsers look for the encoding in the first 1024; old pages have long comments

DECLARATION = re.compile(rb"<(?:meta|\?xml)\b[^>]*?(?:charset|encoding)\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)
DECLARED = {"utf-8": "utf-8", "utf8": "utf-8", "big5": "big5hkscs", "big5-hkscs": "big5hkscs"}  # the others by `decode`
MHTML = re.compile(
    rb"\s*(?:[\w-]+:[^\r\n]*\r?\n(?:[ \t][^\r\n]*\r?\n)*)*?(?:mime-version|content-type):", re.IGNORECASE
)


def read_html(name: str, content: bytes) -> Source:
    """Read a saved web page from its bytes, plain or packed by a browser (MHTML).

    The text of the source is what the article shows, each block on a line of its own; if the page holds no article, it
    is all that the page shows. Nothing is fetched, no script runs. Raises `InputError` if the page is too large or
    damaged, `FormatError` if it is no text or its encoding is not the one that it declares.
    """
    check_bytes(name, len(content), limits().part_bytes)
    if MHTML.match(content, 0, HEADER_BYTES):
        content = _unpacked(name, content)
    root = _parsed(name, _markup(name, content))
    if root is None:
        return Source(name, "", ())
    blocks = blocks_of(root)
    article = article_of(blocks)
    if article is not None:
        inside = without_litter([block for block in blocks if block.inside(article)])
        blocks = titled(inside, blocks, titles_of(root))
    return _source(name, blocks)


def _unpacked(name: str, content: bytes) -> bytes:
    """The first page in an MHTML file: the others are frames."""
    try:
        parts = message_of(name, content).walk()
        page = next((payload_of(part) for part in parts if part.get_content_type() == "text/html"), None)
    except MESSAGE_DAMAGE as error:
        raise _damaged(name) from error
    if page is None:
        raise FormatError(
            name, found="里面没有网页", expected="浏览器保存的 .mhtml 或 .html", advice="用浏览器重新保存网页"
        )
    return page


def _damaged(name: str) -> InputError:
    return InputError(name, found="网页文件已损坏", expected="完整的网页", advice="用浏览器打开后重新保存")


def _markup(name: str, content: bytes) -> str:
    """The page as text: by byte order mark, then as it declares, then UTF-8 or GB18030; never guessed."""
    declaration = DECLARATION.search(content[:HEAD_BYTES])
    declared = DECLARED.get(declaration[1].decode("ascii").lower()) if declaration else None
    if declared is None or content.startswith(tuple(bom for bom, _ in BOMS)):
        return decode(name, content)
    try:
        return content.decode(declared)
    except UnicodeDecodeError as error:
        raise FormatError(
            name,
            found=f"有的文字不是网页所声明的编码（{declared}）",
            expected="完整的网页",
            advice="用浏览器打开后重新保存",
        ) from error


def _parsed(name: str, markup: str) -> HtmlElement | None:
    """The root of the page; None if there is nothing in it."""
    content = markup.replace("\0", "").encode("utf-8")
    check_elements(name, content, limits().elements // 4)  # what we do with each takes longer than to parse it
    # without `huge_tree`, all that follows a picture or text of more than 10 MB is lost without a word
    parser = HTMLParser(encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True, huge_tree=True)
    try:
        root = etree.fromstring(content, parser)
    except (etree.LxmlError, ValueError) as error:
        if not markup.strip():
            return None
        raise _damaged(name) from error
    if root is not None:
        _check_depth(name, root)
    return root


def _check_depth(name: str, root: HtmlElement) -> None:
    """Refuse pages whose elements stand too deep in one another: each block remembers all that it stands in."""
    depth = total = 0
    for event, _ in etree.iterwalk(root, events=("start", "end")):
        depth += 1 if event == "start" else -1
        total += depth if event == "start" else 0
        if depth > MAX_DEPTH:
            raise _damaged(name)
    if total > MEAN_DEPTH * limits().elements:
        raise too_large(name, "结构过于庞大", "普通篇幅的网页")


def _source(name: str, blocks: Sequence[Block]) -> Source:
    tables = dict.fromkeys(block.frame.table for block in blocks if block.frame.table is not None)
    numbers = {table: number for number, table in enumerate(tables, start=1)}
    transcript = Transcript()
    for block, level in zip(blocks, levels_of(blocks), strict=True):
        place = "" if block.frame.table is None else cell_place(numbers[block.frame.table], *block.frame.cell)
        transcript.add(block.text, level, place)
    return transcript.source(name)
