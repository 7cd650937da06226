"""The HTML report: every word of a document stands in it as text, nothing runs but its own script, filters work."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagger import Tagger
from tagger.records import Explanation, Paragraph, Reason, Score, Source, Tag, TaggedDocument, TaggedParagraph
from tagger.themes import THEMES
from tagger.writing.html import PAGE, report
from tagger.writing.rows import rows_of

HOSTILE = '</script><script>alert(1)</script><img src=x onerror=alert(1)>"\' onclick="$title ${x} &lt;\ud800\u202e'
VOID = {"meta", "input", "rect"}
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@dataclass
class Page(HTMLParser):
    """A report taken apart: its elements as (name, attributes), and the text below each class."""

    content: str
    elements: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    texts: dict[str, list[str]] = field(default_factory=dict)
    open: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.content)
        assert not self.open, "every element is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.elements.append((tag, attributes))
        if tag not in VOID:
            above = self.open[-1][1] if self.open else ""
            key = attributes.get("class") or f"{above.split('>')[-1].strip()}>{tag}"
            self.open.append((tag, key))
            self.texts.setdefault(key, []).append("")

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        for _, key in self.open:
            self.texts[key][-1] += data

    def of(self, name: str, **attributes: str) -> list[dict[str, str | None]]:
        return [found for tag, found in self.elements if tag == name and attributes.items() <= found.items()]


def explanation(theme: str, *reasons: Reason) -> tuple[Explanation, ...]:
    return (Explanation(Score(theme, 0.0, 0.9), 0.0, reasons),)


def one_paragraph(text: str, *, name: str = "文件", place: str = "", headings: tuple[str, ...] = ()) -> TaggedDocument:
    tag = Tag("法治", (), 0.9, uncertain=False, themes=("法治",), log_odds=(1.0,), probabilities=(0.9,))
    title = TaggedParagraph(Paragraph(text, 0, 1, "title"), None)
    parts = [TaggedParagraph(Paragraph(each, 0, 1, "heading", headings[:n]), None) for n, each in enumerate(headings)]
    body = TaggedParagraph(Paragraph(text, 0, 1, "body", headings, place), tag)
    return TaggedDocument(Source(name, text, ()), "模型", (title, *parts, body))


@pytest.fixture(scope="module")
def examples(root: Path, tagger: Tagger) -> list[TaggedDocument]:
    return [tagger.tag_file(path) for path in sorted((root / "examples").iterdir())]


@pytest.fixture(scope="module")
def page(examples: list[TaggedDocument], tagger: Tagger) -> str:
    return report(examples, tagger.explain_theme)


def test_every_paragraph_stands_in_the_page_whole(examples: list[TaggedDocument], tagger: Tagger, page: str) -> None:
    found = Page(page)
    rows = [row for document in examples for row in rows_of(document, tagger.explain_theme)]
    assert found.texts["words>p"] == [row.text for row in rows]
    paras = found.of("div", **{"class": "para"})
    assert [each["data-theme"] for each in paras] == [row.theme for row in rows]
    assert ["data-doubt" in each for each in paras] == [row.uncertain for row in rows]
    assert [each.get("data-also", "") for each in paras] == [" ".join(row.also) for row in rows]
    others = [each.paragraph for document in examples for each in document.paragraphs if each.tag is None]
    for paragraph in others:
        assert any(paragraph.text == text for texts in found.texts.values() for text in texts), paragraph


def test_themes_and_doubt_are_said_in_words(page: str, examples: list[TaggedDocument]) -> None:
    notes = Page(page).texts["note"]
    tags = [each.tag for document in examples for each in document.paragraphs if each.tag is not None]
    assert any(tag.uncertain for tag in tags)
    for note, tag in zip(notes, tags, strict=True):
        assert note.startswith(tag.theme)
        assert ("不确定" in note) == tag.uncertain
        assert all(theme in note for theme in tag.also)
        assert "100%" not in note


def test_bars_add_up_for_files_and_top_level_sections(page: str, examples: list[TaggedDocument]) -> None:
    bars = re.findall(r'<svg class="bar" viewBox="0 0 (\d+) 1".*?</svg>', page)
    whole = re.findall(r'<header><h2.*?viewBox="0 0 (\d+) 1"', page)
    assert list(map(int, whole)) == [sum(e.tag is not None for e in document.paragraphs) for document in examples]
    below_sections = sum(bool(e.paragraph.headings) for d in examples for e in d.paragraphs if e.tag is not None)
    assert sum(map(int, bars)) - sum(map(int, whole)) == below_sections
    for total, parts in re.findall(r'viewBox="0 0 (\d+) 1"[^>]*>(.*?)</svg>', page):
        assert sum(map(int, re.findall(r'width="(\d+)"', parts))) == int(total)


def test_words_are_underlined_by_what_they_add_over_all_places() -> None:
    text = "甲词和乙词，丙词。丁词与丁词<"
    reasons = (
        Reason("甲词", 0, 2, 0.2),
        Reason("乙词，", 3, 6, 0.6),
        Reason("丙词", 6, 8, 1.2),
        Reason("丁词", 9, 11, 1.1),
        Reason("与", 11, 12, -1.0),
        Reason("丁词", 12, 14, 1.1),
    )
    content = report([one_paragraph(text)], lambda text, theme: explanation("法治", *reasons)[0])
    paragraph = re.search(r'<div class="words"><p>(.*?)</p>', content)
    assert paragraph is not None
    assert paragraph[1] == (
        '<u class="w1" title="+0.20">甲词</u>和<u class="w2" title="+0.60">乙词</u>，'
        '<u class="w3" title="+1.20">丙词</u>。'
        '<u class="w4" title="+2.20">丁词</u>与<u class="w4" title="+2.20">丁词</u>&lt;'
    )
    assert "依据：丁词、丙词、乙词、甲词" in content


def test_hostile_text_stays_text() -> None:
    document = one_paragraph(HOSTILE, name=HOSTILE, place=HOSTILE, headings=(HOSTILE, HOSTILE))
    reasons = (Reason(HOSTILE, 0, len(HOSTILE), 3.0),)
    content = report([document, document], lambda text, theme: explanation("法治", *reasons)[0])
    found = Page(content)
    assert len(found.of("script")) == 1
    assert not found.of("img")
    for _, attributes in found.elements:
        assert not [name for name in attributes if name.startswith("on") or name in {"style", "src"}]
        assert (attributes.get("href") or "#").startswith("#")
    assert found.texts["words>p"] == [HOSTILE.replace("\ud800", "?")] * 2
    content.encode("utf-8")


@given(st.text(min_size=1, max_size=40), st.text(max_size=20))
@settings(max_examples=40)
def test_any_text_comes_back(text: str, name: str) -> None:
    reasons = (Reason(text, 0, len(text), 3.0),)
    found = Page(
        report([one_paragraph(text, name=name, place=name)], lambda text, theme: explanation("法治", *reasons)[0])
    )
    assert found.texts["words>p"] == [text]


def test_the_policy_lets_nothing_run_but_the_style_and_script_of_the_page(page: str) -> None:
    found = Page(page)
    (policy,) = (each["content"] for each in found.of("meta", **{"http-equiv": "Content-Security-Policy"}))
    hashes = {}
    for element in ("style", "script"):
        (content,) = re.findall(f"<{element}>(.*?)</{element}>", page, re.DOTALL)
        hashes[element] = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{hashes['style']}'; script-src 'sha256-{hashes['script']}'; "
        "base-uri 'none'; form-action 'none'"
    )
    assert "http:" not in page
    assert "https:" not in page


def luminance(colour: str) -> float:
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("palette", [0, 1], ids=["light", "dark"])
def test_colours_can_be_read(palette: int) -> None:
    style = PAGE.read_text("utf-8")
    colours = dict(re.findall(r"--([\w-]+): (#\w{6});", re.findall(r":root \{(.*?)\}", style, re.DOTALL)[palette]))
    inks = ["ink", "quiet", "doubt", "party", "law", "village", "order", "conduct", "other"]
    assert all(f'[data-theme="{theme}"]' in style for theme in THEMES)
    for ink in inks:
        for ground in ("page", "card", *(["doubt-card"] if ink == "doubt" else [])):
            dark, light = sorted((luminance(colours[ink]), luminance(colours[ground])))
            assert (light + 0.05) / (dark + 0.05) >= 4.5, f"{ink} on {ground}"  # WCAG 2.2, level AA


def test_two_thousand_paragraphs_stay_light(tagger: Tagger, examples: list[TaggedDocument]) -> None:
    text = "\n".join(each.paragraph.text for each in examples[0].paragraphs if each.tag is not None)
    document = tagger.tag_document("\n".join([text] * 182))
    assert len(document.paragraphs) >= 2000
    content = report([document], cache(tagger.explain_theme))
    added = len(content.encode()) - len(document.source.text.encode())
    assert added < 2000 * len(document.paragraphs)


@pytest.mark.parametrize("documents", [(), ("",), ("目录",)])
def test_nothing_to_show_is_no_trouble(tagger: Tagger, documents: tuple[str, ...]) -> None:
    tagged = [tagger.tag_document(text) for text in documents]
    content = report(tagged, tagger.explain_theme)
    assert f"{len(documents)} 个文件，正文 0 段" in content
    assert content.count("没有正文段落") == len(documents)


# What a browser makes of it. The script of a test is named in the policy beside the page's own; nothing else changes.


def run(page: str, script: str, folder: Path) -> Any:
    """What `script`, a function body, returns after the page was loaded, and what the policy stopped meanwhile."""
    if CHROMIUM is None:
        pytest.skip("没有 chromium，不能试网页")
    code = (
        "const stopped = [];"
        'document.addEventListener("securitypolicyviolation", each => stopped.push(each.violatedDirective));'
        f'addEventListener("load", () => {{ const found = (() => {{ {script} }})();'
        'setTimeout(() => { const out = document.createElement("pre"); out.id = "found";'
        "out.textContent = JSON.stringify([found, stopped]); document.body.append(out); }); });"
    )
    digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
    page = page.replace("script-src '", f"script-src 'sha256-{digest}' '", 1)
    page = page.replace('<meta name="viewport"', f'<script>{code}</script><meta name="viewport"', 1)
    path = folder / "report.html"
    path.write_text(page, encoding="utf-8")
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    profile = f"--user-data-dir={folder / 'profile'}"
    shown = subprocess.run(
        [*command, profile, "--dump-dom", path.as_uri()], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    found = re.search('<pre id="found">(.*)</pre>', shown, re.DOTALL)
    assert found is not None, "the script came to its end"
    return json.loads(unescape(found[1]))


CLICKS = """
const get = id => document.getElementById(id);
const shown = () => [...document.querySelectorAll(".para")].filter(each => each.offsetParent);
const steps = {};
const note = name => {
  steps[name] = { themes: shown().map(each => each.dataset.theme), ids: shown().map(each => each.id),
    doubts: shown().filter(each => "doubt" in each.dataset).length, status: get("status").textContent,
    counts: Object.fromEntries(
      [...document.querySelectorAll("[data-count]")].map(each => [each.dataset.count, Number(each.textContent)])),
    headings: [...document.querySelectorAll(".heading")].filter(each => each.offsetParent).length,
    files: [...document.querySelectorAll("[data-link]")].filter(each => each.offsetParent).length,
    nothing: get("nothing").offsetParent !== null };
};
const box = theme => document.querySelector('[name=theme][value="' + theme + '"]');
const search = text => { get("words").value = text; get("filters").requestSubmit(); };
note("all");
box("法治").click(); note("law");
get("also").click(); note("law too"); get("also").click();
box("作风").click(); note("law and conduct"); box("法治").click(); box("作风").click(); note("none chosen");
get("doubtful").click(); note("doubtful"); get("doubtful").click();
get("first").click(); note("first");
steps.first.path = document.querySelector("#queue .path").textContent;
get("doubtful").click(); note("only the queue"); get("doubtful").click();
get("first").click(); note("back");
search("党支部"); note("search"); steps.search.marks = CSS.highlights.get("found").size;
search("没有这样的话"); note("nothing"); search("");
note("end");
return steps;
"""


@pytest.fixture(scope="module")
def steps(page: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    found, stopped = run(page, CLICKS, tmp_path_factory.mktemp("browser"))
    assert stopped == []
    return found


def test_filters_show_what_was_asked_for(steps: dict[str, Any], examples: list[TaggedDocument], tagger: Tagger) -> None:
    rows = [row for document in examples for row in rows_of(document, tagger.explain_theme)]
    themes = [row.theme for row in rows]
    assert steps["all"]["themes"] == steps["none chosen"]["themes"] == steps["end"]["themes"] == themes
    assert steps["all"]["counts"] == {theme: themes.count(theme) for theme in THEMES}
    assert set(steps["law"]["themes"]) == {"法治"}
    assert len(steps["law"]["themes"]) == themes.count("法治")
    assert len(steps["law too"]["themes"]) == sum("法治" in (row.theme, *row.also) for row in rows)
    assert set(steps["law and conduct"]["themes"]) == {"法治", "作风"}
    assert steps["law"]["counts"] == steps["all"]["counts"]  # counts say what a further tick would show
    doubts = sum(row.uncertain for row in rows)
    assert steps["doubtful"]["doubts"] == len(steps["doubtful"]["ids"]) == doubts
    assert sum(steps["doubtful"]["counts"].values()) == doubts
    assert steps["doubtful"]["status"] == f"显示 {doubts} 段，共 {len(rows)} 段，不确定 {doubts} 段"
    assert len(steps["search"]["ids"]) == sum("党支部" in row.text for row in rows)
    assert steps["search"]["marks"] == sum(row.text.count("党支部") for row in rows)
    assert steps["nothing"]["nothing"]
    assert not steps["nothing"]["ids"]
    assert not steps["nothing"]["headings"]


def test_headings_stay_with_what_is_below_them(steps: dict[str, Any], examples: list[TaggedDocument]) -> None:
    wanted, files = set(), set()
    for number, document in enumerate(examples):
        for each in document.paragraphs:
            if each.tag is not None and each.tag.theme == "法治":
                files.add(number)
                path = each.paragraph.headings
                wanted |= {(number, path[: depth + 1]) for depth in range(len(path))}
    assert steps["law"]["headings"] == len(wanted)
    assert steps["law"]["files"] == len(files)


def test_uncertain_paragraphs_come_first_and_go_back(
    steps: dict[str, Any], examples: list[TaggedDocument], tagger: Tagger
) -> None:
    rows = [row for document in examples for row in rows_of(document, tagger.explain_theme)]
    doubtful = sorted((row for row in rows if row.uncertain), key=lambda row: row.probability)
    first = steps["first"]
    assert first["themes"][: len(doubtful)] == [row.theme for row in doubtful]
    assert first["path"] == " › ".join((doubtful[0].file, *doubtful[0].headings))
    assert sorted(first["ids"]) == sorted(steps["all"]["ids"])
    assert steps["only the queue"]["ids"] == first["ids"][: len(doubtful)]
    assert steps["back"] == steps["all"]


def test_without_script_it_is_a_plain_page(page: str, tmp_path: Path) -> None:
    plain = page.replace("script-src 'sha256-", "script-src 'sha256-no", 1)
    script = """return [document.querySelector("form").offsetParent === null,
        [...document.querySelectorAll(".para")].every(each => each.offsetParent),
        document.querySelectorAll(".para").length]"""
    (hidden, all_shown, count), stopped = run(plain, script, tmp_path)
    assert hidden
    assert all_shown
    assert count == page.count('class="para"')
    assert [each for each in stopped if not each.startswith("script-src")] == []
