"""The tag columns: which there are, and the tags of many texts as arrays, without a Tag object a row."""

from __future__ import annotations

import functools
import itertools
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from tagger.errors import UsageError
from tagger.records import Reason
from tagger.tables.records import Layout, PieceResult, told
from tagger.tagging import Tagger
from tagger.themes import OTHER

Integers: TypeAlias = npt.NDArray[np.int64]
Paths: TypeAlias = Sequence[tuple[str, ...]]

NAMES = ("theme", "also", "probability", "uncertain", "second", "second_probability", "reasons")
STEPS = 10_000  # probabilities are written with four digits, as everywhere


@dataclass(frozen=True, slots=True)
class Tags:
    """The tags of n texts, a column each. `theme` and `second` count the themes, `also` the sets of themes `alsos`.

    Probabilities are whole ten-thousandths.
    """

    themes: tuple[str, ...]
    alsos: tuple[tuple[str, ...], ...]
    theme: Integers
    also: Integers
    probability: Integers
    uncertain: npt.NDArray[np.bool_]
    second: Integers
    second_probability: Integers


@dataclass(frozen=True, slots=True)
class Style:
    """How a format of text writes a tag column: what stands before a value, the value, and the end of the row."""

    before: Callable[[str], bytes]
    value: Callable[[object], bytes]
    end: bytes


def names(layout: Layout) -> dict[str, str]:
    """The tag columns that are asked for, and what each is called in the output."""
    return {name: layout.prefix + name for name in NAMES if name != "reasons" or layout.reasons}


def check_names(path: str, columns: Collection[str], layout: Layout) -> None:
    """Raise `UsageError` if the table has a column that is called as one of ours."""
    taken = [name for name in names(layout).values() if name in columns]
    if taken:
        raise UsageError(
            path,
            found=f"表里已有名为 {'、'.join(taken)} 的列",
            expected="与标注的列不同名的列",
            advice="用 --prefix 给标注的列加上前缀，例如 --prefix 标注_",
        )


def tags_of(tagger: Tagger, texts: Sequence[str], headings: Paths | None) -> Tags:
    """The tags of many texts, each with the headings above it: what `Tagger.tag_batch` says, as arrays."""
    themes = tagger.model.themes
    log_odds = tagger.model.log_odds(texts, headings)
    probabilities = tagger.model.probabilities(log_odds)
    every = np.arange(len(log_odds))
    theme = probabilities.argmax(axis=1)
    probability = probabilities[every, theme]
    secondary = log_odds >= np.array(tagger.rule.also_from)
    secondary[:, themes.index(OTHER)] = False
    secondary[every, theme] = False
    alsos, also = _sets(themes, np.where(secondary, log_odds, -np.inf))
    probabilities[every, theme] = -1
    second = probabilities.argmax(axis=1)  # at a tie the first in their order, as `runner_up` says
    return Tags(
        themes=themes,
        alsos=alsos,
        theme=theme,
        also=also,
        probability=_steps(probability),
        uncertain=probability < tagger.rule.certain_from,
        second=second,
        second_probability=_steps(probabilities[every, second]),
    )


def _steps(probabilities: npt.NDArray[np.float64]) -> Integers:
    return np.rint(probabilities * STEPS).astype(np.int64)


def _sets(themes: tuple[str, ...], odds: npt.NDArray[np.float64]) -> tuple[tuple[tuple[str, ...], ...], Integers]:
    """The distinct sets of themes with finite odds, strongest first, and which of them each row has."""
    count = np.isfinite(odds).sum(axis=1)
    which = np.where(count > 0, odds.argmax(axis=1) + 1, 0)
    numbers = {(): 0} | {(column,): column + 1 for column in range(len(themes))}
    several = np.flatnonzero(count > 1)
    order = np.argsort(-odds[several], axis=1).tolist()
    sets = (tuple(columns[:size]) for columns, size in zip(order, count[several].tolist(), strict=True))
    which[several] = [numbers.setdefault(each, len(numbers)) for each in sets]
    return tuple(tuple(themes[column] for column in each) for each in numbers), which


def reasons_of(tagger: Tagger, texts: Sequence[str], tags: Tags) -> list[tuple[Reason, ...]]:
    """The words that decided on the theme of each text."""
    return tagger.strongest_reasons(texts, [tags.themes[theme] for theme in tags.theme.tolist()])


def reason_record(reason: Reason) -> dict[str, str | int | float]:
    """A reason as it is written where values have types."""
    return {"text": reason.text, "start": reason.start, "end": reason.end, "log_odds": round(reason.log_odds, 3)}


@dataclass(slots=True)
class Rows:
    """Rows of text that wait for their tags: the bytes before the tag columns, the paragraph, the headings above it.

    A row that cannot be tagged has an empty text, and `failed` says at which line it stands and why.
    """

    fronts: list[bytes] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    headings: list[tuple[str, ...]] | None = None
    failed: dict[int, tuple[int, str]] = field(default_factory=dict)

    def add(self, front: bytes, text: str, headings: tuple[str, ...] = ()) -> None:
        """Add a row."""
        self.fronts.append(front)
        self.texts.append(text)
        if self.headings is not None:
            self.headings.append(headings)

    def fail(self, front: bytes, line: int, why: str) -> None:
        """Add a row that cannot be tagged."""
        self.failed[len(self.fronts)] = line, why
        self.add(front, "")


def tagged(path: str, rows: Rows, style: Style, layout: Layout, tagger: Tagger) -> PieceResult:
    """The rows with their tags."""
    tags = tags_of(tagger, rows.texts, rows.headings)
    reasons = reasons_of(tagger, rows.texts, tags) if layout.reasons else None
    content = spliced(rows.fronts, tags, style, layout, failed=rows.failed, reasons=reasons)
    themes, uncertain = counted(tags, rows.failed)
    return PieceResult(content, len(rows.fronts), themes, uncertain, told(path, dict(rows.failed.values())))


def counted(tags: Tags, failed: Collection[int]) -> tuple[Counter[str], int]:
    """How many rows have each theme, and how many are uncertain; those that failed aside."""
    sound = np.ones(len(tags.theme), np.bool_)
    sound[np.array(list(failed), np.int64)] = False
    times = np.bincount(tags.theme[sound], minlength=len(tags.themes)).tolist()
    themes = Counter({theme: count for theme, count in zip(tags.themes, times, strict=True) if count})
    return themes, int(tags.uncertain[sound].sum())


def spliced(
    fronts: Sequence[bytes],
    tags: Tags,
    style: Style,
    layout: Layout,
    *,
    failed: Iterable[int],
    reasons: Iterable[tuple[Reason, ...]] | None,
) -> bytes:
    """Rows as bytes, each followed by its tag columns.

    There are few themes and ten thousand probabilities: each is written once, and a row is put together from five
    parts that are looked up. This is what keeps pace with the scan.
    """
    called = names(layout)

    def column(name: str, value: object) -> bytes:
        return style.before(called[name]) + style.value(value)

    marks = len(tags.alsos)
    alsos = [column("also", also) for also in tags.alsos]
    first = [column("theme", theme) + also for theme in tags.themes for also in alsos]
    seconds = [column("second", theme) for theme in tags.themes]
    middle = [column("uncertain", uncertain) + second for second in seconds for uncertain in (False, True)]
    end = b"" if reasons is not None else style.end
    parts = [
        list(fronts),
        _looked_up(first, tags.theme * marks + tags.also),
        _looked_up(_numbers(style.before(called["probability"]), b""), tags.probability),
        _looked_up(middle, tags.second * 2 + tags.uncertain),
        _looked_up(_numbers(style.before(called["second_probability"]), end), tags.second_probability),
    ]
    if reasons is not None:
        parts.append([column("reasons", each) + style.end for each in reasons])
    nothing = b"".join(style.before(name) + style.value(None) for name in called.values()) + style.end
    for row in failed:
        for part in parts[1:]:
            part[row] = b""
        parts[-1][row] = nothing
    return b"".join(itertools.chain.from_iterable(zip(*parts, strict=True)))


@functools.cache
def _numbers(before: bytes, after: bytes) -> list[bytes]:
    """Every probability as it is written."""
    return [before + repr(step / STEPS).encode() + after for step in range(STEPS + 1)]


def _looked_up(values: list[bytes], numbers: Integers) -> list[bytes]:
    return list(map(values.__getitem__, numbers.tolist()))
