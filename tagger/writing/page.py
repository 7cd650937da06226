"""What the HTML pages share: a page that needs nothing but a browser, and the looks of themes and paragraphs.

A page is `pages/page.html` with its places filled. Its content security policy names the one style and the one script
by their hashes, so that nothing else runs or is fetched whatever a document holds. In attributes a theme goes by its
number, as its name may be anything.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from string import Template

from tagger.themes import Theme
from tagger.writing.rows import NEARLY_SURE, Row
from tagger.writing.shades import readable

ENCODING = "utf-8"
PAGES = Path(__file__).with_name("pages")
GROUNDS = ("#F7F6F3", "#1F2226")  # the grounds of page.css that are hardest to read on: light, dark
NONE = '<span class="none">—</span>'
STEPS = (0.5, 1.0, 2.0)  # log-odds: from here on a word is drawn stronger; they multiply the odds by 1.6, 2.7 and 7.4
WORDING = re.compile(r"\w(?:.*\w)?", re.DOTALL)  # a reason without the punctuation around it


def page(
    name: str, *, title: str, themes: Sequence[Theme], places: Mapping[str, str], has_shares_table: bool = False
) -> str:
    """The page whose own parts are named `name`; `title` and what fills the places of its body are safe HTML."""
    tables = _part("shares_table.css") if has_shares_table else ""
    style = _part("page.css") + _theme_style(themes) + tables + _part(f"{name}.css")
    script = _part("page.js") + _part(f"{name}.js")
    return Template(_part("page.html")).substitute(
        title=title,
        style=style,
        style_hash=_hash_of(style),
        body=Template(_part(f"{name}.html")).substitute(places).strip(),
        script=script,
        script_hash=_hash_of(script),
    )


def _part(name: str) -> str:
    return (PAGES / name).read_text(ENCODING)


def _hash_of(content: str) -> str:
    """The source expression by which a content security policy knows a style or a script."""
    digest = hashlib.sha256(content.encode(ENCODING)).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"


def _theme_style(themes: Sequence[Theme]) -> str:
    light, dark = (
        "".join(
            f'[data-theme="{number}"] {{ --theme: {readable(theme.colour, ground)}; }}\n'
            for number, theme in enumerate(themes)
        )
        for ground in GROUNDS
    )
    return f"\n{light}@media screen and (prefers-color-scheme: dark) {{\n{dark}}}\n\n"


def safe(text: str) -> str:
    """Text as it may stand in HTML; a lone surrogate cannot be written and becomes “?”."""
    return escape(text.encode(ENCODING, "replace").decode(ENCODING))


def numbered(themes: Sequence[Theme]) -> dict[str | None, int]:
    """The number of each theme, by its name."""
    return {theme.name: number for number, theme in enumerate(themes)}


def percent(probability: float) -> str:
    """A probability in words; none is certain."""
    return "&gt;99%" if probability >= NEARLY_SURE else f"{probability:.0%}"


def chip(theme: str | None, numbers: Mapping[str | None, int]) -> str:
    """The name of a theme in its colour."""
    return f'<span class="chip" data-theme="{numbers[theme]}">{safe(theme or "")}</span>'


def choice(theme: str | None, numbers: Mapping[str | None, int]) -> str:
    """The checkbox of a theme; the script writes its count."""
    number = numbers[theme]
    return (
        f'<label class="choice"><input type="checkbox" name="theme" value="{number}">'
        f'{chip(theme, numbers)}<span class="number" data-count="{number}"></span></label>'
    )


def bar(counts: Counter[str | None], numbers: Mapping[str | None, int]) -> str:
    """A bar of the shares of the themes."""
    parts, position = [], 0
    for theme, number in numbers.items():
        if counts[theme]:
            parts.append(f'<rect data-theme="{number}" x="{position}" width="{counts[theme]}" height="1"/>')
            position += counts[theme]
    return (
        f'<svg class="bar" viewBox="0 0 {position} 1" preserveAspectRatio="none" aria-hidden="true">{"".join(parts)}'
        "</svg>"
    )


def shares(counts: Counter[str | None], doubtful: int, numbers: Mapping[str | None, int]) -> str:
    """The bar of some paragraphs, and the same in words."""
    total = counts.total()
    if not total:
        return '<p class="quiet">没有正文段落</p>'
    words = [
        f"<li>{chip(theme, numbers)}{counts[theme]} 段，{counts[theme] / total:.0%}</li>"
        for theme in numbers
        if counts[theme]
    ]
    if doubtful:
        words.append(f'<li><span class="doubt">？不确定</span> {doubtful} 段</li>')
    return f'{bar(counts, numbers)}<ul class="shares" aria-label="主题占比">{"".join(words)}</ul>'


def shares_table(
    title: str, lines: Sequence[str], numbers: Mapping[str | None, int], *, left_out: int, whole: str
) -> str:
    """A table of the shares of the themes, of lines by `shares_line`; `whole` says where those left out stand."""
    heads = "".join(f'<th scope="col">{chip(theme, numbers)}</th>' for theme in numbers)
    body = "\n".join(lines)
    left = f'<p class="quiet">另有 {left_out} 行没有列出；全部见 {whole}。</p>' if left_out else ""
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="主题占比，按{title}"><table>\n'
        f'<thead><tr><th scope="col">{title}</th><th scope="col">文件</th><th scope="col">段落</th>'
        f'<th scope="col" class="picture">主题占比</th>{heads}<th scope="col">不确定</th></tr></thead>\n'
        f"<tbody>\n{body}\n</tbody></table></div>{left}"
    )


def shares_line(name: str, cells: Sequence[str]) -> str:
    """A line of such a table; cells are safe HTML, empty ones become a dash."""
    written = "".join(f"<td>{cell or NONE}</td>" for cell in cells)
    return f'<tr><th scope="row"><bdi>{safe(name)}</bdi></th>{written}</tr>'


def picture(counts: Counter[str | None], numbers: Mapping[str | None, int]) -> str:
    """The bar of some paragraphs as a cell of such a table; empty if there are none."""
    return f'<span class="picture">{bar(counts, numbers)}</span>' if counts.total() else ""


def worded(row: Row) -> str:
    """The text of a tagged paragraph with its deciding words underlined, and below it the words by themselves."""
    wordings: dict[str, float] = {}
    for reason in row.reasons:
        found = WORDING.search(reason.text)
        if found is not None:
            wordings.setdefault(found[0], reason.log_odds)  # the strongest come first
    words = "、".join(map(safe, wordings))
    why = f'<p class="why">依据：{words}</p>' if words else ""
    return f'<div class="words"><p>{"".join(_marked(row.text, wordings))}</p>{why}</div>'


def _marked(text: str, wordings: Mapping[str, float]) -> Iterator[str]:
    """The text with each wording underlined wherever it stands, the stronger the more it adds."""
    position = 0
    for start, _, wording in sorted(place for each in wordings for place in _places(text, each)):
        if start >= position:  # else it stands within a longer one
            step = 1 + sum(wordings[wording] >= limit for limit in STEPS)
            yield safe(text[position:start])
            yield f'<u class="w{step}" title="{wordings[wording]:+.2f}">{safe(wording)}</u>'
            position = start + len(wording)
    yield safe(text[position:])


def _places(text: str, wording: str) -> Iterator[tuple[int, int, str]]:
    """Where a wording stands in a text, so that of two at one place the longer is sorted first."""
    start = text.find(wording)
    while start >= 0:
        yield start, -len(wording), wording
        start = text.find(wording, start + 1)
