"""tagger labels every paragraph of a Chinese official document with its theme, and says why.

>>> from tagger import tag
>>> str(tag("组建普法小分队进村宣讲，法治副校长到校上法治课十六次。"))
'法治'
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from tagger.records import Explanation, Label, Paragraph, Reason, Score, Tag, TaggedDocument, TaggedParagraph
from tagger.tagging import Tagger, default_tagger
from tagger.themes import OTHER, OUR_THEMES, THEMES, Theme

__version__ = "0.1.0"

__all__ = [
    "OTHER",
    "OUR_THEMES",
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
    "Theme",
    "explain",
    "tag",
    "tag_batch",
    "tag_document",
    "tag_file",
]


def tag(text: str, headings: Sequence[str] = ()) -> Tag:
    """Tag one paragraph with the model that comes with the package; `headings` is the path above it, title first.

    Raises `TypeError` if it is no `str`.
    """
    return default_tagger().tag(text, headings)


def tag_batch(texts: Iterable[str], headings: Iterable[Sequence[str]] | None = None) -> list[Tag]:
    """Tag many paragraphs, in their order, each with its path of headings if given. Raises as `Tagger.tag_batch`."""
    return default_tagger().tag_batch(texts, headings)


def tag_document(text: str) -> TaggedDocument:
    """Tag the body paragraphs of a whole document given as text. Raises `TypeError` if it is no `str`."""
    return default_tagger().tag_document(text)


def tag_file(path: str | Path, *, items: bool = False) -> TaggedDocument:
    """Read a file and tag its body paragraphs, or with `items` each item of a 一是…二是… paragraph by itself.

    Raises `tagger.errors.InputError` if it cannot be read.
    """
    return default_tagger().tag_file(path, items=items)


def explain(text: str, headings: Sequence[str] = ()) -> tuple[Explanation, ...]:
    """For each theme, the words of the text and what each adds to the log-odds. Raises `TypeError` if no `str`."""
    return default_tagger().explain(text, headings)
