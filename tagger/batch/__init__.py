"""Many documents, and tables of paragraphs: one runner. See `run`."""

from tagger.batch.engines import ADDRESSES, engine, engine_at
from tagger.batch.inputs import Input, gather, inputs_at, sources_at
from tagger.batch.journal import Past, Progress, unfinished
from tagger.batch.plan import EXTRAS, LOG, Options, Plan, planned, selected
from tagger.batch.running import run
from tagger.batch.shards import Failure, guarded
from tagger.batch.stream import answers, lines_available

__all__ = [
    "ADDRESSES",
    "EXTRAS",
    "LOG",
    "Failure",
    "Input",
    "Options",
    "Past",
    "Plan",
    "Progress",
    "answers",
    "engine",
    "engine_at",
    "gather",
    "guarded",
    "inputs_at",
    "lines_available",
    "planned",
    "run",
    "selected",
    "sources_at",
    "unfinished",
]
