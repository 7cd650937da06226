"""A run is cut into shards, each worked and written as one. What is said of them here is plain and can be pickled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import chain
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from tagger import tables
from tagger.batch.inputs import Input, identity
from tagger.batch.selection import Selection
from tagger.errors import InputError, TaggerError

T = TypeVar("T")
MAX_FILES = 16  # of a shard: what the workers share out, and what is lost at most when a run is killed
OF_ROWS = (".parquet", ".xlsx")  # tables whose pieces are told in rows, not in bytes
MAX_BYTES = 4 * 2**20  # of a shard of several documents; a larger document is a shard of its own


@dataclass(frozen=True, slots=True)
class Failure:
    """What could not be tagged, a file or a row of a table, and why: a Chinese sentence that names the place too."""

    place: str
    reason: str


@dataclass(frozen=True, slots=True)
class Recipe:
    """How every shard is worked: with the same recipe and the same inputs, a run writes the same bytes."""

    model: str  # its folder; empty for the model that comes with the package, wherever that is installed
    model_id: str
    layout: tables.Layout
    items: bool = False
    outputs: tuple[str, ...] = ()  # of the paragraphs of documents
    copies: str = ""  # folder for annotated copies, if they are wanted
    selection: Selection = field(default_factory=Selection)


@dataclass(frozen=True, slots=True)
class DocumentsHead:
    """What stands above the rows of all documents."""


@dataclass(frozen=True, slots=True)
class Documents:
    """A few documents."""

    files: tuple[Input, ...]


@dataclass(frozen=True, slots=True)
class TableHead:
    """What stands above the rows of a table."""

    table: Input
    content: bytes


@dataclass(frozen=True, slots=True)
class TablePiece:
    """Some rows of a table."""

    table: Input
    piece: tables.Piece
    size: int  # bytes of the table that it makes up


@dataclass(frozen=True, slots=True)
class Lost:
    """What could not be cut into shards."""

    failure: Failure


Load: TypeAlias = DocumentsHead | Documents | TableHead | TablePiece | Lost


@dataclass(frozen=True, slots=True)
class Shard:
    """A part of a run that is worked and written as one."""

    number: int  # from 0, in the order of the outputs
    load: Load


@dataclass(slots=True)
class Counts:
    """How much was done, of a shard or of a run."""

    files: int = 0
    size: int = 0  # bytes of input
    paragraphs: int = 0  # tagged ones
    written: int = 0  # rows
    uncertain: int = 0
    themes: Counter[str] = field(default_factory=Counter)

    def add(self, other: Counts) -> None:
        """Count what another has counted."""
        self.files += other.files
        self.size += other.size
        self.paragraphs += other.paragraphs
        self.written += other.written
        self.uncertain += other.uncertain
        self.themes.update(other.themes)

    def facts(self) -> dict[str, Any]:
        """The same for JSON."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> Counts:
        """Back from what `facts` gave."""
        return cls(**{**facts, "themes": Counter(facts["themes"])})


@dataclass(frozen=True, slots=True)
class ShardResult:
    """What came of a shard: the bytes to append to each output, by its name."""

    number: int
    contents: Mapping[str, bytes] = field(default_factory=dict)
    counts: Counts = field(default_factory=Counts)
    failures: Sequence[Failure] = ()
    hashes: Mapping[str, str] = field(default_factory=dict)  # SHA-256 of each document


def cut(inputs: Sequence[Input], layout: tables.Layout) -> Iterator[Shard]:
    """Cut the inputs into shards, documents first, then tables; the same inputs always the same way."""
    documents = _document_loads(each for each in inputs if not each.is_table)
    pieces = chain.from_iterable(_table_loads(each, layout) for each in inputs if each.is_table)
    return (Shard(number, load) for number, load in enumerate(chain(documents, pieces)))


def _document_loads(files: Iterable[Input]) -> Iterator[Load]:
    """The head of the outputs of documents, then the documents; a shard that is lost must not take the head with it."""
    taken: list[Input] = []
    for number, each in enumerate(files):
        if number == 0:
            yield DocumentsHead()
        full = len(taken) == MAX_FILES or sum(file.size for file in taken) + each.size > MAX_BYTES
        if taken and full:
            yield Documents(tuple(taken))
            taken = []
        taken.append(each)
    if taken:
        yield Documents(tuple(taken))


def _table_loads(table: Input, layout: tables.Layout) -> Iterator[Load]:
    """The head of a table and its pieces, which are found while those before are worked."""
    for load in guarded(table.path, _pieces(table, layout)):
        yield Lost(load) if isinstance(load, Failure) else load


def _pieces(table: Input, layout: tables.Layout) -> Iterator[TableHead | TablePiece]:
    yield TableHead(table, tables.header(table.path, layout))
    pieces: Iterable[tables.Piece] = tables.pieces(table.path, layout)
    whole = table.size
    if Path(table.path).suffix.lower() in OF_ROWS:
        pieces = list(pieces)  # of rows, known beforehand
        whole = max((piece.end for piece in pieces), default=0)
    for piece in pieces:
        yield TablePiece(table, piece, table.size * (piece.end - piece.start) // max(1, whole))
    if identity(table.path) != (table.size, table.changed_ns):
        raise changed_meanwhile(table.path)


def guarded(place: str, outcomes: Iterator[T]) -> Iterator[T | Failure]:
    """The outcomes of a place and, if it breaks, why there are no more: one broken file must not stop the others."""
    try:
        yield from outcomes
    except TaggerError as error:
        yield Failure(place, str(error))
    except Exception as error:  # noqa: BLE001 - nor may a file that nobody foresaw
        reason = f"{place}：处理时出错（{type(error).__name__}：{error}）。请把这个文件发给开发者。"
        yield Failure(place, reason)


def changed_meanwhile(path: str) -> InputError:
    """The error for a file that another program wrote while it was read."""
    found, advice = "标注时这个文件被改动了", "等它写完后重新标注"
    return InputError(path, found=found, expected="标注期间不变的文件", advice=advice)


def inputs_of(shard: Shard) -> tuple[Input, ...]:
    """The files that are read to work a shard."""
    match shard.load:
        case Documents(files):
            return files
        case TablePiece(table):
            return (table,)
        case _:
            return ()


def lost(shard: Shard) -> ShardResult:
    """The result of a shard that no process survives."""
    match shard.load:
        case DocumentsHead():
            places, counts = ["列名"], Counts()
        case Documents(files):
            places, counts = (
                [file.path for file in files],
                Counts(files=len(files), size=sum(file.size for file in files)),
            )
        case TablePiece(table, piece, size):
            places, counts = [f"{table.path}:第 {piece.line} 行起"], Counts(size=size)
        case TableHead(table, _):
            places, counts = [table.path], Counts(files=1)
        case Lost(failure):
            return ShardResult(shard.number, failures=[failure])
    reason = "进程意外终止，多半是内存不够；请把这一处单独标注一次"
    return ShardResult(shard.number, counts=counts, failures=[Failure(each, f"{each}：{reason}。") for each in places])
