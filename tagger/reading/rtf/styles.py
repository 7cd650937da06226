"""The style sheet of an RTF document: the heading levels of paragraphs by their styles."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

TITLE_LEVEL = 0
MAX_HEADING_LEVEL = 9
HEADING_STYLE = re.compile(r"(?:heading|标题) ?([1-9])", re.IGNORECASE)
TITLE_STYLES = frozenset({"title", "标题"})


@dataclass(slots=True)
class Style:
    """A paragraph style: the heading level that it says itself, the parts of its name, the style that it is based on."""

    level: int | None = None
    base: int | None = None
    name: list[str] = field(default_factory=list)

    @property
    def own_level(self) -> int | None:
        """The level by its name, else as it says."""
        name = "".join(self.name).strip(" ;")
        if name.lower() in TITLE_STYLES:
            return TITLE_LEVEL
        heading = HEADING_STYLE.fullmatch(name)
        return int(heading[1]) if heading else self.level


def level_of(own: int | None, key: int | None, styles: Mapping[int, Style]) -> int | None:
    """The level of a paragraph: as it says itself, else as its style or one that this is based on."""
    level, seen = own, set[int]()
    while level is None and key is not None and key in styles and key not in seen:
        seen.add(key)
        level, key = styles[key].own_level, styles[key].base
    return level if level is not None and 0 <= level <= MAX_HEADING_LEVEL else None
