"""What is made in the end of all rows: the table for programs, the workbook, the page to read, the collection page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tagger.atomic import written_whole
from tagger.batch.shards import Failure
from tagger.themes import Theme
from tagger.writing import jsonl
from tagger.writing.rows import Row


@dataclass(frozen=True, slots=True)
class Told:
    """What the reports tell."""

    record: Path  # paragraphs.jsonl
    themes: Sequence[Theme]
    model_id: str
    failures: Sequence[Failure]
    columns: Sequence[str] = ()  # of the table for programs; none means all

    def rows(self) -> Iterator[Row]:
        """All rows, from the disk."""
        return jsonl.read_rows(self.record)


def _parquet(told: Told, place: Path) -> None:
    from tagger.batch.sieve import keep_columns  # noqa: PLC0415 - each writer is loaded when it is wanted
    from tagger.writing import parquet  # noqa: PLC0415

    parquet.write_parquet(place, told.rows())
    if told.columns:
        keep_columns(place, told.columns)


def _xlsx(told: Told, place: Path) -> None:
    from tagger.writing import xlsx  # noqa: PLC0415

    xlsx.write_xlsx(place, told.rows(), told.themes)


def _report(told: Told, place: Path) -> None:
    from tagger.writing import html  # noqa: PLC0415

    _write(place, html.report(told.rows(), told.themes, model_id=told.model_id))


def _collection(told: Told, place: Path) -> None:
    from tagger.writing.collection import collection  # noqa: PLC0415

    failures = [(each.place, each.reason) for each in told.failures]
    _write(place, collection(told.rows(), told.themes, failures, model_id=told.model_id))


def _write(place: Path, page: str) -> None:
    with written_whole(place) as beside:
        beside.write_text(page, encoding="utf-8", newline="")


REPORTS: Mapping[str, tuple[str, Callable[[Told, Path], None]]] = {
    "parquet": ("paragraphs.parquet", _parquet),
    "xlsx": ("paragraphs.xlsx", _xlsx),
    "report": ("report.html", _report),
    "collection": ("index.html", _collection),
}


def write_reports(told: Told, folder: Path, wanted: Sequence[str]) -> None:
    """Write the wanted reports into a folder, one after the other, each whole or not at all."""
    for name, write in (REPORTS[each] for each in wanted):
        write(told, folder / name)
