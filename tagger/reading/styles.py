"""Word's built-in paragraph styles: the level of a heading by the name of its style, in English or Chinese."""

from __future__ import annotations

import re

TITLE_LEVEL = 0
TITLE = re.compile(r"title|标题", re.IGNORECASE)
HEADING = re.compile(r"(?:heading|标题) ?([1-9])", re.IGNORECASE)


def level_by_name(style: str) -> int | None:
    """The level of paragraphs in a style of this name; None if it is no heading."""
    if TITLE.fullmatch(style):
        return TITLE_LEVEL
    heading = HEADING.fullmatch(style)
    return int(heading[1]) if heading else None
