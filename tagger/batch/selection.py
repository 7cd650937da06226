"""Which rows are written and which of their columns: `theme=法治,probability>0.9` and `file,text,theme`."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tagger.errors import UsageError

COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "!=": operator.ne,
    ">=": operator.ge,
    "<=": operator.le,
    "=": operator.eq,
    ">": operator.gt,
    "<": operator.lt,
}
CONDITION = re.compile(r"\s*(\w+)\s*(!=|>=|<=|=|>|<)\s*(.*?)\s*", re.DOTALL)
THEMES, NUMBERS, TRUTHS = ("theme", "also", "second"), ("probability", "second_probability"), ("uncertain",)
TAGS = THEMES + NUMBERS + TRUTHS  # of these, paragraphs without a tag have none that could be compared
WORDS = ("role", "file", "place")
EXAMPLES = "theme=法治、theme!=其他、also=作风、probability>0.9、uncertain=true 这样的条件，用逗号分开"
COMMA = re.compile("[,，]")


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition, such as `probability>0.9`. Of a column that is a list, `=` asks whether it holds the value."""

    column: str
    comparison: str
    value: str | float | bool

    def holds(self, cell: object) -> bool:
        """Whether a cell fulfils it; an empty one never does."""
        if isinstance(cell, tuple | list):
            return (self.value in cell) == (self.comparison == "=")
        return cell is not None and COMPARISONS[self.comparison](cell, self.value)


@dataclass(frozen=True, slots=True)
class Selection:
    """The conditions that a row must fulfil to be written, and the columns that are written of it; none means all."""

    conditions: tuple[Condition, ...] = ()
    columns: tuple[str, ...] = ()

    def keeps(self, cell: Callable[[str], object]) -> bool:
        """Whether a row is written; `cell` gives what stands in a column of it.

        A row without a tag is not where a condition asks for the tag.
        """
        if not self.conditions:
            return True
        tagged = cell("theme") is not None
        return all((tagged or each.column not in TAGS) and each.holds(cell(each.column)) for each in self.conditions)


def conditions(text: str, themes: Sequence[str], known: Sequence[str]) -> tuple[Condition, ...]:
    """Read `--select`. Raises `UsageError` for what is no condition on a known column."""
    return tuple(_condition(each, themes, known) for each in COMMA.split(text)) if text else ()


def _condition(text: str, themes: Sequence[str], known: Sequence[str]) -> Condition:
    found = CONDITION.fullmatch(text)
    if found is None:
        raise _unfit("--select", f"看不懂 {text!r}", EXAMPLES)
    column, comparison, value = found.groups()
    if column not in known:
        raise _unfit("--select", f"没有 {column!r} 这一列", "、".join(known))
    if column in NUMBERS:
        return Condition(column, comparison, _number(text, value))
    if comparison not in {"=", "!="}:
        raise _unfit("--select", f"{text!r} 不是数，比不出大小", "= 或 !=")
    if column in TRUTHS:
        return Condition(column, comparison, _one_of(text, value, ("true", "false")) == "true")
    return Condition(column, comparison, _one_of(text, value, themes) if column in THEMES else value)


def _one_of(text: str, value: str, values: Sequence[str]) -> str:
    if value not in values:
        raise _unfit("--select", repr(text), "、".join(values))
    return value


def _number(text: str, value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise _unfit("--select", repr(text), "0 到 1 之间的数，如 0.9") from None


def columns(text: str) -> tuple[str, ...]:
    """Read `--columns`. Raises `UsageError` for a column that is named twice, or has no name."""
    names = tuple(name.strip() for name in COMMA.split(text)) if text else ()
    for position, name in enumerate(names):
        if not name or name in names[:position]:
            raise _unfit("--columns", f"{name!r} 写了两次" if name else "有空的列名", "每列一次，用逗号分开")
    return names


def check_columns(names: Sequence[str], known: Sequence[str]) -> None:
    """Raise `UsageError` for a column that is not known."""
    for name in names:
        if name not in known:
            raise _unfit("--columns", f"没有 {name!r} 这一列", "、".join(known))


def _unfit(option: str, found: str, expected: str) -> UsageError:
    return UsageError(option, found=found, expected=expected, advice="改正后再试")
