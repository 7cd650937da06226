"""The style sheet of an RTF document: the heading levels of paragraphs by their styles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tagger.reading.styles import level_by_name

MAX_HEADING_LEVEL = 9
MAX_STYLE_DEPTH = 32  # Word allows 10 styles, each based on the next


@dataclass(slots=True)
class Style:
    """A paragraph style: the heading level that it states, the parts of its name, the style that it is based on."""

    level: int | None = None
    base: int | None = None
    name: list[str] = field(default_factory=list)

    @property
    def own_level(self) -> int | None:
        """The level by its name, else as it says."""
        level = level_by_name("".join(self.name).strip(" ;"))
        return self.level if level is None else level


def level_of(own: int | None, key: int | None, styles: Mapping[int, Style]) -> int | None:
    """The level of a paragraph: as it says itself, else as its style or one that this is based on."""
    level = own
    for _ in range(MAX_STYLE_DEPTH):
        if level is not None or key is None or key not in styles:
            break
        level, key = styles[key].own_level, styles[key].base
    return level if level is not None and 0 <= level <= MAX_HEADING_LEVEL else None
