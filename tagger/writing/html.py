"""One HTML page that shows tagged documents and why: to read, to filter, to print; it needs nothing but a browser.

The page is `report.html` with its places filled. Its content security policy names the one style and the one script by
their hashes, so that nothing else runs or is fetched whatever a document holds.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from html import escape
from pathlib import Path
from string import Template

from tagger.records import Explanation, Paragraph, Tag, TaggedDocument
from tagger.themes import THEMES
from tagger.writing.rows import NEARLY_SURE, strongest

ENCODING = "utf-8"
PAGE = Path(__file__).with_name("report.html")
STEPS = (0.5, 1.0, 2.0)  # log-odds: from here on a word is drawn stronger; they multiply the odds by 1.6, 2.7 and 7.4
DEEPEST_HEADING = 6  # HTML has six levels; the report and its files take the first two
LINE_CLASSES = {"number": "number-line"}  # where the role itself is taken as a class
WORDING = re.compile(r"\w(?:.*\w)?", re.DOTALL)  # a reason without the punctuation around it


def report(documents: Sequence[TaggedDocument], explain: Callable[[str, str], Explanation]) -> str:
    """The page for some documents; `explain(text, theme)` gives the reasons of a paragraph."""
    page = PAGE.read_text(ENCODING)
    tags = [tag for document in documents for tag in _tags(document)]
    return Template(page).substitute(
        style_hash=_hash_of(page, "style"),
        script_hash=_hash_of(page, "script"),
        title=_title(documents),
        summary=_summary(documents, tags),
        choices="\n".join(map(_choice, THEMES)),
        contents="\n".join(_link(number, document) for number, document in enumerate(documents, start=1)),
        documents="\n".join(_document(number, document, explain) for number, document in enumerate(documents, start=1)),
    )


def _hash_of(page: str, element: str) -> str:
    """The source expression by which a content security policy knows the one `element` of the page."""
    content = page.partition(f"<{element}>")[2].partition(f"</{element}>")[0]
    digest = hashlib.sha256(content.encode(ENCODING)).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"


def _safe(text: str) -> str:
    """Text as it may stand in HTML; a lone surrogate cannot be written and becomes “?”."""
    return escape(text.encode(ENCODING, "replace").decode(ENCODING))


def _tags(document: TaggedDocument) -> list[Tag]:
    return [each.tag for each in document.paragraphs if each.tag is not None]


def _title(documents: Sequence[TaggedDocument]) -> str:
    return f"{_name(documents[0])} · 主题标注" if len(documents) == 1 else "公文主题标注"


def _name(document: TaggedDocument) -> str:
    return _safe(document.source.name or "未命名")


def _summary(documents: Sequence[TaggedDocument], tags: Sequence[Tag]) -> str:
    models = "、".join(dict.fromkeys(document.model_id for document in documents))
    doubtful = sum(tag.uncertain for tag in tags)
    return f"{len(documents)} 个文件，正文 {len(tags)} 段，不确定 {doubtful} 段；模型 {_safe(models) or '—'}"


def _choice(theme: str) -> str:
    """The checkbox of a theme; the script writes its count."""
    return (
        f'<label class="choice" data-theme="{theme}"><input type="checkbox" name="theme" value="{theme}">'
        f'{_chip(theme)}<span class="number" data-count="{theme}"></span></label>'
    )


def _link(number: int, document: TaggedDocument) -> str:
    count = len(_tags(document))
    return (
        f'<li data-link="file-{number}"><a href="#file-{number}"><bdi>{_name(document)}</bdi></a>'
        f'<span class="number">{count}</span></li>'
    )


def _chip(theme: str) -> str:
    return f'<span class="chip" data-theme="{_safe(theme)}">{_safe(theme)}</span>'


def _document(number: int, document: TaggedDocument, explain: Callable[[str, str], Explanation]) -> str:
    """A document: its name, its shares of the themes, its lines."""
    identity = f"file-{number}"
    lines = "\n".join(_lines(identity, document, explain))
    return (
        f'<section class="document" id="{identity}" aria-labelledby="{identity}-name">\n'
        f'<header><h2 id="{identity}-name"><bdi>{_name(document)}</bdi></h2>{_shares(_tags(document))}</header>\n'
        f'<div class="text">\n{lines}\n</div>\n</section>'
    )


def _shares(tags: Sequence[Tag]) -> str:
    """A bar of the shares of the themes among some paragraphs, and the same in words."""
    if not tags:
        return '<p class="quiet">没有正文段落</p>'
    counts = Counter(tag.theme for tag in tags)
    themes = [theme for theme in THEMES if counts[theme]]
    parts, position = [], 0
    for theme in themes:
        parts.append(f'<rect data-theme="{theme}" x="{position}" width="{counts[theme]}" height="1"/>')
        position += counts[theme]
    words = [f"<li>{_chip(theme)}{counts[theme]} 段，{counts[theme] / len(tags):.0%}</li>" for theme in themes]
    doubtful = sum(tag.uncertain for tag in tags)
    if doubtful:
        words.append(f'<li><span class="doubt">？不确定</span> {doubtful} 段</li>')
    return (
        f'<svg class="bar" viewBox="0 0 {len(tags)} 1" preserveAspectRatio="none" aria-hidden="true">{"".join(parts)}'
        f'</svg><ul class="shares" aria-label="主题占比">{"".join(words)}</ul>'
    )


def _lines(identity: str, document: TaggedDocument, explain: Callable[[str, str], Explanation]) -> Iterator[str]:
    """The lines of a document in order, body paragraphs numbered from 1 as in the other formats."""
    sections = _sections(document)
    number = 0
    for index, each in enumerate(document.paragraphs):
        if each.tag is not None:
            number += 1
            explanation = explain(each.paragraph.text, each.tag.theme)
            yield _body(f"{identity}-{number}", number, each.paragraph, each.tag, explanation)
        elif each.paragraph.role == "heading":
            yield _heading(each.paragraph, sections.get(index, []))
        else:
            role = LINE_CLASSES.get(each.paragraph.role, each.paragraph.role)
            yield f'<p class="other {role}">{_safe(each.paragraph.text)}</p>'


def _sections(document: TaggedDocument) -> dict[int, list[Tag]]:
    """The tags below each top-level heading, which is known by its place among the paragraphs."""
    sections: dict[int, list[Tag]] = {}
    current: list[Tag] = []
    for index, each in enumerate(document.paragraphs):
        if each.paragraph.role == "heading" and not each.paragraph.headings:
            current = sections[index] = []
        elif each.tag is not None:
            current.append(each.tag)
    return sections


def _heading(paragraph: Paragraph, tags: Sequence[Tag]) -> str:
    depth = len(paragraph.headings) + 1
    level = min(depth + 2, DEEPEST_HEADING)
    shares = _shares(tags) if tags else ""
    text = _safe(paragraph.text)
    return f'<div class="heading" data-depth="{depth}"><h{level}>{text}</h{level}>{shares}</div>'


def _body(identity: str, number: int, paragraph: Paragraph, tag: Tag, explanation: Explanation) -> str:
    """A body paragraph: what it was tagged as, its text, the words that decided."""
    also = f' data-also="{_safe(" ".join(tag.also))}"' if tag.also else ""
    doubt = " data-doubt" if tag.uncertain else ""
    wordings = dict.fromkeys(_wording(reason.text) for reason in strongest(explanation))
    words = "、".join(_safe(wording) for wording in wordings if wording)
    why = f'<p class="why">依据：{words}</p>' if words else ""
    return (
        f'<div class="para" id="{identity}" data-theme="{_safe(tag.theme)}"{also}{doubt}'
        f' data-probability="{tag.probability:.4f}"><div class="note">{"".join(_note(number, paragraph, tag))}</div>'
        f'<div class="words"><p>{"".join(_marked(paragraph.text, explanation))}</p>{why}</div></div>'
    )


def _note(number: int, paragraph: Paragraph, tag: Tag) -> Iterator[str]:
    """What stands beside a paragraph; of an uncertain one also the theme that came second."""
    yield _chip(tag.theme)
    yield f'<span class="number">{_percent(tag.probability)} · 第 {number} 段</span>'
    if tag.uncertain:
        yield '<strong class="doubt">？不确定</strong>'
        second = max((score for score in tag.scores if score.theme != tag.theme), key=lambda score: score.probability)
        yield f'<span class="number">或 {_safe(second.theme)} {_percent(second.probability)}</span>'
    if tag.also:
        yield f"<span>兼 {'、'.join(map(_safe, tag.also))}</span>"
    if paragraph.place:
        yield f"<span>{_safe(paragraph.place)}</span>"


def _percent(probability: float) -> str:
    return "&gt;99%" if probability >= NEARLY_SURE else f"{probability:.0%}"


def _wording(text: str) -> str:
    found = WORDING.search(text)
    return found[0] if found else ""


def _marked(text: str, explanation: Explanation) -> Iterator[str]:
    """The text with each deciding word underlined, the stronger the more it adds over all its places."""
    deciding = {reason.text: reason.log_odds for reason in strongest(explanation)}
    position = 0
    for reason in explanation.reasons:
        wording = WORDING.search(text, reason.start, reason.end)
        if reason.text not in deciding or wording is None:
            continue
        weight = deciding[reason.text]
        step = 1 + sum(weight >= limit for limit in STEPS)
        yield _safe(text[position : wording.start()])
        yield f'<u class="w{step}" title="{weight:+.2f}">{_safe(wording[0])}</u>'
        position = wording.end()
    yield _safe(text[position:])
