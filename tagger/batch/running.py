"""A run: cut into shards, worked by an engine, written in order, taken down in a journal so that it can go on."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from functools import partial
from itertools import islice

import numpy as np

from tagger import __version__
from tagger.atomic import not_writable, written_whole
from tagger.batch.engines import Engine
from tagger.batch.journal import Journal, Progress, unfinished
from tagger.batch.lock import alone_in
from tagger.batch.outputs import Outputs, check_places
from tagger.batch.plan import LOG, Plan
from tagger.batch.reports import Told, write_reports
from tagger.batch.resuming import check_unchanged
from tagger.batch.working import RECORD, work


def run(plan: Plan, *, engine: Engine = map, resume: bool = False, on_progress: Callable[[Progress], None]) -> Progress:
    """Do what is planned; `on_progress` is called at the start, after each shard and at the end.

    What stands in the output folder stays there until all is worked. If the run is killed, the same plan with `resume`
    goes on where it was, and writes the same bytes. Raises `OutputError` if the folder cannot be written, something
    stands in the way there or another run is writing, `UsageError` if the unfinished run that it finds was of other
    files, options or another model.
    """
    try:
        with alone_in(plan.out):
            return _run(plan, engine, resume=resume, on_progress=on_progress)
    except OSError as error:
        raise not_writable(plan.out, error) from error


def _run(plan: Plan, engine: Engine, *, resume: bool, on_progress: Callable[[Progress], None]) -> Progress:
    check_places(plan.out, plan.outputs())
    with _journal(plan, resume=resume) as journal:
        on_progress(journal.progress)
        left = islice(plan.shards(), journal.progress.shards, None)
        for result in () if journal.progress.is_worked else engine(partial(work, plan.recipe), left):
            journal.add(result)
            on_progress(journal.progress)
        journal.close_shards()
        on_progress(journal.progress)
    journal.outputs.put_in_place()
    _write_reports(plan, journal)
    _write_log(plan, journal)
    journal.remove()
    return journal.progress


def _journal(plan: Plan, *, resume: bool) -> Journal:
    """The journal of an unfinished run, or a new one."""
    past = unfinished(plan.out)
    if past is not None and resume:
        check_unchanged(past, plan.facts())
        return Journal(plan.out, past.plan, past)
    if past is not None:
        Outputs(plan.out, past.progress.ends).discard()
    return Journal(plan.out, plan.facts(), None)


def _write_reports(plan: Plan, journal: Journal) -> None:
    record = RECORD if RECORD in plan.recipe.outputs else "paragraphs.jsonl"
    columns = plan.recipe.selection.columns
    told = Told(plan.out / record, plan.themes, plan.recipe.model_id, journal.progress.failures, columns)
    write_reports(told, plan.out, plan.reports)


def _write_log(plan: Plan, journal: Journal) -> None:
    """Write what was done with what; nothing of the text."""
    log = {
        "started": journal.plan["started"],
        "finished": datetime.now().astimezone().isoformat(timespec="seconds"),
        "model_id": plan.recipe.model_id,
        "theme_colours": {theme.name: theme.colour for theme in plan.themes},  # in their order
        "versions": {"tagger": __version__, "python": platform.python_version(), "numpy": np.__version__},
        "options": {**journal.plan["recipe"], "reports": list(plan.reports)},
        **journal.progress.counts.facts(),
        "failures": [asdict(each) for each in journal.progress.failures],
    }
    with written_whole(plan.out / LOG) as beside:
        beside.write_text(
            json.dumps(log, ensure_ascii=False, indent=1) + "\n", encoding="utf-8", errors="backslashreplace"
        )
