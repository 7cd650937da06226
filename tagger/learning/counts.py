"""Term counts in place of text: labels on confidential documents that can be pooled without sharing a sentence.

A counts file is a label file (see `labels`), gzipped, whose lines have `counts` in place of `text`:

    {"source": "…", "document": "…", "kind": "…", "theme": "治理", "also": [], "unsure": false, "weak": false,
     "counts": {"排查": 2, "纠纷": 1}}

`counts` says how often each term stands in the paragraph, overlapping, terms sorted; the text's order is not kept. A
term is a dictionary word, a term of art or a run of one or two characters, and stands in at least `MIN_PARAGRAPHS`
paragraphs of the file. This hides sentences from readers, not from a determined analyst: overlapping pairs of
characters give away much of a short paragraph, and a name that stands in three paragraphs is a term. What must not
become known at all does not belong in a counts file.
"""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from tagger.atomic import written_whole
from tagger.learning.vocabulary import all_variants, gram_frequencies, word_frequencies
from tagger.records import Label
from tagger.terms import TermScan, compile_terms

MIN_PARAGRAPHS = 3
LONGEST_GRAM = 2
TERMS_A_SCAN = 30_000  # leaves room for prefixes below terms.MAX_STATES


def count_labels(labels: Sequence[Label], lexicon: Mapping[str, str]) -> list[Label]:
    """Replace the text of each label by its term counts; title and headings, which are text too, go with it."""
    texts = [label.text for label in labels]
    frequencies = word_frequencies(texts, lexicon) | gram_frequencies(texts, LONGEST_GRAM)
    terms = sorted(term for term, paragraphs in frequencies.items() if paragraphs >= MIN_PARAGRAPHS)
    counts: list[dict[str, int]] = [{} for _ in labels]
    for first in range(0, len(terms), TERMS_A_SCAN):
        some = terms[first : first + TERMS_A_SCAN]
        found = TermScan(compile_terms(some, all_variants())).count(texts)
        for row, text_counts in enumerate(counts):
            part = slice(found.starts[row], found.starts[row + 1])
            numbered = zip(found.terms[part].tolist(), found.counts[part].tolist(), strict=True)
            text_counts.update((some[term], count) for term, count in numbered)
    return [
        replace(label, text="", title="", headings=(), counts=dict(sorted(each.items())))
        for label, each in zip(labels, counts, strict=True)
    ]


def write_counts(path: str | Path, labels: Iterable[Label]) -> None:
    """Write labels with counts as a counts file; the same labels give the same bytes.

    Raises `OutputError` if it cannot be written.
    """
    content = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=content, mtime=0) as archive:
        for label in labels:
            record = {
                "source": label.source,
                "document": label.document,
                "kind": label.kind,
                "theme": label.theme,
                "also": list(label.also),
                "unsure": label.unsure,
                "weak": label.weak,
                "counts": label.counts,
            }
            archive.write((json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n").encode())
    with written_whole(path) as beside:
        beside.write_bytes(content.getvalue())
