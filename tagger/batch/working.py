"""Work one shard, in whatever process: read its input, tag it, give back what to write."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Sequence
from functools import cache, partial
from pathlib import Path
from types import ModuleType

from tagger import tables
from tagger.atomic import written_whole
from tagger.batch.inputs import Input, identity
from tagger.batch.selection import Selection
from tagger.batch.shards import (
    Counts,
    Documents,
    DocumentsHead,
    Failure,
    Lost,
    Recipe,
    Shard,
    ShardResult,
    TableHead,
    TablePiece,
    changed_meanwhile,
    guarded,
)
from tagger.batch.sieve import sifted, sifted_header
from tagger.errors import ArtifactError, InputError, OutputError
from tagger.reading import ZIP_MAGIC, read_all, read_all_content
from tagger.records import Paragraph, Source, TaggedDocument
from tagger.tagging import Tagger
from tagger.writing import csv, jsonl
from tagger.writing.rows import Row, body_rows, rows_of_each

RECORD = ".run/rows.jsonl"  # all columns, to make the reports of, where paragraphs.jsonl has but some
WRITERS: dict[str, ModuleType] = {"paragraphs.jsonl": jsonl, "paragraphs.csv": csv, RECORD: jsonl}


def work(recipe: Recipe, shard: Shard) -> ShardResult:
    """What comes of a shard.

    Raises `ArtifactError` if the model is no longer the one that the run began with, `OutputError` if copies are wanted
    and the output folder is gone.
    """
    _check_model(recipe)
    _check_place(recipe)
    match shard.load:
        case DocumentsHead():
            return ShardResult(shard.number, {name: _head(recipe, name) for name in recipe.outputs})
        case Documents(files):
            return _work_documents(recipe, shard.number, files)
        case TableHead(table, content):
            return ShardResult(shard.number, {table.output: sifted_header(content, recipe.selection)}, Counts(files=1))
        case TablePiece():
            return _work_piece(recipe, shard.number, shard.load)
        case Lost(failure):
            return ShardResult(shard.number, failures=[failure])


@cache
def loaded(model: str) -> Tagger:
    """The tagger of a model folder; each process loads it once."""
    return Tagger.load(model or None)


def _check_model(recipe: Recipe) -> None:
    if loaded(recipe.model).model_id != recipe.model_id:
        loaded.cache_clear()  # the process may have worked for an earlier run, with the model that stood there then
    found = loaded(recipe.model).model_id
    if found != recipe.model_id:
        subject, expected = recipe.model or "自带模型", f"运行开始时的 {recipe.model_id}"
        raise ArtifactError(subject, found=f"模型换成了 {found}", expected=expected, advice="重新标注")


def _check_place(recipe: Recipe) -> None:
    """Copies are the one thing that is written here, so the folder of the run must be seen from here."""
    if recipe.copies and not Path(recipe.copies, RECORD).parent.is_dir():
        expected, advice = "运行时一直看得到的输出文件夹", "检查它还在不在；用集群时要在共享磁盘上"
        raise OutputError(recipe.copies, found="看不到这次运行的输出文件夹", expected=expected, advice=advice)


def _work_documents(recipe: Recipe, number: int, files: Sequence[Input]) -> ShardResult:
    counts = Counts(files=len(files), size=sum(file.size for file in files))
    failures: list[Failure] = []
    targets = {name: io.StringIO(newline="") for name in recipe.outputs}
    read = [outcome for file in files for outcome in guarded(file.path, _read(recipe, file))]
    tagger = loaded(recipe.model)
    found = [outcome for outcome in read if not isinstance(outcome, Failure)]
    documents = tagger.tag_outlines([(source, paragraphs) for _, source, paragraphs in found])
    tagged = zip(documents, rows_of_each(documents, tagger.strongest_reasons), strict=True)
    for outcome in read:
        if isinstance(outcome, Failure):
            failures.append(outcome)
            continue
        document, rows = next(tagged)
        _count(counts, rows)
        for row in rows:
            if recipe.selection.keeps(partial(getattr, row)):
                counts.written += 1
                for name, target in targets.items():
                    WRITERS[name].write_row(target, row)
        failures += guarded(outcome[0].path, _copied(recipe, outcome[0], document, rows))
    contents = {name: _content(recipe, name, target.getvalue()) for name, target in targets.items()}
    return ShardResult(number, contents, counts, failures, dict(_hashes(files)))


def _read(recipe: Recipe, file: Input) -> Iterator[tuple[Input, Source, Sequence[Paragraph]] | Failure]:
    """The documents of a file with their outlines: one or, in an archive, several."""
    from tagger.outline import outline  # noqa: PLC0415 - its patterns take time to compile

    before = identity(file.path)
    for source in read_all_content(file.name, Path(file.path).read_bytes()) if file.name else read_all(file.path):
        if isinstance(source, InputError):
            yield Failure(source.subject, str(source))
        else:
            yield file, source, outline(source, items=recipe.items)
    if identity(file.path) != before:
        raise changed_meanwhile(file.path)


def _copied(recipe: Recipe, file: Input, document: TaggedDocument, rows: Sequence[Row]) -> Iterator[Failure]:
    """Make the annotated copy of a Word file where one is wanted; only `guarded` adds what went wrong."""
    if recipe.copies and file.output:
        _write_copy(Path(recipe.copies, file.output), file, document, rows, loaded(recipe.model))
    yield from ()


def _write_copy(place: Path, file: Input, document: TaggedDocument, rows: Sequence[Row], tagger: Tagger) -> None:
    """Annotate a Word file; an old one that is only named .docx has no copy."""
    from tagger.writing.docx import annotate_docx  # noqa: PLC0415 - only needed with copies

    content = Path(file.path).read_bytes()
    if content.startswith(ZIP_MAGIC):
        copy = annotate_docx(content, document, rows, tagger.themes)
        with written_whole(place) as beside:
            beside.write_bytes(copy)


def _count(counts: Counts, rows: Sequence[Row]) -> None:
    for row in body_rows(rows):
        counts.paragraphs += 1
        counts.uncertain += row.uncertain
        counts.themes[str(row.theme)] += 1


def _head(recipe: Recipe, name: str) -> bytes:
    """What stands above the rows of an output: of CSV a byte order mark and the column names, else nothing."""
    header = io.StringIO(newline="")
    WRITERS[name].write_header(header)
    content = header.getvalue().encode(WRITERS[name].ENCODING)
    return sifted_header(content, recipe.selection)


def _content(recipe: Recipe, name: str, text: str) -> bytes:
    """What is appended to an output for some rows."""
    content = text.encode()  # without a byte order mark, which stands at the start only
    if recipe.selection.columns and name != RECORD:
        only_columns = Selection((), recipe.selection.columns)  # the rows are chosen already
        content, _ = sifted(content, Path(name).suffix, only_columns, Row.__slots__, {})
    return content


def _hashes(files: Sequence[Input]) -> Iterator[tuple[str, str]]:
    for file in files:
        try:
            with Path(file.path).open("rb") as content:
                yield file.path, hashlib.file_digest(content, "sha256").hexdigest()
        except OSError:
            continue  # a failure already


def _work_piece(recipe: Recipe, number: int, load: TablePiece) -> ShardResult:
    output = load.table.output
    contents: dict[str, bytes] = {}
    counts = Counts(size=load.size)
    failures: list[Failure] = []
    for outcome in guarded(load.table.path, _tagged(recipe, load)):
        if isinstance(outcome, Failure):
            failures.append(outcome)
            continue
        tagged, contents[output], written = outcome
        counts = Counts(0, load.size, tagged.rows, written, tagged.uncertain, tagged.themes)
        failures += [Failure(place, f"{place}：{reason}。") for place, reason in tagged.failures]
    return ShardResult(number, contents, counts, failures)


def _tagged(recipe: Recipe, load: TablePiece) -> Iterator[tuple[tables.PieceResult, bytes, int]]:
    """The rows of a piece with their tags, and what is left of them to write: the bytes and the number of rows."""
    tagged = tables.tag_piece(load.piece, recipe.layout, loaded(recipe.model))
    content, written = tagged.content, tagged.rows
    if recipe.selection != Selection():
        called = tables.names(recipe.layout)
        columns = (*load.piece.table.columns, *called.values())
        content, written = sifted(content, Path(load.table.output).suffix, recipe.selection, columns, called)
    yield tagged, content, written
