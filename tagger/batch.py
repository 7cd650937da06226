"""Many files: gathered, tagged one by one, written together. A broken file is reported and the rest goes on."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import IO, TypeVar

from tagger.errors import InputError, OutputError, TaggerError
from tagger.tagging import Tagger
from tagger.writing import csv, jsonl
from tagger.writing.rows import Row, rows_of

T = TypeVar("T")
OUTPUTS: dict[str, ModuleType] = {"paragraphs.jsonl": jsonl, "paragraphs.csv": csv}
DOCUMENT_SUFFIXES = frozenset({".docx", ".doc", ".wps", ".pdf", ".txt", ".text", ".md", ".markdown"})


@dataclass(frozen=True, slots=True)
class FileResult:
    """What became of one file: its rows, or the reason why there are none."""

    path: Path
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
    on_result: Callable[[FileResult], None],
) -> Summary:
    """Tag files and write `paragraphs.jsonl` and `paragraphs.csv` into the folder `out`; old ones are replaced.

    The results appear whole or not at all. `on_result` is called after each file, in order. `jobs` > 1 shares the
    files among as many processes. Raises `OutputError` if `out` cannot be written, `ArtifactError` for a bad model.
    """
    Tagger.load(model)  # a bad model is reported before anything is done
    summary = Summary()
    with _outputs(Path(out)) as targets:
        for result in _results(paths, model, jobs):
            for writer, target in targets:
                for row in result.rows:
                    writer.write_row(target, row)
            summary.add(result)
            on_result(result)
    return summary


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
    tagger = _tagger(model)
    result = attempt(path, lambda: tuple(rows_of(tagger.tag_file(path), tagger.explain_theme)))
    return result if isinstance(result, FileResult) else FileResult(path, result)


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
def _outputs(folder: Path) -> Iterator[list[tuple[ModuleType, IO[str]]]]:
    """Open all outputs beside their place; put them there when everything is written, remove them if not."""
    parts = {folder / f".{name}.part": (folder / name, writer) for name, writer in OUTPUTS.items()}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with contextlib.ExitStack() as stack:
            targets: list[tuple[ModuleType, IO[str]]] = []
            for part, (_, writer) in parts.items():
                target = stack.enter_context(part.open("w", encoding=writer.ENCODING, newline=""))
                writer.write_header(target)
                targets.append((writer, target))
            yield targets
        for part, (place, _) in parts.items():
            part.replace(place)
    except OSError as error:
        raise OutputError(
            folder, found=f"写不进去（{error.strerror}）", expected="可以写入的文件夹", advice="检查权限和磁盘空间"
        ) from error
    finally:
        for part in parts:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
