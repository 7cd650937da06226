"""What a run is to do: the inputs and the user's options, made into a recipe for the shards and a list of reports."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from tagger import __version__, tables
from tagger.batch.inputs import Input
from tagger.batch.reports import REPORTS
from tagger.batch.selection import TAGS, WORDS, Selection, check_columns, columns, conditions
from tagger.batch.shards import Recipe, Shard, cut
from tagger.batch.working import RECORD
from tagger.errors import InputError, UsageError
from tagger.tagging import DEFAULT_MODEL_PLACES, Tagger
from tagger.themes import Theme
from tagger.writing.rows import Row

LOG = "run.json"
COPIES = "annotate"
EXTRAS = (*REPORTS, COPIES)


@dataclass(frozen=True, slots=True)
class Options:
    """What the user asks for, beside the inputs and the place of the outputs."""

    extras: Sequence[str] = ()  # of EXTRAS
    items: bool = False  # tag each item of a paragraph that counts them up by itself
    select: str = ""  # conditions on the rows that are written, such as theme=法治,probability>0.9
    columns: str = ""  # the columns that are written, such as file,text,theme
    layout: tables.Layout = field(default_factory=tables.Layout)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run is to do."""

    inputs: Sequence[Input]
    out: Path
    recipe: Recipe
    reports: Sequence[str]
    themes: Sequence[Theme]

    def outputs(self) -> list[str]:
        """The names of all that is written into the output folder."""
        shared = [name for name in self.recipe.outputs if name != RECORD] + [REPORTS[each][0] for each in self.reports]
        wanted = (each for each in self.inputs if each.is_table or self.recipe.copies)
        return shared + [each.output for each in wanted if each.output] + [LOG]

    def shards(self) -> Iterator[Shard]:
        """The shards, in order."""
        return cut(self.inputs, self.recipe.layout)

    def facts(self) -> Mapping[str, Any]:
        """All that decides on the bytes that are written, and the time."""
        recipe = asdict(self.recipe) | {"copies": bool(self.recipe.copies)}
        del recipe["model"]  # its id says more than its place
        return {
            "started": datetime.now().astimezone().isoformat(timespec="seconds"),
            "version": __version__,
            "recipe": recipe,
            "inputs": [asdict(each) for each in self.inputs],
        }


def planned(inputs: Sequence[Input], out: str | Path, tagger: Tagger, options: Options) -> Plan:
    """Plan a run. Raises `UsageError` for options that make no sense for these inputs."""
    documents = [each for each in inputs if not each.is_table]
    reports = tuple(each for each in options.extras if each in REPORTS)
    if options.extras and not documents:
        found, expected = "没有文档，只有表格", "用于文档"
        raise UsageError(f"--{options.extras[0]}", found=found, expected=expected, advice="去掉它再试")
    if "parquet" in reports:
        from tagger.writing.parquet import check_package  # noqa: PLC0415 - only needed for Parquet

        check_package(Path(out) / REPORTS["parquet"][0])  # known before the work begins
    selection = selected(options, tagger.themes, inputs)
    outputs: tuple[str, ...] = ("paragraphs.jsonl", "paragraphs.csv") if documents else ()
    if reports and selection.columns:
        outputs += (RECORD,)
    recipe = Recipe(
        model="" if tagger.folder in DEFAULT_MODEL_PLACES else str(tagger.folder.absolute()),
        model_id=tagger.model_id,
        layout=options.layout,
        items=options.items,
        outputs=outputs,
        copies=str(Path(out).absolute()) if COPIES in options.extras else "",
        selection=selection,
    )
    return Plan(inputs, Path(out), recipe, reports, tagger.themes)


def selected(options: Options, themes: Sequence[Theme], inputs: Sequence[Input]) -> Selection:
    """The rows and columns to write. Raises `UsageError` for those that these inputs do not have."""
    of_documents = bool(inputs) and not any(each.is_table for each in inputs)
    asked = conditions(options.select, [theme.name for theme in themes], TAGS + WORDS if of_documents else TAGS)
    chosen = columns(options.columns)
    for known in _known_columns(inputs, options.layout) if chosen else ():
        check_columns(chosen, known)
    return Selection(asked, chosen)


def _known_columns(inputs: Sequence[Input], layout: tables.Layout) -> Iterator[Sequence[str]]:
    """The columns of documents, and of each table that can be read; others are reported when their turn comes."""
    if any(not each.is_table for each in inputs):
        yield Row.__slots__
    for each in inputs:
        with contextlib.suppress(InputError):
            if each.is_table:
                first = next(tables.pieces(each.path, layout), None)
                yield (*first.table.columns, *tables.names(layout).values()) if first else ()
