"""Saved web pages (.html, .htm, .mhtml): the article without menus, side bars and footers; its tables and headings.

lxml parses; which part is the article is decided here. On pages in the way of Chinese government sites trafilatura
kept the menus and tore tables apart, readability lost lists or took the footer: most lay out their pages with tables.
"""

from __future__ import annotations

import email
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from email.message import Message

from lxml import etree
from lxml.html import HtmlElement, HTMLParser

from tagger.errors import FormatError, InputError
from tagger.reading.limits import check_bytes, check_elements, limits, too_large
from tagger.reading.numbering import FORMATS
from tagger.reading.text import BOMS, decode
from tagger.records import Line, Source

MESSAGE_DAMAGE = (LookupError, RecursionError, ValueError, TypeError, AttributeError)  # raised on odd headers
MAX_DEPTH = 200  # elements in one another; below the limit of Python's stack
MEAN_DEPTH = 10  # of as many elements as a page may have; sound pages are deeper, and a hundred times smaller
HEAD_BYTES = 4096  # browsers look for the encoding in the first 1024; old pages have long comments
TITLE_LEVEL = 0

DECLARATION = re.compile(rb"<(?:meta|\?xml)\b[^>]*?(?:charset|encoding)\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)
DECLARED = {"utf-8": "utf-8", "utf8": "utf-8", "big5": "big5hkscs", "big5-hkscs": "big5hkscs"}  # the others by `decode`
MHTML = re.compile(
    rb"\s*(?:[\w-]+:[^\r\n]*\r?\n(?:[ \t][^\r\n]*\r?\n)*)*?(?:mime-version|content-type):", re.IGNORECASE
)

# Elements
INVISIBLE = frozenset(
    {"audio", "button", "canvas", "del", "head", "iframe", "input", "math", "noscript", "object", "rp", "rt", "script"}
    | {"select", "style", "svg", "template", "textarea", "title", "video"}
)
SURROUNDINGS = frozenset({"aside", "footer", "nav"})
SURROUNDING_ROLES = frozenset({"banner", "complementary", "contentinfo", "navigation", "search"})
INLINE = frozenset(
    {"a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "dfn", "em", "font", "i", "img", "ins", "kbd"}
    | {"label", "mark", "nobr", "q", "ruby", "s", "samp", "small", "span", "strike", "strong", "sub", "sup", "time"}
    | {"tt", "u", "var", "wbr"}
)
HEADING = re.compile(r"h([1-6])")
HIDDEN_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all", re.IGNORECASE)
PREFORMATTED = re.compile(r"white-space\s*:\s*pre", re.IGNORECASE)
UNNUMBERED = re.compile(r"list-style[^;]*none", re.IGNORECASE)
BLANKS = re.compile(r"[ \t\r\n\f\v]+")
LIST_FORMATS = {"1": "decimal", "a": "lowerLetter", "A": "upperLetter", "i": "lowerRoman", "I": "upperRoman"}
MAX_LIST_NUMBER = 9999

# The article. The names are those that the usual content systems of Chinese sites give to what an editor wrote.
EDITED = re.compile(
    r"trs_\w*editor\w*|ucap-?content|zoom|zoomcon|pages_content|(?:js_|v_news_|wp_)?article_?-?content|artibody"
    r"|vsb_content\w*|v_news_content|wp_articlecontent|js_content|bt-content|view-?content|xxgk_content",
    re.IGNORECASE,
)
SENTENCE = re.compile(r"[，。；！？：、]")
MIN_ARTICLE = 40  # characters of sentences below which a page holds no article
MIN_SHARE = 0.6  # of the page's sentences that stand in its article: side bars may quote others
MAX_LINK_SHARE = 0.3  # of what surrounds the article, up to which it is taken for a part of it
MIN_LINK_CHARACTERS = 8  # fewer are no menu
MIN_TABLE_COLUMNS = 2

# Lines of the site, not of the article; each is short and stands alone
MAX_LITTER = 80  # characters
LITTER = re.compile(
    r"[【\[（(]?(?:打印|打印本页|打印本稿|关闭|关闭窗口|关闭本页|返回顶部|回到顶部|返回列表|我要纠错|收藏|收藏本页|纠错)[】\]）)]?"
    r"(?:[\s|·【\[（(】\]）)]*(?:打印|打印本页|打印本稿|关闭|关闭窗口|关闭本页|返回顶部|我要纠错|收藏|收藏本页|纠错)[】\]）)]?)*"
    r"|[（(【\[]?(?:责任编辑|责编|编辑|编辑人|审核|审核人|信息来源|文章来源|稿件来源|来源|发布时间|发布日期|发布人|发布机构|更新时间"
    r"|浏览次数|浏览量|阅读次数|访问量|点击数|点击次数|字号|字体|字体大小|分享|分享到|分享至|上一篇|下一篇|上一条|下一条|当前位置"
    r"|您?现?所?在的?位置|您现在的位置|我的位置)[】\]]?\s*[:：].*"
    r"|日期[:：].*(?:来源|字体|字号|浏览).*"
    r"|(?:分享到|扫一扫在手机打开当前页|扫一扫)\b.*"
    r"|.*(?:ICP备|公网安备|网站标识码|版权所有).*"
    r"|(?:主办|主办单位|承办|承办单位|技术支持|网站地图)[:：].*"
)
RELATED = re.compile(
    r"[【\[]?(?:相关|延伸|推荐|热点)(?:链接|文章|阅读|新闻|信息|稿件|报道|推荐|文件|文档|解读)[】\]]?\s*[:：]?"
)
MIN_RELATED_LINKS = 0.9  # share of links in a line under such a heading

# The title
MAX_BLOCKS_BEFORE_TITLE = 10
SITE = re.compile(r".*(?:人民政府|政府网|门户网站|官网|网站|网)")
NO_TITLE = re.compile(
    SITE.pattern + r"$|[（(]?(?:[一二三四五六七八九十]{1,3}|\d{1,2})[）)、.．]|第[^，。]{1,3}[章节编条]"
)
TITLE_PARTS = re.compile(r"\s*[_|｜]\s*|\s+[-–—]+\s+|--+|——|-(?=[^-]*$)")  # a single hyphen only before the site


def read_html(name: str, content: bytes) -> Source:
    """Read a saved web page from its bytes, plain or packed by a browser (MHTML).

    The text of the source is what the article shows, each block on a line of its own; if the page holds no article, it
    is all that the page shows. Nothing is fetched, no script runs. Raises `InputError` if the page is too large or
    damaged, `FormatError` if it is no text or its encoding is not the one that it declares.
    """
    check_bytes(name, len(content), limits().part_bytes)
    if MHTML.match(content):
        content = _unpacked(name, content)
    root = _parsed(name, _markup(name, content))
    if root is None:
        return Source(name, "", ())
    blocks = list(_blocks_of(root))
    article = _article(blocks)
    if article is not None:
        inside = _without_litter([block for block in blocks if block.inside(article)])
        blocks = _titled(inside, blocks, _titles(root))
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


def message_of(name: str, content: bytes) -> Message:
    """The message in an MHTML file or a mail. Raises `InputError` if it is too large, `MESSAGE_DAMAGE` if damaged."""
    most = limits()
    check_bytes(name, len(content), most.part_bytes)
    if content.count(b"\n") + content.count(b"\r") > most.elements:  # each line becomes a string for a while
        raise too_large(name, "行数太多", f"不超过 {most.elements // 10_000} 万行")
    return email.message_from_bytes(content)


def payload_of(part: Message) -> bytes | None:
    """What a part of a message holds, without its packing."""
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else None


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


# Blocks


@dataclass(frozen=True, slots=True)
class _Block:
    """A stretch of text that a browser shows on lines of its own, and the elements that it stands in."""

    text: str
    links: int  # characters of the text that are links
    elements: tuple[HtmlElement, ...]  # outermost first
    depth: int | None = None  # of a heading, as its tag says
    table: HtmlElement | None = None
    cell: tuple[int, int] = (0, 0)
    surroundings: bool = False
    preformatted: bool = False  # its line ends count

    def inside(self, element: HtmlElement) -> bool:
        return element in self.elements and not self.surroundings

    @property
    def prose(self) -> int:
        """How many characters look like sentences rather than links."""
        own = len(self.text) - self.links
        return own if own > self.links and SENTENCE.search(self.text) and not self.is_litter else 0

    @property
    def is_litter(self) -> bool:
        """Whether it is one of the lines that a site puts around an article."""
        text = self.text.strip()
        return self.table is None and len(text) <= MAX_LITTER and LITTER.fullmatch(text) is not None


@dataclass(slots=True)
class _Walk:
    """Collects the text of the block being read."""

    blocks: list[_Block] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    links: int = 0
    prefix: str = ""  # the number of a list item, until its first text
    cells: dict[HtmlElement, tuple[int, int]] = field(default_factory=dict)  # row and column, from 1

    def end(self, frame: _Block) -> None:
        """The block ends here; `frame` says where it stands."""
        text = "".join(self.parts)
        for line in text.split("\n"):
            shown = BLANKS.sub(" ", line).strip(" ")
            if shown.strip():
                share = self.links / max(1, len(text))
                links = min(len(shown), round(share * len(shown)))
                self.blocks.append(replace(frame, text=self.prefix + shown, links=links))
                self.prefix = ""
        self.parts.clear()
        self.links = 0

    def add(self, text: str | None, frame: _Block, *, linked: bool) -> None:
        if text:
            shown = text.replace("\r", "\n") if frame.preformatted else BLANKS.sub(" ", text)
            self.parts.append(shown)
            self.links += len(shown.strip()) if linked else 0


def _blocks_of(root: HtmlElement) -> Iterator[_Block]:
    walk = _Walk()
    frame = _Block("", 0, (root,))
    _read(root, frame, walk, linked=False)
    walk.end(frame)
    yield from walk.blocks


def _read(element: HtmlElement, frame: _Block, walk: _Walk, *, linked: bool) -> None:
    """Read what an element holds; `frame` is the block that its text belongs to."""
    walk.add(element.text, frame, linked=linked)
    number = 0
    for child in element:
        tag = child.tag if isinstance(child.tag, str) else ""
        if tag == "br":
            walk.parts.append("\n")
        elif not tag or _is_invisible(child):
            pass
        elif tag in INLINE or ":" in tag:
            _read(child, frame, walk, linked=linked or tag == "a")
        else:
            walk.end(frame)
            if tag == "li" and element.tag == "ol":
                number = _integer(child.get("value"), number + 1 if number else _integer(element.get("start"), 1))
                walk.prefix = _list_number(element, number)
            inner = _frame(child, frame, walk)
            _read(child, inner, walk, linked=linked)
            walk.end(inner)
            walk.prefix = ""
        walk.add(child.tail, frame, linked=linked)


def _is_invisible(element: HtmlElement) -> bool:
    return (
        element.tag in INVISIBLE
        or "hidden" in element.attrib
        or HIDDEN_STYLE.search(element.get("style", "")) is not None
    )


def _frame(element: HtmlElement, outer: _Block, walk: _Walk) -> _Block:
    frame = replace(outer, elements=(*outer.elements, element))
    heading = HEADING.fullmatch(element.tag)
    if heading:
        frame = replace(frame, depth=int(heading[1]))
    elif "MsoTitle" in element.get("class", "").split():  # Word's title
        frame = replace(frame, depth=TITLE_LEVEL)
    elif element.tag == "table" and _holds_data(element):
        frame = replace(frame, table=element)
        walk.cells.update(_cells(element))
    if element in walk.cells:
        frame = replace(frame, cell=walk.cells[element])
    if _surrounds(element):
        frame = replace(frame, surroundings=True)
    if element.tag == "pre" or PREFORMATTED.search(element.get("style", "")):
        frame = replace(frame, preformatted=True)
    return frame


def _surrounds(element: HtmlElement) -> bool:
    if element.tag == "header":
        return element.find(".//h1") is None
    if element.tag == "div" and element.get("title") in {"header", "footer"}:  # those of a page, as LibreOffice writes
        return True
    return element.tag in SURROUNDINGS or element.get("role") in SURROUNDING_ROLES


def _holds_data(table: HtmlElement) -> bool:
    """Whether a table is one, not a means to lay out a page: it has columns and rows and no table in it."""
    if table.get("role") == "presentation" or table.find(".//table") is not None:
        return False
    widths = [sum(cell.tag in {"td", "th"} for cell in row) for row in table.iter("tr")]
    return len(widths) > 1 and sum(width >= MIN_TABLE_COLUMNS for width in widths) > 1


def _cells(table: HtmlElement) -> Iterator[tuple[HtmlElement, tuple[int, int]]]:
    for row_number, row in enumerate(table.iter("tr"), start=1):
        for column_number, cell in enumerate(row.iterchildren("td", "th"), start=1):
            yield cell, (row_number, column_number)


def _integer(text: str | None, default: int) -> int:
    text = (text or "").strip()
    return int(text) if text.isascii() and text.isdigit() and int(text) <= MAX_LIST_NUMBER else default


def _list_number(element: HtmlElement, number: int) -> str:
    if UNNUMBERED.search(element.get("style", "")) or not 0 < number <= MAX_LIST_NUMBER:
        return ""
    return FORMATS[LIST_FORMATS.get(element.get("type", "1"), "decimal")](number) + "."


# The article


def _article(blocks: Sequence[_Block]) -> HtmlElement | None:
    """The element that holds the article: what an editor wrote, or what holds most sentences and few links."""
    sentences: dict[HtmlElement, int] = defaultdict(int)
    characters: dict[HtmlElement, int] = defaultdict(int)
    links: dict[HtmlElement, int] = defaultdict(int)
    for block in blocks:
        if not block.surroundings:
            for element in block.elements:
                sentences[element] += block.prose
                characters[element] += len(block.text)
                links[element] += block.links
    total = max(sentences.values(), default=0)
    if total < MIN_ARTICLE:
        return None
    holders = [element for element, found in sentences.items() if found >= MIN_SHARE * total]  # outermost first
    edited = next((element for element in holders if _is_edited(element)), None)
    if edited is not None:
        return edited
    article = holders[-1]
    for outer in reversed(holders[:-1]):
        around, linked = characters[outer] - characters[article], links[outer] - links[article]
        if linked >= MIN_LINK_CHARACTERS and linked > MAX_LINK_SHARE * around:
            break
        article = outer
    return article


def _is_edited(element: HtmlElement) -> bool:
    names = (element.get("id", "") + " " + element.get("class", "")).split()
    return element.tag == "ucapcontent" or any(EDITED.fullmatch(name) for name in names)


def _without_litter(blocks: Sequence[_Block]) -> list[_Block]:
    kept = []
    related = False  # under a heading that announces links to other pages
    for block in blocks:
        text = block.text.strip()
        related = related and block.links >= MIN_RELATED_LINKS * len(text)
        if RELATED.fullmatch(text):
            related = True
        elif not related and not block.is_litter:
            kept.append(block)
    return kept


# Titles, headings, lines


def _squeezed(text: str) -> str:
    return "".join(text.split())


def _titles(root: HtmlElement) -> list[str]:
    """What may be the title of the article, the likeliest first."""
    declared = [meta.get("content", "") for meta in root.iter("meta") if meta.get("name", "").lower() == "articletitle"]
    whole = " ".join("".join(title.itertext()) for title in root.iter("title"))
    parts = [part for part in TITLE_PARTS.split(whole) if not SITE.fullmatch(part.strip())]
    headings = ["".join(heading.itertext()) for heading in root.iter("h1")]
    own = [heading for heading in headings if len(headings) == 1 and not NO_TITLE.match(heading.strip())]
    candidates = [BLANKS.sub(" ", text).strip() for text in (*declared, whole, *parts, *own)]
    return [text for text in candidates if text]


def _titled(inside: Sequence[_Block], blocks: Sequence[_Block], titles: Sequence[str]) -> list[_Block]:
    """The article with its title marked as such, brought in if it stands elsewhere on the page."""
    if any(block.depth == TITLE_LEVEL for block in inside):
        return list(inside)
    for number, block in enumerate(inside[:MAX_BLOCKS_BEFORE_TITLE]):
        if _squeezed(block.text) in map(_squeezed, titles):
            return [*inside[:number], replace(block, depth=TITLE_LEVEL), *inside[number + 1 :]]
    elsewhere = {_squeezed(block.text): block for block in reversed(blocks)}
    found = next((elsewhere[key] for key in map(_squeezed, titles) if key in elsewhere), None)
    return list(inside) if found is None else [replace(found, depth=TITLE_LEVEL, table=None), *inside]


def _source(name: str, blocks: Sequence[_Block]) -> Source:
    tables = dict.fromkeys(block.table for block in blocks if block.table is not None)
    numbers = {table: number for number, table in enumerate(tables, start=1)}
    lines, position = [], 0
    for block, level in zip(blocks, _levels(blocks), strict=True):
        place = "" if block.table is None else f"表{numbers[block.table]}第{block.cell[0]}行第{block.cell[1]}列"
        lines.append(Line(position, position + len(block.text), level, place))
        position += len(block.text) + 1
    return Source(name, "\n".join(block.text for block in blocks), tuple(lines))


def _levels(blocks: Sequence[_Block]) -> list[int | None]:
    """The level of each block; if no title is known, it is the first block if no other heading is of its rank."""
    depths = [block.depth for block in blocks]
    ranks = Counter(depth for depth in depths if depth is not None and depth != TITLE_LEVEL)
    base = min(ranks, default=1)
    if TITLE_LEVEL in depths or depths[:1] != [base] or ranks[base] > 1 or NO_TITLE.match(blocks[0].text):
        base -= 1
    return [depth if depth is None or depth == TITLE_LEVEL else depth - base for depth in depths]
