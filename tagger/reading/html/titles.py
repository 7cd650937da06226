"""The title of a page and the levels of its headings."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from lxml.html import HtmlElement

from tagger.reading.html.blocks import BLANKS, Block, Frame
from tagger.reading.styles import TITLE_LEVEL

MAX_BLOCKS_BEFORE_TITLE = 10
SITE = re.compile(r".*(?:人民政府|政府网|门户网站|官网|网站|网)")
NO_TITLE = re.compile(
    SITE.pattern + r"$|[（(]?(?:[一二三四五六七八九十]{1,3}|\d{1,2})[）)、.．]|第[^，。]{1,3}[章节编条]"
)
TITLE_PARTS = re.compile(r"\s*[_|｜]\s*|\s+[-–—]+\s+|--+|——|-(?=[^-]*$)")  # a single hyphen only before the site


def _squeezed(text: str) -> str:
    return "".join(text.split())


def titles_of(root: HtmlElement) -> list[str]:
    """What may be the title of the article, the likeliest first."""
    declared = [meta.get("content", "") for meta in root.iter("meta") if meta.get("name", "").lower() == "articletitle"]
    whole = " ".join("".join(title.itertext()) for title in root.iter("title"))
    parts = [part for part in TITLE_PARTS.split(whole) if not SITE.fullmatch(part.strip())]
    headings = ["".join(heading.itertext()) for heading in root.iter("h1")]
    own = [heading for heading in headings if len(headings) == 1 and not NO_TITLE.match(heading.strip())]
    candidates = [BLANKS.sub(" ", text).strip() for text in (*declared, whole, *parts, *own)]
    return [text for text in candidates if text]


def titled(inside: Sequence[Block], blocks: Sequence[Block], titles: Sequence[str]) -> list[Block]:
    """The article with its title marked as such, brought in if it stands elsewhere on the page."""
    if any(block.frame.depth == TITLE_LEVEL for block in inside):
        return list(inside)
    for number, block in enumerate(inside[:MAX_BLOCKS_BEFORE_TITLE]):
        if _squeezed(block.text) in map(_squeezed, titles):
            title = replace(block, frame=replace(block.frame, depth=TITLE_LEVEL))
            return [*inside[:number], title, *inside[number + 1 :]]
    elsewhere = {_squeezed(block.text): block for block in reversed(blocks)}
    found = next((elsewhere[key] for key in map(_squeezed, titles) if key in elsewhere), None)
    if found is None:
        return list(inside)
    return [replace(found, frame=Frame(found.frame.elements, TITLE_LEVEL)), *inside]


def levels_of(blocks: Sequence[Block]) -> list[int | None]:
    """The level of each block; if no title is known, it is the first block if no other heading is of its rank."""
    depths = [block.frame.depth for block in blocks]
    ranks = Counter(depth for depth in depths if depth is not None and depth != TITLE_LEVEL)
    base = min(ranks, default=1)
    if TITLE_LEVEL in depths or depths[:1] != [base] or ranks[base] > 1 or NO_TITLE.match(blocks[0].text):
        base -= 1
    return [depth if depth is None or depth == TITLE_LEVEL else depth - base for depth in depths]
