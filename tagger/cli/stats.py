"""`tagger stats`: shares of the themes in what was tagged, by year, folder, file or any column."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tagger.atomic import written_whole
from tagger.cli.terminal import DONE, Commands, command, styles
from tagger.errors import UsageError

if TYPE_CHECKING:
    from tagger.writing.stats import Statistics

MOST_SHOWN = 30  # lines of a table at the terminal


def add(commands: Commands) -> None:
    """Add the command `stats`."""
    example = "tagger stats 结果/ --by year,folder --html 统计.html"
    parser = command(commands, "stats", "统计标注结果里各主题的占比：按年份、文件夹、文件或表格的列。", example=example)
    parser.add_argument("paths", nargs="+", metavar="路径", type=Path, help="结果文件夹，或其中的一个结果文件")
    by = "分组：year、folder、file 或列名，几个用逗号分开；默认 year,folder"
    parser.add_argument("--by", metavar="分组", default="year,folder", help=by)
    parser.add_argument("--csv", metavar="文件", type=Path, help="写成表（.csv），含全部分组")
    parser.add_argument("--html", metavar="文件", type=Path, help="写成带图的网页，不用联网就能看")
    parser.add_argument("--prefix", metavar="前缀", default="", help="标注时用过的 --prefix")
    parser.set_defaults(run=_stats)


def _stats(options: argparse.Namespace, console: Console) -> int:
    from tagger.batch.stats import statistics  # noqa: PLC0415 - other commands do without
    from tagger.writing.stats import stats_csv, stats_page  # noqa: PLC0415

    by = list(dict.fromkeys(name.strip() for name in options.by.replace("，", ",").split(",")))
    if not all(by):
        raise UsageError("--by", found=repr(options.by), expected="year、folder、file 或列名", advice="改正后再试")
    found = statistics(options.paths, by, prefix=options.prefix)
    _show(found, console)
    if options.csv is not None:
        _write(options.csv, stats_csv(found), "utf-8-sig")
    if options.html is not None:
        _write(options.html, stats_page(found, source="、".join(map(str, options.paths))), "utf-8")
    for path in filter(None, (options.csv, options.html)):
        console.print(f"写入了 {path}。", markup=False)
    return DONE


def _write(path: Path, content: str, encoding: str) -> None:
    with written_whole(path) as beside:
        beside.write_text(content, encoding=encoding, newline="")


def _show(found: Statistics, console: Console) -> None:
    colours = styles([theme.name for theme in found.themes])
    for grouping in found.groupings:
        lines = grouping.lines()
        last = lines[:MOST_SHOWN][-1][0]
        table = Table(grouping.title, title=f"主题占比，按{grouping.title}", title_justify="left")
        for name in ("文件", "段落"):
            table.add_column(name, justify="right")
        for theme, colour in colours.items():
            table.add_column(Text(theme, style=colour), justify="right")
        table.add_column("不确定", justify="right")
        for name, tally in [*lines[:MOST_SHOWN], ("合计", found.total)]:
            total = max(1, tally.themes.total())
            shares = [f"{tally.themes[theme] / total:.1%}" if tally.themes[theme] else "" for theme in colours]
            cells = [str(tally.files), str(tally.themes.total()), *shares, f"{tally.uncertain / total:.1%}"]
            table.add_row(Text(name), *cells, end_section=name == last)
        console.print(table)
        if len(lines) > MOST_SHOWN:
            console.print(f"还有 {len(lines) - MOST_SHOWN} 行没有显示，用 --csv 或 --html 看全部。")
