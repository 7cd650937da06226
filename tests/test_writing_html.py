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
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_writing_rows import THEMES as FEW_THEMES
from test_writing_rows import make_line, make_row

from tagger import Tagger
from tagger.records import Reason
from tagger.themes import OUR_THEMES, Theme
from tagger.writing.html import report
from tagger.writing.page import PAGES
from tagger.writing.rows import Row, body_rows, rows_of
from tagger.writing.shades import contrast

HOSTILE = '</script><script>alert(1)</script><img src=x onerror=alert(1)>"\' onclick="$title ${x} &lt;\ud800\u202e'
VOID = {"br", "meta", "input", "rect"}
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


@pytest.fixture(scope="module")
def examples(root: Path, tagger: Tagger) -> list[Row]:
    paths = sorted(path for path in (root / "examples").iterdir() if path.is_file())
    return [row for path in paths for row in rows_of(tagger.tag_file(path), tagger.strongest_reasons)]


@pytest.fixture(scope="module")
def body(examples: list[Row]) -> list[Row]:
    return list(body_rows(examples))


@pytest.fixture(scope="module")
def page(examples: list[Row]) -> str:
    return report(iter(examples), OUR_THEMES, model_id="模型")


def numbers_of(*themes: str | None) -> list[str]:
    names = [theme.name for theme in OUR_THEMES]
    return [str(names.index(theme or "")) for theme in themes]


def test_every_paragraph_stands_in_the_page_whole(examples: list[Row], body: list[Row], page: str) -> None:
    found = Page(page)
    assert found.texts["words>p"] == [row.text for row in body]
    paras = found.of("div", **{"class": "para"})
    assert [each["data-theme"] for each in paras] == numbers_of(*(row.theme for row in body))
    assert ["data-doubt" in each for each in paras] == [row.uncertain for row in body]
    assert [each.get("data-also", "") for each in paras] == [" ".join(numbers_of(*row.also)) for row in body]
    for row in examples:
        assert row.theme or any(row.text == text for texts in found.texts.values() for text in texts), row


def test_themes_and_doubt_are_said_in_words(page: str, body: list[Row]) -> None:
    notes = Page(page).texts["note"]
    assert any(row.uncertain for row in body)
    for note, row in zip(notes, body, strict=True):
        assert note.startswith(row.theme)
        assert ("不确定" in note) == row.uncertain
        assert (f"或 {row.second}" in note) == row.uncertain
        assert all(theme in note for theme in row.also)
        assert "100%" not in note


def test_bars_add_up_for_files_and_top_level_sections(page: str, body: list[Row]) -> None:
    bars = re.findall(r'<svg class="bar" viewBox="0 0 (\d+) 1".*?</svg>', page)
    whole = re.findall(r'<header><h2.*?viewBox="0 0 (\d+) 1"', page)
    files = [row.file for row in body]
    assert list(map(int, whole)) == [files.count(file) for file in dict.fromkeys(files)]
    below_sections = sum(bool(row.headings) for row in body)
    assert sum(map(int, bars)) - sum(map(int, whole)) == below_sections
    for total, parts in re.findall(r'viewBox="0 0 (\d+) 1"[^>]*>(.*?)</svg>', page):
        assert sum(map(int, re.findall(r'width="(\d+)"', parts))) == int(total)


def test_words_are_underlined_wherever_they_stand_by_what_they_add() -> None:
    reasons = (
        Reason("丁词", 9, 11, 2.2),
        Reason("丙词", 6, 8, 1.2),
        Reason("乙词，", 3, 6, 0.6),
        Reason("乙", 3, 4, 0.2),
    )
    row = make_row(1, "甲词和乙词，丙词。丁词与丁词<乙", reasons=reasons)
    content = report([row], FEW_THEMES, model_id="")
    paragraph = re.search(r'<div class="words"><p>(.*?)</p>', content)
    assert paragraph is not None
    assert paragraph[1] == (
        '甲词和<u class="w2" title="+0.60">乙词</u>，<u class="w3" title="+1.20">丙词</u>。'
        '<u class="w4" title="+2.20">丁词</u>与<u class="w4" title="+2.20">丁词</u>&lt;'
        '<u class="w1" title="+0.20">乙</u>'
    )
    assert "依据：丁词、丙词、乙词、乙" in content


def test_hostile_text_stays_text() -> None:
    themes = (Theme(HOSTILE, "#FFE000", HOSTILE), Theme("其他", "#101010", ""))
    lines = [make_line(role, HOSTILE, file=HOSTILE) for role in ("title", "heading", HOSTILE)]
    reasons = (Reason(HOSTILE, 0, len(HOSTILE), 3.0),)
    said = {"theme": HOSTILE, "also": (HOSTILE, "其他"), "second": HOSTILE, "place": HOSTILE, "headings": (HOSTILE,)}
    row = make_row(1, HOSTILE, file=HOSTILE, reasons=reasons, uncertain=True, **said)
    content = report([*lines, row, row], themes, model_id=HOSTILE)
    found = Page(content)
    assert len(found.of("script")) == 1
    assert not found.of("img")
    for _, attributes in found.elements:
        assert not [name for name in attributes if name.startswith("on") or name in {"style", "src"}]
        assert (attributes.get("href") or "#").startswith("#")
    assert found.texts["words>p"] == [HOSTILE.replace("\ud800", "?")] * 2
    assert found.of("div", **{"class": "para", "data-theme": "0", "data-also": "0 1"})
    content.encode("utf-8")


@given(st.text(min_size=1, max_size=40), st.text(max_size=20))
@settings(max_examples=40)
def test_any_text_comes_back(text: str, name: str) -> None:
    row = make_row(1, text, file=name, place=name, reasons=(Reason(text, 0, len(text), 3.0),))
    assert Page(report([row], FEW_THEMES, model_id=name)).texts["words>p"] == [text]


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


@pytest.mark.parametrize("palette", [0, 1], ids=["light", "dark"])
def test_colours_can_be_read(page: str, palette: int) -> None:
    style = (PAGES / "page.css").read_text("utf-8")
    colours = dict(re.findall(r"--([\w-]+): (#\w{6});", re.findall(r":root \{(.*?)\}", style, re.DOTALL)[palette]))
    named = re.findall(r'\[data-theme="(\d)"\] \{ --theme: (#\w{6}); \}', page)
    assert len(named) == 2 * len(OUR_THEMES)
    themes = dict(named[palette * len(OUR_THEMES) :][: len(OUR_THEMES)])
    inks = themes | {ink: colours[ink] for ink in ("ink", "quiet", "doubt")}
    for ink, colour in inks.items():
        for ground in ("page", "card", *(["doubt-card"] if ink == "doubt" else [])):
            assert contrast(colour, colours[ground]) >= 4.5, f"{ink} on {ground}"  # WCAG 2.2, level AA


def test_our_themes_have_their_own_colours_on_light_ground(page: str) -> None:
    for number, theme in enumerate(OUR_THEMES):
        assert f'[data-theme="{number}"] {{ --theme: {theme.colour}; }}' in page


def test_two_thousand_paragraphs_stay_light(body: list[Row]) -> None:
    rows = (body * (2000 // len(body) + 1))[:2000]
    content = report(rows, OUR_THEMES, model_id="模型")
    assert len(content.encode()) - sum(len(row.text.encode()) for row in rows) < 2000 * len(rows)


@pytest.mark.parametrize("rows", [[], [make_line("title", "标题")], [make_line("title", "甲", file="")]])
def test_nothing_to_show_is_no_trouble(rows: list[Row]) -> None:
    content = report(rows, OUR_THEMES, model_id="")
    assert f"{len(rows)} 个文件，正文 0 段" in content
    assert content.count("没有正文段落") == len(rows)


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
const box = theme => [...document.querySelectorAll("#filters .choice")]
  .find(each => each.textContent.startsWith(theme)).querySelector("input");
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


def test_filters_show_what_was_asked_for(steps: dict[str, Any], body: list[Row]) -> None:
    rows, themes, (law, conduct) = body, numbers_of(*(row.theme for row in body)), numbers_of("法治", "作风")
    assert steps["all"]["themes"] == steps["none chosen"]["themes"] == steps["end"]["themes"] == themes
    assert steps["all"]["counts"] == {str(n): themes.count(str(n)) for n in range(len(OUR_THEMES))}
    assert set(steps["law"]["themes"]) == {law}
    assert len(steps["law"]["themes"]) == themes.count(law)
    assert len(steps["law too"]["themes"]) == sum("法治" in (row.theme, *row.also) for row in rows)
    assert set(steps["law and conduct"]["themes"]) == {law, conduct}
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


def test_headings_stay_with_what_is_below_them(steps: dict[str, Any], body: list[Row]) -> None:
    laws = [row for row in body if row.theme == "法治"]
    wanted = {(row.file, row.headings[: depth + 1]) for row in laws for depth in range(len(row.headings))}
    assert steps["law"]["headings"] == len(wanted)
    assert steps["law"]["files"] == len({row.file for row in laws})


def test_uncertain_paragraphs_come_first_and_go_back(steps: dict[str, Any], body: list[Row]) -> None:
    doubtful = sorted((row for row in body if row.uncertain), key=lambda row: row.probability or 0)
    first = steps["first"]
    assert first["themes"][: len(doubtful)] == numbers_of(*(row.theme for row in doubtful))
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
