"""Conditions on rows: what they keep, and what is said of those that make no sense."""

from __future__ import annotations

import pytest

from tagger.batch.selection import TAGS, WORDS, Selection, check_columns, columns, conditions
from tagger.errors import UsageError
from tagger.themes import THEMES

ROW = {
    "theme": "法治",
    "also": ("作风",),
    "probability": 0.91,
    "uncertain": False,
    "second": "党建",
    "second_probability": 0.05,
    "role": "body",
    "file": "a.txt",
    "place": "",
}
HEADING = {**dict.fromkeys(ROW), "also": (), "uncertain": False, "role": "heading"}


def keeps(text: str, row: dict[str, object]) -> bool:
    return Selection(conditions(text, THEMES, TAGS + WORDS)).keeps(row.get)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("", True),
        ("theme=法治", True),
        ("theme = 法治 , probability > 0.9", True),
        ("theme=法治，probability>0.95", False),
        ("theme!=法治", False),
        ("probability>=0.91", True),
        ("probability<0.91", False),
        ("probability<=0.91", True),
        ("uncertain=true", False),
        ("uncertain!=true", True),
        ("also=作风", True),
        ("also=党建", False),
        ("also!=党建", True),
        ("second=党建,second_probability<0.1", True),
        ("role=body,file=a.txt", True),
        ("role!=body", False),
    ],
)
def test_conditions(text: str, kept: bool) -> None:  # noqa: FBT001 - a table of cases
    assert keeps(text, ROW) == kept


@pytest.mark.parametrize(
    ("text", "kept"),
    [("", True), ("role=heading", True), ("theme!=法治", False), ("uncertain=false", False), ("also!=党建", False)],
)
def test_paragraphs_without_a_tag_fulfil_no_condition_on_it(text: str, kept: bool) -> None:  # noqa: FBT001
    assert keeps(text, HEADING) == kept


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("theme", "看不懂 'theme'.*theme=法治"),
        ("theme=法治,", "看不懂 ''"),
        ("theme=法制", "党建、法治、乡村振兴"),
        ("theme>法治", "比不出大小.*= 或 !="),
        ("主题=法治", "没有 '主题' 这一列。应为：theme、also"),
        ("probability>九成", "0 到 1 之间的数"),
        ("uncertain=是", "true、false"),
    ],
)
def test_conditions_that_make_no_sense(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        conditions(text, THEMES, TAGS)


def test_columns() -> None:
    assert columns("") == ()
    assert columns("theme, text，file") == ("theme", "text", "file")
    for text, message in (("theme,theme", "写了两次"), ("theme,,text", "空的列名")):
        with pytest.raises(UsageError, match=message):
            columns(text)
    with pytest.raises(UsageError, match="没有 'x' 这一列。应为：theme、text"):
        check_columns(["theme", "x"], ["theme", "text"])
