"""What a run reads: the files given and those found in folders, and how each was when the run was planned."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from tagger import tables
from tagger.errors import InputError, reason_of
from tagger.reading import DOCUMENT_SUFFIXES, is_hidden, read_all
from tagger.records import Source

ANNOTATED = ".标注.docx"  # in place of the suffix of the file that was annotated
TAGGED = ".标注"  # before the suffix of a table with tags
MAX_STEM_BYTES = 200  # of the name of an output: systems take 255, and some go to the number, suffix and `.part`
PAGES = ("report.html", "index.html")  # what we write ourselves, and could read


@dataclass(frozen=True, slots=True)
class Input:
    """A file that a run reads, as it was when the run was planned.

    `output` is the name of what is made of it alone, in the output folder: a table with tags, an annotated copy.
    """

    path: str
    size: int  # bytes; 0 if it cannot be looked at, which is reported when its turn comes
    changed_ns: int  # when it was last changed
    is_table: bool = False
    output: str = ""
    name: str = ""  # what it is called in the results, if not by its path


def inputs_at(paths: Iterable[str | Path], *, out: str | Path | None = None, in_tables: bool = False) -> list[Input]:
    """The files to tag and how they are now; found and refused as `gather` does."""
    return named([_looked_at(path) for path in gather(paths, out=out, in_tables=in_tables)])


def gather(paths: Iterable[str | Path], *, out: str | Path | None = None, in_tables: bool = False) -> list[Path]:
    """The files to tag: files as given, folders searched in order of their names, none twice.

    Folders are searched for documents or, with `in_tables`, for tables; what a run wrote into `out` is left out. Raises
    `InputError` if no path exists, a folder is closed to us, or there is nothing to tag at all.
    """
    suffixes = tables.SUFFIXES if in_tables else DOCUMENT_SUFFIXES
    given = list(map(Path, paths))
    found: dict[tuple[str, str], Path] = {}  # by where they are
    where = cache(os.path.realpath)  # of folders only: a link to a file is a file of its own
    for path in given:
        if path.is_dir():
            for each in _files_in(path, suffixes, None if out is None else os.path.realpath(out)):
                found.setdefault((where(each.parent), each.name), each)
        else:  # a missing file is reported when its turn comes
            found.setdefault((where(path.parent), path.name), path)
    if not any(path.exists() for path in given):
        raise InputError(given[0], found="没有这个文件或文件夹", expected="已有的路径", advice="检查路径有没有写错")
    if not found:
        names = "、".join(map(str, given))
        kind = "表格" if in_tables else "文档"
        expected = "、".join(sorted(suffixes)) + " 文件"
        raise InputError(names, found=f"里面没有{kind}", expected=expected, advice="换一个文件夹")
    return list(found.values())


def sources_at(paths: Iterable[str | Path]) -> Iterator[Source | InputError]:
    """The documents of files and folders, in order; what cannot be read comes as its error.

    Raises `InputError` if there is no document at all.
    """
    for path in gather(paths):
        yield from read_all(path)


def _files_in(folder: Path, suffixes: frozenset[str], out: str | None) -> Iterator[Path]:
    closed: list[OSError] = []
    for parent, folders, names in os.walk(folder, onerror=closed.append):
        folders[:] = sorted(name for name in folders if not is_hidden(name))
        ours = os.path.realpath(parent) == out
        for name in sorted(names):
            path = Path(parent, name)
            if not is_hidden(name) and path.suffix.lower() in suffixes and not (ours and _is_output(path)):
                yield path
    for error in closed:
        if Path(error.filename) == folder:
            raise InputError(
                folder, found=f"打不开这个文件夹（{reason_of(error)}）", expected="可以读取的文件夹", advice="检查权限"
            ) from error
        yield Path(error.filename)  # reported as a failure when its turn comes


def _is_output(path: Path) -> bool:
    return path.name in PAGES or path.name.startswith("paragraphs.") or path.stem.endswith(TAGGED)


def _looked_at(path: Path) -> Input:
    size, changed_ns = identity(path) or (0, 0)
    return Input(str(path), size, changed_ns, is_table=tables.is_table(path))


def identity(path: str | Path) -> tuple[int, int] | None:
    """Size and time of the last change; None if the file cannot be looked at."""
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns


def named(inputs: Sequence[Input]) -> list[Input]:
    """The inputs with the names of their outputs; those of one name in several folders get numbers.

    So do those that differ in case only, which are one file to some systems.
    """
    taken = {""}
    return [replace(each, output=_free_name(each, taken)) for each in inputs]


def _free_name(each: Input, taken: set[str]) -> str:
    path = Path(each.path)
    if each.is_table:
        suffix = TAGGED + tables.suffix_of(path)
    elif path.suffix.lower() == ".docx":
        suffix = ANNOTATED
    else:
        return ""
    numbers = itertools.chain([""], (f".{number}" for number in itertools.count(2)))
    stem = _shortened(path.stem)
    name = next(name for number in numbers if (name := f"{stem}{number}{suffix}").casefold() not in taken)
    taken.add(name.casefold())
    return name


def _shortened(stem: str) -> str:
    """As much of a name as there is room for."""
    while len(os.fsencode(stem)) > MAX_STEM_BYTES:
        stem = stem[:-1]
    return stem
