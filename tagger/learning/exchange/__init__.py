"""Label files in and out: Excel and CSV, doccano, Label Studio, fastText. One module a format.

What other programs hold is checked before it becomes labels (see `checking`): what is doubtful is listed with its place
and left out, the rest is imported. docs/exchange.md says what each format keeps.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from tagger.errors import FormatError, TaggerError, UsageError
from tagger.learning.exchange import doccano, fasttext, label_studio, sheets
from tagger.learning.exchange.checking import Documents, LabelFile, Standing, checked, paragraphs_at, signed, undisputed
from tagger.learning.exchange.entries import Accept, Entry, Problem, content_at, label_entries, text_at
from tagger.learning.labelling import append, document_items, latest, mend
from tagger.learning.labels import read_lines
from tagger.themes import Theme

if TYPE_CHECKING:
    from tagger.tagging import Tagger

__all__ = [
    "FORMATS",
    "Entry",
    "Format",
    "ImportOptions",
    "Imported",
    "Problem",
    "checked_labels",
    "export",
    "export_predictions",
    "format_of",
    "import_labels",
    "label_config",
    "read",
    "unlabelled",
]

Format: TypeAlias = Literal["xlsx", "csv", "doccano", "label-studio", "fasttext"]

FORMATS: tuple[Format, ...] = get_args(Format)
ZIP_MAGIC, OLE2_MAGIC = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
label_config = label_studio.label_config


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How a file is imported.

    `labeller` has labelled what the file does not say by whom. `documents` are those in which the paragraphs must
    stand; without them texts are taken as they are. `accept` says which proposals of `tagger tag` become labels though
    nobody wrote into 更正: none, those that are certain (as weak labels), or all, because a person has read them all.
    `first_is_primary` says that of several themes without an order the first is primary; with `replaces`, labels of
    the file that say otherwise are replaced.
    """

    labeller: str
    documents: Sequence[str | Path] = ()
    accept: Accept = ""
    first_is_primary: bool = False
    replaces: bool = False


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of the paragraphs of a file."""

    added: int  # lines, those that replace another label among them
    replaced: int
    known: int  # that said what the label file said already, or what another paragraph of this file says
    unlabelled: int
    problems: tuple[Problem, ...]


def format_of(path: str | Path) -> Format:
    """Which format a file has, by its content.

    Raises `InputError` if it cannot be read, `FormatError` if it is none of the formats.
    """
    content = content_at(path)
    if content.startswith(ZIP_MAGIC):
        return "xlsx"
    if content.startswith(OLE2_MAGIC):
        found, advice = "是旧版或加密的 Excel 文件", "打开后另存为不加密的 .xlsx 再试"
        raise FormatError(path, found=found, expected=".xlsx", advice=advice)
    text = text_at(path).lstrip()
    if text.startswith("["):
        return "label-studio"
    if text.startswith("{"):
        return _json_lines_format(path, text.partition("\n")[0])
    return "fasttext" if text.startswith(fasttext.PREFIX) else "csv"


def _json_lines_format(path: str | Path, line: str) -> Format:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        record = {}
    if "theme" in record:
        found = "是标注结果（paragraphs.jsonl）" if "probability" in record else "本来就是标注文件"
        advice = "改正 paragraphs.xlsx 里的“更正”，再读它" if "probability" in record else "直接拿它训练"
        raise FormatError(path, found=found, expected="别的软件导出的文件", advice=advice)
    return "doccano"


def read(
    path: str | Path, file_format: Format | Literal["auto"] = "auto", accept: Accept = ""
) -> Iterator[Entry | Problem]:
    """The paragraphs that a file of another program holds. Raises `InputError` if it cannot be read."""
    match format_of(path) if file_format == "auto" else file_format:
        case "xlsx":
            return sheets.read_xlsx(path, accept)
        case "csv":
            return sheets.read_csv(path, accept)
        case "doccano":
            return doccano.read_doccano(path)
        case "label-studio":
            return label_studio.read_label_studio(path)
        case "fasttext":
            return fasttext.read_fasttext(path)


def import_labels(
    path: str | Path,
    out: str | Path,
    themes: Sequence[Theme],
    options: ImportOptions,
    *,
    file_format: Format | Literal["auto"] = "auto",
) -> Imported:
    """Add the labels of a file to a label file, which need not be there; a line is on disk before the next is written.

    Raises `InputError`, `LabelError` or `MissingPackageError` if a file cannot be read, `OutputError` if the label file
    cannot be written; what was added by then is whole, and the same call goes on.
    """
    found = list(read(path, file_format, options.accept))
    results: list[Entry | Problem] = []
    documents = None
    if options.documents:
        paragraphs = list(paragraphs_at(options.documents))
        results += [Problem(each.subject, each.found) for each in paragraphs if isinstance(each, TaggerError)]
        documents = Documents(each for each in paragraphs if isinstance(each, Standing))
    names = [theme.name for theme in themes]
    for each in found:
        entry = documents.located(each) if documents is not None and isinstance(each, Entry) else each
        if isinstance(entry, Entry):
            entry = checked(entry, names, first_is_primary=options.first_is_primary)
        results.append(signed(entry, options.labeller) if isinstance(entry, Entry) and entry.themes else entry)
    return _added(Path(out), undisputed(results), len(results), options)


def _added(out: Path, results: Sequence[Entry | Problem], before: int, options: ImportOptions) -> Imported:
    labels = _label_file(out)
    problems: list[Problem] = []
    unlabelled = added = replaced = 0
    known = before - len(results)
    for each in results:
        if isinstance(each, Entry) and not each.themes:
            unlabelled += 1
            continue
        line = each if isinstance(each, Problem) else labels.added(each, replaces=options.replaces)
        if isinstance(line, Problem):
            problems.append(line)
        elif line is None:
            known += 1
        else:
            append(out, line)
            added += 1
            replaced += "supersedes" in line or "adjudicated" in line
    return Imported(added, replaced, known, unlabelled, tuple(problems))


def _label_file(out: Path) -> LabelFile:
    if not out.exists():
        return LabelFile(())
    mend(out)
    settled = (
        (str(record.get("document") or ""), str(record.get("text") or ""))
        for _, record in latest(read_lines(out))
        if record.get("adjudicated")
    )
    return LabelFile(label_entries([out]), settled)


def checked_labels(paths: Iterable[str | Path], themes: Sequence[Theme]) -> tuple[list[Entry], list[Problem]]:
    """The labels of label files that can be handed on, each once, and what is wrong with the others.

    Raises `LabelError` if a file cannot be read.
    """
    names = [theme.name for theme in themes]
    results = undisputed(checked(entry, names) for entry in label_entries(paths))
    good = [each for each in results if isinstance(each, Entry)]
    return good, [each for each in results if isinstance(each, Problem)]


def unlabelled(paths: Iterable[str | Path]) -> tuple[list[Entry], list[Problem]]:
    """The body paragraphs of documents, without labels; what cannot be read comes as a problem.

    Raises `InputError` if there is no document at all.
    """
    entries: list[Entry] = []
    problems: list[Problem] = []
    for item in document_items(paths):
        if isinstance(item, TaggerError):
            problems.append(Problem(item.subject, item.found))
        else:
            entries.append(
                Entry(item.document, item.text, document=item.document, title=item.title, headings=item.headings)
            )
    return entries, problems


def export(path: str | Path, file_format: Format, entries: Sequence[Entry], themes: Sequence[Theme]) -> None:
    """Write labels for another program; a file that is there is not replaced.

    Raises `UsageError` if there is one, `OutputError` if it cannot be written.
    """
    _check_free(path)
    match file_format:
        case "xlsx":
            sheets.write_xlsx(path, entries, themes)
        case "csv":
            sheets.write_csv(path, entries)
        case "doccano":
            doccano.write_doccano(path, entries)
        case "label-studio":
            label_studio.write_label_studio(path, entries)
        case "fasttext":
            fasttext.write_fasttext(path, entries)


def export_predictions(path: str | Path, entries: Sequence[Entry], tagger: Tagger) -> None:
    """Write paragraphs for Label Studio with what the model proposes. Raises as `export` does."""
    _check_free(path)
    headings = [(entry.title, *entry.headings) if entry.title else entry.headings for entry in entries]
    tags = tagger.tag_batch([entry.text for entry in entries], headings)
    label_studio.write_predictions(path, zip(entries, tags, strict=True), tagger.model_id)


def _check_free(path: str | Path) -> None:
    if Path(path).exists():
        found, advice = "已经有这个文件，里面可能有人工改过的标注", "换一个名字，或者先把它移走"
        raise UsageError(path, found=found, expected="还没有的文件", advice=advice)
