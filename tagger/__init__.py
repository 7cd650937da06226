"""tagger labels every paragraph of a Chinese official document with its theme, and says why.

>>> from tagger import tag
>>> str(tag("组建普法小分队进村宣讲，法治副校长到校上法治课十六次。"))
'法治'
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tagger.records import Explanation, Label, Paragraph, Reason, Score, Tag, TaggedDocument, TaggedParagraph
from tagger.tagging import Tagger, default_tagger
from tagger.themes import OTHER, THEMES

__version__ = "0.1.0"

__all__ = [
    "OTHER",
    "THEMES",
    "Explanation",
    "Label",
    "Paragraph",
    "Reason",
    "Score",
    "Tag",
    "TaggedDocument",
    "TaggedParagraph",
    "Tagger",
    "explain",
    "tag",
    "tag_batch",
    "tag_document",
    "tag_file",
]


def tag(text: str) -> Tag:
    """Tag one paragraph with the model that comes with the package. Raises `TypeError` if it is no `str`."""
    return default_tagger().tag(text)


def tag_batch(texts: Iterable[str]) -> list[Tag]:
    """Tag many paragraphs, in their order. Raises `TypeError` if one is no `str`."""
    return default_tagger().tag_batch(texts)


def tag_document(text: str) -> TaggedDocument:
    """Tag the body paragraphs of a whole document given as text. Raises `TypeError` if it is no `str`."""
    return default_tagger().tag_document(text)


def tag_file(path: str | Path) -> TaggedDocument:
    """Read a file and tag its body paragraphs. Raises `tagger.errors.InputError` if it cannot be read."""
    return default_tagger().tag_file(path)


def explain(text: str) -> tuple[Explanation, ...]:
    """For each theme, the words of the text and what each adds to its log-odds. Raises `TypeError` if no `str`."""
    return default_tagger().explain(text)
