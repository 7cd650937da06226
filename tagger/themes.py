"""The closed list of themes, in the one order used everywhere. What ours mean is in docs/themes.md.

Who trains on labels of other themes writes them in a file:

    [[theme]]
    name = "财政"
    colour = "#1D5FA8"
    definition = "预算、决算、收支和国有资产"
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tagger.errors import LabelError

OTHER = "其他"  # of a paragraph that has none of the themes; the last of every list
MAX_THEMES = 24
NAME = re.compile(r"[\w-]{1,12}")  # no blanks, commas or the like, which separate themes where they are listed
COLOUR = re.compile("#[0-9A-Fa-f]{6}")
ADVICE = "改正后再试；样子见 docs/retraining.md"


@dataclass(frozen=True, slots=True)
class Theme:
    """A theme: its name, the colour that it is shown in (as #RRGGBB, dark enough for text on white), its meaning."""

    name: str
    colour: str
    definition: str


OUR_THEMES = (
    Theme("党建", "#B3261E", "党组织自身的建设和党员的教育管理"),
    Theme("法治", "#1D5FA8", "立法、执法、司法、普法和依法办事"),
    Theme("乡村振兴", "#2B6E3F", "农业、农村、农民和脱贫成果"),
    Theme("治理", "#76409B", "社会治理、平安建设、应急和公共秩序"),
    Theme("作风", "#8A5200", "干部的作风、廉洁和纪律"),
    Theme(OTHER, "#5C6269", "以上都不是"),
)
THEMES = tuple(theme.name for theme in OUR_THEMES)


def read_themes(path: str | Path) -> tuple[Theme, ...]:
    """Read a file of themes; 其他 is added as the last where it is not listed.

    Raises `LabelError` if the file cannot be read or a theme is incomplete, doubled or has a bad name or colour.
    """
    try:
        records = tomllib.loads(Path(path).read_text("utf-8-sig")).get("theme")
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise LabelError(path, found=f"读不了（{error}）", expected="UTF-8 的 TOML 文件", advice=ADVICE) from error
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise LabelError(path, found="没有 [[theme]]", expected="每个主题一段 [[theme]]", advice=ADVICE)
    themes = [_theme(f"{path}：第 {number} 个主题", record) for number, record in enumerate(records, start=1)]
    doubled = [name for name, count in Counter(theme.name for theme in themes).items() if count > 1]
    if doubled:
        raise LabelError(path, found=f"{'、'.join(doubled)}写了两次", expected="各不相同的名称", advice=ADVICE)
    other = [theme for theme in themes if theme.name == OTHER] or [OUR_THEMES[-1]]
    themes = [theme for theme in themes if theme.name != OTHER] + other
    if not 2 <= len(themes) <= MAX_THEMES:
        raise LabelError(
            path, found=f"{len(themes)} 个主题", expected=f"连同{OTHER} 2 到 {MAX_THEMES} 个", advice=ADVICE
        )
    return tuple(themes)


def _theme(place: str, record: dict[str, Any]) -> Theme:
    name, colour, definition = (record.get(field) for field in ("name", "colour", "definition"))
    if not isinstance(name, str) or not NAME.fullmatch(name):
        expected = "12 个字以内、不含空格和标点的 name"
        raise LabelError(place, found=f"名称是 {name!r}", expected=expected, advice=ADVICE)
    if not isinstance(colour, str) or not COLOUR.fullmatch(colour):
        raise LabelError(place, found=f"颜色是 {colour!r}", expected='形如 colour = "#1D5FA8"', advice=ADVICE)
    if not isinstance(definition, str) or not definition.strip():
        raise LabelError(place, found="没有说明", expected="一句话的 definition", advice=ADVICE)
    return Theme(name, colour.upper(), definition.strip())
