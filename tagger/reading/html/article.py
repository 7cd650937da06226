"""The article of a page: which element holds it, and which of its blocks are the site's."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

from lxml.html import HtmlElement

from tagger.reading.html.blocks import Block

# The names that the usual content systems of Chinese sites give to what an editor wrote
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

# Lines of the site, not of the article; each is short and stands alone
MAX_LITTER = 80  # characters
BUTTON = "打印|打印本页|打印本稿|关闭|关闭窗口|关闭本页|返回顶部|回到顶部|返回列表|我要纠错|收藏|收藏本页|纠错"
LITTER = re.compile(
    rf"[【\[（(]?(?:{BUTTON})[】\]）)]?(?:[\s|·【\[（(】\]）)]*(?:{BUTTON})[】\]）)]?)*"
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


def article_of(blocks: Sequence[Block]) -> HtmlElement | None:
    """The element that holds the article: what an editor wrote, or what holds most sentences and few links."""
    sentences: dict[HtmlElement, int] = defaultdict(int)
    characters: dict[HtmlElement, int] = defaultdict(int)
    links: dict[HtmlElement, int] = defaultdict(int)
    for block in blocks:
        if not block.frame.surroundings:
            prose = _prose(block)
            for element in block.frame.elements:
                sentences[element] += prose
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


def _prose(block: Block) -> int:
    """How many characters look like sentences rather than links."""
    own = len(block.text) - block.links
    return own if own > block.links and SENTENCE.search(block.text) and not _is_litter(block) else 0


def _is_litter(block: Block) -> bool:
    """Whether it is one of the lines that a site puts around an article."""
    text = block.text.strip()
    return block.frame.table is None and len(text) <= MAX_LITTER and LITTER.fullmatch(text) is not None


def without_litter(blocks: Sequence[Block]) -> list[Block]:
    """The blocks without lines of the site and links to other pages."""
    kept = []
    related = False  # under a heading that announces links to other pages
    for block in blocks:
        text = block.text.strip()
        related = related and block.links >= MIN_RELATED_LINKS * len(text)
        if RELATED.fullmatch(text):
            related = True
        elif not related and not _is_litter(block):
            kept.append(block)
    return kept
