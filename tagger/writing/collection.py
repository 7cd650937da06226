"""One HTML page on a whole collection: its themes by year, folder and file, its best paragraphs, and what failed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from pathlib import PurePath
from typing import TypeAlias

from tagger.themes import OTHER, Theme
from tagger.writing.page import (
    chip,
    choice,
    numbered,
    page,
    percent,
    picture,
    safe,
    shares,
    shares_line,
    shares_table,
    worded,
)
from tagger.writing.repeats import firsts
from tagger.writing.rows import Row, body_rows
from tagger.writing.years import year_of

Numbers: TypeAlias = Mapping[str | None, int]

GOOD_FROM = 0.9  # probability of a paragraph that is worth keeping; of those at 0.9 nine in ten are right
MIN_LENGTH, MAX_LENGTH = 50, 600  # characters: below it says little, above it is a whole section
MOST_BEST = 1200  # paragraphs in the page, shared among the themes: some 2 MB, which a browser filters in an instant
MOST_LINES = 2000  # of a table: a line takes about 1 kB
MOST_PLACES = 20  # where else a paragraph stands
NO_YEAR, NO_FOLDER = "年份不明", "（当前文件夹）"


@dataclass(slots=True)
class Tally:
    """Figures of some paragraphs."""

    files: int = 0
    themes: Counter[str | None] = field(default_factory=Counter)
    uncertain: int = 0

    def add(self, other: Tally) -> None:
        """Count those of another too."""
        self.files += other.files
        self.themes.update(other.themes)
        self.uncertain += other.uncertain


@dataclass(slots=True)
class Found:
    """What the rows of a collection give, gathered in one pass."""

    total: Tally = field(default_factory=Tally)
    files: dict[str, Tally] = field(default_factory=dict)
    years: defaultdict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    folders: defaultdict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    year_of: dict[str, str] = field(default_factory=dict)  # by file
    good: defaultdict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))  # by theme


def collection(
    rows: Iterable[Row], themes: Sequence[Theme], failures: Sequence[tuple[str, str]], *, model_id: str
) -> str:
    """The page for the rows of many documents, each document's together.

    `themes` are those of the model, `failures` the files that could not be tagged, each with the reason.
    """
    found = _gathered(rows)
    numbers = numbered(themes)
    kept_themes = [theme for theme in numbers if theme != OTHER]
    most = MOST_BEST // max(1, len(kept_themes))
    places = {
        "summary": _summary(found, failures, model_id),
        "shares": shares(found.total.themes, found.total.uncertain, numbers),
        "years": _table("年份", sorted(found.years.items()), numbers),
        "folders": _table("文件夹", sorted(found.folders.items()), numbers),
        "files": _table("文件名", found.files.items(), numbers),
        "choices": "\n".join(choice(theme, numbers) for theme in kept_themes),
        "year_options": _options(found.years),
        "folder_options": _options(found.folders),
        "best": "\n".join(_best_of(theme or "", found, most, numbers) for theme in kept_themes),
        "failures": _failures(failures),
    }
    return page("collection", title="公文主题汇总", themes=themes, places=places, has_shares_table=True)


def _gathered(rows: Iterable[Row]) -> Found:
    found = Found()
    for file, grouped in groupby(rows, key=attrgetter("file")):
        lines = list(grouped)
        tagged = list(body_rows(lines))
        tally = Tally(1, Counter(row.theme for row in tagged), sum(row.uncertain for row in tagged))
        year = year_of(file, ((line.role, line.text) for line in lines))
        found.year_of[file] = NO_YEAR if year is None else str(year)
        found.files[file] = tally
        for sum_ in (found.total, found.years[found.year_of[file]], found.folders[folder_of(file)]):
            sum_.add(tally)
        for row in tagged:
            if _is_good(row):
                found.good[row.theme or ""].append(row)
    return found


def _is_good(row: Row) -> bool:
    sure = not row.uncertain and (row.probability or 0.0) >= GOOD_FROM
    return sure and row.theme != OTHER and MIN_LENGTH <= len(row.text) <= MAX_LENGTH


def folder_of(file: str) -> str:
    """The folder of a file as it is shown."""
    folder = str(PurePath(file).parent)
    return NO_FOLDER if folder == "." else folder


def _summary(found: Found, failures: Sequence[tuple[str, str]], model_id: str) -> str:
    failed = f"，未能标注 {len(failures)} 个" if failures else ""
    total = found.total
    return (
        f"{total.files} 个文件{failed}；正文 {total.themes.total()} 段，不确定 {total.uncertain} 段；"
        f"模型 {safe(model_id) or '—'}"
    )


def _options(names: Iterable[str]) -> str:
    return "\n".join(f'<option value="{safe(name)}">{safe(name)}</option>' for name in sorted(names))


def _table(title: str, tallies: Iterable[tuple[str, Tally]], numbers: Numbers) -> str:
    """The shares of the themes, a line a year, folder or file."""
    lines = [_line(name, tally, numbers) for name, tally in tallies]
    left_out = max(0, len(lines) - MOST_LINES)
    return shares_table(title, lines[:MOST_LINES], numbers, left_out=left_out, whole="paragraphs.csv")


def _line(name: str, tally: Tally, numbers: Numbers) -> str:
    total = tally.themes.total()
    parts = [f"{tally.themes[theme] / total:.0%}" if tally.themes[theme] else "" for theme in numbers]
    uncertain = str(tally.uncertain or "")
    return shares_line(name, [str(tally.files), str(total), picture(tally.themes, numbers), *parts, uncertain])


def _best_of(theme: str, found: Found, most: int, numbers: Numbers) -> str:
    """The best paragraphs of a theme, those that say nearly the same folded into the best of them."""
    ranked = sorted(found.good[theme], key=_rank, reverse=True)
    folded: dict[int, list[Row]] = {}
    for row, first in zip(ranked, firsts([row.text for row in ranked]), strict=True):
        folded.setdefault(first, []).append(row)
    kept = list(folded.values())[:most]
    items = "\n".join(_item(alike, found.year_of[alike[0].file], numbers) for alike in kept)
    left = f"，另有 {len(folded) - most} 段没有收入" if len(folded) > most else ""
    return (
        f'<section class="best"><h3>{chip(theme, numbers)} <span class="quiet">{len(kept)} 段{left}</span></h3>\n'
        f"{items}\n</section>"
    )


def _rank(row: Row) -> tuple[float, float]:
    """The surest come first; of those that are as sure, those with the strongest words."""
    return round(row.probability or 0.0, 2), sum(reason.log_odds for reason in row.reasons)


def _item(alike: Sequence[Row], year: str, numbers: Numbers) -> str:
    """A paragraph that is worth keeping, and where it comes from; `alike` are it and those that were folded into it."""
    row, *others = alike
    note = f'<span class="number">{percent(row.probability or 0.0)}</span><span>{year}</span>'
    return (
        f'<div class="para" data-theme="{numbers[row.theme]}" data-year="{year}"'
        f' data-folder="{safe(folder_of(row.file))}">'
        f'<div class="note">{chip(row.theme, numbers)}{note}</div>{worded(row)}'
        f'<div class="origin"><p class="path">{_place(row)}</p>{_folded(others)}</div></div>'
    )


def _place(row: Row) -> str:
    return " › ".join(f"<bdi>{safe(part)}</bdi>" for part in (row.file, *row.headings)) + f" · 第 {row.paragraph} 段"


def _folded(others: Sequence[Row]) -> str:
    if not others:
        return ""
    places = "".join(f"<li>{_place(row)}</li>" for row in others[:MOST_PLACES])
    more = f"<li>等 {len(others)} 处</li>" if len(others) > MOST_PLACES else ""
    return f"<details><summary>另有 {len(others)} 处说法相近</summary><ul>{places}{more}</ul></details>"


def _failures(failures: Sequence[tuple[str, str]]) -> str:
    reasons = ((safe(file), safe(reason.removeprefix(f"{file}："))) for file, reason in failures)
    lines = "".join(f"<li><bdi>{file}</bdi><br>{reason}</li>" for file, reason in reasons)
    return f"<ul>{lines}</ul>" if lines else '<p class="quiet">没有，全部文件都已标注。</p>'
