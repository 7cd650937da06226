"""`tagger queue`: which paragraphs to label next."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tagger.cli.terminal import DONE, SOME_FAILED, Commands, command, complaints
from tagger.errors import InputError, UsageError
from tagger.tagging import Tagger

if TYPE_CHECKING:
    from tagger.learning.queue import Choice
    from tagger.records import TaggedDocument

SHOWN_CHARACTERS = 24  # of a paragraph in a table


def add(commands: Commands) -> None:
    """Add the command `queue`."""
    example = "tagger queue 材料/ --labels 标注.jsonl --number 50 --out 队列.jsonl"
    parser = command(commands, "queue", "选出最值得先标的段落，说明为什么。", example=example)
    parser.add_argument("paths", nargs="+", metavar="路径", help="文件或文件夹")
    parser.add_argument("--out", metavar="文件", type=Path, required=True, help="队列写到哪里（.jsonl）")
    add_labels(parser)
    parser.add_argument("--number", metavar="N", type=int, default=50, help="最多选几段，默认 50")
    parser.add_argument("--model", metavar="文件夹", type=Path, help="模型文件夹；默认用自带的模型")
    parser.set_defaults(run=_queue)


def add_labels(parser: argparse.ArgumentParser) -> None:
    """Add the option that names what is labelled already."""
    parser.add_argument(
        "--labels", nargs="+", metavar="标注", type=Path, default=[], help="已有的标注文件；里面的段落不再选"
    )


def _queue(options: argparse.Namespace, console: Console) -> int:
    from tagger.learning.queue import candidates_of, choose, known_to, write_queue  # noqa: PLC0415 - learning is heavy

    if options.number < 1:
        raise UsageError("--number", found=str(options.number), expected="1 或更大的整数", advice="改正后再试")
    labelled = labelled_texts(options.labels)
    tagger = Tagger.load(options.model)
    failures: list[InputError] = []
    documents = tagged_documents(options.paths, tagger, failures)
    candidates = [candidate for document in documents for candidate in candidates_of(document)]
    choices = choose(candidates, tagger.model, known_to(tagger), number=options.number, labelled=labelled)
    if not choices:
        found = f"{len(candidates)} 段正文里没有可标的：都标过，或都太短"
        raise UsageError("queue", found=found, expected="还没标过的文件", advice="换一些文件再试")
    write_queue(options.out, choices)
    console.print(choice_table(choices))
    console.print(f"从 {len(candidates)} 段正文里选了 {len(choices)} 段，写入 {options.out}。", markup=False)
    console.print(f"接着运行：tagger label --queue {options.out} --out 标注.jsonl", markup=False)
    return SOME_FAILED if failures else DONE


def labelled_texts(paths: Sequence[Path]) -> list[str]:
    """The texts of all paragraphs that have a label. Raises `LabelError` if a file cannot be read."""
    from tagger.learning.labelling import answers  # noqa: PLC0415
    from tagger.learning.labels import read_lines  # noqa: PLC0415

    return [str(record["text"]) for path in paths for record in answers(read_lines(path)) if record.get("theme")]


def tagged_documents(paths: Sequence[str], tagger: Tagger, failures: list[InputError]) -> Iterator[TaggedDocument]:
    """Read and tag all documents; what cannot be read is told at once and added to `failures`."""
    from tagger.batch import sources_at  # noqa: PLC0415

    for source in sources_at(paths):
        if isinstance(source, InputError):
            failures.append(source)
            complaints().print(Text(str(source), style="red"))
        else:
            yield tagger.tag_source(source)


def choice_table(choices: Sequence[Choice]) -> Table:
    """The chosen paragraphs, each with the reason."""
    table = Table("", "文件", "段落", "为什么先标它")
    for number, choice in enumerate(choices, start=1):
        text = choice.candidate.text
        shown = text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…"
        table.add_row(str(number), Text(Path(choice.candidate.document).name), Text(shown), Text(choice.why))
    return table
