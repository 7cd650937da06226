"""Many files: gathered, tagged one by one, written together. A broken file is reported and the rest goes on."""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import IO, Literal, TypeAlias, TypeVar

from tagger.errors import InputError, OutputError, TaggerError
from tagger.reading import DOCUMENT_SUFFIXES, ZIP_MAGIC
from tagger.records import TaggedDocument
from tagger.tagging import Tagger
from tagger.writing import csv, docx, html, jsonl, xlsx
from tagger.writing.rows import Row, rows_of

T = TypeVar("T")
OUTPUTS: dict[str, ModuleType] = {"paragraphs.jsonl": jsonl, "paragraphs.csv": csv}
REPORT, WORKBOOK = "report.html", "paragraphs.xlsx"
Extra: TypeAlias = Literal["report", "xlsx", "annotate"]
ANNOTATED = ".标注.docx"  # in place of the suffix of the file that was annotated


@dataclass(frozen=True, slots=True)
class FileResult:
    """What became of one file: the tagged document and its rows, or the reason why there are none."""

    path: Path
    document: TaggedDocument | None = None
    rows: tuple[Row, ...] = ()
    failure: str = ""


@dataclass(slots=True)
class Summary:
    """What a run did."""

    files: int = 0
    paragraphs: int = 0
    uncertain: int = 0
    themes: Counter[str] = field(default_factory=Counter)
    failures: list[FileResult] = field(default_factory=list)

    def add(self, result: FileResult) -> None:
        """Count one more file."""
        self.files += 1
        self.paragraphs += len(result.rows)
        self.uncertain += sum(row.uncertain for row in result.rows)
        self.themes.update(row.theme for row in result.rows)
        if result.failure:
            self.failures.append(result)


def gather(paths: Iterable[str | Path]) -> list[Path]:
    """The files to tag: files as given, folders searched for documents, in order of their names, none twice.

    Raises `InputError` if no path exists, a folder is closed to us, or there is no document at all.
    """
    given = list(map(Path, paths))
    found: dict[Path, Path] = {}  # by where they really are
    for path in given:
        if path.is_dir():
            for document in _documents_in(path):
                found.setdefault(document.absolute(), document)
        else:  # a missing file is reported when its turn comes
            found.setdefault(path.absolute(), path)
    if not any(path.exists() for path in given):
        raise InputError(given[0], found="没有这个文件或文件夹", expected="已有的路径", advice="检查路径有没有写错")
    if not found:
        names = "、".join(map(str, given))
        expected = "、".join(sorted(DOCUMENT_SUFFIXES)) + " 文件"
        raise InputError(names, found="里面没有文档", expected=expected, advice="换一个文件夹")
    return list(found.values())


def _documents_in(folder: Path) -> Iterator[Path]:
    closed: list[OSError] = []
    for parent, folders, names in os.walk(folder, onerror=closed.append):
        folders.sort()
        for name in sorted(names):
            path = Path(parent, name)
            hidden = name.startswith((".", "~$"))  # ~$: Word's lock files
            if not hidden and path.suffix.lower() in DOCUMENT_SUFFIXES:
                yield path
    for error in closed:
        if Path(error.filename) == folder:
            raise InputError(
                folder, found=f"打不开这个文件夹（{error.strerror}）", expected="可以读取的文件夹", advice="检查权限"
            ) from error
        yield Path(error.filename)  # reported as a failure when its turn comes


def tag_files(
    paths: Sequence[Path],
    out: str | Path,
    *,
    model: str | Path | None = None,
    jobs: int = 1,
    extras: Collection[Extra] = (),
    on_result: Callable[[FileResult], None],
) -> Summary:
    """Tag files and write `paragraphs.jsonl` and `paragraphs.csv` into the folder `out`; old ones are replaced.

    With "report" among the extras, an HTML page of all documents is written too, with "xlsx" a workbook, with
    "annotate" a copy of each Word file with colours and comments. The tables and the page appear whole or not at all,
    copies one by one. `on_result` is called after each file, in order. `jobs` > 1 shares the files among as many
    processes. Raises `OutputError` if `out` cannot be written, `ArtifactError` for a bad model.
    """
    tagger = _tagger(model)  # a bad model is reported before anything is done
    summary = Summary()
    documents: list[TaggedDocument] = []
    rows: list[Row] = []
    copies: set[Path] = set()
    with _outputs(Path(out), [*OUTPUTS] + [REPORT] * ("report" in extras)) as targets:
        for tagged in _results(paths, model, jobs):
            result = tagged
            if "annotate" in extras and tagged.document is not None:
                place = _copy_place(Path(out), tagged.path, copies)
                copying = attempt(
                    tagged.path, functools.partial(_annotate, tagged.path, tagged.document, place, tagger)
                )
                result = replace(tagged, failure=copying.failure) if isinstance(copying, FileResult) else tagged
            for name, writer in OUTPUTS.items():
                for row in result.rows:
                    writer.write_row(targets[name], row)
            if "xlsx" in extras:
                rows += result.rows
            if REPORT in targets and result.document is not None:
                documents.append(result.document)
            summary.add(result)
            on_result(result)
        if REPORT in targets:
            targets[REPORT].write(html.report(documents, tagger.explain_theme))
    if "xlsx" in extras:
        xlsx.write_xlsx(Path(out) / WORKBOOK, rows)
    return summary


def _copy_place(out: Path, path: Path, taken: set[Path]) -> Path:
    """Where the annotated copy of a file goes; files of one name in several folders get numbers."""
    names = (path.stem + (f".{number}" if number > 1 else "") + ANNOTATED for number in itertools.count(1))
    place = next(out / name for name in names if out / name not in taken)
    taken.add(place)
    return place


def _annotate(path: Path, document: TaggedDocument, place: Path, tagger: Tagger) -> None:
    """Write the annotated copy of a Word file; other files have none."""
    content = path.read_bytes()
    if not content.startswith(ZIP_MAGIC) or path.suffix.lower() != ".docx":
        return
    beside = place.with_name(f".{place.name}.part")
    try:
        beside.write_bytes(docx.annotate_docx(content, document, tagger.explain_theme))
        beside.replace(place)
    finally:
        beside.unlink(missing_ok=True)


def _results(paths: Sequence[Path], model: str | Path | None, jobs: int) -> Iterator[FileResult]:
    if jobs == 1 or len(paths) == 1:
        yield from (_tag_one(path, model) for path in paths)
        return
    from joblib import Parallel, delayed  # noqa: PLC0415 - only needed with several jobs

    workers = Parallel(n_jobs=jobs, return_as="generator")
    yield from workers(delayed(_tag_one)(path, model) for path in paths)


@cache
def _tagger(model: str | Path | None) -> Tagger:
    return Tagger.load(model)


def _tag_one(path: Path, model: str | Path | None) -> FileResult:
    def tag() -> FileResult:
        tagger = _tagger(model)
        document = tagger.tag_file(path)
        return FileResult(path, document, tuple(rows_of(document, tagger.explain_theme)))

    return attempt(path, tag)


def attempt(path: Path, work: Callable[[], T]) -> T | FileResult:
    """What the work gives, or why this file failed: one broken file must not stop the others."""
    try:
        return work()
    except TaggerError as error:
        return FileResult(path, failure=str(error))
    except Exception as error:  # noqa: BLE001 - nor may a file that nobody foresaw
        failure = f"{path}：读取时出错（{type(error).__name__}：{error}）。请把这个文件发给开发者。"
        return FileResult(path, failure=failure)


@contextlib.contextmanager
def _outputs(folder: Path, names: Sequence[str]) -> Iterator[dict[str, IO[str]]]:
    """Open all outputs beside their place; put them there when everything is written, remove them if not."""
    parts = {name: folder / f".{name}.part" for name in names}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with contextlib.ExitStack() as stack:
            targets: dict[str, IO[str]] = {}
            for name, part in parts.items():
                encoding = OUTPUTS[name].ENCODING if name in OUTPUTS else html.ENCODING
                targets[name] = stack.enter_context(part.open("w", encoding=encoding, newline=""))
            for name, writer in OUTPUTS.items():
                writer.write_header(targets[name])
            yield targets
        for name, part in parts.items():
            part.replace(folder / name)
    except OSError as error:
        raise OutputError(
            folder, found=f"写不进去（{error.strerror}）", expected="可以写入的文件夹", advice="检查权限和磁盘空间"
        ) from error
    finally:
        for part in parts.values():
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
