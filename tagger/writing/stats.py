"""Shares of the themes in some groups: a table for spreadsheets, and a page with plots."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tagger.themes import Theme
from tagger.writing.collection import MOST_LINES, Tally
from tagger.writing.csv import harmless
from tagger.writing.page import numbered, page, picture, safe, shares, shares_line, shares_table

MOST_COLUMNS = 40  # of a plot; with more, they are too thin for their names
MOST_UPRIGHT = 8  # names side by side
MOST_CHARACTERS = 12  # of a name in a plot
WIDTH, HEIGHT, MARGIN = 900, 260, 40  # of a plot
STEPS = (0, 25, 50, 75, 100)  # per cent


@dataclass(frozen=True, slots=True)
class Grouping:
    """The figures of the groups of one kind: of years, of folders, of the values of a column."""

    title: str
    tallies: dict[str, Tally] = field(default_factory=dict)

    def lines(self) -> list[tuple[str, Tally]]:
        """The groups in the order of their names."""
        return sorted(self.tallies.items())


@dataclass(frozen=True, slots=True)
class Statistics:
    """The figures of all paragraphs, and of their groups."""

    total: Tally = field(default_factory=Tally)
    groupings: list[Grouping] = field(default_factory=list)
    themes: list[Theme] = field(default_factory=list)


def stats_csv(statistics: Statistics) -> str:
    """All figures as CSV: a line a group, the counts of the themes and then their shares."""
    target = io.StringIO(newline="")
    writer = csv.writer(target)
    themes = [theme.name for theme in statistics.themes]
    writer.writerow(["分组", "名称", "文件", "段落", "不确定", *themes, *(f"{name}占比" for name in themes)])
    for title, name, tally in _all_lines(statistics):
        total = tally.themes.total()
        counts = [tally.themes[theme] for theme in themes]
        parts = [f"{count / total:.4f}" if total else "" for count in counts]
        writer.writerow([harmless(title), harmless(name), tally.files, total, tally.uncertain, *counts, *parts])
    return target.getvalue()


def _all_lines(statistics: Statistics) -> Iterator[tuple[str, str, Tally]]:
    yield "全部", "", statistics.total
    for grouping in statistics.groupings:
        yield from ((grouping.title, name, tally) for name, tally in grouping.lines())


def stats_page(statistics: Statistics, *, source: str) -> str:
    """The page; `source` says what was counted."""
    numbers = numbered(statistics.themes)
    total = statistics.total
    places = {
        "summary": f"{safe(source)}：{total.files} 个文件，正文 {total.themes.total()} 段，不确定 {total.uncertain} 段",
        "contents": "\n".join(
            f'<li><a href="#by-{number}">按{safe(each.title)}</a></li>'
            for number, each in enumerate(statistics.groupings)
        ),
        "shares": shares(total.themes, total.uncertain, numbers),
        "groupings": "\n".join(_section(number, each, numbers) for number, each in enumerate(statistics.groupings)),
    }
    return page("stats", title="公文主题统计", themes=statistics.themes, places=places, has_shares_table=True)


def _section(number: int, grouping: Grouping, numbers: Mapping[str | None, int]) -> str:
    lines = grouping.lines()
    plot = _plot(lines, numbers) if 1 < len(lines) <= MOST_COLUMNS else ""
    heading = f'<h2 id="by-{number}-title">按{safe(grouping.title)}</h2>'
    table = _table(grouping.title, lines, numbers)
    return (
        f'<section class="card" id="by-{number}" aria-labelledby="by-{number}-title">{heading}\n{plot}{table}</section>'
    )


def _plot(lines: Sequence[tuple[str, Tally]], numbers: Mapping[str | None, int]) -> str:
    """A column a group, of the shares of the themes; the table below says the same in figures."""
    step = (WIDTH - MARGIN) / len(lines)
    is_narrow = len(lines) > MOST_UPRIGHT
    parts = [_scale(at) for at in STEPS]
    for number, (name, tally) in enumerate(lines):
        left = MARGIN + step * number
        parts += _column(left + step * 0.15, step * 0.7, tally, numbers)
        turned = " rotate(-60)" if is_narrow else ""
        place = f'transform="translate({left + step / 2:.1f} {HEIGHT + 16}){turned}"'
        parts.append(f'<text class="{"turned" if is_narrow else "name"}" {place}>{safe(_shortened(name))}</text>')
    depth = HEIGHT + (150 if is_narrow else 30)
    return f'<svg class="plot" viewBox="0 -10 {WIDTH} {depth + 10}" aria-hidden="true">{"".join(parts)}</svg>\n'


def _scale(at: int) -> str:
    """A line across the plot at so many per cent."""
    height = HEIGHT * (100 - at) // 100
    return (
        f'<line x1="{MARGIN}" x2="{WIDTH}" y1="{height}" y2="{height}"/>'
        f'<text class="scale" x="{MARGIN - 6}" y="{height + 4}">{at}%</text>'
    )


def _shortened(name: str) -> str:
    return name if len(name) <= MOST_CHARACTERS else "…" + name[1 - MOST_CHARACTERS :]  # what tells folders apart


def _column(left: float, width: float, tally: Tally, numbers: Mapping[str | None, int]) -> Iterator[str]:
    total, top = tally.themes.total(), float(HEIGHT)
    for theme, number in numbers.items():
        if tally.themes[theme]:
            height = HEIGHT * tally.themes[theme] / total
            top -= height
            place = f'x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}"'
            yield f'<rect data-theme="{number}" {place}/>'


def _table(title: str, lines: Sequence[tuple[str, Tally]], numbers: Mapping[str | None, int]) -> str:
    """The figures, a line a group."""
    rows = [_line(name, tally, numbers) for name, tally in lines[:MOST_LINES]]
    return shares_table(safe(title), rows, numbers, left_out=len(lines) - len(rows), whole="--csv 写的表") + "\n"


def _line(name: str, tally: Tally, numbers: Mapping[str | None, int]) -> str:
    total = tally.themes.total()
    parts = [f"{tally.themes[theme] / total:.1%}" if tally.themes[theme] else "" for theme in numbers]
    uncertain = f"{tally.uncertain / max(1, total):.1%}"
    return shares_line(name, [str(tally.files), str(total), picture(tally.themes, numbers), *parts, uncertain])
