"""Endings: by its last character a line is finished, cut off, or bare."""

from __future__ import annotations

SENTENCE_ENDS = tuple("。！？!?；;…：:.")
CLAUSE_ENDS = tuple("，,、")
CLOSERS = "”’」』）)"


def is_finished(text: str) -> bool:
    """Whether a text ends like a sentence, or leads up to what follows."""
    return text.rstrip(CLOSERS).endswith(SENTENCE_ENDS)


def is_bare(text: str) -> bool:
    """Whether a text ends like a heading or a name, with no mark at all."""
    return not is_finished(text) and not text.endswith(CLAUSE_ENDS)
