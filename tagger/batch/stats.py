"""Shares of the themes over files, folders, years or any column, counted from what runs wrote, as a stream."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from tagger.batch.cells import cells, columns_of
from tagger.batch.inputs import TAGGED
from tagger.batch.plan import LOG
from tagger.errors import InputError, UsageError
from tagger.records import Role
from tagger.tables import names
from tagger.tables.records import Layout
from tagger.themes import OTHER, OUR_THEMES, Theme
from tagger.writing.collection import NO_YEAR, Tally, folder_of
from tagger.writing.stats import Grouping, Statistics
from tagger.writing.years import PLACES, year_of

FILE, ROLE, TEXT, THEME, UNCERTAIN, OTHERS = range(6)
OF_FILES = {"file": "文件", "folder": "文件夹", "year": "年份"}
RECORDS = ("paragraphs.jsonl", "paragraphs.parquet", "paragraphs.csv")  # of one run: the same rows, so one is enough
NO_VALUE = "（空）"
MAX_GROUPS = 200_000  # of one grouping: a hundred megabytes, and more than anybody reads
MAX_SIGNS = 100  # rows of a file that may tell its year
COLOURS = ("#1D5FA8", "#B3261E", "#2B6E3F", "#76409B", "#8A5200", "#00696E", "#9C2C77", "#4B5B00")  # of unknown themes


def statistics(paths: Sequence[Path], by: Sequence[str], *, prefix: str = "") -> Statistics:
    """Count what stands in output folders or files, by file, folder, year or other columns.

    `prefix` is that of the tag columns of tables. Raises `InputError` for what no run wrote or what lacks a column,
    `UsageError` for a grouping that makes no sense.
    """
    outputs = [output for path in paths for output in _outputs_at(path)]
    called = names(Layout(prefix=prefix))
    others = [name for name in by if name not in OF_FILES]
    _check_columns(outputs, called["theme"], by)
    groupings = {name: Grouping(OF_FILES.get(name, name)) for name in by}
    found = Statistics(groupings=list(groupings.values()))
    for output in outputs:
        for file in _files(output, called, others, with_years="year" in by):
            found.total.add(file.tally)
            for name, grouping in groupings.items():
                _add(grouping, file.groups(name))
    if not found.total.themes:
        expected = "有主题的段落"
        raise InputError(paths[0], found="里面没有标注过的段落", expected=expected, advice="先用 tagger tag 标注")
    found.themes.extend(_themes(outputs, found.total.themes))
    return found


def _outputs_at(path: Path) -> list[Path]:
    """What runs wrote into a folder, or the output itself."""
    if not path.exists():
        raise InputError(path, found="没有这个文件或文件夹", expected="已有的路径", advice="检查路径有没有写错")
    if not path.is_dir() or path.suffix == ".parquet":
        return [path]
    records = [path / name for name in RECORDS if (path / name).exists()][:1]
    tables = [each for each in sorted(path.iterdir()) if each.stem.endswith(TAGGED) and each.suffix != ".docx"]
    if not records and not tables:
        expected = "tagger tag --out 写的文件夹"
        raise InputError(path, found="里面没有标注结果", expected=expected, advice="换一个文件夹，或先标注")
    return records + tables


def _check_columns(outputs: Iterable[Path], theme: str, by: Iterable[str]) -> None:
    known: dict[str, None] = {}
    for output in outputs:
        columns = columns_of(output)
        known |= dict.fromkeys(columns)
        if theme not in columns:
            advice = "检查文件；列名有前缀的，用 --prefix 写出前缀"
            raise InputError(output, found=f"没有“{theme}”这一列", expected="标注结果", advice=advice)
        if "file" not in columns and output.name in RECORDS and not OF_FILES.keys().isdisjoint(by):
            advice = "用 --by 选别的列，或标注时在 --columns 里加上 file"
            raise InputError(output, found="没有“file”这一列，分不出文件", expected="写出了文件名的结果", advice=advice)
    for name in by:
        if name not in known and name not in OF_FILES:
            expected = "、".join([*OF_FILES, *known])
            raise UsageError("--by", found=f"没有“{name}”这一列", expected=expected, advice="改正后再试")


@dataclass(slots=True)
class _File:
    """What is counted of one file."""

    name: str
    tally: Tally = field(default_factory=lambda: Tally(1))
    signs: list[tuple[Role, str]] = field(default_factory=list)  # of its year
    others: dict[str, defaultdict[str, Tally]] = field(default_factory=dict)  # by column and value

    def groups(self, by: str) -> Iterable[tuple[str, Tally]]:
        """To which groups of a grouping it adds, and what."""
        match by:
            case "file":
                return [(self.name, self.tally)]
            case "folder":
                return [(folder_of(self.name), self.tally)]
            case "year":
                year = year_of(self.name, self.signs)
                return [(NO_YEAR if year is None else str(year), self.tally)]
            case _:
                return self.others[by].items()


def _files(output: Path, called: Mapping[str, str], others: Sequence[str], *, with_years: bool) -> Iterator[_File]:
    """The files whose paragraphs stand in an output, one after the other; a table of paragraphs is one itself."""
    text = ["role", "text"] if with_years else ["role", ""]
    columns = ["file", *text, called["theme"], called["uncertain"], *others]
    for name, rows in groupby(cells(output, columns), key=itemgetter(FILE)):
        file = _File(str(output) if name is None else str(name))
        file.others = {each: defaultdict(lambda: Tally(1)) for each in others}
        _count(file, rows, others)
        yield file


def _count(file: _File, rows: Iterable[Sequence[Any]], others: Sequence[str]) -> None:
    themes, groups = file.tally.themes, list(file.others.values())
    for row in rows:
        theme = row[THEME]
        if theme:
            themes[theme] += 1
            if row[UNCERTAIN]:
                file.tally.uncertain += 1
            if others:
                for group, value in zip(groups, row[OTHERS:], strict=True):
                    tally = group[_label(value)]
                    tally.themes[theme] += 1
                    tally.uncertain += bool(row[UNCERTAIN])
                    _check_number(len(group))
        elif row[ROLE] in PLACES and len(file.signs) < MAX_SIGNS:
            file.signs.append((row[ROLE], row[TEXT] or ""))


def _label(value: object) -> str:
    if isinstance(value, list):
        return "、".join(map(str, value)) or NO_VALUE
    return NO_VALUE if value is None or value == "" else str(value)


def _add(grouping: Grouping, groups: Iterable[tuple[str, Tally]]) -> None:
    for name, tally in groups:
        if name not in grouping.tallies:
            _check_number(len(grouping.tallies) + 1)
            grouping.tallies[name] = Tally()
        grouping.tallies[name].add(tally)


def _check_number(groups: int) -> None:
    if groups > MAX_GROUPS:
        found, expected = f"分出了 {MAX_GROUPS:,} 组以上", "取值不太多的列"
        raise UsageError("--by", found=found, expected=expected, advice="换一列，或分批统计")


def _themes(outputs: Sequence[Path], counts: Mapping[str | None, int]) -> Iterator[Theme]:
    """The themes in their order: as the logs beside the outputs have them, then ours, then others by their number."""
    known = {theme.name: theme for folder in _folders(outputs) for theme in _logged(folder / LOG)}
    if not known or counts.keys() - known.keys():
        known |= {theme.name: theme for theme in OUR_THEMES if theme.name in counts and theme.name not in known}
    unknown = sorted((str(name) for name in counts.keys() - known.keys()), key=lambda name: (-counts[name], name))
    known |= {name: Theme(name, COLOURS[number % len(COLOURS)], "") for number, name in enumerate(unknown)}
    last = known.pop(OTHER, None)
    yield from known.values()
    yield from () if last is None else (last,)


def _folders(outputs: Sequence[Path]) -> list[Path]:
    return list(dict.fromkeys(output.parent for output in outputs))


def _logged(path: Path) -> list[Theme]:
    """The themes of the model of a run, from its log; none if there is no log that tells them."""
    try:
        colours = json.loads(path.read_text("utf-8"))["theme_colours"]
        return [Theme(name, colour, "") for name, colour in colours.items()]
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return []
